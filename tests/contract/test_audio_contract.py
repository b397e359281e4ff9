"""Recording and listening as the product does them: on the built-in switch and on a real one, the same tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import pytest

from fs_app.switch.channel import ChannelHungUp
from tests.contract.sounds import LOUD, loud_seconds, loudness, readable, seconds
from tests.freeswitch.real import PATIENCE, Calls, request_to


def call(calls: Calls, number: str) -> tuple[str, Any]:
    request = replace(request_to(number, calls.server), gateway="loopback/{number}/fs_app_parties")
    return request.call_uuid, calls.place(request)


def test_silence_ends_a_recording(calls: Calls, tmp_path: Path) -> None:
    path = readable(tmp_path) / "a.wav"
    call_uuid, channel = call(calls, "2104")
    done = channel.record(str(path), limit=30, silence=1)
    assert (done.ended_by, done.failed) == ("silence", False)
    assert 1.5 < done.seconds < 2.5
    assert abs(seconds(path) - done.seconds) < 0.1
    assert 0.6 < loud_seconds(path) < 1.2
    calls.over(call_uuid)


def test_a_key_ends_a_recording_and_those_behind_it_are_answers(calls: Calls, tmp_path: Path) -> None:
    path = readable(tmp_path) / "a.wav"
    call_uuid, channel = call(calls, "2105")
    recording = gevent.spawn(channel.record, str(path), limit=30, silence=2)
    until_file(path)
    calls.press(call_uuid, "5")
    done = recording.get(timeout=PATIENCE)
    assert (done.ended_by, done.key) == ("key", "5")
    calls.press(call_uuid, "2")
    assert channel.gather([], maximum=1, timeout=1).digits == "2"
    assert path.exists()
    # Only # ends this one; 7 is noise in it, and the buffer is empty afterwards.
    recording = gevent.spawn(channel.record, str(tmp_path / "b.wav"), limit=30, silence=0, terminators="#")
    until_file(tmp_path / "b.wav")
    calls.press(call_uuid, "7#")
    done = recording.get(timeout=PATIENCE)
    assert (done.ended_by, done.key) == ("key", "#")
    assert channel.gather([], maximum=1, timeout=0.2).digits == ""
    gathering = gevent.spawn(channel.gather, ["tone_stream://%(20000,0,440)"], maximum=1, timeout=3)
    calls.press(call_uuid, "3")  # and any key stops a prompt again
    assert gathering.get(timeout=PATIENCE).digits == "3"
    calls.over(call_uuid)


def test_the_limit_ends_a_recording(calls: Calls, tmp_path: Path) -> None:
    path = readable(tmp_path) / "a.wav"
    call_uuid, channel = call(calls, "2105")
    done = channel.record(str(path), limit=1.5, silence=0)
    assert done.ended_by == "limit"
    assert 1.2 < done.seconds < 1.8
    assert channel.play(["silence_stream://50"]).missing is False
    calls.over(call_uuid)


def test_a_hangup_keeps_what_was_recorded(calls: Calls, tmp_path: Path) -> None:
    path = readable(tmp_path) / "a.wav"
    call_uuid, channel = call(calls, "2105")
    recording = gevent.spawn(channel.record, str(path), limit=30, silence=2)
    until_file(path)
    gevent.sleep(1)  # of talking: it is time itself that is recorded
    assert calls.switch.hangup(call_uuid, "NORMAL_CLEARING")
    done = recording.get(timeout=PATIENCE)
    assert (done.ended_by, done.failed) == ("hangup", False)
    assert done.seconds > 0.5
    assert abs(seconds(path) - done.seconds) < 0.1  # complete when record() returns
    with pytest.raises(ChannelHungUp):
        channel.record(str(path), limit=30, silence=2)
    calls.over(call_uuid)


def test_a_file_that_cannot_be_written(calls: Calls, tmp_path: Path) -> None:
    call_uuid, channel = call(calls, "2105")
    done = channel.record("/proc/no/such/a.wav", limit=30, silence=2)
    assert done.failed
    calls.over(call_uuid)


def test_the_callee_is_heard_while_nothing_plays(calls: Calls) -> None:
    call_uuid, channel = call(calls, "2104")
    with channel.listen() as frames:
        assert frames.rate == 8000
        heard = [frame for _, frame in zip(range(90), frames, strict=False)]
    assert len(heard) == 90
    assert {len(frame) for frame in heard} == {320}
    loud = [loudness(frame) > LOUD for frame in heard]
    assert 30 < sum(loud) < 55  # a second, less what passed before we listened
    assert not any(loud[-20:])
    with channel.listen() as frames:
        assert frames.next(1.0) is not None  # still, or again
        calls.press(call_uuid, "4")  # keys are taken in as ever
        calls.until(channel, lambda: channel._session.keys == ["4"])
    assert channel.gather([], maximum=1, timeout=2).digits == "4"
    channel.play(["silence_stream://300"])
    with channel.listen() as frames:
        assert frames.next(0.5) is None  # never after a prompt
    calls.over(call_uuid)


def test_a_hangup_ends_listening(calls: Calls) -> None:
    call_uuid, channel = call(calls, "2105")
    with channel.listen() as frames:
        assert frames.next(1.0) is not None
        assert calls.switch.hangup(call_uuid, "NORMAL_CLEARING")
        assert len(list(frames)) < 50
        assert frames.next(5.0) is None
    assert channel.hung_up
    with pytest.raises(ChannelHungUp):
        channel.listen()
    calls.over(call_uuid)


def until_file(path: Path) -> None:
    """Until the switch has begun to write it."""
    with gevent.Timeout(PATIENCE):
        while not path.exists():
            gevent.sleep(0)
