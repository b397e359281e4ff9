"""What a callee does and what the IVR is told: keys, prompts, hang-ups, over a real socket to a scripted switch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.event
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.errors import InvalidInput
from fs_app.switch.channel import Channel, ChannelHungUp, Gathered, Played, check_path, entry
from fs_app.switch.outbound import OutboundServer
from tests.fakes.esl_peer import PATIENCE, Call, reply, response

SILENCE = "silence_stream://3000,1400"
BETWEEN = "silence_stream://2000,1400"


class Conversation:
    """A call whose steps are given by the test, one by one."""

    def __init__(self, playback_limit: float, answered: bool) -> None:
        self._over = gevent.event.Event()
        self._channel: gevent.event.AsyncResult[Channel] = gevent.event.AsyncResult()
        self.server = OutboundServer("127.0.0.1", 0, self._application, playback_limit=playback_limit)
        self.server.start()
        self.call = Call(self.server.bound_port, answered).taken()
        self.channel: Any = self._channel.get(timeout=PATIENCE)

    def _application(self, channel: Channel) -> None:
        self._channel.set(channel)
        self._over.wait()

    def close(self) -> None:
        self.channel._session.lost("the test is over")
        self._over.set()
        self.server.stop()

    def gather(self, **options: Any) -> gevent.Greenlet[..., Gathered]:
        return gevent.spawn(self.channel.gather, ["/a.wav"], **{"maximum": 1, "timeout": 3.0, **options})

    def play(self, *files: str) -> gevent.Greenlet[..., Played]:
        return gevent.spawn(self.channel.play, files)

    def until(self, condition: Callable[[], bool]) -> None:
        """Let the session read until that holds; the session says when it has news."""
        with gevent.Timeout(PATIENCE):
            while not condition():
                self.channel._session.news.clear()
                self.channel._session.news.wait()

    def press(self, keys: str) -> None:
        """Press keys and see them taken in."""
        have = len(self.channel._session.keys)
        self.call.press(keys)
        self.until(lambda: len(self.channel._session.keys) == have + len(keys))


@pytest.fixture
def talk() -> Iterator[Callable[..., Conversation]]:
    open_ones: list[Conversation] = []

    def begin(playback_limit: float = 60.0, answered: bool = True) -> Conversation:
        open_ones.append(Conversation(playback_limit, answered))
        return open_ones[-1]

    yield begin
    for conversation in open_ones:
        conversation.close()


Talk = Callable[..., Conversation]


# Playing


def test_files_are_played_one_after_the_other(talk: Talk) -> None:
    c = talk()
    playing = c.play("/a.wav", "/with space.wav")
    c.call.plays("/a.wav")
    c.call.plays("/with space.wav")
    assert playing.get(timeout=PATIENCE) == Played()


@pytest.mark.parametrize("words", ["FILE NOT FOUND", "PLAYBACK ERROR"])
def test_a_missing_file_is_told_and_the_rest_played(talk: Talk, words: str) -> None:
    c = talk()
    playing = c.play("/a.wav", "/b.wav")
    c.call.plays("/a.wav", response=words)
    c.call.plays("/b.wav")
    assert playing.get(timeout=PATIENCE) == Played(missing=True)


def test_a_key_stops_the_files_and_waits_for_its_taker(talk: Talk) -> None:
    c = talk()
    playing = c.play("/a.wav", "/b.wav")
    c.call.plays("/a.wav", keys="5")
    assert playing.get(timeout=PATIENCE) == Played(interrupted=True)
    assert c.play("/c.wav").get(timeout=PATIENCE) == Played(interrupted=True)
    assert c.gather().get(timeout=PATIENCE) == Gathered("5", "complete")


def test_a_key_that_did_not_stop_the_playback_does(talk: Talk) -> None:
    """One taken by the park loop a moment before the playback began."""
    c = talk()
    playing = c.play("/a.wav")
    _, _, event_uuid = c.call.read_execute()
    c.call.press("1")
    c.call.expect(f"api uuid_break {c.channel.uuid}")
    c.call.write(response("+OK\n"))
    c.call.complete(event_uuid)
    c.call.plays("silence_stream://20")  # what a break that came too late would fall on
    assert playing.get(timeout=PATIENCE) == Played(interrupted=True)


def test_a_playback_that_never_completes_is_broken_off(talk: Talk) -> None:
    c = talk(playback_limit=0.01)
    playing = c.play("/endless.wav")
    _, _, event_uuid = c.call.read_execute()
    c.call.expect(f"api uuid_break {c.channel.uuid}")
    c.call.write(response("+OK\n"))
    c.call.complete(event_uuid)
    assert playing.get(timeout=PATIENCE) == Played(missing=True)


def test_hang_up_during_a_prompt(talk: Talk) -> None:
    c = talk()
    playing = c.play("/a.wav")
    c.call.read_execute()
    c.call.hangs_up("NORMAL_CLEARING")
    with pytest.raises(ChannelHungUp, match="NORMAL_CLEARING"):
        playing.get(timeout=PATIENCE)
    assert c.channel.hung_up
    with pytest.raises(ChannelHungUp):
        c.channel.play(["/b.wav"])
    with pytest.raises(ChannelHungUp):
        c.channel.gather(["/b.wav"], maximum=1, timeout=1)


def test_answer(talk: Talk) -> None:
    talk().channel.answer()  # answered before: nothing is sent, nothing waited for
    c = talk(answered=False)
    answering = gevent.spawn(c.channel.answer)
    application, _, event_uuid = c.call.read_execute()
    assert application == "answer"
    c.call.complete(event_uuid, "_none_", "answer")
    answering.get(timeout=PATIENCE)


def test_hang_up_once(talk: Talk) -> None:
    c = talk()
    ending = gevent.spawn(c.channel.hangup, "USER_BUSY")
    packet = c.call.expect("sendmsg")
    assert packet.headers == {"call-command": "hangup", "hangup-cause": "USER_BUSY"}
    c.call.write(reply())
    c.call.hangs_up("USER_BUSY")
    ending.get(timeout=PATIENCE)
    c.channel.hangup()  # says nothing more
    with pytest.raises(InvalidInput):
        c.channel.hangup("x\n\n")


# Gathering


def test_a_key_during_the_prompt(talk: Talk) -> None:
    c = talk()
    gathering = c.gather()
    c.call.plays("/a.wav", keys="1")
    assert gathering.get(timeout=PATIENCE) == Gathered("1", "complete")


def test_a_key_after_the_prompt(talk: Talk) -> None:
    c = talk()
    gathering = c.gather()
    c.call.plays("/a.wav")
    c.call.plays(SILENCE, keys="2")
    assert gathering.get(timeout=PATIENCE) == Gathered("2", "complete")


def test_no_key_at_all(talk: Talk) -> None:
    c = talk()
    gathering = c.gather()
    c.call.plays("/a.wav", response="FILE NOT FOUND")
    c.call.plays(SILENCE)
    assert gathering.get(timeout=PATIENCE) == Gathered("", "timeout", prompt_failed=True)


def test_several_digits_with_the_time_between_them(talk: Talk) -> None:
    c = talk()
    gathering = c.gather(maximum=4)
    c.call.plays("/a.wav", keys="1")
    c.call.plays(BETWEEN, keys="2")
    c.call.plays(BETWEEN)
    assert gathering.get(timeout=PATIENCE) == Gathered("12", "timeout")


def test_a_terminator_ends_and_is_not_a_digit(talk: Talk) -> None:
    c = talk()
    gathering = c.gather(maximum=4)
    c.call.plays("/a.wav", keys="12#")
    assert gathering.get(timeout=PATIENCE) == Gathered("12", "terminator")


def test_type_ahead_into_the_next_prompts(talk: Talk) -> None:
    c = talk()
    c.press("12#34")
    assert c.gather().get(timeout=PATIENCE) == Gathered("1", "complete")
    assert c.gather(maximum=4).get(timeout=PATIENCE) == Gathered("2", "terminator")
    gathering = c.gather(maximum=3)  # two of three are there: no prompt, only the time for the last
    c.call.plays(BETWEEN, keys="5")
    assert gathering.get(timeout=PATIENCE) == Gathered("345", "complete")


def test_silence_that_fails_still_gives_time(talk: Talk) -> None:
    c = talk()
    gathering = c.gather()
    c.call.plays("/a.wav")
    c.call.plays(SILENCE, response="PLAYBACK ERROR")
    assert not gathering.ready()
    c.call.press("7")
    assert gathering.get(timeout=PATIENCE) == Gathered("7", "complete")


def test_a_time_of_zero_does_not_wait(talk: Talk) -> None:
    c = talk()
    gathering = c.gather(timeout=0)
    c.call.plays("/a.wav")
    assert gathering.get(timeout=PATIENCE) == Gathered("", "timeout")


@pytest.mark.parametrize("end", ["hang-up", "socket"])
def test_keys_pressed_before_the_end_are_never_lost(talk: Talk, end: str) -> None:
    c = talk()
    gathering = c.gather(maximum=4)
    c.call.read_execute()
    c.call.press("42")
    if end == "hang-up":
        c.call.hangs_up()
    else:
        c.call.close()
    assert gathering.get(timeout=PATIENCE) == Gathered("42", "hangup")
    with pytest.raises(ChannelHungUp, match="NORMAL_CLEARING" if end == "hang-up" else "SOCKET_CLOSED"):
        c.channel.gather(["/b.wav"], maximum=1, timeout=1)


def test_a_complete_entry_is_complete_even_after_the_end(talk: Talk) -> None:
    c = talk()
    c.press("19")
    c.call.hangs_up()
    c.until(lambda: c.channel.hung_up)
    assert c.channel.play(["/a.wav"]) == Played(interrupted=True)
    assert c.channel.gather(["/a.wav"], maximum=1, timeout=1) == Gathered("1", "complete")
    assert c.channel.gather(["/a.wav"], maximum=1, timeout=1) == Gathered("9", "complete")
    with pytest.raises(ChannelHungUp):
        c.channel.gather(["/a.wav"], maximum=1, timeout=1)


def test_hang_up_while_waiting_for_a_key(talk: Talk) -> None:
    c = talk()
    gathering = c.gather()
    c.call.plays("/a.wav")
    c.call.read_execute()
    c.call.hangs_up("MEDIA_TIMEOUT")
    with pytest.raises(ChannelHungUp, match="MEDIA_TIMEOUT"):
        gathering.get(timeout=PATIENCE)


def test_nonsense_is_refused(talk: Talk) -> None:
    c = talk()
    for options in ({"maximum": 0}, {"minimum": 2}, {"minimum": 0}, {"timeout": -1}, {"interdigit": 1e9}):
        with pytest.raises(InvalidInput):
            c.gather(**options).get(timeout=PATIENCE)


# Pure decisions


@pytest.mark.parametrize(
    ("keys", "options", "result"),
    [
        ("", {}, ("", 0, None)),
        ("1", {}, ("1", 1, None)),
        ("123", {"maximum": 3}, ("123", 3, "complete")),
        ("1234", {"maximum": 3}, ("123", 3, "complete")),
        ("12#3", {}, ("12", 3, "terminator")),
        ("#12", {}, ("12", 3, None)),
        ("1#2#3", {"minimum": 2}, ("12", 4, "terminator")),
        ("#", {"maximum": 1}, ("#", 1, "complete")),
        ("1*", {"terminators": "*"}, ("1", 2, "terminator")),
        ("1#", {"terminators": ""}, ("1#", 2, None)),
    ],
)
def test_entries(keys: str, options: dict[str, Any], result: tuple[str, int, str | None]) -> None:
    assert entry(keys, **{"maximum": 6, "minimum": 1, "terminators": "#", **options}) == result


@given(st.text("0123456789*#", max_size=30), st.integers(1, 6), st.integers(1, 6))
def test_entries_lose_no_digit(keys: str, maximum: int, minimum: int) -> None:
    """Entry after entry, every key that is no terminator comes out once and in order."""
    minimum = min(minimum, maximum)
    rest, out = keys, ""
    while rest:
        digits, used, how = entry(rest, maximum=maximum, minimum=minimum, terminators="#")
        assert 0 < used <= len(rest)
        assert len(digits) <= maximum
        assert how is not None or used == len(rest)
        if how == "terminator":
            assert len(digits) >= minimum
        out, rest = out + digits, rest[used:]
    assert out == (keys if maximum == 1 else keys.replace("#", ""))


@pytest.mark.parametrize(
    "path",
    ["", " ", "/a\n.wav", "/a\r", "/a\0", "/${system(x)}.wav", "/a.wav@@100", "{x=y}/a.wav", " {x=y}/a.wav"],
)
def test_paths_that_would_do_something_else(path: str) -> None:
    with pytest.raises(InvalidInput):
        check_path(path)


def test_paths_that_pass() -> None:
    for path in ("/var/lib/a b/ü.wav", "silence_stream://250", "/$HOME/a.wav", "/a@b.wav"):
        assert check_path(path) == path
