"""SQLite's one writer: nobody is starved, neither by a thread nor by a process that never pauses."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fs_app.store.database import Store
from fs_app.store.models import Pace
from fs_app.store.turns import Queue

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TURNS = 10
# Some ten milliseconds of work inside a transaction: whoever waits is asleep when it ends.
WORK = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT MAX(i) FROM n"
# Counts up in one transaction after the other until its standard input ends.
GREEDY = """
import sys, threading
from fs_app.store.database import Store
store = Store(sys.argv[1])
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
written = 0
while not ended.is_set():
    with store.transaction():
        store.db.execute_sql(sys.argv[2]).fetchall()
    written += 1
    if written == 1:
        print("writing", flush=True)
print(written)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/turns.sqlite3"
    store = Store(url)
    store.migrate()
    store.close()
    return url


def write(store: Store) -> None:
    with store.transaction():
        Pace.replace(scope="x", next_at=NOW).execute()


def test_a_thread_that_never_pauses_lets_others_in(url: str) -> None:
    store = Store(url)
    ended, inside = threading.Event(), threading.Event()
    written = 0

    def greedy() -> None:
        nonlocal written
        while not ended.is_set():
            with store.transaction():
                inside.set()
                store.db.execute_sql(WORK).fetchall()
            written += 1

    thread = threading.Thread(target=greedy)
    thread.start()
    behind = []
    for _ in range(TURNS):
        # Whoever asks while it is writing must wait: two who take turns of themselves would prove nothing.
        inside.clear()
        assert inside.wait(30)
        before = written
        write(store)
        behind.append(written - before)
    ended.set()
    thread.join()
    store.close()
    # It is writing when we ask; then it is our turn. Without turns ours does not come at all.
    assert sorted(behind)[TURNS // 2] <= 2, behind


def test_a_process_that_never_pauses_lets_others_in(url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GREEDY, url, WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        store = Store(url)
        for _ in range(TURNS):
            write(store)
        store.close()
        written, _ = process.communicate("")
    # One for each turn of ours, and those while we began; without turns it is some sixty for each.
    assert int(written) < 15 * TURNS


def test_the_queue_is_first_come_first_served() -> None:
    queue = Queue()
    assert queue.acquire(1)
    assert queue.acquire(1)  # again, in the same thread
    served: list[int] = []
    threads = []
    for n in range(5):
        waits = threading.Thread(target=lambda n=n: (queue.acquire(30), served.append(n), queue.release()))
        waits.start()
        while len(queue._waiting) <= n:
            pass
        threads.append(waits)
    queue.release()
    assert served == []
    queue.release()
    for thread in threads:
        thread.join(30)
    assert served == [0, 1, 2, 3, 4]


def test_who_waits_too_long_leaves_the_queue() -> None:
    queue = Queue()
    queue.acquire(1)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(queue.acquire(0.01)))
    thread.start()
    thread.join(30)
    assert answers == [False]
    queue.release()
    assert queue.acquire(0)  # nobody was left in it


def test_a_transaction_in_a_transaction_keeps_its_turn(url: str) -> None:
    store = Store(url)
    with store.transaction(), store.transaction():
        Pace.replace(scope="x", next_at=NOW + timedelta(seconds=1)).execute()
    with store.reading():
        assert Pace.get().next_at == NOW + timedelta(seconds=1)
    store.close()
