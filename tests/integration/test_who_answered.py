"""Who answered, from the callee's audio to the attempt that is booked, on both databases and the built-in switch."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.queue import Queue

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmStatus, AmdBehavior, Outcome
from fs_app.service import Service
from fs_app.simulator.callees import Callee, HangUp, Press
from fs_app.simulator.server import Simulator
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, AudioBlob, AudioFile, CalendarSetting, CallRequest
from tests.rows import Rows, make_rows
from tests.voices import RATE, beep, quiet, talk

PATIENCE = 30.0
PERSON, MACHINE = "15550000101", "15550000102"


def sound_file(path: Path, *parts: bytes) -> bytes:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(b"".join(parts))
    return path.read_bytes()


class World:
    def __init__(self, folder: Path, database: str) -> None:
        self.heard: list[dict[str, object]] = []
        self.happened: Queue[tuple[str, dict[str, object]]] = Queue()
        sound_file(folder / "person.wav", quiet(200), talk(500), quiet(4000))
        sound_file(folder / "machine.wav", quiet(200), talk(2600), quiet(400), beep(400), quiet(4000))
        callees = {
            PERSON: Callee(audio=str(folder / "person.wav"), actions=(Press("1", at=3.5),)),
            MACHINE: Callee(audio=str(folder / "machine.wav"), actions=(HangUp(at=20),)),
        }
        self.switch = Simulator(clock=SystemClock(), callees=callees, on_event=self._heard)
        self.switch.start()
        environ = {
            "FS_APP_DATABASE": database,
            "FS_APP_ESL": f"127.0.0.1:{self.switch.port}",
            "FS_APP_OUTBOUND": "127.0.0.1:0",
            "FS_APP_SOUNDS": str(folder / "sounds"),
        }
        self.settings = config.load(environ)
        store = Store(database)
        store.migrate()
        self.rows: Rows = make_rows(store, SystemClock().now())
        content = sound_file(folder / "message.wav", talk(1000))
        digest = hashlib.sha256(content).hexdigest()
        self.message = f"{digest}.wav"
        with store.transaction():
            blob = AudioBlob.create(sha256=digest, content=content, extension="wav")
            self.file = AudioFile.create(user=self.rows.manager, name="m", blob=blob, created_date=SystemClock().now())
        store.close()
        self.service = Service(
            self.settings,
            frozenset({"ivr", "scheduler"}),
            observer=lambda what, uuid, said: self.happened.put((what, dict(said))),
        )
        self.service.start()
        assert self.service.switches[0].wait_up(PATIENCE)

    def _heard(self, what: str, line: dict[str, object]) -> None:
        if what == "heard":
            self.heard.append(line)

    def calls(self, behavior: AmdBehavior) -> tuple[tuple[CallRequest, Alarm, AlarmRequest], ...]:
        """What became of a call to the machine and of one to the person, made at once."""
        store = self.service.store
        rules = {"greeting": 2000}
        with store.transaction():
            CalendarSetting.update(
                voicemail=True, amd_behavior=behavior, voicemail_audiofile=self.file, amd_parameters=rules
            ).execute()
        now = SystemClock().now()
        alarms = [self.rows.alarm(store, now, number=n, maxretry=1, retry_delay=600) for n in (MACHINE, PERSON)]
        store.pool.apply(self.service.doorbell.ring, ("due",))
        with gevent.Timeout(PATIENCE):
            for _ in alarms:
                while self.happened.get()[0] != "booked":
                    pass
        with store.reading():
            attempts = [AlarmRequest.get(AlarmRequest.alarm == alarm.id) for alarm in alarms]
            return tuple((a.callrequest, Alarm.get_by_id(a.alarm_id), a) for a in attempts)

    def files(self, number: str) -> list[str]:
        """What that callee heard, without silence."""
        played = [str(line["file"]) for line in self.heard if line["number"] == number]
        return [Path(file).name for file in played if not file.startswith("silence")]

    def close(self) -> None:
        self.service.stop()
        self.switch.stop()


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, f"sqlite:///{tmp_path}/calls.sqlite3")
    yield made
    made.close()


def test_always(world: World) -> None:
    machine, person = world.calls(AmdBehavior.ALWAYS)
    call, alarm, attempt = machine
    assert (call.amd_status, call.message_left, call.outcome) == ("machine", True, Outcome.MACHINE)
    assert 2000 <= call.amd_ms <= 3500
    assert "after a beep" in call.reason
    assert (alarm.status, attempt.callstatus, attempt.status) == (AlarmStatus.SUCCESS, 7, AlarmStatus.SUCCESS)
    assert world.files(MACHINE) == [world.message]
    call, alarm, attempt = person
    assert (call.amd_status, call.message_left, call.outcome) == ("person", False, Outcome.ANSWERED)
    assert 400 <= call.amd_ms <= 2000  # less what passes before we listen
    assert (alarm.status, attempt.callstatus) == (AlarmStatus.SUCCESS, 0)
    assert len(world.files(PERSON)) > 1


def test_persons_only(sqlite_world: World) -> None:
    (call, alarm, attempt), person = sqlite_world.calls(AmdBehavior.HUMAN_ONLY)
    assert (call.amd_status, call.message_left, call.outcome) == ("machine", False, Outcome.MACHINE)
    assert (alarm.status, alarm.num_attempt, attempt.callstatus) == (AlarmStatus.RETRY, 1, 7)
    assert alarm.due_at is not None
    assert sqlite_world.files(MACHINE) == []
    assert (person[0].amd_status, person[1].status) == ("person", AlarmStatus.SUCCESS)


def test_machines_only(sqlite_world: World) -> None:
    with sqlite_world.service.store.transaction():
        CalendarSetting.update(require_keypress=True).execute()
    (call, alarm, _), person = sqlite_world.calls(AmdBehavior.VOICEMAIL_ONLY)
    assert (call.amd_status, call.message_left, alarm.status) == ("machine", True, AlarmStatus.SUCCESS)
    assert sqlite_world.files(MACHINE) == [sqlite_world.message]
    call, alarm, attempt = person
    assert (call.amd_status, call.message_left, call.last_section) == ("person", False, None)
    assert (alarm.status, attempt.callstatus) == (AlarmStatus.SUCCESS, 0)
    assert len(sqlite_world.files(PERSON)) == 1  # a polite word
