"""The survey inside FreeSWITCH, in a process that is as narrow as FreeSWITCH's; no switch is needed.

The same on a real one: tests/freeswitch/test_embedded_real.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.alarms import Verdict
from fs_app.domain.enums import AlarmResult, AlarmStatus, Outcome
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.models import Alarm, CallRequest, SurveyAnswer
from ivr.inside import shown
from scheduler import plan
from tests.conftest import without_schema
from tests.processes import Process
from tests.rows import Rows, make_rows
from tests.sounds import tone, wav

ROOT = Path(__file__).parents[2]
NUMBER = "+33612345678"
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where the database makes no difference


class FreeSwitch:
    """The process that mod_python3 would run in."""

    def __init__(self, url: str, sounds: Path, speech: Path) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("FS_APP_")}
        env |= {
            "FS_APP_DATABASE": url,
            "FS_APP_SOUNDS": str(sounds),
            "FS_APP_TTS": f"cp {speech} {{file}}",
            "PYTHONPATH": str(ROOT),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.mod_python"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, *script: str, call: str = "", caller: str = "", broken: str = "") -> dict[str, Any]:
        variables = {"caller_id_number": caller, "destination_number": "15550100"}
        if call:
            variables["fs_app_call"] = call
        return self._ask(
            {"script": list(script), "uuid": call or str(uuid4()), "variables": variables, "broken": broken}
        )

    def status(self) -> str:
        return str(self._ask({"status": True})["status"])

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "raised" not in answer
        assert answer["gevent"] == []
        assert not answer.get("held")
        return answer

    def close(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(30)


class Desk:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = datetime.now(UTC)
        self.rows: Rows = make_rows(store, self.now)
        self.attempts = Attempts(store, ZoneInfo("UTC"))

    def dial(self) -> tuple[Alarm, str, str]:
        """An alarm that is being rung: its row, the call's UUID and the lease token."""
        alarm = self.rows.alarm(self.store, self.now, number=NUMBER, maxretry=3, retry_delay=300)
        settings = plan.PlanSettings("127.0.0.1:8084")
        (claim,) = self.attempts.claim_due(
            self.now, 10, timedelta(seconds=60), lambda due, uuid: plan.decide(due, uuid, self.now, settings)
        )
        assert self.attempts.mark_dialling(claim, "switch", "originate …", self.now)
        return alarm, claim.call_uuid, claim.token

    def miss(self) -> Alarm:
        alarm, call, token = self.dial()
        later = self.now + timedelta(minutes=5)
        self.attempts.book(call, token, Verdict(Outcome.NO_ANSWER, AlarmStatus.RETRY, "", True, later), None, self.now)
        return alarm

    def alarm(self, alarm: Alarm) -> Alarm:
        with self.store.reading():
            return Alarm.get_by_id(alarm.id)

    def keys(self) -> list[str]:
        with self.store.reading():
            return [row.digits for row in SurveyAnswer.select().order_by(SurveyAnswer.id)]

    def request(self, call: str) -> CallRequest:
        with self.store.reading():
            return CallRequest.get(CallRequest.request_uuid == call)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    store = Store(database_url)
    store.migrate()
    yield Desk(store)
    store.close()


@pytest.fixture
def switch(database_url: str, tmp_path: Path) -> Iterator[FreeSwitch]:
    speech = tmp_path / "speech.wav"
    speech.write_bytes(wav(tone()))
    found = FreeSwitch(database_url, tmp_path / "sounds", speech)
    yield found
    assert found.close() == 0


def test_a_reminder_is_heard_and_confirmed(desk: Desk, switch: FreeSwitch) -> None:
    _alarm, call, _token = desk.dial()
    heard = switch.call("1", call=call)
    assert len(heard["played"]) == 2  # the question, the thanks
    assert heard["ran"] == [["answer", ""]]
    assert heard["cause"] == "NORMAL_CLEARING"
    assert heard["log"] == []
    facts = desk.attempts.facts(call)
    assert facts is not None
    assert (facts.ivr_started, facts.completed, facts.pressed) == (True, True, True)
    assert facts.result is AlarmResult.CONFIRMED


def test_keys_typed_ahead_and_a_hang_up_are_on_record(desk: Desk, switch: FreeSwitch) -> None:
    _alarm, call, _token = desk.dial()
    switch.call("9", "hangup", call=call)  # the wrong key, then gone during the words for it
    assert desk.keys() == ["9"]
    row = desk.request(call)
    assert (row.ivr_end, row.reason) == ("hangup", "hung up before the end of the survey (NORMAL_CLEARING)")


def test_who_calls_back_hears_the_reminder(desk: Desk, switch: FreeSwitch) -> None:
    alarm = desk.miss()
    heard = switch.call("1", caller="0612345678")
    assert len(heard["played"]) == 2
    assert ["sched_hangup", "+600 ALLOTTED_TIMEOUT"] in heard["ran"]
    after = desk.alarm(alarm)
    assert (after.status, after.result, after.due_at) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, None)
    assert Path(switch.call(caller="0612345678")["played"][0]).name == "no-message-en.wav"


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_the_database_was_restarted_between_two_calls(desk: Desk, switch: FreeSwitch, database_url: str) -> None:
    _alarm, call, _token = desk.dial()
    switch.call("1", call=call)
    hang_up_everybody(database_url)
    desk.store.close()
    _alarm, call, _token = desk.dial()
    heard = switch.call("2", call=call)
    assert heard["log"] == []
    assert desk.keys() == ["1", "2"]


