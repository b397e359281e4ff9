"""An iCalendar file as values: what Google, Outlook, Apple and Thunderbird write, reduced to what reminders need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from icalendar import Calendar, Event

from fs_app.domain.phone import normalise_number
from fs_app.errors import InvalidInput

ENTRIES_MAX = 10_000
ALARMS_MAX = 10
_TEL = re.compile(r"(?i)\btel\b\.?:?\s*(?P<number>\+?[0-9(][0-9 ().\-]{3,24}[0-9])")
_PHONE = re.compile(r"(?i)\b(?:phone|mobile|telephone)\b\s*:\s*(?P<number>\+?[0-9(][0-9 ().\-]{3,24}[0-9])")
_ANY = re.compile(r"(?P<number>\+?[0-9(][0-9 ().\-]{5,24}[0-9])")
_BREAKS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a VALARM goes off: ``before`` the start (negative: after it), or ``at`` a moment."""

    before: timedelta | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One VEVENT. Times are aware, or naive where the file says no zone. ``original`` is the occurrence of the series
    ``uid`` that this one replaces; ``phone`` is a number found in it, as :func:`normalise_number` gives it."""

    uid: str
    title: str
    description: str
    start: datetime
    end: datetime
    original: datetime | None = None
    cancelled: bool = False
    rrule: str = ""
    exdates: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    phone: str = ""
    zone: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """``faults`` are (UID or position, words) of VEVENTs that could not be read."""

    entries: tuple[Entry, ...]
    faults: tuple[tuple[str, str], ...] = field(default=())


def read(content: bytes) -> Reading:
    """The events of a file. Raises InvalidInput naming ``body`` when it is no iCalendar file, or too large a one."""
    if b"BEGIN:VCALENDAR" not in content[:4096].upper():
        raise InvalidInput("body", "is no iCalendar file: it begins with BEGIN:VCALENDAR")
    try:
        calendars: list[Any] = list(Calendar.from_ical(content, multiple=True))
        events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise InvalidInput("body", f"is not readable as iCalendar: {str(exc)[:200]}") from None
    if len(events) > ENTRIES_MAX:
        raise InvalidInput("body", f"has {len(events)} events: at most {ENTRIES_MAX}")
    entries, faults = [], []
    for number, event in enumerate(events, 1):
        try:
            entries.append(_entry(event))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as exc:
            faults.append((str(event.get("UID", f"event {number}"))[:200], f"cannot be read: {str(exc)[:200]}"))
    return Reading(tuple(entries), tuple(faults))


def _entry(event: Event) -> Entry:
    uid = str(event.get("UID", "")).strip()[:200]
    first = event.decoded("DTSTART")
    start = _moment(first)
    if "DTEND" in event:
        end = _moment(event.decoded("DTEND"))
    elif "DURATION" in event:
        end = start + event.decoded("DURATION")
    else:
        end = start + (timedelta() if isinstance(first, datetime) else timedelta(days=1))
    rules = event.get("RRULE")
    rule = rules[0] if isinstance(rules, list) else rules
    notes = []
    if isinstance(rules, list) and len(rules) > 1:
        notes.append("has several RRULEs: only the first is followed")
    if "RDATE" in event:
        notes.append("has RDATEs: these extra dates are not followed")
    words = _words(str(event.get("DESCRIPTION", "")))
    if start.tzinfo is not None and end.tzinfo is None:
        end = end.replace(tzinfo=start.tzinfo)
    entry = Entry(
        uid=uid or f"{start.isoformat()} {event.get('SUMMARY', '')}"[:200],
        title=_words(str(event.get("SUMMARY", ""))).replace("\n", " ")[:250],
        description=words[:2000],
        start=start,
        end=max(start, end),
        original=_moment(event.decoded("RECURRENCE-ID")) if "RECURRENCE-ID" in event else None,
        cancelled=str(event.get("STATUS", "")).upper() == "CANCELLED",
        rrule="" if rule is None else rule.to_ical().decode(),
        exdates=_exdates(event),
        phone=_phone(event, words),
        zone=_zone(first),
        notes=tuple(notes),
    )
    return replace(entry, triggers=_triggers(event, entry))


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo is not None else value.replace(microsecond=0)
    if isinstance(value, date):
        return datetime.combine(value, time())  # a day is wherever the calendar is
    raise ValueError("a time is missing")


def _zone(value: Any) -> str:
    zone = getattr(value, "tzinfo", None)
    return str(getattr(zone, "key", None) or "")


def _exdates(event: Event) -> tuple[str, ...]:
    given = event.get("EXDATE", [])
    found = []
    for one in given if isinstance(given, list) else [given]:
        for each in one.dts:
            value = each.dt
            found.append(_moment(value).isoformat() if isinstance(value, datetime) else value.isoformat())
    return tuple(dict.fromkeys(found))


def _triggers(event: Event, entry: Entry) -> tuple[Trigger, ...]:
    """ACTION:NONE is how Apple writes that there is no alarm."""
    found: dict[Trigger, None] = {}
    for alarm in event.walk("VALARM"):
        trigger = alarm.get("TRIGGER")
        if trigger is None or str(alarm.get("ACTION", "")).upper() == "NONE":
            continue
        when = trigger.dt
        if isinstance(when, timedelta):
            related_to_end = str(trigger.params.get("RELATED", "START")).upper() == "END"
            after = when + (entry.end - entry.start) if related_to_end else when
            found[Trigger(before=-after)] = None
        elif isinstance(when, datetime):
            found[Trigger(at=_moment(when))] = None
    return tuple(found)[:ALARMS_MAX]


def _phone(event: Event, words: str) -> str:
    """A number to call: an attendee's or a contact's ``tel:``, else one named as such in the place or the words."""
    attendees = event.get("ATTENDEE", [])
    contacts = event.get("CONTACT", [])
    texts = [str(one) for one in (attendees if isinstance(attendees, list) else [attendees])]
    people = [str(one) for one in (contacts if isinstance(contacts, list) else [contacts])]
    tries = [(_TEL, text) for text in (*texts, *people)] + [(_ANY, text) for text in people]
    place = str(event.get("LOCATION", ""))
    tries += [(pattern, text) for text in (words, place) for pattern in (_TEL, _PHONE)]
    for pattern, text in tries:
        found = pattern.search(text[:4000])
        if found:
            try:
                return normalise_number(found["number"])
            except InvalidInput:
                continue
    return ""


def _words(text: str) -> str:
    return _BREAKS.sub("", text).replace("\r\n", "\n")
