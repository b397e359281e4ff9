"""The runner with the sections that do more than talk: what is on record, what is done, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gevent.threadpool import ThreadPool

from fs_app.domain.calls import CallContext, KeepRecording, OptOut, SendSms
from fs_app.domain.enums import AlarmResult, IvrEnd, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.switch.channel import SOCKET_CLOSED, Conferenced, Recorded, Transferred
from ivr.acts import BEEP
from tests.fakes.channel import During
from tests.unit.test_runner import World, assert_apologised

RECORD = Section(1, SectionType.RECORD_MESSAGE, script="Speak.", branches=(Branch("0", 9), Branch("timeout", 8)))
TRANSFER = replace(RECORD, type=SectionType.CALL_TRANSFER, phonenumber="+15550100")
ROOM = replace(RECORD, type=SectionType.CONFERENCE, conference="room")
ASK = Section(1, SectionType.MULTI_CHOICE, script="Press 9.", keys={"9": "never"}, branches=(Branch("9", 2),))
SORRY = Section(8, SectionType.HANGUP, order=8, script="Sorry.")
BYE = Section(9, SectionType.HANGUP, order=9, script="Bye.")
LOST = During(hang_up=True, cause=SOCKET_CLOSED)


def call_of(*sections: Section, **fields: Any) -> CallContext:
    call = CallContext("call-1", Survey("s", (*sections, SORRY, BYE)), {}, "en", gateway="sofia/gateway/test/")
    return replace(call, phone_number="+15550123", manager_id=7, **fields)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    threads = ThreadPool(4)
    yield World(tmp_path, threads)
    threads.kill()


def recordings(world: World) -> list[Path]:
    return sorted((world.sounds / "recordings").iterdir())


# -- recording


def test_a_message_is_asked_for_recorded_and_kept(world: World) -> None:
    script = During(), During(), During(result=Recorded(7.2, "silence"))
    end, channel, journal = world.call(*script, context=call_of(RECORD))
    assert end is IvrEnd.COMPLETED
    assert channel.heard == [[world.words("Speak.")], [BEEP], [world.words("Bye.")]]
    (answer,) = journal.answers
    assert (answer.digits, answer.valid, answer.response, answer.recording_seconds) == ("", True, "recorded", 7)
    (kept,) = journal.effects
    assert isinstance(kept, KeepRecording)
    assert [str(path) for path in recordings(world)] == [kept.path]  # the journal takes it away, once it has it


def test_keys_during_the_question_only_hurry_it(world: World) -> None:
    script = During("55"), During(), During("#", result=Recorded(3.0, "key", "#"))
    _, channel, journal = world.call(*script, context=call_of(RECORD))
    assert [BEEP] in channel.heard
    assert [(a.digits, a.response) for a in journal.answers] == [("#", "recorded")]


def test_silence_is_no_message(world: World) -> None:
    quiet = During(result=Recorded(3.1, "silence"))
    script = During(), During(), quiet, During(), During(), quiet
    end, channel, journal = world.call(*script, context=call_of(replace(RECORD, retries=1)))
    assert end is IvrEnd.COMPLETED
    assert channel.heard[-1] == [world.words("Sorry.")]
    assert [(a.digits, a.valid) for a in journal.answers] == [("", False)]
    assert recordings(world) == []


def test_what_was_said_before_a_hang_up_is_kept(world: World) -> None:
    said = During(hang_up=True, result=Recorded(4.0, "hangup"))
    end, _, journal = world.call(During(), During(), said, context=call_of(RECORD))
    assert end is IvrEnd.HANGUP
    assert [a.recording_seconds for a in journal.answers] == [4]
    assert journal.sections == [(1, False)]


@pytest.mark.parametrize("moments", [0, 1, 2])
def test_a_hang_up_before_anything_was_said(world: World, moments: int) -> None:
    nothing = During(hang_up=True, result=Recorded(0.2, "hangup") if moments == 2 else None)
    end, _, journal = world.call(*[During()] * moments, nothing, context=call_of(RECORD))
    assert end is IvrEnd.HANGUP
    assert journal.answers == []
    assert recordings(world) == []


def test_a_recording_that_the_switch_cannot_write(world: World) -> None:
    refused = During(hang_up=True, result=Recorded(0.0, "hangup", failed=True))
    end, _, journal = world.call(During(), During(), refused, context=call_of(RECORD))
    assert end is IvrEnd.ERROR
    assert "could not write the recording" in journal.ends[0][1]


def test_sounds_in_a_folder_that_cannot_be_recorded_into(world: World, tmp_path: Path) -> None:
    world.sounds = tmp_path / "my sounds"
    prompts = world.speaking_with("cp", str(world.tone), "{file}")
    end, channel, journal = world.call(context=call_of(RECORD), prompts=prompts)
    assert end is IvrEnd.ERROR
    assert channel.heard[-1] == [prompts.apology("en")]
    assert "FS_APP_SOUNDS must be a path" in journal.ends[0][1]


# -- transfer


def test_a_transfer_through_the_gateway_of_the_call(world: World) -> None:
    transfer = replace(TRANSFER, confirm_script="A patient.", confirm_key="1")
    end, channel, journal = world.call(During(seconds=40), context=call_of(transfer, removeprefix="+"))
    assert end is IvrEnd.COMPLETED
    assert ("transfer", "sofia/gateway/test/15550100", world.words("Speak.")) in world.tape
    assert channel.heard == [[world.words("Bye.")]]
    assert [(a.valid, a.response) for a in journal.answers] == [(True, "connected")]


def test_a_sip_uri_that_was_sealed(world: World) -> None:
    world.call(context=call_of(replace(TRANSFER, phonenumber="sip:desk@pbx.example.org")))
    assert any(entry[:2] == ("transfer", "sofia/external/desk@pbx.example.org") for entry in world.tape)


@pytest.mark.parametrize(
    ("outcome", "response"),
    [("busy", "busy"), ("no_answer", "no answer"), ("rejected", "rejected"), ("failed", "failed")],
)
def test_nobody_there(world: World, outcome: Any, response: str) -> None:
    end, channel, journal = world.call(During(result=Transferred(outcome, 0.0, "X")), context=call_of(TRANSFER))
    assert end is IvrEnd.COMPLETED
    assert channel.heard == [
        [world.words("Sorry, nobody can take your call at the moment.")],
        [world.words("Sorry.")],
    ]
    assert [(a.valid, a.response) for a in journal.answers] == [(False, response)]


def test_no_gateway_to_transfer_through(world: World) -> None:
    end, channel, journal = world.call(context=call_of(TRANSFER, gateway=""))
    assert end is IvrEnd.COMPLETED
    assert channel.heard[-1] == [world.words("Sorry.")]
    assert [a.response for a in journal.answers] == ["failed"]


def test_the_callee_leaves_a_transfer_while_it_rings(world: World) -> None:
    end, channel, journal = world.call(During("*", result=Transferred("left", 0.0, "X")), context=call_of(TRANSFER))
    assert end is IvrEnd.COMPLETED
    assert channel.heard == [[world.words("Sorry.")]]
    assert [(a.valid, a.response) for a in journal.answers] == [(False, "left")]


@pytest.mark.parametrize(("seconds", "response"), [(0.0, "left"), (12.0, "connected")])
def test_a_hang_up_in_a_transfer(world: World, seconds: float, response: str) -> None:
    gone = During(hang_up=True, result=Transferred("hangup", seconds, "NORMAL_CLEARING"))
    end, _, journal = world.call(gone, context=call_of(TRANSFER))
    assert end is IvrEnd.HANGUP
    assert [a.response for a in journal.answers] == [response]
    assert journal.sections == [(1, False)]


def test_a_connection_lost_while_it_rings_says_nothing_about_the_callee(world: World) -> None:
    lost = replace(LOST, result=Transferred("hangup", 0.0, SOCKET_CLOSED))
    end, _, journal = world.call(lost, context=call_of(TRANSFER))
    assert end is IvrEnd.ERROR
    assert journal.answers == []
    assert journal.ends == []


def test_a_rescheduled_result_is_on_record_before_anybody_is_rung(world: World) -> None:
    rate = replace(ASK, type=SectionType.RATING, branches=(Branch("any", 9),))
    context = call_of(rate, phonenumber_transfer="+15550122")
    end, channel, journal = world.call(During("3"), During(seconds=20), context=context)
    assert end is IvrEnd.COMPLETED
    doings = [entry[0] for entry in world.tape]
    assert doings.index("save_answer") < doings.index("transfer")
    assert [(a.result, a.response) for a in journal.answers] == [(AlarmResult.RESCHEDULED, "3"), (None, "connected")]
    assert channel.heard[-1] == [world.words("Bye.")]


# -- conference


def test_a_conference_of_that_manager(world: World) -> None:
    end, channel, journal = world.call(During(), During("#"), context=call_of(ROOM))
    assert end is IvrEnd.COMPLETED
    assert ("conference", "fs-app-7-room") in world.tape
    assert channel.heard == [[world.words("Speak.")], [world.words("Bye.")]]
    assert [(a.valid, a.response) for a in journal.answers] == [(True, "joined")]


def test_a_room_that_does_not_open(world: World) -> None:
    end, channel, journal = world.call(During(), During(result=Conferenced(0.0, "end")), context=call_of(ROOM))
    assert end is IvrEnd.COMPLETED
    assert channel.heard[-1] == [world.words("Sorry.")]
    assert [(a.valid, a.response) for a in journal.answers] == [(False, "failed")]


def test_a_hang_up_in_a_conference(world: World) -> None:
    end, _, journal = world.call(During(), During(hang_up=True), context=call_of(ROOM))
    assert end is IvrEnd.HANGUP
    assert [a.response for a in journal.answers] == ["joined"]


# -- opting out, short messages


DNC = Section(2, SectionType.DNC, order=2)
SMS = Section(2, SectionType.SMS, order=2, sms_text="12 High Street")


@pytest.mark.parametrize(
    ("section", "effect"),
    [(DNC, OptOut("+15550123")), (SMS, SendSms("+15550123", "12 High Street", "section-call-1-2"))],
)
@pytest.mark.parametrize("hang_up", [False, True])
def test_a_key_that_leads_to_it_is_enough(world: World, section: Section, effect: Any, hang_up: bool) -> None:
    end, _, journal = world.call(During("9", hang_up=hang_up), context=call_of(ASK, section))
    assert end is (IvrEnd.HANGUP if hang_up else IvrEnd.COMPLETED)
    assert journal.effects == [effect]
    assert [s for s, _ in journal.sections] == [1, 2]


@pytest.mark.parametrize("section", [DNC, SMS])
def test_a_hang_up_in_the_message_before_it_is_not(world: World, section: Section) -> None:
    say = Section(1, SectionType.PLAY_MESSAGE, script="Hello.", branches=(Branch("0", 2),))
    end, _, journal = world.call(During(hang_up=True), context=call_of(say, section))
    assert end is IvrEnd.HANGUP
    assert (journal.effects, journal.answers, journal.sections) == ([], [], [(1, False)])


def test_opting_out_is_on_record_before_it_is_said(world: World) -> None:
    _, channel, _ = world.call(During("9"), context=call_of(ASK, DNC))
    doings = [entry[0] for entry in world.tape]
    assert doings[-4:] == ["save_answer", "play", "ended", "hangup"]
    assert channel.heard[-1] == [world.words("You will not be called again. Goodbye.")]


# -- faults


@pytest.mark.parametrize("section", [RECORD, TRANSFER, ROOM])
def test_words_that_cannot_be_made(world: World, section: Section) -> None:
    end, channel, journal = world.call(context=call_of(replace(section, audio="ab" * 32)))
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert "ab" * 32 in journal.ends[0][1]


@pytest.mark.parametrize("section", [RECORD, ROOM])
def test_words_that_cannot_be_played(world: World, section: Section) -> None:
    end, channel, journal = world.call(During(missing=True), context=call_of(section))
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert journal.ends == [(IvrEnd.ERROR, "section 1: a sound file could not be played")]


@pytest.mark.parametrize("section", [RECORD, TRANSFER, ROOM])
def test_a_database_that_is_gone_keeps_the_recording(world: World, section: Section) -> None:
    end, channel, _ = world.call(During(), During(), During(seconds=8), context=call_of(section), broken="save_answer")
    assert end is IvrEnd.ERROR
    assert_apologised(world, channel)
    assert len(recordings(world)) == (1 if section is RECORD else 0)
