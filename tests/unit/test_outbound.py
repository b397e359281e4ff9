"""The outbound-socket server over real TCP, and one test for each defect of plain greenswitch that it must not have.

Those tests were seen to fail, or to hang, on greenswitch 0.0.19's own classes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import gevent
import gevent.event
import gevent.queue
import gevent.socket
import pytest

from fs_app.errors import CommandRejected, ConfigError, SwitchDown
from fs_app.switch.channel import Channel, ChannelHungUp
from fs_app.switch.outbound import OutboundServer
from fs_app.switch.session import OutboundSession
from fs_app.switch.wire import Frame
from tests.fakes.esl_peer import CALL, PATIENCE, Call, Line, plain, reply, transcript

Start = Callable[..., OutboundServer]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[OutboundServer] = []

    def started(application: Callable[[Channel], None], **options: int) -> OutboundServer:
        server = OutboundServer("127.0.0.1", 0, application, **options)
        server.start()
        servers.append(server)
        return server

    yield started
    for server in servers:
        server.stop()


@pytest.fixture
def session() -> Iterator[tuple[OutboundSession, Call]]:
    """A session and the switch at its other end, after `connect`."""
    listener = gevent.socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    call = Call(listener.getsockname()[1])
    sock, address = listener.accept()
    found = OutboundSession(address, sock)
    connecting = gevent.spawn(found.connect)
    call.taken()
    connecting.get(timeout=PATIENCE)
    yield found, call
    found.lost("the test is over")
    call.close()
    listener.close()


# The server


def test_a_call_from_connect_to_goodbye(start: Start) -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    def application(channel: Channel) -> None:
        seen.append((channel.uuid, channel.variable("fs_app"), channel.variable("nonsense")))

    server = start(application)
    Call(server.bound_port).taken().ends()
    assert seen == [(CALL, "true", None)]
    assert server.stop(PATIENCE) == 0
    assert server.connection_count == 0


def test_the_names_in_the_channel_data_are_decoded_but_forge_nothing(start: Start) -> None:
    names: list[str | None] = []
    server = start(lambda channel: names.append(channel.variable("origination_caller_id_name")))
    Call(server.bound_port).taken().ends()
    assert names == ["Dr Müller\n"]


def test_connect_is_sent_without_delay(start: Start) -> None:
    """greenswitch polls for a new connection ten times a second: 57 ms at the median."""
    server = start(lambda channel: None)
    took = []
    for _ in range(15):
        began = time.perf_counter()
        call = Call(server.bound_port)
        call.expect("connect")
        took.append(time.perf_counter() - began)
        call.close()
    assert statistics.median(took) < 0.02


def test_an_application_that_fails_hangs_the_call_up(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    def application(channel: Channel) -> None:
        raise ZeroDivisionError("in the application")

    server = start(application)
    Call(server.bound_port).taken().ends()
    server.stop(PATIENCE)
    assert "in the application" in caplog.text
    assert CALL in caplog.text


def test_a_callee_who_hangs_up_ends_the_application_quietly(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = start(lambda channel: [channel.play(["/a.wav"]) for _ in range(99)] and None)
    call = Call(server.bound_port).taken()
    call.read_execute()
    call.hangs_up("NORMAL_CLEARING")
    call.goodbye()
    server.stop(PATIENCE)
    assert not [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")]


def test_many_calls_at_once_each_with_its_own_answers(start: Start) -> None:
    gathered: list[str] = []
    server = start(lambda ch: gathered.append(ch.gather(["/a.wav"], maximum=1, timeout=1).digits))

    def callee(key: str) -> None:
        call = Call(server.bound_port).taken()
        call.plays("/a.wav", keys=key)
        call.ends()

    callees = [gevent.spawn(callee, key) for key in "0123456789" * 5]
    gevent.joinall(callees, timeout=PATIENCE, raise_error=True)
    assert sorted(gathered) == sorted("0123456789" * 5)


def test_no_room_is_said_politely(start: Start) -> None:
    leave = gevent.event.Event()
    server = start(lambda channel: leave.wait() and None, max_connections=1)
    first = Call(server.bound_port).taken()
    Call(server.bound_port).taken().ends("SWITCH_CONGESTION")
    leave.set()
    first.ends()
    assert server.stop(PATIENCE) == 0


def test_stop_waits_for_calls_and_then_closes_them(start: Start) -> None:
    caught: list[str] = []

    def application(channel: Channel) -> None:
        try:
            channel.play(["/a.wav"])
        except ChannelHungUp as end:
            caught.append(end.cause)
            raise

    server = start(application)
    call = Call(server.bound_port).taken()
    call.read_execute()
    assert server.stop(grace=0.01) == 1
    assert caught == ["SOCKET_CLOSED"]
    assert call.read() is None
    with pytest.raises(OSError, match="refused"):
        Call(server.bound_port)


def test_a_connection_that_comes_to_nothing(start: Start) -> None:
    ran: list[Channel] = []
    server = start(ran.append)
    for words in (b"", b"GET / HTTP/1.1\r\n\r\n\n\n", b"Content-Type: command/reply\nReply-Text: -ERR\n\n"):
        line = Line(gevent.socket.create_connection(("127.0.0.1", server.bound_port), PATIENCE))
        line.write(words)
        line.close()
    Call(server.bound_port).taken().ends()
    assert [channel.uuid for channel in ran] == [CALL]


def test_a_port_that_is_taken(start: Start) -> None:
    server = start(lambda channel: None)
    with pytest.raises(ConfigError, match="FS_APP_OUTBOUND"):
        OutboundServer("127.0.0.1", server.bound_port, lambda channel: None).start()


def test_a_dialplan_without_full(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = start(lambda channel: None)
    call = Call(server.bound_port)
    call.expect("connect")
    call.write(call.data, *[reply("-ERR command not found")] * 4)
    while (packet := call.read()) is not None:
        if packet.line == "exit":
            call.write(reply("+OK bye"))
    server.stop(PATIENCE)
    assert "async full" in caplog.text


# The defects of greenswitch 0.0.19


def test_completions_are_matched_by_uuid_not_by_name(session: tuple[OutboundSession, Call]) -> None:
    ours, call = session
    running = [gevent.spawn(ours.call_command, "playback", f"/{n}.wav", True) for n in range(2)]
    uuids = {argument: event_uuid for _, argument, event_uuid in (call.read_execute() for _ in range(2))}
    call.complete("of somebody else")
    call.complete(uuids["/1.wav"])
    running[1].get(timeout=PATIENCE)
    assert not running[0].ready()
    call.complete(uuids["/0.wav"], response="FILE NOT FOUND")
    done = running[0].get(timeout=PATIENCE)
    assert done is not None
    assert done["Application-Response"] == "FILE NOT FOUND"


def test_a_handler_of_ones_own_breaks_no_blocking_call(session: tuple[OutboundSession, Call]) -> None:
    ours, call = session
    seen: list[str] = []
    ours.register_handle("CHANNEL_EXECUTE_COMPLETE", lambda e: seen.append(e["Application"]))
    playing = gevent.spawn(ours.playback, "/a.wav")
    call.plays("/a.wav")
    done = playing.get(timeout=PATIENCE)
    assert done is not None
    assert done["Application-Response"] == "FILE PLAYED"
    assert "playback" in seen


def test_a_drop_in_mid_body_ends_everything_at_once(session: tuple[OutboundSession, Call]) -> None:
    ours, call = session
    playing = gevent.spawn(ours.playback, "/a.wav")
    call.read_execute()
    asking = gevent.spawn(ours.send, "api status")
    call.expect("api status")
    call.write(b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent-Name: CHANNEL_")
    call.close()
    with pytest.raises(ChannelHungUp, match="SOCKET_CLOSED"):
        playing.get(timeout=PATIENCE)
    with pytest.raises(SwitchDown):
        asking.get(timeout=PATIENCE)
    assert not ours.connected


def test_events_with_hostile_names(session: tuple[OutboundSession, Call]) -> None:
    ours, call = session
    seen: gevent.queue.Queue[Frame] = gevent.queue.Queue()
    ours.register_handle("*", seen.put)
    call.write(plain("CHANNEL_STATE", {"Caller-Caller-ID-Name": "X\nUnique-ID: forged", "Unique-ID": CALL}))
    assert seen.get(timeout=PATIENCE)["Unique-ID"] == CALL


def test_none_is_never_sent_as_an_argument(session: tuple[OutboundSession, Call]) -> None:
    ours, call = session
    with pytest.raises(NotImplementedError):
        ours.play_and_get_digits(1, 1, 1, 5000, "#", "/a.wav")
    saying = gevent.spawn(ours.say, text="5")
    application, argument, event_uuid = call.read_execute()
    assert (application, argument) == ("say", "en NUMBER pronounced FEMININE 5")
    call.complete(event_uuid, "_none_", "say")
    saying.get(timeout=PATIENCE)


def test_a_command_the_switch_declines(session: tuple[OutboundSession, Call]) -> None:
    ours, call = session
    playing = gevent.spawn(ours.run, "playback", "/a.wav")
    call.expect("sendmsg")
    call.write(reply("-ERR invalid session"))
    with pytest.raises(CommandRejected, match="invalid session"):
        playing.get(timeout=PATIENCE)


@pytest.mark.parametrize("name", ["hangup", "press", "play_dtmf", "record", "timeout", "bridge", "sip-press"])
def test_recorded_calls_end_with_their_keys_kept(name: str) -> None:
    """Every event of a recorded call, in one go, to a session: it ends hung up, with exactly the keys pressed."""
    recorded = transcript(f"{name}-outbound.jsonl")
    listener = gevent.socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    call = Call(listener.getsockname()[1])
    call.data = recorded[0]
    sock, address = listener.accept()
    ours = OutboundSession(address, sock)
    connecting = gevent.spawn(ours.connect)
    call.taken()
    connecting.get(timeout=PATIENCE)
    stream = [frame for frame in recorded if b"text/event-plain" in frame.partition(b"\n\n")[0]]
    call.write(*stream)
    call.close()
    assert ours.closed.wait(PATIENCE)
    keys = [f.partition(b"DTMF-Digit: ")[2][:1].decode() for f in stream if b"\nEvent-Name: DTMF\n" in f]
    assert ours.keys == keys
    assert ours.hangup_cause == "NORMAL_CLEARING"
    listener.close()
