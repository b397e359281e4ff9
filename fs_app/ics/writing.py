"""Events as an iCalendar file, for calendar programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, vRecur

PRODUCT = "-//fs-app//fs-app//EN"


@dataclass(frozen=True, slots=True)
class Told:
    """An event to be written. Times are aware; ``zone`` is the calendar's, in which a rule is followed. ``notices``
    are how long before the start its reminders are."""

    uid: str
    title: str
    description: str
    start: datetime
    end: datetime
    made: datetime
    cancelled: bool = False
    rrule: str = ""
    exdates: tuple[datetime, ...] = ()
    original: datetime | None = None
    notices: tuple[timedelta, ...] = ()


def write(name: str, zone: ZoneInfo, events: Iterable[Told]) -> bytes:
    """The file, with the VTIMEZONE of its zone."""
    calendar = Calendar()
    calendar.add("PRODID", PRODUCT)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("X-WR-CALNAME", name)
    calendar.add("X-WR-TIMEZONE", zone.key)
    for one in events:
        calendar.add_component(_event(one, zone))
    if zone.key != "UTC":
        calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _event(one: Told, zone: ZoneInfo) -> Event:
    event = Event()
    event.add("UID", one.uid)
    event.add("DTSTAMP", one.made)
    event.add("DTSTART", one.start.astimezone(zone))
    event.add("DTEND", one.end.astimezone(zone))
    event.add("SUMMARY", one.title)
    if one.description:
        event.add("DESCRIPTION", one.description)
    event.add("STATUS", "CANCELLED" if one.cancelled else "CONFIRMED")
    if one.rrule:
        event.add("RRULE", vRecur.from_ical(one.rrule))
    if one.exdates:
        event.add("EXDATE", [moment.astimezone(zone) for moment in one.exdates])
    if one.original is not None:
        event.add("RECURRENCE-ID", one.original.astimezone(zone))
    for notice in one.notices:
        alarm = Alarm()
        alarm.add("ACTION", "DISPLAY")
        alarm.add("DESCRIPTION", one.title)
        alarm.add("TRIGGER", -notice)
        event.add_component(alarm)
    return event
