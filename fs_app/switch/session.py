"""The outbound session: one call's connection, opened by the switch. greenswitch's session, made safe."""

from __future__ import annotations

import logging
import uuid as uuids
from typing import Any

import gevent.event
import gevent.socket
import greenswitch.esl

from fs_app.errors import CommandRejected, ProtocolError, SwitchDown, SwitchError, SwitchTimeout
from fs_app.switch.channel import SOCKET_CLOSED, ChannelHungUp
from fs_app.switch.inbound import keep_alive
from fs_app.switch.safe import SafeProtocol
from fs_app.switch.wire import Frame, command, execute

log = logging.getLogger(__name__)

BEEP = "avmd::beep"  # the event by which mod_avmd says that it has found one
LINGER = 5  # seconds the switch keeps the socket after a hang-up, so that the last events arrive
# The originate sets these too; a call that comes in by a dialplan has only these.
SETTINGS = ("app_disable_expand_variables=true", "playback_terminators=any")

# All in one piece: from `connect` on the switch takes keys, also one that was pressed while the call was being set up,
# and it must find us listening. Written one by one, that key was seen lost. Nobody waits for the settings to complete.
TAKE_OVER = (
    command("connect"),
    command("myevents"),
    command(f"linger {LINGER}"),
    *(execute("set", setting, str(uuids.uuid4())) for setting in SETTINGS),
)

Running = gevent.event.AsyncResult  # of the CHANNEL_EXECUTE_COMPLETE of one application


