"""Survey templates, their sections and branches; sealing one makes the immutable copy that calls play."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.enums import AlarmResult, SectionType
from fs_app.domain.phone import normalise_number
from fs_app.store.models import BranchingTemplate, SectionTemplate, SurveyTemplate, User
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.crud import no_query, read_body, writing
from httpapi.errors import ApiError
from httpapi.idempotency import once
from httpapi.kinds import (
    READ_ONLY,
    boolean,
    choice,
    clean_text,
    integer,
    json_object,
    matching,
    moment,
    own_url,
    parse_integer,
    relation,
    text,
)
from httpapi.resource import MANAGERS, Action, Change, Resource
from httpapi.schema import Schema
from httpapi.sealing import seal
from httpapi.web import Response

KEYS = tuple(f"key_{digit}" for digit in range(10))
_LANGUAGE = matching(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", "a language such as en or pt-BR")


class SurveySchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    name: Annotated[str, text(90, blank=False)]
    tts_language: Annotated[str, text(20, blank=False, check=_LANGUAGE)] = "en"
    description: Annotated[str, text(2000, multiline=True)] = ""
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Surveys(Resource):
    path = "survey-template"
    model = SurveyTemplate
    schema = SurveySchema
    summary = "Surveys being written; seal one to call with it"
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"name", "tts_language"})
    ordering = ("id", "name", "created_date", "updated_date")

    def visible(self, user: User) -> Any:
        return scope.owned(SurveyTemplate.user, user)

    def actions(self) -> Iterable[Action]:
        return (Action("seal", "POST", self._seal),)

    def _seal(self, ctx: Context, survey_id: int) -> Response:
        no_query(ctx)
        if read_body(ctx, empty=True):
            raise ApiError(400, {"detail": "sealing takes nothing: send no body, or {}"})
        sealed = ctx.registry["sealed-survey"]

        def make() -> tuple[dict[str, Any], str]:
            row = seal(ctx.now, self.find(ctx, survey_id))
            return sealed.show(ctx, row), sealed.address(ctx, row)

        with writing(ctx):
            return once(ctx, make, sealed.remembered)


def _results(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > 100:
        raise ValueError(f"has {len(value)} entries: at most 100")
    found = {}
    for digits, result in value.items():
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
            raise ValueError(f"{digits[:30]!r} is no digit entry: use digits as names")
        try:
            found[digits] = AlarmResult(parse_integer(result)).value
        except ValueError:
            raise ValueError("a result is 0 (none), 1 (confirmed), 2 (cancelled) or 3 (rescheduled)") from None
    return found


class SectionSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    survey: Annotated[int, relation("survey-template")]
    type: Annotated[int, choice(SectionType)]
    order: Annotated[int, integer(0, 10_000)] = 1
    question: Annotated[str, text(500)] = ""
    script: Annotated[str, text(5000, multiline=True)] = ""
    audiofile: Annotated[int | None, relation("audio-files")] = None
    invalid_audiofile: Annotated[int | None, relation("audio-files")] = None
    retries: Annotated[int, integer(0, 20)] = 0
    timeout: Annotated[int, integer(1, 60)] = 5
    key_0: Annotated[str, text(100)] = ""
    key_1: Annotated[str, text(100)] = ""
    key_2: Annotated[str, text(100)] = ""
    key_3: Annotated[str, text(100)] = ""
    key_4: Annotated[str, text(100)] = ""
    key_5: Annotated[str, text(100)] = ""
    key_6: Annotated[str, text(100)] = ""
    key_7: Annotated[str, text(100)] = ""
    key_8: Annotated[str, text(100)] = ""
    key_9: Annotated[str, text(100)] = ""
    rating_laps: Annotated[int, integer(1, 999)] = 9
    validate_number: Annotated[bool, boolean()] = False
    number_digits: Annotated[int, integer(1, 20)] = 2
    min_number: Annotated[int, integer(0)] = 0
    max_number: Annotated[int, integer(0)] = 100
    phonenumber: Annotated[str, text(50, check=normalise_number)] = ""
    confirm_script: Annotated[str, text(5000, multiline=True)] = ""
    confirm_key: Annotated[str, text(1, check=matching(r"[0-9*#]", "one key"))] = ""
    conference: Annotated[str, text(50, check=matching(r"[A-Za-z0-9_\-]+", "letters, digits, _ and -"))] = ""
    sms_text: Annotated[str, text(1600, multiline=True)] = ""
    completed: Annotated[bool, boolean()] = False
    results: Annotated[dict[str, Any] | None, json_object(_results, "an object of digits and results 0 to 3")] = None
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Sections(Resource):
    path = "section-template"
    model = SectionTemplate
    schema = SectionSchema
    summary = "Sections of a survey template; timeout in seconds, the lowest order is where a call starts"
    readers = MANAGERS
    writers = MANAGERS
    filters = frozenset({"survey", "type", "order"})
    ordering = ("id", "order", "created_date")

    def visible(self, user: User) -> Any:
        if scope.is_superuser(user):
            return None
        return SectionTemplate.survey.in_(
            SurveyTemplate.select(SurveyTemplate.id).where(SurveyTemplate.user == user.id)
        )

    def check(self, ctx: Context, change: Change) -> None:
        if change.row is not None and change.changed("survey"):
            change.errors.add("survey", "a section stays in its survey: make a new one in the other")
        if change.get("min_number") > change.get("max_number"):
            change.errors.add("max_number", "is less than min_number: give a range")

    def columns(self, change: Change) -> dict[str, Any]:
        columns = {name: value for name, value in change.values.items() if name not in KEYS}
        keys: dict[str, str] = dict(raw(change.row, "keys")) if change.row is not None else {}
        keys |= {name[-1]: change.values[name] for name in KEYS if name in change.values}
        columns["keys"] = {digit: words for digit, words in keys.items() if words.strip()}
        return columns

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        return {row.id: {name: row.keys.get(name[-1], "") for name in KEYS} for row in rows}


def _branch_keys(value: str) -> str:
    keys = clean_text(value, 20, False).strip().lower()
    return matching(r"[0-9]{1,20}|any|invalid|timeout", "digits, any, invalid or timeout")(keys)


class BranchingSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    section: Annotated[int, relation("section-template")]
    keys: Annotated[str, text(20, blank=False, check=_branch_keys)]
    goto: Annotated[int | None, relation("section-template")] = None
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Branchings(Resource):
    path = "branching-template"
    model = BranchingTemplate
    schema = BranchingSchema
    summary = "Ways out of a section: on these keys go to that section, or hang up (goto null)"
    readers = MANAGERS
    writers = MANAGERS
    filters = frozenset({"section", "keys", "goto"})
    ordering = ("id", "created_date")
    unique = (("section", "keys"),)

    def visible(self, user: User) -> Any:
        if scope.is_superuser(user):
            return None
        surveys = SurveyTemplate.select(SurveyTemplate.id).where(SurveyTemplate.user == user.id)
        return BranchingTemplate.section.in_(
            SectionTemplate.select(SectionTemplate.id).where(SectionTemplate.survey.in_(surveys))
        )

    def check(self, ctx: Context, change: Change) -> None:
        goto = change.get("goto")
        if goto is None:
            return
        both = SectionTemplate.select().where(SectionTemplate.id.in_([goto, change.get("section")]))
        if len({raw(section, "survey") for section in both}) > 1:
            change.errors.add("goto", "is a section of another survey: choose one of the same")
