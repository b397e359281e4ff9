"""Survey templates: put in order, copied, sent from one system to another, checked, and sealed for calls to play."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fs_app.audio import to_wav
from fs_app.domain import survey_file
from fs_app.domain.lint import Finding, lint
from fs_app.domain.survey_limits import check_language, check_text
from fs_app.store import surveys
from fs_app.store.models import SectionTemplate, SurveyTemplate, User
from httpapi import scope
from httpapi.context import Context
from httpapi.crud import must_create, no_query, read_body, read_json, writing
from httpapi.errors import ApiError, bad_fields
from httpapi.idempotency import created, once, refuse_key
from httpapi.kinds import READ_ONLY, moment, own_url, relation, text
from httpapi.resource import MANAGERS, Action, Resource
from httpapi.schema import Schema
from httpapi.web import JSON_TYPE, Response, json_response

IMPORT_MAX = 64 * 1024 * 1024  # bytes of a survey file: an hour of recordings
_ORDER = 'give {"sections": […]}, every section of the survey once, by URL or id, in the order of the call'
_SECTION = relation("section-template")


class SurveySchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    name: Annotated[str, text(90, blank=False)]
    tts_language: Annotated[str, text(20, blank=False, check=check_language)] = "en"
    description: Annotated[str, text(2000, multiline=True)] = ""
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Surveys(Resource):
    path = "survey-template"
    model = SurveyTemplate
    schema = SurveySchema
    example = {"name": "Reminder", "tts_language": "en"}  # noqa: RUF012
    summary = "Surveys being written; seal one to call with it"
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"name", "tts_language"})
    ordering = ("id", "name", "created_date", "updated_date")

    def visible(self, user: User) -> Any:
        return scope.owned(SurveyTemplate.user, user)

    def actions(self) -> Iterable[Action]:
        return (
            Action("import", "POST", lambda ctx, _: self._import(ctx), below_row=False),
            Action("export", "GET", self._export),
            Action("lint", "GET", self._lint),
            Action("copy", "POST", self._copy),
            Action("order", "POST", self._order),
            Action("seal", "POST", self._seal),
        )

    def _seal(self, ctx: Context, survey_id: int) -> Response:
        no_query(ctx)
        if read_body(ctx, empty=True):
            raise ApiError(400, {"detail": "sealing takes nothing: send no body, or {}"})
        sealed = ctx.registry["sealed-survey"]

        def make() -> tuple[dict[str, Any], str]:
            try:
                row = surveys.seal(self.find(ctx, survey_id), ctx.now)
            except surveys.SurveyFaulty as exc:
                raise ApiError(400, {"detail": str(exc), "findings": told(exc.findings)}) from exc
            return sealed.show(ctx, row), sealed.address(ctx, row)

        with writing(ctx):
            answer = once(ctx, make, sealed.remembered)
        return created(answer)

    def _lint(self, ctx: Context, survey_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            template = self.find(ctx, survey_id)
            findings = lint(surveys.survey_of(template), surveys.data_names(template.user_id))
        return json_response(200, {"findings": told(findings)})

    def _export(self, ctx: Context, survey_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            return attachment(surveys.export(self.find(ctx, survey_id)), survey_id)

    def _copy(self, ctx: Context, survey_id: int) -> Response:
        no_query(ctx)
        self._must_see(ctx, survey_id)
        body = read_body(ctx, empty=True)
        name = body.pop("name", None)
        if body:
            raise bad_fields({field[:100]: ["no such field: copying takes name"] for field in body})
        if name is not None:
            name = _name(name)

        def make() -> tuple[dict[str, Any], str]:
            template = self.find(ctx, survey_id)
            return self._made(ctx, surveys.copy(template, name or f"{template.name[:83]} (copy)", ctx.now))

        with writing(ctx):
            answer = once(ctx, make, self.remembered)
        return created(answer)

    def _order(self, ctx: Context, survey_id: int) -> Response:
        no_query(ctx)
        self._must_see(ctx, survey_id)
        refuse_key(ctx)
        body = read_body(ctx)
        given = body.get("sections")
        if len(body) != 1 or not isinstance(given, list):
            raise bad_fields({"sections": [f"is missing, or not alone: {_ORDER}"]})
        try:
            ids = [int(_SECTION.parse(one)) for one in given]
        except ValueError as exc:
            raise bad_fields({"sections": [f"{exc}; {_ORDER}"]}) from None
        with writing(ctx):
            template = self.find(ctx, survey_id)
            surveys.put_in_order(template, ids, ctx.now)
            rows = SectionTemplate.select().where(SectionTemplate.survey == template.id)
            shown = ctx.registry["section-template"].show_all(ctx, list(rows.order_by(SectionTemplate.order)))
        return json_response(200, {"sections": shown})

    def _import(self, ctx: Context) -> Response:
        must_create(ctx, self)
        no_query(ctx)
        # Converting takes a while, and is over before the transaction begins.
        file = survey_file.read(read_json(ctx.request, IMPORT_MAX)).converted(to_wav)

        def make() -> tuple[dict[str, Any], str]:
            return self._made(ctx, surveys.add(file, ctx.user.id, ctx.now, sip_uris=scope.is_superuser(ctx.user)))

        with writing(ctx):
            answer = once(ctx, make, self.remembered)
        return created(answer)

    def _must_see(self, ctx: Context, survey_id: int) -> None:
        """Whose it is comes before what is wrong with the body."""
        with ctx.services.store.reading():
            self.find(ctx, survey_id)

    def _made(self, ctx: Context, row: SurveyTemplate) -> tuple[dict[str, Any], str]:
        return self.show(ctx, row), self.address(ctx, row)


def told(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [
        {"section": one.section_id, "severity": one.severity, "code": one.code, "message": one.message}
        for one in findings
    ]


def attachment(file: survey_file.SurveyFile, row_id: int) -> Response:
    """A survey file that a browser saves, and that import takes."""
    name = f'attachment; filename="survey-{row_id}.json"'
    return Response(200, file.to_text().encode("utf-8"), {"Content-Type": JSON_TYPE, "Content-Disposition": name})


def _name(value: Any) -> str:
    try:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("is blank, or no string: give a name")
        return check_text("name", value)
    except ValueError as exc:
        raise bad_fields({"name": [str(exc)]}) from None
