"""What the log of a switch of tests.freeswitch.own_switch says about its channels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Leg:
    """One channel as the switch's log has it; ``until`` is infinite for one that its death ended."""

    call_uuid: str
    number: str
    since: float
    until: float


def legs(log: str) -> list[Leg]:
    """Every channel that the switch has ever had."""
    begun: dict[str, tuple[str, float]] = {}
    ended: dict[str, float] = {}
    moment = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)"
    for at, number, uuid in re.findall(rf"{moment}.* New Channel sofia/external/(\S+) \[(\S+)\]", log):
        assert uuid not in begun, f"two channels of {uuid}"
        begun[uuid] = number, _seconds(at)
    for uuid, at in re.findall(rf"^(\S+) {moment}.* Hangup sofia/external/", log, re.MULTILINE):
        ended.setdefault(uuid, _seconds(at))
    return [Leg(uuid, number, since, ended.get(uuid, float("inf"))) for uuid, (number, since) in begun.items()]


def _seconds(written: str) -> float:
    return datetime.fromisoformat(written).astimezone().timestamp()


def most_at_once(legs: Iterable[Leg], died: float = float("inf")) -> int:
    """Of channels that were up together; those that nobody hung up were until the switch died."""
    steps = [(leg.since, 1) for leg in legs] + [(min(leg.until, max(died, leg.since)), -1) for leg in legs]
    most = up = 0
    for _at, step in sorted(steps):
        up += step
        most = max(most, up)
    return most


def most_within(starts: Iterable[float], seconds: float) -> int:
    """Of moments, the most that fall into so many seconds."""
    found = sorted(starts)
    return max(sum(1 for other in found[i:] if other < start + seconds) for i, start in enumerate(found))
