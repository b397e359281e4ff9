"""Tells the other processes of one database that something changed, so that nobody polls.

PostgreSQL has NOTIFY. Processes that share a SQLite file share a machine: each listens on a datagram socket in a
directory beside the file. A ring that gets lost costs nothing but time: whoever waits also knows its next due time.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fs_app.store.database import Store

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

DUE = "due"
OUTBOX = "outbox"  # there is something to send
IVR_ENDED = "ivr-ended "  # followed by the call UUID
RINGING = " rings"  # behind that UUID: its telephone rings
CALL_CHANGED = "call "  # followed by the call UUID: something about it was committed
_CHANNEL = "fs_app"
_RETRY = 5.0  # seconds between attempts to listen again
_LONGEST = 7000  # bytes of messages told at once; PostgreSQL takes fewer than 8000
# Nobody waits until it is safe on a disk that somebody was told: who has not heard it looks by himself.
_NOTIFY = "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, %s)"


def _together(messages: list[str]) -> Iterator[str]:
    """As few as possible, each of lines that are one message, in the same order."""
    lines: list[str] = []
    size = 0
    for message in messages:
        size += len(message.encode()) + 1
        if lines and size > _LONGEST:
            yield "\n".join(lines)
            lines, size = [], len(message.encode()) + 1
        lines.append(message)
    if lines:
        yield "\n".join(lines)


@contextmanager
def _short_path(directory: Path) -> Iterator[str]:
    """A name for ``directory`` that fits into the 108 bytes of a socket's address, however deep it lies (Linux)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


class Doorbell:
    """``heard`` is called with each message, in a thread of the doorbell's own: hand it to the loop."""

    def __init__(self, store: Store, heard: Callable[[str], None]) -> None:
        self._store = store
        self._heard = heard
        self._stopped = threading.Event()
        self._listener: socket.socket | None = None
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._directory = Path(store.url.removeprefix("sqlite:///") + ".bell")
        self._thread: threading.Thread | None = None
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._ringer: threading.Thread | None = None

    def start(self) -> None:
        """Listen, and ring, from now on. Raises OSError when the directory beside a SQLite file cannot be written."""
        if self._store.sqlite:
            self._directory.mkdir(exist_ok=True)
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._own_path().unlink(missing_ok=True)
            with _short_path(self._directory) as short:
                self._listener.bind(f"{short}/{self._own_path().name}")
            target = self._listen_socket
        else:
            target = self._listen_postgres
        self._thread = threading.Thread(target=target, name="doorbell", daemon=True)
        self._thread.start()
        self._ringer = threading.Thread(target=self._ring_what_waits, name="doorbell-ringer", daemon=True)
        self._ringer.start()

    def ring(self, message: str) -> None:
        """Tell every process that has started its doorbell, this one included. Blocks shortly; never raises."""
        try:
            if self._store.sqlite:
                self._ring_sockets(message)
            else:
                with self._store.connected():
                    self._store.db.execute_sql(_NOTIFY, (_CHANNEL, message))
        except Exception as exc:
            log.warning("doorbell not rung: %s", exc)

    def ring_soon(self, message: str) -> None:
        """:meth:`ring`, in a thread of the doorbell's own, once that is started: never blocks. What has gathered while
        it rang is told together, and only once."""
        self._waiting.put(message)

    def _ring_what_waits(self) -> None:
        last = False
        while not last:
            found = [self._waiting.get()]
            while not self._waiting.empty():
                found.append(self._waiting.get())
            last = None in found
            for together in _together([message for message in dict.fromkeys(found) if message is not None]):
                self.ring(together)
        self._store.disconnect()

    def stop(self) -> None:
        """Ring what is still to be rung, and listen no more."""
        if self._ringer is not None:
            self._waiting.put(None)
            self._ringer.join(_RETRY)
        self._stopped.set()
        if self._listener is not None:
            self._own_path().unlink(missing_ok=True)
            self._listener.close()
        if self._connection is not None:
            self._connection.close()

    def _own_path(self) -> Path:
        return self._directory / f"{os.getpid()}-{id(self):x}"

    def _ring_sockets(self, message: str) -> None:
        if not self._directory.is_dir():
            return  # nobody listens
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, _short_path(self._directory) as short:
            sender.setblocking(False)
            for path in self._directory.glob("*"):
                try:
                    sender.sendto(message.encode(), f"{short}/{path.name}")
                except ConnectionRefusedError:  # its process is dead
                    path.unlink(missing_ok=True)
                except (FileNotFoundError, BlockingIOError):
                    pass

    def _listen_socket(self) -> None:
        assert self._listener is not None
        while not self._stopped.is_set():
            try:
                data = self._listener.recv(_LONGEST)
            except OSError:
                return
            self._told(data.decode("utf-8", "replace"))

    def _told(self, messages: str) -> None:
        for message in messages.split("\n"):
            self._heard(message)

    def _listen_postgres(self) -> None:
        import psycopg

        while not self._stopped.is_set():
            try:
                with psycopg.connect(self._store.url, autocommit=True) as connection:
                    self._connection = connection
                    connection.execute(f"LISTEN {_CHANNEL}")
                    self._heard(DUE)  # whatever was rung while nobody listened
                    for note in connection.notifies():
                        self._told(note.payload)
            except psycopg.Error as exc:
                if not self._stopped.wait(_RETRY):
                    log.warning("doorbell: listening again: %s", exc)
