"""Who may write to a SQLite file next. It has one writer at a time, and nobody gets its lock by waiting for it: whoever
wants it asks again and again, with ever longer sleeps in between, so that one who never pauses takes it every time.

Within a process threads queue here, first come, first served. Between processes there is a turnstile: a lock (flock,
freed by the kernel when its process dies) that is held while one waits for SQLite's own. Whoever has just written finds
the one who waits in it, and is behind.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections import deque
from pathlib import Path


class Queue:
    """A lock that goes to whoever has waited longest, and may be taken again by the thread that has it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[tuple[int, threading.Lock]] = deque()
        self._owner: int | None = None
        self._depth = 0

    def acquire(self, timeout: float) -> bool:
        """False when it was not free in time (seconds)."""
        me = threading.get_ident()
        with self._mutex:
            if self._owner in (None, me):
                self._owner = me
                self._depth += 1
                return True
            gate = threading.Lock()
            gate.acquire()
            place = me, gate
            self._waiting.append(place)
        if gate.acquire(timeout=timeout):
            return True
        with self._mutex:
            if place in self._waiting:
                self._waiting.remove(place)
                return False
        return True  # it came in the last moment

    def release(self) -> None:
        """It goes to the next in the queue, who need not even run to have it."""
        with self._mutex:
            self._depth -= 1
            if self._depth:
                return
            if not self._waiting:
                self._owner = None
                return
            self._owner, gate = self._waiting.popleft()
            self._depth = 1
            gate.release()


class Turnstile:
    """Between processes: held while one waits to write. Whoever is in it waits for one transaction, and no longer than
    SQLite's own ``busy_timeout``; so nobody waits for it for ever."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".turn")
        self._file: int | None = None

    def __enter__(self) -> None:
        if self._file is None:
            try:  # to read is enough to lock it: another user's process may have made it
                self._file = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError:
                return  # whoever cannot be polite still is safe: the lock that counts is SQLite's
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_exc: object) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Forget the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
