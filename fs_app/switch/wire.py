"""Bytes to frames and commands to bytes: the event socket's wire format, without any I/O.

A frame is a head of ``Name: value`` lines ended by an empty line, and a body of ``Content-Length`` bytes. The body of
``text/event-plain`` is such a block again, with every value percent-encoded by itself. So a value is looked for in the
bytes, between its own line feeds, and only then decoded: ``%0A`` in a caller's name can never become a header.

Most headers are never read. An event therefore stays one slice of bytes; reading a header is one search in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import overload
from urllib.parse import unquote_to_bytes

from fs_app.errors import InvalidInput, ProtocolError

MAX_HEAD = 1 << 20  # bytes; the largest real one (the reply to `connect`) is a few kilobytes
MAX_BODY = 16 << 20  # bytes
EVENT_PLAIN = "text/event-plain"

_needles: dict[str, bytes] = {}


class Frame:
    """One message from the switch.

    ``content_type`` is the head's. :meth:`get` and ``frame[name]`` read the event's headers when it is a plain event,
    else the head's: names as FreeSWITCH spells them, values decoded (bytes that are not UTF-8 become U+FFFD), the
    first of duplicates. ``body`` is what follows them: the result in a BACKGROUND_JOB, the answer to ``api``, or "".
    """

    __slots__ = ("_block", "_body", "content_type", "head")

    def __init__(self, content_type: str, head: bytes, block: bytes, body: bytes | None = None) -> None:
        self.content_type = content_type
        self.head = head
        self._block = block  # begins with a line feed, so that every header line does
        self._body = body

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        block = self._block
        needle = _needles.get(name) or _needle(name)
        at = block.find(needle)
        # An empty line before the hit means that it lies in the inner body, where anybody may have written it.
        if at < 0 or (at and block.rfind(b"\n\n", 0, at + 1) >= 0):
            return default
        start = at + len(needle)
        stop = block.find(b"\n", start)
        return _decode(block[start:stop] if stop >= 0 else block[start:])

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    @property
    def body(self) -> str:
        raw = self._body
        if raw is None:
            raw = self._block[1:].partition(b"\n\n")[2]
        return raw.decode("utf-8", "replace")

    @property
    def headers(self) -> dict[str, str]:
        """Every header, decoded: for logs and tests; :meth:`get` is the cheap way."""
        found: dict[str, str] = {}
        for line in self._block[1:].partition(b"\n\n")[0].split(b"\n"):
            name, colon, value = line.partition(b": ")
            if colon:
                found.setdefault(name.decode("utf-8", "replace"), _decode(value))
        return found

    @property
    def data(self) -> str:
        """The words of a reply: ``Reply-Text`` of a command/reply, else the body. (greenswitch's name for it.)"""
        if self.content_type == "command/reply":
            return self.get("Reply-Text", "").strip()
        return self.body

    def __repr__(self) -> str:
        return f"<Frame {self.content_type} {self.get('Event-Name') or self.data[:60]!r}>"


class FrameParser:
    """Frames from bytes, however the bytes are cut.

    >>> [f.data for f in FrameParser().feed(b"Content-Type: command/reply\\nReply-Text: +OK accepted\\n\\n")]
    ['+OK accepted']
    """

    def __init__(self) -> None:
        self._rest = bytearray()  # the beginning of a frame, never starting with a line feed
        self._need = 0  # bytes the frame in _rest will have; 0 while its head is incomplete
        self._searched = 0  # _rest holds no end of head before this offset
        self._heads: dict[bytes, tuple[str, int]] = {}
        self._error: ProtocolError | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes.

        Raises ProtocolError when the peer does not speak the event socket, and on every later call; frames before
        the fault are returned first, so the error may come with the next call (``feed(b"")`` will do).
        """
        if self._error is not None:
            raise self._error
        if self._rest:
            rest = self._rest
            rest += data
            if len(rest) < self._need or (not self._need and not self._head_ended()):
                return []
            data = bytes(rest)
            rest.clear()
        frames: list[Frame] = []
        try:
            self._split(data, frames)
        except ProtocolError as error:
            self._error = error
            if not frames:
                raise
        return frames

    def _head_ended(self) -> bool:
        """Whether the head in ``_rest`` is complete. Looks at no byte twice."""
        if self._rest.find(b"\n\n", self._searched) >= 0:
            return True
        self._searched = len(self._rest) - 1
        _bounded(len(self._rest), MAX_HEAD, "the head of a message")
        return False

    def _split(self, data: bytes, frames: list[Frame]) -> None:
        heads, end, at = self._heads, len(data), 0
        self._need = self._searched = 0
        while at < end:
            if data[at] == 10:  # an empty line between frames means nothing
                at += 1
                continue
            cut = data.find(b"\n\n", at)
            if cut < 0:
                _bounded(end - at, MAX_HEAD, "the head of a message")
                self._rest += data[at:]
                self._searched = end - at - 1
                return
            head = data[at:cut]
            known = heads.get(head)
            if known is None:
                known = _read_head(head)
                if len(head) < 128:
                    if len(heads) > 4096:
                        heads.clear()
                    heads[head] = known
            content_type, length = known
            stop = cut + 2 + length
            if stop > end:
                self._rest += data[at:]
                self._need = stop - at
                return
            if content_type == EVENT_PLAIN:
                # From the second line feed on: the block then begins with one at no cost.
                frames.append(Frame(content_type, head, data[cut + 1 : stop]))
            else:
                frames.append(Frame(content_type, head, b"\n" + head, data[cut + 2 : stop]))
            at = stop


def _read_head(head: bytes) -> tuple[str, int]:
    _bounded(len(head), MAX_HEAD, "the head of a message")
    frame = Frame("", head, b"\n" + head)
    content_type, length = frame.get("Content-Type"), frame.get("Content-Length", "0")
    if content_type is None:
        raise ProtocolError(f"a message without Content-Type: {head[:80]!r}")
    if not (length.isascii() and length.isdigit() and len(length) <= 20):
        raise ProtocolError(f"Content-Length is not a number of bytes: {length[:40]!r}")
    size = int(length)
    _bounded(size, MAX_BODY, "the body of a message")
    return content_type, size


def _bounded(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise ProtocolError(f"{what} has {size} bytes or more; the limit is {limit}")


def _needle(name: str) -> bytes:
    needle = b"\n" + name.encode() + b": "
    if len(_needles) < 1024:
        _needles[name] = needle
    return needle


def _decode(raw: bytes) -> str:
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    return raw.decode("utf-8", "replace")


def one_line(text: str, field: str) -> str:
    """``text`` itself when it can stand in one line of the protocol.

    Raises InvalidInput naming ``field`` for a CR (which cuts the packet short), an LF (which starts a header or a
    command of its own), a NUL, or text that UTF-8 cannot carry.
    """
    if "\n" in text or "\r" in text or "\0" in text:
        raise InvalidInput(field, "holds a line break or a NUL, which would end the command: give one line")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field, "holds half a character (a lone surrogate): give proper Unicode") from None
    return text


def command(line: str, headers: Mapping[str, str] | None = None) -> bytes:
    """One command packet.

    >>> command("bgapi status", {"Job-UUID": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"})
    b'bgapi status\\nJob-UUID: 1b4e28ba-2fa1-11d2-883f-0016d3cca427\\n\\n'

    Raises InvalidInput as :func:`one_line` does.
    """
    if not line:
        raise InvalidInput("command", "is empty")
    return ("\n".join([one_line(line, "command"), *_header_lines(headers or {})]) + "\n\n").encode()


def sendmsg(headers: Mapping[str, str], body: str = "", *, uuid: str = "") -> bytes:
    """A message to a channel: to the one of this outbound socket, or to ``uuid`` on an inbound connection.

    ``body`` travels as text/plain of so many bytes, so spaces and quotes in it need no care.
    Raises InvalidInput as :func:`one_line` does.
    """
    lines = [one_line(f"sendmsg {uuid}" if uuid else "sendmsg", "uuid"), *_header_lines(headers)]
    if not body:
        return ("\n".join(lines) + "\n\n").encode()
    raw = one_line(body, "argument").encode()
    lines += ["content-type: text/plain", f"content-length: {len(raw)}"]
    return ("\n".join(lines) + "\n\n").encode() + raw


def execute(application: str, argument: str, event_uuid: str) -> bytes:
    """The sendmsg that runs an application; its CHANNEL_EXECUTE_COMPLETE will carry ``event_uuid`` as
    ``Application-UUID``. Raises InvalidInput as :func:`one_line` does."""
    headers = {"call-command": "execute", "execute-app-name": application, "event-uuid": event_uuid}
    return sendmsg(headers, argument)


def _header_lines(headers: Mapping[str, str]) -> list[str]:
    for name, value in headers.items():
        if not name or ":" in name or " " in name:
            raise InvalidInput("header", f"{name!r} is not a header name")
        one_line(name, "header")
        one_line(value, name)
    return [f"{name}: {value}" for name, value in headers.items()]
