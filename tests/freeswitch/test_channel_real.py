"""The channel and the gate against a real switch: prompts, keys, hang-ups and how calls end."""

from __future__ import annotations

import struct
import wave
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from fs_app.domain.calls import CallAnswered, CallRinging
from fs_app.domain.enums import Outcome
from fs_app.switch.channel import ChannelHungUp, Gathered, Played, speech_path
from fs_app.switch.hangup import outcome
from tests.contract.sounds import loud_seconds, readable
from tests.freeswitch.real import PATIENCE, Calls, request_to

pytestmark = pytest.mark.freeswitch

TONE = "tone_stream://%(20000,0,440)"  # longer than any test waits


@pytest.fixture
def sound(tmp_path: Path) -> str:
    """A third of a second, under a path with a space and an umlaut, readable by a switch of another user."""
    folder = tmp_path / "with späce"
    folder.mkdir()
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == Path.home().stat().st_uid and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    path = folder / "a b.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(struct.pack("<2640h", *([0] * 2640)))
    return str(path)


def test_playing(calls: Calls, sound: str) -> None:
    request = request_to("1009", calls.server)
    channel = calls.place(request)
    channel.answer()
    assert channel.play([sound, sound]) == Played()
    assert channel.play(["/nonexistent/a.wav", sound]) == Played(missing=True)
    ended = calls.over(request.call_uuid)
    assert (ended.cause, ended.answered) == ("NORMAL_CLEARING", True)
    assert any(isinstance(e, CallAnswered) and e.uuid == request.call_uuid for e in calls.heard)


def test_a_key_stops_a_prompt_and_silence(calls: Calls) -> None:
    request = request_to("1009", calls.server)
    channel = calls.place(request)
    gathering = gevent.spawn(channel.gather, [TONE], maximum=1, timeout=3)
    calls.press(request.call_uuid, "1")
    assert gathering.get(timeout=PATIENCE) == Gathered("1", "complete")
    gathering = gevent.spawn(channel.gather, [], maximum=4, timeout=20)
    calls.press(request.call_uuid, "25#")
    assert gathering.get(timeout=PATIENCE) == Gathered("25", "terminator")
    calls.over(request.call_uuid)


def test_type_ahead_and_timeout(calls: Calls) -> None:
    request = request_to("1009", calls.server)
    channel = calls.place(request)
    calls.press(request.call_uuid, "123")
    assert channel.play([TONE]) == Played(interrupted=True)
    assert [channel.gather([TONE], maximum=1, timeout=1).digits for _ in range(3)] == ["1", "2", "3"]
    assert channel.gather(["silence_stream://100"], maximum=1, timeout=0.2) == Gathered("", "timeout")
    calls.over(request.call_uuid)


def test_the_callee_hangs_up(calls: Calls) -> None:
    request = request_to("1009", calls.server)
    channel = calls.place(request)
    playing = gevent.spawn(channel.gather, [TONE], maximum=4, timeout=5)
    calls.press(request.call_uuid, "7")
    calls.until(channel, lambda: channel._session.keys == ["7"])
    assert calls.switch.hangup(request.call_uuid, "NORMAL_CLEARING")
    assert playing.get(timeout=PATIENCE) == Gathered("7", "hangup")
    with pytest.raises(ChannelHungUp, match="NORMAL_CLEARING"):
        channel.play([TONE])
    assert not calls.switch.exists(request.call_uuid)
    assert not calls.switch.hangup(request.call_uuid)
    calls.over(request.call_uuid)


def test_many_keys_in_a_row_all_arrive(calls: Calls) -> None:
    request = request_to("1009", calls.server)
    channel = calls.place(request)
    calls.press(request.call_uuid, "0123456789*#")
    assert channel.gather([TONE], maximum=12, timeout=2, terminators="").digits == "0123456789*#"
    calls.over(request.call_uuid)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1011", Outcome.BUSY),
        ("1012", Outcome.NO_ANSWER),
        ("1013", Outcome.REJECTED),
        ("1014", Outcome.BAD_NUMBER),
    ],
)
def test_calls_that_nobody_takes(calls: Calls, number: str, expected: Outcome) -> None:
    request = replace(request_to(number, calls.server), ring_timeout=2)
    calls.switch.originate(request)
    failed, ended = calls.failed(request.call_uuid), calls.ended(request.call_uuid)
    assert not ended.answered
    assert outcome(failed.cause, False) is outcome(ended.cause, False) is expected
    if number == "1012":
        assert any(isinstance(e, CallRinging) and e.uuid == request.call_uuid for e in calls.heard)


def test_the_switchs_own_engine_speaks(calls: Calls, tmp_path: Path) -> None:
    """mod_flite, by way of ``say:``: heard, stopped by a key, and a failure where the engine does not exist."""
    heard = readable(tmp_path) / "heard.wav"
    request = request_to("1009", calls.server)
    channel = calls.place(request)
    words = speech_path("flite", "slt", "Hello, your appointment is on Tuesday, March third, at ${three} thirty.")
    calls.switch.api(f"uuid_setvar {request.call_uuid} RECORD_WRITE_ONLY true")
    calls.switch.api(f"uuid_setvar {request.call_uuid} RECORD_STEREO false")
    calls.switch.api(f"uuid_record {request.call_uuid} start {heard}")
    assert channel.play([words]) == Played()
    calls.switch.api(f"uuid_record {request.call_uuid} stop {heard}")
    assert 2 < loud_seconds(heard) < 8
    assert channel.play([speech_path("none", "slt", "Hello.")]) == Played(missing=True)
    speaking = gevent.spawn(channel.gather, [words], maximum=1, timeout=3)
    calls.press(request.call_uuid, "1")
    assert speaking.get(timeout=PATIENCE) == Gathered("1", "complete")
    calls.over(request.call_uuid)
