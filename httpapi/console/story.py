"""The log: one attempt or one call with its whole story, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from httpapi.console.choices import word
from httpapi.console.displays import label
from httpapi.console.displays_all import BY_PATH
from httpapi.console.lists import cell
from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.plugins import row_id
from httpapi.web import Response


@dataclass(frozen=True)
class Moment:
    when: Any
    words: str
    detail: str = ""


def attempt(view: View, arguments: Mapping[str, str]) -> Response:
    row = view.rest.get("alarm-request", row_id(arguments))
    call = id_of(row["callrequest"])
    told = view.rest.get("callrequest", call) if call is not None else None
    alarm = view.rest.get("alarm", id_of(row["alarm"]) or 0)
    event = id_of(alarm["event"])
    return _page(view, "Attempt", row, "alarm-request", told, alarm, event)


def call(view: View, arguments: Mapping[str, str]) -> Response:
    told = view.rest.get("callrequest", row_id(arguments))
    request = id_of(told["alarm_request"])
    alarm: Mapping[str, Any] | None = None
    if request is not None:
        alarm = view.rest.get("alarm", id_of(view.rest.get("alarm-request", request)["alarm"]) or 0)
    return _page(view, "Call", told, "callrequest", told, alarm, id_of(alarm["event"]) if alarm else None)


def _page(
    view: View,
    what: str,
    row: Mapping[str, Any],
    path: str,
    told: Mapping[str, Any] | None,
    alarm: Mapping[str, Any] | None,
    event: int | None,
) -> Response:
    zone = view.zone_of("alarm", alarm) if alarm else view.zone
    display = BY_PATH["callrequest"]
    hidden = ("url", "answers")
    facts = []
    if told is not None:
        names = tuple(name for name in view.rest.registry["callrequest"].reader.specs if name not in hidden)
        view.learn("callrequest", [dict(told)], names)
        facts = [
            {"label": label(display, n), **cell(view, "callrequest", told, n)} for n in names if told.get(n) is not None
        ]
    return view.page(
        "story.html",
        what=what,
        number=id_of(row["url"]),
        display=BY_PATH[path],
        zone=zone,
        alarm=alarm,
        alarm_id=id_of(alarm["url"]) if alarm else None,
        event_id=event,
        event_title=view.title("event", event) if event else "",
        moments=_moments(row, told, path),
        answers=told["answers"] if told else [],
        facts=facts,
        told=told,
        messages=_messages(view, alarm),
    )


def _moments(row: Mapping[str, Any], told: Mapping[str, Any] | None, path: str) -> list[Moment]:
    found = []
    if told is not None:
        found.append(Moment(told["created_date"], "Claimed", f"attempt {told['num_attempt']}"))
        found.append(Moment(told.get("dialled_at"), "Dialled", str(told["phone_number"])))
        who = str(told.get("amd_status") or "")
        found.append(Moment(told.get("answered_at"), "Answered", f"by a {who}" if who else ""))
        for one in told["answers"]:
            result = "" if one["result"] is None else f"; {word('alarm', 'result', one['result'])}"
            valid = "" if one["valid"] else ", not valid"
            pressed = one["digits"] or "no key"
            found.append(
                Moment(one["date"], f"Pressed {pressed}", f"{one['question']} {one['response']}{valid}{result}".strip())
            )
        found.append(Moment(told.get("ended_at"), "Ended", f"{told['hangup_cause']} {told['reason']}".strip()))
    else:
        found.append(Moment(row.get("date"), "Sent", str(row.get("reason") or "")))
    return sorted((m for m in found if m.when), key=lambda m: str(m.when))


def _messages(view: View, alarm: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """SMS, mails and webhooks that came of it."""
    if alarm is None:
        return []
    found = view.rest.list("message", {"alarm": id_of(alarm["url"]), "page_size": 50})["results"]
    return [{**one, "id": id_of(one["url"])} for one in found]
