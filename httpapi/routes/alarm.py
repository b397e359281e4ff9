"""Alarms: who is to be reminded of an event, how and when."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fs_app.domain.enums import AlarmMethod, AlarmResult, AlarmStatus
from fs_app.domain.phone import normalise_number
from fs_app.store.models import Alarm, Event, User
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.errors import conflict
from httpapi.kinds import READ_ONLY, choice, integer, matching, moment, own_url, relation, shown, text, wall_time
from httpapi.reminders import OPEN, look_at, refresh_alarm, zone_of
from httpapi.resource import Change, Resource
from httpapi.schema import Schema

_EMAIL = matching(r"[^@\s]{1,64}@[^@\s]{1,190}", "an address such as ann@example.org")
YEAR = 366 * 86_400
MONTH = 31 * 86_400


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and " " not in value
    except ValueError:
        good = False
    if not good:
        raise ValueError("not a web address: give one such as https://example.org/confirmed")
    return value


class AlarmSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    event: Annotated[int, relation("event")]
    method: Annotated[int, choice(AlarmMethod)] = AlarmMethod.CALL.value
    alarm_phonenumber: Annotated[str, text(50, check=normalise_number)] = ""
    alarm_email: Annotated[str, text(254, check=_EMAIL)] = ""
    date_start_notice: Annotated[datetime | None, moment()] = None
    daily_start: Annotated[time, wall_time()] = time(0, 0, 0)
    daily_stop: Annotated[time, wall_time()] = time(23, 59, 59)
    advance_notice: Annotated[int, integer(0, YEAR)] = 0
    maxretry: Annotated[int, integer(0, 100)] = 0
    retry_delay: Annotated[int, integer(0, MONTH)] = 0
    survey: Annotated[int | None, relation("sealed-survey")] = None
    mail_template: Annotated[int | None, relation("mail-template")] = None
    sms_template: Annotated[int | None, relation("sms-template")] = None
    phonenumber_sms_failure: Annotated[str, text(50, check=normalise_number)] = ""
    url_confirm: Annotated[str, text(500, check=_web_address)] = ""
    url_cancel: Annotated[str, text(500, check=_web_address)] = ""
    phonenumber_transfer: Annotated[str, text(50, check=normalise_number)] = ""
    num_attempt: Annotated[int, shown({"type": "integer"}), READ_ONLY]
    status: Annotated[int, choice(AlarmStatus), READ_ONLY]
    result: Annotated[int, choice(AlarmResult), READ_ONLY]
    reason: Annotated[str, shown({"type": "string"}), READ_ONLY]
    due_at: Annotated[datetime | None, moment(), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]


class Alarms(Resource):
    path = "alarm"
    model = Alarm
    schema = AlarmSchema
    summary = "Reminders of an event; notices and delays in seconds, due_at is when the next attempt may be made"
    filters = frozenset(
        {"event", "method", "status", "result", "alarm_phonenumber", "due_at", "num_attempt", "created_date"}
    )
    ordering = ("id", "due_at", "created_date", "status")

    def visible(self, user: User) -> Any:
        return scope.within(Alarm.event, scope.events(user))

    def zone(self, ctx: Context, change: Change) -> ZoneInfo:
        event = Event.get_by_id(change.get("event"))
        return zone_of(ctx, raw(event, "calendar"))

    def check(self, ctx: Context, change: Change) -> None:
        check_method(change)
        if change.row is not None and change.changed("event") and change.get("num_attempt"):
            change.errors.add("event", "has been called about already: make a new alarm for the other event")

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        timing = ("event", "date_start_notice", "daily_start", "daily_stop", "advance_notice")
        if change.row is None or any(raw(row, name) != raw(change.row, name) for name in timing):
            # The event is locked, so that nobody pauses it between this look and the commit.
            event = ctx.for_update(Event.select().where(Event.id == raw(row, "event"))).get()
            refresh_alarm(ctx, row, event, zone_of(ctx, raw(event, "calendar")))
            look_at(ctx, event.id)
            row.due_at = Alarm.get_by_id(row.id).due_at
        elif raw(row, "status") in OPEN:
            ctx.wake = True

    def before_delete(self, ctx: Context, row: Any) -> None:
        if row.status == AlarmStatus.IN_PROCESS.value:
            raise conflict("it is being called: try again when the call has ended")


def check_method(change: Change) -> None:
    """Only calls are delivered so far, and a reminder that nobody would see is refused rather than stored."""
    if change.get("method") != AlarmMethod.CALL.value:
        change.errors.add(
            "method", "only 1 (call) is delivered by this release; SMS and mail reminders would reach nobody"
        )
    elif not change.get("alarm_phonenumber").strip():
        change.errors.add("alarm_phonenumber", "is required when the method is 1 (call): give the number to call")
