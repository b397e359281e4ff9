"""Today: what is due next, calls in progress, what failed and why; call now, put off, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from httpapi.console.render import today_in
from httpapi.console.rest import id_of
from httpapi.console.start import steps
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.kinds import show_moment
from httpapi.plugins import row_id
from httpapi.web import Response

_SHOWN = 15


def today(view: View, _arguments: Mapping[str, str]) -> Response:
    midnight = today_in(view.zone, view.now)
    ahead = show_moment(view.now + timedelta(days=1))
    due = view.rest.list("alarm", {"due_at__lte": ahead, "ordering": "due_at", "page_size": _SHOWN})
    calling = view.rest.list("alarm", {"status": 2, "ordering": "-id", "page_size": _SHOWN})
    since = {"date__gte": show_moment(midnight), "ordering": "-date"}
    failed = view.rest.list("alarm-request", {**since, "status": 3, "page_size": _SHOWN})
    reached = view.rest.list("alarm-request", {**since, "status": 5, "page_size": _SHOWN})
    again = view.rest.list("alarm-request", {**since, "status": 4, "page_size": 1})
    guide = steps(view) if view.manages else []
    return view.page(
        "today.html",
        due=[_alarm(view, row) for row in due["results"]],
        due_count=due["count"],
        calling=[_alarm(view, row) for row in calling["results"]],
        failed=[_attempt(view, row) for row in failed["results"]],
        failed_count=failed["count"],
        reached=[_attempt(view, row) for row in reached["results"]],
        reached_count=reached["count"],
        again_count=again["count"],
        unwell={name: state for name, state in view.services.health().items() if state != "ok"},
        next_step=next((step for step in guide if not step.done), None),
    )


def act(view: View, arguments: Mapping[str, str]) -> Response:
    """One of the three buttons beside an alarm."""
    row = row_id(arguments)
    name = arguments["action"]
    onward = f"/module/alarm/{row}/" if view.field("from") == "alarm" else "/today/"
    if name == "call_now":
        view.rest.act("alarm", row, "call_now", {})
        return view.go(onward, "called")
    if name == "snooze":
        view.rest.act("alarm", row, "snooze", {"minutes": view.field("minutes")})
        return view.go(onward, "later")
    if name == "cancel":
        view.rest.act("alarm", row, "cancel", {})
        return view.go(onward, "cancelled")
    raise ApiError(404, {"detail": "There is no such button."})


def _alarm(view: View, row: Mapping[str, Any]) -> dict[str, Any]:
    alarm = id_of(row["url"])
    return {
        **row,
        "id": alarm,
        "event_title": view.title("event", row["event"]),
        "event_id": id_of(row["event"]),
        "zone": view.zone_of("alarm", row),
        "whom": row["alarm_phonenumber"] or row["alarm_email"],
    }


def _attempt(view: View, row: Mapping[str, Any]) -> dict[str, Any]:
    alarm = id_of(row["alarm"]) or 0
    about = view.rest.get("alarm", alarm)
    call = id_of(row["callrequest"])
    told = view.rest.get("callrequest", call) if call is not None else {}
    reason = row.get("reason") or about["reason"] or told.get("reason", "")
    return {**_alarm(view, about), "attempt": id_of(row["url"]), "date": row["date"], "call": told, "why": reason}
