"""One event or all of its series: move by days, change one occurrence, repeat in plain words with a preview."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fs_app.domain.recurrence import recurrence
from fs_app.domain.rules import parse_exdates
from fs_app.domain.window import Closed, first_due
from fs_app.errors import InvalidInput
from httpapi.console import plain
from httpapi.console.fields import WEEKDAYS
from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.plugins import row_id
from httpapi.web import Response

_PREVIEW = 10


def show(view: View, arguments: Mapping[str, str]) -> Response:
    """One occurrence of a series, and what can be done with it."""
    return _page(view, row_id(arguments), view.query.get("at", ""), 200, [])


def change(view: View, arguments: Mapping[str, str]) -> Response:
    """Keep (to change this one only), move, leave out, or take back."""
    master, at, what = row_id(arguments), view.field("at"), view.field("do")
    body: dict[str, Any] = {"action": what, "original_start": at}
    if what == "move":
        body["start"] = view.field("start")
    try:
        one = view.rest.act("event", master, "occurrences", body)
    except ApiError as exc:
        if exc.status not in (400, 409):
            raise
        told = [str(w) for words in exc.body.values() for w in (words if isinstance(words, list) else [words])]
        return _page(view, master, at, exc.status, told)
    child = id_of(one["event"])
    if what == "keep" and child is not None:
        return view.go(f"/module/event/{child}/", "saved")
    when = view.local(one["start"], _zone(view, master)).date().isoformat()
    return view.go(f"/module/calendar/month/?date={when}", "moved" if what == "move" else "told")


def _zone(view: View, event: int) -> ZoneInfo:
    return view.zone_of_calendar(view.rest.get("event", event)["calendar"])


def _page(view: View, master: int, at: str, status: int, told: list[str]) -> Response:
    event = view.rest.get("event", master)
    zone = view.zone_of_calendar(event["calendar"])
    try:
        found = view.rest.act("event", master, "occurrences", query=urlencode({"from": at, "to": at}))
    except ApiError as exc:
        if exc.status != 400:
            raise
        found = []
    if not found:
        raise ApiError(404, {"detail": "The series has no occurrence at that time."})
    one = found[0]
    return view.page(
        "occurrence.html", status, event=event, master=master, one=one, zone=zone, told=told,
        start=view.local(one["start"], zone).strftime("%Y-%m-%dT%H:%M"), child=id_of(one["event"]),
    )  # fmt: skip


def ask_move(view: View, _arguments: Mapping[str, str]) -> Response:
    """Where a drag ends: what exactly is to be moved, and by how much."""
    event, at, to = _asked(view, view.query)
    row = view.rest.get("event", event)
    zone = view.zone_of_calendar(row["calendar"])
    start = view.local(at or row["start"], zone)
    return view.page(
        "move.html", event=event, at=at, to=to, title=row["title"], start=start, zone=zone,
        all=row["rule"] is not None and not at, days=(to - start.date()).days,
    )  # fmt: skip


def move(view: View, _arguments: Mapping[str, str]) -> Response:
    """To another day, at the same time of day by the calendar's clock."""
    event, at, to = _asked(view, {name: view.field(name) for name in ("event", "at", "to")})
    row = view.rest.get("event", event)
    zone = view.zone_of_calendar(row["calendar"])
    start = view.local(at or row["start"], zone)
    wall = datetime.combine(to, start.time()).isoformat()
    if at:
        view.rest.act("event", event, "occurrences", {"action": "move", "original_start": at, "start": wall})
    else:
        length = (view.local(row["end"], zone).replace(tzinfo=None) - start.replace(tzinfo=None)).total_seconds()
        end = (datetime.combine(to, start.time()) + timedelta(seconds=length)).isoformat()
        view.rest.change("event", event, {"start": wall, "end": end})
    return view.go(f"/module/calendar/month/?date={to.isoformat()}", "moved")


def _asked(view: View, given: Mapping[str, str]) -> tuple[int, str, date]:
    try:
        event, to = row_id({"id": given.get("event", "")}), date.fromisoformat(given.get("to", ""))
    except ValueError:
        raise ApiError(400, {"detail": "That is no day: give one such as 2026-12-24."}) from None
    return event, given.get("at", ""), to


# ---- repeating


