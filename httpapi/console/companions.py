"""What a few resources need beyond their own form: a second resource, a value that follows from another, what stands
beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from fs_app.domain.enums import AlarmStatus
from fs_app.domain.tags import fill
from fs_app.switch.gateway_state import GatewayState
from httpapi.console import samples
from httpapi.console.displays_all import BY_PATH
from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.errors import ApiError, Errors

# A calendar user and its profile are one thing to whoever fills in the form.
SECOND: Mapping[str, str] = {"calendar-user": "calendar-user-profile"}


_DEMO = "sofia/gateway/demo/"
_NOT_BESIDE = frozenset({"parent_event", "callrequest", "num_attempt", "rule"})  # there is little room


def complete(view: View, path: str, body: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """An event's creator is its calendar's user: nobody has to say so twice."""
    calendar = id_of(body.get("calendar"))
    if path == "event" and calendar is not None and calendar != id_of(before.get("calendar")):
        with suppress(ApiError):  # REST says what is wrong with the calendar itself
            body["creator"] = view.rest.get("calendar", calendar)["user"]
    return body


def check(view: View, path: str, body: Mapping[str, Any]) -> None:
    """Read the second body before the first is written. Raises ApiError 400."""
    errors = Errors()
    view.rest.registry[path].reader.read(body, errors, partial=True)
    errors.raise_any()


def suggestions(view: View, path: str) -> dict[str, Any]:
    """What a new row most likely holds."""
    if path == "event":
        soon = (view.now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return {"start": soon}
    if path == "alarm":
        return {"advance_notice": 86_400, "maxretry": 2, "retry_delay": 600}
    if path == "calendar-user":
        return {"calendar_setting": _only(view, "calendar-setting")}
    if path == "calendar-setting":
        return {"sms_gateway": _only(view, "sms-gateway")}
    if path == "gateway" and not view.rest.some("gateway"):
        # The built-in switch of the demo has it; so may another.
        states = gateway_states(view, [{"gateways": _DEMO}]).get(_DEMO, ())
        return {"gateways": _DEMO} if any(state.tone == "good" for _, state in states) else {}
    return {}


def _only(view: View, path: str) -> str | None:
    """The address of the one row there is; None when there are several, or none."""
    if not view.rest.may_read(path):
        return None
    rows = view.rest.list(path, {"page_size": 2})["results"]
    return str(rows[0]["url"]) if len(rows) == 1 else None


def after(path: str, row: int, url: str) -> str:
    """Where to go when a row was made."""
    return f"{url}{row}/" if path in ("survey-template", "event", "alarm") else url


def beside(view: View, path: str, row: int | None, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lists that belong to a row: an event's alarms and occurrences, an alarm's attempts, a call's answers."""
    if row is None:
        return []
    found = []
    if path == "event":
        found.append(_table(view, "alarm", {"event": row}, "Alarms", f"/module/alarm/add/?event={row}", "Add an alarm"))
        if not values.get("parent_event"):
            words = "Change how it repeats" if values.get("rule") else "Repeat it"
            found.append({"heading": "Repetition", "link": f"/module/event/{row}/repeat/", "words": words})
        else:
            master = id_of(values["parent_event"])
            words = "Change the whole series"
            found.append({"heading": "One of a series", "link": f"/module/event/{master}/", "words": words})
        if values.get("rule"):
            found.append(_table(view, "event", {"parent_event": row, "ordering": "start"}, "Occurrences"))
    elif path == "recording":
        found.append({"heading": "Listen", "audio": f"/admin/recording/{row}/listen/"})
    elif path == "alarm":
        found.append(_story(view, row, values))
        found.append(_table(view, "alarm-request", {"alarm": row}, "Attempts"))
    elif path == "calendar":
        add = f"/module/event/add/?calendar={row}"
        found.append(_table(view, "event", {"calendar": row, "ordering": "-start"}, "Events", add, "Add an event"))
    elif path == "calendar-user":
        add = f"/module/calendar/add/?user={row}"
        found.append(_table(view, "calendar", {"user": row}, "Calendars", add, "Add a calendar"))
    elif path == "gateway":
        found.append(_gateway(view, row, values))
    elif path in ("sms-template", "mail-template"):
        texts = [str(values[n]) for n in ("subject", "message_plaintext", "sms_text") if values.get(n)]
        told = samples.tags(view, *texts)
        parts = [fill(text, told) for text in texts]
        found.append({"heading": "Preview", "text": "\n\n".join(parts)})
    elif path == "dnc-list":
        add = f"/module/dnc_contact/add/?dnc_list={row}"
        found.append(_table(view, "dnc-contact", {"dnc_list": row}, "Numbers", add, "Add a number"))
    return found


def _story(view: View, row: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """Why it was called, or not, and when next; and what can be done about it now."""
    try:
        told = view.rest.act("alarm", row, "explain")
    except ApiError as exc:
        if exc.status != 503:
            raise
        told = {"trace": [], "next": ""}
    waits = values["status"] in (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)
    doable = ["call_now", "snooze", "cancel"] if waits else []
    doable = ["call_now"] if values["status"] == AlarmStatus.FAILURE.value else doable
    zone = view.zone_of("alarm", values)
    return {"heading": "Why, and when", "trace": told["trace"], "next": told["next"], "zone": zone, "do": doable}


def _gateway(view: View, row: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """How it is, as the switch says, and a test call."""
    states = gateway_states(view, [values]).get(str(values["gateways"]), ())
    return {"heading": "How it is", "states": states, "call": f"/admin/gateway/{row}/call/"}


def gateway_states(view: View, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[tuple[str, GatewayState]]]:
    """By dial string: (switch, how the gateway is there); empty where this process has no switch to ask."""
    ask = view.services.gateway_states
    return ask([str(row["gateways"]) for row in rows]) if ask is not None else {}


def live_columns(view: View, path: str, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """What a list shows beyond what is stored: (head, a cell for each row)."""
    if path == "sealed-survey":
        links = [f"/module/sealed_survey/{id_of(row['url'])}/results/" for row in rows]
        return [("Results", [{"kind": "link", "text": "Results", "href": link} for link in links])]
    if path != "gateway":
        return []
    states = gateway_states(view, rows)
    cells = [{"kind": "states", "text": "", "states": states.get(str(row["gateways"]), ())} for row in rows]
    return [("At the switch", cells)]


def _table(
    view: View, path: str, query: Mapping[str, object], heading: str, add: str = "", add_words: str = ""
) -> dict[str, Any]:
    from httpapi.console.displays import label
    from httpapi.console.lists import cell

    display = BY_PATH[path]
    columns = tuple(name for name in display.columns if name not in query and name not in _NOT_BESIDE)
    found = view.rest.list(path, {"page_size": 20, **query})
    view.learn(path, found["results"], columns)
    return {
        "heading": heading,
        "heads": [label(display, name) for name in columns],
        "rows": [
            (f"{display.url}{id_of(row['url'])}/", [cell(view, path, row, name) for name in columns])
            for row in found["results"]
        ],
        "count": found["count"],
        "add": add,
        "add_words": add_words,
    }
