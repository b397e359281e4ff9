"""Single occurrences of a recurring event: list them, keep, move, cancel and uncancel one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from fs_app.domain.window import to_utc
from fs_app.errors import InvalidInput, NotFound
from fs_app.store.single_occurrences import OneOccurrence, SingleOccurrences
from httpapi.context import Context, raw
from httpapi.crud import no_query, read_body
from httpapi.errors import ApiError, Errors, not_found
from httpapi.kinds import Kind, moment, parse_moment, show_moment, text
from httpapi.reminders import zone_of
from httpapi.resource import Action
from httpapi.schema import Reader, Schema
from httpapi.web import Response, json_response

if TYPE_CHECKING:
    from httpapi.routes.event import Events

AHEAD = timedelta(days=366)  # how far the list goes when nobody says


class What(StrEnum):
    KEEP = "keep"
    MOVE = "move"
    CANCEL = "cancel"
    UNCANCEL = "uncancel"


def _what() -> Kind:
    def check(value: str) -> str:
        if value not in list(What):
            raise ValueError(f"not an action: give one of {', '.join(What)}")
        return value

    return text(20, blank=False, check=check)


class _OccurrenceSchema(Schema):
    action: Annotated[str, _what()]
    original_start: Annotated[datetime, moment()]
    start: Annotated[datetime | None, moment()] = None
    end: Annotated[datetime | None, moment()] = None


_READER = Reader(_OccurrenceSchema)


def occurrence_actions(events: Events) -> tuple[Action, ...]:
    """``event/<id>/occurrences/``: GET lists, POST changes one."""

    def listed(ctx: Context, event_id: int) -> Response:
        with ctx.services.store.reading():
            zone = zone_of(ctx, raw(events.find(ctx, event_id), "calendar"))
        query = dict(ctx.request.query())
        found: dict[str, datetime] = {}
        for name in ("from", "to"):
            if name in query:
                try:
                    given = parse_moment(query.pop(name))
                except ValueError as exc:
                    raise ApiError(400, {name: [str(exc)]}) from None
                found[name] = to_utc(given, zone) if given.tzinfo is None else given
        if query:
            raise ApiError(400, {name[:100]: ["not known here: there are from and to"] for name in query})
        after = found.get("from", ctx.now)
        rows = _single(ctx).list(event_id, after, found.get("to", after + AHEAD))
        return json_response(200, [_show(ctx, row) for row in rows])

    def change(ctx: Context, event_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            zone = zone_of(ctx, raw(events.find(ctx, event_id), "calendar"))
        errors = Errors()
        values = _READER.read(read_body(ctx), errors, partial=False)
        what = values.get("action")
        if what == What.MOVE and values.get("start") is None:
            errors.add("start", "is required to move an occurrence: give its new start")
        if what != What.MOVE and (values.get("start") or values.get("end")):
            errors.add("start", "belongs to the action move: leave it out, and end as well")
        errors.raise_any()
        times: dict[str, Any] = {
            name: to_utc(value, zone) if value.tzinfo is None else value
            for name, value in values.items()
            if isinstance(value, datetime)
        }
        if "end" in times and times["end"] < times["start"]:
            raise ApiError(400, {"end": ["is before the start: give a later end"]})
        try:
            row = _apply(_single(ctx), What(str(what)), event_id, times, ctx.now)
        except InvalidInput as exc:
            raise ApiError(400, {exc.field: [exc.message]}) from None
        except NotFound:
            raise not_found() from None
        ctx.services.wake()
        return json_response(200, _show(ctx, row))

    return Action("occurrences", "GET", listed), Action("occurrences", "POST", change)


def _single(ctx: Context) -> SingleOccurrences:
    return SingleOccurrences(ctx.services.store, ctx.services.default_zone)


def _apply(
    single: SingleOccurrences, what: What, event_id: int, times: dict[str, datetime], now: datetime
) -> OneOccurrence:
    original = times["original_start"]
    match what:
        case What.KEEP:
            return single.keep(event_id, original, now)
        case What.MOVE:
            return single.move(event_id, original, times["start"], times.get("end"), now)
        case What.CANCEL:
            return single.cancel(event_id, original, now)
        case What.UNCANCEL:
            return single.uncancel(event_id, original, now)


def _show(ctx: Context, row: OneOccurrence) -> dict[str, Any]:
    return {
        "original_start": show_moment(row.original_start),
        "start": show_moment(row.start),
        "end": show_moment(row.end),
        "moved": row.moved,
        "cancelled": row.cancelled,
        "event": None if row.child_id is None else ctx.url("event", row.child_id),
    }
