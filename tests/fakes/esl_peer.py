"""The far end of an event socket for tests: real TCP, bytes written by hand, and a reader of its own, so that a
misunderstanding in the product's parser cannot cancel itself out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import gevent
import gevent.socket

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"
CALL = "7d44b455-139d-4f12-af39-5008c7879c4d"  # the call of the transcript `press`
PATIENCE = 5.0  # seconds until a test that waits in vain fails


def transcript(name: str, sender: str = "freeswitch") -> list[bytes]:
    """The frames that one side sent, in order."""
    lines = (json.loads(line) for line in (TRANSCRIPTS / name).read_text().splitlines())
    return [line["frame"].encode() for line in lines if line["from"] == sender and "frame" in line]


def events(name: str, event: str) -> list[bytes]:
    """The frames of a transcript that carry that event."""
    return [f for f in transcript(name) if f"\nEvent-Name: {event}\n".encode() in f]


def plain(name: str, headers: dict[str, str], body: str = "") -> bytes:
    """An event as mod_event_socket writes it."""
    inner = f"Event-Name: {name}\n" + "".join(f"{k}: {quote(v, safe='')}\n" for k, v in headers.items())
    inner += f"Content-Length: {len(body.encode())}\n\n{body}" if body else "\n"
    return f"Content-Length: {len(inner.encode())}\nContent-Type: text/event-plain\n\n{inner}".encode()


def reply(words: str = "+OK") -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {words}\n\n".encode()


def response(words: str) -> bytes:
    return f"Content-Type: api/response\nContent-Length: {len(words.encode())}\n\n{words}".encode()


@dataclass
class Packet:
    """What the product sent: its first line, its headers (lower case) and its body."""

    line: str
    headers: dict[str, str]
    body: str


class Line:
    """One connection, seen from the switch."""

    def __init__(self, sock: gevent.socket.socket) -> None:
        self.sock = sock
        sock.settimeout(PATIENCE)
        self.file = sock.makefile("rb")

    def read(self) -> Packet | None:
        """The next packet; None at end of file. Fails after five seconds of silence."""
        lines: list[str] = []
        while True:
            raw = self.file.readline()
            if not raw:
                return None
            text = raw.decode()
            assert text.endswith("\n")
            assert "\r" not in text
            if text == "\n":
                break
            lines.append(text[:-1])
        headers = dict(line.split(": ", 1) for line in lines[1:])
        headers = {name.lower(): value for name, value in headers.items()}
        return Packet(lines[0], headers, self.file.read(int(headers.get("content-length", "0"))).decode())

    def expect(self, line: str) -> Packet:
        packet = self.read()
        assert packet is not None, f"closed before {line!r}"
        assert packet.line == line
        return packet

    def write(self, *frames: bytes) -> None:
        self.sock.sendall(b"".join(frames))

    def close(self) -> None:
        self.file.close()
        self.sock.close()


class Listener:
    """Where the product connects to: a switch's event socket on a port of its own."""

    def __init__(self) -> None:
        self.sock = gevent.socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(16)
        self.sock.settimeout(PATIENCE)
        self.port: int = self.sock.getsockname()[1]

    def accept(self) -> Line:
        return Line(self.sock.accept()[0])

    def welcome(self, password: str = "pw", record: str = "") -> Line:
        """Accept a connection and see it through authentication, subscription, and the question for the name of the
        record of what has been run: without ``record`` the switch has no mod_hash."""
        line = self.accept()
        line.write(b"Content-Type: auth/request\n\n")
        line.expect(f"auth {password}")
        line.write(reply("+OK accepted"))
        for _ in range(3):
            assert line.read() is not None
            line.write(reply())
        for answer in ("+OK\n", record) if record else ("-ERR hash Command not found!\n",) * 2:
            packet = line.read()
            assert packet is not None
            assert packet.line.startswith("api hash ")
            line.write(response(answer))
        return line

    def close(self) -> None:
        self.sock.close()


class Call(Line):
    """A switch that has connected to the outbound-socket server with an answered call."""

    def __init__(self, port: int, answered: bool = True) -> None:
        super().__init__(gevent.socket.create_connection(("127.0.0.1", port), PATIENCE))
        self.data = transcript("press-outbound.jsonl")[0]
        if not answered:
            self.data = self.data.replace(b"Answer-State: answered", b"Answer-State: ringing")

    def taken(self) -> Call:
        """Answer what the server says first."""
        self.expect("connect")
        self.write(self.data)
        self.expect("myevents")
        self.expect("linger 5")
        assert [self.read_execute()[:2] for _ in range(2)] == [
            ("set", "app_disable_expand_variables=true"),
            ("set", "playback_terminators=any"),
        ]
        self.write(reply(), reply())
        return self

    def read_execute(self) -> tuple[str, str, str]:
        """(application, argument, event UUID) of the next sendmsg, answered with +OK."""
        packet = self.expect("sendmsg")
        assert packet.headers["call-command"] == "execute", packet
        self.write(reply())
        return packet.headers["execute-app-name"], packet.body, packet.headers["event-uuid"]

    def complete(self, event_uuid: str, response: str = "FILE PLAYED", application: str = "playback") -> None:
        self.write(
            plain(
                "CHANNEL_EXECUTE_COMPLETE",
                {
                    "Unique-ID": CALL,
                    "Application": application,
                    "Application-Response": response,
                    "Application-UUID": event_uuid,
                    "variable_current_application": application,
                },
            )
        )

    def plays(self, argument: str, keys: str = "", response: str = "FILE PLAYED") -> None:
        """Expect a playback of that; press the keys during it; complete it."""
        application, played, event_uuid = self.read_execute()
        assert (application, played) == ("playback", argument)
        self.press(keys)
        self.complete(event_uuid, response)

    def press(self, keys: str) -> None:
        for key in keys:
            self.write(plain("DTMF", {"Unique-ID": CALL, "DTMF-Digit": key, "DTMF-Duration": "2000"}))

    def hangs_up(self, cause: str = "NORMAL_CLEARING") -> None:
        self.write(plain("CHANNEL_HANGUP", {"Unique-ID": CALL, "Hangup-Cause": cause}))

    def ends(self, cause: str = "NORMAL_CLEARING") -> None:
        """Answer the server's hangup, and see it close."""
        packet = self.expect("sendmsg")
        assert (packet.headers["call-command"], packet.headers["hangup-cause"]) == ("hangup", cause)
        self.write(reply())
        self.hangs_up(cause)
        self.goodbye()

    def goodbye(self) -> None:
        self.expect("exit")
        self.write(reply("+OK bye"))
        assert self.read() is None
        self.close()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
