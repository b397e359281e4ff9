"""Sealed surveys: the immutable copies that calls play."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.store import surveys
from fs_app.store.models import SealedSurvey, User
from httpapi import scope
from httpapi.context import Context
from httpapi.crud import no_query
from httpapi.kinds import READ_ONLY, moment, own_url, relation, shown, text
from httpapi.resource import MANAGERS, Action, Resource
from httpapi.routes.survey import attachment
from httpapi.schema import Schema
from httpapi.web import Response


class SealedSurveySchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    name: Annotated[str, text(90), READ_ONLY]
    description: Annotated[str, text(2000), READ_ONLY]
    tts_language: Annotated[str, text(20), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username"), READ_ONLY]
    template: Annotated[int | None, relation("survey-template"), READ_ONLY]
    content_hash: Annotated[str, text(64), READ_ONLY]
    sections: Annotated[list[Any], shown({"type": "array", "items": {"type": "object"}}), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class SealedSurveys(Resource):
    path = "sealed-survey"
    model = SealedSurvey
    schema = SealedSurveySchema
    summary = "Sealed surveys: sections with their branching, and the SHA-256 of the whole content"
    readers = MANAGERS
    collection = ("GET", "HEAD", "OPTIONS")
    item = ("GET", "HEAD", "OPTIONS")
    filters = frozenset({"name", "content_hash", "template"})
    ordering = ("id", "name", "created_date")

    def visible(self, user: User) -> Any:
        return scope.owned(SealedSurvey.user, user)

    def actions(self) -> Iterable[Action]:
        return (Action("export", "GET", self._export),)

    def _export(self, ctx: Context, survey_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            return attachment(surveys.export_sealed(self.find(ctx, survey_id)), survey_id)

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        return {row.id: {"sections": json.loads(row.content)["sections"]} for row in rows}
