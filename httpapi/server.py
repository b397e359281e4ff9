"""The HTTP server: sockets in greenlets, the application in native threads.

A request is read whole by its greenlet, within a time and a size; only then does it take one of the few threads. A slow
or silent client holds a greenlet, never a thread, and nothing the application does is felt in the loop.
"""

from __future__ import annotations

import errno
import io
import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import gevent
import gevent.socket
from gevent import Timeout
from gevent.pool import Pool
from gevent.pywsgi import Input, LoggingLogAdapter, WSGIHandler, WSGIServer
from gevent.threadpool import ThreadPool

from httpapi.framing import Head
from httpapi.web import HOOKS, STREAM

log = logging.getLogger("fs_app.http.access")

BODY_MAX = 64 * 1024 * 1024  # a survey file with its recordings; most resources take less
BUFFERED_MAX = 256 * 1024 * 1024  # bodies of all requests together
CONNECTIONS_MAX = 1000
IDLE_SECONDS = 75.0  # between requests of one connection
HEAD_SECONDS = 15.0  # for request line and headers
BODY_SECONDS = 60.0
SEND_SECONDS = 60.0
_BITE = 64 * 1024

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Any]


class HttpServer:
    """Serves ``app`` on ``host``:``port``; port 0 takes a free one, told by :attr:`port` after :meth:`start`.

    ``threads`` requests are worked on at once. ``connections`` may be open; when there is little room left, that for
    which we have waited longest is closed for each that comes. ``body_max`` is in bytes; times are in seconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        app: WsgiApp,
        threads: int = 8,
        *,
        connections: int = CONNECTIONS_MAX,
        body_max: int = BODY_MAX,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._body_max = body_max
        self._body_seconds = body_seconds
        self._buffered = 0
        self._pool = ThreadPool(threads)
        self._waiting = _Waiting(connections - max(connections // 20, 1))
        handler = type("Handler", (_Handler,), {"head_seconds": head_seconds, "waiting": self._waiting})
        access = _AccessLog(log, logging.INFO) if log.isEnabledFor(logging.INFO) else None
        self._server = WSGIServer(
            (host, port),
            self._serve,
            spawn=Pool(connections),
            handler_class=handler,
            log=access,
            error_log=LoggingLogAdapter(log, logging.DEBUG),
        )

    @property
    def port(self) -> int:
        return int(self._server.server_port or 0)

    def start(self) -> None:
        """Bind and listen. Raises OSError when the address is taken."""
        self._server.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop listening, give what runs ``timeout`` seconds to end, then close."""
        self._server.stop(timeout=timeout)
        self._pool.kill()

    def _serve(self, environ: Environ, start_response: StartResponse) -> Any:
        body = environ["wsgi.input"]
        held = 0
        try:
            try:
                with Timeout(self._body_seconds), self._waiting.on(start_response.__self__):  # type: ignore[attr-defined]
                    content, held = self._read(body)
            except Timeout:
                return _refuse(body, start_response, "408 Request Timeout", "the body took too long: send it faster")
            except _TooLarge:
                at_most = f"the body is too large: at most {self._body_max} bytes"
                return _refuse(body, start_response, "413 Content Too Large", at_most)
            except _Busy:
                return _refuse(body, start_response, "503 Service Unavailable", "busy with large bodies: try again")
            environ["wsgi.input"] = io.BytesIO(content)
            environ["CONTENT_LENGTH"] = str(len(content))
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            environ["wsgi.multithread"] = True
            status, headers, answer, stream = self._pool.apply(_run, (self._app, environ))
        finally:
            self._buffered -= held
        if stream is not None:
            start_response(status, [header for header in headers if header[0].lower() != "content-length"])
            return _while_listened_to(stream(), start_response.__self__.socket)  # type: ignore[attr-defined]
        start_response(status, headers)
        return [answer]

    def _read(self, body: Input) -> tuple[bytes, int]:
        declared = body.content_length or 0
        if declared > self._body_max:
            raise _TooLarge
        parts: list[bytes] = []
        held = 0
        try:
            while part := body.read(_BITE):
                held += len(part)
                self._buffered += len(part)
                if held > self._body_max:
                    raise _TooLarge
                if self._buffered > BUFFERED_MAX:
                    raise _Busy
                parts.append(part)
        except BaseException:
            self._buffered -= held
            raise
        return b"".join(parts), held


class _TooLarge(Exception):
    pass


class _Busy(Exception):
    pass


