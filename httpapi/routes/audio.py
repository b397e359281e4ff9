"""Recordings: uploaded once, kept by content."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.audio import BYTES_MAX, to_wav
from fs_app.errors import InvalidInput
from fs_app.store import surveys
from fs_app.store.models import AudioBlob, AudioFile, SectionTemplate, User
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.crud import no_query
from httpapi.errors import conflict
from httpapi.kinds import READ_ONLY, WRITE_ONLY, Kind, moment, own_url, relation, shown, text
from httpapi.ranges import sound
from httpapi.resource import MANAGERS, Action, Change, Resource
from httpapi.schema import Schema
from httpapi.web import Response


def _recording(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            value = base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("is not base64: send the file as base64, or as multipart/form-data") from None
    if not isinstance(value, bytes):
        raise ValueError("is no file: send it as base64, or as multipart/form-data")
    if len(value) > BYTES_MAX:
        raise ValueError(f"has {len(value)} bytes: at most {BYTES_MAX}; mp3 or ogg takes less room")
    return value


class AudioFileSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    name: Annotated[str, text(150, blank=False)]
    audio_file: Annotated[
        bytes, Kind(parse=_recording, schema={"type": "string", "contentEncoding": "base64"}), WRITE_ONLY
    ]
    size: Annotated[int, shown({"type": "integer"}), READ_ONLY]
    sha256: Annotated[str, shown({"type": "string"}), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]


class AudioFiles(Resource):
    path = "audio-files"
    model = AudioFile
    schema = AudioFileSchema
    example = {"name": "welcome", "audio_file": "UklGRg=="}  # noqa: RUF012
    summary = "Recordings in any common format: audio_file as base64 in JSON or as a file of multipart/form-data"
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"name"})
    ordering = ("id", "name", "created_date")
    put_optional = frozenset({"audio_file"})
    max_body = 28 * 1024 * 1024  # 20 MiB in base64
    multipart = True

    def visible(self, user: User) -> Any:
        return scope.owned(AudioFile.user, user)

    def prepare(self, ctx: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Any common format becomes what the switch plays best; that takes a while."""
        try:
            return {"wav": to_wav(_recording(body["audio_file"]))} if "audio_file" in body else {}
        except InvalidInput as exc:
            return {"refused": exc.message}
        except ValueError:
            return {}  # the schema says so

    def check(self, ctx: Context, change: Change) -> None:
        if change.row is not None and "audio_file" in change.values:
            change.errors.add("audio_file", "a recording never changes: upload a new one, and refer to that")
        elif "refused" in change.prepared:
            change.errors.add("audio_file", change.prepared["refused"])

    def before_delete(self, ctx: Context, row: Any) -> None:
        playing = surveys.templates_playing(row.id)
        if playing:
            sections = ctx.registry["section-template"]
            seen = {one.id for one in sections.query(ctx).where(SectionTemplate.id.in_([p.id for p in playing]))}
            used = [sections.address(ctx, one) for one in playing if one.id in seen][:10]
            raise conflict("a section plays this recording in another language: change that first", used_by=used)

    def columns(self, change: Change) -> dict[str, Any]:
        columns = {name: value for name, value in change.values.items() if name != "audio_file"}
        if change.row is None:
            content: bytes = change.prepared["wav"]
            columns |= {"blob": surveys.keep_sound(content), "size": len(content)}
        return columns

    def computed(self, ctx: Context, rows: list[Any]) -> dict[int, dict[str, Any]]:
        return {row.id: {"sha256": raw(row, "blob")} for row in rows}

    def actions(self) -> Iterable[Action]:
        return (
            Action("content", "GET", self._content, summary="The sound", gives={"type": "string"}, media="audio/wav"),
        )

    def _content(self, ctx: Context, file_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            blob = AudioBlob.get_by_id(raw(self.find(ctx, file_id), "blob"))
        return sound(ctx.request, bytes(blob.content), f"audio-{file_id}", blob.sha256)
