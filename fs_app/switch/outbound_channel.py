"""A :class:`~fs_app.switch.channel.Channel` over the outbound socket.

DTMF events are the only source of digits. ``playback_terminators=any`` makes a key stop what plays; the park loop
between two applications fires the event for a key too, but such a key stops nothing, so when an application goes on
after a key it is broken off.

Waiting for a key plays comfort noise (``silence_stream``): RTP keeps flowing, which some carriers need, and the
switch, which knows when the prompt really ended, keeps the time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import cast

import gevent

from fs_app.errors import CommandRejected, SwitchError
from fs_app.switch.channel import (
    ChannelHungUp,
    Conferenced,
    Frames,
    Gathered,
    Played,
    Recorded,
    Transferred,
    check_gather,
    check_path,
    entry,
    spoken,
)
from fs_app.switch.dialstring import BridgeTarget, limit_argument
from fs_app.switch.hangup import check_cause
from fs_app.switch.joining import conference, transfer
from fs_app.switch.listening import UdpFrames
from fs_app.switch.recording import record
from fs_app.switch.session import OutboundSession, Running
from fs_app.switch.wire import Frame, command, sendmsg

log = logging.getLogger(__name__)

PLAYBACK_LIMIT = 120.0  # seconds that one file may play
KEY_GRACE = 0.2  # seconds in which a key normally has stopped the application by itself
BREAK_GRACE = 2.0  # seconds in which a broken application ends
HANGUP_WAIT = 5.0  # seconds
_FAILED = ("FILE NOT FOUND", "PLAYBACK ERROR")


class _TooLong(Exception):
    pass


class OutboundChannel:
    """One connected call. ``playback_limit`` in seconds bounds each file that is played; ``media_host`` is an IPv4
    address of ours that the switch can send the callee's audio to."""

    def __init__(
        self, session: OutboundSession, *, playback_limit: float = PLAYBACK_LIMIT, media_host: str = "127.0.0.1"
    ) -> None:
        self._session = session
        self._audio = UdpFrames(session, media_host)
        self._limit = playback_limit
        self._voice: dict[str, str] = {}  # the speech engine that the switch was told last

    @property
    def uuid(self) -> str:
        return self._session.uuid

    @property
    def hung_up(self) -> bool:
        return self._session.hangup_cause is not None

    def variable(self, name: str) -> str | None:
        return self._session.variable(name)

    @property
    def caller_number(self) -> str:
        return self._shown("Caller-Caller-ID-Number")

    @property
    def called_number(self) -> str:
        return self._shown("Caller-Destination-Number")

    def _shown(self, header: str) -> str:
        data = self._session.session_data
        return "" if data is None else data.get(header, "")

    def answer(self) -> None:
        data = self._session.session_data
        if data is not None and data.get("Answer-State") == "answered":
            return
        self._finish(self._session.run("answer"), self._limit, seen=None)

    def play(self, files: Sequence[str]) -> Played:
        for file in files:
            check_path(file)
        keys = self._session.keys
        missing = False
        for file in files:
            if keys:
                break
            try:
                done = self._finish(self._session.run("playback", self._voiced(file)), self._limit, seen=0)
            except ChannelHungUp:
                if keys:
                    break
                raise
            except CommandRejected as error:
                log.warning("%s: %s", self.uuid, error)
                done = None
            if done is None and keys:
                break  # stopped by a key; that its end went unreported is not the file's fault
            if done is None or done.get("Application-Response") in _FAILED:
                log.warning("%s: could not play %s", self.uuid, file)
                missing = True
        return Played(interrupted=bool(keys), missing=missing)

    def _voiced(self, file: str) -> str:
        """What the playback application takes, once the engine that is to speak has been chosen."""
        variables, playable = spoken(file)
        for name, value in variables.items():
            if self._voice.get(name) != value:
                self._finish(self._session.run("set", f"{name}={value}"), self._limit, seen=0)
                self._voice[name] = value
        return playable

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
        keys = self._session.keys
        failed = False if keys else self.play(files).missing
        while True:
            digits, used, how = entry(keys, maximum=maximum, minimum=minimum, terminators=terminators)
            if how is None and self.hung_up:
                if not digits:
                    raise ChannelHungUp(str(self._session.hangup_cause))
                how = "hangup"
            if how is None:
                pressed = len(keys)
                self._silence(interdigit if digits else timeout)
                if len(keys) == pressed and not self.hung_up:
                    how = "timeout"
            if how is not None:
                del keys[:used]
                return Gathered(digits, how, failed)

    def record(self, path: str, *, limit: float, silence: float, terminators: str = "any") -> Recorded:
        return record(self._session, path, limit=limit, silence=silence, terminators=terminators)

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
        return transfer(
            self._session,
            target,
            announcement=announcement,
            confirm=confirm,
            confirm_key=confirm_key,
            leave_key=leave_key,
            ring_timeout=ring_timeout,
        )

    def conference(self, room: str, *, leave_key: str = "#", limit: float) -> Conferenced:
        return conference(self._session, room, leave_key=leave_key, limit=limit)

    def listen(self) -> AbstractContextManager[Frames]:
        if self.hung_up:
            raise ChannelHungUp(str(self._session.hangup_cause))
        self.answer()  # nothing where that has happened; see the module for what listening too early does
        return self._audio.open()

    def close(self) -> None:
        """The call is over: let go of what only a live call needs."""
        self._audio.close()

    def hangup_after(self, seconds: int) -> None:
        self._finish(self._session.run("sched_hangup", limit_argument(seconds)), self._limit, seen=None)

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        packet = sendmsg({"call-command": "hangup", "hangup-cause": check_cause(cause)})
        session = self._session
        if self.hung_up:
            return
        try:
            session.request(packet)
            with gevent.Timeout(HANGUP_WAIT, _TooLong):
                while not self.hung_up:
                    session.news.clear()
                    session.news.wait()
        except _TooLong:
            log.warning("%s: the switch did not say that the call is over", self.uuid)
        except SwitchError as error:
            log.info("%s: hanging up: %s", self.uuid, error)

    def _silence(self, seconds: float) -> None:
        """Wait for a key, a hang-up, or so many seconds. Raises nothing: the caller looks at what came."""
        if seconds <= 0:
            return
        seen = len(self._session.keys)
        try:
            # 1400 is the divisor of the noise: hardly audible, but not a dead line.
            running = self._session.run("playback", f"silence_stream://{max(20, round(seconds * 1000))},1400")
            done = self._finish(running, seconds + BREAK_GRACE, seen)
            failed = done is not None and done.get("Application-Response") in _FAILED
        except ChannelHungUp:
            return
        except CommandRejected:
            failed = True
        if failed:
            # No silence to be had, and no time taken: the callee must still get the time to think.
            self._wait_here(seconds, seen)

    def _wait_here(self, seconds: float, seen: int) -> None:
        session = self._session
        try:
            with gevent.Timeout(seconds, _TooLong):
                while len(session.keys) == seen and not self.hung_up:
                    session.news.clear()
                    session.news.wait()
        except _TooLong:
            pass

    def _finish(self, running: Running[Frame], limit: float, seen: int | None) -> Frame | None:
        """Wait until an application completes; None when that took over ``limit`` seconds and it was broken off, or
        when a key stopped it and the switch never said so.

        A key beyond the ``seen`` first ones ends it, if need be by ``uuid_break``; None means that keys do not.
        Raises ChannelHungUp.
        """
        session = self._session
        broken = False
        try:
            with gevent.Timeout(limit, _TooLong):
                while not running.ready():
                    session.news.clear()
                    stopping = seen is not None and len(session.keys) > seen
                    grace = None if not stopping else BREAK_GRACE if broken else KEY_GRACE
                    if session.news.wait(grace):
                        continue
                    if broken:
                        log.warning("%s: the switch did not say that an application ended", self.uuid)
                        return None
                    self._break()
                    broken = True
        except _TooLong:
            log.warning("%s: an application did not end within %g s", self.uuid, limit)
            self._break()
            running.wait(timeout=BREAK_GRACE)
            if self.hung_up:
                raise ChannelHungUp(str(session.hangup_cause)) from None
            return None
        if broken and not self.hung_up:
            # Had it just ended by itself, the break would fall on whatever plays next: let it fall on this.
            session.run("playback", "silence_stream://20").wait(timeout=BREAK_GRACE)
        return cast(Frame, running.get())

    def _break(self) -> None:
        try:
            self._session.request(command(f"api uuid_break {self.uuid}"))
        except SwitchError as error:
            log.info("%s: breaking off: %s", self.uuid, error)
