"""Calendars: what groups events, and whose clock they follow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from fs_app.domain.rules import WEEKDAYS
from fs_app.domain.window import Closed, load_zone
from fs_app.store.models import Calendar, Event, User
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.kinds import READ_ONLY, array, integer, moment, own_url, relation, text
from httpapi.reminders import refresh_calendar, refuse_while_calling
from httpapi.resource import Action, Change, Resource
from httpapi.routes.ics import calendar_actions
from httpapi.schema import Schema

DATES_MAX = 1000


def _zone(name: str) -> str:
    return load_zone(name).key


def _weekdays(value: list[Any]) -> list[str]:
    days = [str(day).strip().upper() for day in value]
    wrong = [day for day in days if day not in WEEKDAYS]
    if wrong:
        raise ValueError(f"{wrong[0][:40]!r} is no day of the week: give some of {', '.join(WEEKDAYS)}")
    Closed(frozenset(map(WEEKDAYS.index, days)))
    return [day for day in WEEKDAYS if day in days]


def _dates(value: list[Any]) -> list[str]:
    if len(value) > DATES_MAX:
        raise ValueError(f"has {len(value)} dates: at most {DATES_MAX}")
    try:
        return sorted({date.fromisoformat(str(day).strip()).isoformat() for day in value})
    except ValueError:
        raise ValueError("holds what is no date: give dates such as 2026-12-25") from None


class CalendarSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    name: Annotated[str, text(200, blank=False)]
    user: Annotated[int, relation("calendar-user")]
    max_concurrent: Annotated[int, integer(0, 100_000)] = 0
    timezone: Annotated[str, text(64, check=_zone)] = ""
    closed_weekdays: Annotated[list[str] | None, array(_weekdays, "an array of MO, TU, WE, TH, FR, SA, SU")] = None
    closed_dates: Annotated[list[str] | None, array(_dates, "an array of dates such as 2026-12-25")] = None
    created_date: Annotated[datetime, moment(), READ_ONLY]


class Calendars(Resource):
    path = "calendar"
    model = Calendar
    schema = CalendarSchema
    example = {"name": "appointments", "timezone": "Europe/Paris", "max_concurrent": 1}  # noqa: RUF012
    summary = "Calendars; max_concurrent 0 is no limit, an empty timezone is the configured one"
    filters = frozenset({"name", "user", "timezone"})
    ordering = ("id", "name", "created_date")

    def visible(self, user: User) -> Any:
        return scope.own_calendars(user)

    def check(self, ctx: Context, change: Change) -> None:
        if change.row is not None and change.changed("user") and _has_events(change.row):
            change.errors.add("user", "has events here already: their creator would no longer be the calendar's user")

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        if change.row is None:
            return
        if any(raw(row, name) != raw(change.row, name) for name in ("timezone", "closed_weekdays", "closed_dates")):
            refresh_calendar(ctx, row.id)
        ctx.wake = True  # max_concurrent may have risen

    def actions(self) -> Iterable[Action]:
        return calendar_actions(self)

    def before_delete(self, ctx: Context, row: Any) -> None:
        refuse_while_calling(Event.select(Event.id).where(Event.calendar == row.id))


def _has_events(row: Any) -> bool:
    return bool(Event.select().where(Event.calendar == row.id).exists())
