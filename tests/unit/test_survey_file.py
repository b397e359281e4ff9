"""A survey in a file: one text for one survey, and nothing gets in that could not be written over REST."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.enums import AlarmResult, SectionType
from fs_app.domain.survey import Branch, Section, Survey, Translation
from fs_app.domain.survey_file import Sound, SurveyFile, in_order, read, read_text
from fs_app.errors import InvalidInput
from tests.fakes.surveys import raw_surveys

SOUNDS = {hashlib.sha256(content).hexdigest(): Sound(name, content) for name, content in (("a", b"A"), ("b", b"B"))}
FIRST, SECOND = sorted(SOUNDS)
FULL = Survey(
    "Everything",
    (
        Section(
            id=70,
            type=SectionType.RATING,
            order=2,
            question="Coming?",
            script="Press 1,\n{name}.",
            audio=FIRST,
            invalid_audio=SECOND,
            keys={"1": "yes"},
            results={"1": AlarmResult.CONFIRMED},
            translations={"pt-br": Translation("Olá", FIRST, None, "Sim?", "Olá por SMS")},
            phonenumber="sip:desk@pbx.example:5060",
            confirm_key="#",
            conference="room-1",
            record_seconds=30,
            record_silence=0,
            completed=True,
            branches=(Branch("timeout", None), Branch("1", 9)),
        ),
        Section(id=9, type=SectionType.PLAY_MESSAGE, order=3, script="Thank you."),
        Section(id=80, type=SectionType.CALL_TRANSFER, order=2, phonenumber="+15550100"),
    ),
    "a description",
    "pt-BR",
)
TEXT = SurveyFile(FULL, SOUNDS).to_text()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The whole file with one thing in it otherwise; ``path`` is ``survey.sections.0.timeout``."""
    raw: dict[str, Any] = json.loads(TEXT)
    at: Any = raw
    *way, last = path.split(".")
    for step in way:
        at = at[int(step)] if step.isdigit() and isinstance(at, list) else at[step]
    at[int(last) if isinstance(at, list) else last] = value
    return raw


def test_reading_gives_what_was_written_with_sections_in_the_order_of_the_call() -> None:
    found = read_text(TEXT.encode())
    assert found == SurveyFile(in_order(FULL), SOUNDS)
    assert [(s.id, s.order) for s in found.survey.sections] == [(1, 2), (2, 2), (3, 3)]
    assert found.survey.sections[0].branches == (Branch("1", 3), Branch("timeout", None))
    assert found.to_text() == TEXT


@given(raw_surveys(), st.permutations(range(5)))
def test_the_text_depends_on_the_survey_alone(survey: Survey, mixed: list[int]) -> None:
    ids = {section.id: 1000 + 7 * mixed.index(section.id - 1) for section in survey.sections}
    order = {section.id: n for n, section in enumerate(sorted(survey.sections, key=lambda s: (s.order, s.id)))}
    renumbered = replace(
        survey,
        sections=tuple(
            replace(
                section,
                id=ids[section.id],
                order=order[section.id],
                branches=tuple(replace(b, goto=ids.get(b.goto or 0)) for b in reversed(section.branches)),
            )
            for section in survey.sections
        ),
    )
    plain = replace(survey, sections=tuple(replace(section, order=order[section.id]) for section in survey.sections))
    sounds = {digest: Sound("x", b"not checked here") for digest in survey.audio_hashes()}
    text = SurveyFile(plain, sounds).to_text()
    assert SurveyFile(renumbered, sounds).to_text() == text


@given(raw_surveys())
def test_every_survey_comes_back(survey: Survey) -> None:
    plain = replace(survey, sections=tuple(replace(s, audio=None, invalid_audio=None) for s in survey.sections))
    text = SurveyFile(plain, {}).to_text()
    assert read_text(text) == SurveyFile(in_order(plain), {})
    assert read_text(text).to_text() == text


def test_fields_may_be_left_out_but_not_made_up() -> None:
    raw = {
        "format": "fs-app survey",
        "version": 1,
        "survey": {"name": "short", "sections": [{"id": 1, "type": 1, "script": "Hello."}]},
    }
    assert read(raw).survey == Survey("short", (Section(1, SectionType.PLAY_MESSAGE, script="Hello."),))


