"""A survey gone through without a telephone: what would be heard and recorded, key by key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fs_app.domain.enums import AlarmResult
from fs_app.domain.survey import Survey

SILENCE = "-"  # in the place of keys: none was pressed in time


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happens. ``kind``: words are spoken, a recording (its SHA-256) is played, keys are pressed (a
    valid or an invalid entry, or none), something else is done, the call ends."""

    kind: Literal["words", "recording", "valid", "invalid", "silence", "does", "end"]
    text: str
    section_id: int
    result: AlarmResult | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``waits_for`` is how many keys the callee may press now; 0 when the call is over. ``section_id`` is where it
    stands."""

    lines: tuple[Line, ...]
    waits_for: int
    section_id: int


Rehearse = Callable[[Survey, Mapping[str, str], Sequence[str]], Rehearsal]
