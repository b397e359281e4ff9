"""What was done: attempts of alarms and the calls they placed. Read-only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.enums import AlarmResult, AlarmStatus, CallStatus, Role
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, Event, SealedSurvey, SurveyAnswer, User
from fs_app.switch.dialstring import masked
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.crud import no_query
from httpapi.kinds import READ_ONLY, choice, moment, own_url, relation, show_moment, shown, text
from httpapi.resource import Action, Resource
from httpapi.schema import Schema
from httpapi.web import Response, json_response

_READ = ("GET", "HEAD", "OPTIONS")
_INTEGER: dict[str, Any] = {"type": "integer"}
_STRING: dict[str, Any] = {"type": "string"}
_ANSWER = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "section": _INTEGER,
            "question": _STRING,
            "digits": _STRING,
            "valid": {"type": "boolean"},
            "response": _STRING,
            "result": {"type": ["integer", "null"]},
            "recording": {"type": ["string", "null"], "format": "uri"},
            "date": {"type": "string", "format": "date-time"},
        },
    },
}


_VISITED = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "section": _INTEGER,
            "question": _STRING,
            "date": {"type": "string", "format": "date-time"},
        },
    },
}


class AlarmRequestSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    alarm: Annotated[int, relation("alarm"), READ_ONLY]
    date: Annotated[datetime, moment(), READ_ONLY]
    status: Annotated[int, choice(AlarmStatus), READ_ONLY]
    callstatus: Annotated[int, shown(_INTEGER), READ_ONLY]
    duration: Annotated[int, shown(_INTEGER), READ_ONLY]
    callrequest: Annotated[int | None, relation("callrequest"), READ_ONLY]
    amd_status: Annotated[str, text(20), READ_ONLY]
    message: Annotated[int | None, relation("message"), READ_ONLY]
    reason: Annotated[str, shown(_STRING), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]


class AlarmRequests(Resource):
    path = "alarm-request"
    model = AlarmRequest
    schema = AlarmRequestSchema
    summary = "Attempts of alarms, each a call or a message; duration in seconds of the answered part"
    collection = _READ
    item = _READ
    filters = frozenset({"alarm", "date", "status"})
    ordering = ("id", "date", "created_date")

    def visible(self, user: User) -> Any:
        return scope.own_attempts(user)

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        calls = CallRequest.select(CallRequest.id, CallRequest.amd_status)
        known = {c.id: c.amd_status for c in calls.where(CallRequest.id.in_([raw(r, "callrequest") for r in rows]))}
        return {
            row.id: {"amd_status": known.get(raw(row, "callrequest"), ""), "message": raw(row, "outbox")}
            for row in rows
        }

    def actions(self) -> Iterable[Action]:
        return (Action("get_nested_alarm_request", "GET", self._nested),)

    def _nested(self, ctx: Context, event_id: int) -> Response:
        """The id in the address is the event's. Its children stand beside it, each under its own ``event-<id>``."""
        no_query(ctx)
        with ctx.services.store.reading():
            event = ctx.registry["event"].find(ctx, event_id)
            family = [event, *Event.select().where(Event.parent_event == event.id).order_by(Event.start, Event.id)]
            nested: dict[str, Any] = {"event-url": ctx.url("event", event.id)}
            alarms: dict[int, dict[str, Any]] = {}
            for member in family:
                nested[f"event-{member.id}"] = {}
            for alarm in Alarm.select().where(Alarm.event.in_([member.id for member in family])).order_by(Alarm.id):
                alarms[alarm.id] = {"url": ctx.url("alarm", alarm.id)}
                nested[f"event-{raw(alarm, 'event')}"][f"alarm-{alarm.id}"] = alarms[alarm.id]
            attempts = AlarmRequest.select().where(AlarmRequest.alarm.in_(list(alarms))).order_by(AlarmRequest.id)
            for attempt in attempts:
                call, message = raw(attempt, "callrequest"), raw(attempt, "outbox")
                alarms[raw(attempt, "alarm")][f"alarm-request-{attempt.id}"] = {
                    "url": ctx.url("alarm-request", attempt.id),
                    "alarm-callrequest": None if call is None else ctx.url("callrequest", call),
                    **({} if message is None else {"alarm-message": ctx.url("message", message)}),
                    "date": str(attempt.date),
                    "status": str(attempt.status),
                    "callstatus": str(attempt.callstatus),
                    "duration": str(attempt.duration),
                }
        return json_response(200, nested)


class CallRequestSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    request_uuid: Annotated[str, text(36), READ_ONLY]
    aleg_uuid: Annotated[str, text(36), READ_ONLY]
    call_time: Annotated[datetime, moment(), READ_ONLY]
    status: Annotated[int, choice(CallStatus), READ_ONLY]
    callerid: Annotated[str, shown(_STRING), READ_ONLY]
    caller_name: Annotated[str, shown(_STRING), READ_ONLY]
    phone_number: Annotated[str, text(30), READ_ONLY]
    timeout: Annotated[int, shown(_INTEGER), READ_ONLY]
    timelimit: Annotated[int, shown(_INTEGER), READ_ONLY]
    num_attempt: Annotated[int, shown(_INTEGER), READ_ONLY]
    result: Annotated[int, choice(AlarmResult), READ_ONLY]
    hangup_cause: Annotated[str, text(60), READ_ONLY]
    protocol_cause: Annotated[str, shown(_STRING), READ_ONLY]
    disposition: Annotated[str, shown(_STRING), READ_ONLY]
    reason: Annotated[str, shown(_STRING), READ_ONLY]
    completed: Annotated[bool, shown({"type": "boolean"}, bool), READ_ONLY]
    amd_status: Annotated[str, text(20), READ_ONLY]
    amd_reason: Annotated[str, shown(_STRING), READ_ONLY]
    amd_ms: Annotated[int | None, shown(_INTEGER), READ_ONLY]
    message_left: Annotated[bool, shown({"type": "boolean"}, bool), READ_ONLY]
    duration: Annotated[int, shown(_INTEGER), READ_ONLY]
    dialled_at: Annotated[datetime | None, moment(), READ_ONLY]
    ringing_at: Annotated[datetime | None, moment(), READ_ONLY]
    answered_at: Annotated[datetime | None, moment(), READ_ONLY]
    ended_at: Annotated[datetime | None, moment(), READ_ONLY]
    survey: Annotated[int, relation("sealed-survey"), READ_ONLY]
    last_section: Annotated[int | None, shown(_INTEGER), READ_ONLY]
    alarm_request: Annotated[int | None, relation("alarm-request"), READ_ONLY]
    answers: Annotated[list[Any], shown(_ANSWER), READ_ONLY]
    sections: Annotated[list[Any], shown(_VISITED), READ_ONLY]
    gateway: Annotated[int | None, relation("gateway"), READ_ONLY]
    replaces: Annotated[int | None, relation("callrequest"), READ_ONLY]
    switch: Annotated[str, shown(_STRING), READ_ONLY]
    originate: Annotated[str, shown(_STRING), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]


class CallRequests(Resource):
    path = "callrequest"
    model = CallRequest
    schema = CallRequestSchema
    summary = (
        "Calls: disposition is how the call ended, amd_status who answered, amd_reason why, amd_ms after how long, "
        "message_left whether a machine took a message, answers the keys pressed, sections what was heard and when, "
        "protocol_cause the network's own reason, such as sip:486, replaces the call whose gateway failed before it, "
        "originate the line given to the switch, without secrets, for managers only; "
        "timeout (ring time), timelimit and duration in seconds"
    )
    collection = _READ
    item = _READ
    filters = frozenset(
        {"request_uuid", "phone_number", "status", "result", "hangup_cause", "call_time", "survey", "amd_status"}
    )
    ordering = ("id", "call_time", "created_date", "phone_number")

    def visible(self, user: User) -> Any:
        return scope.own_calls(user)

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        ids = [row.id for row in rows]
        by_calendar_user = str(ctx.user.role) == Role.CALENDAR_USER.value
        asked = questions({raw(row, "survey") for row in rows})
        attempts = {raw(a, "callrequest"): a.id for a in AlarmRequest.select().where(AlarmRequest.callrequest.in_(ids))}
        answers: dict[int, list[dict[str, Any]]] = {row_id: [] for row_id in ids}
        for one in SurveyAnswer.select().where(SurveyAnswer.callrequest.in_(ids)).order_by(SurveyAnswer.position):
            answers[raw(one, "callrequest")].append(
                {
                    "section": one.section_id,
                    "question": asked.get((raw(one, "survey"), one.section_id), ""),
                    "digits": one.digits,
                    "valid": bool(one.valid),
                    "response": one.response,
                    "result": one.result,
                    "recording": None if raw(one, "recording") is None else ctx.url("recording", one.id),
                    "date": show_moment(one.created_date),
                }
            )
        return {
            row.id: {
                "answers": answers[row.id],
                "alarm_request": attempts.get(row.id),
                "sections": _visited(row, asked),
                "originate": "" if by_calendar_user else masked(row.originate),
                "switch": "" if by_calendar_user else row.switch,
                "gateway": None if by_calendar_user else raw(row, "gateway"),
                "disposition": row.outcome,
            }
            for row in rows
        }


def _visited(call: Any, asked: Mapping[tuple[int, int], str]) -> list[dict[str, Any]]:
    found = []
    for line in call.visited.splitlines():
        section, _, when = line.partition(" ")
        question = asked.get((raw(call, "survey"), int(section)), "")
        found.append({"section": int(section), "question": question, "date": when})
    return found


def questions(survey_ids: set[int]) -> dict[tuple[int, int], str]:
    """(sealed survey, section) -> the section's label in reports."""
    return {
        (survey.id, section["id"]): section["question"]
        for survey in SealedSurvey.select().where(SealedSurvey.id.in_(list(survey_ids)))
        for section in json.loads(survey.content)["sections"]
    }
