"""Counts of long lists, kept for as long as nothing at all was written.

To count 100,000 rows takes the database some milliseconds, and every page of a list is asked for its count. So a count
is kept together with the state of the database that it was made in, and is true for as long as that is the state:

- PostgreSQL: the snapshot, which says what has been committed; any commit that writes makes another one.
- SQLite: this connection's data_version, which any other connection's commit changes, and its own count of changes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from peewee import SQL, SqliteDatabase, fn

from fs_app.store.models import database as proxy

_KEPT = 512  # for each thread on SQLite
_LONG = 500  # rows; fewer are counted sooner than asked about

Counted = tuple[str, int]


class _Kept(threading.local):
    """On SQLite a thread's own, since its connection is; on PostgreSQL too, which is simpler than a lock."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.counts: OrderedDict[Hashable, Counted] = OrderedDict()


_kept = _Kept()


def state() -> Any:
    """The state of the database as an expression to be selected beside a count; empty on SQLite. For a query that is
    being built."""
    return SQL("''") if isinstance(proxy.obj, SqliteDatabase) else fn.pg_current_snapshot().cast("text")


def count(key: Hashable, counted: Callable[[], Counted]) -> int:
    """How many rows ``counted``, which also tells the :func:`state`, finds; ``key`` says which. In a view."""
    db: Any = proxy.obj
    connection = db.connection()
    if _kept.connection is not connection:
        _kept.connection = connection
        _kept.counts.clear()
    counts = _kept.counts
    sqlite = isinstance(db, SqliteDatabase)
    now = _sqlite_state(connection) if sqlite else ""
    known = counts.get(key)
    if known is not None:
        if not sqlite:
            now = db.execute_sql("SELECT pg_current_snapshot()::text").fetchone()[0]
        if known[0] == now:
            return known[1]
    then, found = counted()
    if found >= _LONG:
        counts[key] = (now if sqlite else then, found)
        counts.move_to_end(key)
        if len(counts) > _KEPT:
            counts.popitem(last=False)
    else:
        counts.pop(key, None)
    return found


def _sqlite_state(connection: Any) -> str:
    # The pragma begins the view that the count will be made in.
    return f"{connection.execute('PRAGMA data_version').fetchone()[0]} {connection.total_changes}"
