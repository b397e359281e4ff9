"""A survey in one JSON file, with its recordings: what ``export`` writes and ``import`` reads.

    {"format": "fs-app survey", "version": 1,
     "survey": {"name": …, "sections": [{"id": 1, "type": 3, …, "branches": [{"keys": "1", "goto": 2}]}, …]},
     "audio": {"<SHA-256 of the recording>": {"name": "greeting", "wav": "<base64>"}}}

One survey has exactly one text. Sections are numbered in the order of the call, so that the text does not depend on
which database it came from; what is imported and exported again is the same, byte for byte. A field that has its
default may be left out by whoever writes such a file by hand.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, cast

from fs_app.domain.enums import AlarmResult, SectionType
from fs_app.domain.survey import Branch, Section, Survey, Translation
from fs_app.domain.survey_limits import (
    BRANCHES_MAX,
    KEY_WORDS,
    NUMBERS,
    SECTIONS_MAX,
    TEXTS,
    check_branch_keys,
    check_languages,
    check_results,
    check_text,
)
from fs_app.domain.texts import clean_text
from fs_app.errors import InvalidInput

FORMAT, VERSION = "fs-app survey", 1
AUDIO_NAME = 150  # characters
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording and what its owner calls it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SurveyFile:
    """``sounds`` has every recording of the survey, by the SHA-256 hex digest of its bytes, and no others."""

    survey: Survey
    sounds: Mapping[str, Sound]

    def to_text(self) -> str:
        survey = asdict(in_order(self.survey))
        audio = {
            digest: {"name": sound.name, "wav": base64.b64encode(sound.content).decode("ascii")}
            for digest, sound in self.sounds.items()
        }
        whole = {"format": FORMAT, "version": VERSION, "survey": survey, "audio": audio}
        return json.dumps(whole, sort_keys=True, ensure_ascii=False, indent=1) + "\n"

    def converted(self, convert: Callable[[bytes, str], bytes]) -> SurveyFile:
        """Every recording through ``convert(bytes, field)``, which raises InvalidInput for what is no recording."""
        sounds, now_called = {}, {}
        for digest, sound in self.sounds.items():
            content = convert(sound.content, f"audio.{digest}")
            now_called[digest] = hashlib.sha256(content).hexdigest()
            sounds[now_called[digest]] = replace(sound, content=content)
        return SurveyFile(with_audio(self.survey, now_called), sounds)


def in_order(survey: Survey) -> Survey:
    """The same survey with its sections numbered from 1 in the order of the call, and its branches sorted.

    A branch to a section that is not there hangs up, as it would in a call.
    """
    ordered = sorted(survey.sections, key=lambda s: (s.order, s.id))
    place = {section.id: n for n, section in enumerate(ordered, start=1)}

    def moved(section: Section) -> Section:
        ways = (Branch(b.keys, None if b.goto is None else place.get(b.goto)) for b in section.branches)
        branches = tuple(sorted(ways, key=lambda b: b.keys))
        return replace(section, id=place[section.id], branches=branches)

    return replace(survey, sections=tuple(moved(section) for section in ordered))


def with_audio(survey: Survey, names: Mapping[str, str]) -> Survey:
    """The same survey with its recordings called otherwise. Raises KeyError for one that ``names`` lacks."""

    def named(digest: str | None) -> str | None:
        return None if digest is None else names[digest]

    def moved(section: Section) -> Section:
        translations = {
            tag: replace(words, audio=named(words.audio), invalid_audio=named(words.invalid_audio))
            for tag, words in section.translations.items()
        }
        audio, invalid = named(section.audio), named(section.invalid_audio)
        return replace(section, audio=audio, invalid_audio=invalid, translations=translations)

    return replace(survey, sections=tuple(moved(section) for section in survey.sections))


# -- reading what others wrote


def read_text(text: str | bytes) -> SurveyFile:
    """The survey of a file. Raises InvalidInput naming the place, such as ``survey.sections[2].timeout``.

    The recordings are only checked against their names: put them through :meth:`SurveyFile.converted`.
    """
    try:
        raw = json.loads(text if isinstance(text, str) else text.decode("utf-8"), parse_constant=_constant)
    except (ValueError, RecursionError) as exc:
        raise InvalidInput("file", f"is not a survey in JSON: {str(exc)[:200]}") from None
    return read(raw)


def read(raw: object) -> SurveyFile:
    """As :func:`read_text`, of what the JSON text held."""
    whole = _object(raw, "file", ("format", "version", "survey", "audio"))
    if whole.get("format") != FORMAT:
        raise InvalidInput("format", f'is not "{FORMAT}": give a file that export has written')
    if whole.get("version") != VERSION:
        raise InvalidInput("version", f"is not {VERSION}: this file is of another release")
    survey = _survey(whole.get("survey"))
    sounds = _sounds(whole.get("audio", {}))
    wanted = survey.audio_hashes()
    for digest in sorted(wanted - sounds.keys()):
        raise InvalidInput(f"audio.{digest}", "is missing: a section plays it")
    return SurveyFile(survey, {digest: sounds[digest] for digest in sorted(wanted)})


def _survey(raw: object) -> Survey:
    given = _object(raw, "survey", ("name", "description", "tts_language", "sections"))
    texts = {name: _text(given[name], f"survey.{name}", name) for name in given if name != "sections"}
    for name in ("name", "tts_language"):
        if not texts.get(name, "en" if name == "tts_language" else "").strip():
            raise InvalidInput(f"survey.{name}", "is required")
    listed = _list(given.get("sections"), "survey.sections", SECTIONS_MAX)
    sections = tuple(_section(one, f"survey.sections[{n}]") for n, one in enumerate(listed))
    known = {section.id for section in sections}
    if len(known) != len(sections):
        raise InvalidInput("survey.sections", "two sections have the same id: give each its own")
    for n, section in enumerate(sections):
        for branch in section.branches:
            if branch.goto is not None and branch.goto not in known:
                raise InvalidInput(
                    f"survey.sections[{n}].branches", f"goes to section {branch.goto}, which is not in the file"
                )
    return Survey(sections=sections, **texts)


def _section(raw: object, at: str) -> Section:
    given = _object(raw, at, tuple(f.name for f in fields(Section)))
    for name in (f.name for f in fields(Section) if f.default is MISSING and f.default_factory is MISSING):
        if name not in given:
            raise InvalidInput(f"{at}.{name}", "is required")
    values = {name: _field(name, value, f"{at}.{name}") for name, value in given.items()}
    section = Section(**values)
    if section.min_number > section.max_number:
        raise InvalidInput(f"{at}.max_number", "is less than min_number: give a range")
    return section


def _field(name: str, value: object, at: str) -> Any:
    if name in NUMBERS:
        return _number(value, at, *NUMBERS[name])
    if name in TEXTS:
        return _text(value, at, name)
    if name in ("validate_number", "completed"):
        if not isinstance(value, bool):
            raise InvalidInput(at, "is neither true nor false")
        return value
    if name in ("audio", "invalid_audio"):
        return _digest(value, at)
    return _SPECIAL[name](value, at)


def _type(value: object, at: str) -> SectionType:
    try:
        return SectionType(_number(value, at, 1, len(SectionType)))
    except ValueError:
        raise InvalidInput(at, "is no type of section") from None


def _keys(value: object, at: str) -> dict[str, str]:
    given = _object(value, at, tuple("0123456789"))
    return {key: _words(words, f"{at}.{key}", KEY_WORDS, False) for key, words in given.items()}


def _results(value: object, at: str) -> dict[str, AlarmResult] | None:
    if value is None:
        return None
    checked = _checked(at, check_results, _object(value, at))
    return {digits: AlarmResult(result) for digits, result in checked.items()}


def _translations(value: object, at: str) -> dict[str, Translation]:
    given = _object(value, at)
    tags = _checked(at, check_languages, list(given))
    found = {}
    for tag, words in zip(tags, given.values(), strict=True):
        one = _object(words, f"{at}.{tag}", tuple(f.name for f in fields(Translation)))
        found[tag] = Translation(**{name: _field(name, one[name], f"{at}.{tag}.{name}") for name in one})
    return found


def _branches(value: object, at: str) -> tuple[Branch, ...]:
    found = []
    for n, one in enumerate(_list(value, at, BRANCHES_MAX)):
        given = _object(one, f"{at}[{n}]", ("keys", "goto"))
        keys = _checked(f"{at}[{n}].keys", check_branch_keys, _words(given.get("keys"), f"{at}[{n}].keys", 20, False))
        goto = given.get("goto")
        found.append(Branch(keys, None if goto is None else _number(goto, f"{at}[{n}].goto", 1, 2**31 - 1)))
    if len({branch.keys for branch in found}) != len(found):
        raise InvalidInput(at, "has two branches for the same keys: keep one")
    return tuple(found)


_SPECIAL: Mapping[str, Callable[[object, str], Any]] = {
    "id": lambda value, at: _number(value, at, 1, 2**31 - 1),
    "type": _type,
    "keys": _keys,
    "results": _results,
    "translations": _translations,
    "branches": _branches,
}


def _sounds(raw: object) -> dict[str, Sound]:
    found = {}
    for digest, one in _object(raw, "audio").items():
        at = f"audio.{digest[:64]}"
        given = _object(one, at, ("name", "wav"))
        name = _words(given.get("name"), f"{at}.name", AUDIO_NAME, False)
        if not name.strip():
            raise InvalidInput(f"{at}.name", "is blank: give at least one visible character")
        try:
            content = base64.b64decode(str(given.get("wav", "")), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidInput(f"{at}.wav", "is not base64") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise InvalidInput(at, "is not the SHA-256 of its bytes: the file is damaged")
        found[digest] = Sound(name, content)
    return found


# -- shapes


def _object(value: object, at: str, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(at, "is missing, or no JSON object")
    for name in value:
        if names is not None and name not in names:
            raise InvalidInput(f"{at}.{name[:100]}", f"no such field: there are {', '.join(names)}")
    return cast(dict[str, Any], value)


def _list(value: object, at: str, maximum: int) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(at, "is missing, or no JSON array")
    if len(value) > maximum:
        raise InvalidInput(at, f"has {len(value)} entries: at most {maximum}")
    return value


def _number(value: object, at: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(at, f"is no whole number from {least} to {most}")
    return value


def _words(value: object, at: str, maximum: int, multiline: bool) -> str:
    if not isinstance(value, str):
        raise InvalidInput(at, "is missing, or no string")
    return str(_checked(at, lambda words: clean_text(words, maximum, multiline), value))


def _text(value: object, at: str, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(at, "is no string")
    return str(_checked(at, lambda words: check_text(name, words), value))


def _digest(value: object, at: str) -> str | None:
    if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
        raise InvalidInput(at, "is not the SHA-256 of a recording, 64 hexadecimal digits")
    return value


def _checked(at: str, check: Callable[[Any], Any], value: Any) -> Any:
    try:
        return check(value)
    except InvalidInput as exc:
        raise InvalidInput(at, exc.message) from None
    except ValueError as exc:
        raise InvalidInput(at, str(exc)) from None


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
