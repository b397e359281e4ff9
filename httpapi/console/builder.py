"""The survey builder: the flow as a picture, sections beside it, findings where they belong, sealing, versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fs_app.domain.lint import Finding, lint
from fs_app.domain.survey import Survey
from fs_app.store.models import SurveyTemplate
from fs_app.store.surveys import survey_of
from httpapi.console import example, flow
from httpapi.console.choices import SECTION_TYPES
from httpapi.console.displays_all import BY_PATH
from httpapi.console.fields import Form, build, read
from httpapi.console.names import picker
from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.plugins import row_id
from httpapi.web import Response

_DISPLAY = BY_PATH["survey-template"]


def survey_as_it_is(view: View, survey_id: int) -> Survey:
    """The survey as it stands. Raises ApiError 404 when it is not this user's."""
    with view.services.store.reading():
        template: SurveyTemplate = view.rest.registry["survey-template"].find(view.rest.context(), survey_id)
        return survey_of(template)


def address(survey_id: int) -> str:
    return f"/module/survey/{survey_id}/"


def show(view: View, arguments: Mapping[str, str]) -> Response:
    survey_id = row_id(arguments)
    return _page(view, 200, survey_id, {}, [])


def change(view: View, arguments: Mapping[str, str]) -> Response:
    """The survey's own name and language."""
    survey_id = row_id(arguments)
    names = (*_DISPLAY.fields, *_DISPLAY.more)
    before = view.rest.get("survey-template", survey_id)
    body = read(view.rest, "survey-template", names, view.posted, creating=False, before=before)
    try:
        view.rest.change("survey-template", survey_id, body)
    except ApiError as exc:
        if exc.status != 400:
            raise
        return _page(view, 400, survey_id, exc.body, [])
    return view.go(address(survey_id), "saved")


def seal(view: View, arguments: Mapping[str, str]) -> Response:
    survey_id = row_id(arguments)
    try:
        view.rest.act("survey-template", survey_id, "seal", {})
    except ApiError as exc:
        if exc.status != 400:
            raise
        return _page(view, 400, survey_id, {}, [str(exc.body.get("detail", ""))])
    return view.go("/start/" if view.field("onward") == "/start/" else address(survey_id), "sealed")


def copy(view: View, arguments: Mapping[str, str]) -> Response:
    made = view.rest.act("survey-template", row_id(arguments), "copy", {})
    return view.go(address(id_of(made["url"]) or 0), "created")


def export(view: View, arguments: Mapping[str, str]) -> Response:
    """The survey as a file, recordings included."""
    return view.rest.act_raw("survey-template", row_id(arguments), "export")


def take_example(view: View, _arguments: Mapping[str, str]) -> Response:
    return view.go(address(example.make(view.rest)), "copied")


def _page(view: View, status: int, survey_id: int, errors: Mapping[str, Any], told: list[str]) -> Response:
    rest = view.rest
    values = rest.get("survey-template", survey_id)
    survey = survey_as_it_is(view, survey_id)
    findings = lint(survey)
    by_section: dict[int | None, list[Finding]] = {}
    for finding in findings:
        by_section.setdefault(finding.section_id, []).append(finding)
    posted = view.posted if errors else None
    drawn = build(
        rest, "survey-template", _DISPLAY, (*_DISPLAY.fields, *_DISPLAY.more), values, errors, view.zone,
        creating=False, posted=posted,
    )  # fmt: skip
    sealed = rest.list("sealed-survey", {"template": survey_id, "ordering": "-id", "page_size": 20})["results"]
    ordered = sorted(survey.sections, key=lambda s: (s.order, s.id))
    return view.page(
        "survey.html",
        status,
        survey=survey,
        survey_id=survey_id,
        picture=flow.picture(survey, f"{address(survey_id)}section/", {s for s in by_section if s is not None}),
        sections=[(s, SECTION_TYPES[s.type.value], flow.words(survey, s), by_section.get(s.id, [])) for s in ordered],
        whole=by_section.get(None, []),
        sealable=not any(f.severity == "error" for f in findings),
        form=Form(drawn),
        told=told,
        types=SECTION_TYPES,
        sealed=[(id_of(one["url"]), one) for one in sealed],
        onward="/start/" if rest.list("calendar-setting", {"page_size": 1})["count"] == 0 else "",
        open_form=bool(errors),
    )


def compare(view: View, arguments: Mapping[str, str]) -> Response:
    """What differs between two sealed versions, or between one and the survey as it stands."""
    survey_id = row_id(arguments)
    survey_as_it_is(view, survey_id)
    sealed = view.rest.list("sealed-survey", {"template": survey_id, "ordering": "-id", "page_size": 50})["results"]
    known = {str(id_of(one["url"])): one for one in sealed}
    newest = next(iter(known), "")
    before, after = view.query.get("before", newest), view.query.get("after", "now")
    one, other = _version(view, survey_id, before, known), _version(view, survey_id, after, known)
    return view.page(
        "compare.html",
        survey_id=survey_id,
        sealed=list(known.items()),
        before=before,
        after=after,
        lines=flow.diff(one, other) if one is not None and other is not None else None,
    )


def _version(view: View, survey_id: int, which: str, known: Mapping[str, Any]) -> Survey | None:
    if which == "now":
        return survey_as_it_is(view, survey_id)
    if which not in known:
        return None
    with view.services.store.reading():
        row = view.rest.registry["sealed-survey"].find(view.rest.context(), int(which))
        return Survey.from_json(str(row.content))


def sealed(view: View, arguments: Mapping[str, str]) -> Response:
    """A sealed survey, as it is heard."""
    sealed_id = row_id(arguments)
    values = view.rest.get("sealed-survey", sealed_id)
    with view.services.store.reading():
        row = view.rest.registry["sealed-survey"].find(view.rest.context(), sealed_id)
        survey = Survey.from_json(str(row.content))
    template = id_of(values["template"])
    ordered = sorted(survey.sections, key=lambda s: (s.order, s.id))
    return view.page(
        "sealed.html",
        values=values,
        sealed_id=sealed_id,
        survey=survey,
        made_of=template,
        calendars=picker(view.rest, "calendar").choices,
        picture=flow.picture(survey, "#section-"),
        sections=[(s, SECTION_TYPES[s.type.value], flow.words(survey, s), json.dumps(dict(s.keys))) for s in ordered],
    )
