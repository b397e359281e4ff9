"""One TCP connection of the event socket: frames out in order, packets in, and the faults it was told to have."""

from __future__ import annotations

import socket as plain_socket
from collections.abc import Callable

from gevent import Greenlet, GreenletExit
from gevent import socket as gsocket
from gevent.queue import SimpleQueue

from fs_app.simulator.core import Core
from fs_app.simulator.parse import Packet, PacketReader

_RECEIVE = 65536


class Wire:
    """Frames are queued by ``send`` and written by a greenlet, so no sender ever waits for a slow reader."""

    def __init__(self, core: Core, sock: gsocket.socket) -> None:
        self._core = core
        self._sock = sock
        self._out: SimpleQueue[bytes | None] = SimpleQueue()
        self._frames = 0
        self._closed = False
        self._reader = PacketReader(self._receive)
        sock.setsockopt(plain_socket.IPPROTO_TCP, plain_socket.TCP_NODELAY, 1)
        core.wires.add(self)
        self._writer: Greenlet[[], None] = core.spawn(self._write)

    def read(self, within: float | None = None) -> Packet | None:
        """The next packet; None at the end, or when ``within`` real seconds bring no byte."""
        self._sock.settimeout(within)
        while True:
            packet = self._reader.read()
            if packet is None or not self._core.misbehaviour.silent:
                return packet

    def _receive(self) -> bytes:
        try:
            return bytes(self._sock.recv(_RECEIVE))
        except OSError:
            return b""

    def send(self, frame: bytes) -> None:
        if not self._closed:
            self._out.put(frame)

    def finish(self) -> None:
        """Write what is queued, then close."""
        if not self._closed:
            self._closed = True
            self._out.put(None)
            self._writer.join()
            self._shut()

    def kill(self) -> None:
        """Close at once, whatever is queued."""
        self._closed = True
        self._writer.kill(block=False)
        self._shut()

    def _shut(self) -> None:
        self._core.wires.discard(self)
        for step in (lambda: self._sock.shutdown(plain_socket.SHUT_RDWR), self._sock.close):
            _quietly(step)

    def _write(self) -> None:
        try:
            while (frame := self._out.get()) is not None:
                if not self._core.misbehaviour.silent:
                    self._put(frame)
        except (OSError, GreenletExit):
            self._closed = True

    def _put(self, frame: bytes) -> None:
        bad = self._core.misbehaviour
        self._frames += 1
        if bad.close_after_frames and self._frames > bad.close_after_frames:
            self._sock.sendall(frame[: max(1, len(frame) // 2)])
            self._shut()
            raise OSError("told to break")
        if not bad.fragment:
            self._sock.sendall(frame)
            return
        for at in range(len(frame)):
            self._sock.sendall(frame[at : at + 1])


def _quietly(step: Callable[[], object]) -> None:
    try:
        step()
    except OSError:
        pass
