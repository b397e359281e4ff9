"""The queries of every resource, written once for each shape and only bound after that.

A shape is what the SQL depends on: the resource, the role that asks and what it asks for, not the values. So whose rows
somebody sees is declared once, by ``Resource.visible``, and costs nothing to write down again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from peewee import SQL, SqliteDatabase, fn

from fs_app.store.models import Base, User
from fs_app.store.models import database as proxy
from fs_app.store.prepared import Prepared, locked
from fs_app.store.whose import with_taken
from httpapi import counting

if TYPE_CHECKING:
    from httpapi.resource import Resource

_SHAPES = 1024  # of which the least used are forgotten: filters can be combined without end


@dataclass(frozen=True)
class Who:
    """Whoever asks, as far as SQL depends on it. The ids are places for a value while a query is written."""

    role: str
    id: Any
    manager_id: Any


@dataclass(frozen=True)
class Condition:
    """``column comparison value``: a filter of a list. Without a comparison equal; a value of None is ``IS NULL``."""

    column: str
    comparison: str
    value: Any


def visible_row(resource: Resource, user: User, row_id: int, *, lock: bool = False) -> Any:
    """The row of that id in the address, if ``user`` sees it; None. With ``lock``, nobody else's until the commit."""
    return _row(resource, str(user.role), lock).first(user.id, user.manager_id, row_id)


def is_visible(resource: Resource, user: User, row_id: int) -> bool:
    return _exists(resource, str(user.role)).exists(user.id, user.manager_id, row_id)


def count(resource: Resource, user: User, conditions: Sequence[Condition]) -> int:
    """How many rows ``user`` sees that fulfil the conditions."""
    role, shapes, values = str(user.role), _shapes(conditions), tuple(_values(conditions))

    def counted() -> counting.Counted:
        [(state, found)] = _count(resource, role, shapes).tuples(user.id, user.manager_id, *values)
        return str(state), int(found)

    return counting.count((resource.path, role, user.id, user.manager_id, shapes, values), counted)


def rows(
    resource: Resource, user: User, conditions: Sequence[Condition], order: Sequence[str], size: int, skip: int
) -> list[Any]:
    """Those rows, in order (column names, ``-`` for descending, the id last), ``size`` of them after ``skip``."""
    query = _rows(resource, str(user.role), _shapes(conditions), tuple(order))
    return query.all(user.id, user.manager_id, size, skip, *_values(conditions))


def insert(model: type[Base], columns: Mapping[str, Any]) -> Any:
    """A new row with these columns, and the defaults of the others."""
    row = model(**columns)
    values = row.__data__
    if has_lists(values):
        row.save(force_insert=True)
    else:
        row.id = insert_query(model, tuple(values)).insert(*values.values())
    return row


def has_lists(values: Mapping[str, Any]) -> bool:
    """Of which a prepared query would make several places."""
    return any(isinstance(value, list | tuple) for value in values.values())


def condition(resource: Resource, wanted: Condition) -> Any:
    """The same as an expression of peewee."""
    return _expression(resource, (wanted.column, wanted.comparison), wanted.value)


def ordered(resource: Resource, order: Sequence[str]) -> list[Any]:
    """The same order as expressions of peewee. Rows without a value come before all others, as they do in SQLite; rows
    that are equal in all of it by their id, in the direction of the last column: so one index can have the whole order.
    """
    if "id" not in (name.removeprefix("-") for name in order):
        order = [*order, "-id" if order and order[-1].startswith("-") else "id"]
    sqlite = isinstance(proxy.obj, SqliteDatabase)
    columns = []
    for name in order:
        column, down = getattr(resource.model, name.removeprefix("-")), name.startswith("-")
        empty = None if sqlite or not column.null else "LAST" if down else "FIRST"
        columns.append(column.desc(nulls=empty) if down else column.asc(nulls=empty))
    return columns


_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "": lambda column, value: column == value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}

Shape = tuple[str, str]


def _shapes(conditions: Sequence[Condition]) -> tuple[Shape, ...]:
    return tuple((one.column, one.comparison) for one in conditions)


def _values(conditions: Sequence[Condition]) -> list[Any]:
    return [one.value for one in conditions]


def _expression(resource: Resource, shape: Shape, value: Any) -> Any:
    column = getattr(resource.model, shape[0])
    return column.is_null() if value is None else _COMPARED[shape[1]](column, value)


def _seen(resource: Resource, role: str, user_id: Any, manager_id: Any, *columns: Any) -> Any:
    query = resource.model.select(*columns)
    asking: Any = Who(role, user_id, manager_id)
    mine = resource.visible(asking)
    return query if mine is None else query.where(mine)


@lru_cache(_SHAPES)
def _row(resource: Resource, role: str, lock: bool) -> Prepared[Any, Any]:
    def build(user_id: Any, manager_id: Any, row_id: Any) -> Any:
        query = _seen(resource, role, user_id, manager_id).where(getattr(resource.model, resource.lookup) == row_id)
        return locked(query) if lock else query

    return Prepared(build)


@lru_cache(_SHAPES)
def _exists(resource: Resource, role: str) -> Prepared[Any, Any]:
    def build(user_id: Any, manager_id: Any, row_id: Any) -> Any:
        query = _seen(resource, role, user_id, manager_id, resource.model.id)
        return query.where(getattr(resource.model, resource.lookup) == row_id)

    return Prepared(build)


@lru_cache(_SHAPES)
def _count(resource: Resource, role: str, shapes: tuple[Shape, ...]) -> Prepared[Any, Any]:
    def build(user_id: Any, manager_id: Any, *values: Any) -> Any:
        query = _seen(resource, role, user_id, manager_id, counting.state(), fn.COUNT(SQL("*")))
        return _filtered(resource, query, shapes, values)

    return Prepared(build)


@lru_cache(_SHAPES)
def _rows(resource: Resource, role: str, shapes: tuple[Shape, ...], order: tuple[str, ...]) -> Prepared[Any, Any]:
    def build(user_id: Any, manager_id: Any, size: Any, skip: Any, *values: Any) -> Any:
        # First which rows: to sort or to skip whole rows takes several times as long.
        key: Any = resource.model.id
        chosen = _filtered(resource, _seen(resource, role, user_id, manager_id, key), shapes, values)
        chosen = chosen.order_by(*ordered(resource, order)).limit(size).offset(skip)
        return resource.model.select().where(key.in_(chosen)).order_by(*ordered(resource, order))

    return Prepared(build)


@lru_cache(_SHAPES)
def insert_query(model: type[Base], columns: tuple[str, ...]) -> Prepared[Any, Any]:
    """The query that makes a row with these columns."""

    def build(*values: Any) -> Any:
        return model.insert(with_taken(model, dict(zip(columns, values, strict=True))))

    return Prepared(build)


def _filtered(resource: Resource, query: Any, shapes: tuple[Shape, ...], values: Sequence[Any]) -> Any:
    for shape, value in zip(shapes, values, strict=True):
        query = query.where(_expression(resource, shape, value))
    return query
