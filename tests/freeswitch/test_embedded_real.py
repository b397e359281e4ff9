"""The survey inside a FreeSWITCH of the test's own, and people who call back, over the socket and inside."""

from __future__ import annotations

import array
import io
import re
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import gevent
import pytest

from fs_app.domain.alarms import Claim, Verdict
from fs_app.domain.enums import AlarmResult, AlarmStatus, Outcome, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, AudioBlob, CallRequest, DncContact, Outbox, SurveyAnswer
from scheduler import plan
from tests.freeswitch.own_switch import PASSWORD, ROOT, OwnSwitch, program
from tests.processes import Process, free_port
from tests.rows import SURVEY, Rows, make_rows
from tests.sounds import tone, wav

PATIENCE = 30.0  # seconds until a test that waits in vain fails
CALLER_ID = "15550100"


def _keys(*steps: str) -> str:
    """Actions of a callee: keys, pauses in ms, ``talk`` for a second and a half, or ``hangup``."""
    made = []
    for step in steps:
        if step == "hangup":
            made.append('<action application="hangup"/>')
        elif step == "talk":
            made.append('<action application="playback" data="tone_stream://%(1500,0,500)"/>')
        elif len(step) > 2 and step.isdecimal():
            made.append(f'<action application="sleep" data="{step}"/>')
        else:
            made.append(f'<action application="send_dtmf" data="{step}"/>')
    return "".join(made)


CASTS = {
    "0001": ("1",),
    "0002": ("2", "1500", "15#"),
    "0003": ("1", "700", "hangup"),  # a key, and gone before the entry was complete
    "0004": ("42#", "1800", "talk", "1"),
    "0005": ("hangup",),
    "0009": (),
}


def contexts(outbound: int) -> str:
    """Our callees, and the dialplan files we ship, each in a context that a trunk's calls would arrive in."""
    extensions = "".join(
        f'<extension name="c{name}"><condition field="destination_number" expression="^1555010{name}$">'
        f'<action application="answer"/><action application="sleep" data="1500"/>{_keys(*steps)}'
        f'<action application="sleep" data="60000"/></condition></extension>'
        for name, steps in CASTS.items()
    )
    made = f'<context name="callees">{extensions}</context>'
    for name, file in (("socket", "fs_app_callback.xml"), ("inside", "fs_app_callback_embedded.xml")):
        text = (ROOT / "freeswitch_conf" / "dialplan" / file).read_text(encoding="utf-8")
        extension = re.search(r"<include>(.*)</include>", text, re.DOTALL)
        assert extension is not None
        shipped = extension[1].replace("127.0.0.1:8084", f"127.0.0.1:{outbound}")
        made += f'<context name="{name}">{shipped}</context>'
    return made


