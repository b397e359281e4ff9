"""Sections of survey templates and the branches between them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.enums import SectionType
from fs_app.domain.phone import is_sip_uri
from fs_app.domain.survey_limits import (
    BRANCH_KEYS,
    NUMBERS,
    check_branch_keys,
    check_conference,
    check_confirm_key,
    check_results,
    check_target,
)
from fs_app.store.models import BranchingTemplate, SectionTemplate, SurveyTemplate, User
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.kinds import READ_ONLY, Kind, boolean, choice, integer, json_object, moment, own_url, relation, text
from httpapi.resource import MANAGERS, Change, Resource
from httpapi.schema import Schema
from httpapi.translations import by_language, check_recordings
from httpapi.translations import shown as shown_translations

KEYS = tuple(f"key_{digit}" for digit in range(10))


_RESULTS = json_object(check_results, "an object of digits and results 0 to 3")


def _number(name: str) -> Kind:
    return integer(*NUMBERS[name])


class SectionSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    survey: Annotated[int, relation("survey-template")]
    type: Annotated[int, choice(SectionType)]
    order: Annotated[int, _number("order")] = 1
    question: Annotated[str, text(500)] = ""
    script: Annotated[str, text(5000, multiline=True)] = ""
    audiofile: Annotated[int | None, relation("audio-files")] = None
    invalid_audiofile: Annotated[int | None, relation("audio-files")] = None
    retries: Annotated[int, _number("retries")] = 0
    timeout: Annotated[int, _number("timeout")] = 5
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
    rating_laps: Annotated[int, _number("rating_laps")] = 9
    validate_number: Annotated[bool, boolean()] = False
    number_digits: Annotated[int, _number("number_digits")] = 2
    min_number: Annotated[int, _number("min_number")] = 0
    max_number: Annotated[int, _number("max_number")] = 100
    phonenumber: Annotated[str, text(330, check=check_target)] = ""
    confirm_script: Annotated[str, text(5000, multiline=True)] = ""
    confirm_key: Annotated[str, text(1, check=check_confirm_key)] = ""
    conference: Annotated[str, text(50, check=check_conference)] = ""
    sms_text: Annotated[str, text(1600, multiline=True)] = ""
    completed: Annotated[bool, boolean()] = False
    results: Annotated[dict[str, Any] | None, _RESULTS] = None
    record_seconds: Annotated[int, _number("record_seconds")] = 60
    record_silence: Annotated[int, _number("record_silence")] = 3
    translations: Annotated[dict[str, Any], by_language()] = {}  # noqa: RUF012  # pydantic copies it
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Sections(Resource):
    path = "section-template"
    model = SectionTemplate
    schema = SectionSchema
    example = {"type": 3, "question": "Coming?", "script": "Hello {name}, press 1 to confirm.", "rating_laps": 3}  # noqa: RUF012
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
        sip = change.changed("phonenumber") and is_sip_uri(change.get("phonenumber") or "")
        if sip and not scope.is_superuser(ctx.user):
            change.errors.add("phonenumber", "is a SIP URI, which only a superuser may set up: give a number")
        check_recordings(ctx, change)
        if change.get("min_number") > change.get("max_number"):
            change.errors.add("max_number", "is less than min_number: give a range")

    def columns(self, change: Change) -> dict[str, Any]:
        columns = {name: value for name, value in change.values.items() if name not in KEYS}
        keys: dict[str, str] = dict(raw(change.row, "keys")) if change.row is not None else {}
        keys |= {name[-1]: change.values[name] for name in KEYS if name in change.values}
        columns["keys"] = {digit: words for digit, words in keys.items() if words.strip()}
        return columns

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        return {
            row.id: {
                **{name: row.keys.get(name[-1], "") for name in KEYS},
                "translations": shown_translations(ctx, row.translations),
            }
            for row in rows
        }


class BranchingSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    section: Annotated[int, relation("section-template")]
    keys: Annotated[str, text(BRANCH_KEYS, blank=False, check=check_branch_keys)]
    goto: Annotated[int | None, relation("section-template")] = None
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Branchings(Resource):
    path = "branching-template"
    model = BranchingTemplate
    schema = BranchingSchema
    example = {"keys": "1", "goto": 2}  # noqa: RUF012
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
