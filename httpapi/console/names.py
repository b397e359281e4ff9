"""What relations are called: rows' titles in lists, and the choices of a picker. Scoped like the API itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from httpapi.console.displays_all import BY_PATH
from httpapi.console.rest import Rest
from httpapi.context import raw

PICK_MAX = 100  # choices a picker offers at once; beyond that it has a search of its own


@dataclass(frozen=True)
class Picker:
    """``choices`` are (id, title). ``more`` when there are others that a search would find."""

    choices: tuple[tuple[int, str], ...]
    more: bool


def rows(rest: Rest, path: str, ids: Iterable[int]) -> list[Any]:
    """Those of these rows that the user sees."""
    wanted = set(ids)
    if not wanted or not (rest.may_read(path) or path == "user"):
        return []
    resource = rest.registry[path]
    with rest.services.store.reading():
        return list(resource.query(rest.context()).where(_key(resource).in_(list(wanted))))


def titles(rest: Rest, path: str, ids: Iterable[int]) -> dict[int, str]:
    """Their titles, by id."""
    lookup = rest.registry[path].lookup
    return {int(raw(row, lookup)): title(path, row) for row in rows(rest, path, ids)}


def picker(rest: Rest, path: str, search: str = "", keep: int | None = None) -> Picker:
    """The newest rows, or those whose title holds ``search``; the one chosen already stays among them."""
    if not (rest.may_read(path) or path == "user"):
        return Picker((), False)
    resource = rest.registry[path]
    name = _title_field(path)
    with rest.services.store.reading():
        query = resource.query(rest.context())
        if search:
            query = query.where(getattr(resource.model, name).contains(search))
        found = list(query.order_by(resource.model.id.desc()).limit(PICK_MAX + 1))
    choices = [(int(raw(row, resource.lookup)), title(path, row)) for row in found[:PICK_MAX]]
    if keep is not None and keep not in {row_id for row_id, _ in choices}:
        choices += titles(rest, path, [keep]).items()
    choices.sort(key=lambda choice: choice[1].casefold())
    return Picker(tuple(choices), len(found) > PICK_MAX)


def title(path: str, row: Any) -> str:
    """What a row is called: its name, and what tells it from others of the same name."""
    words = str(raw(row, _title_field(path)) or "").strip()
    if path == "event":
        return f"{words or 'untitled'} ({raw(row, 'start'):%d %b %Y})"
    if path == "sealed-survey":
        return f"{words} (sealed {raw(row, 'created_date'):%d %b %Y %H:%M}, no. {row.id})"
    if path == "alarm":
        return f"{words or raw(row, 'alarm_email') or 'alarm'} (no. {row.id})"
    if path in ("alarm-request", "callrequest"):
        return f"no. {row.id}"
    return words or f"no. {row.id}"


def _title_field(path: str) -> str:
    return BY_PATH[path].title if path in BY_PATH else "id"


def _key(resource: Any) -> Any:
    return getattr(resource.model, resource.lookup)
