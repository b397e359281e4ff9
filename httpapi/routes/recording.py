"""What callees said: the recordings of record-message sections. Read-only; whoever sees the call hears them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.store.models import AudioBlob, CallRequest, SurveyAnswer, User
from httpapi.context import Context, raw
from httpapi.crud import no_query
from httpapi.kinds import READ_ONLY, moment, own_url, relation, shown, text
from httpapi.ranges import sound
from httpapi.resource import Action, Resource
from httpapi.routes.log import CallRequests, questions
from httpapi.schema import Schema
from httpapi.web import Response

_READ = ("GET", "HEAD", "OPTIONS")
_INTEGER: dict[str, Any] = {"type": "integer"}
_STRING: dict[str, Any] = {"type": "string"}


class RecordingSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    callrequest: Annotated[int, relation("callrequest"), READ_ONLY]
    section: Annotated[int, shown(_INTEGER), READ_ONLY]
    question: Annotated[str, shown(_STRING), READ_ONLY]
    seconds: Annotated[int, shown(_INTEGER), READ_ONLY]
    content: Annotated[str, text(2000), READ_ONLY]
    sha256: Annotated[str, shown(_STRING), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]


class Recordings(Resource):
    path = "recording"
    model = SurveyAnswer
    schema = RecordingSchema
    summary = "What callees said after the tone: seconds of it, and at content/ the WAV file"
    collection = _READ
    item = _READ
    filters = frozenset({"callrequest", "created_date"})
    ordering = ("id", "created_date")

    def visible(self, user: User) -> Any:
        condition = SurveyAnswer.recording.is_null(False)
        calls = CallRequests().visible(user)
        if calls is None:
            return condition
        return condition & SurveyAnswer.callrequest.in_(CallRequest.select(CallRequest.id).where(calls))

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        asked = questions({raw(row, "survey") for row in rows})
        return {
            row.id: {
                "section": row.section_id,
                "question": asked.get((raw(row, "survey"), row.section_id), ""),
                "seconds": row.recording_seconds,
                "content": ctx.url(self.path, row.id, "content/"),
                "sha256": raw(row, "recording"),
            }
            for row in rows
        }

    def actions(self) -> Iterable[Action]:
        return (
            Action("content", "GET", self._content, summary="The sound", gives={"type": "string"}, media="audio/wav"),
        )

    def _content(self, ctx: Context, answer_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            blob = AudioBlob.get_by_id(raw(self.find(ctx, answer_id), "recording"))
        return sound(ctx.request, bytes(blob.content), f"recording-{answer_id}", blob.sha256)
