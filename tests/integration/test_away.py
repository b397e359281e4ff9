"""What is away when ``fs-app serve`` starts, or goes away while it runs: waited for, and said."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest

from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus
from fs_app.store.database import Store
from fs_app.store.doorbell import DUE, Doorbell
from fs_app.store.models import Alarm, CallRequest
from tests.processes import Process, free_port
from tests.rows import make_rows


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in reversed(started):
        process.close()


class Start:
    """Starts processes that share settings."""

    def __init__(self, processes: list[Process], **env: str) -> None:
        self._processes = processes
        self.env = {f"FS_APP_{name.upper()}": value for name, value in env.items()}

    def __call__(self, *args: str, **env: str) -> Process:
        more = {f"FS_APP_{name.upper()}": value for name, value in env.items()}
        self._processes.append(Process(list(args), {**self.env, **more}))
        return self._processes[-1]


def health(port: int, path: str) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def call_is_placed(store: Store, server: Process) -> None:
    """The alarm that waits is called, and answered with a 1."""
    server.line("booked", "status=SUCCESS", "result=CONFIRMED")
    with store.reading():
        assert [(a.status, a.result) for a in Alarm.select()] == [(AlarmStatus.SUCCESS, AlarmResult.CONFIRMED)]


def test_a_database_that_is_away_at_the_start(postgres_url: str, tmp_path: Path, processes: list[Process]) -> None:
    there = parse_qs(urlsplit(postgres_url).query)["host"][0]
    away = tmp_path / "postgres"  # the socket's directory, which is not there yet
    url = urlunsplit(urlsplit(postgres_url)._replace(query=f"host={away}"))
    http = free_port()
    start = Start(
        processes,
        database=url,
        http=f"127.0.0.1:{http}",
        outbound=f"127.0.0.1:{free_port()}",
        sounds=str(tmp_path / "sounds"),
    )
    switch = start("simulator", "--port", "0", "--speed", "4")
    start.env["FS_APP_ESL"] = switch.line("built-in switch on").split()[-1]

    server = start("serve")
    server.line("the database is away, waiting for it")
    assert health(http, "readyz") == (503, {"status": "not ready", "database": "does not answer"})
    assert health(http, "healthz")[1]["scheduler"] == "it waits for the database"
    server.signal(signal.SIGTERM)
    assert server.wait() == 0

    server = start("serve")
    server.line("the database is away, waiting for it")
    store = Store(postgres_url)
    store.migrate()
    rows = make_rows(store, SystemClock().now())
    rows.alarm(store, SystemClock().now())
    away.symlink_to(there)
    server.line("the database is there")
    server.line("outbound socket on")
    call_is_placed(store, server)
    assert health(http, "readyz") == (200, {"status": "ready", "database": "ok"})
    store.close()


def test_a_database_of_another_version_is_not_waited_for(tmp_path: Path, processes: list[Process]) -> None:
    server = Start(processes, database=f"sqlite:///{tmp_path}/empty.sqlite3", http="127.0.0.1:0")("serve")
    server.line("run `fs-app init`")
    assert server.wait() == 1


def test_a_switch_that_is_away_at_the_start(tmp_path: Path, database_url: str, processes: list[Process]) -> None:
    esl, http = free_port(), free_port()
    start = Start(
        processes,
        database=database_url,
        esl=f"127.0.0.1:{esl}",
        http=f"127.0.0.1:{http}",
        outbound=f"127.0.0.1:{free_port()}",
        sounds=str(tmp_path / "sounds"),
    )
    store = Store(database_url)
    store.migrate()
    rows = make_rows(store, SystemClock().now())
    rows.alarm(store, SystemClock().now())
    server = start("serve")
    server.line("outbound socket on")
    server.line("cannot connect to")
    assert health(http, "readyz")[0] == 200
    status, parts = health(http, "healthz")
    assert (status, parts[f"switch 127.0.0.1:{esl}"]) == (503, "the event socket is not connected")
    start("simulator", "--port", str(esl), "--speed", "4")
    call_is_placed(store, server)
    assert health(http, "healthz")[0] == 200
    store.close()


def test_one_of_two_survey_servers_is_dead(tmp_path: Path, database_url: str, processes: list[Process]) -> None:
    """It is tried last while it is known to be dead; and when it dies while a telephone rings, the other one speaks."""
    first, second = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    callees = tmp_path / "callees.json"
    callees.write_text(json.dumps({"15550100077": {"ring": 8, "actions": [{"press": "1", "at": 3}]}}))
    start = Start(
        processes,
        database=database_url,
        outbound_advertise=f"{first},{second}",
        sounds=str(tmp_path / "sounds"),
    )
    switch = start("simulator", "--port", "0", "--speed", "4", "--callees", str(callees))
    start.env["FS_APP_ESL"] = switch.line("built-in switch on").split()[-1]
    store = Store(database_url)
    store.migrate()
    rows = make_rows(store, SystemClock().now())
    bell = Doorbell(store, heard=lambda _message: None)
    scheduler = start("serve", "--only", "scheduler")
    scheduler.line("is up")

    other = start("serve", "--only", "ivr", outbound=second)
    other.line("outbound socket on")
    rows.alarm(store, SystemClock().now(), number="15550100001")
    bell.ring(DUE)
    assert f"&socket('{second}|{first} async full')" in scheduler.line(": originate ")
    other.line("key", "digits=1")
    scheduler.line("booked", "result=CONFIRMED")

    near = start("serve", "--only", "ivr", outbound=first)
    near.line("outbound socket on")
    rows.alarm(store, SystemClock().now(), number="15550100077")
    bell.ring(DUE)
    assert f"&socket('{first}|{second} async full')" in scheduler.line(": originate ")
    scheduler.line("ringing")
    near.kill()
    other.line("key", "digits=1")
    scheduler.line("booked", "result=CONFIRMED")
    with store.reading():
        assert [call.completed for call in CallRequest.select()] == [True, True]
    store.close()