class OutboundSession(SafeProtocol, greenswitch.esl.OutboundSession):  # type: ignore[misc]  # greenswitch has no types
    """What comes from one call. ``keys`` holds every digit not yet taken, in order; ``hangup_cause`` is None while the
    call lives; ``beeps`` counts those that the switch has found; ``news`` is set whenever one of them changes or an
    application completes. ``over`` is set with the last event of the call, when every file that was recorded is
    complete, or when the connection is lost."""

    def __init__(self, client_address: object, sock: gevent.socket.socket) -> None:
        self.keys: list[str] = []
        self.hangup_cause: str | None = None
        self.beeps = 0
        self.news = gevent.event.Event()
        self.over = gevent.event.Event()
        self._running: dict[str, Running[Frame]] = {}
        self._latest: Frame | None = None
        self._taking_over: list[gevent.event.AsyncResult[Frame]] = []
        super().__init__(client_address, sock)
        self.session_data: Frame | None = None
        self.sock_file.close()  # never read, and it would keep the socket open
        self.event_handlers.clear()  # greenswitch's own way of matching, which goes by application name

    @classmethod
    def accepted(cls, sock: gevent.socket.socket, client_address: object) -> OutboundSession:
        """A session on a connection just accepted, to which `connect` is said before anything else is done."""
        try:
            sock.sendall(b"".join(TAKE_OVER))
            keep_alive(sock)
        except OSError as error:
            log.debug("gone before we could speak: %s", error)  # the reader finds that out, too
        session = cls(client_address, sock)
        session._taking_over = [gevent.event.AsyncResult() for _ in TAKE_OVER]
        session._waiting.extend(session._taking_over)
        return session

    def connect(self) -> Frame:
        """Take the call over; returns the channel's data, also kept in ``session_data``.

        Raises SwitchError when the switch goes away or does not obey.
        """
        if self.session_data is not None:
            return self.session_data
        first, *others = self._taking_over or self.post_all(TAKE_OVER)
        data = self.reply_to(first)
        if not data.get("Unique-ID"):
            raise ProtocolError(f"the reply to connect names no channel: {data!r}")
        self.session_data = data
        self._outbound_connected = True
        for result in others:
            words = self.reply_to(result).data
            if words.startswith("-"):
                raise CommandRejected(f"{words} (the dialplan must say: socket HOST:PORT async full)")
        return data

    @property
    def uuid(self) -> str:
        """The channel's. Known once connected; raises ProtocolError before."""
        if self.session_data is None:
            raise ProtocolError("not connected to the call yet")
        return str(self.session_data["Unique-ID"])

    def variable(self, name: str) -> str | None:
        """A channel variable from the latest event that carried the channel's variables, else from the start."""
        for frame in (self._latest, self.session_data):
            value = None if frame is None else frame.get(f"variable_{name}")
            if value is not None:
                return str(value)
        return None

    @property
    def latest(self) -> Frame | None:
        """The latest event that carried the channel's variables and times."""
        return self._latest

    def ask(self, words: str) -> str:
        """What the switch answers to an ``api`` command; "" when it does not. Raises InvalidInput for a line break."""
        try:
            return self.request(command(f"api {words}")).body
        except SwitchError as error:
            log.info("%s: %s: %s", self.uuid, words.partition(" ")[0], error)
            return ""

    def run(self, application: str, argument: str = "") -> Running[Frame]:
        """Start an application; the result is its CHANNEL_EXECUTE_COMPLETE, matched by a UUID of its own.

        Raises ChannelHungUp when the call is over, now or (by the result) later; CommandRejected when the switch
        does not take it; InvalidInput for an argument of more than one line.
        """
        if self.hangup_cause is not None:
            raise ChannelHungUp(self.hangup_cause)
        event_uuid = str(uuids.uuid4())
        packet = execute(application, argument, event_uuid)
        running: Running[Frame] = Running()
        self._running[event_uuid] = running
        try:
            words = self.request(packet).data
        except (SwitchDown, SwitchTimeout) as error:
            self.lost(str(error))
            raise ChannelHungUp(self.hangup_cause or SOCKET_CLOSED) from None
        if words.startswith("-"):
            self._running.pop(event_uuid, None)
            if self.hangup_cause is not None:
                raise ChannelHungUp(self.hangup_cause)
            raise CommandRejected(f"{application}: {words}")
        return running

    def on_frame(self, event: Frame) -> None:
        name = event.get("Event-Name")
        if name == "DTMF":
            key = event.get("DTMF-Digit", "")
            if len(key) == 1:
                self.keys.append(key)
                self.news.set()
        elif name == "CHANNEL_EXECUTE_COMPLETE":
            self._latest = event
            running = self._running.pop(event.get("Application-UUID", ""), None)
            if running is not None:
                running.set(event)
                self.news.set()
        elif name == "CUSTOM":
            if event.get("Event-Subclass") == BEEP and self._is_mine(event):
                self.beeps += 1
                self.news.set()
        elif name in ("CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE") and self._is_mine(event):
            self._latest = event
            self._over(event.get("Hangup-Cause", "NONE"))
            if name == "CHANNEL_HANGUP_COMPLETE":
                self.over.set()
        super().on_frame(event)

    def on_lost(self) -> None:
        self._over(SOCKET_CLOSED)
        self.over.set()

    def _is_mine(self, event: Frame) -> bool:
        return self.session_data is None or event.get("Unique-ID") == self.uuid

    def _over(self, cause: str) -> None:
        if self.hangup_cause is None:
            self.hangup_cause = cause
            self._outbound_connected = False
        running, self._running = self._running, {}
        for result in running.values():
            result.set_exception(ChannelHungUp(self.hangup_cause))
        self.news.set()

    # What greenswitch's users call; its own versions match completions by name.

    def call_command(
        self, app_name: str, app_args: str | None = None, block: bool = False, response_timeout: float | None = None
    ) -> Frame | None:
        """Run an application; with ``block`` wait for its completion, at most ``response_timeout`` seconds."""
        running = self.run(app_name, app_args or "")
        if not block:
            return None
        try:
            completion: Frame | None = running.get(timeout=response_timeout)
        except gevent.Timeout:
            raise SwitchTimeout(f"{app_name} did not complete within {response_timeout:g} s") from None
        return completion

    def answer(self) -> None:
        self.call_command("answer", block=True, response_timeout=30)

    def playback(self, path: str, block: bool = True) -> Frame | None:
        return self.call_command("playback", path, block=block)

    def say(
        self,
        module_name: str = "en",
        lang: str | None = None,
        say_type: str = "NUMBER",
        say_method: str = "pronounced",
        gender: str = "FEMININE",
        text: str | None = None,
        block: bool = True,
        response_timeout: float = 30,
    ) -> Frame | None:
        module = f"{module_name}:{lang}" if lang else module_name
        arguments = " ".join((module, say_type, say_method, gender, text or ""))
        return self.call_command("say", arguments, block=block, response_timeout=response_timeout)

    def play_and_get_digits(self, *_args: Any, **_kwargs: Any) -> None:
        """Refused: it splits its prompt on spaces and transfers the call on what is left over. Use
        :meth:`fs_app.switch.outbound_channel.OutboundChannel.gather`."""
        raise NotImplementedError("use OutboundChannel.gather: this application transfers calls by accident")

    def stop(self) -> None:
        try:
            super().stop()
        except SwitchError:  # pragma: no cover  # stop() of the protocol catches those; a second net costs nothing
            log.debug("closing failed", exc_info=True)
