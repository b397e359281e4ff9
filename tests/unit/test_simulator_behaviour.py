"""What only the simulator does: its callees, its journal, its faults, its limits."""

from __future__ import annotations

import json
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gevent import socket

from fs_app.clock import SystemClock
from fs_app.errors import ConfigError, InvalidInput
from fs_app.simulator import BUILT_IN, Callee, HangUp, Misbehaviour, Press, Simulator, Talk
from fs_app.simulator.audio import open_sounds, wav_seconds
from fs_app.simulator.callees import choose, load
from tests.fakes.raw_esl import Closed, OutboundServer, RawClient, connect

Make = Callable[..., Simulator]
SPEED = 20.0


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Starts a simulator with these options; its journal is in ``tmp_path``."""
    started: list[Simulator] = []

    def start(**options: Any) -> Simulator:
        options = {"clock": SystemClock(), "speed": SPEED, "journal": tmp_path / "journal", **options}
        started.append(Simulator(**options))
        started[-1].start()
        return started[-1]

    yield start
    for simulator in started:
        simulator.stop()


@pytest.fixture
def server() -> Iterator[OutboundServer]:
    server = OutboundServer()
    yield server
    server.close()


def client_of(simulator: Simulator) -> RawClient:
    return connect("127.0.0.1", simulator.port, "ClueCon")


def answered(client: RawClient, server: OutboundServer, number: str, variables: str = "") -> RawClient:
    """Dial ``number`` through a gateway, and drive the call."""
    line = f"originate {{ignore_early_media=true{variables}}}sofia/gateway/trunk/{number} {server.application}"
    assert client.command(f"bgapi {line}").startswith("+OK")
    app = server.call()
    app.send("connect\n\n")
    app.frame()
    app.command("linger 10")
    app.command("myevents")
    return app


def journal(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "journal").read_text(encoding="utf-8").splitlines()]


def sound(path: Path, seconds: float, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * int(seconds * rate)))
    return path


# ---------------------------------------------------------------------- callees


def test_a_number_chooses_its_callee() -> None:
    own = {"123": Callee(ring=9)}
    assert choose("123", own).ring == 9
    assert choose("+49155500011", own) == BUILT_IN["0011"]
    assert choose("5550011", own) == BUILT_IN["0011"]
    assert choose("7", own) == BUILT_IN["0001"]


@pytest.mark.parametrize("number", ["0011", "0013", "0014", "0018"])
def test_callees_that_do_not_answer(number: str, make: Make) -> None:
    simulator = make()
    reply = client_of(simulator).api(f"originate sofia/gateway/x/555{number} &park()")
    assert reply == f"-ERR {BUILT_IN[number].cause}\n"
    assert simulator.calls() == []


@pytest.mark.parametrize(("number", "keys"), [("0001", "1"), ("0002", "2"), ("0003", "3"), ("0005", "71")])
def test_callees_that_press(number: str, keys: str, make: Make, server: OutboundServer) -> None:
    app = answered(client_of(make()), server, f"555{number}")
    for key in keys:
        assert app.next_event("DTMF")["DTMF-Digit"] == key


def test_a_key_and_the_hang_up_in_the_same_instant(make: Make, server: OutboundServer) -> None:
    app = answered(client_of(make()), server, "5550016")
    ask = app.execute("play_and_get_digits", "1 1 1 5000 # silence_stream://9000 silence_stream://1 d \\d 1000")
    assert app.next_event("DTMF")["DTMF-Digit"] == "1"
    assert app.completed(ask)["variable_d"] == "1"
    assert app.next_event("CHANNEL_HANGUP")["Hangup-Cause"] == "NORMAL_CLEARING"


@pytest.mark.parametrize(("ring", "reply"), [(0.4, "+OK "), (5.0, "-ERR NO_ANSWER")])
def test_on_a_busy_machine_things_happen_late_but_in_their_order(ring: float, reply: str, make: Make) -> None:
    """Who is to answer after 0.4 s, and is rung for two, answers; also when both are over at the next look."""

    def stall(what: str, _line: dict[str, Any]) -> None:
        if what == "ringing":
            time.sleep(3 / SPEED)  # the whole process has no time

    simulator = make(callees={"7": Callee(ring=ring)}, on_event=stall)
    assert client_of(simulator).api("originate {originate_timeout=2}sofia/gateway/x/7 &park()").startswith(reply)


def test_own_callees_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "callees.json"
    path.write_text(
        '{"1": {"ring": 1, "actions": [{"press": "12", "at": 2}, {"talk": 3, "at": 1}, {"hangup": "", "at": 9}]},'
        ' "2": {"cause": "USER_BUSY"}, "3": {"answer": false}}'
    )
    assert load(path) == {
        "1": Callee(ring=1, actions=(Press("12", at=2), Talk(at=1, seconds=3), HangUp(at=9))),
        "2": Callee(answer=False, cause="USER_BUSY"),
        "3": Callee(answer=False),
    }


@pytest.mark.parametrize("text", ["", "[]", '{"1": 5}', '{"1": {"actions": [{"press": "1"}]}}', '{"1": {"ring": "x"}}'])
def test_a_file_of_callees_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "callees.json").write_text(text)
    with pytest.raises(ConfigError):
        load(tmp_path / "callees.json")


# ---------------------------------------------------------------------- sounds and the journal


def test_the_journal_tells_the_story(make: Make, server: OutboundServer, tmp_path: Path) -> None:
    told: list[str] = []
    simulator = make(on_event=lambda what, line: told.append(what))
    app = answered(client_of(simulator), server, "5550001")
    whole, cut = sound(tmp_path / "whole.wav", 1.0), sound(tmp_path / "cut.wav", 60.0)
    app.completed(app.execute("playback", str(whole)))
    app.completed(app.execute("play_and_get_digits", f"1 1 1 5000 # {cut} silence_stream://1 d \\d 1000"))
    app.completed(app.execute("hangup", "NORMAL_CLEARING"))
    lines = journal(tmp_path)
    assert [line["what"] for line in lines] == told
    assert told == ["dialled", "ringing", "answered", "heard", "pressed", "heard", "hangup"]
    assert {line["number"] for line in lines} == {"5550001"}
    assert len({line["uuid"] for line in lines}) == 1
    first, second = [line for line in lines if line["what"] == "heard"]
    assert (first["file"], first["seconds"], first["whole"]) == (str(whole), 1.0, True)
    assert (second["file"], second["of"], second["whole"]) == (str(cut), 60.0, False)
    assert 0 < second["seconds"] < 10
    assert lines[0]["address"] == "sofia/gateway/trunk/5550001"
    assert lines[-1]["by"] == "us"


def test_what_a_playback_argument_stands_for(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav", 2.0, rate=16000)
    assert wav_seconds(file) == 2.0
    assert [s.seconds for s in open_sounds(str(file), "")] == [2.0]
    assert [s.seconds for s in open_sounds("a.wav", str(tmp_path))] == [2.0]
    assert [s.seconds for s in open_sounds(f"file_string://{file}!silence_stream://250!/none.wav", "")] == [2.0, 0.25]
    assert [s.seconds for s in open_sounds("tone_stream://%(200,100,440);loops=3", "")] == [pytest.approx(0.9)]
    assert [s.seconds for s in open_sounds("silence_stream://-1", "")] == [None]
    (tmp_path / "text.wav").write_text("not a sound")
    assert open_sounds(str(tmp_path / "text.wav"), "") == []
    assert open_sounds("say://hello", "") == []
    assert [s.seconds for s in open_sounds("say:It is eleven.", "")] == [pytest.approx(17 / 15)]


def test_a_recording_holds_what_the_callee_said(make: Make, server: OutboundServer, tmp_path: Path) -> None:
    speaks = Callee(ring=0, actions=(Talk(at=0.5, seconds=2.0),))
    app = answered(client_of(make(callees={"1": speaks})), server, "1")
    path = tmp_path / "answer.wav"
    done = app.completed(app.execute("record", f"{path} 30 200 2"))
    assert done["variable_silence_hits_exhausted"] == "true"
    assert 3.0 < int(done["variable_record_ms"]) / 1000 < 7.0
    assert wav_seconds(path) == pytest.approx(int(done["variable_record_ms"]) / 1000, abs=0.01)
    with wave.open(str(path), "rb") as file:
        assert any(file.readframes(file.getnframes()))


def test_a_recording_stops_at_its_limit_and_at_a_key(make: Make, server: OutboundServer, tmp_path: Path) -> None:
    app = answered(client_of(make()), server, "5550001", ",playback_terminators=any")
    limited = app.completed(app.execute("record", f"{tmp_path}/a.wav 1"))
    assert limited["variable_record_ms"] == "1000"
    stopped = app.completed(app.execute("record", f"{tmp_path}/b.wav 60"))
    assert stopped["variable_playback_terminator_used"] == "1"


# ---------------------------------------------------------------------- gateways, limits, injection


def test_gateways_may_be_missing_or_down(make: Make) -> None:
    simulator = make(gateways=["good"], allow_control=True)
    client = client_of(simulator)
    assert client.api("originate sofia/gateway/bad/1 &park()") == "-ERR INVALID_GATEWAY\n"
    assert client.api("sofia status gateway bad") == "Invalid Gateway!\n"
    assert client.api("fs_app_sim gateway good down") == "+OK\n"
    assert client.api("originate sofia/gateway/good/1 &park()") == "-ERR GATEWAY_DOWN\n"
    simulator.gateway_down("good", down=False)
    assert client.api("originate sofia/gateway/good/1 &park()").startswith("+OK ")


def test_limits_refuse_without_a_channel(make: Make, tmp_path: Path) -> None:
    client = client_of(make(max_sessions=1))
    client.command("event plain CHANNEL_CREATE")
    assert client.api("originate sofia/gateway/x/5550009 &park()").startswith("+OK ")
    before = len(client.events_seen())
    assert client.api("originate sofia/gateway/x/5550009 &park()") == "-ERR DESTINATION_OUT_OF_ORDER\n"
    assert len(client.events_seen()) == before
    assert [line["what"] for line in journal(tmp_path)].count("dialled") == 1


def test_more_sessions_a_second_than_allowed(make: Make) -> None:
    class Frozen(SystemClock):
        def monotonic(self) -> float:
            return 7.0

    client = client_of(make(clock=Frozen(), sessions_per_second=2))
    said = [client.api("originate error/USER_BUSY|sofia/gateway/x/5550011 &park()") for _ in range(3)]
    assert said == ["-ERR USER_BUSY\n", "-ERR USER_BUSY\n", "-ERR DESTINATION_OUT_OF_ORDER\n"]


def test_a_leg_slipped_into_a_number_rings_for_real(make: Make, tmp_path: Path) -> None:
    client = client_of(make())
    client.api("originate sofia/gateway/x/5550011,sofia/gateway/x/900@evil.example &park()")
    dialled = [line["address"] for line in journal(tmp_path) if line["what"] == "dialled"]
    assert dialled == ["sofia/gateway/x/5550011", "sofia/gateway/x/900@evil.example"]


def test_a_command_slipped_into_a_text_is_on_record(make: Make, server: OutboundServer, tmp_path: Path) -> None:
    app = answered(client_of(make()), server, "5550009", ",api_on_answer=system")
    app.completed(app.execute("playback", "/x/${system(rm -rf /)}.wav"))
    commands = [(line["command"], line.get("arguments")) for line in journal(tmp_path) if line["what"] == "command"]
    assert ("system", "rm -rf /") in commands
    assert ("system", "") in commands


# ---------------------------------------------------------------------- misbehaviour


def test_control_is_off_unless_allowed(make: Make) -> None:
    client = client_of(make())
    assert client.api('fs_app_sim misbehave {"silent": true}') == "-ERR fs_app_sim Command not found!\n"


def test_misbehaviour_is_checked() -> None:
    assert Misbehaviour().changed('{"fragment": true, "slow_bgapi": 2}') == Misbehaviour(fragment=True, slow_bgapi=2.0)
    for text in ("{", "[]", '{"nonsense": 1}', '{"fragment": "yes"}', '{"close_after_frames": true}'):
        with pytest.raises(InvalidInput):
            Misbehaviour().changed(text)


def test_every_byte_in_a_packet_of_its_own(make: Make, server: OutboundServer) -> None:
    app = answered(client_of(make(misbehave=Misbehaviour(fragment=True))), server, "5550001")
    assert app.next_event("DTMF")["DTMF-Digit"] == "1"


def test_a_connection_breaks_in_the_middle_of_a_frame(make: Make) -> None:
    client = client_of(make(misbehave=Misbehaviour(close_after_frames=3)))
    assert client.api("echo one") == "one"
    with pytest.raises(Closed) as broken:
        client.api("echo a long answer that will not arrive")
    assert broken.value.args[0]


def test_completions_may_be_late_or_missing(make: Make, server: OutboundServer) -> None:
    simulator = make(allow_control=True)
    client = client_of(simulator)
    app = answered(client, server, "5550009")
    assert client.api('fs_app_sim misbehave {"drop_completion": "playback"}') == "+OK\n"
    lost = app.execute("playback", "silence_stream://100")
    told = app.execute("log", "INFO x")
    app.completed(told)
    client.api('fs_app_sim misbehave {"drop_completion": "", "delay_completion": 5}')
    late, kept = app.execute("log", "INFO late"), app.execute("log", "INFO kept")
    order = [app.next_event("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE") for _ in range(4)]
    assert [event.event for event in order] == ["CHANNEL_EXECUTE"] * 2 + ["CHANNEL_EXECUTE_COMPLETE"] * 2
    assert {event["Application-UUID"] for event in order} == {late, kept}
    completed = [frame.get("Application-UUID") for frame in app.seen if frame.event == "CHANNEL_EXECUTE_COMPLETE"]
    assert lost not in completed


@pytest.mark.parametrize("number", ["5550011", "5550012"])
def test_the_two_words_about_a_failed_call_change_places(number: str, make: Make) -> None:
    orders = []
    for misbehave in (Misbehaviour(), Misbehaviour(reorder_hangup=True)):
        client = client_of(make(misbehave=misbehave))
        client.command("event plain CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB")
        client.command(f"bgapi originate {{originate_timeout=1}}sofia/gateway/x/{number} &park()")
        orders.append([client.next(lambda f: bool(f.event)).event for _ in range(2)])
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_the_right_password_may_be_refused(make: Make) -> None:
    simulator = make(misbehave=Misbehaviour(refuse_auth=True))
    client = RawClient(socket.create_connection(("127.0.0.1", simulator.port)))
    client.frame()
    assert client.command("auth ClueCon") == "-ERR invalid"


def test_a_hung_switch_answers_nothing_until_it_wakes(make: Make) -> None:
    simulator = make()
    client = client_of(simulator)
    simulator.misbehaviour = Misbehaviour(silent=True)
    client.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.api("echo asleep")
    simulator.misbehaviour = Misbehaviour()
    assert client.api("echo awake") == "awake"


def test_a_slow_acknowledgement_still_comes_before_its_event(make: Make) -> None:
    client = client_of(make(misbehave=Misbehaviour(slow_bgapi=2)))
    client.command("event plain BACKGROUND_JOB")
    assert client.command("bgapi echo x").startswith("+OK Job-UUID: ")
    assert client.next_event("BACKGROUND_JOB").content == "x"


def test_the_event_socket_dies_and_comes_back_while_a_call_goes_on(make: Make, server: OutboundServer) -> None:
    simulator = make()
    client = client_of(simulator)
    app = answered(client, server, "5550009")
    port = simulator.port
    simulator.die()
    assert client.to_the_end() == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    simulator.revive()
    (call,) = simulator.calls()
    assert client_of(simulator).api(f"uuid_exists {call}") == "true"
    assert app.completed(app.execute("log", "INFO still here"))["Unique-ID"] == call


def test_a_stopped_switch_takes_its_calls_along(make: Make, server: OutboundServer, tmp_path: Path) -> None:
    simulator = make()
    app = answered(client_of(simulator), server, "5550009")
    simulator.stop()
    assert [frame.event for frame in app.to_the_end()] == []
    assert "hangup" not in [line["what"] for line in journal(tmp_path)]
