"""10,000 appointments in one request, and what that means for a call that is due meanwhile.

    python benchmarks/bulk.py [--rows 10000] [--on sqlite|postgres]

``fs-app serve`` in one process with the built-in switch. As CSV and as JSON lines, all or nothing and row by row. Two
calls a second are due all the time: how late each is dialled, before and during the request, the worst in seconds.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))  # the processes and rows of the tests

from _databases import databases

from fs_app.clock import SystemClock
from fs_app.domain.enums import Role
from fs_app.passwords import hash_password
from fs_app.store.database import Store
from fs_app.store.doorbell import DUE, Doorbell
from fs_app.store.models import CallRequest, User
from tests.processes import Process, free_port
from tests.rows import Rows, make_rows

RATE = 2.0  # calls a second
BEFORE = 6.0  # seconds of calls before the request


def csv(rows: int) -> str:
    head = "title,start,calendar,alarm_phonenumber,advance_notice,data.name\n"
    lines = (
        f"Check-up {n},2036-09-{1 + n % 28:02d} {n % 24:02d}:00,1,+1666{n:07d},3600,Ann {n}\n" for n in range(rows)
    )
    return head + "".join(lines)


def json_lines(rows: int) -> str:
    return "".join(
        json.dumps(
            {
                "title": f"Check-up {n}",
                "start": f"2036-09-{1 + n % 28:02d} {n % 24:02d}:00",
                "calendar": 1,
                "data": {"name": f"Ann {n}"},
                "alarms": [{"alarm_phonenumber": f"+1666{n:07d}", "advance_notice": 3600}],
            }
        )
        + "\n"
        for n in range(rows)
    )


def upload(base: str, body: bytes, kind: str, mode: str) -> tuple[float, float]:
    """When it began and ended, Unix time."""
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=300)
    signed = "Basic " + base64.b64encode(b"admin:admin").decode()
    began = time.time()
    connection.request(
        "POST", f"{parts.path}event/bulk/?mode={mode}", body, {"Content-Type": kind, "Authorization": signed}
    )
    answer = connection.getresponse()
    said = answer.read()
    ended = time.time()
    assert answer.status == 201, said[:300]
    return began, ended


def measure(store: Store, rows: Rows, base: str, body: bytes, kind: str, mode: str, name: str) -> str:
    begin = SystemClock().now() + timedelta(seconds=1)
    due = {}
    for n in range(int((BEFORE + 24) * RATE)):
        number = f"1555{name}{n:04d}9"
        due[number] = begin + timedelta(seconds=n / RATE)
        rows.alarm(store, due[number], number=number)
    Doorbell(store, lambda _message: None).ring(DUE)
    time.sleep(max((begin - SystemClock().now()).total_seconds(), 0) + BEFORE)
    times: list[tuple[float, float]] = []
    thread = threading.Thread(target=lambda: times.append(upload(base, body, kind, mode)))
    thread.start()
    thread.join()
    ((began, ended),) = times
    time.sleep(3)
    with store.reading():
        dialled = {
            c.phone_number: c.dialled_at for c in CallRequest.select().where(CallRequest.dialled_at.is_null(False))
        }
    late: dict[str, list[float]] = {"before": [], "during": []}
    for number, at in due.items():
        when = "before" if at.timestamp() < began - 0.5 else "during" if at.timestamp() < ended + 0.5 else ""
        if when:
            # One that was not dialled at all by now is at least this late.
            late[when].append((dialled.get(number, SystemClock().now()) - at).total_seconds())
    return f"{ended - began:>10.1f} {max(late['before']):>12.2f} {max(late['during']):>12.2f}"


def run(kind: str, home: Path, url: str, count: int) -> None:
    store = Store(url)
    store.migrate()
    now = SystemClock().now()
    rows = make_rows(store, now)
    with store.transaction():
        User.create(username="admin", password=hash_password("admin"), role=Role.SUPERUSER.value, created_date=now)
    switch = Process(["simulator", "--port", "0", "--speed", "10"], {})
    env = {
        "FS_APP_DATABASE": url,
        "FS_APP_ESL": switch.line("built-in switch on").split()[-1],
        "FS_APP_HTTP": "127.0.0.1:0",
        "FS_APP_OUTBOUND": f"127.0.0.1:{free_port()}",
        "FS_APP_SOUNDS": str(home / "sounds"),
    }
    server = Process(["serve"], env)
    try:
        base = server.line("REST API on").split()[-1]
        upload(base, csv(10).encode(), "text/csv", "all")  # queries are written the first time, and words spoken
        rows.alarm(store, SystemClock().now(), number="15550000009")
        Doorbell(store, lambda _message: None).ring(DUE)
        server.line("booked")
        n = 0
        for words, body, content in (
            ("CSV", csv(count), "text/csv"),
            ("JSON lines", json_lines(count), "application/x-ndjson"),
        ):
            for mode in ("all", "rows"):
                n += 1
                told = measure(store, rows, base, body.encode(), content, mode, f"{n:02d}")
                print(f"{kind}, {words}, mode={mode}".ljust(32) + told, flush=True)
    finally:
        server.close()
        switch.close()
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--on", choices=("sqlite", "postgres"))
    given = parser.parse_args()
    print(f"{'':<32}{'request, s':>10} {'late before':>12} {'during':>12}")
    for kind in (given.on,) if given.on else ("sqlite", "postgres"):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, databases(kind, Path(home)) as url:
            run(kind, Path(home), url, given.rows)


if __name__ == "__main__":
    main()
