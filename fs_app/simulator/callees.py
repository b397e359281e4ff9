"""Callees without a telephone: small scripts, chosen by the number that was dialled.

Times are seconds after the answer (``ring`` and ``Talk.seconds`` are lengths); the simulator's ``speed`` divides them.
The built-in ones go by the number's last four digits, so +4915550001 behaves as 0001:

====  =========================================================================
0001  answers, listens, presses 1 three seconds in, and stays until we hang up
0002  the same with 2
0003  the same with 3
0005  presses 7 (which no sensible survey offers), then 1 four seconds later
0009  answers, never presses anything, waits for us to hang up
0011  busy
0012  rings and is never answered
0013  rejects the call after one second of ringing
0014  the number is not allocated
0015  answers and hangs up after 2.5 seconds, during the prompt
0016  presses 1 after two seconds and hangs up in the same instant
0017  a machine: greets for five seconds, beeps at 6, hangs up after 60
0018  the trunk is congested
====  =========================================================================

Any other number behaves as 0001.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fs_app.errors import ConfigError
from fs_app.simulator.audio import read_recording


@dataclass(frozen=True, slots=True)
class Press:
    """Presses these keys, one after the other, starting ``at`` seconds after the answer."""

    keys: str
    at: float


@dataclass(frozen=True, slots=True)
class HangUp:
    at: float
    cause: str = "NORMAL_CLEARING"


@dataclass(frozen=True, slots=True)
class Talk:
    """Makes a sound for ``seconds``: what a recording of the callee contains beside silence."""

    at: float
    seconds: float


Action = Press | HangUp | Talk


@dataclass(frozen=True, slots=True)
class Callee:
    """``ring`` seconds of ringing (0: none at all), then an answer, or the end with ``cause``.

    One that neither answers nor has a cause rings until the caller gives up. ``audio`` is a WAVE file (8000 Hz, 16
    bits, mono) that the callee plays into the call from the answer on.
    """

    ring: float = 0.4
    answer: bool = True
    actions: tuple[Action, ...] = ()
    cause: str = ""
    audio: str = ""

    def rings(self) -> float:
        """Seconds until it answers or refuses; without end where it does neither."""
        return self.ring if self.answer or self.cause else math.inf

    def in_order(self) -> list[Action]:
        return sorted(self.actions, key=lambda action: action.at)


BUILT_IN: Mapping[str, Callee] = {
    "0001": Callee(actions=(Press("1", at=3.0),)),
    "0002": Callee(actions=(Press("2", at=3.0),)),
    "0003": Callee(actions=(Press("3", at=3.0),)),
    "0005": Callee(actions=(Press("7", at=3.0), Press("1", at=7.0))),
    "0009": Callee(),
    "0011": Callee(ring=0, answer=False, cause="USER_BUSY"),
    "0012": Callee(answer=False),
    "0013": Callee(ring=1.0, answer=False, cause="CALL_REJECTED"),
    "0014": Callee(ring=0, answer=False, cause="UNALLOCATED_NUMBER"),
    "0015": Callee(actions=(HangUp(at=2.5),)),
    "0016": Callee(actions=(Press("1", at=2.0), HangUp(at=2.0))),
    "0017": Callee(actions=(Talk(at=0.3, seconds=5.0), Talk(at=6.0, seconds=0.5), HangUp(at=60.0))),
    "0018": Callee(ring=0, answer=False, cause="NORMAL_CIRCUIT_CONGESTION"),
}


def choose(number: str, own: Mapping[str, Callee]) -> Callee:
    """The script for a dialled number: the whole number in ``own`` first, then the table above."""
    return own.get(number) or BUILT_IN.get(number[-4:]) or BUILT_IN["0001"]


def load(path: Path) -> dict[str, Callee]:
    """Callees from a JSON file: ``{"0049123": {"ring": 1, "actions": [{"press": "1", "at": 2}]}}``.

    An action is ``{"press": keys, "at": s}``, ``{"hangup": cause, "at": s}`` or ``{"talk": seconds, "at": s}``.
    Raises ConfigError naming the number whose script cannot be read.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: give one JSON object, number to script")
    callees: dict[str, Callee] = {}
    for number, script in table.items():
        try:
            if script.get("audio"):
                read_recording(str(script["audio"]))
            actions = tuple(_action(item) for item in script.get("actions", ()))
            callees[number] = Callee(
                ring=float(script.get("ring", 0.4)),
                answer=bool(script.get("answer", "cause" not in script)),
                actions=actions,
                cause=str(script.get("cause", "")),
                audio=str(script.get("audio", "")),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"{path}: the script of {number} is not readable: {error!r}") from error
    return callees


def _action(item: Mapping[str, object]) -> Action:
    at = float(str(item["at"]))
    if "press" in item:
        return Press(str(item["press"]), at)
    if "talk" in item:
        return Talk(at, float(str(item["talk"])))
    return HangUp(at, str(item["hangup"]) or "NORMAL_CLEARING")