def ask_repeat(view: View, arguments: Mapping[str, str]) -> Response:
    """What plain words would mean for this event: the next ten dates and calls."""
    event = row_id(arguments)
    return _repeat_page(view, event, view.query.get("words", ""), 200, [])


def repeat(view: View, arguments: Mapping[str, str]) -> Response:
    """Give the event the rule that these words mean."""
    event, words = row_id(arguments), view.field("words").strip()
    row = view.rest.get("event", event)
    try:
        if view.field("never"):
            view.rest.change("event", event, {"rule": None})
            return view.go(f"/module/event/{event}/", "saved")
        found = plain.parse(words, view.local(row["start"], view.zone_of_calendar(row["calendar"])).date())
        view.rest.change("event", event, {"rule": _rule(view, words, found)})
    except InvalidInput as exc:
        return _repeat_page(view, event, words, 400, [exc.message])
    except ApiError as exc:
        if exc.status != 400:
            raise
        told = [str(w) for value in exc.body.values() for w in (value if isinstance(value, list) else [value])]
        return _repeat_page(view, event, words, 400, told)
    return view.go(f"/module/event/{event}/", "saved")


def _rule(view: View, words: str, found: plain.Plain) -> str:
    """The address of a rule that says so: one there is already, else a new one."""
    for one in view.rest.list("rule", {"frequency": found.frequency, "page_size": 1000})["results"]:
        if one["params"] == found.params:
            return str(one["url"])
    made = view.rest.create("rule", {"name": words[:100], "frequency": found.frequency, "params": found.params})
    return str(made["url"])


def _repeat_page(view: View, event: int, words: str, status: int, told: list[str]) -> Response:
    row = view.rest.get("event", event)
    zone = view.zone_of_calendar(row["calendar"])
    now = view.rest.get("rule", id_of(row["rule"]) or 0) if row["rule"] else None
    dates: list[dict[str, Any]] = []
    if words and not told:
        try:
            found = plain.parse(words, view.local(row["start"], zone).date())
            dates = preview(view, event, row, found.frequency, found.params, zone)
        except InvalidInput as exc:
            status, told = 400, [exc.message]
    elif now:
        dates = preview(view, event, row, now["frequency"], now["params"], zone)
    return view.page(
        "repeat.html", status, event=event, row=row, words=words, told=told, dates=dates, zone=zone,
        examples=plain.EXAMPLES, now=now, series=row["parent_event"],
    )  # fmt: skip


def preview(
    view: View, event: int, row: Mapping[str, Any], frequency: str, params: str, zone: ZoneInfo
) -> list[dict[str, Any]]:
    """The next ten dates from now on: when each starts, and when each alarm would first be tried."""
    start = view.local(row["start"], zone)
    series = recurrence(frequency, params, start, zone)
    alarms = view.rest.list("alarm", {"event": event, "page_size": 5})["results"]
    closed = _closed(view.rest.get("calendar", id_of(row["calendar"]) or 0))
    until = view.local(row["end_recurring_period"], zone) if row["end_recurring_period"] else None
    excluded = parse_exdates(row["exdates"] or ())
    dates: list[dict[str, Any]] = []
    after = max(start - timedelta(microseconds=1), view.now)
    while len(dates) < _PREVIEW:
        one = series.next(after, until, 1, excluded)  # that it is told some number saves counting from the start
        if one is None:
            break
        calls = []
        for alarm in alarms:
            offset = view.local(alarm["date_start_notice"], zone) - start if alarm["date_start_notice"] else timedelta()
            opens, closes = time.fromisoformat(alarm["daily_start"]), time.fromisoformat(alarm["daily_stop"])
            due = first_due(one.start + offset, alarm["advance_notice"], opens, closes, zone, closed)
            calls.append((due, alarm["alarm_phonenumber"] or alarm["alarm_email"]))
        dates.append({"start": one.start, "calls": calls})
        after = one.start
    return dates


def _closed(calendar: Mapping[str, Any]) -> Closed:
    codes = [code for code, _ in WEEKDAYS]
    return Closed(
        frozenset(codes.index(day) for day in calendar["closed_weekdays"] or ()),
        frozenset(date.fromisoformat(day) for day in calendar["closed_dates"] or ()),
    )
