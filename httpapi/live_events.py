"""One look at a call: what listeners are told that they were not told before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, Calendar, CallRequest, Event, SealedSurvey, SurveyAnswer, User
from httpapi.kinds import show_moment

Told = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class LiveEvent:
    """``kind`` is call, key or result. ``whose`` are the users below whom it hangs; superusers see all."""

    kind: str
    whose: frozenset[int]
    calendar: int | None
    facts: dict[str, Any]
    links: dict[str, str] = field(default_factory=dict)  # name -> address below /rest-api/

    def told(self, base: str) -> dict[str, Any]:
        """As JSON, with absolute addresses."""
        return {**{name: base + path for name, path in self.links.items()}, **self.facts}


@dataclass(frozen=True)
class Known:
    """What was told of a call before."""

    call: dict[str, Any]
    answers: int
    result: dict[str, Any] | None


def look(
    store: Store, call_uuid: str, known: Known | None, ringing: bool = False
) -> tuple[list[LiveEvent], Known] | None:
    """What is new about a call since ``known``; None when there is no such call. ``ringing``: the switch has said so,
    which is on record only when the call is over. Blocks: for a native thread."""
    with store.reading():
        call: Any = CallRequest.get_or_none(CallRequest.request_uuid == call_uuid)
        if call is None:
            return None
        request = AlarmRequest.get_or_none(AlarmRequest.callrequest == call.id)
        alarm: Any = Alarm.get_by_id(request.alarm_id) if request is not None else None
        event: Any = Event.get_by_id(alarm.event_id) if alarm is not None else None
        owner = Calendar.get_by_id(event.calendar_id).user_id if event is not None else call.user_id
        new = SurveyAnswer.position > (known.answers if known else -1)
        answers = list(
            SurveyAnswer.select().where(SurveyAnswer.callrequest == call.id, new).order_by(SurveyAnswer.position)
        )
        whose = _whose(owner)
        asked = _question(call)
    calendar = None if event is None else event.calendar_id
    links = {"call": f"callrequest/{call.id}/"}
    if alarm is not None:
        links |= {
            "alarm": f"alarm/{alarm.id}/",
            "event": f"event/{event.id}/",
            "calendar": f"calendar/{event.calendar_id}/",
        }
    events = []
    state = _call(call, asked)
    if state["state"] == "dialling" and (ringing or (known is not None and known.call["state"] == "ringing")):
        state["state"] = "ringing"
    if known is None or known.call != state:
        events.append(LiveEvent("call", whose, calendar, state, links))
    events += [LiveEvent("key", whose, calendar, _key(call, answer), links) for answer in answers]
    result = None if alarm is None else _result(alarm)
    if result is not None and (known is None or known.result != result):
        events.append(LiveEvent("result", whose, calendar, result, links))
    last = answers[-1].position if answers else (known.answers if known else -1)
    return events, Known(state, last, result)


def _whose(user_id: int | None) -> frozenset[int]:
    if user_id is None:
        return frozenset()
    found = User.select(User.manager).where(User.id == user_id).first()
    above = None if found is None else found.__data__["manager"]
    return frozenset({user_id} if above is None else {user_id, above})


def _question(call: Any) -> str:
    """What reports call the section that the callee got to last."""
    if call.last_section is None:
        return ""
    content = SealedSurvey.select(SealedSurvey.content).where(SealedSurvey.id == call.survey_id).scalar()
    sections = json.loads(content)["sections"] if content else []
    return str(next((s["question"] for s in sections if s["id"] == call.last_section), ""))


def _call(call: Any, asked: str) -> dict[str, Any]:
    return {
        "request_uuid": call.request_uuid,
        "state": _state(call),
        "status": call.status,
        "phone_number": call.phone_number,
        "num_attempt": call.num_attempt,
        "result": call.result,
        "disposition": call.outcome,
        "reason": call.reason,
        "amd_status": call.amd_status,
        "last_section": call.last_section,
        "last_question": asked,
        "duration": call.duration,
        "dialled_at": _moment(call.dialled_at),
        "answered_at": _moment(call.answered_at),
        "ended_at": _moment(call.ended_at),
    }


def _state(call: Any) -> str:
    if call.ended_at is not None:
        return "ended"
    if call.answered_at is not None:
        return "answered"
    return "preparing" if call.dialled_at is None else "dialling"


def _key(call: Any, answer: Any) -> dict[str, Any]:
    return {
        "request_uuid": call.request_uuid,
        "position": answer.position,
        "section": answer.section_id,
        "digits": answer.digits,
        "valid": bool(answer.valid),
        "response": answer.response,
        "result": answer.result,
        "date": _moment(answer.created_date),
    }


def _result(alarm: Any) -> dict[str, Any]:
    return {
        "status": alarm.status,
        "result": alarm.result,
        "num_attempt": alarm.num_attempt,
        "reason": alarm.reason,
        "due_at": _moment(alarm.due_at),
    }


def _moment(value: Any) -> str | None:
    return None if value is None else show_moment(value)
