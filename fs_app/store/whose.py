"""What a new row takes from the one that it hangs below: whose it is, and which lane an alarm waits in.

Triggers see to that, whoever writes (migrations 8 and 13). On SQLite they can do so only by writing the row again, and
every index of these columns twice. So what is written often has the values in its INSERT already; the triggers compare,
and find nothing to do (migration 16). Forgotten or wrong here, they cost time and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from peewee import ForeignKeyField, SqliteDatabase, fn

from fs_app.store.models import Alarm, AlarmRequest, Base, Calendar, CallRequest, Event, User
from fs_app.store.models import database as proxy

# Model -> what it hangs below; column -> where its value stands there.
_ABOVE: dict[type[Base], tuple[ForeignKeyField, dict[str, Any]]] = {
    Event: (Event.calendar, {"tenant": Calendar.tenant, "owner": Calendar.user}),
    Alarm: (Alarm.event, {"lane": Event.calendar, "tenant": Event.tenant, "owner": Event.owner}),
    AlarmRequest: (AlarmRequest.alarm, {"tenant": Alarm.tenant, "owner": Alarm.owner}),
    CallRequest: (CallRequest.user, {"tenant": fn.COALESCE(User.manager, User.id)}),
}


def above(model: type[Base], columns: Iterable[str]) -> str:
    """The name of the field, among ``columns``, that says what rows of ``model`` hang below; empty: there is none, or
    the database needs no help."""
    found = _ABOVE.get(model)
    name = found[0].name if found is not None and isinstance(proxy.obj, SqliteDatabase) else ""
    return name if name in columns else ""


def taken(model: type[Base], parent: Any) -> dict[str, Any]:
    """What a new row takes from the row ``parent`` (an id, or an expression of one): subqueries by column. Only for
    what has an :func:`above`."""
    key, values = _ABOVE[model]
    rows = key.rel_model
    return {name: rows.select(value).where(rows.id == parent) for name, value in values.items()}


def with_taken(model: type[Base], columns: dict[str, Any]) -> dict[str, Any]:
    """The columns of a new row, and what it takes from above."""
    name = above(model, columns)
    return columns if not name or columns[name] is None else {**columns, **taken(model, columns[name])}
