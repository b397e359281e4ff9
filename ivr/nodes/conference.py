"""Conference: says its words and takes the callee into a room, whose name is one manager's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.enums import AlarmResult
from ivr.dialogue import ConferenceOver, Entry, JoinConference, Leave, Move, Prompt, Reply, Turn, Wait
from ivr.nodes.connecting import FAILED, JOINED, after_excuse, excuse, excuse_words

IN_ROOM = "joined"  # the response in reports


class Conference:
    """Leaves by ``0`` after the room, by ``timeout`` when it could not be entered, which the callee is told first."""

    results: Mapping[str, AlarmResult] = MappingProxyType({})

    def enter(self, turn: Turn) -> Move:
        return Wait(JoinConference(turn.prompt(), room_of(turn)))

    def reply(self, turn: Turn, reply: Reply) -> Move:
        if not isinstance(reply, ConferenceOver):
            return after_excuse()
        return Leave(JOINED, Entry("", True, IN_ROOM)) if reply.joined else excuse(turn, FAILED)

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        return turn.prompt() + excuse_words(turn)


def room_of(turn: Turn) -> str:
    """The room on the switch: two managers who use one name do not meet."""
    return f"fs-app-{turn.call.manager_id or 0}-{turn.section.conference}"
