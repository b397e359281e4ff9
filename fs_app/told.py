"""What happens in calls, told to whoever asked: the journal and the prompts of a process, and its log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from fs_app.domain.calls import Answer, CallContext, Effect
from fs_app.domain.enums import IvrEnd, WhoAnswered
from fs_app.store.journal import CallJournal
from ivr.dialogue import Prompt, Speech
from ivr.prompts import Prompts
from scheduler.observer import Observer, unobserved

log = logging.getLogger(__name__)


def log_call(what: str, call_uuid: str, details: Mapping[str, object]) -> None:
    """The observer of a server: each thing that happens in a call is one line of the log."""
    said = " ".join(f"{name}={value}" for name, value in details.items() if value not in ("", None))
    log.info("call %s: %s %s", call_uuid or "-", what, said)


class ToldJournal:
    """The call journal; also tells the observer what was pressed, and the scheduler when a survey has ended."""

    def __init__(
        self,
        journal: CallJournal,
        ended: Callable[[str], None],
        resulted: Callable[[], None],
        observer: Observer,
    ) -> None:
        self._journal = journal
        self._ended = ended
        self._resulted = resulted
        self._observe = observer
        self.preview = journal.preview
        self.open_callback = journal.open_callback
        self.message_left = journal.message_left
        self.load_audio = journal.load_audio

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        context = self._journal.open_call(call_uuid, now)
        self._observe("survey starts", call_uuid, {})
        return context

    def reached(self, call_uuid: str, section_id: int, completed: bool, now: datetime) -> None:
        self._journal.reached(call_uuid, section_id, completed, now)
        self._observe("section", call_uuid, {"section": section_id})

    def save_answer(self, call_uuid: str, answer: Answer, now: datetime, effects: Sequence[Effect] = ()) -> None:
        self._journal.save_answer(call_uuid, answer, now, effects)
        if answer.valid and answer.result:
            self._resulted()
        self._observe("key", call_uuid, {"digits": answer.digits, "valid": answer.valid, "result": answer.result})

    def who_answered(self, call_uuid: str, who: WhoAnswered, reason: str, ms: int, now: datetime) -> None:
        self._journal.who_answered(call_uuid, who, reason, ms, now)
        self._observe("who answered", call_uuid, {"who": who.value, "reason": reason, "ms": ms})

    def ended(self, call_uuid: str, end: IvrEnd, reason: str, now: datetime) -> None:
        self._journal.ended(call_uuid, end, reason, now)
        self._observe("survey ended", call_uuid, {"end": end.value, "reason": reason})
        self._ended(call_uuid)


class ToldPrompts(Prompts):
    """Prompts; tells the observer the words that are about to be spoken."""

    observe: Observer = staticmethod(unobserved)

    def path(self, prompt: Prompt) -> str:
        path = super().path(prompt)
        words = prompt.text if isinstance(prompt, Speech) else f"recording {prompt.sha256[:12]}"
        self.observe("words", "", {"words": words, "path": path})
        return path
