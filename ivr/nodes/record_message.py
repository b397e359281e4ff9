"""Record message: asks, beeps, and keeps what the callee says. A message in which nothing is said is no message."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.calls import KeepRecording
from fs_app.domain.enums import AlarmResult
from fs_app.domain.survey import TIMEOUT
from ivr.dialogue import Entry, Leave, MessageRecorded, Move, Prompt, RecordMessage, Reply, Turn, Wait

RECORDED = "recorded"  # the response in reports


class RecordAMessage:
    """Leaves by ``0`` with a message, by ``timeout`` without; each stands in for the other where it has no branch."""

    results: Mapping[str, AlarmResult] = MappingProxyType({})

    def enter(self, turn: Turn) -> Move:
        return Wait(_ask(turn, turn.prompt()))

    def reply(self, turn: Turn, reply: Reply) -> Move:
        if isinstance(reply, MessageRecorded) and reply.spoken:
            kept = (KeepRecording(reply.path),)
            return Leave(("0", TIMEOUT), Entry(reply.key, True, RECORDED, reply.seconds, kept))
        if turn.attempt < turn.section.retries:
            return Wait(_ask(turn, _again(turn)), turn.attempt + 1)
        return Leave((TIMEOUT, "0"), Entry("", valid=False))

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        return _again(turn)


def _again(turn: Turn) -> tuple[Prompt, ...]:
    return turn.invalid() + turn.prompt()


def _ask(turn: Turn, prompts: tuple[Prompt, ...]) -> RecordMessage:
    return RecordMessage(prompts, turn.section.record_seconds, turn.section.record_silence)
