"""SMS: sends its text to ``data.sms_phonenumber``, else to the callee, and says its words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.calls import SendSms
from fs_app.domain.enums import AlarmResult
from fs_app.domain.phone import normalise_number
from fs_app.domain.survey import TIMEOUT
from fs_app.errors import InvalidInput
from ivr.dialogue import Entry, Leave, Move, Play, Prompt, Reply, Turn, Wait

SENT, FAILED = "sent", "failed"  # the responses in reports
_TEXT_MAX = 1600  # characters


class Sms:
    """Once in a call, however often the section is reached. Leaves by ``0``, or by ``timeout`` when there was no number
    or no text; each stands in for the other where it has no branch. Its words are said only when it is sent."""

    results: Mapping[str, AlarmResult] = MappingProxyType({})

    def enter(self, turn: Turn) -> Move:
        number, text = _number(turn), turn.message()[:_TEXT_MAX]
        if not number or not text:
            return Leave((TIMEOUT, "0"), Entry("", False, FAILED))
        key = f"section-{turn.call.call_uuid}-{turn.section.id}"
        entry = Entry("", True, SENT, effects=(SendSms(number, text, key),))
        prompts = turn.prompt()
        return Wait(Play(prompts), entry=entry) if prompts else Leave(("0", TIMEOUT), entry)

    def reply(self, turn: Turn, reply: Reply) -> Move:
        return Leave(("0", TIMEOUT))

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        return turn.prompt()


def _number(turn: Turn) -> str:
    # A number that the event names and that is none is not made up for by another: it may be meant for somebody else.
    try:
        return normalise_number(turn.call.tags.get("sms_phonenumber", "").strip() or turn.call.phone_number)
    except InvalidInput:
        return ""
