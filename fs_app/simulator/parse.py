"""Packets from a client, read as mod_event_socket reads them, its oddities included.

A packet ends at an empty line. Its first line is the command, the rest are headers; a ``content-length`` header brings
that many bytes of body. Line feeds before a packet are thrown away. A carriage return anywhere spoils the packet: the
switch looks for one before it looks for a line feed, and everything up to it is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fs_app.simulator.encode import to_text

MAX_PACKET = 10_485_760  # bytes; the switch gives up beyond that too


@dataclass(frozen=True, slots=True)
class Packet:
    """One command. Header names are lower-cased: the switch compares them without case."""

    command: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


def _cut(text: str) -> tuple[str, str | None]:
    """A line and what follows it; the first carriage return counts before any line feed."""
    at = text.find("\r")
    if at < 0:
        at = text.find("\n")
    if at < 0:
        return text, None
    return text[:at], text[at:].lstrip("\r\n")


class PacketReader:
    """Takes bytes from ``receive`` (which returns ``b""`` at end of file) and gives packets."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = b""

    def _more(self) -> bool:
        data = self._receive()
        self._buffer += data
        return bool(data)

    def read(self) -> Packet | None:
        """The next packet, or None when the client is gone."""
        head = self._head()
        if head is None:
            return None
        command, rest = _cut(to_text(head))
        headers: dict[str, str] = {}
        body = ""
        while rest is not None:
            line, rest = _cut(rest)
            name, colon, value = line.partition(":")
            if not colon:
                continue
            value = value.lstrip(" ")
            headers.setdefault(name.lower(), value)
            if name.lower() == "content-length" and (size := _atoi(value)) > 0:
                while len(self._buffer) < size:
                    if not self._more():
                        return None
                body, self._buffer = to_text(self._buffer[:size]), self._buffer[size:]
        return Packet(command, headers, body)

    def _head(self) -> bytes | None:
        while True:
            self._buffer = self._buffer.lstrip(b"\r\n")
            at, feeds = 0, 0
            while at < len(self._buffer):
                byte = self._buffer[at]
                at += 1
                if byte == 0x0A:
                    feeds += 1
                    if feeds == 2:
                        head, self._buffer = self._buffer[: at - 2], self._buffer[at:]
                        return head
                elif byte != 0x0D:
                    feeds = 0
            if len(self._buffer) > MAX_PACKET or not self._more():
                return None


def _atoi(text: str) -> int:
    """C's idea of a number: leading digits count, anything else is 0."""
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    end = 0
    while end < len(digits) and digits[end] in "0123456789":
        end += 1
    return sign * int(digits[:end]) if end else 0


atoi = _atoi
