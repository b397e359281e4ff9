"""The survey inside a FreeSWITCH of the test's own, and people who call back, over the socket and inside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fs_app.domain.enums import AlarmResult, AlarmStatus, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.store.models import AudioBlob, DncContact, Outbox, SurveyAnswer
from tests.freeswitch.embedded_world import World, loudest, worlds


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from worlds(tmp_path, f"sqlite:///{tmp_path}/fs-app.sqlite3")


@pytest.fixture
def world_on_postgres(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    yield from worlds(tmp_path, postgres_url)


def test_the_scheduler_rings_and_the_switch_runs_the_survey(world: World) -> None:
    alarm = world.alarm()
    world.serve(FS_APP_IVR="embedded").line("booked")
    after = world.again(alarm)
    assert (after.status, after.result, after.num_attempt) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, 1)
    (call,) = world.calls(alarm)
    assert call.originate.endswith("&python(ivr.embedded)")
    assert (call.ivr_end, call.completed, call.hangup_cause) == ("completed", True, "NORMAL_CLEARING")
    assert "traceback" not in world.switch.log().lower()


def test_on_postgres(world_on_postgres: World) -> None:
    world = world_on_postgres
    call = world.place()
    assert world.request(call).completed
    assert world.keys() == [(1, "1", True)]


SECTIONS = Survey(
    "every type",
    (
        Section(id=1, type=SectionType.PLAY_MESSAGE, order=1, script="On {event_start}.", branches=(Branch("0", 2),)),
        Section(
            id=2,
            type=SectionType.MULTI_CHOICE,
            order=2,
            script="Which?",
            keys={"1": "no", "2": "yes"},
            branches=(Branch("any", 3),),
        ),
        Section(
            id=3,
            type=SectionType.RATING,
            order=3,
            script="How many of twenty?",
            rating_laps=20,
            timeout=4,
            branches=(Branch("any", 4),),
        ),
        Section(id=4, type=SectionType.HANGUP, order=4, script="Thank you.", completed=True),
    ),
)


def test_every_section_type_and_a_callee_who_presses(world: World) -> None:
    world.survey(SECTIONS)
    call = world.place(callee="0002")
    row = world.request(call)
    assert (row.ivr_end, row.completed, row.last_section) == ("completed", True, 4)
    assert world.keys() == [(2, "2", True), (3, "15", True)]
    world.quiet()


MORE = Survey(
    "every other type",
    (
        Section(
            id=1,
            type=SectionType.CAPTURE_DIGITS,
            order=1,
            script="Your age?",
            number_digits=3,
            branches=(Branch("any", 2),),
        ),
        Section(id=2, type=SectionType.RECORD_MESSAGE, order=2, script="Speak.", branches=(Branch("0", 3),)),
        Section(
            id=3,
            type=SectionType.SMS,
            order=3,
            script="We write to you.",
            sms_text="Dear {name}",
            branches=(Branch("0", 4),),
        ),
        Section(id=4, type=SectionType.DNC, order=4, script="Never again.", branches=(Branch("0", 5),)),
        Section(id=5, type=SectionType.HANGUP, order=5, script="Thank you.", completed=True),
    ),
)


def test_digits_a_recording_a_short_message_and_an_opt_out(world: World) -> None:
    world.survey(MORE)
    call = world.place(callee="0004")
    row = world.request(call)
    assert (row.ivr_end, row.completed, row.last_section) == ("completed", True, 5), row.reason
    assert world.keys() == [(1, "42", True), (2, "1", True), (3, "", True), (4, "", True)]
    with world.store.reading():
        kept = SurveyAnswer.get(SurveyAnswer.section_id == 2)
        recorded = AudioBlob.get(AudioBlob.sha256 == kept.recording_id).content
        assert [contact.phone_number for contact in DncContact.select()] == ["15550100004"]
        assert Outbox.select().where(Outbox.kind == "sms").count() == 1
    assert kept.recording_seconds in (1, 2, 3)
    assert loudest(bytes(recorded)) > 1000  # the callee's tone is in it
    world.quiet()


def test_a_transfer_goes_over_the_socket_and_comes_back(world: World) -> None:
    talk = Section(
        id=1,
        type=SectionType.CALL_TRANSFER,
        script="One moment.",
        phonenumber="15550100005",
        branches=(Branch("0", 2),),
    )
    world.survey(Survey("transfer", (talk, replace(SECTIONS.sections[3], id=2))))
    world.serve()
    call = world.place(callee="0009")
    assert world.request(call).completed
    ((section, _keys, valid),) = world.keys()
    assert (section, valid) == (1, True)
    world.quiet()


def test_a_key_and_a_hang_up_during_the_next_prompt(world: World) -> None:
    world.survey(replace(SECTIONS, sections=SECTIONS.sections[2:]))
    call = world.place(callee="0003")
    assert world.keys() == [(3, "1", True)]
    assert world.request(call).ivr_end == "hangup"
    world.quiet()


@pytest.mark.parametrize("way", ["socket", "inside"])
def test_who_calls_back_hears_the_reminder_and_is_not_rung_again(world: World, way: str) -> None:
    alarm = world.missed()
    if way == "socket":
        world.serve()
    world.call_in(way, "15550100001", keys="1")
    world.until(lambda: world.again(alarm).result == AlarmResult.CONFIRMED)
    world.until(lambda: world.calls(alarm)[-1].ended_at is not None)
    after = world.again(alarm)
    assert (after.status, after.due_at, after.num_attempt) == (AlarmStatus.SUCCESS, None, 1)
    first, second = world.calls(alarm)
    assert (first.dialled_at is not None, second.dialled_at) == (True, None)
    assert second.originate == "inbound from 15550100001 to 15550100"
    assert (second.ivr_end, second.reason) == ("completed", "called back: ended with section 2")
    world.quiet()


@pytest.mark.parametrize("way", ["socket", "inside"])
def test_a_stranger_is_told_that_nothing_waits(world: World, way: str) -> None:
    alarm = world.missed()
    if way == "socket":
        world.serve()
    caller = world.call_in(way, "15550109999")
    world.until(lambda: re.search(r"no-message-en\.wav", world.switch.log()))
    world.until(lambda: world.switch.api(f"uuid_exists {caller}").strip() == "false")
    assert len(world.calls(alarm)) == 1


def test_what_cannot_be_done_inside_goes_over_the_socket(world: World) -> None:
    """Here: a result that may transfer the callee."""
    server = world.serve()
    call = world.place(phonenumber_transfer="15550109999")
    server.line("survey ended")
    assert world.keys() == [(1, "1", True)]
    assert world.request(call).completed
    assert "socket(127.0.0.1:" in world.switch.log()
    world.quiet()


def test_nobody_listens_on_the_socket_that_it_needs(world: World) -> None:
    call = world.place(phonenumber_transfer="15550109999")
    assert world.request(call).completed
    assert "it needs the outbound socket, but nobody listens" in world.switch.log()
    world.quiet()


def test_the_server_dies_and_the_survey_goes_on(world: World) -> None:
    alarm = world.alarm()
    server = world.serve(FS_APP_IVR="embedded", FS_APP_LEASE="2")
    server.line("answered")
    server.kill()
    world.until(lambda: world.again(alarm).result == AlarmResult.CONFIRMED)
    world.serve(FS_APP_IVR="embedded").line("booked")
    after = world.again(alarm)
    assert (after.status, after.num_attempt, len(world.calls(alarm))) == (AlarmStatus.SUCCESS, 1, 1)


def test_the_switch_dies_in_mid_call_and_nobody_is_rung_again(world: World) -> None:
    alarm = world.alarm(callee="0009")
    server = world.serve(FS_APP_IVR="embedded")
    world.until(lambda: any(call.ivr_started_at for call in world.calls(alarm)))
    world.switch.kill()
    world.switch.start()
    server.line("booked")
    after = world.again(alarm)
    assert (after.status, after.due_at, len(world.calls(alarm))) == (AlarmStatus.FAILURE, None, 1)
    assert "interrupted" in after.reason


def test_the_switch_stops_with_our_threads_in_it(world: World) -> None:
    world.place()
    world.quiet()
    assert world.switch.stop() == 0