def test_recordings_can_be_converted_and_are_then_called_by_their_new_bytes() -> None:
    found = read_text(TEXT).converted(lambda content, field: content.lower())
    assert {sound.content for sound in found.sounds.values()} == {b"a", b"b"}
    assert found.survey.audio_hashes() == found.sounds.keys()
    assert all(hashlib.sha256(sound.content).hexdigest() == digest for digest, sound in found.sounds.items())


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("format", "other", "format"),
        ("version", 2, "version"),
        ("survey", None, "survey"),
        ("survey.name", " ", "survey.name"),
        ("survey.name", "x" * 91, "survey.name"),
        ("survey.owner", 1, "survey.owner"),
        ("survey.tts_language", "klingon!", "survey.tts_language"),
        ("survey.sections", {}, "survey.sections"),
        ("survey.sections.0", 5, "survey.sections[0]"),
        ("survey.sections.0.id", 2, "survey.sections"),
        ("survey.sections.0.id", True, "survey.sections[0].id"),
        ("survey.sections.0.type", 11, "survey.sections[0].type"),
        ("survey.sections.0.timeout", 61, "survey.sections[0].timeout"),
        ("survey.sections.0.timeout", "5", "survey.sections[0].timeout"),
        ("survey.sections.0.completed", 1, "survey.sections[0].completed"),
        ("survey.sections.0.script", "bell \x07", "survey.sections[0].script"),
        ("survey.sections.0.script", "\ud800", "survey.sections[0].script"),
        ("survey.sections.0.audio", "../../etc/passwd", "survey.sections[0].audio"),
        ("survey.sections.0.audio", "0" * 64, "audio." + "0" * 64),
        ("survey.sections.0.phonenumber", "1 &system(reboot)", "survey.sections[0].phonenumber"),
        ("survey.sections.0.phonenumber", "sip:a@b;x=${y}", "survey.sections[0].phonenumber"),
        ("survey.sections.0.confirm_key", "12", "survey.sections[0].confirm_key"),
        ("survey.sections.0.conference", "room 1", "survey.sections[0].conference"),
        ("survey.sections.0.keys", {"12": "x"}, "survey.sections[0].keys.12"),
        ("survey.sections.0.results", {"1": 4}, "survey.sections[0].results"),
        ("survey.sections.0.results", {"x": 1}, "survey.sections[0].results"),
        ("survey.sections.0.translations", {"fr": {"words": ""}}, "survey.sections[0].translations.fr.words"),
        ("survey.sections.0.translations", {"fr": {}, "FR": {}}, "survey.sections[0].translations"),
        ("survey.sections.0.translations", {"{}": {}}, "survey.sections[0].translations"),
        ("survey.sections.0.branches", [{"keys": "maybe"}], "survey.sections[0].branches[0].keys"),
        ("survey.sections.0.branches", [{"keys": "1", "goto": 9}], "survey.sections[0].branches"),
        ("survey.sections.0.branches", [{"keys": "1"}] * 2, "survey.sections[0].branches"),
        ("survey.sections.0.min_number", 101, "survey.sections[0].max_number"),
        (f"audio.{FIRST}.wav", "!", f"audio.{FIRST}.wav"),
        (f"audio.{FIRST}.wav", base64.b64encode(b"other").decode(), f"audio.{FIRST}"),
        (f"audio.{FIRST}.name", "", f"audio.{FIRST}.name"),
    ],
)
def test_what_could_not_be_written_over_rest_does_not_get_in(path: str, value: Any, field: str) -> None:
    raw = changed(path, value)
    with pytest.raises(InvalidInput) as caught:
        read(raw)
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"format": NaN}', b"\xff", "null"])
def test_what_is_no_file_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        read_text(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(name=st.sampled_from([f.name for f in fields(Section)]), value=_JSON)
def test_any_json_in_any_field_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        found = read(changed(f"survey.sections.0.{name}", value))
    except InvalidInput:
        return
    text = found.to_text()  # numbers the sections anew, so the text is what stays the same
    assert read_text(text).to_text() == text
