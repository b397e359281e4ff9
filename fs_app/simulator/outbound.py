"""The ``socket`` application: the switch calls the application's server and lets it drive the call.

After the hang-up a socket with ``linger N`` stays N seconds so that the last events arrive; one without is closed at
once and loses them. When the application's end closes, a parked call ends; a playing one plays to its end first. One
that closes before the call is parked, though, leaves it parked in silence, with nobody to release it.
"""

from __future__ import annotations

import gevent
from gevent import socket as gsocket
from gevent.event import Event as Flag

from fs_app.simulator.core import FRAME
from fs_app.simulator.encode import disconnect_notice, event_plain, linger_notice
from fs_app.simulator.listener import Listener
from fs_app.simulator.parse import Packet, atoi
from fs_app.simulator.session import Session
from fs_app.simulator.wire import Wire

_PATIENCE = 25.0  # seconds until the first packet
_CONNECT = 127.0  # that it may take to connect: the switch sets no limit, Linux gives up after seven SYNs
_DEFAULT_PORT = 8084


class OutboundListener(Listener):
    """Controls one session."""

    def __init__(self, session: Session, wire: Wire, *, full: bool, is_async: bool) -> None:
        super().__init__(session.core, wire)
        self.session = session
        self.connected = Flag()
        self.finished = Flag()
        self._full = full
        self._async = is_async
        self._linger: int | None = None  # seconds; -1 without limit

    def special(self, line: str, packet: Packet) -> str | None:
        word = line.lower()
        if word.startswith("resume"):
            return "+OK"
        if word.startswith("connect"):
            self._connect()
            return None
        if word.startswith("getvar"):
            return self.session.channel.get(line.partition(" ")[2]) or ""
        if word.startswith("myevents"):
            return self.my_events(self.session.channel.uuid, line)
        if word.startswith("divert_events"):
            return "+OK events not diverted"
        if word.startswith("sendmsg"):
            if not self._async and line[7:].strip() in ("", self.session.channel.uuid):
                self.session.obey(packet)
                return "+OK"
            return ""
        return "" if self._full else "-ERR command not found"

    def own_session(self) -> str:
        return self.session.channel.uuid

    def linger(self, rest: str, packet: Packet) -> str:
        self._linger = atoi(rest) if rest.startswith(" ") and rest.strip() else -1
        return "+OK will linger" if self._linger < 0 else f"+OK will linger {self._linger} seconds"

    def nolinger(self, rest: str, packet: Packet) -> str:
        self._linger = None
        return "+OK will not linger"

    def _connect(self) -> None:
        channel = self.session.channel
        headers = [
            *self.core.bus.stamped("CHANNEL_DATA"),
            *channel.profile_headers("Channel"),
            *channel.headers(),
            *channel.variable_headers(),
            ("Content-Type", "command/reply"),
            ("Reply-Text", "+OK\n"),
            ("Socket-Mode", "async" if self._async else "static"),
            ("Control", "full" if self._full else "single-channel"),
        ]
        self.wire.send(event_plain(headers))
        self.connected.set()

    def run(self) -> None:
        """Commands until either side ends it."""
        try:
            first = self.wire.read(within=self.core.real(_PATIENCE))
            if first is not None:
                self.command(first)  # whatever it is, only connect answers
                while self.running and (packet := self.wire.read()) is not None:
                    self.obey(packet)
        finally:
            self._end()

    def down(self, ours: bool) -> None:
        """The call hangs up. The switch looks after its sockets a little later than after its calls.

        Without linger the last events are lost, unless it was an application of ours that hung up.
        """
        if self._linger is None and not ours:
            self.running = False
            self.core.spawn(self._end)
        else:
            self.core.later(FRAME / 2, self._after_hangup)

    def _after_hangup(self) -> None:
        if not self.running:
            return
        if self._linger is None:
            self._end()
            return
        channel = self.session.channel
        self.wire.send(linger_notice(channel.uuid, channel.name, self._linger))
        if self._linger >= 0:
            self.core.later(self._linger, self._end)

    def _end(self) -> None:
        if self.finished.is_set():
            return
        self.running = False
        self.finished.set()
        self.core.bus.remove(self)
        self.session.release()
        self.wire.send(disconnect_notice(self.session.channel.uuid))
        self.wire.finish()


def socket_application(session: Session, argument: str) -> None:
    """``host:port[|host:port…] [async] [full]``. When nobody listens, the application just ends."""
    words = argument.split()
    if not words:
        return
    flags = {word.lower() for word in words[1:]}
    sock = _dial_out(session, words[0].split("|"))
    if sock is None:
        return
    core = session.core
    listener = OutboundListener(session, Wire(core, sock), full="full" in flags, is_async="async" in flags)
    core.bus.add(listener)
    session.on_down.append(listener.down)
    session.lingering = listener.finished.wait
    core.spawn(listener.run)
    if "async" not in flags:
        listener.finished.wait()
        return
    gevent.wait([listener.connected, listener.finished, session.over], count=1)
    session.park()
    session.drain()


def _dial_out(session: Session, hosts: list[str]) -> gsocket.socket | None:
    port = _DEFAULT_PORT
    for item in filter(None, hosts):
        host, colon, after = item.rpartition(":")
        if colon:
            port = atoi(after)  # one without a port has that of the one before it
        else:
            host = item
        session.channel.set("socket_host", host)
        try:
            return gsocket.create_connection((host, port), timeout=session.core.real(_CONNECT))
        except OSError:
            continue
    return None
