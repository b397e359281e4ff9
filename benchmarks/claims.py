"""What a claim costs, how soon a due call is on the wire, and whether a burst drains at the configured rate.

    python benchmarks/claims.py [--pending 1000000] [--seconds 20] [--only claim|wire|burst]

1. The same claim of ten due calls, with 1,000 and with a million alarms that wait for other days, in turn on two
   databases of one run.
2. 100 alarms a second become due; how long after its due time each originate is on the wire, measured at the built-in
   switch, whose callees are busy.
   Beside it, in the same run, the design of the system this one replaces: a look every 6 s.
3. 10,000 alarms due in one second are claimed at the configured rate, on a virtual clock: when each may start, against
   when it should.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import gevent

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
from fs_app.store.models import Alarm, Calendar, CallRequest, Event
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
    # One INSERT as peewee writes it, run for every row: the benchmark is not about filling.
    sql, values = Alarm.insert(
        event=events[0], alarm_phonenumber="NUMBER", due_at=due(0), created_date=now, updated_date=now
    ).sql()
    at_number, at_event = values.index("NUMBER"), values.index(events[0].id)
    at_due = [part.strip('" ') for part in sql[sql.index("(") + 1 : sql.index(")")].split(",")].index("due_at")

    def row(n: int) -> list[object]:
        made = list(values)
        made[at_number], made[at_event] = f"+1555{n:07d}", events[n % len(events)].id
        made[at_due] = due(n).replace(tzinfo=None)
        return made

    with store.transaction():
        store.db.connection().executemany(sql, (row(n) for n in range(count)))


def decide_at(now: datetime) -> Callable[[DueAlarm, str], Decision]:
    return lambda due, uuid: plan.decide(due, uuid, now, SETTINGS)


def one_claim(attempts: Attempts, store: Store, rows: Rows, moment: datetime) -> float:
    """Seconds of CPU (the database is in this process) for a claim of ten calls that have just become due."""
    fill(store, rows, 10, lambda _n: moment, moment)
    began = time.process_time()
    claims = attempts.claim_due(moment, 10, LEASE, decide_at(moment), pacing=Pacing(Limits(1000, 100_000), ("fs1",)))
    attempts.next_call(moment, Pacing())
    took = time.process_time() - began
    assert len(claims) == 10, len(claims)
    for claim in claims:
        attempts.mark_dialling(claim, "fs1", "originate", moment)
        attempts.book(claim.call_uuid, claim.token, Verdict(Outcome.ANSWERED, AlarmStatus.SUCCESS, ""), None, moment)
    return took


def cost_of_a_claim(pending: int, url: Callable[[str], str]) -> None:
    medians = {}
    for waiting in (1_000, pending):
        store = Store(url(f"waiting-{waiting}"))
        store.migrate()
        rows = make_rows(store, NOW)
        fill(store, rows, waiting, lambda n: NOW + timedelta(days=1, seconds=n * 13 % (300 * 86_400)))
        if not store.sqlite:
            store.db.execute_sql("ANALYZE")
        attempts = Attempts(store, ZoneInfo("UTC"))
        times = [one_claim(attempts, store, rows, NOW + timedelta(seconds=n)) for n in range(30)][5:]
        medians[waiting] = statistics.median(times)
        print(f"  {waiting:>9,} waiting: a claim of 10 calls takes {medians[waiting] * 1e3:6.2f} ms (median of 25)")
        store.close()
    print(f"  ratio {medians[pending] / medians[1_000]:.2f} (at most 1.20)")


def wire_latency(seconds: int, directory: Path) -> None:
    """Due times against the moments at which the built-in switch has read the originate."""
    clock = SystemClock()
    arrived: dict[str, datetime] = {}

    def seen(what: str, line: dict[str, object]) -> None:
        if what == "dialled":
            arrived[str(line["number"])] = clock.now()

    count = 100 * seconds
    callees = {f"+1555{n:07d}": Callee(ring=0, answer=False, cause="USER_BUSY") for n in range(count)}
    switch = Simulator(clock=clock, callees=callees, on_event=seen)
    switch.start()
    settings = config.load(
        {
            "FS_APP_DATABASE": f"sqlite:///{directory}/wire.sqlite3",
            "FS_APP_ESL": f"127.0.0.1:{switch.port}",
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
    begin = clock.now() + timedelta(seconds=5)
    dues = {f"+1555{n:07d}": begin + timedelta(seconds=n / 100) for n in range(count)}
    fill(store, make_rows(store, clock.now()), count, lambda n: dues[f"+1555{n:07d}"], clock.now())
    store.close()
    service = Service(settings, frozenset({"ivr", "scheduler"}))
    service.start()
    service.switches[0].wait_up(10)
    gevent.sleep((begin - clock.now()).total_seconds() + seconds + 3)
    service.stop()
    switch.stop()
    late = sorted((arrived[n] - due).total_seconds() * 1e3 for n, due in dues.items() if n in arrived)
    polled = sorted((POLL - (due - begin).total_seconds() % POLL) * 1e3 for due in dues.values())
    print(f"  {'due to wire, ms':<22} {'p50':>8} {'p99':>8} {'max':>8}   {len(late)} of {count} on the wire")
    for name, values in (("fs-app", late), (f"a look every {POLL:g} s", polled)):
        cuts = statistics.quantiles(values, n=100)
        print(f"  {name:<22} {cuts[49]:>8.1f} {cuts[98]:>8.1f} {values[-1]:>8.1f}")


def burst(count: int, rate: float, url: Callable[[str], str]) -> None:
    store = Store(url("burst"))
    store.migrate()
    rows = make_rows(store, NOW)
    fill(store, rows, count, lambda _n: NOW)
    attempts = Attempts(store, ZoneInfo("UTC"))
    pacing = Pacing(Limits(calls_per_second=rate), ("fs1",))
    now, turns = NOW, []
    while len(turns) < count:
        for claim in attempts.claim_due(now, 50, LEASE, decide_at(now), pacing=pacing):
            turns.append(claim.not_before or now)
        with store.transaction():  # they end at once
            CallRequest.update(lease_token=None).where(CallRequest.lease_token.is_null(False)).execute()
        look = attempts.next_call(now, pacing)
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
    parser.add_argument("--only", choices=["claim", "wire", "burst"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:

        def url(name: str) -> str:
            return f"sqlite:///{home}/{name}.sqlite3"

        if given.only in (None, "claim"):
            print("A claim, with little and with much that waits (SQLite)")
            cost_of_a_claim(given.pending, url)
        if given.only in (None, "wire"):
            print("100 alarms due a second, built-in switch (SQLite; IVR and switch in the same process)")
            wire_latency(given.seconds, Path(home))
        if given.only in (None, "burst"):
            print("A burst (SQLite)")
            burst(given.burst, given.rate, url)


if __name__ == "__main__":
    main()
