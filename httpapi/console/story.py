"""The log: one attempt or one call with its whole story, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fs_app.domain.enums import AlarmStatus
from httpapi.console.choices import OUTCOMES, word
from httpapi.console.displays import label
from httpapi.console.displays_all import BY_PATH
from httpapi.console.lists import cell
from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.plugins import row_id
from httpapi.web import Response

_CHAIN_MAX = 12  # calls under one attempt: gateways that stood in for one another
# What the page tells in other places.
_NOT_AMONG_DETAILS = frozenset({"url", "answers", "sections", "originate", "reason", "disposition", "status", "result"})
_STILL = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value, AlarmStatus.IN_PROCESS.value)


@dataclass(frozen=True)
class Moment:
    """``tone`` colours the line: good, bad, warn, live or none."""

    when: Any
    words: str
    detail: str = ""
    tone: str = ""


def attempt(view: View, arguments: Mapping[str, str]) -> Response:
    row = view.rest.get("alarm-request", row_id(arguments))
    call = id_of(row["callrequest"])
    told = view.rest.get("callrequest", call) if call is not None else None
    alarm = view.rest.get("alarm", id_of(row["alarm"]) or 0)
    return _page(view, "Attempt", row, "alarm-request", told, alarm)


def call(view: View, arguments: Mapping[str, str]) -> Response:
    told = view.rest.get("callrequest", row_id(arguments))
    request = id_of(told["alarm_request"])
    alarm: Mapping[str, Any] | None = None
    if request is not None:
        alarm = view.rest.get("alarm", id_of(view.rest.get("alarm-request", request)["alarm"]) or 0)
    return _page(view, "Call", told, "callrequest", told, alarm)


def _page(
    view: View,
    what: str,
    row: Mapping[str, Any],
    path: str,
    told: Mapping[str, Any] | None,
    alarm: Mapping[str, Any] | None,
) -> Response:
    zone = view.zone_of("alarm", alarm) if alarm else view.zone
    event = id_of(alarm["event"]) if alarm else None
    chain = _chain(view, told)
    messages = _messages(view, alarm)
    moments = [moment for one in chain for moment in _of_call(view, one)]
    if told is None:
        moments.append(Moment(row.get("date"), "Handed over to be sent", str(row.get("reason") or "")))
    moments += [_of_message(one) for one in messages]
    return view.page(
        "story.html",
        what=what,
        number=id_of(row["url"]),
        display=BY_PATH[path],
        zone=zone,
        alarm=alarm,
        alarm_id=id_of(alarm["url"]) if alarm else None,
        alarm_open=alarm is not None and alarm["status"] in _STILL,
        event_id=event,
        event_title=view.title("event", event) if event else "",
        moments=sorted((m for m in moments if m.when), key=lambda m: view.local(m.when)),
        recordings=_recordings(told),
        lines=[(_gateway(view, one), str(one["originate"])) for one in chain if one["originate"]],
        facts=_facts(view, told),
        told=told,
        messages=messages,
    )


def _facts(view: View, told: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if told is None:
        return []
    display = BY_PATH["callrequest"]
    names = tuple(n for n in view.rest.registry["callrequest"].reader.specs if n not in _NOT_AMONG_DETAILS)
    view.learn("callrequest", [dict(told)], names)
    return [
        {"label": label(display, name), **cell(view, "callrequest", told, name)}
        for name in names
        if told.get(name) is not None
    ]


def _chain(view: View, told: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The call, after those whose gateways failed before it under the same attempt."""
    found: list[Mapping[str, Any]] = []
    while told is not None and len(found) < _CHAIN_MAX:
        found.insert(0, told)
        before = id_of(told["replaces"])
        told = view.rest.many("callrequest", [before]).get(before) if before is not None else None
    return found


def _of_call(view: View, told: Mapping[str, Any]) -> Iterator[Moment]:
    gateway = _gateway(view, told)
    yield Moment(told["created_date"], "Taken up", f"attempt {told['num_attempt']}")
    through = " ".join(words for words in (f"through {gateway}" if gateway else "", _at(told)) if words)
    yield Moment(told["dialled_at"], f"Dialled {told['phone_number']}", through)
    yield Moment(told["ringing_at"], "It rang")
    yield Moment(told["answered_at"], "Answered", tone="good")
    yield from _who(told)
    for one in told["sections"]:
        yield Moment(one["date"], f"Heard “{one['question'] or 'section ' + str(one['section'])}”")
    for one in told["answers"]:
        yield _pressed(one)
    yield _end(told)


def _at(told: Mapping[str, Any]) -> str:
    return f"on {told['switch']}" if told["switch"] else ""


def _who(told: Mapping[str, Any]) -> Iterator[Moment]:
    who = str(told["amd_status"] or "")
    if not who or told["answered_at"] is None:
        return
    words = {"person": "It is a person", "machine": "It is a machine"}.get(who, "Person or machine: not sure")
    after = timedelta(milliseconds=told["amd_ms"] or 0)
    when = datetime.fromisoformat(str(told["answered_at"]).replace("Z", "+00:00")) + after
    why = str(told["amd_reason"] or "")
    seconds = f"after {after.total_seconds():.1f} s" if told["amd_ms"] is not None else ""
    yield Moment(when, words, "; ".join(part for part in (why, seconds) if part))
    if told["message_left"]:
        yield Moment(told["ended_at"], "It took the whole message", tone="good")


def _pressed(one: Mapping[str, Any]) -> Moment:
    meaning = str(one["response"] or "")
    told = [f"at “{one['question']}”" if one["question"] else ""]
    told.append(meaning if meaning != one["digits"] else "")
    told.append("" if one["valid"] else "not a valid key" if one["digits"] else "")
    told.append(word("alarm", "result", one["result"]) if one["result"] else "")
    tone = "good" if one["valid"] else "warn"
    pressed = f"Pressed {one['digits']}" if one["digits"] else "Pressed no key"
    if one["recording"]:
        pressed = "Left a recording"
    return Moment(one["date"], pressed, ", ".join(part for part in told if part), tone)


def _end(told: Mapping[str, Any]) -> Moment:
    """Why the survey stopped is told where it was not the call that was to be expected."""
    outcome = str(told["disposition"] or "")
    good = outcome in ("answered", "machine")
    network = ", ".join(str(told[name]) for name in ("hangup_cause", "protocol_cause") if told[name])
    reason = "" if good and told["completed"] else str(told["reason"] or "")
    detail = "; ".join(part for part in (network, reason) if part)
    how = OUTCOMES.get(outcome, outcome) or "not placed"
    return Moment(told["ended_at"], f"Ended: {how}", detail, "" if good else "bad")


def _of_message(one: Mapping[str, Any]) -> Moment:
    kind = {"sms": "SMS", "mail": "E-mail", "webhook": "Web address told"}.get(str(one["kind"]), str(one["kind"]))
    return Moment(one["created_date"], f"{kind}: {one['status']}", str(one["destination"]))


def _gateway(view: View, told: Mapping[str, Any]) -> str:
    return view.title("gateway", told["gateway"]) if told["gateway"] else ""


def _recordings(told: Mapping[str, Any] | None) -> list[tuple[str, int]]:
    """(question, id) of what the callee said."""
    answers = told["answers"] if told else []
    return [(str(one["question"]), id_of(one["recording"]) or 0) for one in answers if one["recording"]]


def _messages(view: View, alarm: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """SMS, mails and webhooks that came of it."""
    if alarm is None:
        return []
    found = view.rest.list("message", {"alarm": id_of(alarm["url"]), "page_size": 50})["results"]
    return [{**one, "id": id_of(one["url"])} for one in found]
