"""Bytes for the wire: what FreeSWITCH sends, written from its behaviour and checked against recorded conversations.

Texts are ``str`` decoded from UTF-8 with surrogateescape, so that any byte a client sent comes back unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

Headers = list[tuple[str, str]]

_UNSAFE = frozenset(b'\r\n #%&+:;<=>?@[\\]^`{|}"')
_HEX = frozenset(b"0123456789ABCDEF")
GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def percent_encode(value: str) -> str:
    """One header value as the switch encodes it.

    A ``%`` followed by two upper-case hexadecimal digits is left alone: the switch does not encode twice, which is
    why a caller-ID name holding ``%0A`` reads as a newline once decoded.

    >>> percent_encode("Dr Müller%0A")
    'Dr%20M%C3%BCller%0A'
    """
    data = to_bytes(value)
    out: list[str] = []
    for at, byte in enumerate(data):
        coded = byte == 0x25 and at + 2 < len(data) and data[at + 1] in _HEX and data[at + 2] in _HEX
        if not coded and (byte < 0x20 or byte > 0x7E or byte in _UNSAFE):
            out.append(f"%{byte:02X}")
        else:
            out.append(chr(byte))
    return "".join(out)


def event_plain(headers: Iterable[tuple[str, str]], body: str = "") -> bytes:
    """An event as ``text/event-plain`` content. An empty value is sent as ``_undef_``."""
    lines = "".join(f"{name}: {percent_encode(value) or '_undef_'}\n" for name, value in headers)
    if body:
        return to_bytes(f"{lines}Content-Length: {len(to_bytes(body))}\n\n{body}")
    return to_bytes(lines + "\n")


def event_json(headers: Iterable[tuple[str, str]], body: str = "") -> bytes:
    """An event as ``text/event-json`` content; of a header that occurs twice, the last value stays."""
    fields = dict(headers)
    if body:
        fields["Content-Length"] = str(len(to_bytes(body)))
        fields["_body"] = body
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


def event_frame(headers: Iterable[tuple[str, str]], body: str = "", form: str = "plain") -> bytes:
    content = event_json(headers, body) if form == "json" else event_plain(headers, body)
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (len(content), form.encode(), content)


def command_reply(text: str, extra: Iterable[tuple[str, str]] = ()) -> bytes:
    more = "".join(f"{name}: {value}\n" for name, value in extra)
    return to_bytes(f"Content-Type: command/reply\nReply-Text: {text}\n{more}\n")


def api_response(text: str) -> bytes:
    body = to_bytes(text or "-ERR no reply\n")
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(body), body)


def auth_request() -> bytes:
    return b"Content-Type: auth/request\n\n"


def disconnect_notice(session_uuid: str = "") -> bytes:
    """The last frame before the switch closes; an outbound socket's names its call."""
    controlled = ""
    if session_uuid:
        controlled = f"Controlled-Session-UUID: {session_uuid}\nContent-Disposition: disconnect\n"
    return to_bytes(f"Content-Type: text/disconnect-notice\n{controlled}Content-Length: {len(GOODBYE)}\n\n{GOODBYE}")


def linger_notice(session_uuid: str, channel_name: str, seconds: int) -> bytes:
    """Sent once when the call of a lingering outbound socket is over; ``seconds`` -1 means without limit."""
    return to_bytes(
        "Content-Type: text/disconnect-notice\n"
        f"Controlled-Session-UUID: {session_uuid}\n"
        "Content-Disposition: linger\n"
        f"Channel-Name: {channel_name}\n"
        f"Linger-Time: {seconds}\n"
        "Content-Length: 0\n\n"
    )
