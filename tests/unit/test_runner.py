"""The runner: what is on record, and what the callee hears, whatever happens and in whatever order."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from gevent import spawn
from gevent.threadpool import ThreadPool

from fs_app.domain.calls import CallContext
from fs_app.domain.enums import AlarmResult, IvrEnd, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.errors import PromptError
from ivr.dialogue import Speech
from ivr.prompts import Prompts
from ivr.runner import run_call, warm_call
from ivr.speech_command import SpeechCommand
from ivr.voices import Voices
from tests.fakes.channel import During, ScriptedChannel
from tests.fakes.journal import MemoryJournal

NOW = datetime(2030, 5, 1, 9, 0, tzinfo=UTC)
HELLO = Section(id=1, type=SectionType.PLAY_MESSAGE, script="Hello {name}.", branches=(Branch("0", 2),))
ASK = Section(id=2, type=SectionType.RATING, order=2, script="Press 1.", branches=(Branch("any", 3),))
THANKS = Section(id=3, type=SectionType.HANGUP, order=3, script="Thank you.", completed=True)
SURVEY = Survey("reminder", (HELLO, ASK, THANKS))
CALL = CallContext("call-1", SURVEY, {"name": "Ann"}, "en")


class StillClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class World:
    """One call with everything real but the telephone and the database."""

    def __init__(self, tmp_path: Path, threads: ThreadPool) -> None:
        self.tone = tmp_path / "tone.wav"
        with wave.open(str(self.tone), "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(8000)
            wav.writeframes(b"\0\1" * 80)
        self.recordings = {hashlib.sha256(b).hexdigest(): (b, "wav") for b in [self.tone.read_bytes()]}
        self.sounds = tmp_path / "sounds"
        self.threads = threads
        self.prompts = self.speaking_with("cp", str(self.tone), "{file}")
        self.tape: list[tuple[Any, ...]] = []

    def speaking_with(self, *command: str) -> Prompts:
        return Prompts(self.sounds, Voices(SpeechCommand(command)), self.recordings.__getitem__, self.threads)

    def call(
        self, *script: During, context: CallContext | None = CALL, broken: str = "", prompts: Prompts | None = None
    ) -> tuple[IvrEnd, ScriptedChannel, MemoryJournal]:
        channel = ScriptedChannel(*script, tape=self.tape)
        contexts = () if context is None else (context,)
        journal = MemoryJournal(*contexts, broken=frozenset(broken.split()), tape=self.tape)
        end = run_call(channel, journal, prompts or self.prompts, StillClock(), background=spawn)
        assert end is not None
        return end, channel, journal

    def words(self, text: str, language: str = "en") -> str:
        return self.prompts.path(Speech(text, language))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    threads = ThreadPool(4)
    yield World(tmp_path, threads)
    threads.kill()


def with_sections(*sections: Section, language: str = "en") -> CallContext:
    return replace(CALL, survey=Survey("s", sections), language=language)


def test_a_call_from_answer_to_hang_up(world: World) -> None:
    end, channel, journal = world.call(During(), During("1"))
    assert end is IvrEnd.COMPLETED
    assert channel.heard == [[world.words("Hello Ann.")], [world.words("Press 1.")], [world.words("Thank you.")]]
    assert [(a.position, a.section_id, a.digits, a.result) for a in journal.answers] == [
        (1, 2, "1", AlarmResult.CONFIRMED)
    ]
    assert journal.sections == [(1, False), (2, False), (3, True)]
    assert journal.ends == [(IvrEnd.COMPLETED, "section 3 hangs up")]
    assert channel.cause == "NORMAL_CLEARING"
    assert journal.times == {NOW}


def test_records_are_saved_before_the_next_command(world: World) -> None:
    world.call(During(), During("1"))
    assert [entry[0] for entry in world.tape] == [
        *("open_call", "answer", "reached", "play", "reached", "gather"),
        *("save_answer", "reached", "play", "ended", "hangup"),
    ]


def test_a_key_during_the_message_answers_the_next_question(world: World) -> None:
    end, _, journal = world.call(During("2"))
    assert end is IvrEnd.COMPLETED
    assert [a.result for a in journal.answers] == [AlarmResult.CANCELLED]


# -- hang-up


def test_hang_up_during_a_message(world: World) -> None:
    end, channel, journal = world.call(During(hang_up=True))
    assert end is IvrEnd.HANGUP
    assert [e for e, _ in journal.ends] == [IvrEnd.HANGUP]
    assert journal.sections == [(1, False)]
    assert journal.answers == []
    assert len(channel.heard) == 1


def test_a_key_and_then_a_hang_up_during_the_message_still_counts(world: World) -> None:
    end, _, journal = world.call(During("1", hang_up=True))
    assert end is IvrEnd.HANGUP
    assert [a.result for a in journal.answers] == [AlarmResult.CONFIRMED]
    assert journal.sections == [(1, False), (2, False)]  # and not the thanks, which nobody heard
    assert len(journal.ends) == 1


def test_a_key_and_then_a_hang_up_during_the_question(world: World) -> None:
    end, _, journal = world.call(During(), During("3", hang_up=True))
    assert end is IvrEnd.HANGUP
    assert [a.result for a in journal.answers] == [AlarmResult.RESCHEDULED]
    assert journal.sections == [(1, False), (2, False)]


def test_hang_up_while_asked_is_not_a_missing_key(world: World) -> None:
    end, _, journal = world.call(During(), During(hang_up=True))
    assert end is IvrEnd.HANGUP
    assert journal.answers == []


def test_half_a_number_and_a_hang_up(world: World) -> None:
    ask = replace(ASK, rating_laps=10)
    end, _, journal = world.call(During(), During("7", hang_up=True), context=with_sections(HELLO, ask, THANKS))
    assert end is IvrEnd.HANGUP
    assert [(a.digits, a.valid) for a in journal.answers] == [("7", True)]


def test_keys_for_several_sections_typed_before_the_hang_up(world: World) -> None:
    second = replace(ASK, id=3, order=3, branches=())
    end, _, journal = world.call(During("41", hang_up=True), context=with_sections(HELLO, ASK, second))
    assert end is IvrEnd.HANGUP
    assert [(a.section_id, a.digits) for a in journal.answers] == [(2, "4"), (3, "1")]
    assert journal.sections == [(1, False), (2, False), (3, False)]


def test_a_hang_up_ends_a_loop_of_messages_as_a_hang_up(world: World) -> None:
    loop = with_sections(replace(HELLO, branches=(Branch("0", 1),)))
    end, channel, journal = world.call(During(), During(hang_up=True), context=loop)
    assert end is IvrEnd.HANGUP
    assert len(channel.heard) == 2
    assert journal.sections == [(1, False), (1, False)]


def test_hung_up_before_anything_was_heard(world: World) -> None:
    channel = ScriptedChannel()
    channel.hangup()
    journal = MemoryJournal(CALL)
    assert run_call(channel, journal, world.prompts, StillClock()) is IvrEnd.HANGUP
    assert journal.sections == []


@pytest.mark.parametrize(
    "script", [(During(), During(hang_up=True, cause="SOCKET_CLOSED")), (During(hang_up=True, cause="SOCKET_CLOSED"),)]
)
def test_a_lost_connection_is_nobodys_hang_up(world: World, script: tuple[During, ...]) -> None:
    end, _, journal = world.call(*script)
    assert end is IvrEnd.ERROR
    assert journal.ends == []


def test_a_lost_connection_during_the_last_words(world: World) -> None:
    _, _, journal = world.call(During(), During("1"), During("5", hang_up=True, cause="SOCKET_CLOSED"))
    assert [a.digits for a in journal.answers] == ["1"]
    assert journal.ends == []


def test_the_cause_of_the_hang_up_is_on_record(world: World) -> None:
    _, _, journal = world.call(During(hang_up=True, cause="ALLOTTED_TIMEOUT"))
    assert journal.ends == [(IvrEnd.HANGUP, "hung up before the end of the survey (ALLOTTED_TIMEOUT)")]


# -- faults: a sentence, a hang-up, a reason on record


def assert_apologised(world: World, channel: ScriptedChannel, language: str = "en") -> None:
    assert channel.heard[-1] == [world.prompts.apology(language)]
    assert channel.cause == "NORMAL_CLEARING"


def test_an_unknown_call_gets_the_apology(world: World) -> None:
    end, channel, journal = world.call(context=None)
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert journal.ends == []


@pytest.mark.parametrize("method", ["open_call", "reached", "save_answer"])
def test_a_lost_database(world: World, method: str) -> None:
    end, channel, journal = world.call(During(), During("1"), broken=method)
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert journal.ends == [(IvrEnd.ERROR, "the database does not answer")]
    assert [entry[0] for entry in world.tape][-2:] == ["ended", "hangup"]


def test_a_database_that_is_gone_altogether(world: World) -> None:
    end, channel, journal = world.call(broken="open_call save_answer reached ended")
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert journal.ends == []


def test_an_end_that_cannot_be_booked(world: World) -> None:
    end, channel, _ = world.call(During(), During("1"), broken="ended")
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)


def test_a_speech_command_that_fails(world: World) -> None:
    mute = world.speaking_with("sh", "-c", "echo 'no voice here' >&2; exit 3", "{file}")
    context = replace(CALL, language="fr")
    end, channel, journal = world.call(prompts=mute, context=context)
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel, "fr")
    (booked,) = journal.ends
    assert booked == (IvrEnd.ERROR, "the speech command sh failed (exit code 3): no voice here")


def test_a_recording_that_is_not_on_file(world: World) -> None:
    end, channel, journal = world.call(context=with_sections(replace(HELLO, audio="ab" * 32, branches=())))
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert "ab" * 32 in journal.ends[0][1]


def test_a_recording_is_played(world: World) -> None:
    (digest,) = world.recordings
    end, channel, _ = world.call(context=with_sections(replace(HELLO, audio=digest, branches=())))
    assert end is IvrEnd.COMPLETED
    assert Path(channel.heard[0][0]).read_bytes() == world.tone.read_bytes()


def test_a_file_the_switch_cannot_play(world: World) -> None:
    end, channel, journal = world.call(During(missing=True))
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert journal.ends == [(IvrEnd.ERROR, "section 1: a sound file could not be played")]


def test_a_question_the_switch_cannot_play(world: World) -> None:
    end, channel, journal = world.call(During(), During(missing=True))
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert journal.answers == []


def test_a_key_pressed_in_spite_of_a_bad_file_is_on_record(world: World) -> None:
    end, _, journal = world.call(During(), During("1", missing=True))
    assert end is IvrEnd.ERROR
    assert [a.result for a in journal.answers] == [AlarmResult.CONFIRMED]
    assert journal.sections == [(1, False), (2, False)]


def test_a_survey_that_goes_round_for_ever(world: World) -> None:
    end, channel, journal = world.call(context=with_sections(replace(HELLO, branches=(Branch("0", 1),))))
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert "without an end" in journal.ends[0][1]


def test_keys_typed_ahead_do_not_silence_the_apology(world: World) -> None:
    end, channel, _ = world.call(During("123456"), broken="save_answer")
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)


def test_hang_up_during_the_apology(world: World) -> None:
    end, _, journal = world.call(During(missing=True), During(hang_up=True))
    assert end is IvrEnd.ERROR
    assert [e for e, _ in journal.ends] == [IvrEnd.ERROR]


def test_a_key_typed_ahead_counts_though_its_question_has_no_sound(world: World) -> None:
    context = with_sections(HELLO, replace(ASK, audio="ab" * 32), THANKS)
    end, channel, journal = world.call(During("1"), context=context)
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert [a.result for a in journal.answers] == [AlarmResult.CONFIRMED]
    end, channel, journal = world.call(context=context)
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert journal.answers == []


# -- keys


def test_silence_is_recorded_once_the_section_is_left(world: World) -> None:
    end, channel, journal = world.call(context=with_sections(HELLO, replace(ASK, retries=2), THANKS))
    assert end is IvrEnd.COMPLETED
    assert [(a.digits, a.valid) for a in journal.answers] == [("", False)]
    assert len(channel.heard) == 4


# -- before the call


def test_warming_makes_the_first_words(world: World) -> None:
    warm_call(CALL, world.prompts)
    world.tone.unlink()  # from here on the speech command can make nothing
    assert Path(world.words("Hello Ann.")).exists()
    with pytest.raises(PromptError):
        world.words("Something else.")


def test_warming_says_when_there_will_be_no_words(world: World) -> None:
    with pytest.raises(PromptError):
        warm_call(CALL, world.speaking_with("false", "{file}"))
