"""What a resource declares, and how a row of it is shown. A subclass per resource lives in routes/."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from fs_app.domain.enums import Role
from fs_app.domain.window import to_utc
from fs_app.store.models import Base, User
from httpapi import queries
from httpapi.context import Context, raw
from httpapi.errors import Errors, not_found
from httpapi.schema import Reader, Schema
from httpapi.web import Response

EVERYBODY = frozenset(Role)
MANAGERS = frozenset({Role.SUPERUSER, Role.MANAGER})
SUPERUSERS = frozenset({Role.SUPERUSER})
NOBODY: frozenset[Role] = frozenset()
COLLECTION = ("GET", "POST", "HEAD", "OPTIONS")
ITEM = ("GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Action:
    """An address below one row, ``<resource>/<id>/<name>/``, or below the resource itself, ``<resource>/<name>/``
    (``run`` then gets 0). ``run`` opens its own transaction."""

    name: str
    method: str  # GET, POST, PATCH or DELETE
    run: Callable[[Context, int], Response]
    below_row: bool = True
    summary: str = ""
    takes: Mapping[str, Any] | None = None  # JSON schema of the body, where there is one
    media_taken: tuple[str, ...] = ("application/json",)
    example: Any = None
    gives: Mapping[str, Any] | None = None  # JSON schema of the answer; None: any JSON
    media: str = "application/json"
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # parameter -> its JSON schema
    statuses: tuple[int, ...] = ()  # of answers; empty: 200, and 201 by POST

    @property
    def allow(self) -> tuple[str, ...]:
        return ("GET", "HEAD", "OPTIONS") if self.method == "GET" else (self.method, "OPTIONS")


@dataclass
class Change:
    """A create (``row`` None) or an update on its way in. ``values`` holds what will be written, by field name."""

    resource: Resource
    row: Base | None
    values: dict[str, Any]
    errors: Errors = field(default_factory=Errors)
    prepared: Mapping[str, Any] = field(default_factory=dict)  # what Resource.prepare made

    def get(self, name: str) -> Any:
        """What the field will hold; of a relation, the id."""
        if name in self.values:
            return self.values[name]
        return None if self.row is None else raw(self.row, name)

    def changed(self, *names: str) -> bool:
        """Whether any of these fields will differ from what is stored."""
        if self.row is None:
            return True
        return any(name in self.values and self.values[name] != raw(self.row, name) for name in names)


class Resource:
    """Declarations first; the hooks below them do nothing unless overridden. Hooks run inside the transaction."""

    path: ClassVar[str]
    model: ClassVar[type[Base]]
    schema: ClassVar[type[Schema]]
    summary: ClassVar[str] = ""
    example: ClassVar[Mapping[str, Any]] = {}  # of a create, added to what is made up for the required fields
    readers: ClassVar[frozenset[Role]] = EVERYBODY  # all others are told 404
    writers: ClassVar[frozenset[Role]] = EVERYBODY  # readers who are not among them are told 403
    creators: ClassVar[frozenset[Role] | None] = None  # None: the writers
    collection: ClassVar[tuple[str, ...]] = COLLECTION
    item: ClassVar[tuple[str, ...]] = ITEM
    lookup: ClassVar[str] = "id"  # the field whose value stands in the address
    filters: ClassVar[frozenset[str]] = frozenset()
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    owner: ClassVar[str] = ""  # the relation that defaults to whoever asks
    put_optional: ClassVar[frozenset[str]] = frozenset()
    max_body: ClassVar[int] = 1024 * 1024
    multipart: ClassVar[bool] = False
    volatile: ClassVar[frozenset[str]] = frozenset()  # fields that change by themselves, and so not the ETag

    def __init__(self) -> None:
        self.reader = Reader(self.schema)
        # Of each field that is shown: its name, its own way to be shown, what it refers to, and whether by user name.
        self._showing = [
            (n, s.kind.show, s.kind.relation if s.kind.shown_as != "id" else "", s.kind.shown_as == "username")
            for n, s in self.reader.specs.items()
            if not s.write_only
        ]

    # --- who

    def visible(self, user: User) -> Any:
        """The condition on the rows this user sees; None for all of them."""
        raise NotImplementedError

    def may_change(self, user: User, row: Base) -> bool:
        """Whether a row that is visible may also be written."""
        return True

    def query(self, ctx: Context) -> Any:
        """The rows that whoever asks sees."""
        query = self.model.select()
        condition = self.visible(ctx.user)
        return query if condition is None else query.where(condition)

    def find(self, ctx: Context, row_id: int, *, lock: bool = False) -> Any:
        """The row with that id in the address; with ``lock``, nobody else's until the commit.

        Raises ApiError 404 when there is none to be seen.
        """
        if Role(str(ctx.user.role)) not in self.readers:
            raise not_found()
        row = queries.visible_row(self, ctx.user, row_id, lock=lock)
        if row is None:
            raise not_found(f"no {self.path} {row_id}: it does not exist, or it is not yours")
        return row

    # --- what

    def zone(self, ctx: Context, change: Change) -> ZoneInfo:
        """Where a time without an offset is meant."""
        return ctx.services.default_zone

    def prepare(self, ctx: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Slow work on the unchecked body, done before the transaction opens so that nobody waits for its lock."""
        return {}

    def check(self, ctx: Context, change: Change) -> None:
        """Rules across fields. May complete ``change.values``; adds to ``change.errors``."""

    def columns(self, change: Change) -> dict[str, Any]:
        """Column values from field values, where the two differ."""
        return change.values

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        """After the row is written, before the commit. ``change.row`` still holds what was there before."""

    def before_delete(self, ctx: Context, row: Any) -> None:
        """Raises ApiError 409 when the row must stay."""

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        """Field values that are not columns, by row id; read for a whole page at once."""
        return {}

    def remembered(self, shown: dict[str, Any]) -> dict[str, Any]:
        """What is kept of a new row as it was shown, for whoever repeats its Idempotency-Key: no secrets."""
        return shown

    def actions(self) -> Iterable[Action]:
        return ()

    # --- showing

    def show_all(self, ctx: Context, rows: list[Any]) -> list[dict[str, Any]]:
        more = self.computed(ctx, rows)
        return [self._show(ctx, row, more.get(row.id, {})) for row in rows]

    def show(self, ctx: Context, row: Any) -> dict[str, Any]:
        return self.show_all(ctx, [row])[0]

    def address(self, ctx: Context, row: Any) -> str:
        return ctx.url(self.path, raw(row, self.lookup))

    def _show(self, ctx: Context, row: Any, more: Mapping[str, Any]) -> dict[str, Any]:
        stored, base = row.__data__, ctx.base
        shown: dict[str, Any] = {}
        for name, show, relation, by_name in self._showing:
            value = more[name] if name in more else stored.get(name)
            if value is None:
                shown[name] = None
            elif show is not None:
                shown[name] = show(value)
            elif relation:
                shown[name] = ctx.username(value) if by_name else f"{base}{relation}/{value}/"
            else:
                shown[name] = value
        if "url" in shown:
            shown["url"] = self.address(ctx, row)
        return shown

    # --- reading

    def user_id(self, username: str) -> int:
        """The id of the user of that name; 0, which no row has, when there is none."""
        found = User.select(User.id).where(User.username == username).first()
        return int(found.id) if found else 0

    def resolve(self, ctx: Context, change: Change) -> None:
        """Relations must be visible to whoever asks, unless they are what the row refers to already."""
        for name, spec in self.reader.specs.items():
            given = change.values.get(name)
            if not spec.kind.relation or given is None:
                continue
            target = ctx.registry[spec.kind.relation]
            row_id = self.user_id(given) if isinstance(given, str) else given
            change.values[name] = row_id
            if change.row is not None and raw(change.row, name) == row_id:
                continue
            if (target.path, row_id) in ctx.seen:
                continue
            known = Role(str(ctx.user.role)) in target.readers or target.path == "user"
            if known and queries.is_visible(target, ctx.user, row_id):
                ctx.seen.add((target.path, row_id))
            else:
                change.errors.add(name, f"no {target.path} {given}: it does not exist, or it is not yours")
                del change.values[name]

    def localise(self, ctx: Context, change: Change) -> None:
        """Naive times are wall-clock time in the row's zone."""
        naive = [n for n, v in change.values.items() if isinstance(v, datetime) and v.tzinfo is None]
        if naive:
            zone = self.zone(ctx, change)
            for name in naive:
                change.values[name] = to_utc(change.values[name], zone)

    def check_unique(self, change: Change) -> None:
        for names in self.unique:
            if not change.changed(*names):
                continue
            values = {name: change.get(name) for name in names}
            query = self.model.select().where(*(getattr(self.model, n) == v for n, v in values.items()))
            if change.row is not None:
                query = query.where(self.model.id != change.row.id)
            if query.exists():
                change.errors.add(names[-1], f"{str(values[names[-1]])[:100]!r} is taken already: choose another")
