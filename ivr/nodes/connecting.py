"""What transfers and conferences have in common: the number to ring, and what is said when nobody is there."""

from __future__ import annotations

from fs_app.domain.calls import CallContext
from fs_app.domain.phone import is_sip_uri, normalise_number, through_gateway
from fs_app.domain.survey import TIMEOUT
from fs_app.errors import InvalidInput
from ivr.dialogue import Entry, Leave, Move, Play, Prompt, TransferCall, TransferOver, Turn, Wait
from ivr.words import nobody_there, one_moment

JOINED = ("0", TIMEOUT)
NOT_JOINED = (TIMEOUT, "0")
FAILED = "failed"


def target_of(turn: Turn) -> str:
    """Whom the section transfers to: the event's ``transfer_phonenumber``, else its own; "" when that is no number."""
    override = turn.call.tags.get("transfer_phonenumber", "").strip()
    if not override and is_sip_uri(turn.section.phonenumber):
        return turn.section.phonenumber  # whoever sealed it was allowed to write it; event data never is
    return dialled(override or turn.section.phonenumber, turn.call)


def dialled(number: str, call: CallContext) -> str:
    """The number as the call's gateway wants it; "" for what is no number.

    >>> from fs_app.domain.survey import Survey
    >>> dialled("+1 555 0100", CallContext("u", Survey("s", ()), {}, "en", removeprefix="+1"))
    '5550100'
    """
    try:
        return through_gateway(normalise_number(number), call.addprefix, call.removeprefix)
    except InvalidInput:
        return ""


def excuse(turn: Turn, response: str) -> Move:
    """Nobody to talk to: the callee is told, and then leaves by :func:`after_excuse`."""
    return Wait(Play(excuse_words(turn)), turn.attempt + 1, Entry("", False, response))


def excuse_words(turn: Turn) -> tuple[Prompt, ...]:
    return turn.invalid() or (nobody_there(turn.language),)


def after_excuse() -> Leave:
    return Leave(NOT_JOINED)


def reschedule(turn: Turn) -> TransferCall | None:
    """The transfer that a rescheduled result brings about; None where the alarm names no number."""
    number = dialled(turn.call.phonenumber_transfer, turn.call) if turn.call.phonenumber_transfer else ""
    return TransferCall(number, (one_moment(turn.language),)) if number else None


def entry_of(over: TransferOver) -> Entry:
    """What a transfer leaves on record."""
    return Entry("", over.outcome == "connected", over.outcome)
