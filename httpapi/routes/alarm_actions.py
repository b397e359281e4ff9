"""What somebody at a desk does with one alarm: call now, put off, cancel. Each obeys what the scheduler obeys."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fs_app.domain.enums import AlarmStatus, EventStatus
from fs_app.domain.window import Closed, is_open, next_open
from fs_app.store.due import closed_days
from fs_app.store.models import Alarm, Event
from httpapi.context import Context, raw
from httpapi.crud import no_query, read_body, writing
from httpapi.errors import Errors, conflict
from httpapi.kinds import integer
from httpapi.reminders import OPEN, zone_of
from httpapi.resource import Action, Resource
from httpapi.schema import Reader, Schema
from httpapi.web import Response, json_response

_REOPENED = (*OPEN, AlarmStatus.FAILURE.value)


class SnoozeSchema(Schema):
    minutes: Annotated[int, integer(1, 7 * 24 * 60)]


_SNOOZE = Reader(SnoozeSchema)


def actions(resource: Resource) -> tuple[Action, ...]:
    """``call_now``, ``snooze`` (``{"minutes": 15}``) and ``cancel``, each a POST."""
    return (
        Action("call_now", "POST", lambda ctx, row: _call_now(resource, ctx, row)),
        Action("snooze", "POST", lambda ctx, row: _snooze(resource, ctx, row)),
        Action("cancel", "POST", lambda ctx, row: _cancel(resource, ctx, row)),
    )


def _call_now(resource: Resource, ctx: Context, row_id: int) -> Response:
    """Due at once; one that has failed gets one more attempt. 409 when the scheduler would not call now either."""
    no_query(ctx)
    read_body(ctx, empty=True)
    with writing(ctx):
        alarm, event = _locked(resource, ctx, row_id)
        if alarm.status not in _REOPENED:
            raise conflict("it is being called, or done already: make a new alarm to call again")
        if not is_open(ctx.now, *_window(ctx, alarm, event)):
            hours = f"{alarm.daily_start:%H:%M} to {alarm.daily_stop:%H:%M} on days that are not closed"
            raise conflict(f"nobody is called now: its hours are {hours}, change them first")
        changes: dict[str, Any] = {"due_at": ctx.now, "reason": ""}
        if alarm.status == AlarmStatus.FAILURE.value:
            changes |= {"status": AlarmStatus.RETRY.value, "maxretry": max(alarm.maxretry, alarm.num_attempt)}
        _change(alarm, changes, _REOPENED)
        ctx.wake = True
        shown = resource.show(ctx, resource.find(ctx, row_id))
    return json_response(200, shown)


def _snooze(resource: Resource, ctx: Context, row_id: int) -> Response:
    """Later by that many minutes than now, or than it was due, moved into its hours. 409 when that is too late."""
    no_query(ctx)
    errors = Errors()
    values = _SNOOZE.read(read_body(ctx), errors, partial=False)
    errors.raise_any()
    with writing(ctx):
        alarm, event = _locked(resource, ctx, row_id)
        if alarm.status not in OPEN:
            raise conflict("it does not wait any more: there is nothing to put off")
        later = max(ctx.now, alarm.due_at or ctx.now) + timedelta(minutes=values["minutes"])
        due = next_open(later, *_window(ctx, alarm, event))
        if due >= event.end:
            raise conflict("its event will be over by then: put it off for less, or cancel it")
        _change(alarm, {"due_at": due}, OPEN)
        ctx.wake = True
        shown = resource.show(ctx, resource.find(ctx, row_id))
    return json_response(200, shown)


def _cancel(resource: Resource, ctx: Context, row_id: int) -> Response:
    """Over, with the name of whoever cancelled it as its reason."""
    no_query(ctx)
    read_body(ctx, empty=True)
    with writing(ctx):
        alarm = resource.find(ctx, row_id)
        if alarm.status not in OPEN:
            raise conflict("it is being called, or over already: there is nothing to cancel")
        reason = f"cancelled by {ctx.user.username}"
        _change(alarm, {"status": AlarmStatus.FAILURE.value, "due_at": None, "reason": reason}, OPEN)
        shown = resource.show(ctx, resource.find(ctx, row_id))
    return json_response(200, shown)


def _window(ctx: Context, alarm: Any, event: Any) -> tuple[time, time, ZoneInfo, Closed]:
    """When somebody may be called about it."""
    zone = zone_of(ctx, raw(event, "calendar"))
    return alarm.daily_start, alarm.daily_stop, zone, closed_days(event.calendar)


def _locked(resource: Resource, ctx: Context, row_id: int) -> tuple[Any, Any]:
    """The alarm, and its event, locked so that nobody pauses it before the commit. 409 when the event is not ahead."""
    alarm = resource.find(ctx, row_id)
    event = ctx.for_update(Event.select().where(Event.id == raw(alarm, "event"))).get()
    if event.status != EventStatus.PENDING.value:
        raise conflict("its event is paused or over: set the event to pending first")
    if event.end <= ctx.now:
        raise conflict("its event is over: move the event first")
    return alarm, event


def _change(alarm: Any, changes: dict[str, Any], from_status: tuple[int, ...]) -> None:
    """Unless a claim came first: the status is checked in the same statement."""
    changed = Alarm.update(**changes).where(Alarm.id == alarm.id, Alarm.status.in_(from_status)).execute()
    if not changed:
        raise conflict("it is being called: try again when the call has ended")