def _run(app: WsgiApp, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes, Callable[[], Any] | None]:
    """One request, in a native thread; and what is to be sent in the loop when it was answered by a stream."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [status, headers]
        return written.append

    written: list[bytes] = []
    answer = app(environ, start_response)
    try:
        written.extend(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    return started[0], started[1], b"".join(written), environ.get(STREAM)


def _while_listened_to(stream: Iterator[bytes], sock: Any) -> Iterator[bytes]:
    """The stream, until the client closes: noticed at once, not with the next thing there is to say."""
    serving: Any = gevent.getcurrent()
    watch = gevent.spawn(_end_with_client, sock, serving)
    try:
        yield from stream
    finally:
        watch.kill(block=False)


def _end_with_client(sock: Any, serving: Any) -> None:
    try:
        gevent.socket.wait_read(sock.fileno())
        gone = not sock.recv(1, socket.MSG_PEEK)
    except OSError:
        gone = True
    if gone:
        serving.kill(BrokenPipeError(errno.EPIPE, "the client is gone"), block=False)


def _refuse(body: Input, start_response: StartResponse, status: str, detail: str) -> Any:
    answer = json.dumps({"detail": detail}).encode()
    headers = [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(answer)))]
    if status.startswith("503"):
        headers.append(("Retry-After", "1"))
    start_response(status, [*headers, ("Connection", "close")])
    return _then_drain(answer, body)


def _then_drain(answer: bytes, body: Input) -> Iterator[bytes]:
    """The answer, then for a moment what the client is still sending: closing on unread bytes could lose the answer."""
    yield answer
    with suppress(Timeout), Timeout(1.0):
        for _ in range(64):
            try:
                if not body.read(_BITE):
                    break
            except OSError:
                break
    # Whatever else comes is not read: the connection closes.
    body.content_length = body.position
    body.chunked_input = False


class _Waiting:
    """Connections that owe us a request, or the rest of one, in the order in which we began to wait for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._handlers: dict[WSGIHandler, None] = {}

    @contextmanager
    def on(self, handler: WSGIHandler) -> Iterator[None]:
        self._handlers[handler] = None
        try:
            yield
        finally:
            self._handlers.pop(handler, None)

    def make_room(self, connected: int) -> None:
        """Somebody has come: who sits here without a word goes, or a thousand of them would keep everybody out."""
        if connected > self._most and self._handlers:
            longest = next(iter(self._handlers))
            del self._handlers[longest]
            with suppress(OSError):  # it reads an end, whatever it is waiting for, and closes
                longest.socket.shutdown(socket.SHUT_RD)


class _Handler(WSGIHandler):
    """Gives every step of a connection a time within which it must be done."""

    head_seconds = HEAD_SECONDS
    waiting: _Waiting
    _held: bytearray | None = None

    def handle(self) -> None:
        self.waiting.make_room(len(self.server.pool or ()))
        super().handle()

    def read_requestline(self) -> str:
        try:
            with Timeout(IDLE_SECONDS), self.waiting.on(self):
                return str(super().read_requestline())
        except Timeout:
            raise TimeoutError("idle") from None

    def MessageClass(self, file: Any, *_rest: Any) -> Any:  # noqa: N802  # pywsgi's name for what reads the headers
        return Head(file)

    def read_request(self, raw_requestline: str) -> Any:
        try:
            with Timeout(self.head_seconds), self.waiting.on(self):
                return super().read_request(raw_requestline)
        except Timeout:
            raise ValueError("the headers took too long") from None

    def log_request(self) -> None:
        if log.isEnabledFor(logging.INFO):  # or a line is made for nobody
            super().log_request()

    def _write_with_headers(self, data: bytes) -> None:
        # In one piece: a body that is sent after its head waits until the client has acknowledged the head, and clients
        # take their time for that (40 ms on Linux).
        self._held = bytearray()
        try:
            super()._write_with_headers(data)  # type: ignore[misc]  # the stubs leave it out
        finally:
            whole, self._held = self._held, None
        self._sendall(bytes(whole))

    def _sendall(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            return
        try:
            with Timeout(SEND_SECONDS):
                super()._sendall(data)  # type: ignore[misc]  # the stubs leave it out
        except Timeout:
            self.close_connection = True
            raise BrokenPipeError(32, "the client does not read") from None


class _AccessLog(LoggingLogAdapter):
    """A line a request, without the secrets that stand in the addresses of hooks."""

    def write(self, msg: str) -> None:
        super().write(re.sub(rf"({HOOKS}[^/ ]*)/[^/ ]+/", r"\1/…/", msg))
