"""Collections: filters, ordering, pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fs_app.domain.window import to_utc
from fs_app.errors import InvalidInput
from httpapi import queries
from httpapi.context import Context
from httpapi.errors import Errors, bad_request, not_found
from httpapi.kinds import parse_integer
from httpapi.queries import Condition

if TYPE_CHECKING:
    from httpapi.resource import Resource

PAGE_SIZE, PAGE_MAX = 20, 1000
_PAGING = ("page", "page_size", "format")
_COMPARISONS = ("gt", "gte", "lt", "lte")


def page(ctx: Context, resource: Resource, address: str, within: Sequence[Condition] = ()) -> dict[str, object]:
    """``{"count", "next", "previous", "results"}`` of what is to be seen ``within`` the conditions. Raises ApiError 400
    and 404.

    Filters: ``?field=value``, for numbers and times also ``?field__gte=`` (gt, gte, lt, lte); ``null`` for none.
    A time without offset is wall-clock time in the configured zone, since the rows may be of many calendars.
    """
    given = ctx.request.query()
    errors = Errors()
    number = _count(given.get("page", "1"), "page", 2**31 - 1, errors)
    size = _count(given.get("page_size", str(PAGE_SIZE)), "page_size", PAGE_MAX, errors)
    conditions, order = _chosen(ctx, resource, {n: v for n, v in given.items() if n not in _PAGING}, errors)
    conditions = [*within, *conditions]
    total = queries.count(resource, ctx.user, conditions)
    last = max(1, -(-total // size))
    if number > last:
        raise not_found(f"there is no page {number}: the last one is {last}")
    rows = queries.rows(resource, ctx.user, conditions, order, size, (number - 1) * size) if total else []

    def link(to: int) -> str | None:
        if not 1 <= to <= last:
            return None
        return f"{address}?{urlencode({**given, 'page': str(to)})}"

    return {
        "count": total,
        "next": link(number + 1),
        "previous": link(number - 1),
        "results": resource.show_all(ctx, rows),
    }


def first(ctx: Context, resource: Resource, most: int) -> list[Any]:
    """The first rows that the filters find, in order, without counting what else there is. Raises ApiError 400."""
    conditions, order = _chosen(ctx, resource, ctx.request.query(), Errors())
    return queries.rows(resource, ctx.user, conditions, order, most, 0)


def every(ctx: Context, resource: Resource, most: int) -> Any:
    """The query of all rows that the filters find, in order. Raises ApiError 400, also when they are more than
    ``most``."""
    given = ctx.request.query()
    errors = Errors()
    if given.pop("format", "csv") != "csv":
        errors.add("format", "give csv, or leave it out for JSON")
    conditions, order = _chosen(ctx, resource, given, errors)
    total = queries.count(resource, ctx.user, conditions)
    if total > most:
        raise bad_request(f"these are {total} rows: at most {most} in one file, filter them")
    query = resource.query(ctx)
    for wanted in conditions:
        query = query.where(queries.condition(resource, wanted))
    return query.order_by(*queries.ordered(resource, order))


def _chosen(
    ctx: Context, resource: Resource, given: Mapping[str, str], errors: Errors
) -> tuple[list[Condition], list[str]]:
    """The filters, and the order. Raises ApiError 400 with everything in ``errors``."""
    found = [_filter(ctx, resource, name, value, errors) for name, value in given.items() if name != "ordering"]
    order = _ordering(resource, given.get("ordering", ""), errors)
    errors.raise_any()
    return [condition for condition in found if condition is not None], order


def _count(value: str, name: str, maximum: int, errors: Errors) -> int:
    try:
        return parse_integer(value, 1, maximum)
    except ValueError as exc:
        errors.add(name, str(exc))
        return 1


def _ordering(resource: Resource, given: str, errors: Errors) -> list[str]:
    order: dict[str, str] = {}  # what is named again decides nothing any more
    for part in given.split(",") if given else []:
        name = part.strip().removeprefix("-")
        if name not in resource.ordering:
            errors.add(
                "ordering", f"cannot order by {name[:50]!r}: use {', '.join(resource.ordering)}, - for descending"
            )
            continue
        order.setdefault(name, part.strip())
    return list(order.values())


def _filter(ctx: Context, resource: Resource, name: str, value: str, errors: Errors) -> Condition | None:
    base, _, comparison = name.partition("__")
    spec = resource.reader.specs.get(base)
    if spec is None or base not in resource.filters or (comparison and not _may_compare(spec.kind.ordered, comparison)):
        errors.add(name[:100], f"no such filter: this list takes {', '.join(_names(resource))}")
        return None
    if value == "null" and spec.nullable and not comparison:
        return Condition(base, "", None)
    if spec.kind.is_moment:
        value = re.sub(r" (\d\d:\d\d)$", r"+\1", value) if "T" in value else value  # an unescaped +
    try:
        wanted = spec.kind.parse(value)
    except InvalidInput as exc:
        errors.add(name, exc.message)
        return None
    except ValueError as exc:
        errors.add(name, str(exc))
        return None
    if isinstance(wanted, datetime) and wanted.tzinfo is None:
        wanted = to_utc(wanted, ctx.services.default_zone)
    if spec.kind.relation and isinstance(wanted, str):
        wanted = resource.user_id(wanted)
    return Condition(base, comparison, wanted)


def _may_compare(ordered: bool, comparison: str) -> bool:
    return ordered and comparison in _COMPARISONS


def _names(resource: Resource) -> list[str]:
    return [*sorted(resource.filters), "ordering", "page", "page_size", "format"]
