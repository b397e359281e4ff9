"""Today: what is due next, calls in progress, what failed and why; call now, put off, cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from fs_app.domain.enums import AlarmStatus
from httpapi.console.choices import OUTCOMES, WORDS
from httpapi.console.render import today_in
from httpapi.console.rest import id_of
from httpapi.console.start import steps
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.kinds import show_moment
from httpapi.plugins import row_id
from httpapi.web import Response

_SHOWN = 15
STATES: Mapping[str, str] = {
    "preparing": "about to be dialled",
    "dialling": "dialling",
    "ringing": "ringing",
    "answered": "answered",
    "ended": "ended",
}
_CALLING, _FAILED, _AGAIN, _REACHED = (
    AlarmStatus.IN_PROCESS.value,
    AlarmStatus.FAILURE.value,
    AlarmStatus.RETRY.value,
    AlarmStatus.SUCCESS.value,
)


def today(view: View, _arguments: Mapping[str, str]) -> Response:
    midnight = today_in(view.zone, view.now)
    ahead = show_moment(view.now + timedelta(days=1))
    due = view.rest.list("alarm", {"due_at__lte": ahead, "ordering": "due_at", "page_size": _SHOWN})
    calling = view.rest.first("alarm-request", {"status": _CALLING, "ordering": "-date"}, _SHOWN)
    since = {"date__gte": show_moment(midnight), "ordering": "-date"}
    failed = view.rest.first("alarm-request", {**since, "status": _FAILED}, _SHOWN)
    reached = view.rest.first("alarm-request", {**since, "status": _REACHED}, _SHOWN)
    counts = view.rest.count_by("alarm-request", "status", date=midnight)
    attempts = _attempts(view, [*calling, *failed, *reached])
    guide = steps(view) if view.manages else []
    return view.page(
        "today.html",
        due=_alarms(view, due["results"]),
        due_count=due["count"],
        calling=[_progress(one) for one in attempts if one["ended_as"] == _CALLING],
        states=STATES,
        outcomes=OUTCOMES,
        results=WORDS[("alarm", "result")],
        failed=[one for one in attempts if one["ended_as"] == _FAILED],
        failed_count=counts.get(_FAILED, 0),
        reached=[one for one in attempts if one["ended_as"] == _REACHED],
        reached_count=counts.get(_REACHED, 0),
        again_count=counts.get(_AGAIN, 0),
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


def _alarms(view: View, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    view.learn("alarm", rows, ("event",))
    return [
        {
            **row,
            "id": id_of(row["url"]),
            "event_title": view.title("event", row["event"]),
            "event_id": id_of(row["event"]),
            "zone": view.zone_of("alarm", row),
            "whom": row["alarm_phonenumber"] or row["alarm_email"],
        }
        for row in rows
    ]


def _progress(one: dict[str, Any]) -> dict[str, Any]:
    """How far a call is: what a page can say of it at this moment; what follows is told live."""
    call = one["call"]
    state = "preparing"
    if call:
        state = "answered" if call["answered_at"] else "dialling" if call["dialled_at"] else "preparing"
    heard = call["sections"][-1]["question"] if call and call["sections"] else ""
    pressed = [answer["digits"] for answer in call["answers"] if answer["digits"]] if call else []
    parts = (f"at “{heard}”" if heard else "", f"pressed {', '.join(pressed)}" if pressed else "")
    return {**one, "state": state, "detail": ", ".join(part for part in parts if part)}


def _attempts(view: View, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Attempts with what they were about, read at once."""
    about = view.rest.many("alarm", (id_of(row["alarm"]) or 0 for row in rows))
    calls = view.rest.many("callrequest", (id_of(row["callrequest"]) or 0 for row in rows))
    seen = [row for row in rows if id_of(row["alarm"]) in about]
    alarms = _alarms(view, [about[id_of(row["alarm"]) or 0] for row in seen])
    found = []
    for row, alarm in zip(seen, alarms, strict=True):
        call = calls.get(id_of(row["callrequest"]) or 0, {})
        why = row.get("reason") or alarm["reason"] or call.get("reason", "")
        found.append(
            {
                **alarm,
                "ended_as": row["status"],
                "attempt": id_of(row["url"]),
                "date": row["date"],
                "call": call,
                "why": why,
            }
        )
    return found
