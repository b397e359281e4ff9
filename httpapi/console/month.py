"""The calendar: month, week and day, with the occurrences of recurring events before they are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fs_app.domain.window import to_utc
from fs_app.store.models import Alarm, Event
from httpapi.console.choices import word
from httpapi.console.names import picker
from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.context import raw
from httpapi.errors import ApiError
from httpapi.kinds import show_moment
from httpapi.web import Response

SPANS = {"month": 42, "week": 7, "day": 1}
_EVENTS_MAX, _SERIES_MAX = 1000, 200
_SHOWN_MAX = {"month": 8, "week": 40, "day": 300}  # entries on one day
_STATUS = {1: "", 2: "over", 3: "paused"}


@dataclass(frozen=True)
class Entry:
    """One thing on one day. ``move`` is what a drag says it moves; "" when it cannot be dragged."""

    when: datetime
    title: str
    href: str
    style: str
    move: str
    event: int = 0  # 0: it has no event of its own yet
    alarms: str = ""


def show(view: View, arguments: Mapping[str, str]) -> Response:
    span = arguments["span"]
    if span not in SPANS:
        raise ApiError(404, {"detail": "There is a month, a week and a day."})
    calendar = id_of(view.query.get("calendar", "") or None)
    zone = view.zone_of_calendar(calendar) if calendar else view.zone
    today = view.now.astimezone(zone).date()
    day = _day(view.query.get("date", ""), today)
    first = _first(span, day)
    days = [first + timedelta(days=n) for n in range(SPANS[span])]
    if span == "month" and days[35].month != day.month:
        days = days[:35]
    entries = _entries(view, calendar, days, zone, _SHOWN_MAX[span])
    found = picker(view.rest, "calendar", keep=calendar)
    weeks = [days[at : at + 7] for at in range(0, len(days), 7)]

    def link(kind: str, when: date) -> str:
        asked = {"date": when.isoformat(), **({"calendar": str(calendar)} if calendar else {})}
        return f"/module/calendar/{kind}/?" + urlencode(asked)

    return view.page(
        "month.html",
        span=span,
        day=day,
        today=today,
        weeks=weeks,
        entries=entries,
        calendars=found.choices,
        calendar=calendar,
        zone=zone,
        link=link,
        spans=tuple(SPANS),
        before=link(span, _step(span, day, -1)),
        after=link(span, _step(span, day, 1)),
        most=_SHOWN_MAX[span],
        add="/module/event/add/?" + (urlencode({"calendar": str(calendar)}) + "&" if calendar else "") + "start=",
    )


def _day(given: str, today: date) -> date:
    try:
        found = date.fromisoformat(given)
    except ValueError:
        return today
    return found if 1970 < found.year < 2199 else today


def _first(span: str, day: date) -> date:
    if span == "day":
        return day
    start = day.replace(day=1) if span == "month" else day
    return start - timedelta(days=start.weekday())


def _step(span: str, day: date, by: int) -> date:
    if span == "month":
        return (day.replace(day=15) + timedelta(days=30 * by)).replace(day=1)
    return day + timedelta(days=by * SPANS[span])


def _entries(view: View, calendar: int | None, days: list[date], zone: ZoneInfo, most: int) -> dict[date, list[Entry]]:
    low = to_utc(datetime.combine(days[0], time()), zone)
    high = to_utc(datetime.combine(days[-1] + timedelta(days=1), time()), zone)
    only = {"calendar": calendar} if calendar else {}
    asked = {"start__gte": show_moment(low), "start__lt": show_moment(high), "ordering": "start", **only}
    rows = view.rest.first("event", asked, _EVENTS_MAX)
    view.learn("event", rows, ("calendar",))
    found: dict[date, list[Entry]] = {day: [] for day in days}
    for entry in (*_events(view, rows, zone), *_planned(view, calendar, rows, low, high, zone)):
        found.setdefault(entry.when.date(), []).append(entry)
    for entries in found.values():
        entries.sort(key=lambda one: one.when)
    shown = [one.event for entries in found.values() for one in entries[:most] if one.event]
    alarms = _alarms(view, shown, zone)
    return {day: [replace(one, alarms=alarms.get(one.event, "")) for one in entries] for day, entries in found.items()}


def _alarms(view: View, events: list[int], zone: ZoneInfo) -> dict[int, str]:
    """Of each event what stands beside it: how its reminders went, or when they are due."""
    resource = view.rest.registry["alarm"]
    told: dict[int, list[str]] = {}
    with view.services.store.reading():
        query = resource.query(view.rest.context()).where(Alarm.event.in_(events)) if events else []
        for alarm in query:
            event = int(raw(alarm, "event"))
            words = word("alarm", "result", alarm.result) if alarm.result else word("alarm", "status", alarm.status)
            if alarm.due_at is not None:
                words = f"{word('alarm', 'method', alarm.method)} {view.local(alarm.due_at, zone):%d %b %H:%M}"
            told.setdefault(event, []).append(words)
    return {event: ", ".join(words) for event, words in told.items()}


def _events(view: View, rows: Sequence[dict[str, Any]], zone: ZoneInfo) -> Iterator[Entry]:
    for row in rows:
        number = id_of(row["url"])
        where = view.zone_of_calendar(row["calendar"])
        when = view.local(row["start"], zone)
        master = row["rule"] is not None and row["parent_event"] is None
        style = " ".join(s for s in (_STATUS.get(row["status"], ""), "series" if master else "") if s)
        title = row["title"] or "untitled"
        if where.key != zone.key:
            title += f" ({view.local(row['start'], where):%H:%M} {where.key})"
        move = "" if row["status"] == 2 else f"event={number}"
        yield Entry(when, title, f"/module/event/{number}/", style, move, number or 0)


def _planned(
    view: View, calendar: int | None, rows: Sequence[dict[str, Any]], low: datetime, high: datetime, zone: ZoneInfo
) -> Iterator[Entry]:
    """Occurrences that have no event of their own yet."""
    made = {id_of(row["url"]) for row in rows}
    for master, title in series(view, calendar, high):
        query = urlencode({"from": show_moment(low), "to": show_moment(high)})
        for one in view.rest.act("event", master, "occurrences", query=query):
            child = id_of(one["event"])
            when = view.local(one["start"], zone)
            if child in made or not low <= when.astimezone(UTC) < high:
                continue
            at = urlencode({"at": one["original_start"]})
            href = f"/module/event/{master}/occurrence/?{at}"
            style = "planned" + (" cancelled" if one["cancelled"] else "")
            move = "" if one["cancelled"] else urlencode({"event": master, "at": one["original_start"]})
            yield Entry(when, title or "untitled", href, style, move)


def series(view: View, calendar: int | None, before: datetime) -> list[tuple[int, str]]:
    """(id, title) of the recurring events that may have occurrences before that moment."""
    resource = view.rest.registry["event"]
    with view.services.store.reading():
        query = resource.query(view.rest.context()).where(
            Event.rule.is_null(False), Event.parent_event.is_null(), Event.start < before
        )
        if calendar:
            query = query.where(Event.calendar == calendar)
        return [(row.id, str(raw(row, "title"))) for row in query.order_by(Event.id.desc()).limit(_SERIES_MAX)]
