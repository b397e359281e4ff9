"""Whole rows, read by SQL that is written here once.

peewee takes longer to write a SELECT of forty columns than the database takes to answer it, and a call needs dozens of
them. Nothing but fixed text goes into the SQL; values are parameters.
"""

from __future__ import annotations

from typing import Any, TypeVar

from peewee import Database, Model, SqliteDatabase

from fs_app.store.models import database as proxy

M = TypeVar("M", bound=Model)


def first_row(model: type[M], condition: str, *values: object) -> M | None:
    """The first row of the model's table (``t``) for which the SQL ``condition`` holds; ``?`` stands for each value."""
    db: Database = proxy.obj
    table = model._meta.table_name
    sql = f'SELECT t.* FROM "{table}" t {condition} LIMIT 1'  # noqa: S608  # fixed text
    if not isinstance(db, SqliteDatabase):
        sql = sql.replace("?", "%s")
    rows: Any = model.raw(sql, *values)
    found: M | None = next(iter(rows), None)
    return found


def by_id(model: type[M], row_id: object) -> M | None:
    """The row of that primary key; None when it is gone, or ``row_id`` is None."""
    return None if row_id is None else first_row(model, "WHERE t.id = ?", row_id)
