"""Recorded calls, played again: the simulator is given what the client sent, and must say what FreeSWITCH said.

Event by event, the names of all headers and their order are the recorded ones, and so are the values of all that do
not depend on the time, the machine or chance.
"""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from fs_app.clock import SystemClock
from fs_app.simulator import Callee, HangUp, Press, Simulator
from tests.fakes.raw_esl import Frame, OutboundServer, RawClient, connect

RECORDED = Path(__file__).parent.parent / "transcripts"
PROMPT_SAMPLES = 39475  # of the prompt that was recorded with
CALLEES = {
    "11": Callee(ring=0, actions=(Press("1", at=2.5),)),
    "20": Callee(ring=0, answer=False, cause="USER_BUSY"),
    "21": Callee(ring=0, answer=False),
    "22": Callee(ring=0),
    "23": Callee(ring=0, actions=(HangUp(at=1.0),)),
    "24": Callee(ring=0, actions=(HangUp(at=2.5),)),
}
# Values that change from run to run: times and lengths, identities, the machine, how far a prompt had got.
VOLATILE = re.compile(
    r"Core-UUID|FreeSWITCH-.*|Event-Date-.*|Event-Calling-.*|Event-Sequence|.*Time|.*UUID|.*Unique-ID|Content-Length"
    r"|(variable_)?(Application-Data|current_application_data|last_arg|session_id|other_loopback_leg_uuid)"
    r"|variable_(.*stamp|.*epoch|.*duration|.*sec|playback_.*|record_.*file_size|record_(seconds|ms|samples))"
)
# Whether CHANNEL_PARK is seen depends on who was quicker, the subscription or the session: left out of both sides.
RACY = "CHANNEL_PARK"
Headers = list[tuple[str, str]]


