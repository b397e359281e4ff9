"""The HTTP server by itself: slow, large and broken clients, and what the loop feels of the application."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from httpapi.server import HttpServer


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    body: bytes = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Length", environ["CONTENT_LENGTH"])])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


@contextmanager
def serving(app: Callable[..., Any] = echo, **options: Any) -> Iterator[HttpServer]:
    server = HttpServer("127.0.0.1", 0, app, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def exchange(server: HttpServer, *sent: bytes) -> bytes:
    """All that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as peer:
        for part in sent:
            peer.sendall(part)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    return answer


def post(body: bytes, *headers: bytes, close: bool = True) -> bytes:
    lines = [b"POST / HTTP/1.1", b"Host: x", *headers]
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"", b""]) + body


def test_whole_chunked_and_byte_by_byte_bodies_are_one_to_the_application() -> None:
    with serving() as server:
        whole = post(b"hello world", b"Content-Length: 11")
        chunked = post(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"Transfer-Encoding: chunked")
        form = post(b"hello world", b"Content-Type: multipart/form-data; boundary=x", b"Content-Length: 11")
        for answer in (
            exchange(server, whole),
            exchange(server, form),
            exchange(server, chunked),
            exchange(server, *(bytes([byte]) for byte in whole)),
        ):
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert b"X-Length: 11" in head
            assert body == b"hello world"


def test_connections_are_kept_and_head_has_no_body() -> None:
    with serving() as server:
        answer = exchange(
            server,
            post(b"one", b"Content-Length: 3", close=False),
            b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
            post(b"two", b"Content-Length: 3"),
        )
        assert answer.count(b"HTTP/1.1 200 OK") == 3
        assert answer.endswith(b"two")
        assert b"\r\n\r\none" + b"HTTP/1.1" in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"x" * 2000, b"Content-Length: 2000"),
        post(b"", b"Content-Length: 999999999999"),
        post(b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    ],
)
def test_too_large_is_413_and_never_reaches_the_application(request_bytes: bytes) -> None:
    reached = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        reached.append(environ)
        return echo(environ, start_response)

    with serving(app, body_max=1000) as server:
        answer = exchange(server, request_bytes)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"at most 1000 bytes" in answer
        assert reached == []
        assert exchange(server, post(b"y" * 1000, b"Content-Length: 1000")).endswith(b"y" * 1000)


def test_slow_clients_hold_no_thread_and_are_let_go() -> None:
    with serving(threads=1, head_seconds=0.3, body_seconds=0.3) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(20)]
        for number, peer in enumerate(silent):
            peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" if number % 2 else post(b"half", b"Content-Length: 8"))
        assert exchange(server, post(b"quick", b"Content-Length: 5")).endswith(b"quick")
        for number, peer in enumerate(silent):
            assert peer.recv(65536).startswith(b"HTTP/1.1 400 " if number % 2 else b"HTTP/1.1 408 ")
            peer.close()


