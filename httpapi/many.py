# ruff: noqa: S608  # names come from the models
"""Many new rows at once, made ready before the transaction that writes them.

SQLite has one writer at a time, so that what counts is how long a transaction takes. Rows are therefore put into a
temporary table first, which is this connection's own; from there one statement moves them, four times as fast as they
would come from here. On PostgreSQL, which lets others write meanwhile, they are sent in few pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peewee import SQL, SqliteDatabase

from fs_app.store.models import Base
from fs_app.store.models import database as proxy
from fs_app.store.whose import above, taken
from httpapi.queries import has_lists, insert_query

_AT_ONCE = 500  # rows sent to the temporary table in one piece


class Many:
    """So many new rows of one model: their columns, which gives them the defaults of the others.

    ``refers`` is the column that holds places (from 0) among rows that are written before these. Nobody else's write
    waits while this is made; :meth:`write` belongs into a transaction of the same thread, and :meth:`close` behind it.
    """

    def __init__(self, model: type[Base], many: Sequence[Mapping[str, Any]], refers: str = "") -> None:
        self._model = model
        self._refers = refers
        self.rows: list[Any] = [model(**columns) for columns in many]
        self._sqlite = isinstance(proxy.obj, SqliteDatabase)
        self._tables: list[tuple[str, list[str]]] = []
        if self._sqlite:
            self._stage()

    def write(self, above: Sequence[Any] = ()) -> list[Any]:
        """The rows, written, with their ids. ``above`` are the rows that these refer to."""
        numbers = self._numbers()
        for row, number in zip(self.rows, numbers, strict=True):
            row.id = number
            if self._refers:
                setattr(row, self._refers, above[row.__data__[self._refers]].id)
        if self._sqlite:
            self._move(numbers[0] if numbers else 0, int(above[0].id) if above else 0)
        else:
            self._send()
        return self.rows

    def close(self) -> None:
        """Forget what was put aside."""
        for table, _names in self._tables:
            proxy.obj.execute_sql(f"DROP TABLE IF EXISTS temp.{table}")  # a new connection has none
        self._tables.clear()

    def _numbers(self) -> list[int]:
        """As many numbers that no row of this table ever had, or will have."""
        db, table, many = proxy.obj, self._model._meta.table_name, len(self.rows)
        if self._sqlite:  # whose only writer we are
            row = db.execute_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
            last = int(row[0]) if row else 0
            return list(range(last + 1, last + 1 + many))
        sequence = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
        return [int(row[0]) for row in db.execute_sql(sequence, (table, many)).fetchall()]

    # ---- SQLite

    def _stage(self) -> None:
        """A temporary table for each set of columns, which also tells at which place each row is."""
        fields = self._model._meta.fields
        alike: dict[tuple[str, ...], list[list[Any]]] = {}
        for place, row in enumerate(self.rows):
            values = row.__data__
            alike.setdefault(tuple(values), []).append([place, *(fields[n].db_value(v) for n, v in values.items())])
        db = proxy.obj
        for number, (names, rows) in enumerate(alike.items()):
            columns = [f'"{fields[name].column_name}"' for name in names]
            table = f"many_{self._model._meta.table_name}_{number}"
            db.execute_sql(f"DROP TABLE IF EXISTS temp.{table}")
            db.execute_sql(f"CREATE TEMP TABLE {table} (place INTEGER PRIMARY KEY, {', '.join(columns)})")
            self._tables.append((table, columns))
            marks = ", ".join("?" * (len(columns) + 1))
            for start in range(0, len(rows), _AT_ONCE):
                db.cursor().executemany(f"INSERT INTO temp.{table} VALUES ({marks})", rows[start : start + _AT_ONCE])

    def _move(self, first: int, first_above: int) -> None:
        refers = f'"{self._model._meta.fields[self._refers].column_name}"' if self._refers else ""
        for table, columns in self._tables:
            values = {name: f"{name} + {first_above:d}" if name == refers else name for name in columns}
            values |= self._from_above(values)
            proxy.obj.execute_sql(
                f"INSERT INTO {self._model._meta.table_name} (id, {', '.join(values)}) "
                f"SELECT place + {first:d}, {', '.join(values.values())} FROM temp.{table} AS new ORDER BY place"
            )

    def _from_above(self, values: Mapping[str, str]) -> dict[str, str]:
        """What these rows take from the ones above them, ``values`` being what they have so far: SQL by column."""
        columns = {name: f'"{field.column_name}"' for name, field in self._model._meta.fields.items()}
        parent = above(self._model, [name for name, column in columns.items() if column in values])
        if not parent:
            return {}
        number = SQL(f"new.{values[columns[parent]]}")
        context = proxy.obj.get_sql_context
        found = taken(self._model, number)
        return {columns[name]: f"({context().sql(query).query()[0]})" for name, query in found.items()}

    # ---- PostgreSQL

    def _send(self) -> None:
        alike: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        for row in self.rows:
            values = row.__data__
            if has_lists(values):
                row.save(force_insert=True)
            else:
                alike.setdefault(tuple((n, v is None) for n, v in values.items()), []).append(tuple(values.values()))
        for names, rows in alike.items():
            insert_query(self._model, tuple(name for name, _ in names)).run_many(rows)
