"""Transactions on PostgreSQL: begun and ended by libpq itself, with the errors that peewee has for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from peewee import IntegrityError, InterfaceError

from fs_app.errors import StoreUnavailable
from fs_app.store.database import Store
from fs_app.store.models import Pace

MOMENT = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    opened = Store(postgres_url)
    yield opened
    opened.close()


def scopes(url: str) -> set[str]:
    """What others see."""
    with psycopg.connect(url) as other:
        return {scope for (scope,) in other.execute("SELECT scope FROM pace").fetchall()}


def test_what_is_committed_stays_and_what_fails_is_undone(store: Store) -> None:
    with store.transaction():
        Pace.create(scope="kept", next_at=MOMENT)
        assert scopes(store.url) == set()
    with pytest.raises(IntegrityError), store.transaction():
        Pace.insert_many([{"scope": one, "next_at": MOMENT} for one in ("undone", "kept")]).execute()
    assert scopes(store.url) == {"kept"}


def test_a_commit_that_the_server_refuses_is_an_error_and_the_connection_is_still_good(store: Store) -> None:
    with store.transaction():
        store.db.execute_sql("ALTER TABLE pace ADD later INTEGER REFERENCES users DEFERRABLE INITIALLY DEFERRED")
    with pytest.raises(IntegrityError, match="pace_later_fkey"), store.transaction():
        store.db.execute_sql("INSERT INTO pace (scope, next_at, later) VALUES ('refused', now(), 99)")
    with store.transaction():
        Pace.create(scope="next", next_at=MOMENT)
    assert scopes(store.url) == {"next"}


def test_a_failure_in_the_middle_of_many_rows_leaves_nothing_half_prepared(store: Store) -> None:
    """psycopg holds a statement for prepared as soon as it has been sent, and forgets that by the ROLLBACK it sends."""
    make = "INSERT INTO many (a) VALUES (%s) RETURNING a"  # 5 and 70000 are of two types, and so two statements
    with store.transaction():
        store.db.execute_sql("CREATE TABLE many (a INTEGER PRIMARY KEY)")
    for a in (70_000, 70_001, 5):
        with store.transaction():
            store.db.execute_sql(make, (a,))
    cursor: Any = store.db.cursor()  # type: ignore[no-untyped-call]
    with pytest.raises(psycopg.errors.UniqueViolation), store.transaction():
        cursor.executemany(make, [(5,), (70_002,)], returning=True)
    for a in (70_003, 6, 70_004, 7):
        with store.transaction():
            store.db.execute_sql(make, (a,))


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_connection_that_is_lost_is_unavailable_once_and_then_another(store: Store, when: str) -> None:
    def lose() -> None:
        Pace.create(scope="lost", next_at=MOMENT)
        own = store.db.execute_sql("SELECT pg_backend_pid()").fetchone()[0]
        with psycopg.connect(store.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (own,))

    expected = {"next"}
    if when == "before":
        with store.connected():
            lose()
        expected.add("lost")
    else:
        with pytest.raises(StoreUnavailable), store.transaction():
            lose()
    with store.transaction():
        Pace.create(scope="next", next_at=MOMENT)
    assert scopes(store.url) == expected


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_what_has_no_connection_any_more_is_not_ended_on_another(store: Store, end: str) -> None:
    with store.connected():
        pass
    store.disconnect()
    with pytest.raises(InterfaceError, match="not open"):
        getattr(store.db, end)()


def test_an_isolation_level_cannot_be_asked_for(store: Store) -> None:
    db: Any = store.db
    with store.connected(), pytest.raises(ValueError, match="cannot be chosen"), db.atomic("SERIALIZABLE"):
        pass
