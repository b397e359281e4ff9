"""The supervised connection to the switch: over real TCP, against a peer that writes recorded bytes or misbehaves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import gevent
import gevent.event
import gevent.queue
import pytest

from fs_app.clock import SystemClock
from fs_app.domain.calls import (
    CallAnswered,
    CallEnded,
    CallEvent,
    CallRinging,
    OriginateFailed,
    OriginateRequest,
)
from fs_app.errors import (
    CommandRejected,
    InvalidInput,
    OriginateUnconfirmed,
    ProtocolError,
    SwitchDown,
    SwitchRefused,
    SwitchTimeout,
)
from fs_app.switch.dialstring import originate_command
from fs_app.switch.events import call_event
from fs_app.switch.gate import Switch
from fs_app.switch.inbound import LONGEST_DELAY, InboundConnection, retry_delay
from fs_app.switch.wire import FrameParser
from tests.fakes.esl_peer import (
    CALL,
    PATIENCE,
    Line,
    Listener,
    events,
    pieces,
    plain,
    reply,
    response,
    transcript,
)

REQUEST = OriginateRequest(CALL, "5550100", "loopback/{number}/callees", "127.0.0.1:8084")


def said(name: str) -> list[CallEvent]:
    frames = FrameParser().feed(b"".join(transcript(name)))
    return [event for event in map(call_event, frames) if event is not None]


def at(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


# What events mean


def test_an_answered_call_and_only_its_a_leg() -> None:
    answered, ended = said("press-inbound.jsonl")
    assert answered == CallAnswered(CALL, at(1795400042821688))
    assert ended == CallEnded(CALL, at(1795400050321710), "NORMAL_CLEARING", answered=True, billsec=8)


@pytest.mark.parametrize(("name", "cause"), [("busy", "USER_BUSY"), ("noanswer", "NO_ANSWER")])
def test_a_failed_call_is_told_twice(name: str, cause: str) -> None:
    told = said(f"{name}-inbound.jsonl")
    (failed,) = (e for e in told if isinstance(e, OriginateFailed))
    (ended,) = (e for e in told if isinstance(e, CallEnded))
    assert failed.cause == ended.cause == cause
    assert (ended.answered, ended.billsec) == (False, 0)
    assert ended.rang_at == (at(1795400107701679) if name == "noanswer" else None)


@pytest.mark.parametrize(
    ("given", "believed"), [("sip:486", "sip:486"), ("", ""), ("sip:486%0Aforged: x", ""), ("<b>", ""), ("sip:", "")]
)
def test_the_networks_own_reason(given: str, believed: str) -> None:
    lines = ("Event-Name: CHANNEL_HANGUP_COMPLETE", f"Unique-ID: {CALL}", "variable_fs_app: true",
             f"variable_fs_app_call: {CALL}", "Event-Date-Timestamp: 1795400042821688",
             f"variable_proto_specific_hangup_cause: {given}")  # fmt: skip
    body = ("\n".join(lines) + "\n\n").encode()
    head = f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n".encode()
    (frame,) = FrameParser().feed(head + body)
    ended = call_event(frame)
    assert isinstance(ended, CallEnded)
    assert ended.protocol_cause == believed


def test_every_recorded_call_ends_once() -> None:
    for name in ("bridge", "hangup", "play_dtmf", "press", "record", "sip-press", "timeout"):
        told = said(f"{name}-inbound.jsonl")
        assert [type(e) for e in told].count(CallEnded) == 1, name
        assert all(e.answered for e in told if isinstance(e, CallEnded))


def ours(name: str, **headers: str) -> bytes:
    base = {
        "Unique-ID": CALL,
        "variable_fs_app": "true",
        "variable_fs_app_call": CALL,
        "Event-Date-Timestamp": "1795400042821688",
    }
    return plain(name, base | {k.replace("__", "-"): v for k, v in headers.items()})


def test_ringing_and_other_peoples_calls() -> None:
    def translated(raw: bytes) -> CallEvent | None:
        (frame,) = FrameParser().feed(raw)
        return call_event(frame)

    assert translated(ours("CHANNEL_PROGRESS")) == CallRinging(CALL, at(1795400042821688))
    assert translated(ours("CHANNEL_PROGRESS_MEDIA")) == CallRinging(CALL, at(1795400042821688), media=True)
    assert translated(ours("CHANNEL_PROGRESS", variable_fs_app="false")) is None
    assert translated(ours("CHANNEL_PROGRESS", variable_fs_app_call="another")) is None
    assert translated(ours("CHANNEL_PARK")) is None
    with pytest.raises(ProtocolError):
        translated(ours("CHANNEL_ANSWER", Event__Date__Timestamp="yesterday"))


@pytest.mark.parametrize(
    ("body", "cause"), [("-ERR USER_BUSY\n", "USER_BUSY"), ("-USAGE: <call url>…\n", "USAGE"), ("+OK uuid\n", None)]
)
def test_jobs(body: str, cause: str | None) -> None:
    headers = {"Job-UUID": CALL, "Job-Command": "originate", "Job-Command-Arg": "{fs_app=true}loopback/1"}
    (frame,) = FrameParser().feed(plain("BACKGROUND_JOB", headers, body))
    assert call_event(frame) == (OriginateFailed(CALL, cause) if cause else None)
    for other in ({"Job-Command": "status"}, {"Job-Command-Arg": "user/1000"}):
        (frame,) = FrameParser().feed(plain("BACKGROUND_JOB", headers | other, "-ERR X\n"))
        assert call_event(frame) is None


# One connection


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


def connected(listener: Listener) -> tuple[InboundConnection, Line]:
    client = InboundConnection("127.0.0.1", listener.port, "pw", timeout=PATIENCE)
    connecting = gevent.spawn(client.connect)
    line = listener.accept()
    line.write(b"Content-Type: auth/request\n\n")
    line.expect("auth pw")
    line.write(reply("+OK accepted"))
    connecting.get(timeout=PATIENCE)
    return client, line


def test_replies_find_their_commands_in_order(listener: Listener) -> None:
    client, line = connected(listener)
    waiting = [gevent.spawn(client.send, f"api echo {n}") for n in range(20)]
    for n in range(20):
        line.expect(f"api echo {n}")
    for byte in pieces(b"".join(response(f"answer {n}") for n in range(20)), 5):
        line.write(byte)
    gevent.joinall(waiting, timeout=PATIENCE)
    assert [w.value.data for w in waiting] == [f"answer {n}" for n in range(20)]
    assert client.connected


def test_a_reply_that_comes_too_late_is_not_taken_for_the_next(listener: Listener) -> None:
    client, line = connected(listener)
    with pytest.raises(SwitchTimeout):
        client.send("api slow", timeout=0.01)
    line.expect("api slow")
    second = gevent.spawn(client.send, "api quick")
    line.expect("api quick")
    line.write(response("slow"), response("quick"))
    assert second.get(timeout=PATIENCE).data == "quick"


def test_a_pending_command_hears_of_the_end_of_file(listener: Listener) -> None:
    client, line = connected(listener)
    pending = gevent.spawn(client.send, "api status", 60)
    line.expect("api status")
    line.close()
    with pytest.raises(SwitchDown, match="closed"):
        pending.get(timeout=PATIENCE)
    assert not client.connected
    with pytest.raises(SwitchDown):
        client.send("api status")


def test_a_peer_that_closes_in_mid_body_freezes_nothing(listener: Listener) -> None:
    client, line = connected(listener)
    line.write(b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent-Name: X\n")
    line.close()
    assert client.closed.wait(PATIENCE)
    assert not client.connected


def test_bytes_that_are_not_utf_8_do_not_kill_the_reader(listener: Listener) -> None:
    client, line = connected(listener)
    names: gevent.queue.Queue[str] = gevent.queue.Queue()
    client.register_handle("X", lambda e: names.put(e["Name"]))
    inner = b"Event-Name: X\nName: \xff\xfe\n\n"
    line.write(b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(inner) + inner)
    line.write(plain("X", {"Name": "next"}))
    assert [names.get(timeout=PATIENCE) for _ in range(2)] == ["\ufffd\ufffd", "next"]
    assert client.connected


def test_forged_headers_and_the_body_of_a_job(listener: Listener) -> None:
    client, line = connected(listener)
    seen: gevent.queue.Queue[tuple[str | None, str | None, str]] = gevent.queue.Queue()
    client.register_handle("BACKGROUND_JOB", lambda e: seen.put((e.get("Job-UUID"), e.get("Content-Length"), e.body)))
    line.write(plain("BACKGROUND_JOB", {"Name": "X\nJob-UUID: forged", "Job-UUID": "real"}, "-ERR USER_BUSY\n"))
    assert seen.get(timeout=PATIENCE) == ("real", "15", "-ERR USER_BUSY\n")


def test_a_handler_that_fails_or_waits_stops_nobody(listener: Listener) -> None:
    client, line = connected(listener)
    caught: gevent.queue.Queue[str] = gevent.queue.Queue()

    def waits(_: object) -> None:
        try:
            client.send("api status")
        except RuntimeError as error:
            caught.put(str(error))
            raise

    client.register_handle("X", waits)
    client.register_handle("X", lambda e: caught.put("second handler"))
    line.write(plain("X", {}))
    assert "must not wait" in caught.get(timeout=PATIENCE)
    assert caught.get(timeout=PATIENCE) == "second handler"
    assert client.connected


def test_a_large_command_arrives_whole(listener: Listener) -> None:
    """send() of a socket may write a part; the peer reads only after the buffers are full."""
    client, line = connected(listener)
    words = "x" * 8_000_000
    sending = gevent.spawn(client.send, f"api {words}")
    gevent.idle()
    line.expect(f"api {words}")
    line.write(response("ok"))
    assert sending.get(timeout=PATIENCE).data == "ok"


def test_a_peer_that_is_no_switch(listener: Listener) -> None:
    client = InboundConnection("127.0.0.1", listener.port, "pw", timeout=PATIENCE)
    connecting = gevent.spawn(client.connect)
    listener.accept().write(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\n\n")
    with pytest.raises(SwitchDown, match="Content-Type"):
        connecting.get(timeout=PATIENCE)


def test_a_peer_that_says_nothing(listener: Listener) -> None:
    with pytest.raises(SwitchDown, match="did not greet"):
        InboundConnection("127.0.0.1", listener.port, "pw", timeout=0.01).connect()


def test_the_access_list(listener: Listener) -> None:
    client = InboundConnection("127.0.0.1", listener.port, "pw", timeout=PATIENCE)
    connecting = gevent.spawn(client.connect)
    words = "Access Denied, go away.\n"
    listener.accept().write(f"Content-Type: text/rude-rejection\nContent-Length: {len(words)}\n\n{words}".encode())
    with pytest.raises(SwitchRefused, match="go away"):
        connecting.get(timeout=PATIENCE)


def test_a_password_is_one_line() -> None:
    with pytest.raises(InvalidInput):
        InboundConnection("127.0.0.1", 1, "a\n\napi system x")


def test_delays_grow_from_nothing_to_half_a_minute() -> None:
    assert [retry_delay(n, 1.0) for n in (0, 1, 2, 3, 4)] == [0, 0, 0.25, 0.5, 1.0]
    assert [retry_delay(n, 0.0) for n in (2, 3)] == [0.125, 0.25]
    assert retry_delay(10_000, 1.0) == LONGEST_DELAY


# The supervised switch


@pytest.fixture
def switch(listener: Listener) -> Iterator[Switch]:
    found = Switch("127.0.0.1", listener.port, "pw", clock=SystemClock())
    found.start()
    yield found
    found._stopping.set()
    if found._link is not None:
        found._link.lost("the test is over")  # nobody is left to answer a goodbye
    found.stop()


def fails(_: CallEvent) -> None:
    raise ZeroDivisionError("in a handler of somebody's")


def test_up_and_events(listener: Listener, switch: Switch) -> None:
    heard: gevent.queue.Queue[CallEvent] = gevent.queue.Queue()
    switch.subscribe(fails)
    switch.subscribe(heard.put)
    line = listener.welcome()
    assert switch.wait_up(PATIENCE)
    assert switch.up
    assert switch.name == f"127.0.0.1:{listener.port}"
    line.write(*events("busy-inbound.jsonl", "CHANNEL_HANGUP_COMPLETE"))
    line.write(*events("busy-inbound.jsonl", "BACKGROUND_JOB"))
    assert [type(heard.get(timeout=PATIENCE)) for _ in range(2)] == [CallEnded, OriginateFailed]
    assert heard.empty()


def test_subscription_comes_again_after_a_loss(listener: Listener, switch: Switch) -> None:
    states: gevent.queue.Queue[bool] = gevent.queue.Queue()
    switch.on_state(states.put)
    for _ in range(2):
        line = listener.accept()
        line.write(b"Content-Type: auth/request\n\n")
        line.expect("auth pw")
        line.write(reply("+OK accepted"))
        subscription = line.read()
        assert subscription is not None
        assert subscription.line.startswith("event plain ")
        assert {"CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE", "BACKGROUND_JOB"} <= set(subscription.line.split())
        line.write(reply())
        line.expect("filter variable_fs_app true")
        line.write(reply())
        line.expect("filter Event-Name BACKGROUND_JOB")
        line.write(reply())
        named = line.read()
        assert named is not None
        assert re.fullmatch(r"api hash insert_ifempty/fs_app/record/fs_app_[0-9a-f]{12}", named.line)
        line.write(response("-ERR key already exists\n"))
        line.expect("api hash select/fs_app/record")
        assert not switch.up
        line.write(response("fs_app_0123456789ab"))
        assert states.get(timeout=PATIENCE) is True
        assert switch.up
        assert switch.record == "fs_app_0123456789ab"
        line.close()
        assert states.get(timeout=PATIENCE) is False
        assert not switch.up


def test_originate(listener: Listener, switch: Switch) -> None:
    line = listener.welcome()
    assert switch.wait_up(PATIENCE)
    placing = gevent.spawn(switch.originate, REQUEST)
    packet = line.read()
    assert packet is not None
    assert packet.line.startswith("bgapi originate {origination_uuid=" + CALL)
    assert packet.headers == {"job-uuid": CALL}
    line.write(reply(f"+OK Job-UUID: {CALL}"))
    assert placing.get(timeout=PATIENCE) is None


def test_originate_declined_and_nonsense(listener: Listener, switch: Switch) -> None:
    line = listener.welcome()
    assert switch.wait_up(PATIENCE)
    placing = gevent.spawn(switch.originate, REQUEST)
    assert line.read() is not None
    line.write(reply("-ERR command not found"))
    with pytest.raises(CommandRejected):
        placing.get(timeout=PATIENCE)
    with pytest.raises(InvalidInput):
        switch.originate(OriginateRequest(CALL, "1 &park", "loopback/{number}/callees", "127.0.0.1:8084"))


def test_originate_while_down_sends_nothing() -> None:
    switch = Switch("127.0.0.1", 1, "pw", clock=SystemClock())
    with pytest.raises(SwitchDown):
        switch.originate(REQUEST)


def test_originate_cut_off_is_unconfirmed_and_never_sent_again(listener: Listener, switch: Switch) -> None:
    line = listener.welcome()
    assert switch.wait_up(PATIENCE)
    placing = gevent.spawn(switch.originate, REQUEST)
    assert line.read() is not None
    line.close()
    with pytest.raises(OriginateUnconfirmed):
        placing.get(timeout=PATIENCE)
    again = listener.welcome()
    assert switch.wait_up(PATIENCE)
    asking = gevent.spawn(switch.exists, CALL)
    again.expect(f"api uuid_exists {CALL}")  # the first thing said on the new connection
    again.write(response("true"))
    assert asking.get(timeout=PATIENCE) is True


def test_exists_hangup_and_api(listener: Listener, switch: Switch) -> None:
    line = listener.welcome()
    assert switch.wait_up(PATIENCE)
    for call, command, answer, result in (
        (lambda: switch.exists(CALL), f"uuid_exists {CALL}", "false", False),
        (lambda: switch.hangup(CALL), f"uuid_kill {CALL} NORMAL_CLEARING", "+OK\n", True),
        (lambda: switch.hangup(CALL, "USER_BUSY"), f"uuid_kill {CALL} USER_BUSY", "-ERR No such channel!\n", False),
        (lambda: switch.api("status"), "status", "UP 0 years\n", "UP 0 years\n"),
    ):
        asking = gevent.spawn(call)
        line.expect(f"api {command}")
        line.write(response(answer))
        assert asking.get(timeout=PATIENCE) == result
    with pytest.raises(InvalidInput):
        switch.exists("all")
    with pytest.raises(InvalidInput):
        switch.hangup(CALL, "X\n\napi system x")


def test_a_wrong_password_is_logged_once_with_its_remedy(
    listener: Listener, switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    line = listener.accept()
    line.write(b"Content-Type: auth/request\n\n")
    line.expect("auth pw")
    line.write(reply("-ERR invalid"))
    assert line.read() is None  # it hangs up rather than guess again
    assert not switch.wait_up(0)
    assert "invalid" in switch.trouble
    (record,) = (r for r in caplog.records if "password" in r.message)
    assert "FS_APP_ESL_PASSWORD" in record.getMessage()


def test_another_thread_is_told_so(listener: Listener, switch: Switch) -> None:
    line = listener.welcome()
    assert switch.wait_up(PATIENCE)
    with pytest.raises(RuntimeError, match="thread"):
        gevent.get_hub().threadpool.spawn(switch.exists, CALL).get(timeout=PATIENCE)
    line.close()


def test_stop_says_goodbye(listener: Listener) -> None:
    switch = Switch("127.0.0.1", listener.port, "pw", clock=SystemClock())
    switch.start()
    line = listener.welcome()
    assert switch.wait_up(PATIENCE)
    stopping = gevent.spawn(switch.stop)
    line.expect("exit")
    line.write(reply("+OK bye"))
    stopping.get(timeout=PATIENCE)
    assert line.read() is None
    assert not switch.up


# ---------------------------------------------------------------------- whether an originate was run

RECORD = "fs_app_0123456789ab"
LINE = originate_command(replace(REQUEST, once=RECORD))


@pytest.mark.parametrize(
    ("answer", "record", "never"),
    [
        ("+OK 1b4e28ba-2fa1-41d2-883f-0016d3cca427\n", RECORD, True),
        ("+OK 1b4e28ba-2fa1-41d2-883f-0016d3cca427\n", "", False),  # restarted meanwhile, and nobody named it again
        ("+OK 1b4e28ba-2fa1-41d2-883f-0016d3cca427\n", "fs_app_ffffffffffff", False),  # restarted
        ("-ERR INVALID_CALL_REFERENCE\n", None, False),  # it was run
        ("-ERR DESTINATION_OUT_OF_ORDER\n", None, False),  # no room for the question
    ],
)
def test_whether_an_originate_was_run(
    listener: Listener, switch: Switch, answer: str, record: str | None, never: bool
) -> None:
    line = listener.welcome(record=RECORD)
    assert switch.wait_up(PATIENCE)
    asking = gevent.spawn(switch.never_dialled, REQUEST.call_uuid, LINE)
    line.expect(
        f"api originate {{execute_on_originate='limit hash {RECORD} {REQUEST.call_uuid} 1/7200"
        " !INVALID_CALL_REFERENCE'}null/fs_app &hangup()"
    )
    line.write(response(answer))
    if record is not None:
        line.expect("api hash select/fs_app/record")
        line.write(response(record))
    assert asking.get(timeout=PATIENCE) is never


def test_a_line_without_a_record_proves_nothing(listener: Listener, switch: Switch) -> None:
    listener.welcome(record=RECORD)
    assert switch.wait_up(PATIENCE)
    assert switch.never_dialled(REQUEST.call_uuid, originate_command(REQUEST)) is False


def test_a_switch_that_lost_its_record_is_not_asked_for_it_for_ever(listener: Listener, switch: Switch) -> None:
    """Without mod_hash it refuses each call that is to be counted: the next one goes out without."""
    line = listener.welcome(record=RECORD)
    assert switch.wait_up(PATIENCE)
    assert switch.record == RECORD
    job = {"Job-UUID": CALL, "Job-Command": "originate", "Job-Command-Arg": "{fs_app=true}loopback/1"}
    line.write(plain("BACKGROUND_JOB", job, "-ERR INVALID_CALL_REFERENCE\n"))
    for _ in range(2):
        packet = line.read()
        assert packet is not None
        assert packet.line.startswith("api hash ")
        line.write(response("-ERR hash Command not found!\n"))
    with gevent.Timeout(PATIENCE):
        while switch.record:
            gevent.sleep(0.01)
