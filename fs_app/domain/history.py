"""What is on record about one alarm: the values that an explanation is made of. All moments are aware, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fs_app.domain.alarms import DueAlarm
from fs_app.domain.enums import AlarmResult, AlarmStatus, MessageStatus, Outcome


@dataclass(frozen=True, slots=True)
class Attempt:
    """One claim of the alarm. ``outcome`` is None while the call is up, ``message`` unless it is a message."""

    number: int
    at: datetime
    reason: str
    outcome: Outcome | None = None
    dialled: bool = False
    inbound: bool = False
    pressed: str = ""
    seconds: int = 0
    message: MessageStatus | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a short message."""

    at: datetime
    sender: str
    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class History:
    """``planned`` is when the first attempt was or is due; ``advance_notice`` is in seconds; ``master``: its event is
    a series, whose occurrences have reminders of their own."""

    due: DueAlarm
    status: AlarmStatus
    result: AlarmResult
    reason: str
    due_at: datetime | None
    planned: datetime
    advance_notice: int
    num_attempt: int
    master: bool
    attempts: tuple[Attempt, ...]
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence of the trace; ``at`` (aware, UTC) is when, None for what always holds."""

    at: datetime | None
    words: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """``next_at`` is when something is done next, None when nothing will be, or nobody can say when."""

    trace: tuple[Told, ...]
    next: str
    next_at: datetime | None

    @property
    def text(self) -> str:
        return "\n".join([*(told.words for told in self.trace), self.next])
