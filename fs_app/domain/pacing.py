"""How many calls may be started, and where. 0 is no limit everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

# Calls are claimed up to this long before they are due and their turn comes, and their first words are made then: what
# that takes is not waited for, and a late tick costs no throughput.
AHEAD = timedelta(seconds=0.5)
# A claim is made when something is due within this time. Being shorter, it makes one claim of many.
LEAD = AHEAD / 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Of the whole installation: all schedulers of one database together. Rates in calls per second."""

    calls_per_second: float = 0
    max_calls: int = 0
    switch_calls_per_second: float = 0
    switch_max_calls: int = 0


@dataclass(frozen=True, slots=True)
class Pacing:
    """What a claim must keep to: the limits, and which switches are up here. No switch: whoever dials chooses one."""

    limits: Limits = field(default_factory=Limits)
    switches: tuple[str, ...] = ()


UNPACED = Pacing()
