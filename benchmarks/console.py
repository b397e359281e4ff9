"""How long the console's pages take, and how large they are, with 100,000 alarms in the database.

The peer of the same run is the REST API's own list of 25 alarms as the same user: what a page costs beyond the data it
shows. Each page is asked for one after the other over HTTP; the figures are medians.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
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
from httpapi.live import LiveFeed
from httpapi.server import HttpServer
from httpapi.services import Services
from ivr.rehearsal import rehearse

ALARMS, CALLS, MANAGERS = 100_000, 50_000, 5
REPEATS = 9
MOST_BYTES, MOST_MS = 150_000, 200
PAGES = (
    "/today/", "/start/", "/admin/", "/module/event/", "/module/alarm/", "/module/alarm/?page=400",
    "/module/alarm/?status=3", "/module/alarm/add/", "/module/alarm/77/", "/module/event/77/", "/module/calendar/",
    "/module/calendar/1/", "/module/calendar/month/", "/module/calendar/week/", "/module/calendar/month/?calendar=1",
    "/admin/appointment/alarmrequest/", "/admin/appointment/alarmrequest/77/", "/admin/callrequest/",
    "/module/sealed_survey/1/results/", "/module/sealed_survey/1/",
)  # fmt: skip


def fill(store: Store, now: datetime) -> None:
    """100,000 events with an alarm each, of five managers; half of them have been called about."""
    stamps = {"created_date": now, "updated_date": now}
    survey = Survey("Reminder", (Section(id=1, type=SectionType.RATING, script="Press 1.", question="Coming?"),))
    with store.transaction():
        gateway = Gateway.create(name="line", gateways="sofia/gateway/p/", **stamps)
        for manager in range(1, MANAGERS + 1):
            role = Role.SUPERUSER if manager == 1 else Role.MANAGER
            boss = User.create(
                username=f"m{manager}", password=hash_password("bench"), role=role.value, created_date=now
            )
            sealed = SealedSurvey.create(
                user=boss, name=survey.name, content=survey.to_json(), content_hash=survey.content_hash(), **stamps
            )
            setting = CalendarSetting.create(user=boss, label="s", survey=sealed, aleg_gateway=gateway, **stamps)
            user = User.create(
                username=f"u{manager}", password="-", role=Role.CALENDAR_USER.value, manager=boss, created_date=now
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


class Client:
    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = ""

    def sign_in(self, user: str) -> None:
        body = urlencode({"username": user, "password": "bench"})
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("POST", "/sign-in/", body, {"Content-Type": "application/x-www-form-urlencoded"})
        self._cookie = str(connection.getresponse().headers["Set-Cookie"]).partition(";")[0]
        connection.close()

    def measure(self, path: str) -> tuple[float, int]:
        """Median milliseconds, and bytes."""
        times, size = [], 0
        for _ in range(REPEATS):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            begun = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": self._cookie})
            answer = connection.getresponse()
            size = len(answer.read())
            times.append((time.perf_counter() - begun) * 1000)
            connection.close()
            assert answer.status == 200, (path, answer.status)
        return statistics.median(times), size


def run(client: Client) -> bool:
    good = True
    for user, role in (("m1", "superuser, sees all"), ("m2", "manager, sees a fifth")):
        client.sign_in(user)
        peer, _ = client.measure("/rest-api/alarm/?page_size=25&ordering=-id")
        print(f"\n{role}; peer: 25 alarms over REST in {peer:.0f} ms", flush=True)
        print(f"{'page':<42}{'ms':>8}{'of peer':>9}{'bytes':>9}")
        for page in PAGES:
            if user == "m2" and "/1/" in page and "calendar" not in page:
                page = page.replace("/1/", "/2/")
            if user == "m2" and ("/77/" in page or "calendar/1/" in page or "calendar=1" in page):
                continue
            took, size = client.measure(page)
            fits = took <= MOST_MS and size <= MOST_BYTES
            good &= fits
            print(f"{page:<42}{took:>8.0f}{took / peer:>9.1f}{size:>9}{'' if fits else '  too much'}", flush=True)
    return good


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="fs-app-bench-") as home:
        store = Store(f"sqlite:///{Path(home) / 'bench.sqlite3'}")
        store.migrate()
        begun = time.perf_counter()
        fill(store, datetime.now(UTC))
        print(f"{ALARMS} alarms and {CALLS} calls made in {time.perf_counter() - begun:.0f} s", flush=True)
        services = Services(
            store, SystemClock(), ZoneInfo("Europe/Paris"), lambda: None, dict, LiveFeed(store), rehearse=rehearse
        )
        server = HttpServer("127.0.0.1", 0, make_app(services))
        server.start()
        good = ThreadPool(1).apply(run, (Client(server.port),))
        server.stop()
        store.close()
    print(f"\n{'every' if good else 'not every'} page within {MOST_MS} ms and {MOST_BYTES} bytes")
    return 0


sys.exit(main())
