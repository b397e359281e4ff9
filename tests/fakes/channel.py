"""A channel with a scripted callee, after the Channel protocol: type-ahead buffer, barge-in, hang-up at any moment.

No time passes in it: a script says what the callee does during the first play or gather, the second, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fs_app.switch.channel import (
    ChannelHungUp,
    Conferenced,
    EndedBy,
    Gathered,
    Played,
    Recorded,
    Transferred,
    check_conference,
    check_gather,
    check_path,
    check_record,
    check_transfer,
    entry,
)
from fs_app.switch.dialstring import BridgeTarget


@dataclass(frozen=True)
class During:
    """What happens during one play, gather, record, transfer, conference or listening: keys, then perhaps a hang-up.

    ``missing``: a file cannot be played. ``result`` is what a record, transfer or conference returns; without it that
    follows from the keys and the hang-up. ``seconds`` is how long it took. ``recording`` is what a record writes into
    its file, ``frames`` what is heard in listening; with the frame ``beep`` the switch says that it hears one.
    """

    keys: str = ""
    hang_up: bool = False
    cause: str = "NORMAL_CLEARING"
    missing: bool = False
    result: Recorded | Transferred | Conferenced | None = None
    seconds: float = 3.0
    recording: bytes = b"RIFF of what was said"
    frames: tuple[bytes, ...] = ()
    beep: int | None = None


class ScriptedFrames:
    """Frames that are all there already."""

    rate = 8000

    def __init__(self, frames: Sequence[bytes], beep: int | None = None) -> None:
        self._frames = iter(frames)
        self._beep = beep
        self._given = 0
        self._finding = False

    @property
    def beeps(self) -> int:
        return int(self._finding and self._beep is not None and self._given > self._beep)

    def find_beeps(self) -> None:
        self._finding = True

    def next(self, timeout: float) -> bytes | None:
        self._given += 1
        return next(self._frames, None)

    def __iter__(self) -> Iterator[bytes]:
        return self._frames


class ScriptedChannel:
    """After the last moment of its script the callee listens and does nothing."""

    def __init__(self, *script: During, tape: list[tuple[Any, ...]] | None = None, uuid: str = "call-1") -> None:
        self.uuid = uuid
        self.hung_up = False
        self.cause = ""  # of the hang-up
        self.heard: list[list[str]] = []
        self.tape: list[tuple[Any, ...]] = [] if tape is None else tape
        self.variables: dict[str, str] = {}
        self.caller_number = ""
        self.called_number = ""
        self._script = list(script)
        self._keys = ""

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

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

    def record(self, path: str, *, limit: float, silence: float, terminators: str = "any") -> Recorded:
        """Without a ``result``: ended by the script's key, else by its hang-up, else by silence."""
        check_record(path, limit, silence, terminators)
        self._alive()
        self._keys = ""
        self.tape.append(("record", path))
        moment = self._during()
        keys, self._keys = self._keys, ""
        if isinstance(moment.result, Recorded):
            if not moment.result.failed:
                Path(path).write_bytes(moment.recording)
            return moment.result
        Path(path).write_bytes(moment.recording)
        for at, key in enumerate(keys):
            if terminators == "any" or key in terminators:
                self._keys = keys[at + 1 :]
                return Recorded(moment.seconds, "key", key)
        return Recorded(moment.seconds, "hangup" if self.hung_up else "silence")

    def transfer(
        self,
        target: BridgeTarget,
        *,
        announcement: Sequence[str] = (),
        confirm: Sequence[str] = (),
        confirm_key: str = "",
        leave_key: str = "*",
        ring_timeout: float = 30,
    ) -> Transferred:
        """Without a ``result``: left by the leave key, else by a hang-up, else bridged to the end."""
        for file in (*announcement, *confirm):
            check_path(file)
        check_transfer(confirm, confirm_key, leave_key, ring_timeout)
        self._alive()
        self.tape.append(("transfer", target.endpoint, *announcement))
        before = self._keys
        moment = self._during()
        pressed, self._keys = self._keys[len(before) :], before
        if isinstance(moment.result, Transferred):
            return moment.result
        if leave_key and leave_key in pressed:
            return Transferred("left", moment.seconds, "NORMAL_CLEARING")
        return Transferred("hangup" if self.hung_up else "bridged", moment.seconds, "NORMAL_CLEARING")

    def conference(self, room: str, *, leave_key: str = "#", limit: float) -> Conferenced:
        """Without a ``result``: left by the leave key, else by a hang-up, else ended."""
        check_conference(room, leave_key, limit)
        self._alive()
        self.tape.append(("conference", room))
        before = self._keys
        moment = self._during()
        pressed, self._keys = self._keys[len(before) :], before
        if isinstance(moment.result, Conferenced):
            return moment.result
        if leave_key and leave_key in pressed:
            return Conferenced(moment.seconds, "key")
        return Conferenced(moment.seconds, "hangup" if self.hung_up else "end")

    def listen(self) -> AbstractContextManager[ScriptedFrames]:
        self._alive()
        self.tape.append(("listen",))
        moment = self._during()
        return nullcontext(ScriptedFrames(moment.frames, moment.beep))

    def hangup_after(self, seconds: int) -> None:
        self._alive()
        self.tape.append(("hangup_after", seconds))

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
