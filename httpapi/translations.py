"""The ``translations`` of a section, as they come and as they are shown: words and recordings by language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fs_app.domain.survey_limits import check_languages, check_text
from httpapi.context import Context
from httpapi.kinds import Kind, relation
from httpapi.resource import Change

AUDIO = "audio-files"
RECORDINGS = ("audiofile", "invalid_audiofile")
TEXTS = ("script", "confirm_script", "sms_text")
_EXAMPLE = '{"fr": {"script": "Bonjour {name}."}}'
_RECORDING = relation(AUDIO)


def by_language() -> Kind:
    """An object of languages; of each, an object of texts and audio files, any of which may be left out."""
    words = {"type": "string"}
    file = {"type": ["string", "integer", "null"], "description": "an audio-files: its URL, path or id"}
    properties = dict.fromkeys(TEXTS, words) | dict.fromkeys(RECORDINGS, file)
    one = {"type": "object", "properties": properties, "additionalProperties": False}
    schema = {"type": "object", "additionalProperties": one, "example": {"fr": {"script": "Bonjour {name}."}}}
    return Kind(parse=_parse, schema=schema)


def _parse(value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError(f"is no object: give languages with their words, such as {_EXAMPLE}")
    tags = check_languages(list(value))
    return {tag: _one(tag, words) for tag, words in zip(tags, value.values(), strict=True)}


def _one(tag: str, words: Any) -> dict[str, Any]:
    if not isinstance(words, dict):
        raise ValueError(f"{tag}: is no object: give words such as {_EXAMPLE}")
    found: dict[str, Any] = dict.fromkeys(TEXTS, "") | dict.fromkeys(RECORDINGS)
    for name, given in words.items():
        try:
            if name in TEXTS and isinstance(given, str):
                found[name] = check_text(name, given)
            elif name in TEXTS:
                raise ValueError("is no string")
            elif name not in RECORDINGS:
                raise ValueError(f"there is no such field: use {', '.join((*TEXTS, *RECORDINGS))}")
            elif given is not None:
                found[name] = _RECORDING.parse(given)
        except ValueError as exc:
            raise ValueError(f"{tag}.{name[:100]}: {exc}") from None
    return found


def recordings(value: Mapping[str, Mapping[str, Any]]) -> set[int]:
    """The ids of the audio files in there."""
    return {words[name] for words in value.values() for name in RECORDINGS if words.get(name) is not None}


def check_recordings(ctx: Context, change: Change) -> None:
    """Whoever asks must see each recording, unless it is there already."""
    if "translations" not in change.values:
        return
    before = recordings(change.row.translations) if change.row is not None else set()  # type: ignore[attr-defined]
    new = recordings(change.values["translations"]) - before
    if new:
        files = ctx.registry[AUDIO]
        seen = {row.id for row in files.query(ctx).where(files.model.id.in_(sorted(new)))}
        for missing in sorted(new - seen):
            change.errors.add("translations", f"no {AUDIO} {missing}: it does not exist, or it is not yours")


def shown(ctx: Context, value: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """As it is stored, but recordings as addresses."""
    names: Iterable[str] = (*TEXTS, *RECORDINGS)

    def one(words: Mapping[str, Any], name: str) -> Any:
        given = words.get(name)
        if name in RECORDINGS:
            return None if given is None else ctx.url(AUDIO, given)
        return given or ""

    return {tag: {name: one(words, name) for name in names} for tag, words in value.items()}
