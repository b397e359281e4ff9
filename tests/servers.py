"""Servers that messages are sent to in tests: real sockets on loopback, real TLS with a certificate of their own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Authority:
    """A certificate authority for ``localhost``; ``file`` is what a client must trust."""

    def __init__(self, home: Any) -> None:
        authority = trustme.CA()
        self.file = str(home / "authority.pem")
        authority.cert_pem.write_to_path(self.file)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.server)

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.file)


@dataclass
class Mailbox:
    """``answer`` is what the server says to a mail. ``mails`` are (envelope sender, recipients, mail, over TLS)."""

    port: int = 0
    answer: str = "250 taken"
    recipient_answer: str = "250 fine"
    mails: Queue[tuple[str, list[str], EmailMessage, bool]] = field(default_factory=Queue)
    users: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, to: str, _options: Any) -> str:  # noqa: N802
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(to)
        return self.recipient_answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            over_tls = server.transport.get_extra_info("ssl_object") is not None
            self.mails.put((envelope.mail_from, envelope.rcpt_tos, mail, over_tls))
        return self.answer

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and self.users.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=known, handled=False)


@contextmanager
def smtp_server(tls: str, authority: Authority, users: Mapping[str, str] | None = None) -> Iterator[Mailbox]:
    """A mail server; ``tls`` is ``always``, ``start`` or ``none``."""
    mailbox = Mailbox(users=dict(users or {}))
    options: dict[str, Any] = {}
    if tls == "start":
        options |= {"tls_context": authority.server, "require_starttls": True}
    if users:
        options |= {"authenticator": mailbox.authenticate, "auth_required": True, "auth_require_tls": tls == "start"}
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def here(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    async def listen() -> asyncio.Server:
        context = authority.server if tls == "always" else None
        return await loop.create_server(lambda: SMTP(mailbox, loop=loop, **options), "127.0.0.1", 0, ssl=context)

    server = here(listen())
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        here(_ended(server))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _ended(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@dataclass
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[Received], tuple[int, Mapping[str, str], bytes]]


@dataclass
class WebServer:
    port: int
    got: Queue[Received]
    answer: Answer
    scheme: str = "http"

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://localhost:{self.port}{path}"


@contextmanager
def web_server(answer: Answer = lambda _: (204, {}, b""), context: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """An HTTP server in threads of its own; ``web.answer`` may be changed while it runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            received = Received(self.command, self.path, dict(self.headers), body)
            status, headers, said = web.answer(received)
            web.got.put(received)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = _handle  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    web = WebServer(server.server_port, Queue(), answer, "http" if context is None else "https")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
