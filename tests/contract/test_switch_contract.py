"""What this product relies on in a switch: the same conversations with the simulator and with a real FreeSWITCH.

The real one needs ``FS_APP_TEST_ESL=host:port`` (``FS_APP_TEST_ESL_PASSWORD``, by default ClueCon), a way to connect
back to this machine's loopback, and the dialplan of tests/freeswitch/fs_app_parties.xml, whose context
``callees`` behaves as CALLEES below.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from gevent import socket

from fs_app.clock import SystemClock
from fs_app.simulator import Callee, HangUp, Press, Simulator
from fs_app.switch.once import NAME_QUESTION, count_variable, name_command, question, record_name
from tests.fakes.raw_esl import PATIENCE, Frame, OutboundServer, RawClient, connect

CALLEES = {
    "1001": Callee(ring=0, actions=(Press("1", at=3.0),)),
    "1009": Callee(ring=0),
    "1011": Callee(ring=0, answer=False, cause="USER_BUSY"),
    "1012": Callee(ring=0.02, answer=False),
    "1013": Callee(ring=0, answer=False, cause="CALL_REJECTED"),
    "1014": Callee(ring=0, answer=False, cause="UNALLOCATED_NUMBER"),
    "1015": Callee(ring=0, actions=(HangUp(at=2.5),)),
}
SPEED = 10.0  # of the simulator; the real one takes its time
WATCHED = "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_PROGRESS CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB"


@dataclass
class Call:
    """An originate under way: its UUID, the connection that watches it, the socket that drives it."""

    uuid: str
    watcher: RawClient
    driver: RawClient | None = None
    job: str = ""

    @property
    def app(self) -> RawClient:
        assert self.driver is not None
        return self.driver

    def outcome(self) -> str:
        """What BACKGROUND_JOB says."""
        return self._event("BACKGROUND_JOB", "Job-UUID", self.job).content

    def ended(self) -> Frame:
        return self._event("CHANNEL_HANGUP_COMPLETE", "Unique-ID", self.uuid)

    def _event(self, name: str, header: str, value: str) -> Frame:
        """The event, whether it came while we waited for another one or is still to come."""
        for frame in self.watcher.seen:
            if frame.event == name and frame.get(header) == value:
                return frame
        return self.watcher.next(lambda f: f.event == name and f.get(header) == value)


@dataclass
class Target:
    """A switch under test."""

    host: str
    port: int
    password: str
    server: OutboundServer
    speed: float
    _clients: list[RawClient] = field(default_factory=list)
    _calls: list[str] = field(default_factory=list)

    def connect(self) -> RawClient:
        client = connect(self.host, self.port, self.password)
        self._clients.append(client)
        return client

    def raw(self) -> RawClient:
        client = RawClient(socket.create_connection((self.host, self.port), timeout=PATIENCE))
        self._clients.append(client)
        return client

    def originate(self, legs: str, variables: str = "", application: str = "") -> Call:
        """``legs`` is a dial string in which a bare number means that callee."""
        legs = f"loopback/{legs}/callees" if legs.isdigit() else legs
        call_uuid, job = str(uuid.uuid4()), str(uuid.uuid4())
        watcher = self.connect()
        assert watcher.command(f"event plain {WATCHED}") == "+OK event listener enabled plain"
        watcher.command(f"filter variable_fs_app {call_uuid}")
        watcher.command(f"filter Job-UUID {job}")
        more = f",{variables}" if variables else ""
        line = (
            f"originate {{origination_uuid={call_uuid},fs_app={call_uuid},ignore_early_media=true{more}}}{legs} "
            f"{application or self.server.application}"
        )
        self._calls.append(call_uuid)
        assert watcher.command(f"bgapi {line}\nJob-UUID: {job}") == f"+OK Job-UUID: {job}"
        return Call(call_uuid, watcher, job=job)

    def answered(self, legs: str, variables: str = "", *, linger: int | None = 5) -> Call:
        """A call that answers and is driven by our socket, events on."""
        call = self.originate(legs, variables)
        call.driver = self.server.call()
        self._clients.append(call.driver)
        call.driver.send("connect\n\n")
        data = call.driver.frame()
        assert (data["Event-Name"], data["Control"], data["Socket-Mode"]) == ("CHANNEL_DATA", "full", "async")
        if linger is not None:
            assert call.driver.command(f"linger {linger}") == f"+OK will linger {linger} seconds"
        assert call.driver.command("myevents") == "+OK Events Enabled"
        return call

    def close(self) -> None:
        control = self.connect()
        for call_uuid in self._calls:
            control.api(f"uuid_kill {call_uuid}")
        for client in self._clients:
            client.close()


@pytest.fixture(params=["simulator", pytest.param("freeswitch", marks=pytest.mark.freeswitch)])
def switch(request: pytest.FixtureRequest) -> Iterator[Target]:
    server = OutboundServer()
    if request.param == "simulator":
        with Simulator(
            clock=SystemClock(), speed=SPEED, callees=CALLEES, gateways=["sipp"], password="secret"
        ) as simulator:
            target = Target("127.0.0.1", simulator.port, "secret", server, SPEED)
            yield target
            target.close()
    else:
        address = os.environ.get("FS_APP_TEST_ESL")
        if not address:
            pytest.skip("FS_APP_TEST_ESL is unset: this contract was NOT checked against a real FreeSWITCH")
        host, _, port = address.rpartition(":")
        password = os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon")
        target = Target(host, int(port), password, server, 1.0)
        yield target
        target.close()
    server.close()


# ---------------------------------------------------------------------- the connection


def test_the_password_decides(switch: Target) -> None:
    client = switch.raw()
    assert client.frame().head == "Content-Type: auth/request"
    assert client.command("api status") == "-ERR command not found"
    wrong = switch.raw()
    wrong.frame()
    assert wrong.command("auth not-it") == "-ERR invalid"
    (goodbye,) = wrong.to_the_end()
    assert "text/disconnect-notice" in goodbye.head
    assert goodbye.body.startswith("Disconnected, goodbye.\n")


def test_replies_to_the_commands_of_a_connection(switch: Target) -> None:
    client = switch.connect()
    assert client.command("nonsense") == "-ERR command not found"
    assert client.command("event plain NO_SUCH") == "-ERR no keywords supplied"
    assert client.command("event plain DTMF") == "+OK event listener enabled plain"
    assert client.command("nixevent DTMF") == "+OK events nixed"
    assert client.command("noevents") == "+OK no longer listening for events"
    assert client.command("filter A b") == "+OK filter added. [A]=[b]"
    assert client.command("filter delete A") == "+OK filter deleted. [A][]"
    assert client.command("linger 5") == "-ERR not controlling a session"
    assert client.command("sendmsg nobody\ncall-command: hangup") == "-ERR invalid session id [nobody]"
    assert client.api("no_such_command x") == "-ERR no_such_command Command not found!\n"
    assert client.command("exit") == "+OK bye"
    (goodbye,) = client.to_the_end()
    assert goodbye.head == "Content-Type: text/disconnect-notice\nContent-Length: 67"


def test_bgapi_answers_before_its_event_and_takes_our_name_for_the_job(switch: Target) -> None:
    client = switch.connect()
    client.command("event plain BACKGROUND_JOB")
    job = str(uuid.uuid4())
    client.send(f"bgapi echo hello\nJob-UUID: {job}\n\n")
    reply, event = client.frame(), client.next(lambda f: f.get("Job-UUID") == job)
    assert "command/reply" in reply.head
    assert reply["Job-UUID"] == job
    assert (event["Job-Command"], event["Job-Command-Arg"], event.content) == ("echo", "hello", "hello")
    own = client.command("bgapi no_such_thing").removeprefix("+OK Job-UUID: ")
    assert client.next(lambda f: f.event == "BACKGROUND_JOB" and f["Job-UUID"] == own).content == (
        "-ERR no_such_thing Command not found!\n"
    )


# ---------------------------------------------------------------------- calls that fail


@pytest.mark.parametrize(
    ("number", "cause"),
    [("1011", "USER_BUSY"), ("1013", "CALL_REJECTED"), ("1014", "UNALLOCATED_NUMBER"), ("1012", "NO_ANSWER")],
)
def test_a_failed_call_says_why_twice(number: str, cause: str, switch: Target) -> None:
    """In BACKGROUND_JOB and in CHANNEL_HANGUP_COMPLETE, in either order."""
    call = switch.originate(number, "originate_timeout=2")
    assert call.outcome() == f"-ERR {cause}\n"
    end = call.ended()
    assert (end["Hangup-Cause"], end["variable_hangup_cause"]) == (cause, cause)
    assert (end["Caller-Channel-Answered-Time"], end["variable_billsec"]) == ("0", "0")
    assert end["Answer-State"] == "hangup"
    assert ("CHANNEL_PROGRESS" in call.watcher.events_seen()) == (number == "1012")


@pytest.mark.parametrize(
    ("legs", "cause"),
    [
        ("sofia/gateway/no-such-gateway/123", "INVALID_GATEWAY"),
        ("nosuchendpoint/123", "CHAN_NOT_IMPLEMENTED"),
        ("[a=1", "DESTINATION_OUT_OF_ORDER"),
    ],
)
def test_what_cannot_be_dialled_has_no_channel(legs: str, cause: str, switch: Target) -> None:
    call = switch.originate(legs)
    assert call.outcome() == f"-ERR {cause}\n"
    assert "CHANNEL_CREATE" not in call.watcher.events_seen()


def test_a_line_without_an_application_is_answered_with_the_usage(switch: Target) -> None:
    assert switch.connect().api("originate loopback/1009/callees").startswith("-USAGE: ")


def test_the_next_alternative_is_tried_unless_told_otherwise(switch: Target) -> None:
    legs = "loopback/1011/callees|loopback/1013/callees"
    assert switch.originate(legs).outcome() == "-ERR CALL_REJECTED\n"
    only = "fail_on_single_reject=!GATEWAY_DOWN:INVALID_GATEWAY"
    assert switch.originate(legs, only).outcome() == "-ERR USER_BUSY\n"
    down = "sofia/gateway/no-such-gateway/1|loopback/1013/callees"
    assert switch.originate(down, only).outcome() == "-ERR CALL_REJECTED\n"


# ---------------------------------------------------------------------- a call that is answered


def test_a_key_pressed_during_the_prompt(switch: Target) -> None:
    call = switch.answered("1001")
    assert call.outcome() == f"+OK {call.uuid}\n"
    app = call.app
    ask = app.execute("play_and_get_digits", "1 1 2 4000 # silence_stream://9000 silence_stream://200 digit [1-3] 2000")
    key = app.next_event("DTMF")
    assert (key["DTMF-Digit"], key["Unique-ID"]) == ("1", call.uuid)
    done = app.completed(ask)
    assert (done["variable_digit"], done["variable_read_result"]) == ("1", "success")
    assert done["Application"] == "play_and_get_digits"
    app.execute("hangup", "NORMAL_CLEARING")
    end = app.next_event("CHANNEL_HANGUP_COMPLETE")
    assert int(end["Caller-Channel-Answered-Time"]) > 0
    assert int(end["Caller-Channel-Hangup-Time"]) > int(end["Caller-Channel-Answered-Time"])
    assert end["variable_digits_dialed"] == "1"
    notice = app.next(lambda f: "Content-Disposition: linger" in f.head)
    assert notice["Controlled-Session-UUID"] == call.uuid
    app.send("exit\n\n")
    assert "Content-Disposition: disconnect" in app.to_the_end()[-1].head


def test_nobody_presses(switch: Target) -> None:
    app = switch.answered("1009").app
    ask = app.execute("play_and_get_digits", "1 1 1 1000 # silence_stream://300 silence_stream://100 digit \\d 1000")
    done = app.completed(ask)
    assert done["variable_read_result"] == "failure"
    assert done.get("variable_digit") is None


def test_the_callee_hangs_up_during_a_playback(switch: Target) -> None:
    """CHANNEL_HANGUP, the playback's completion, CHANNEL_HANGUP_COMPLETE; then messages are taken and forgotten."""
    call = switch.answered("1015")
    app = call.app
    play = app.execute("playback", "silence_stream://60000")
    app.next_event("CHANNEL_HANGUP")
    done = app.completed(play)
    assert (done["Application-Response"], done["Answer-State"]) == ("PLAYBACK ERROR", "hangup")
    end = app.next_event("CHANNEL_HANGUP_COMPLETE")
    assert end["Hangup-Cause"] == "NORMAL_CLEARING"
    assert sum("Content-Disposition: linger" in frame.head for frame in app.seen) == 1
    app.execute("playback", "silence_stream://100")
    assert app.next(lambda f: "command/reply" in f.head).reply == "+OK"
    app.send("exit\n\n")
    assert "CHANNEL_EXECUTE" not in [frame.event for frame in app.to_the_end()]