def test_those_who_say_nothing_keep_nobody_out() -> None:
    """Whoever has been waited for longest makes room; whoever is being answered does not."""
    asked, go_on = threading.Event(), threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            asked.set()
            assert go_on.wait(30)
        return echo(environ, start_response)

    with serving(app, connections=20) as server:
        slow = gevent.spawn(exchange, server, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while not asked.is_set():
            gevent.sleep(0)
        silent = []
        for number in range(60):
            silent.append(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            # Idle, in the middle of a head, in the middle of a body.
            silent[-1].sendall((b"", b"GET / HTTP/1.1\r\nHost:", post(b"half", b"Content-Length: 8"))[number % 3])
        assert exchange(server, post(b"quick", b"Content-Length: 5")).endswith(b"quick")
        go_on.set()
        assert slow.get(timeout=10).startswith(b"HTTP/1.1 200 OK")
        assert silent[0].recv(100) == b""  # the first that came and said nothing
        for peer in silent:
            peer.close()


def test_a_head_that_is_cut_off_is_no_request() -> None:
    with serving() as server, socket.create_connection(("127.0.0.1", server.port), timeout=10) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(1000).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n",
        # What a proxy before us may understand otherwise:
        post(b"0\r\n\r\n", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        post(b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
        post(b"0\r\n\r\n", b"Transfer-Encoding: xchunked"),
        post(b"hello", b"Content-Length: 5", b"Content-Length: 2"),
        post(b"hello", b"Content-Length: 5", b"Content-Length: 5"),
        post(b"hello", b"Content-Length: +5"),
        post(b"x" * 50, b"Content-Length: 5_0"),
        post(b"", b"Content-Length : 5"),
        post(b"", b"X: folded", b" line"),
        post(b"", b"nonsense"),
        post(b"", b": nobody"),
        post(b"", b"X: a\0b"),
        post(b"", b"X: a\rContent-Length: 5"),
        post(b"", b"X(y): z"),
        post(b"", b"X: " + b"a" * 70_000),
        post(b"", b"X:" + b" " * 60_000 + b"\x01"),
        b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        post(b"", b"Host: y"),
    ],
)
def test_broken_requests_are_refused_and_the_server_goes_on(sent: bytes) -> None:
    with serving() as server:
        assert exchange(server, sent).startswith(b"HTTP/1.1 4")
        assert exchange(server, post(b"fine", b"Content-Length: 4")).endswith(b"fine")


def test_a_long_line_of_blanks_keeps_nobody_waiting() -> None:
    """Read by a pattern that can match it in several ways, each of these lines would take the loop 20 s."""
    with serving() as server:
        lines = [b"X: a" + b" \t" * 30_000 + b"b " for _ in range(50)]
        assert exchange(server, post(b"fine", b"Content-Length:\t 4 \t", *lines)).endswith(b"fine")


def test_a_client_that_hangs_up_in_mid_body_harms_nobody() -> None:
    with serving(threads=1) as server:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as peer:
                peer.sendall(post(b"half", b"Content-Length: 8"))
        assert exchange(server, post(b"fine", b"Content-Length: 4")).endswith(b"fine")


def test_the_loop_turns_while_the_application_blocks() -> None:
    """The application waits, in its native thread, for something only the loop can do: it must not be the loop's."""
    released = threading.Event()
    entered = gevent.get_hub().loop.async_()
    seen = Event()
    entered.start(seen.set)
    threads: list[int] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        threads.append(threading.get_ident())
        entered.send()
        assert released.wait(10)
        return echo(environ, start_response)

    with serving(app) as server:
        request = gevent.spawn(exchange, server, post(b"done", b"Content-Length: 4"))
        assert seen.wait(10)
        released.set()
        assert request.get(timeout=10).endswith(b"done")
    assert threads != [threading.get_ident()]
    entered.stop()


def test_as_many_requests_as_threads_run_at_once() -> None:
    together = threading.Barrier(4)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        together.wait(10)
        return echo(environ, start_response)

    with serving(app, threads=4) as server:
        requests = [gevent.spawn(exchange, server, post(b"x", b"Content-Length: 1")) for _ in range(4)]
        assert all(request.get(timeout=10).endswith(b"x") for request in requests)


def test_an_application_that_fails_is_a_500_and_no_more() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/fail":
            raise RuntimeError("secret")
        return echo(environ, start_response)

    with serving(app) as server:
        answer = exchange(server, b"GET /fail HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"secret" not in answer
        assert exchange(server, post(b"fine", b"Content-Length: 4")).endswith(b"fine")


def test_head_and_body_come_in_one_piece() -> None:
    """In two, the second would wait for the client's delayed acknowledgement of the first."""
    with serving() as server, socket.create_connection(("127.0.0.1", server.port), timeout=10) as peer:
        for _ in range(20):
            peer.sendall(post(b"hello", b"Content-Length: 5", close=False))
            answer = peer.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b"\r\n\r\nhello")


def test_stopping_frees_the_port() -> None:
    with serving() as server:
        port = server.port
        assert port > 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    again = HttpServer("127.0.0.1", port, echo)
    again.start()
    again.stop()
