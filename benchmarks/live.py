"""How soon whoever listens over HTTP is told of what happens in calls.

    python benchmarks/live.py [--calls 60] [--on sqlite|postgres]

The built-in switch, and the product in one process or in three (``serve --only http``, ``scheduler`` and ``ivr``). Five
calls a second ring, are answered, press 1 and end. From the line in the log of the process that saw it, written after
the commit, to the event that a listener of ``/rest-api/live/`` has read, in milliseconds.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from queue import Queue

sys.path.insert(0, str(Path(__file__).parents[1]))  # the processes and rows of the tests

from _databases import databases

from fs_app.clock import SystemClock
from fs_app.domain.enums import Role
from fs_app.passwords import hash_password
from fs_app.store.database import Store
from fs_app.store.models import User
from tests.listening import Heard, Listener
from tests.processes import Process, free_port
from tests.rows import make_rows

RATE = 5.0  # calls a second
# What the log calls it -> the kind of event, and what it says.
TOLD = {"ringing": "ringing", "answered": "answered", "key": "key", "booked": "ended"}
_LINE = re.compile(r"call (\S+): (ringing|answered|key|booked) ")


class Log(Queue[str]):
    """When each line was written."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[tuple[str, str], float] = {}

    def put(self, line: str, block: bool = True, timeout: float | None = None) -> None:
        found = _LINE.search(line)
        if found:
            self.at.setdefault((found[1], TOLD[found[2]]), time.time())


def measure(database: str, home: Path, calls: int, parts: tuple[str, ...]) -> dict[str, list[float]]:
    store = Store(database)
    store.migrate()
    now = SystemClock().now()
    rows = make_rows(store, now)
    with store.transaction():
        User.create(username="admin", password=hash_password("admin"), role=Role.SUPERUSER.value, created_date=now)
    switch = Process(["simulator", "--port", "0"], {})
    env = {
        "FS_APP_DATABASE": database,
        "FS_APP_ESL": switch.line("built-in switch on").split()[-1],
        "FS_APP_HTTP": "127.0.0.1:0",
        "FS_APP_OUTBOUND": f"127.0.0.1:{free_port()}",
        "FS_APP_SOUNDS": str(home / "sounds"),
    }
    log = Log()
    started = [Process(["serve", *only], env, log) for only in ([["--only", part] for part in parts] or [[]])]
    try:
        http = started[parts.index("http") if parts else 0]
        live = Listener(http.line("REST API on").split()[-1], "admin")
        started[parts.index("ivr") if parts else 0].line("outbound socket on")
        begin = SystemClock().now() + timedelta(seconds=4)
        for n in range(calls):
            rows.alarm(store, begin + timedelta(seconds=n / RATE), number=f"1555{n:04d}0001")
        ended: set[str] = set()

        def over(one: Heard) -> bool:
            if one.kind == "call" and one.data["state"] == "ended":
                ended.add(one.data["request_uuid"])
            return len(ended) == calls

        heard = live.until(over)
    finally:
        for process in (*started, switch):
            process.close()
        store.close()
    found: dict[str, list[float]] = defaultdict(list)
    for one in heard:
        what = "key" if one.kind == "key" else str(one.data.get("state", ""))
        then = log.at.pop((str(one.data.get("request_uuid")), what), None)  # the first time only
        if then is not None:
            found[what].append((one.at - then) * 1000)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--on", choices=("sqlite", "postgres"))
    given = parser.parse_args()
    print(f"{'told after, ms':<28}" + "".join(f"{what:>20}" for what in TOLD.values()))
    for kind in (given.on,) if given.on else ("sqlite", "postgres"):
        for parts in ((), ("http", "scheduler", "ivr")):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, databases(kind, Path(home)) as url:
                found = measure(url, Path(home), given.calls, parts)
                cells = [sorted(found[what]) for what in TOLD.values()]
                told = [f"{c[len(c) // 2]:.0f} / {c[int(len(c) * 0.99)]:.0f} ({len(c)})" if c else "-" for c in cells]
                where = f"{kind}, {len(parts) or 1} process{'es' if parts else ''}"
                print(f"{where:<28}" + "".join(f"{cell:>20}" for cell in told), flush=True)
    print("p50 / p99 (how many)")


if __name__ == "__main__":
    main()
