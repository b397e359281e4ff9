"""DNC: the callee's number is never called again by anyone of that manager, and the callee hears so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.calls import OptOut
from fs_app.domain.enums import AlarmResult
from fs_app.domain.survey import TIMEOUT
from ivr.dialogue import Entry, Leave, Move, Play, Prompt, Reply, Turn, Wait
from ivr.words import never_again

OPTED_OUT = "opted out"  # the response in reports


class DoNotCall:
    """On record before a word is said. Goes on by ``0``, else ``timeout``, where it has such a branch."""

    results: Mapping[str, AlarmResult] = MappingProxyType({})

    def enter(self, turn: Turn) -> Move:
        return Wait(Play(self.words(turn)), entry=Entry("", True, OPTED_OUT, effects=(OptOut(turn.call.phone_number),)))

    def reply(self, turn: Turn, reply: Reply) -> Move:
        return Leave(("0", TIMEOUT))

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        return turn.prompt() or (never_again(turn.language),)