def recorded(name: str) -> list[tuple[str, str]]:
    """(sender, frame) of every frame."""
    lines = [json.loads(line) for line in (RECORDED / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(line["from"], line["frame"]) for line in lines if "frame" in line]


def kind(frame: str) -> str:
    """An event's name, another frame's first line."""
    event = re.search(r"^Event-Name: (\w+)", frame, re.M)
    return event.group(1) if event else frame.split("\n")[0]


def headers(frame: str) -> Headers:
    """Of an event, with or without a frame around it, in order."""
    block = frame[frame.index("Event-Name: ") :].split("\n\n")[0]
    fields = [line.split(": ", 1) for line in block.split("\n")]
    return [(name, unquote(value)) for name, value in fields]


def events_of(frames: list[str], uuid: str) -> list[Headers]:
    found = [headers(frame) for frame in frames if "\nEvent-Name: " in frame and kind(frame) != RACY]
    return [event for event in found if dict(event).get("Unique-ID") == uuid]


def assert_alike(ours: list[Headers], theirs: list[Headers]) -> None:
    assert [event[0][1] for event in ours] == [event[0][1] for event in theirs]
    for our, their in zip(ours, theirs, strict=True):
        name = their[0][1]
        assert [header for header, _ in our] == [header for header, _ in their], name
        for (header, value), (_, expected) in zip(our, their, strict=True):
            if not VOLATILE.fullmatch(header):
                assert value == expected, f"{name}: {header}"


def text(frame: Frame) -> str:
    return f"{frame.head}\n\n{frame.body}"


@dataclass
class Call:
    """One recording and what came of playing it again: frames of the watching and of the driving connection."""

    uuid: str
    watched: list[str]
    watched_then: list[str]
    driven: list[str]
    driven_then: list[str]


class Stage:
    def __init__(self, simulator: Simulator, server: OutboundServer, tmp_path: Path) -> None:
        self._simulator = simulator
        self._server = server
        prompt = tmp_path / "prompt.wav"
        with wave.open(str(prompt), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(2 * PROMPT_SAMPLES))
        self._replace = {
            "127.0.0.1:8084": f"127.0.0.1:{server.port}",
            "/usr/share/freeswitch/sounds/prompt.wav": str(prompt),
            "/var/lib/freeswitch/recordings": str(tmp_path),
        }

    def call_instead(self, then: str, now: str) -> None:
        """Dial another callee than the recording did."""
        self._replace[f"loopback/{then}/"] = f"loopback/{now}/"

    def play(self, name: str, *, answered: bool = True) -> Call:
        inbound = recorded(f"{name}-inbound")
        watcher = connect("127.0.0.1", self._simulator.port, "ClueCon")
        commands = [frame for sender, frame in inbound if sender == "app" and not frame.startswith(("auth", "exit"))]
        for command in commands:
            assert watcher.command(self._here(command).removesuffix("\n\n")).startswith("+OK")
        then = [frame for sender, frame in inbound if sender == "freeswitch"]
        driven, driven_then = [], []
        if answered:
            outbound = recorded(f"{name}-outbound")
            driven_then = [frame for sender, frame in outbound if sender == "freeswitch"]
            driven = self._drive(self._server.call(), outbound)
        for event in ("CHANNEL_HANGUP_COMPLETE", "BACKGROUND_JOB"):
            wanted = sum(kind(frame) == event for frame in then)
            while watcher.events_seen().count(event) < wanted:
                watcher.frame()
        watcher.close()
        uuid = commands[-1].partition("origination_uuid=")[2][:36]
        return Call(uuid, [text(frame) for frame in watcher.seen], then, driven, driven_then)

    def _here(self, frame: str) -> str:
        for old, new in self._replace.items():
            frame = frame.replace(old, new)
        head, _, body = frame.partition("\n\n")
        return re.sub(r"content-length: \d+", f"content-length: {len(body.encode())}", head) + "\n\n" + body

    def _drive(self, client: RawClient, outbound: list[tuple[str, str]]) -> list[str]:
        """Send each command once all that came before it in the recording has come."""
        awaited: list[str] = []
        for sender, frame in [*outbound, ("app", "")]:
            if sender == "freeswitch":
                awaited += [kind(frame)] if kind(frame) != RACY else []
                continue
            while awaited:
                came = kind(text(client.frame()))
                if came in awaited:
                    awaited.remove(came)
            client.send(self._here(frame) if frame else "exit\n\n")
        client.close()
        return [text(frame) for frame in client.seen]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    server = OutboundServer()
    with Simulator(clock=SystemClock(), speed=20.0, callees=CALLEES) as simulator:
        yield Stage(simulator, server, tmp_path)
    server.close()


@pytest.mark.parametrize("name", ["press", "timeout", "hangup", "record", "play_dtmf"])
def test_an_answered_call_reads_as_recorded(name: str, stage: Stage) -> None:
    call = stage.play(name)
    assert_alike(events_of(call.driven, call.uuid), events_of(call.driven_then, call.uuid))
    assert_alike(events_of(call.watched, call.uuid), events_of(call.watched_then, call.uuid))
    # The far end of the loopback shows up too, for it has the same variables.
    assert [kind(f) for f in call.watched if "-b\n" in f] == [kind(f) for f in call.watched_then if "-b\n" in f]


def test_a_bridged_call_has_the_recorded_events(stage: Stage) -> None:
    """Not every header of theirs: a bridge tells more about the far leg than an application reads."""
    stage.call_instead("22", "24")  # the recorded one hung up because of a key from the far leg
    call = stage.play("bridge")
    ours, theirs = events_of(call.driven, call.uuid), events_of(call.driven_then, call.uuid)
    assert [event[0][1] for event in ours] == [event[0][1] for event in theirs]
    bridged = dict(next(event for event in ours if event[0][1] == "CHANNEL_BRIDGE"))
    assert bridged["Other-Type"] == "originatee"
    assert bridged["Other-Leg-Destination-Number"] == "11"
    assert bridged["variable_originate_disposition"] == "SUCCESS"
    complete = dict(ours[-1])
    assert complete["Hangup-Cause"] == "NORMAL_CLEARING"
    assert int(complete["variable_bridge_epoch"]) > 0


@pytest.mark.parametrize(("name", "cause"), [("busy", "USER_BUSY"), ("noanswer", "NO_ANSWER")])
def test_a_failed_call_reads_as_recorded(name: str, cause: str, stage: Stage) -> None:
    call = stage.play(name, answered=False)
    assert_alike(events_of(call.watched, call.uuid), events_of(call.watched_then, call.uuid))
    (job,) = [frame for frame in call.watched if kind(frame) == "BACKGROUND_JOB"]
    assert job.endswith(f"Content-Length: {len(cause) + 6}\n\n-ERR {cause}\n")
    # BACKGROUND_JOB stands where it stood, before or after the A-leg's end.
    ends = [[kind(f) for f in frames if "-b\n" not in f] for frames in (call.watched, call.watched_then)]
    ours, theirs = [[e for e in end if e in ("BACKGROUND_JOB", "CHANNEL_HANGUP_COMPLETE")] for end in ends]
    assert ours == theirs


def test_the_answer_to_connect_reads_as_recorded(stage: Stage) -> None:
    call = stage.play("press")
    (ours,) = [headers(frame) for frame in call.driven if kind(frame) == "CHANNEL_DATA"]
    (theirs,) = [headers(frame) for frame in call.driven_then if kind(frame) == "CHANNEL_DATA"]
    assert_alike([ours], [theirs])


@pytest.mark.parametrize("name", ["press", "hangup"])
def test_the_socket_lingers_and_says_so_once(name: str, stage: Stage) -> None:
    """After our own hang-up the notice comes last, after the callee's it comes right behind CHANNEL_HANGUP."""
    call = stage.play(name)
    notices = [frame for frame in call.driven if "Content-Disposition: linger" in frame]
    assert len(notices) == 1
    assert notices[0].rstrip() == next(f for f in call.driven_then if "Content-Disposition: linger" in f).rstrip()

    def before(frames: list[str]) -> str:
        kinds = [kind(frame) for frame in frames]
        return kinds[kinds.index("Content-Type: text/disconnect-notice") - 1]

    assert before(call.driven) == before(call.driven_then)


def test_what_a_sip_call_shows_is_a_part_of_what_the_real_one_shows(stage: Stage) -> None:
    """The simulated SIP leg has no SDP and no RTP figures; what it does show has the recorded values."""
    call = stage.play("sip-press")
    ours, theirs = events_of(call.driven, call.uuid), events_of(call.driven_then, call.uuid)
    assert [event[0][1] for event in ours] == [event[0][1] for event in theirs]
    own_words = re.compile(VOLATILE.pattern + r"|.*Channel-Name|.*Network-Addr|variable_(channel_name|sip_.*)|DTMF-.*")
    for our, their in zip(ours, theirs, strict=True):
        known = dict(their)
        for header, value in our:
            assert header in known, f"{their[0][1]}: {header}"
            if not own_words.fullmatch(header):
                assert value == known[header], f"{their[0][1]}: {header}"
