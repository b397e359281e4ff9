"""The address of a mail server, as one setting."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from fs_app.errors import InvalidInput

_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,188}[A-Za-z0-9])?", re.ASCII
)
_WORDS = frozenset({"from", "tls"})


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """``tls`` is ``always`` (from the first byte), ``start`` (STARTTLS or nothing) or ``none``."""

    host: str
    port: int
    sender: str
    tls: str
    user: str = ""
    password: str = field(default="", repr=False)


def is_mail_address(text: str) -> bool:
    """Whether ``text`` is a plain ``local@domain``: nothing that could begin another header or argument."""
    return _ADDRESS.fullmatch(text) is not None


def parse_smtp_url(text: str) -> SmtpServer:
    """``smtp://user:password@host:587/?from=desk@example.org``; ``smtps://`` for TLS from the first byte.

    User and password are percent-encoded. ``smtp://`` uses STARTTLS, and refuses to go on without; ``tls=none`` is
    for a server on this machine, and takes no password elsewhere. Raises InvalidInput.
    """

    def wrong(message: str) -> InvalidInput:
        return InvalidInput("smtp_url", message)

    try:
        parts = urlsplit(text)
        port, query = parts.port, parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise wrong("must be smtp://user:password@host:587/?from=desk@example.org") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise wrong("must be smtp://user:password@host:587/?from=desk@example.org")
    if set(query) - _WORDS or any(len(values) != 1 for values in query.values()):
        raise wrong("takes ?from= and ?tls=, each once")
    sender = query.get("from", [""])[0]
    if not is_mail_address(sender):
        raise wrong("needs ?from= and the address that mails come from")
    tls = "always" if parts.scheme == "smtps" else query.get("tls", ["start"])[0]
    if tls not in ("always", "start", "none"):
        raise wrong("tls must be start or none")
    user = unquote(parts.username or "")
    if user and tls == "none" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise wrong("tls=none would send the password in clear: leave one of them out")
    default = {"always": 465, "start": 587, "none": 25}[tls]
    return SmtpServer(parts.hostname, port or default, sender, tls, user, unquote(parts.password or ""))
