"""Call transfer: rings somebody and connects the callee; its words are what the callee hears while it rings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.enums import AlarmResult
from ivr.dialogue import Leave, Move, Prompt, Reply, TransferCall, TransferOver, Turn, Wait
from ivr.nodes.connecting import FAILED, JOINED, NOT_JOINED, after_excuse, entry_of, excuse, excuse_words, target_of


class CallTransfer:
    """Leaves by ``0`` after they have talked, by ``timeout`` when nobody was there, which the callee is told first, or
    when the callee did not want to wait; each stands in for the other where it has no branch."""

    results: Mapping[str, AlarmResult] = MappingProxyType({})

    def enter(self, turn: Turn) -> Move:
        target, section = target_of(turn), turn.section
        if not target:
            return excuse(turn, FAILED)
        confirm = turn.speech(section.confirm_script) if section.confirm_key else ()
        return Wait(TransferCall(target, turn.prompt(), confirm, section.confirm_key))

    def reply(self, turn: Turn, reply: Reply) -> Move:
        if not isinstance(reply, TransferOver):
            return after_excuse()
        if reply.outcome == "connected":
            return Leave(JOINED, entry_of(reply))
        if reply.outcome == "left":
            return Leave(NOT_JOINED, entry_of(reply))
        return excuse(turn, reply.outcome)

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        return turn.prompt() + turn.speech(turn.section.confirm_script) + excuse_words(turn)
