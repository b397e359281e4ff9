"""Events: what happens when, and their occurrences."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fs_app.domain.enums import EventStatus
from fs_app.domain.rules import parse_exdates
from fs_app.domain.tags import VALUE_MAX
from fs_app.store.models import Alarm, Event, User
from fs_app.store.occurrences import Occurrences
from httpapi import scope
from httpapi.bulk import create_many
from httpapi.context import Context, raw
from httpapi.crud import no_query, read_body, writing
from httpapi.errors import Errors, not_found
from httpapi.kinds import (
    READ_ONLY,
    array,
    choice,
    clean_text,
    integer,
    json_object,
    moment,
    own_url,
    relation,
    show_moment,
    text,
)
from httpapi.listing import page
from httpapi.queries import Condition
from httpapi.reminders import refresh_event, refuse_while_calling, zone_of
from httpapi.resource import Action, Change, Resource
from httpapi.routes.occurrence import occurrence_actions
from httpapi.schema import Reader, Schema
from httpapi.web import Response, json_response

DATA_MAX = 64


def _data(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > DATA_MAX:
        raise ValueError(f"has {len(value)} entries: at most {DATA_MAX}")
    for name, one in value.items():
        clean_text(name, 64, False)
        if isinstance(one, str):
            try:
                clean_text(one, VALUE_MAX, True)
            except ValueError as exc:
                raise ValueError(f"{name!r} {exc}") from None
        elif not isinstance(one, bool | int | float) or (isinstance(one, int) and abs(one) >= 2**63):
            raise ValueError(f"{name!r} is not a string, a number or a boolean: give one of these")
    return value


def _exdates(value: list[Any]) -> list[str]:
    return parse_exdates(value).texts()


class EventSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    title: Annotated[str, text(250)] = ""
    description: Annotated[str | None, text(2000, multiline=True)] = None
    start: Annotated[datetime, moment()]
    end: Annotated[datetime | None, moment()] = None
    creator: Annotated[int, relation("calendar-user")]
    created_on: Annotated[datetime, moment(), READ_ONLY]
    end_recurring_period: Annotated[datetime | None, moment()] = None
    rule: Annotated[int | None, relation("rule")] = None
    calendar: Annotated[int, relation("calendar")]
    notify_count: Annotated[int, integer(0)] = 0
    status: Annotated[int, choice(EventStatus)] = EventStatus.PENDING.value
    exdates: Annotated[list[str] | None, array(_exdates, "an array of dates and times that the rule leaves out")] = None
    data: Annotated[dict[str, Any] | None, json_object(_data, "an object of strings, numbers and booleans")] = None
    parent_event: Annotated[int | None, relation("event"), READ_ONLY]
    occ_count: Annotated[int, integer(0), READ_ONLY]


class _StatusSchema(Schema):
    status: Annotated[int, choice(EventStatus)]


_STATUS = Reader(_StatusSchema)


class Events(Resource):
    path = "event"
    model = Event
    schema = EventSchema
    example = {"title": "Check-up", "start": "2026-09-01 09:00:00", "data": {"name": "Ann"}}  # noqa: RUF012
    summary = "Appointments; naive times are wall-clock time in the calendar's zone"
    filters = frozenset(
        {"title", "start", "end", "creator", "calendar", "rule", "status", "parent_event", "occ_count", "created_on"}
    )
    ordering = ("id", "start", "end", "title", "created_on", "occ_count")

    def visible(self, user: User) -> Any:
        return scope.own_events(user)

    def zone(self, ctx: Context, change: Change) -> ZoneInfo:
        return zone_of(ctx, change.get("calendar"))

    def check(self, ctx: Context, change: Change) -> None:
        if (change.row is None and change.values.get("end") is None) or change.values.get("end", "") is None:
            change.values["end"] = change.get("start") + timedelta(hours=1)
        if change.get("end") < change.get("start"):
            change.errors.add("end", "is before the start: give a later end as well")
        owner = ctx.calendar(change.get("calendar"))
        if owner is None or raw(owner, "user") != change.get("creator"):
            change.errors.add("calendar", "belongs to another calendar user than the creator: choose one of theirs")
        if change.values.get("rule") is not None and change.get("parent_event") is not None:
            change.errors.add("rule", "an occurrence has no rule of its own: change its parent event's")

    def columns(self, change: Change) -> dict[str, Any]:
        return change.values

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        before = change.row
        if before is not None and any(raw(row, n) != raw(before, n) for n in ("start", "status", "calendar")):
            refresh_event(ctx, row)
        recurring = ("rule", "start", "end", "end_recurring_period", "exdates", "status", "calendar")
        if raw(row, "parent_event") is None and change.changed(*recurring):
            look = None if raw(row, "rule") is None else ctx.now
            if look is not None or row.next_child_at is not None:
                again = Event.update(next_child_at=look)
                if look is None:  # given a rule again, the series begins anew
                    again = Event.update(next_child_at=None, last_occurrence=None)
                again.where(Event.id == row.id).execute()
                ctx.wake = True

    def before_delete(self, ctx: Context, row: Any) -> None:
        refuse_while_calling(Event.select(Event.id).where((Event.id == row.id) | (Event.parent_event == row.id)))

    def actions(self) -> Iterable[Action]:
        return (
            Action(
                "bulk",
                "POST",
                lambda ctx, _: create_many(ctx),
                below_row=False,
                summary="Many events with alarms, from CSV or JSON lines",
                takes={"type": "string"},
                media_taken=("text/csv", "application/x-ndjson"),
                example="title,start,calendar,alarm_phonenumber\nCheck-up,2026-09-01 09:00,1,+15550100\n",
                query={
                    "mode": {"enum": ["all", "rows"]},
                    "calendar": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
                },
            ),
            Action("get_list_child", "GET", self._list_child),
            Action("children", "GET", self._children),
            Action("update_last_child_status", "PATCH", self._update_last_child),
            Action("get_list_alarm", "GET", self._list_alarm),
            *occurrence_actions(self),
        )

    def _list_child(self, ctx: Context, event_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            event = self.find(ctx, event_id)
            children = Event.select().where(Event.parent_event == event.id).order_by(Event.start, Event.id)
            found = [
                {
                    "url": ctx.url("event", child.id),
                    "start": str(child.start),  # "2013-12-17 16:26:07+00:00", as integrations know it
                    "end": str(child.end),
                    "description": child.description or "",
                    "title": child.title,
                }
                for child in children
            ]
        if not found:
            return json_response(200, {"note": "this event has no child events"})
        return json_response(200, found[0] if len(found) == 1 else found)

    def _children(self, ctx: Context, event_id: int) -> Response:
        with ctx.services.store.reading():
            event = self.find(ctx, event_id)
            below = [Condition("parent_event", "", event.id)]
            return json_response(200, page(ctx, self, ctx.url("event", event_id, "children/"), below))

    def _update_last_child(self, ctx: Context, event_id: int) -> Response:
        no_query(ctx)
        errors = Errors()
        values = _STATUS.read(read_body(ctx), errors, partial=False)
        errors.raise_any()
        self._make_coming_child(ctx, event_id)
        with writing(ctx):
            event = self.find(ctx, event_id)
            newest = (Event.occ_count.desc(), Event.start.desc(), Event.id.desc())
            child = Event.select().where(Event.parent_event == event.id).order_by(*newest).first()
            if child is None:
                raise not_found(f"event {event_id} has no child events")
            if child.status != values["status"]:
                Event.update(status=values["status"]).where(Event.id == child.id).execute()
                child.status = values["status"]
                refresh_event(ctx, child)
        return json_response(200, {"status": "event status has been updated"})

    def _make_coming_child(self, ctx: Context, event_id: int) -> None:
        """Whoever pauses the last child means the coming occurrence: a child is made only shortly before its alarms,
        so the last one there is may be over already."""
        store = ctx.services.store
        with store.reading():
            event = self.find(ctx, event_id)
            begun = Event.select().where(Event.parent_event == event.id).exists()
        if begun and raw(event, "rule") is not None:
            Occurrences(store, ctx.services.default_zone).make_next(event_id, ctx.now)

    def _list_alarm(self, ctx: Context, event_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            event = self.find(ctx, event_id)
            found = [
                {
                    "url": ctx.url("alarm", alarm.id),
                    "title": event.title,
                    "phonenumber": alarm.alarm_phonenumber,
                    "method": alarm.method,
                    "status": alarm.status,
                    "result": alarm.result,
                    "daily_start": alarm.daily_start.strftime("%H:%M:%S"),
                    "daily_stop": alarm.daily_stop.strftime("%H:%M:%S"),
                    "advance_notice": alarm.advance_notice,
                    "maxretry": alarm.maxretry,
                    "retry_delay": alarm.retry_delay,
                    "num_attempt": alarm.num_attempt,
                    "created_date": show_moment(alarm.created_date),
                }
                for alarm in Alarm.select().where(Alarm.event == event.id).order_by(Alarm.id)
            ]
        return json_response(200, found)
