"""``fs-app serve --only …``: each part a process of its own, on one database, woken by the doorbell."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus, Role
from fs_app.passwords import hash_password
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, User
from tests.listening import Listener
from tests.processes import Process, free_port
from tests.rows import make_rows


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in reversed(started):
        process.close()


def start(processes: list[Process], args: list[str], env: dict[str, str]) -> Process:
    processes.append(Process(args, env))
    return processes[-1]


def settings(tmp_path: Path, database_url: str, esl: str) -> dict[str, str]:
    return {
        "FS_APP_DATABASE": database_url,
        "FS_APP_ESL": esl,
        "FS_APP_HTTP": "127.0.0.1:0",
        "FS_APP_OUTBOUND": f"127.0.0.1:{free_port()}",
        "FS_APP_SOUNDS": str(tmp_path / "sounds"),
    }


def test_a_reminder_passes_through_three_processes(tmp_path: Path, database_url: str, processes: list[Process]) -> None:
    switch = start(processes, ["simulator", "--port", "0", "--speed", "2"], {})
    env = settings(tmp_path, database_url, switch.line("built-in switch on").split()[-1])
    store = Store(database_url)
    store.migrate()
    rows = make_rows(store, SystemClock().now())
    with store.transaction():
        User.create(
            username="admin",
            password=hash_password("admin"),
            role=Role.SUPERUSER.value,
            created_date=SystemClock().now(),
        )
    scheduler = start(processes, ["serve", "--only", "scheduler"], env)
    ivr = start(processes, ["serve", "--only", "ivr"], env)
    http = start(processes, ["serve", "--only", "http"], env)
    scheduler.line("is up")
    ivr.line("outbound socket on")
    base = http.line("REST API on").split()[-1]
    live = Listener(base, "admin")

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(base + path, data=json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"admin:admin").decode())
        with urllib.request.urlopen(request, timeout=20) as answer:
            return dict(json.load(answer))

    start_at = SystemClock().now() + timedelta(hours=1)
    event = post(
        "event/",
        {"title": "x", "start": start_at.isoformat(), "creator": rows.calendar_user.id, "calendar": rows.calendar.id},
    )
    # The scheduler sleeps without end: only the doorbell can tell it of this.
    post("alarm/", {"event": event["url"], "alarm_phonenumber": "15550100001", "advance_notice": 3600})
    ivr.line("key", "digits=1")
    scheduler.line("booked", "status=SUCCESS", "result=CONFIRMED")
    with store.reading():
        alarm = Alarm.get()
    assert (alarm.status, alarm.result) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED)
    check_what_was_heard(live, base)
    store.close()


def check_what_was_heard(live: Listener, base: str) -> None:
    """What two other processes did with the call was told by a third, as it came, and can be had again."""
    heard = live.until(lambda one: one.kind == "result" and one.data["status"] == AlarmStatus.SUCCESS)
    states = [one.data["state"] for one in heard if one.kind == "call"]
    assert {"ringing", "answered", "ended"} <= set(states)
    assert states == sorted(states, key=["preparing", "dialling", "ringing", "answered", "ended"].index)
    (key,) = [at for at, one in enumerate(heard) if one.kind == "key"]
    assert (heard[key].data["digits"], heard[key].data["result"]) == ("1", AlarmResult.CONFIRMED)
    again = Listener(base, "admin", heard[key].id)
    missed = again.until(lambda one: one.id == heard[-1].id)
    assert [(one.id, one.data) for one in missed] == [(one.id, one.data) for one in heard[key + 1 :]]


def test_two_schedulers_on_one_postgresql_call_each_callee_once(
    tmp_path: Path, postgres_url: str, processes: list[Process]
) -> None:
    switch = start(processes, ["simulator", "--port", "0", "--speed", "10", "--journal", "/dev/stdout"], {})
    env = settings(tmp_path, postgres_url, switch.line("built-in switch on").split()[-1])
    store = Store(postgres_url)
    store.migrate()
    rows = make_rows(store, SystemClock().now())
    numbers = [f"1555{n:04d}0001" for n in range(40)]
    for number in numbers:
        rows.alarm(store, SystemClock().now(), number=number)
    start(processes, ["serve", "--only", "ivr"], env).line("outbound socket on")
    schedulers = [start(processes, ["serve", "--only", "scheduler"], env) for _ in range(2)]
    rung: list[str] = []
    hung_up = 0
    while hung_up < len(numbers):
        line = switch.matching(lambda text: text.startswith("{"))
        event = json.loads(line)
        if event["what"] == "dialled":
            rung.append(event["number"])
        hung_up += event["what"] == "hangup"
    assert sorted(rung) == numbers
    for scheduler in schedulers:
        scheduler.signal(15)
        assert scheduler.wait() == 0
    with store.reading():
        unreached = [(a.id, a.status, a.reason) for a in Alarm.select().where(Alarm.status != AlarmStatus.SUCCESS)]
        assert unreached == []
        assert AlarmRequest.select().count() == CallRequest.select().count() == len(numbers)
    store.close()
