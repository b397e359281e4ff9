"""Survey templates as survey values and back: sealing, copying, exporting, importing, putting in order.

Every function runs inside a transaction that its caller has opened. Whose template it is, is the caller's to check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fs_app.domain.enums import AlarmResult, SectionType
from fs_app.domain.lint import Finding, lint
from fs_app.domain.phone import is_sip_uri
from fs_app.domain.survey import Branch, Section, Survey, Translation
from fs_app.domain.survey_file import Sound, SurveyFile
from fs_app.errors import FsAppError, InvalidInput
from fs_app.store.models import (
    AudioBlob,
    AudioFile,
    BranchingTemplate,
    Calendar,
    Event,
    SealedSurvey,
    SectionTemplate,
    SurveyTemplate,
    User,
)

# Columns that a section and its template have in common, by the same name and meaning.
_SAME = (
    "order",
    "question",
    "script",
    "retries",
    "timeout",
    "keys",
    "rating_laps",
    "validate_number",
    "number_digits",
    "min_number",
    "max_number",
    "phonenumber",
    "confirm_script",
    "confirm_key",
    "conference",
    "sms_text",
    "completed",
    "record_seconds",
    "record_silence",
)
_EVENTS = 200  # that are looked at for what their data is called
_SPOKEN = ("script", "confirm_script", "sms_text")  # of a translation, the same in the row


class SurveyFaulty(FsAppError):
    """Correct what was found, then seal again; `fs-app survey lint` shows it at any time."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        faults = sum(finding.severity == "error" for finding in findings)
        super().__init__(f"the survey has {faults} error{'s' if faults > 1 else ''} and cannot be sealed")
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class _Loaded:
    survey: Survey
    names: Mapping[str, str]  # of the recordings, by their SHA-256


# -- reading


def survey_of(template: SurveyTemplate) -> Survey:
    """The survey as it stands, its recordings named by the SHA-256 of their bytes; section ids are row ids."""
    return _load(template).survey


def export(template: SurveyTemplate) -> SurveyFile:
    """The template as it stands, with its recordings."""
    loaded = _load(template)
    return SurveyFile(loaded.survey, _sounds(loaded.survey, loaded.names))


def export_sealed(sealed: SealedSurvey) -> SurveyFile:
    """A sealed survey with its recordings, whose names are not part of it: they are called after their content."""
    survey = Survey.from_json(str(sealed.content))
    return SurveyFile(survey, _sounds(survey, {}))


def data_names(manager_id: int) -> frozenset[str] | None:
    """The names in the data of the manager's latest events; None when it has no event to tell by."""
    mine = User.select(User.id).where((User.manager == manager_id) | (User.id == manager_id))
    calendars = Calendar.select(Calendar.id).where(Calendar.user.in_(mine))
    rows = Event.select(Event.data).where(Event.calendar.in_(calendars)).order_by(Event.id.desc()).limit(_EVENTS)
    found = [row.data or {} for row in rows]
    return frozenset(name for data in found for name in data) if found else None


def templates_playing(audio_file_id: int) -> list[SectionTemplate]:
    """The sections that play this recording in one of their translations, which no foreign key can tell."""
    rows = SectionTemplate.select().where(SectionTemplate.translations != {})
    return [row for row in rows if audio_file_id in _translated_files(row)]


def _load(template: SurveyTemplate) -> _Loaded:
    rows = list(SectionTemplate.select().where(SectionTemplate.survey == template.id).order_by(SectionTemplate.id))
    wanted = {_raw(row, name) for row in rows for name in ("audiofile", "invalid_audiofile")} - {None}
    for row in rows:
        wanted |= _translated_files(row)
    files = list(AudioFile.select().where(AudioFile.id.in_(list(wanted))).order_by(AudioFile.name))
    digests = {file.id: str(_raw(file, "blob")) for file in files}
    names = {digests[file.id]: str(file.name) for file in reversed(files)}
    ways: dict[int, list[Branch]] = {row.id: [] for row in rows}
    branches = BranchingTemplate.select().where(BranchingTemplate.section.in_(list(ways)))
    for way in branches.order_by(BranchingTemplate.id):
        ways[_raw(way, "section")].append(Branch(way.keys, _raw(way, "goto")))
    survey = Survey(
        name=template.name,
        description=template.description,
        tts_language=template.tts_language,
        sections=tuple(_section(row, digests, tuple(ways[row.id])) for row in rows),
    )
    return _Loaded(survey, names)


def _section(row: Any, digests: Mapping[int, str], branches: tuple[Branch, ...]) -> Section:
    translations = {
        tag: Translation(
            audio=digests.get(words.get("audiofile")),
            invalid_audio=digests.get(words.get("invalid_audiofile")),
            **{name: words.get(name, "") for name in _SPOKEN},
        )
        for tag, words in row.translations.items()
    }
    return Section(
        id=row.id,
        type=SectionType(row.type),
        audio=digests.get(_raw(row, "audiofile")),
        invalid_audio=digests.get(_raw(row, "invalid_audiofile")),
        results=None if row.results is None else {k: AlarmResult(v) for k, v in row.results.items()},
        translations=translations,
        branches=branches,
        **{name: getattr(row, name) for name in _SAME},
    )


def _sounds(survey: Survey, names: Mapping[str, str]) -> dict[str, Sound]:
    blobs = AudioBlob.select().where(AudioBlob.sha256.in_(sorted(survey.audio_hashes())))
    return {
        str(blob.sha256): Sound(names.get(blob.sha256, f"recording {blob.sha256[:12]}"), bytes(blob.content))
        for blob in blobs
    }


# -- writing