class World:
    """A switch, a database and whatever servers the test starts."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.store = Store(url)
        self.store.migrate()
        self.now = datetime.now(UTC)
        self.rows: Rows | None = None
        self.attempts = Attempts(self.store, ZoneInfo("UTC"))
        speech = home / "speech.wav"
        speech.write_bytes(wav(tone(seconds=0.4, rate=8000, channels=1), rate=8000, channels=1))
        outbound = free_port()
        self.env = {
            "FS_APP_DATABASE": url,
            "FS_APP_SOUNDS": str(home / "sounds"),
            "FS_APP_TTS": f"cp {speech} {{file}}",
            "FS_APP_HTTP": "127.0.0.1:0",
            "FS_APP_OUTBOUND": f"127.0.0.1:{outbound}",
            "FS_APP_ESL_PASSWORD": PASSWORD,
        }
        self.switch = OwnSwitch(home / "switch", contexts(outbound), self.env)
        self.env["FS_APP_ESL"] = f"127.0.0.1:{self.switch.port}"
        self.servers: list[Process] = []

    def survey(self, survey: Survey = SURVEY) -> None:
        self.rows = make_rows(self.store, self.now, gateway="loopback/{number}/callees", survey=survey)

    def alarm(self, callee: str = "0001", **fields: Any) -> Alarm:
        """One that is due, and may be retried at once."""
        if self.rows is None:
            self.survey()
        assert self.rows is not None
        return self.rows.alarm(
            self.store, self.now, **{"number": f"1555010{callee}", "maxretry": 3, "retry_delay": 0, **fields}
        )

    def claim(self, **fields: Any) -> tuple[Alarm, Claim]:
        """An alarm whose call is about to be placed by the test itself."""
        alarm = self.alarm(**fields)
        settings = plan.PlanSettings("")
        (claim,) = self.attempts.claim_due(
            self.now, 10, timedelta(minutes=5), lambda due, uuid: plan.decide(due, uuid, self.now, settings)
        )
        assert self.attempts.mark_dialling(claim, "own", "originate", self.now)
        return alarm, claim

    def place(self, **fields: Any) -> str:
        """Place a call by hand, and wait until its survey has ended; its UUID."""
        _alarm, claim = self.claim(**fields)
        self.switch.switch.originate(claim.dial.request)
        self.until(lambda: self.request(claim.call_uuid).ivr_end != "")
        return claim.call_uuid

    def missed(self, **fields: Any) -> Alarm:
        """An alarm whose first call nobody answered; the next one is due in an hour."""
        alarm, claim = self.claim(**fields)
        later = self.now + timedelta(minutes=50)
        verdict = Verdict(Outcome.NO_ANSWER, AlarmStatus.RETRY, "NO_ANSWER", True, later)
        self.attempts.book(claim.call_uuid, claim.token, verdict, None, self.now)
        return alarm

    def call_in(self, context: str, caller: str, keys: str = "", after_ms: int = 1500) -> str:
        """Somebody calls us, presses keys after a while, and stays until we hang up."""
        uuid = str(uuid4())
        actions = f"sleep:{after_ms}," + (f"send_dtmf:{keys}," if keys else "") + "sleep:20000"
        said = self.switch.api(
            f"bgapi originate {{origination_uuid={uuid},origination_caller_id_number={caller},"
            f"loopback_bowout=false}}loopback/{CALLER_ID}/{context} '{actions}' inline"
        )
        assert said.startswith("+OK"), said
        return uuid

    def serve(self, **env: str) -> Process:
        server = Process(["serve"], {**self.env, **env})
        self.servers.append(server)
        server.line("outbound socket on")
        return server

    # ---- what is on record

    def request(self, call: str) -> CallRequest:
        with self.store.reading():
            return CallRequest.get(CallRequest.request_uuid == call)

    def calls(self, alarm: Alarm) -> list[CallRequest]:
        with self.store.reading():
            rows = AlarmRequest.select().where(AlarmRequest.alarm == alarm).order_by(AlarmRequest.attempt)
            return [row.callrequest for row in rows]

    def again(self, alarm: Alarm) -> Alarm:
        with self.store.reading():
            return Alarm.get_by_id(alarm.id)

    def keys(self) -> list[tuple[int, str, bool]]:
        with self.store.reading():
            rows = SurveyAnswer.select().order_by(SurveyAnswer.id)
            return [(row.section_id, row.digits, row.valid) for row in rows]

    def until(self, true: Callable[[], object]) -> None:
        """Nothing on the switch's side rings a bell for a test: look, a few times a second."""
        with gevent.Timeout(PATIENCE, AssertionError("waited in vain")):
            while not true():
                gevent.sleep(0.1)

    def quiet(self) -> None:
        """Until no call is up."""
        self.until(lambda: "0 total" in self.switch.api("show channels"))

    def close(self) -> None:
        for server in self.servers:
            server.close()
        self.switch.close()
        self.store.close()


def loudest(recording: bytes) -> int:
    """The largest sample of a WAV file of 16 bits."""
    with wave.open(io.BytesIO(recording)) as wav_file:
        return max(map(abs, array.array("h", wav_file.readframes(wav_file.getnframes()))))


def _world(home: Path, url: str) -> Iterator[World]:
    program()
    world = World(home, url)
    try:
        world.switch.start()
        said = world.switch.api("python ivr.embedded")
        if not said.startswith("+OK"):
            if "No module named" in said or "not found" in said or "no reply" in said:
                pytest.skip(f"mod_python3 of this FreeSWITCH cannot load the product: {said[:300]}\n")
            pytest.fail(said)
        yield world
    finally:
        world.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from _world(tmp_path, f"sqlite:///{tmp_path}/fs-app.sqlite3")


@pytest.fixture
def world_on_postgres(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    yield from _world(tmp_path, postgres_url)


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
    assert (second.ivr_end, second.reason) == ("completed", "called back: section 2 has no branch for '0'")
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
