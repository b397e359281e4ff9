"""Queries that peewee writes once, and that are only bound and run after that.

To build the SQL of a query takes peewee several times as long as the database needs to answer it, and to wrap what
came back takes it as long again. What runs for every call is therefore a function that builds the query, decorated:

    @prepared
    def waiting(lane: int, now: datetime, limit: int) -> ModelSelect[Alarm]:
        return Alarm.select().where(Alarm.lane == lane, Alarm.due_at <= now).order_by(Alarm.due_at).limit(limit)

    for alarm in waiting.all(7, now, 50): ...

The function runs once for each database dialect and *shape* of its arguments, with a Slot in place of each; its SQL
is kept. The shape is which arguments are None (a comparison with None is ``IS NULL``) and how long the lists are
(``IN``). A slot is bound with the converter of the column that it is compared with or written to, as peewee would; so
the function must not look at its arguments: no ``if``, no arithmetic, and constants are taken once. Like any query it
runs on this thread's connection, in its transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, update_wrapper
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, overload

from peewee import (  # type: ignore[attr-defined]  # the wrapper is not in its types
    AutoField,
    BigIntegerField,
    CharField,
    Context,
    Database,
    Field,
    FieldAlias,
    ForeignKeyField,
    IntegerField,
    Model,
    ModelAlias,
    ModelSelect,
    ModelTupleCursorWrapper,
    Query,
    SqliteDatabase,
    TextField,
    __exception_wrapper__,
)

from fs_app.store.models import database as proxy

P = ParamSpec("P")
M = TypeVar("M", bound=Model)

T = TypeVar("T")

_LISTS = (list, tuple)
_LENGTHS = (1, 3, 10, 25, 50, 100, 200)
# Both drivers return what these would make of it; all others (moments, JSON, truth, bytes) are converted.
_AS_READ = (AutoField, IntegerField, BigIntegerField, CharField, TextField)

Convert = Callable[[Any], Any]
Build = Callable[[Any], Any]


class Slot:
    """The place of an argument, or of one item of it, in a query that is being built."""

    __slots__ = ("item", "key")

    def __init__(self, key: int | str, item: int | None = None) -> None:
        self.key = key
        self.item = item

    def _refuse(self, *_args: object) -> NoReturn:
        raise TypeError(f"argument {self.key} of a prepared query has no value yet: decide and calculate outside of it")

    __bool__ = __int__ = __float__ = __add__ = __radd__ = __sub__ = __rsub__ = __lt__ = __gt__ = __iter__ = _refuse
    __format__ = __str__ = _refuse


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A slot where it is used, and the converter of that place."""

    slot: Slot
    convert: Convert | None


class _SlotContext(Context):
    """Writes SQL; a slot becomes a parameter."""

    _values: list[Any]

    def as_new(self) -> Context:
        return _SlotContext(**self.state.settings)

    def value(self, value: Any, converter: Any = None, add_param: bool = True) -> Any:
        if not isinstance(value, Slot):
            return super().value(value, converter, add_param)
        convert = self.state.converter if converter is None else converter
        self._values.append(_Parameter(value, convert or None))
        return self.literal(self.state.param or "?") if add_param else self


class _Statement:
    """The SQL of one shape on one dialect, and how its rows are read."""

    def __init__(self, db: Database, query: Query) -> None:
        context: Any = _SlotContext(**db.get_context_options())
        self.sql, values = context.sql(query).query()
        self._values: list[Any] = values
        # Where a value comes from: its place, the argument, the item of that, and what converts it.
        self._bound = [
            (at, value.slot.key, value.slot.item, value.convert)
            for at, value in enumerate(values)
            if isinstance(value, _Parameter)
        ]
        self._query: Any = query
        self._reader: _Reader | None = None

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """The parameters of the SQL."""
        bound = self._values.copy()
        for at, key, item, convert in self._bound:
            value = args[key] if isinstance(key, int) else kwargs[key]
            if item is not None:
                value = value[item]
            bound[at] = value if convert is None else convert(value)
        return bound

    def reader(self, cursor: Any) -> _Reader:
        if self._reader is None:
            self._reader = _Reader(cursor, self._query)
        return self._reader


