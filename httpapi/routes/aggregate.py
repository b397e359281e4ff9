"""``surveyaggregate/<sealed survey id>/``: what the callees of a survey answered, counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from peewee import Case, fn

from fs_app.domain.enums import AlarmResult, Outcome
from fs_app.domain.window import to_utc
from fs_app.store.models import CallRequest, SealedSurvey, SurveyAnswer
from httpapi.context import BASE, Context
from httpapi.errors import Errors
from httpapi.kinds import moment, show_moment
from httpapi.openapi_words import OBJECT, errors, operation, query_parameter
from httpapi.plugins import Surround, row_id
from httpapi.web import Handler, Response, json_response

ALLOW = ("GET", "HEAD", "OPTIONS")
_PATH = "surveyaggregate"


def aggregate_handler(surround: Surround) -> Handler:
    """Those who see the sealed survey see its counts, of the calls that they see."""

    def aggregate(ctx: Context, arguments: Mapping[str, str]) -> Response:
        since, until = _times(ctx)
        with ctx.services.store.reading():
            survey = ctx.registry["sealed-survey"].find(ctx, row_id(arguments))
            return json_response(200, _counted(ctx, survey, since, until))

    return surround.endpoint({"GET": aggregate}, ALLOW, lambda: {"name": _PATH, "filters": ["from", "to"]}, _PATH)


def describe() -> dict[str, Any]:
    """This address, for the API's account of itself."""
    path = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
    when = moment().accepts or {}
    found = operation(
        _PATH,
        _PATH,
        "What callees answered, counted by section and response; of calls from and to",
        {200: OBJECT},
        errors(400, 401, 403, 404, 405, 429, 503),
        parameters=[path, query_parameter("from", when), query_parameter("to", when)],
    )
    return {f"{BASE}{_PATH}/{{id}}/": {"get": found}}


def _times(ctx: Context) -> tuple[datetime | None, datetime | None]:
    given, wrong = ctx.request.query(), Errors()
    found: dict[str, datetime] = {}
    for name, value in given.items():
        if name not in ("from", "to"):
            wrong.add(name[:100], "is not known here: there are from and to")
            continue
        try:
            when: datetime = moment().parse(value)
            found[name] = to_utc(when, ctx.services.default_zone) if when.tzinfo is None else when
        except ValueError as exc:
            wrong.add(name, str(exc))
    wrong.raise_any()
    return found.get("from"), found.get("to")


def _counted(ctx: Context, survey: SealedSurvey, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    wanted = CallRequest.survey == survey.id
    seen = ctx.registry["callrequest"].visible(ctx.user)
    for condition in (
        seen,
        None if since is None else CallRequest.call_time >= since,
        None if until is None else CallRequest.call_time < until,
    ):
        wanted = wanted if condition is None else wanted & condition
    calls = _calls(wanted)
    sections = _sections(survey, wanted)
    answered, responded = calls["answered"], calls["responded"]
    return {
        "url": ctx.url(_PATH, survey.id),
        "survey": ctx.url("sealed-survey", survey.id),
        "name": survey.name,
        "calls": calls,
        "rates": {
            "answered": _rate(answered, calls["dialled"]),
            "responded": _rate(responded, answered),
            "completed": _rate(calls["completed"], answered),
        },
        "times": _times_of(wanted),
        "results": _results(wanted),
        "sections": sections,
    }


def _calls(wanted: Any) -> dict[str, int]:
    valid = SurveyAnswer.select(SurveyAnswer.callrequest).where(SurveyAnswer.valid == True)  # noqa: E712
    reached = (Outcome.ANSWERED.value, Outcome.MACHINE.value)

    def number(condition: Any) -> Any:
        return fn.COALESCE(fn.SUM(Case(None, [(condition, 1)], 0)), 0)

    row: Any = (
        CallRequest.select(
            fn.COUNT(CallRequest.id),
            number(CallRequest.dialled_at.is_null(False)),
            number(CallRequest.answered_at.is_null(False) | CallRequest.outcome.in_(reached)),
            number(CallRequest.id.in_(valid)),
            number(CallRequest.completed == True),  # noqa: E712
        )
        .where(wanted)
        .tuples()
        .first()
    )
    names = ("placed", "dialled", "answered", "responded", "completed")
    return dict(zip(names, map(int, row), strict=True))


def _times_of(wanted: Any) -> dict[str, Any]:
    """Seconds of the answered part, and when the first and the last call were."""
    lasted: Any = CallRequest.select(fn.AVG(CallRequest.duration), fn.MAX(CallRequest.duration)).where(
        wanted, CallRequest.answered_at.is_null(False)
    )
    average, longest = lasted.tuples().first()
    rows: Any = CallRequest.select(CallRequest.call_time).where(wanted)
    first, last = rows.order_by(CallRequest.call_time).first(), rows.order_by(CallRequest.call_time.desc()).first()
    return {
        "average_seconds": None if average is None else round(float(average), 1),
        "longest_seconds": None if longest is None else int(longest),
        "first_call": None if first is None else show_moment(first.call_time),
        "last_call": None if last is None else show_moment(last.call_time),
    }


def _results(wanted: Any) -> dict[str, int]:
    """How many calls confirmed, cancelled, rescheduled."""
    rows: Any = (
        CallRequest.select(CallRequest.result, fn.COUNT(CallRequest.id)).where(wanted).group_by(CallRequest.result)
    )
    counts = dict(rows.tuples())
    return {result.name.lower(): int(counts.get(result.value, 0)) for result in AlarmResult}


def _sections(survey: SealedSurvey, wanted: Any) -> list[dict[str, Any]]:
    """In the order of the survey. ``count`` counts answers: a section that is visited again is answered again."""
    calls = CallRequest.select(CallRequest.id).where(wanted)
    rows: Any = (
        SurveyAnswer.select(
            SurveyAnswer.section_id,
            SurveyAnswer.valid,
            SurveyAnswer.response,
            SurveyAnswer.result,
            fn.COUNT(SurveyAnswer.id),
        )
        .where(SurveyAnswer.callrequest.in_(calls))
        .group_by(SurveyAnswer.section_id, SurveyAnswer.valid, SurveyAnswer.response, SurveyAnswer.result)
        .order_by(SurveyAnswer.section_id, SurveyAnswer.response)
        .tuples()
    )
    answers: dict[int, list[dict[str, Any]]] = {}
    invalid: dict[int, int] = {}
    for section, valid, response, result, count in rows:
        if valid:
            answers.setdefault(section, []).append({"response": response, "result": result, "count": int(count)})
        else:
            invalid[section] = invalid.get(section, 0) + int(count)
    recorded: Any = SurveyAnswer.select(SurveyAnswer.section_id, fn.COUNT(SurveyAnswer.id)).where(
        SurveyAnswer.callrequest.in_(calls), SurveyAnswer.recording.is_null(False)
    )
    recordings = dict(recorded.group_by(SurveyAnswer.section_id).tuples())
    return [
        {
            "section": section["id"],
            "type": section["type"],
            "question": section["question"],
            "answers": sum(one["count"] for one in answers.get(section["id"], [])),
            "invalid": invalid.get(section["id"], 0),
            "recordings": int(recordings.get(section["id"], 0)),
            "responses": [
                {**one, "share": _rate(one["count"], sum(each["count"] for each in answers[section["id"]]))}
                for one in answers.get(section["id"], [])
            ],
        }
        for section in sorted(json.loads(survey.content)["sections"], key=lambda section: section["order"])
    ]


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
