"""Opening the database, transactions, and the threads they run in.

A transaction is a plain function. It runs from BEGIN to COMMIT in one native thread, so no greenlet can be switched in
its middle and no disk or network wait of the database is ever felt in the loop that holds calls.
"""

from __future__ import annotations

import select
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from peewee import Database, InterfaceError, OperationalError, SqliteDatabase

from fs_app.errors import ConfigError, SchemaMismatch, StoreUnavailable
from fs_app.store import migrate as migrations
from fs_app.store import outbox
from fs_app.store.elsewhere import elsewhere
from fs_app.store.models import database as proxy
from fs_app.store.turns import Queue, Turnstile

if TYPE_CHECKING:
    from gevent.threadpool import ThreadPool

# A server that has gone away without a word must not hold our threads: seconds, and milliseconds for the kernel's.
_POSTGRES: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c statement_timeout=15000 -c lock_timeout=10000",
}
T = TypeVar("T")


def _nobody() -> None:
    """Who is told of new rows in the outbox unless somebody asks."""


# WAL lets readers go on beside the one writer. FULL, because a claim forgotten in a power cut is a phone rung twice.
_PRAGMAS: dict[str, Any] = {"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "busy_timeout": 15_000}


def open_database(url: str) -> Database:
    """A peewee database for ``sqlite:///path`` or ``postgresql://…``, not yet connected. Raises ConfigError."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        if not path or path == ":memory:":
            raise ConfigError("FS_APP_DATABASE: sqlite needs a file: sqlite:///path/to/fs-app.sqlite3")
        return SqliteDatabase(path, pragmas=_PRAGMAS)
    if url.startswith(("postgresql://", "postgres://")):
        try:
            from fs_app.store.postgres import Postgres
        except ImportError:
            raise ConfigError("FS_APP_DATABASE: PostgreSQL needs psycopg: pip install 'fs-app[postgres]'") from None
        return Postgres(url.replace("postgres://", "postgresql://", 1), prefer_psycopg3=True, **_POSTGRES)
    raise ConfigError("FS_APP_DATABASE: must be sqlite:///path or postgresql://user@host/name")


class Store:
    """The database of one process: the models speak to the Store that was made last.

    ``threads`` native threads serve :meth:`off_loop`; each keeps its own connection. SQLite has one writer at a time
    whatever their number.
    """

    def __init__(self, url: str, threads: int = 4) -> None:
        self.url = url
        self.db = open_database(url)
        self.sqlite = isinstance(self.db, SqliteDatabase)
        self._queue = Queue()
        self._turnstile: Turnstile | None = None
        if self.sqlite:
            path = Path(url.removeprefix("sqlite:///")).absolute()
            self._turnstile = Turnstile(path)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise ConfigError(f"FS_APP_DATABASE: its directory cannot be made: {exc}") from None
        proxy.initialize(self.db)
        # Called after a commit that wrote to the outbox, in the thread of that transaction: it must not block for long.
        self.outbox_changed: Callable[[], None] = _nobody
        self._threads = threads

    @cached_property
    def pool(self) -> ThreadPool:
        """The threads of :meth:`off_loop`. First asked for in the loop's thread, whose loop they then report to."""
        # Here and not above: inside FreeSWITCH there is no loop, and no gevent.
        from gevent.threadpool import ThreadPool

        return ThreadPool(self._threads)

    def migrate(self) -> int:
        """Make or upgrade the schema. Returns its number. Raises StoreUnavailable."""
        with self.connected():
            return migrations.migrate(self.db)

    def check_schema(self) -> None:
        """Raises SchemaMismatch unless the schema is exactly this program's, StoreUnavailable when nobody answers."""
        with self.connected():
            found = migrations.version(self.db)
        if found != migrations.LATEST:
            raise SchemaMismatch(
                f"the database has schema {found}, this program needs {migrations.LATEST}: run `fs-app init`"
            )

    @contextmanager
    def connected(self) -> Iterator[None]:
        """A live connection for this thread. Raises StoreUnavailable when the database does not answer."""
        if proxy.obj is not self.db:
            raise RuntimeError("a process has one Store at a time: the models speak to the one made last")
        try:
            if not self.db.connect(reuse_if_open=True) and self._hung_up():
                self._forget_connection()
                self.db.connect()
        except (OperationalError, InterfaceError, sqlite3.Error) as exc:
            raise StoreUnavailable(str(exc).strip() or "the database does not answer") from exc
        try:
            yield
        except (OperationalError, InterfaceError) as exc:
            # Whatever broke may have left the connection unusable; the next transaction opens a new one.
            self._forget_connection()
            raise StoreUnavailable(str(exc).strip()) from exc

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction in this thread that may write. On SQLite it takes the write lock at BEGIN."""
        outbox.take_written()
        with self.connected(), self._alone(self._turnstile) if self._turnstile else self.db.atomic():
            yield
        if outbox.take_written():
            self.outbox_changed()

    @contextmanager
    def _alone(self, turnstile: Turnstile) -> Iterator[None]:
        """SQLite's one writer, in its turn: see turns.py."""
        if not self._queue.acquire(timeout=_PRAGMAS["busy_timeout"] / 1000):
            raise StoreUnavailable("another writer of this process does not come to an end")
        try:
            with ExitStack() as stack:
                with nullcontext() if self.db.in_transaction() else turnstile:
                    stack.enter_context(self.db.atomic("IMMEDIATE"))
                yield
        finally:
            self._queue.release()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One consistent view, without the write lock."""
        with self.connected(), self.db.atomic():
            yield

    def off_loop(self, repository: T) -> T:
        """The same object, each of whose methods runs in a thread of the pool while the calling greenlet waits."""
        return elsewhere(repository, self.pool.apply)

    def disconnect(self) -> None:
        """Close this thread's connection; its next transaction opens a new one."""
        self._forget_connection()

    def close(self) -> None:
        """Finish what runs, close every connection."""
        if "pool" in vars(self):
            self.pool.join()
            self.pool.kill()
        self._forget_connection()
        if self._turnstile is not None:
            self._turnstile.close()

    def _hung_up(self) -> bool:
        """Whether the server has closed this thread's connection while nobody used it, as a restart of it does.

        Costs no round trip: between transactions the server has nothing to say, so what can be read is its goodbye.
        Without this every thread's next transaction would fail, and a key with it.
        """
        if self.sqlite or self.db.in_transaction():
            return False
        try:
            watch = select.poll()
            watch.register(self.db.connection().fileno(), select.POLLIN)
            return bool(watch.poll(0))
        except Exception:  # psycopg's own, for a connection that it knows is closed
            return True

    def _forget_connection(self) -> None:
        try:
            self.db.close()
        except Exception:  # the connection is broken: nothing to keep
            vars(self.db)["_state"].reset()