@sqlite
@pytest.mark.parametrize("caller", ["", "anonymous", "0612345679", "1 OR 1=1"])
def test_a_stranger_hears_a_polite_sentence(desk: Desk, switch: FreeSwitch, caller: str) -> None:
    desk.miss()
    heard = switch.call(caller=caller)
    assert [Path(file).name for file in heard["played"]] == ["no-message-en.wav"]
    assert heard["cause"] == "NORMAL_CLEARING"


@sqlite
def test_calls_that_are_not_ours(desk: Desk, switch: FreeSwitch) -> None:
    for call in (str(uuid4()), "no uuid", "${system(id)}"):
        heard = switch.call(call=call)
        assert [Path(file).name for file in heard["played"]] == ["apology-en.wav"]
        assert heard["cause"] == "NORMAL_CLEARING"
        assert len(heard["log"]) == 1


@sqlite
@pytest.mark.parametrize("broken", ["streamFile", "ready", "getVariable"])
def test_a_session_that_breaks_raises_nothing_into_the_switch(desk: Desk, switch: FreeSwitch, broken: str) -> None:
    _alarm, call, _token = desk.dial()
    heard = switch.call(call=call, broken=broken)
    assert any(level == "err" for level, _line in heard["log"])


def test_status(desk: Desk, switch: FreeSwitch) -> None:
    desk.miss()
    lines = switch.status().splitlines()
    assert lines[0].startswith("+OK fs-app ")
    assert any(line.startswith("reminders 1 waiting, the next at ") for line in lines)


@sqlite
def test_a_schema_that_moved_on_is_not_dialled_for(desk: Desk, switch: FreeSwitch) -> None:
    assert switch.status().startswith("+OK")
    with desk.store.transaction():
        desk.store.db.execute_sql("INSERT INTO schema_version (number) VALUES (10000)")
    assert switch.status().splitlines()[0].endswith("the database has 10000: restart FreeSWITCH")


@without_schema
def test_a_database_without_our_schema(database_url: str, switch: FreeSwitch) -> None:
    assert switch.status().startswith("-ERR fs-app cannot take calls: SchemaMismatch: the database has schema 0")
    heard = switch.call(caller=NUMBER)
    assert [Path(file).name for file in heard["played"]] == ["apology-en.wav"]
    assert heard["cause"] == "NORMAL_CLEARING"
    store = Store(database_url)
    store.migrate()
    store.close()
    assert switch.status().startswith("+OK")  # mended without restarting the switch


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_connection_that_the_server_closed_is_not_used_again(database_url: str) -> None:
    store = Store(database_url)
    store.migrate()
    hang_up_everybody(database_url)
    with store.transaction():
        assert Alarm.select().count() == 0
    store.close()


def hang_up_everybody(url: str) -> None:
    """As a restart of the server does."""
    import psycopg

    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"SELECT pg_terminate_backend(pid) {others}")
        while admin.execute(f"SELECT count(*) {others}").fetchone() != (0,):
            pass


def test_passwords_are_not_shown() -> None:
    assert shown("postgresql://app:s3:cr@et@db.example.org/fs") == "postgresql://app@db.example.org/fs"
    assert shown("postgresql://app@db/fs?password=s3cret") == "postgresql://app@db/fs"
    assert shown("sqlite:////var/lib/a@b:c.sqlite3") == "sqlite:////var/lib/a@b:c.sqlite3"


def test_a_switch_that_cannot_run_it_rings_nobody(tmp_path: Path) -> None:
    """The built-in switch has no mod_python3: the claim is given back, with the reason."""
    database = f"sqlite:///{tmp_path}/a.sqlite3"
    store = Store(database)
    store.migrate()
    rows = make_rows(store, datetime.now(UTC))
    alarm = rows.alarm(store, datetime.now(UTC), number="15550100001")
    switch = Process(["simulator", "--port", "0", "--journal", "/dev/stdout"], {})
    address = switch.line("built-in switch on").split()[-1]
    env = {"FS_APP_DATABASE": database, "FS_APP_ESL": address, "FS_APP_IVR": "embedded"}
    env |= {"FS_APP_HTTP": "127.0.0.1:0", "FS_APP_OUTBOUND": "127.0.0.1:0", "FS_APP_SOUNDS": str(tmp_path / "sounds")}
    server = Process(["serve"], env)
    try:
        said = server.line("not dialled")
        assert "cannot run surveys inside" in said
        assert not any('"what": "dialled"' in line for line in switch.so_far())
        with store.reading():
            after = Alarm.get_by_id(alarm.id)
        assert (after.status, after.num_attempt, after.due_at is not None) == (AlarmStatus.PENDING, 0, True)
    finally:
        server.close()
        switch.close()
        store.close()
