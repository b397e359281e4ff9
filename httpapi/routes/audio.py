"""Recordings: uploaded once, kept by content."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import wave
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fs_app.store.models import AudioBlob, AudioFile, User
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.crud import no_query
from httpapi.kinds import READ_ONLY, WRITE_ONLY, Kind, moment, own_url, relation, shown, text
from httpapi.resource import MANAGERS, Action, Change, Resource
from httpapi.schema import Schema
from httpapi.web import Response

_WANTED = "give RIFF/WAVE with 8- or 16-bit PCM, one or two channels, 8000 to 48000 samples a second"


def check_wave(content: bytes) -> bytes:
    """``content`` itself when FreeSWITCH can play it as it is. Raises ValueError saying what would be right."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError(f"is not a WAVE file: {_WANTED}")
    try:
        with wave.open(io.BytesIO(content)) as sound:
            channels, width, rate = sound.getnchannels(), sound.getsampwidth(), sound.getframerate()
            frames = len(sound.readframes(sound.getnframes())) // (channels * width)
    except (wave.Error, EOFError, ValueError, ZeroDivisionError, RuntimeError) as exc:
        raise ValueError(f"cannot be read as PCM ({exc or 'it is cut short'}): {_WANTED}") from None
    if channels not in (1, 2) or width not in (1, 2) or not 8000 <= rate <= 48_000:
        raise ValueError(f"has {channels} channels of {8 * width} bits at {rate} Hz: {_WANTED}")
    if not frames:
        raise ValueError(f"holds no sound: {_WANTED}")
    return content


def _recording(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            value = base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("is not base64: send the file as base64, or as multipart/form-data") from None
    if not isinstance(value, bytes):
        raise ValueError("is no file: send it as base64, or as multipart/form-data")
    return check_wave(value)


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
    summary = "Recordings: audio_file as base64 in JSON or as a file of multipart/form-data; size in bytes"
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"name"})
    ordering = ("id", "name", "created_date")
    put_optional = frozenset({"audio_file"})
    max_body = 20 * 1024 * 1024
    multipart = True

    def visible(self, user: User) -> Any:
        return scope.owned(AudioFile.user, user)

    def check(self, ctx: Context, change: Change) -> None:
        if change.row is not None and "audio_file" in change.values:
            change.errors.add("audio_file", "a recording never changes: upload a new one, and refer to that")

    def columns(self, change: Change) -> dict[str, Any]:
        columns = {name: value for name, value in change.values.items() if name != "audio_file"}
        if change.row is None:
            content: bytes = change.values["audio_file"]
            digest = hashlib.sha256(content).hexdigest()
            AudioBlob.insert(sha256=digest, extension="wav", content=content).on_conflict_ignore().execute()
            columns |= {"blob": digest, "size": len(content)}
        return columns

    def computed(self, ctx: Context, rows: list[Any]) -> dict[int, dict[str, Any]]:
        return {row.id: {"sha256": raw(row, "blob")} for row in rows}

    def actions(self) -> Iterable[Action]:
        return (Action("content", "GET", self._content),)

    def _content(self, ctx: Context, file_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            blob = AudioBlob.get_by_id(raw(self.find(ctx, file_id), "blob"))
        return Response(200, bytes(blob.content), {"Content-Type": "audio/wav"})
