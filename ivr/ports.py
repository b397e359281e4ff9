"""What the IVR asks of the world: a journal that keeps, prompts that sound. Protocols only, no I/O and no loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from fs_app.clock import Clock
from fs_app.domain.calls import Answer, CallContext, Effect
from fs_app.domain.enums import IvrEnd, WhoAnswered
from fs_app.switch.channel import Channel
from ivr.dialogue import Prompt


class Journal(Protocol):
    """What is on record about calls. Methods return once it is committed; ``now`` is aware, in UTC.

    All raise StoreUnavailable when the database does not answer; nothing has been written then.
    """

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        """The call's survey and what is already on record; None when the call is not (or no longer) ours."""
        ...

    def save_answer(self, call_uuid: str, answer: Answer, now: datetime, effects: Sequence[Effect] = ()) -> None:
        """The answer and what it brings about, in one transaction; the same position again changes nothing."""
        ...

    def reached(self, call_uuid: str, section_id: int, completed: bool, now: datetime) -> None: ...

    def who_answered(self, call_uuid: str, who: WhoAnswered, reason: str, ms: int, now: datetime) -> None:
        """What was decided, why, and after how many ms of the callee's audio. Said again, the last one holds."""
        ...

    def message_left(self, call_uuid: str, now: datetime) -> None:
        """A machine has taken the whole message."""
        ...

    def ended(self, call_uuid: str, end: IvrEnd, reason: str, now: datetime) -> None: ...


class Prompts(Protocol):
    """Prompts as files the switch can play. Methods block the call that asks, and only that one."""

    def path(self, prompt: Prompt) -> str:
        """A file with that sound in it, made now if there is none. Raises PromptError."""
        ...

    def file(self, prompt: Prompt) -> str:
        """The same as a file on disk, for where the switch plays files only. Raises PromptError."""
        ...

    def require(self, prompts: Iterable[Prompt]) -> None:
        """Make what is missing of these. Raises PromptError when one cannot be made."""
        ...

    def warm(self, prompts: Iterable[Prompt]) -> None:
        """As ``require``, but failures are only logged."""
        ...

    def recording(self, name: str) -> str:
        """Where the switch writes a recording of that name (letters, digits and ``-``): a path without a file."""
        ...

    def apology(self, language: str) -> str:
        """The apology's file; needs nothing that could break."""
        ...


Background = Callable[[Callable[[], None]], None]
"""Runs the function soon, beside the call: a greenlet in the service, a thread inside FreeSWITCH."""

Answering = Callable[[Channel, CallContext, Journal, Prompts, Clock], bool]
"""Who answered? True: the survey goes on. False: the call has been dealt with, and what there is to book is booked."""


def never(_work: Callable[[], None]) -> None:
    """A Background that does nothing: what would have been made ahead is made when it is needed."""
