"""From a survey template and its recordings to the immutable survey that calls play."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fs_app.domain.enums import AlarmResult, SectionType
from fs_app.domain.lint import lint
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.store.models import AudioFile, BranchingTemplate, SealedSurvey, SectionTemplate
from httpapi.context import raw
from httpapi.errors import ApiError

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
)


def survey_of(template: Any) -> Survey:
    """The survey as it stands, its recordings named by the SHA-256 of their bytes."""
    rows = list(SectionTemplate.select().where(SectionTemplate.survey == template.id).order_by(SectionTemplate.id))
    files = {raw(row, name) for row in rows for name in ("audiofile", "invalid_audiofile")} - {None}
    sounds = {f.id: str(raw(f, "blob")) for f in AudioFile.select().where(AudioFile.id.in_(list(files)))}
    branches: dict[int, list[Branch]] = {row.id: [] for row in rows}
    ways = (
        BranchingTemplate.select().where(BranchingTemplate.section.in_(list(branches))).order_by(BranchingTemplate.id)
    )
    for way in ways:
        branches[raw(way, "section")].append(Branch(way.keys, raw(way, "goto")))
    return Survey(
        name=template.name,
        description=template.description,
        tts_language=template.tts_language,
        sections=tuple(_section(row, sounds, tuple(branches[row.id])) for row in rows),
    )


def _section(row: Any, sounds: dict[int, str], branches: tuple[Branch, ...]) -> Section:
    results = None if row.results is None else {k: AlarmResult(v) for k, v in row.results.items()}
    return Section(
        id=row.id,
        type=SectionType(row.type),
        audio=sounds.get(raw(row, "audiofile")),
        invalid_audio=sounds.get(raw(row, "invalid_audiofile")),
        results=results,
        branches=branches,
        **{name: getattr(row, name) for name in _SAME},
    )


def seal(now: datetime, template: Any) -> SealedSurvey:
    """Store the copy. Raises ApiError 400 with every finding when one of them is an error.

    Recordings are kept by content, so that deleting or replacing an audio file leaves sealed surveys as they were.
    """
    survey = survey_of(template)
    findings = lint(survey)
    if any(finding.severity == "error" for finding in findings):
        told = [
            {"section": f.section_id, "severity": f.severity, "code": f.code, "message": f.message} for f in findings
        ]
        raise ApiError(400, {"detail": "this survey cannot be sealed: correct what was found", "findings": told})
    return SealedSurvey.create(
        user=raw(template, "user"),
        template=template.id,
        name=survey.name,
        description=survey.description,
        tts_language=survey.tts_language,
        content=survey.to_json(),
        content_hash=survey.content_hash(),
        created_date=now,
        updated_date=now,
    )
