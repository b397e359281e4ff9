"""Hang-up: says its words, where it has any, and ends the call. The survey has then come to its own end."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.enums import AlarmResult
from ivr.dialogue import Leave, Move, Play, Prompt, Reply, Turn, Wait


class HangUpNow:
    results: Mapping[str, AlarmResult] = MappingProxyType({})

    def enter(self, turn: Turn) -> Move:
        prompts = turn.prompt()
        return Wait(Play(prompts)) if prompts else Leave(())

    def reply(self, turn: Turn, reply: Reply) -> Move:
        return Leave(())

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        return turn.prompt()
