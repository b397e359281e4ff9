"""A journal kept in memory, which can be told to break."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fs_app.domain.calls import Answer, CallContext, Effect
from fs_app.domain.enums import IvrEnd, WhoAnswered
from fs_app.errors import StoreUnavailable


class MemoryJournal:
    """``broken`` names methods that raise StoreUnavailable. ``tape`` may be shared with a channel, to see the order."""

    def __init__(
        self, *contexts: CallContext, broken: frozenset[str] = frozenset(), tape: list[tuple[Any, ...]] | None = None
    ) -> None:
        self.contexts = {context.call_uuid: context for context in contexts}
        self.broken = broken
        self.tape: list[tuple[Any, ...]] = [] if tape is None else tape
        self.answers: list[Answer] = []
        self.effects: list[Effect] = []
        self.sections: list[tuple[int, bool]] = []
        self.ends: list[tuple[IvrEnd, str]] = []
        self.answered: list[tuple[WhoAnswered, str, int]] = []
        self.messages = 0
        self.times: set[datetime] = set()

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        self._write("open_call", now)
        return self.contexts.get(call_uuid)

    def save_answer(self, call_uuid: str, answer: Answer, now: datetime, effects: Sequence[Effect] = ()) -> None:
        self._write("save_answer", now, call_uuid, answer.digits)
        self.answers.append(answer)
        self.effects += effects

    def reached(self, call_uuid: str, section_id: int, completed: bool, now: datetime) -> None:
        self._write("reached", now, call_uuid, section_id)
        self.sections.append((section_id, completed))

    def who_answered(self, call_uuid: str, who: WhoAnswered, reason: str, ms: int, now: datetime) -> None:
        self._write("who_answered", now, call_uuid, who)
        self.answered.append((who, reason, ms))

    def message_left(self, call_uuid: str, now: datetime) -> None:
        self._write("message_left", now, call_uuid)
        self.messages += 1

    def ended(self, call_uuid: str, end: IvrEnd, reason: str, now: datetime) -> None:
        self._write("ended", now, call_uuid, end)
        self.ends.append((end, reason))

    def _write(self, method: str, now: datetime, *what: Any) -> None:
        if method in self.broken:
            raise StoreUnavailable("the database does not answer")
        self.times.add(now)
        self.tape.append((method, *what[1:]))
