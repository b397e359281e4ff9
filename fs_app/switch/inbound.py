"""One connection to the switch's own event socket (mod_event_socket, port 8021 by default)."""

from __future__ import annotations

import socket

import gevent.socket
import greenswitch

from fs_app.errors import CommandRejected, SwitchDown, SwitchRefused
from fs_app.switch.safe import SafeProtocol
from fs_app.switch.wire import one_line

FIRST_DELAY = 0.25  # seconds before the second try; the first comes at once
LONGEST_DELAY = 30.0  # seconds


def retry_delay(failures: int, chance: float) -> float:
    """Seconds to wait before the next try to connect, after ``failures`` in a row.

    None after the first, since a restarted switch is back in a moment; then doubling up to half a minute, and spread
    by ``chance`` (0 to 1) between half and the whole, so that many clients do not come at once.

    >>> [retry_delay(n, 1.0) for n in (0, 1, 2, 3, 20)]
    [0.0, 0.0, 0.25, 0.5, 30.0]
    """
    if failures <= 1:
        return 0.0
    whole = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 2, 16))
    return float(whole * (0.5 + chance / 2))


class InboundConnection(SafeProtocol, greenswitch.InboundESL):  # type: ignore[misc]  # greenswitch has no types
    """One life of one connection; :class:`fs_app.switch.gate.Switch` makes a new one after each loss."""

    def __init__(self, host: str, port: int, password: str, timeout: float = 5.0) -> None:
        """``timeout`` in seconds bounds each step of connecting. Raises InvalidInput for a password that is not one
        line."""
        self._rejection = ""
        super().__init__(host, port, one_line(password, "password"), timeout)

    def connect(self) -> None:
        """Connect and authenticate.

        Raises SwitchDown when nobody answers, SwitchRefused when the switch does not want us (its access list, or a
        wrong password). After an error this object is of no further use.
        """
        try:
            self.sock = gevent.socket.create_connection((self.host, self.port), self.timeout)
        except OSError as error:
            self.lost(str(error))
            raise SwitchDown(f"cannot connect to {self.host}:{self.port}: {error}") from None
        self.sock.settimeout(None)
        keep_alive(self.sock)
        self.connected = True
        self.start_event_handlers()
        greeted = self._auth_request_event.wait(self.timeout)
        if self._rejection:
            raise SwitchRefused(f"{self.host}:{self.port} says: {self._rejection}")
        if not self.connected:
            raise SwitchDown(f"{self.host}:{self.port}: {self.closed_because}")
        if not greeted:
            self.lost("no greeting")
            raise SwitchDown(f"{self.host}:{self.port} accepted, but did not greet within {self.timeout:g} s")
        self.authenticate()

    def authenticate(self) -> None:
        """Give the password. Raises SwitchRefused when it is wrong."""
        words = self.send(f"auth {self.password}", self.timeout).data
        if words != "+OK accepted":
            self.lost("wrong password")
            raise SwitchRefused(f"{self.host}:{self.port} does not take the password: {words}")

    def on_rejection(self, words: str) -> None:
        self._rejection = words
        super().on_rejection(words)

    def order(self, line: str) -> str:
        """One command and the words of its reply. Raises CommandRejected for -ERR, else as ``send`` does."""
        words = str(self.send(line).data)
        if words.startswith("-"):
            raise CommandRejected(f"{line.partition(' ')[0]}: {words}")
        return words


def keep_alive(sock: gevent.socket.socket) -> None:
    """Small packets at once, and a dead peer (power, cable) noticed within half a minute, by the kernel."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