class _Reader:
    """Makes of a row what peewee would."""

    def __init__(self, cursor: Any, query: Any) -> None:
        wrapper: Any = ModelTupleCursorWrapper(cursor, query.model, query._returning)
        wrapper.initialize()
        converters = [None if _as_read(f) else c for f, c in zip(wrapper.fields, wrapper.converters, strict=True)]
        self._converters = [(at, convert) for at, convert in enumerate(converters) if convert is not None]
        self._plain = not self._converters
        self.parts = [_part(*group, converters) for group in _groups(query._returning, wrapper.columns)]

    def tuple(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if self._plain:
            return row
        values = list(row)
        for at, convert in self._converters:
            values[at] = convert(values[at])
        return tuple(values)


def _as_read(field: Any) -> bool:
    while isinstance(field, ForeignKeyField):
        field = field.rel_field
    return type(field) in _AS_READ


def _groups(selected: Iterable[Any], columns: list[str]) -> list[tuple[type[Model] | None, int, list[str]]]:
    """Neighbouring columns of one table, each group with its model, first column and names; None for what is no
    column of a table."""
    groups: list[tuple[Any, type[Model] | None, int, list[str]]] = []
    for at, (node, name) in enumerate(zip(selected, columns, strict=True)):
        field: Any = node.unwrap()
        source: Any = None
        if isinstance(field, Field) and not node.is_alias():
            source = field.source if isinstance(field, FieldAlias) else field.model
        if source is not None and groups and groups[-1][0] is source:
            groups[-1][3].append(name)
        else:
            model = None if source is None else field.model
            groups.append((source, model.model if isinstance(model, ModelAlias) else model, at, [name]))
    return [group[1:] for group in groups]


def _part(model: type[Model] | None, first: int, names: list[str], converters: list[Convert | None]) -> Build:
    """Takes a row, gives the part of it that is a row of ``model``: None where an outer join has found none."""
    if model is None:
        convert = converters[first]
        return lambda row: row[first] if convert is None else convert(row[first])
    last = first + len(names)
    convertible = [(name, c) for name, c in zip(names, converters[first:last], strict=True) if c is not None]
    primary: Any = model._meta.primary_key
    key = primary.name if primary.name in names else None
    new = model.__new__

    def build(row: Any) -> Any:
        data = dict(zip(names, row[first:last], strict=True))
        if key is not None and data[key] is None:
            return None
        for name, convert in convertible:
            data[name] = convert(data[name])
        made: Any = new(model)
        # What Model.__init__ and the cursor wrapper leave behind, without their looks at every column.
        made.__data__ = data
        made.__rel__ = {}
        made._dirty = set()
        return made

    return build


def _shape(value: Any) -> Any:
    return None if value is None else len(value) if isinstance(value, _LISTS) else "one"


class Prepared(Generic[P, M]):
    """A query with slots. Every method takes the arguments of the function that builds it."""

    def __init__(self, build: Callable[P, Any]) -> None:
        self._build: Callable[..., Any] = build
        self._statements: dict[Any, _Statement] = {}
        update_wrapper(self, build)  # type: ignore[arg-type]  # it has no __call__: a query is read or run

    def all(self, *args: P.args, **kwargs: P.kwargs) -> list[M]:
        """The rows, as instances of the model."""
        cursor, reader = self._read(args, kwargs)
        (build,) = reader.parts
        return [build(row) for row in cursor.fetchall()]

    def first(self, *args: P.args, **kwargs: P.kwargs) -> M | None:
        """The first row; None when there is none."""
        cursor, reader = self._read(args, kwargs)
        (build,) = reader.parts
        row = cursor.fetchone()
        cursor.close()
        return None if row is None else build(row)

    def joined(self, *args: P.args, **kwargs: P.kwargs) -> list[tuple[Any, ...]]:
        """The rows, each as a tuple of what was selected: an instance for neighbouring columns of one table (None
        where an outer join has found none), a value for anything else."""
        cursor, reader = self._read(args, kwargs)
        parts = reader.parts
        return [tuple([build(row) for build in parts]) for row in cursor.fetchall()]

    def tuples(self, *args: P.args, **kwargs: P.kwargs) -> list[tuple[Any, ...]]:
        """The rows, each as a tuple of its columns."""
        cursor, reader = self._read(args, kwargs)
        return [reader.tuple(row) for row in cursor.fetchall()]

    def scalar(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The first column of the first row; None when there is none."""
        cursor, reader = self._read(args, kwargs)
        row = cursor.fetchone()
        cursor.close()
        return None if row is None else reader.tuple(row)[0]

    def exists(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Whether there is such a row."""
        cursor, _reader = self._read(args, kwargs)
        found = cursor.fetchone() is not None
        cursor.close()
        return found

    def run(self, *args: P.args, **kwargs: P.kwargs) -> int:
        """Write. How many rows that changed, made or deleted."""
        statement = self._statement("run", args, kwargs)
        return int(proxy.obj.execute_sql(statement.sql, statement.bind(args, kwargs)).rowcount)

    def insert(self, *args: P.args, **kwargs: P.kwargs) -> int:
        """Make one row. Its id; 0 where ``ON CONFLICT DO NOTHING`` left it out."""
        statement = self._statement("insert", args, kwargs)
        cursor = proxy.obj.execute_sql(statement.sql, statement.bind(args, kwargs))
        if isinstance(proxy.obj, SqliteDatabase):
            return int(cursor.lastrowid) if cursor.rowcount else 0
        row = cursor.fetchone()
        return 0 if row is None else int(row[0])

    def run_many(self, rows: Iterable[tuple[Any, ...]]) -> int:
        """Write once for each tuple of arguments, all of one shape: the cheapest way to make ten thousand rows. How
        many rows that changed, made or deleted."""
        following = iter(rows)
        first = next(following, None)
        if first is None:
            return 0
        statement = self._statement("run", first, {})
        shape = tuple(map(_shape, first))

        def bound() -> Iterable[list[Any]]:
            yield statement.bind(first, {})
            for args in following:
                if tuple(map(_shape, args)) != shape:
                    raise ValueError("run_many: the rows differ in what is None")
                yield statement.bind(args, {})

        return int(_run_many(statement.sql, bound()).rowcount)

    def insert_many(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        """:meth:`insert` for each of these keyword arguments: the ids. PostgreSQL is told of all at once where they are
        of one shape, and asked once for its answers."""
        statements = {self._statement("insert", (), row) for row in rows}
        if isinstance(proxy.obj, SqliteDatabase) or len(statements) != 1:
            return [self.insert(**row) for row in rows]  # type: ignore[call-arg]  # P is what the builder takes
        (statement,) = statements
        cursor = _run_many(statement.sql, (statement.bind((), row) for row in rows), returning=True)
        ids = [int(cursor.fetchone()[0])]
        while cursor.nextset():
            ids.append(int(cursor.fetchone()[0]))
        return ids

    def sql(self, *args: P.args, **kwargs: P.kwargs) -> tuple[str, list[Any]]:
        """The SQL and its bound parameters, for EXPLAIN and for tests."""
        statement = self._statement("run", args, kwargs)
        return statement.sql, statement.bind(args, kwargs)

    def _read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, _Reader]:
        statement = self._statement("run", args, kwargs)
        cursor = proxy.obj.execute_sql(statement.sql, statement.bind(args, kwargs))
        return cursor, statement.reader(cursor)

    def _statement(self, how: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Statement:
        db: Database = proxy.obj
        shape = (type(db), how, *map(_shape, args))
        if kwargs:
            shape = (*shape, *((name, _shape(value)) for name, value in kwargs.items()))
        found = self._statements.get(shape)
        if found is None:
            query: Any = self._build(*_slots(enumerate(args)).values(), **_slots(kwargs.items()))
            if how == "insert" and not isinstance(db, SqliteDatabase):
                query = query.returning(query.model._meta.primary_key)
            # Two threads may do this at once: they find the same.
            found = self._statements[shape] = _Statement(db, query)
        return found


def _run_many(sql: str, parameters: Iterable[list[Any]], **how: Any) -> Any:
    db: Database = proxy.obj
    with __exception_wrapper__:  # peewee's own, which executemany does not pass through
        cursor: Any = db.cursor()
        cursor.executemany(sql, parameters, **how)
    return cursor


def _slots(arguments: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in arguments:
        if value is None:
            made[key] = None
        elif isinstance(value, _LISTS):
            made[key] = [Slot(key, item) for item in range(len(value))]
        else:
            made[key] = Slot(key)
    return made


@overload
def prepared(build: Callable[P, ModelSelect[M]]) -> Prepared[P, M]: ...
@overload
def prepared(build: Callable[P, Query]) -> Prepared[P, Any]: ...
def prepared(build: Callable[P, Any]) -> Prepared[P, Any]:
    """Decorates a function that builds a query."""
    return Prepared(build)


def locked(query: ModelSelect[M], *, skip: bool = False, of: Sequence[type[Model]] = ()) -> ModelSelect[M]:
    """The rows are locked until the commit, those ``of`` these tables or of all; ``skip``: without those that somebody
    else holds. SQLite has one writer and locks no rows. Only while a query is built."""
    if isinstance(proxy.obj, SqliteDatabase):
        return query
    return query.for_update(of=tuple(of) or None, skip_locked=skip or None)


def padded(values: Sequence[T]) -> list[T]:
    """The same values, some of them twice: lists of few lengths make few statements."""
    wanted = next((length for length in _LENGTHS if length >= len(values)), len(values))
    return [*values, *[values[-1]] * (wanted - len(values))] if values else []


def held(query: ModelSelect[M], model: type[Model]) -> ModelSelect[M]:
    """The rows of ``model`` stay as they are until the commit; others may hold them, too. Whoever holds a row must not
    change it: two who hold it would wait for each other. Only while a query is built."""
    if isinstance(proxy.obj, SqliteDatabase):
        return query
    share: Any = "FOR SHARE"  # the stubs know of nothing but FOR UPDATE
    return query.for_update(share, of=model)


@cache
def _row_of(model: type[Model]) -> Prepared[[object], Any]:
    key: Any = model._meta.primary_key
    return Prepared(lambda row_id: model.select().where(key == row_id))


def by_id(model: type[M], row_id: object) -> M | None:
    """The row of that primary key; None when it is gone, or ``row_id`` is None."""
    return None if row_id is None else _row_of(model).first(row_id)