def seal(template: SurveyTemplate, now: datetime) -> SealedSurvey:
    """Store the immutable copy: words, branches, and recordings by content. Raises SurveyFaulty.

    Nothing that happens to the template or its audio files afterwards reaches it.
    """
    survey = survey_of(template)
    findings = lint(survey)
    if any(finding.severity == "error" for finding in findings):
        raise SurveyFaulty(findings)
    sealed: SealedSurvey = SealedSurvey.create(
        user=template.user_id,
        template=template.id,
        name=survey.name,
        description=survey.description,
        tts_language=survey.tts_language,
        content=survey.to_json(),
        content_hash=survey.content_hash(),
        created_date=now,
        updated_date=now,
    )
    return sealed


def copy(template: SurveyTemplate, name: str, now: datetime) -> SurveyTemplate:
    """Another template of the same owner with the same sections, branches and audio files."""
    made: SurveyTemplate = SurveyTemplate.create(
        **{**template.__data__, "id": None, "name": name, "created_date": now, "updated_date": now}
    )
    moved: dict[int, int] = {}
    rows = SectionTemplate.select().where(SectionTemplate.survey == template.id)
    for row in rows.order_by(SectionTemplate.order, SectionTemplate.id):
        again = {**row.__data__, "id": None, "survey": made.id, "created_date": now, "updated_date": now}
        moved[row.id] = SectionTemplate.create(**again).id
    ways = BranchingTemplate.select().where(BranchingTemplate.section.in_(list(moved)))
    for way in ways.order_by(BranchingTemplate.id):
        _branch(moved[_raw(way, "section")], way.keys, moved.get(_raw(way, "goto")), now)
    return made


def add(file: SurveyFile, user_id: int, now: datetime, *, sip_uris: bool = False) -> SurveyTemplate:
    """A new template of that user from a file whose recordings have been converted.

    An audio file of the user that has the same name and bytes is used again. Raises InvalidInput where a section
    transfers to a SIP URI, unless ``sip_uris`` says that an administrator is asking.
    """
    survey = file.survey
    if not sip_uris and any(is_sip_uri(section.phonenumber) for section in survey.sections):
        raise InvalidInput(
            "survey.sections", "a section transfers to a SIP URI, which only a superuser may set up: give a number"
        )
    files = {digest: _audio_file(sound, digest, user_id, now) for digest, sound in file.sounds.items()}
    made: SurveyTemplate = SurveyTemplate.create(
        user=user_id,
        name=survey.name,
        description=survey.description,
        tts_language=survey.tts_language,
        created_date=now,
        updated_date=now,
    )
    ids: dict[int, int] = {}
    for section in sorted(survey.sections, key=lambda s: (s.order, s.id)):
        ids[section.id] = SectionTemplate.create(
            survey=made.id, created_date=now, updated_date=now, **_columns(section, files)
        ).id
    for section in survey.sections:
        for branch in section.branches:
            _branch(ids[section.id], branch.keys, None if branch.goto is None else ids[branch.goto], now)
    return made


def put_in_order(template: SurveyTemplate, section_ids: Sequence[int], now: datetime) -> None:
    """Give the sections the orders 1, 2, 3 … as listed. Raises InvalidInput unless each is listed exactly once."""
    known = {row.id for row in SectionTemplate.select().where(SectionTemplate.survey == template.id)}
    if len(set(section_ids)) != len(section_ids):
        raise InvalidInput("sections", "names a section twice: name each one once")
    strange, missing = set(section_ids) - known, known - set(section_ids)
    if strange:
        raise InvalidInput("sections", f"{_listed(strange)} is no section of this survey")
    if missing:
        raise InvalidInput("sections", f"leaves out {_listed(missing)}: name every section of the survey")
    for place, section_id in enumerate(section_ids, start=1):
        SectionTemplate.update(order=place, updated_date=now).where(SectionTemplate.id == section_id).execute()


def keep_sound(content: bytes) -> str:
    """Store a converted recording by content, once. Returns its SHA-256 hex digest."""
    digest = hashlib.sha256(content).hexdigest()
    AudioBlob.insert(sha256=digest, extension="wav", content=content).on_conflict_ignore().execute()
    return digest


def _audio_file(sound: Sound, digest: str, user_id: int, now: datetime) -> int:
    keep_sound(sound.content)
    same = (AudioFile.user == user_id) & (AudioFile.name == sound.name) & (AudioFile.blob == digest)
    found = AudioFile.select().where(same).order_by(AudioFile.id).first()
    if found is None:
        found = AudioFile.create(user=user_id, name=sound.name, blob=digest, size=len(sound.content), created_date=now)
    return int(found.id)


def _columns(section: Section, files: Mapping[str, int]) -> dict[str, Any]:
    def file(digest: str | None) -> int | None:
        return None if digest is None else files[digest]

    translations = {
        tag: {
            "audiofile": file(words.audio),
            "invalid_audiofile": file(words.invalid_audio),
            **{name: getattr(words, name) for name in _SPOKEN},
        }
        for tag, words in section.translations.items()
    }
    results = section.results
    return {
        "type": section.type.value,
        "audiofile": file(section.audio),
        "invalid_audiofile": file(section.invalid_audio),
        "results": None if results is None else {digits: result.value for digits, result in results.items()},
        "translations": translations,
        **{name: getattr(section, name) for name in _SAME},
    }


def _branch(section_id: int, keys: str, goto: int | None, now: datetime) -> None:
    BranchingTemplate.create(section=section_id, keys=keys, goto=goto, created_date=now, updated_date=now)


def _translated_files(row: Any) -> set[int]:
    found = {words.get(name) for words in row.translations.values() for name in ("audiofile", "invalid_audiofile")}
    return found - {None}


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(str(one) for one in sorted(ids)[:10])


def _raw(row: Any, name: str) -> Any:
    """The column as stored: for a relation, the id."""
    return row.__data__.get(name)
