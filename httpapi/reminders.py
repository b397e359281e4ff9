"""When an alarm is first due, kept right whenever its event, its calendar or its own times change."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from peewee import ModelSelect, ModelUpdate

from fs_app.domain.enums import AlarmStatus, EventStatus
from fs_app.domain.window import load_zone
from fs_app.store.due import waiting_until
from fs_app.store.models import Alarm, Calendar, Event, User
from fs_app.store.prepared import Prepared, by_id, held, locked, prepared
from httpapi import scope
from httpapi.context import Context
from httpapi.errors import conflict
from httpapi.queries import Who

OPEN = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)


@prepared
def _set_due(alarm_id: int, due: datetime | None, states: tuple[int, ...]) -> ModelUpdate:
    return Alarm.update(due_at=due).where(Alarm.id == alarm_id, Alarm.status.in_(states))


@lru_cache
def _single(role: str) -> Prepared[Any, Any]:
    def build(user_id: Any, event_id: Any) -> Any:
        found = Event.select(Event, Calendar).join(Calendar).where(Event.id == event_id, Event.rule.is_null())
        asking: Any = Who(role, user_id, None)
        mine = scope.own_events(asking)
        return held(found if mine is None else found.where(mine), Event)

    return Prepared(build)


@prepared
def _event(event_id: int) -> ModelSelect[Event]:
    return locked(Event.select().where(Event.id == event_id))


def held_event(user: User, event_id: int) -> Any:
    """The event with its calendar, as they stay until the commit, if ``user`` sees it and it does not recur; None.

    Those who write alarms of one event do not wait for each other.
    """
    for event, calendar in _single(str(user.role)).joined(user.id, event_id):
        event.calendar = calendar
        return event
    return None


def locked_event(event_id: int) -> Any:
    """The event with its calendar, nobody else's until the commit: nobody pauses it between our look and that."""
    event: Any = _event.first(event_id)
    if event is not None:
        event.calendar = by_id(Calendar, event.calendar_id)
    return event


def zone_of(ctx: Context, calendar_id: int) -> ZoneInfo:
    """The calendar's zone, or the configured one."""
    found = ctx.calendar(calendar_id)
    name = str(found.timezone) if found else ""
    return load_zone(name) if name else ctx.services.default_zone


def refresh_event(ctx: Context, event: Any) -> None:
    """Recompute what is due for every alarm of ``event`` that still waits; one in process is left alone."""
    for alarm in Alarm.select().where(Alarm.event == event.id, Alarm.status.in_(OPEN)):
        refresh_alarm(ctx, alarm, event)


def refresh_alarm(ctx: Context, alarm: Any, event: Any) -> datetime | None:
    """Write ``due_at`` unless a claim came first: the status is checked in the same statement. What was written."""
    due = waiting_until(alarm, event, ctx.services.default_zone)
    _set_due.run(alarm.id, due, OPEN)
    ctx.wake = True
    return due


def refresh_calendar(ctx: Context, calendar_id: int) -> None:
    """After a change of zone or of closed days: windows are elsewhere now, and so are next occurrences."""
    for event in Event.select().where(Event.calendar == calendar_id, Event.status == EventStatus.PENDING.value):
        refresh_event(ctx, event)
    Event.update(next_child_at=ctx.now).where(
        Event.calendar == calendar_id, Event.rule.is_null(False), Event.parent_event.is_null()
    ).execute()
    ctx.wake = True


def look_again(ctx: Context, rule_id: int) -> None:
    """After a change of rule: the scheduler must look at every event that follows it."""
    Event.update(next_child_at=ctx.now).where(Event.rule == rule_id, Event.parent_event.is_null()).execute()
    ctx.wake = True


def look_at(ctx: Context, event_id: int) -> None:
    """After a change of a master's alarms: one that is due sooner wants the next occurrence made sooner."""
    recurring = (Event.id == event_id) & Event.rule.is_null(False) & Event.parent_event.is_null()
    Event.update(next_child_at=ctx.now).where(recurring).execute()
    ctx.wake = True


def refuse_while_calling(events: Any) -> None:
    """Raises ApiError 409 when an alarm of these events (a subquery of ids) is being called: its record must stay."""
    calling = Alarm.select().where(Alarm.event.in_(events), Alarm.status == AlarmStatus.IN_PROCESS.value)
    if calling.exists():
        raise conflict("a call of one of its alarms is in process: try again when it has ended")
