"""A bare event-socket client for tests: its own few lines of parsing, nothing of the product's on either side.

Its sockets are gevent's, so that a switch in the same process gets its turn while a test waits.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from gevent import socket
from gevent.server import StreamServer

PATIENCE = 20.0  # seconds for one frame


class Closed(Exception):
    """The peer closed; the argument is what it sent of an unfinished frame."""


@dataclass(frozen=True)
class Frame:
    head: str
    body: str

    @property
    def fields(self) -> dict[str, str]:
        """The event's headers, decoded; for anything else the frame's own."""
        block = self.body.split("\n\n")[0] if "event-plain" in self.head else self.head
        pairs = [line.split(": ", 1) for line in block.split("\n") if ": " in line]
        return {name: unquote(value) for name, value in pairs}

    @property
    def event(self) -> str:
        return self.fields.get("Event-Name", "") if "event-plain" in self.head else ""

    @property
    def content(self) -> str:
        """The body of an event that has one, as BACKGROUND_JOB does."""
        return self.body.split("\n\n", 1)[1]

    @property
    def reply(self) -> str:
        return self.fields.get("Reply-Text", "")

    def __getitem__(self, name: str) -> str:
        return self.fields[name]

    def get(self, name: str) -> str | None:
        return self.fields.get(name)


class RawClient:
    """Sends text, reads frames. ``seen`` keeps every frame in order."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self._buffer = b""
        self.seen: list[Frame] = []
        self._replies: list[Frame] = []

    def send(self, text: str) -> None:
        self.sock.sendall(text.encode())

    def frame(self) -> Frame:
        """The next frame. Raises Closed, or TimeoutError when none comes."""
        head = self._until(b"\n\n").decode()
        size = re.search(r"^Content-Length: (\d+)$", head, re.M)
        body = self._exactly(int(size.group(1))).decode() if size else ""
        self.seen.append(Frame(head, body))
        return self.seen[-1]

    def next(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The next frame that is ``wanted``; the others are passed over."""
        while not wanted(frame := self.frame()):
            pass
        return frame

    def next_event(self, *names: str, **fields: str) -> Frame:
        """The next event of these names whose headers (``_`` for ``-``) have these values."""

        def wanted(frame: Frame) -> bool:
            return frame.event in names and all(
                frame.get(name.replace("_", "-")) == value for name, value in fields.items()
            )

        return self.next(wanted)

    def command(self, text: str) -> str:
        """Send a command; its Reply-Text. Events that come in between are kept in ``seen``."""
        self.send(text + "\n\n")
        return self.next(lambda f: "command/reply" in f.head).reply

    def api(self, text: str) -> str:
        self.send(f"api {text}\n\n")
        return self.next(lambda f: "api/response" in f.head).body

    def execute(self, name: str, argument: str = "", event_uuid: str = "", *, lock: bool = False) -> str:
        """``sendmsg`` execute; returns the Event-UUID, which the completion shows as Application-UUID."""
        event_uuid = event_uuid or str(uuid.uuid4())
        lines = ["sendmsg", "call-command: execute", f"execute-app-name: {name}", f"event-uuid: {event_uuid}"]
        if lock:
            lines.append("event-lock: true")
        body = argument.encode()
        if body:
            lines += ["content-type: text/plain", f"content-length: {len(body)}"]
        self.send("\n".join(lines) + "\n\n" + argument)
        return event_uuid

    def completed(self, event_uuid: str) -> Frame:
        return self.next_event("CHANNEL_EXECUTE_COMPLETE", Application_UUID=event_uuid)

    def to_the_end(self) -> list[Frame]:
        """All frames until the peer closes."""
        start = len(self.seen)
        try:
            while True:
                self.frame()
        except (Closed, ConnectionError):
            return self.seen[start:]

    def events_seen(self) -> list[str]:
        return [frame.event for frame in self.seen if frame.event]

    def close(self) -> None:
        self.sock.close()

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise Closed(self._buffer)
        self._buffer += data

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._more()
        data, self._buffer = self._buffer.split(end, 1)
        return data

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data


def connect(host: str, port: int, password: str) -> RawClient:
    """An authenticated client."""
    client = RawClient(socket.create_connection((host, port), timeout=PATIENCE))
    assert client.frame().head == "Content-Type: auth/request"
    assert client.command(f"auth {password}") == "+OK accepted"
    return client


class OutboundServer:
    """Where the switch's ``socket`` application connects to."""

    def __init__(self) -> None:
        from gevent.queue import SimpleQueue

        self._calls: SimpleQueue[RawClient] = SimpleQueue()
        self._server = StreamServer(("127.0.0.1", 0), self._accept)
        self._server.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port or 0)

    @property
    def application(self) -> str:
        """What to append to an originate line."""
        return f"&socket('127.0.0.1:{self.port} async full')"

    def _accept(self, sock: Any, address: object) -> None:
        # The StreamServer closes the socket when its handler returns: keep it for the test instead.
        self._calls.put(RawClient(socket.socket(fileno=sock.detach())))

    def call(self) -> RawClient:
        """The next call, before ``connect``."""
        return self._calls.get(timeout=PATIENCE)

    def close(self) -> None:
        self._server.stop()
