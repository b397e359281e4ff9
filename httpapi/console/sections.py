"""One section of a survey: its own fields by type, and its branches by key, in one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fs_app.domain.enums import SectionType
from fs_app.domain.lint import lint
from httpapi.console import flow
from httpapi.console.builder import address, survey_as_it_is
from httpapi.console.choices import SECTION_TYPES
from httpapi.console.displays import Display
from httpapi.console.fields import Field, Form, build, read
from httpapi.console.rest import Rest, id_of
from httpapi.console.view import View
from httpapi.errors import ApiError, not_found
from httpapi.plugins import row_id
from httpapi.web import Response

_PATH = "section-template"
_ASK = ("retries", "timeout", "invalid_audiofile")
_KEYS = tuple(f"key_{digit}" for digit in range(10))
_SPEAK = ("question", "script", "audiofile")
# The fields of each type, in the form's order. What the schema has beyond all of these shows for every type.
FIELDS: Mapping[SectionType, tuple[str, ...]] = {
    SectionType.PLAY_MESSAGE: (*_SPEAK, "completed"),
    SectionType.MULTI_CHOICE: (*_SPEAK, *_KEYS, *_ASK, "results", "completed"),
    SectionType.RATING: (*_SPEAK, "rating_laps", *_ASK, "results", "completed"),
    SectionType.CAPTURE_DIGITS: (
        *_SPEAK, "number_digits", "validate_number", "min_number", "max_number", *_ASK, "results", "completed",
    ),
    SectionType.RECORD_MESSAGE: (*_SPEAK, "record_seconds", "record_silence", "completed"),
    SectionType.CALL_TRANSFER: (*_SPEAK, "phonenumber", "confirm_script", "confirm_key", "timeout", "completed"),
    SectionType.HANGUP: ("question", "script", "audiofile", "completed"),
    SectionType.CONFERENCE: (*_SPEAK, "conference", "completed"),
    SectionType.DNC: (*_SPEAK, "completed"),
    SectionType.SMS: (*_SPEAK, "sms_text", "completed"),
}  # fmt: skip
_TYPED = {name for names in FIELDS.values() for name in names} | {"type", "survey", "order"}
_HELP = {
    "question": "Short: it stands in the picture and in reports.",
    "script": "Spoken by the built-in voice. {event_date}, {event_time} and your own {words} are filled in.",
    "completed": "A call that comes here counts as completed.",
    "rating_laps": "3: the keys 1, 2 and 3 are valid.",
    "results": "One per line: key = 0 none, 1 confirmed, 2 cancelled, 3 another time. Empty: 1, 2, 3 mean that.",
    "translations": "A callee whose profile names the language hears these. To take one out, empty its language.",
    "order": "The lowest starts the call.",
    "retries": "How often the question is repeated after a wrong key or none.",
    **dict.fromkeys(_KEYS, "Empty: this key is not valid."),
}
_LABELS = {
    **{name: f"Key {name[-1]} means" for name in _KEYS},
    "results": "What the keys mean",
    "translations": "In other languages",
}
DISPLAY = Display(
    _PATH, "", "section", "Sections", "", "question", (), labels=_LABELS, help=_HELP, hidden=frozenset({"survey"})
)
_HANG_UP, _NONE = "hangup", ""


def ways(kind: SectionType, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(keys, their words) that a branch of this section may have."""
    if kind is SectionType.HANGUP:
        return []
    after = [("any", "Any other valid key"), ("invalid", "Wrong keys, in the end"), ("timeout", "No key, in the end")]
    if kind is SectionType.MULTI_CHOICE:
        return [(n[-1], f"Key {n[-1]}: {values[n]}") for n in _KEYS if values.get(n)] + after
    if kind is SectionType.RATING:
        highest = min(int(values.get("rating_laps") or 9), 9)
        return [(str(digit), f"Key {digit}") for digit in range(1, highest + 1)] + after
    if kind is SectionType.CAPTURE_DIGITS:
        return [("any", "A valid number"), *after[1:]]
    if kind in (SectionType.DNC, SectionType.CALL_TRANSFER):
        return [("0", "Afterwards"), ("timeout", "If it does not come about")]
    return [("0", "Afterwards")]


def add(view: View, arguments: Mapping[str, str]) -> Response:
    survey_id = row_id(arguments)
    kind = _kind(view.query.get("type", "1"))
    survey = survey_as_it_is(view, survey_id)
    order = max((section.order for section in survey.sections), default=0) + 1
    return _form(view, 200, survey_id, None, {"type": kind.value, "order": order}, {}, kind)


def create(view: View, arguments: Mapping[str, str]) -> Response:
    survey_id = row_id(arguments)
    kind = _kind(view.field("type"))
    body = {**_body(view, kind, {}, creating=True), "survey": survey_id}
    try:
        made = view.rest.create(_PATH, body)
        _save_ways(view, id_of(made["url"]) or 0, kind, made)
    except ApiError as exc:
        return _refused(view, exc, survey_id, None, {"type": kind.value, "order": 1}, kind)
    return view.go(address(survey_id), "created")


def edit(view: View, arguments: Mapping[str, str]) -> Response:
    survey_id, values = _section(view, arguments)
    return _form(view, 200, survey_id, id_of(values["url"]), values, {}, _kind(str(values["type"])))


