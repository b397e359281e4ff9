"""SMPP, against a server of another make on loopback: smpp34 is Rust, and shares no code with what sends here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Queue
from threading import Thread
from typing import Any

import pytest
import smpp34

from fs_app.domain.enums import Kind
from fs_app.domain.sending import Declined, Delivered, Delivery, Message, Refused, SmsGatewayFacts, Unreached
from fs_app.notify.sms_smpp import SmppSms
from tests.processes import free_port
from tests.servers import Authority

LONG = "Your appointment with Dr. Adams. " * 8  # 264 characters


class Smsc:
    """``answer`` is the command status for the n-th message it gets, from 0."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.got: Queue[Any] = Queue()
        self.answer: Callable[[int], int] = lambda _: 0

    async def serve(self, server: Any) -> None:
        count = 0
        while True:
            event = await server.next()
            if isinstance(event, smpp34.SubmitSmEvent):
                status, count = self.answer(count), count + 1
                self.got.put(event)
                if status:
                    event.reject(status)
                else:
                    event.accept(f"id-{count}")


@contextmanager
def smsc() -> Iterator[Smsc]:
    peer = Smsc(free_port())
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def here(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    async def begin() -> tuple[Any, Any]:
        server = smpp34.Server("127.0.0.1", peer.port, system_id="peer")
        await server.start()
        return server, asyncio.ensure_future(peer.serve(server))

    async def end(server: Any, task: Any) -> None:
        task.cancel()
        await server.stop()

    server, task = here(begin())
    try:
        yield peer
    finally:
        here(end(server, task))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@contextmanager
def tls_before(port: int, authority: Authority) -> Iterator[int]:
    """The port of somebody who speaks TLS and passes on what is in it, as service providers do."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    async def begin() -> asyncio.Server:
        return await asyncio.start_server(join, "127.0.0.1", 0, ssl=authority.server)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def send(peer: Smsc, text: str, context: Callable[[], Any] | None = None, **parameters: Any) -> Delivery:
    values = {"to": "+15550100", "from": "15550199", "text": text, "key": "key-1"}
    message = Message(1, "t", Kind.SMS, "key-1", "+15550100", {}, gateway=SmsGatewayFacts(1, "g", "smpp"))
    settings = {"host": "127.0.0.1", "port": peer.port, "system_id": "desk", "password": "secret", **parameters}
    trusting = {} if context is None else {"context": context}
    return SmppSms(timeout=5.0, total_seconds=15.0, **trusting).send(message, values, settings)


def test_a_short_text_is_one_message() -> None:
    with smsc() as peer:
        delivery = send(peer, "Hello Ann, see you at 9")
        assert delivery == Delivered("id-1")
        event = peer.got.get(timeout=10)
        assert (event.source_addr, event.destination_addr) == ("15550199", "15550100")
        assert (event.dest_addr_ton, event.dest_addr_npi) == (1, 1)
        assert (event.short_message, event.data_coding, event.esm_class) == (b"Hello Ann, see you at 9", 0, 0)
        assert peer.got.empty()


@pytest.mark.parametrize(("text", "coding"), [(LONG, 0), ("Grüße, здравствуйте! " * 6, 8)])
def test_a_long_text_is_several_parts_of_one(text: str, coding: int) -> None:
    with smsc() as peer:
        delivery = send(peer, text)
        assert isinstance(delivery, Delivered), delivery
        parts = [peer.got.get(timeout=10) for _ in delivery.reference.split(",")]
    assert len(parts) == 2
    assert {p.data_coding for p in parts} == {coding}
    heads = [p.short_message[:6] for p in parts]
    assert [h[:3] for h in heads] == [b"\x05\x00\x03"] * 2
    assert heads[0][3] == heads[1][3]  # one reference
    assert [(h[4], h[5]) for h in heads] == [(2, 1), (2, 2)]
    body = b"".join(p.short_message[6:] for p in parts)
    assert (body.decode("utf-16-be") if coding else body.decode("ascii")) == text
    assert all(p.esm_class & 0x40 for p in parts)


def test_an_alphanumeric_sender_is_told_as_one() -> None:
    with smsc() as peer:
        values = {"to": "5550100", "from": "Practice", "text": "x", "key": "k"}
        message = Message(1, "t", Kind.SMS, "k", "5550100", {}, gateway=SmsGatewayFacts(1, "g", "smpp"))
        settings = {"host": "127.0.0.1", "port": peer.port, "system_id": "desk"}
        assert isinstance(SmppSms(5.0, 15.0).send(message, values, settings), Delivered)
        event = peer.got.get(timeout=10)
    assert (event.source_addr, event.source_addr_ton, event.source_addr_npi) == ("Practice", 5, 0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (smpp34.ESME_RINVDSTADR, Refused),  # for ever
        (smpp34.ESME_RTHROTTLED, Unreached),  # too much just now
        (smpp34.ESME_RMSGQFUL, Unreached),
        (smpp34.ESME_RUNKNOWNERR, Declined),
    ],
)
def test_what_the_peer_answers_decides(status: int, kind: type) -> None:
    with smsc() as peer:
        peer.answer = lambda _: status
        assert isinstance(send(peer, "x"), kind)


def test_parts_of_which_one_was_taken_are_repeated_as_a_whole() -> None:
    """Nobody can take the first part back; the same reference lets the telephone find its likes."""
    with smsc() as peer:
        peer.answer = lambda n: smpp34.ESME_RINVDSTADR if n == 1 else 0
        assert isinstance(send(peer, LONG), Unreached)
        first = peer.got.get(timeout=10).short_message[3]
        peer.got.get(timeout=10)
        peer.answer = lambda _: 0
        assert isinstance(send(peer, LONG), Delivered)
        assert peer.got.get(timeout=10).short_message[3] == first


def test_nobody_listens() -> None:
    assert isinstance(send(Smsc(1), "x"), Unreached)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def test_over_tls(authority: Authority) -> None:
    with smsc() as peer, tls_before(peer.port, authority) as port:
        delivery = send(peer, LONG, authority.client, tls=True, port=port, host="localhost")
        assert delivery == Delivered("id-1,id-2")
        parts = [peer.got.get(timeout=10).short_message[6:] for _ in range(2)]
    assert b"".join(parts).decode("ascii") == LONG


def test_by_the_authorities_of_the_machine(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    with smsc() as peer, tls_before(peer.port, authority) as port:
        monkeypatch.setenv("SSL_CERT_FILE", authority.file)
        assert isinstance(send(peer, "x", tls=True, port=port, host="localhost"), Delivered)


def test_nothing_is_sent_to_whom_no_authority_vouches_for(authority: Authority) -> None:
    with smsc() as peer, tls_before(peer.port, authority) as port:
        delivery = send(peer, "x", tls=True, port=port, host="localhost")
        assert isinstance(delivery, Unreached)
        assert "certificate" in delivery.reason.lower()
        assert peer.got.empty()


def test_nothing_is_sent_to_another_name(authority: Authority) -> None:
    with smsc() as peer, tls_before(peer.port, authority) as port:
        delivery = send(peer, "x", authority.client, tls=True, port=port, host="127.0.0.2")
        assert isinstance(delivery, Unreached)
        assert peer.got.empty()


def test_a_peer_without_tls_is_told_apart(authority: Authority) -> None:
    with smsc() as peer:
        delivery = send(peer, "x", authority.client, tls=True, host="localhost")
        assert isinstance(delivery, Unreached)
        assert peer.got.empty()


def test_a_peer_that_falls_silent_over_tls_is_cut(authority: Authority) -> None:
    """It takes the connection and says nothing, for longer than all parts of a message may take."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with tls_before(silent.getsockname()[1], authority) as port:
            values = {"to": "5550100", "from": "1", "text": "x", "key": "k"}
            message = Message(1, "t", Kind.SMS, "k", "5550100", {}, gateway=SmsGatewayFacts(1, "g", "smpp"))
            settings = {"host": "localhost", "port": port, "system_id": "desk", "tls": True}
            assert isinstance(SmppSms(30.0, 0.5, authority.client).send(message, values, settings), Unreached)