def test_without_linger_the_end_is_not_told(switch: Target) -> None:
    call = switch.answered("1015", linger=None)
    call.app.execute("playback", "silence_stream://60000")
    rest = call.app.to_the_end()
    assert "CHANNEL_HANGUP_COMPLETE" not in [frame.event for frame in rest]
    assert "Content-Disposition: disconnect" in rest[-1].head
    assert call.ended()["Hangup-Cause"] == "NORMAL_CLEARING"


def test_a_missing_file_and_an_unknown_application(switch: Target) -> None:
    app = switch.answered("1009").app
    done = app.completed(app.execute("playback", "/no/such/file.wav"))
    assert done["Application-Response"] == "FILE NOT FOUND"
    ask = app.execute("play_and_get_digits", "1 1 3 1000 # /no/such.wav /no/such2.wav digit \\d 1000")
    assert app.completed(ask).get("variable_digit") is None
    app.execute("no_such_application", "x")
    assert app.next_event("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == "DESTINATION_OUT_OF_ORDER"


def test_a_key_pressed_between_two_applications_is_told_once_and_eaten(switch: Target) -> None:
    app = switch.answered("1001").app
    assert app.next_event("DTMF")["DTMF-Digit"] == "1"
    ask = app.execute("play_and_get_digits", "1 1 1 1000 # silence_stream://100 silence_stream://100 digit \\d 1000")
    assert app.completed(ask).get("variable_digit") is None


def test_a_key_that_ends_nothing_is_eaten_too(switch: Target) -> None:
    app = switch.answered("1001", "playback_terminators=none").app
    play = app.execute("playback", "silence_stream://4000")
    app.next_event("DTMF")
    done = app.completed(play)
    assert done["Application-Response"] == "FILE PLAYED"
    assert done.get("variable_playback_terminator_used") is None
    assert int(done["variable_playback_ms"]) == 4000


def test_a_terminator_ends_a_playback(switch: Target) -> None:
    app = switch.answered("1001").app
    app.completed(app.execute("set", "playback_terminators=any"))
    done = app.completed(app.execute("playback", "silence_stream://60000"))
    assert (done["Application-Response"], done["variable_playback_terminator_used"]) == ("FILE PLAYED", "1")


def test_messages_interrupt_unless_locked(switch: Target) -> None:
    app = switch.answered("1009").app
    outer = app.execute("playback", "silence_stream://1500")
    app.next_event("CHANNEL_EXECUTE")
    inner = app.execute("playback", "silence_stream://200")
    assert app.next_event("CHANNEL_EXECUTE_COMPLETE")["Application-UUID"] == inner
    assert app.next_event("CHANNEL_EXECUTE_COMPLETE")["Application-UUID"] == outer
    first = app.execute("playback", "silence_stream://800", lock=True)
    second = app.execute("playback", "silence_stream://100", lock=True)
    assert app.next_event("CHANNEL_EXECUTE_COMPLETE")["Application-UUID"] == first
    assert app.next_event("CHANNEL_EXECUTE_COMPLETE")["Application-UUID"] == second


def test_uuid_break_ends_a_playback(switch: Target) -> None:
    call = switch.answered("1009")
    play = call.app.execute("playback", "silence_stream://60000")
    call.app.next_event("CHANNEL_EXECUTE")
    assert switch.connect().api(f"uuid_break {call.uuid}") == "+OK\n"
    assert call.app.completed(play)["Application-Response"] == "FILE PLAYED"


def test_the_life_of_a_uuid(switch: Target) -> None:
    control = switch.connect()
    call = switch.answered("1009")
    assert control.api(f"uuid_exists {call.uuid}") == "true"
    assert control.api(f"uuid_getvar {call.uuid} fs_app") == call.uuid
    assert control.api(f"uuid_getvar {call.uuid} no_such_variable") == "_undef_"
    assert control.api(f"uuid_setvar {call.uuid} a b c") == "+OK\n"
    assert control.api(f"uuid_getvar {call.uuid} a") == "b c"
    assert f"\nUnique-ID: {call.uuid}\n" in control.api(f"uuid_dump {call.uuid}")
    assert control.api(f"uuid_kill {call.uuid} CALL_REJECTED") == "+OK\n"
    assert call.ended()["Hangup-Cause"] == "CALL_REJECTED"
    # The socket still lingers, but to the switch the call is gone.
    assert control.api(f"uuid_exists {call.uuid}") == "false"
    assert control.api(f"uuid_kill {call.uuid}") == "-ERR No such channel!\n"


def test_a_uuid_that_is_taken_does_not_keep_the_phone_from_ringing(switch: Target) -> None:
    """It rings, under a UUID of the switch's own choice: uniqueness has to be ours."""
    call = switch.answered("1009")
    control = switch.connect()
    said = control.api(f"originate {{origination_uuid={call.uuid}}}loopback/1009/callees &park()")
    assert said.startswith("+OK ")
    assert said[4:].strip() != call.uuid
    control.api(f"uuid_kill {said[4:].strip()}")


def test_an_originate_comes_through_once(switch: Target) -> None:
    """And not at all when somebody has asked for it before: then the answer was that it had not been run."""
    control = switch.connect()
    control.api(name_command(uuid.uuid4().hex[:12]))
    record = record_name(control.api(NAME_QUESTION))
    assert record
    assert control.api(name_command(uuid.uuid4().hex[:12])).startswith("-ERR")
    first, second = (str(uuid.uuid4()) for _ in range(2))
    call = switch.originate("1009", count_variable(record, first), "&park()")
    assert call.outcome().startswith("+OK ")
    again = switch.originate("1009", count_variable(record, first), "&park()")
    assert again.outcome() == "-ERR INVALID_CALL_REFERENCE\n"
    assert again.ended()["Hangup-Cause"] == "INVALID_CALL_REFERENCE"
    assert control.api(question(record, first)) == "-ERR INVALID_CALL_REFERENCE\n"
    assert control.api(question(record, second)).startswith("+OK ")
    late = switch.originate("1009", count_variable(record, second), "&park()")
    assert late.outcome() == "-ERR INVALID_CALL_REFERENCE\n"
    assert control.api("hash select/fs_app/record") == record


def test_a_call_may_be_given_a_longest_length(switch: Target) -> None:
    call = switch.answered("1009", "execute_on_answer='sched_hangup +1 ALLOTTED_TIMEOUT'")
    assert call.app.next_event("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == "ALLOTTED_TIMEOUT"


def test_hangup_by_message_with_a_cause(switch: Target) -> None:
    call = switch.answered("1009")
    assert call.app.command("sendmsg\ncall-command: hangup\nhangup-cause: USER_BUSY") == "+OK"
    assert call.ended()["Hangup-Cause"] == "USER_BUSY"


# ---------------------------------------------------------------------- with others

KEEP = "continue_on_fail=true hangup_after_bridge=false origination_cancel_key=* bridge_terminate_key=*"


def test_the_cancel_key_ends_the_ringing(switch: Target) -> None:
    """Other keys are taken meanwhile, and mean nothing."""
    call = switch.answered("1009")
    app, control, peer = call.app, switch.connect(), str(uuid.uuid4())
    app.completed(app.execute("multiset", KEEP))
    bridging = app.execute("bridge", f"{{origination_uuid={peer},originate_timeout=30}}loopback/1012/callees")
    while control.api(f"uuid_exists {peer}") != "true":
        pass
    control.api(f"uuid_recv_dtmf {call.uuid} 5*")
    done = app.completed(bridging)
    assert [frame["DTMF-Digit"] for frame in app.seen if frame.event == "DTMF"] == ["5", "*"]
    assert (done["variable_originate_disposition"], done["variable_DIALSTATUS"]) == ("NO_ANSWER", "NOANSWER")
    assert done.get("variable_last_bridge_to") is None
    assert control.api(f"uuid_exists {call.uuid}") == "true"


@pytest.mark.parametrize(("variables", "number"), [("leg_timeout=1", "1012"), (
    "leg_timeout=5,group_confirm_timeout=1,group_confirm_key=9,group_confirm_file=silence_stream://100", "1009",
)])  # fmt: skip
def test_a_leg_that_is_not_won_in_time(variables: str, number: str, switch: Target) -> None:
    call = switch.answered("1009")
    call.app.completed(call.app.execute("multiset", KEEP))
    done = call.app.completed(
        call.app.execute(
            "bridge", f"{{originate_timeout=30,ignore_early_media=true,{variables}}}loopback/{number}/callees"
        )
    )
    assert done["variable_originate_disposition"] == "ALLOTTED_TIMEOUT"
    assert done.get("variable_last_bridge_to") is None


def test_the_terminate_key_ends_the_talk(switch: Target) -> None:
    call = switch.answered("1009")
    app, control, peer = call.app, switch.connect(), str(uuid.uuid4())
    app.completed(app.execute("multiset", KEEP))
    bridging = app.execute("bridge", f"{{origination_uuid={peer},ignore_early_media=true}}loopback/1009/callees")
    bridged = app.next_event("CHANNEL_BRIDGE")
    assert (bridged["Bridge-A-Unique-ID"], bridged["Bridge-B-Unique-ID"]) == (call.uuid, peer)
    control.api(f"uuid_recv_dtmf {call.uuid} 5*")
    done = app.completed(bridging)
    assert done["variable_last_bridge_to"] == peer
    assert done["variable_originate_disposition"] == "SUCCESS"
    assert done["variable_bridge_hangup_cause"] == "NORMAL_CLEARING"
    assert int(done["Caller-Channel-Bridged-Time"]) > 0
    assert control.api(f"uuid_exists {peer}") == "false"


def test_a_conference_is_left_by_number_alone(switch: Target) -> None:
    call = switch.answered("1009")
    app, control, room = call.app, switch.connect(), f"room-{uuid.uuid4()}"
    assert control.api(f"conference {room} list count") == f"-ERR Conference {room} not found\n"
    app.completed(app.execute("set", "conference_controls=none"))
    inside = app.execute("conference", f"{room}@default")
    while control.api(f"conference {room} list count") != "1":
        pass
    member = control.api(f"uuid_getvar {call.uuid} conference_member_id")
    assert control.api(f"conference {room} hup 999999") == "-ERR Non-Existant ID 999999\n"
    assert control.api(f"uuid_break {call.uuid}") == "+OK\n"  # to no effect
    control.api(f"uuid_recv_dtmf {call.uuid} #")
    assert app.next_event("DTMF")["DTMF-Digit"] == "#"
    assert control.api(f"conference {room} hup {member}") == f"+OK hup {member}\n"
    assert app.completed(inside)["variable_conference_name"] == room
    assert control.api(f"uuid_exists {call.uuid}") == "true"


def test_a_recording_that_cannot_be_written_ends_the_call(switch: Target) -> None:
    app = switch.answered("1009").app
    app.execute("record", "/proc/no/such/a.wav 10")
    assert app.next_event("CHANNEL_HANGUP")["Hangup-Cause"] == "DESTINATION_OUT_OF_ORDER"


def test_keys_behind_the_one_that_ends_a_recording_are_dropped(switch: Target, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    call = switch.answered("1009", "playback_terminators=any")
    recording = call.app.execute("record", f"{tmp_path}/a.wav 30")
    call.app.next_event("CHANNEL_EXECUTE")
    switch.connect().api(f"uuid_recv_dtmf {call.uuid} 52")
    assert call.app.completed(recording)["variable_playback_terminator_used"] == "5"
    call.app.completed(call.app.execute("sleep", "200"))
    assert [frame["DTMF-Digit"] for frame in call.app.seen if frame.event == "DTMF"] == ["5"]


def test_the_callees_audio_comes_until_something_plays(switch: Target) -> None:
    """One order in a call: a second would end a real switch."""
    app = switch.answered("1009").app
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as here:
        here.bind(("127.0.0.1", 0))
        here.settimeout(PATIENCE)
        where = f"local-ip: 127.0.0.1\nlocal-port: 0\nremote-ip: 127.0.0.1\nremote-port: {here.getsockname()[1]}"
        assert app.command(f"sendmsg\ncall-command: unicast\n{where}\ntransport: udp") == "+OK"
        assert [len(here.recv(4096)) for _ in range(20)] == [320] * 20
        app.completed(app.execute("set", "nothing=heard"))
        assert len(here.recv(4096)) == 320
        app.completed(app.execute("playback", "silence_stream://300"))
        here.settimeout(0.5)
        late = iter(lambda: here.recv(4096), b"")
        with pytest.raises(TimeoutError):
            list(late)  # what was on its way, and then no more


# ---------------------------------------------------------------------- the socket's own troubles


def test_a_parked_call_ends_when_our_socket_closes(switch: Target) -> None:
    call = switch.answered("1009")
    call.app.completed(call.app.execute("log", "INFO parked"))
    call.app.close()
    assert call.ended()["Hangup-Cause"] == "NORMAL_CLEARING"


def test_a_socket_that_closes_too_soon_leaves_the_call_up(switch: Target) -> None:
    """Nothing but a longest length, or uuid_kill, ends such a call before the callee does."""
    call = switch.originate("1009", "execute_on_answer='sched_hangup +2 ALLOTTED_TIMEOUT'")
    switch.server.call().close()
    assert call.ended()["Hangup-Cause"] == "ALLOTTED_TIMEOUT"


def test_nobody_listens_and_the_answered_call_just_ends(switch: Target) -> None:
    call = switch.originate("1009", application="&socket('127.0.0.1:1 async full')")
    assert call.outcome() == f"+OK {call.uuid}\n"
    end = call.ended()
    assert end["Hangup-Cause"] == "NORMAL_CLEARING"
    assert int(end["Caller-Channel-Answered-Time"]) > 0


def test_the_second_host_is_tried(switch: Target) -> None:
    two = f"&socket('127.0.0.1:1|127.0.0.1:{switch.server.port} async full')"
    call = switch.originate("1009", application=two)
    call.driver = switch.server.call()
    call.driver.send("connect\n\n")
    assert call.driver.frame()["Unique-ID"] == call.uuid


# ---------------------------------------------------------------------- what must not get into a line


def test_a_comma_in_a_number_rings_a_second_phone(switch: Target) -> None:
    call = switch.originate("loopback/1011/callees,loopback/1009/callees")
    call.driver = switch.server.call()
    call.driver.send("connect\n\n")
    assert call.driver.frame()["Caller-Destination-Number"] == "1009"


def test_a_space_in_a_number_takes_our_place(switch: Target) -> None:
    call = switch.originate("loopback/1009/callees &hangup(CALL_REJECTED)")
    assert call.ended()["Hangup-Cause"] == "CALL_REJECTED"


def test_a_comma_in_a_name_is_one_more_variable(switch: Target) -> None:
    call = switch.answered("1009", "origination_caller_id_name=Bob,injected=yes")
    assert call.app.seen[0]["variable_injected"] == "yes"


def test_a_mark_in_a_name_starts_a_second_dial(switch: Target) -> None:
    """Before anything is unquoted: what follows :_: in a name is rung."""
    call = switch.originate("1011", "origination_caller_id_name='a:_:loopback/1009/callees',originate_timeout=5")
    call.driver = switch.server.call()
    call.driver.send("connect\n\n")
    data = call.driver.frame()
    assert data["Caller-Destination-Number"] == "1009"
    switch.connect().api(f"uuid_kill {data['Unique-ID']}")


def test_a_coded_newline_in_a_name_reads_as_one(switch: Target) -> None:
    """Splitting into lines must come first: the switch does not encode a %0A again."""
    call = switch.answered("1009", "origination_caller_id_name='Ann%0AForged: yes'")
    assert "variable_origination_caller_id_name: Ann%0AForged%3A%20yes\n" in call.app.seen[0].head + "\n"
    assert call.app.seen[0].get("Forged") is None


def test_arguments_are_expanded_unless_the_call_forbids_it(switch: Target) -> None:
    app = switch.answered("1009").app
    done = app.completed(app.execute("set", "leak=${strftime(%Y)}-${fs_app}"))
    assert done["variable_leak"].startswith("20")
    assert done["Application-Data"].startswith("leak=20")
    safe = switch.answered("1009", "app_disable_expand_variables=true").app
    done = safe.completed(safe.execute("log", "INFO ${strftime(%Y)}"))
    assert done["Application-Data"] == "INFO ${strftime(%Y)}"


def test_set_expands_its_value_whatever_the_call_says(switch: Target) -> None:
    """So nothing that came from a person may ever be an argument of set."""
    app = switch.answered("1009", "app_disable_expand_variables=true").app
    done = app.completed(app.execute("set", "leak=${strftime(%Y)}"))
    assert done["Application-Data"] == "leak=${strftime(%Y)}"
    assert done["variable_leak"].startswith("20")


def test_an_unquoted_text_is_split_into_the_arguments_behind_it(switch: Target) -> None:
    """The words end as a transfer target, and the call with them."""
    app = switch.answered("1009").app
    app.execute("play_and_get_digits", "1 1 1 1000 # silence_stream://100 silence_stream://100 d \\d 1000 nowhere now")
    assert app.next_event("CHANNEL_HANGUP_COMPLETE")["Hangup-Cause"] == "NO_ROUTE_DESTINATION"
