"""A channel with a scripted callee, after the Channel protocol: type-ahead buffer, barge-in, hang-up at any moment.

No time passes in it: a script says what the callee does during the first play or gather, the second, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fs_app.switch.channel import ChannelHungUp, EndedBy, Gathered, Played, check_gather, entry


@dataclass(frozen=True)
class During:
    """What happens during one play or gather: keys, then perhaps a hang-up. ``missing``: a file cannot be played."""

    keys: str = ""
    hang_up: bool = False
    cause: str = "NORMAL_CLEARING"
    missing: bool = False


class ScriptedChannel:
    """After the last moment of its script the callee listens and does nothing."""

    def __init__(self, *script: During, tape: list[tuple[Any, ...]] | None = None, uuid: str = "call-1") -> None:
        self.uuid = uuid
        self.hung_up = False
        self.cause = ""  # of the hang-up
        self.heard: list[list[str]] = []
        self.tape: list[tuple[Any, ...]] = [] if tape is None else tape
        self._script = list(script)
        self._keys = ""

    def variable(self, name: str) -> str | None:
        return None

    def answer(self) -> None:
        self._alive()
        self.tape.append(("answer",))

    def play(self, files: Sequence[str]) -> Played:
        if self._keys or not files:
            return Played(interrupted=bool(self._keys))
        self._alive()
        self.tape.append(("play", *files))
        self.heard.append(list(files))
        moment = self._during()
        if self.hung_up and not self._keys:
            raise ChannelHungUp(self.cause)
        return Played(interrupted=bool(self._keys), missing=moment.missing)

    def gather(
        self,
        files: Sequence[str],
        *,
        maximum: int,
        timeout: float,
        minimum: int = 1,
        interdigit: float = 2.0,
        terminators: str = "#",
    ) -> Gathered:
        check_gather(maximum, minimum, timeout, interdigit)
        digits, used, ended_by = self._entry(maximum, minimum, terminators)
        moment = During()
        if ended_by is None and not self.hung_up and (files or timeout):
            self.tape.append(("gather", *files))
            self.heard.append(list(files))
            moment = self._during()
            digits, used, ended_by = self._entry(maximum, minimum, terminators)
        if ended_by is None:
            if self.hung_up and not digits:
                raise ChannelHungUp(self.cause)
            ended_by = "hangup" if self.hung_up else "timeout"
        self._keys = self._keys[used:]
        return Gathered(digits, ended_by, moment.missing)

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        self.tape.append(("hangup",))
        if not self.hung_up:
            self.hung_up, self.cause = True, cause

    def _entry(self, maximum: int, minimum: int, terminators: str) -> tuple[str, int, EndedBy | None]:
        return entry(self._keys, maximum=maximum, minimum=minimum, terminators=terminators)

    def _during(self) -> During:
        moment = self._script.pop(0) if self._script else During()
        self._keys += moment.keys
        if moment.hang_up:
            self.hung_up, self.cause = True, moment.cause
        return moment

    def _alive(self) -> None:
        if self.hung_up:
            raise ChannelHungUp(self.cause)
