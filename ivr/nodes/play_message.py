"""Play message: says its words and goes on by branch ``0``, else ``timeout``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.enums import AlarmResult
from fs_app.domain.survey import TIMEOUT
from ivr.dialogue import Leave, Move, Play, Prompt, Reply, Turn, Wait


class PlayMessage:
    results: Mapping[str, AlarmResult] = MappingProxyType({})

    def enter(self, turn: Turn) -> Move:
        prompts = turn.prompt()
        # A script of nothing but unknown tags leaves nothing to say; silence is not worth waiting for.
        return Wait(Play(prompts)) if prompts else Leave(("0", TIMEOUT))

    def reply(self, turn: Turn, reply: Reply) -> Move:
        return Leave(("0", TIMEOUT))

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        return turn.prompt()