def change(view: View, arguments: Mapping[str, str]) -> Response:
    survey_id, values = _section(view, arguments)
    section_id = id_of(values["url"]) or 0
    kind = _kind(view.field("type") or str(values["type"]))
    try:
        changed = view.rest.change(_PATH, section_id, _body(view, kind, values, creating=False))
        _save_ways(view, section_id, kind, changed)
    except ApiError as exc:
        return _refused(view, exc, survey_id, section_id, values, kind)
    return view.go(address(survey_id), "saved")


def delete(view: View, arguments: Mapping[str, str]) -> Response:
    survey_id, values = _section(view, arguments)
    view.rest.delete(_PATH, id_of(values["url"]) or 0)
    return view.go(address(survey_id), "deleted")


def _section(view: View, arguments: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    survey_id = row_id(arguments)
    values = view.rest.get(_PATH, row_id({"id": arguments["section"]}))
    if id_of(values["survey"]) != survey_id:
        raise not_found()
    return survey_id, values


def _kind(given: str) -> SectionType:
    try:
        return SectionType(int(given))
    except ValueError:
        raise not_found("there is no such type of section") from None


def _names(rest: Rest, kind: SectionType) -> list[str]:
    """The fields shown: those of the type, then what no type claims."""
    specs = rest.registry[_PATH].reader.specs
    mine = [name for name in FIELDS[kind] if name in specs]
    return [*mine, "order", *(n for n, spec in specs.items() if n not in _TYPED and not spec.read_only)]


def _body(view: View, kind: SectionType, before: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
    body = read(view.rest, _PATH, _names(view.rest, kind), view.posted, creating=creating, before=before)
    return {**body, "type": kind.value}


def _branches(rest: Rest, section_id: int | None) -> dict[str, dict[str, Any]]:
    if section_id is None:
        return {}
    return {row["keys"]: row for row in rest.each("branching-template", {"section": section_id})}


def _save_ways(view: View, section_id: int, kind: SectionType, values: Mapping[str, Any]) -> None:
    """Make the stored branches what the form says. Keys that the form did not offer are left alone."""
    known = _branches(view.rest, section_id)
    for keys, _ in ways(kind, values):
        if f"way_{keys}" not in view.posted:
            continue
        chosen = view.field(f"way_{keys}")
        stored = known.get(keys)
        if chosen == _NONE:
            if stored is not None:
                view.rest.delete("branching-template", id_of(stored["url"]) or 0)
            continue
        goto = None if chosen == _HANG_UP else chosen
        if stored is None:
            view.rest.create("branching-template", {"section": section_id, "keys": keys, "goto": goto})
        elif id_of(stored["goto"]) != id_of(goto):
            view.rest.change("branching-template", id_of(stored["url"]) or 0, {"goto": goto})


def _refused(
    view: View, exc: ApiError, survey_id: int, section_id: int | None, values: Mapping[str, Any], kind: SectionType
) -> Response:
    if exc.status not in (400, 409):
        raise exc
    return _form(view, exc.status, survey_id, section_id, values, exc.body, kind, again=True)


def _form(
    view: View,
    status: int,
    survey_id: int,
    section_id: int | None,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
    kind: SectionType,
    *,
    again: bool = False,
) -> Response:
    rest = view.rest
    survey = survey_as_it_is(view, survey_id)
    names = _names(rest, kind)
    posted = view.posted if again else None
    drawn = build(
        rest, _PATH, DISPLAY, names, values, errors, view.zone, creating=section_id is None, posted=posted
    )  # fmt: skip
    split = len(FIELDS[kind]) - (1 if "completed" in FIELDS[kind] else 0)
    first = [f for f in drawn if f.name in FIELDS[kind][:split]]
    more = [f for f in drawn if f not in first]
    goals = tuple(
        (str(s.id), s.question or f"Section {s.id}") for s in sorted(survey.sections, key=lambda s: (s.order, s.id))
    )
    known = _branches(rest, section_id)
    exits = []
    for keys, words in ways(kind, {**values, **({} if posted is None else dict(posted))}):
        stored = known.get(keys)
        value = _NONE if stored is None else str(id_of(stored["goto"]) or _HANG_UP)
        value = view.field(f"way_{keys}") if again else value
        options = ((_HANG_UP, "hang up"), *goals)
        exits.append(Field(f"way_{keys}", words, "select", value, options=options, blank="— nothing —"))
    general = [
        f"{name}: {one}"
        for name, told in errors.items()
        if name not in names
        for one in (told if isinstance(told, list) else [told])
    ]
    return view.page(
        "section.html",
        status,
        survey=survey,
        survey_id=survey_id,
        section_id=section_id,
        kind=kind.value,
        kinds=SECTION_TYPES,
        title=str(values.get("question") or SECTION_TYPES[kind.value]),
        form=Form(tuple(first), tuple(replace(f) for f in more), tuple(general)),
        exits=exits,
        findings=[f for f in lint(survey) if section_id is not None and f.section_id == section_id],
        stray=sorted(known.keys() - {keys for keys, _ in ways(kind, values)}),
        can_speak=view.services.speak is not None,
        picture=flow.picture(
            survey,
            f"{address(survey_id)}section/",
            {f.section_id for f in lint(survey) if f.section_id is not None},
            section_id,
        ),
    )
