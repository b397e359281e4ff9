"""How many calls may be started, and where. 0 is no limit everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

# Calls are claimed up to this long before the moment at which their turn comes: late ticks then cost no throughput.
AHEAD = timedelta(seconds=0.5)


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
