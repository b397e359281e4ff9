"""Which words, and which voice, a callee hears of a survey in several languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fs_app.domain.calls import Answering, CallContext
from fs_app.domain.enums import AmdBehavior, SectionType
from fs_app.domain.survey import Section, Survey, Translation
from ivr import engine
from ivr.dialogue import Digits, NoDigits, Prompt, Recording, Speech

OWN, FRENCH, BRAZIL = "a" * 64, "b" * 64, "c" * 64
ASK = Section(
    id=1,
    type=SectionType.RATING,
    script="See you {event_at}.",
    invalid_audio=OWN,
    retries=1,
    translations={
        "fr": Translation(script="À bientôt, {event_at}."),
        "pt_BR": Translation(audio=BRAZIL),
        "it": Translation(confirm_script="Solo questo."),
    },
)
CALL = CallContext(
    "u",
    Survey("s", (ASK,), tts_language="en"),
    {},
    "en",
    zone="Europe/Paris",
    event_start=datetime(2026, 3, 3, 14, 30, tzinfo=UTC),
    event_end=datetime(2026, 3, 3, 15, 30, tzinfo=UTC),
    called_at=datetime(2026, 3, 2, 8, 0, tzinfo=UTC),
    answering=Answering(AmdBehavior.HUMAN_ONLY, None, {"silence": 1.5}),
)
ENGLISH = "See you Tuesday, March third at three thirty PM."
FRANCAIS = "À bientôt, mardi trois mars à quinze heures trente."


def first(language: str, section: Section = ASK) -> tuple[Prompt, ...]:
    command = engine.start(replace(CALL, survey=Survey("s", (section,)), language=language)).command
    assert not isinstance(command, engine.HangUp)
    return command.prompts


@pytest.mark.parametrize(
    ("language", "prompt"),
    [
        ("en", Speech(ENGLISH, "en")),
        ("en_GB", Speech("See you Tuesday the third of March at three thirty PM.", "en_GB")),  # an accent of its own
        ("fr", Speech(FRANCAIS, "fr")),
        ("fr-CA", Speech(FRANCAIS, "fr-ca")),
        ("pt-br", Recording(BRAZIL)),
        ("pt", Recording(BRAZIL)),  # better than English
        ("it", Speech(ENGLISH, "en")),  # a translation without words for this
        ("de", Speech(ENGLISH, "en")),  # never English words in a German voice
        ("", Speech(ENGLISH, "en")),
    ],
)
def test_the_words_nearest_to_the_callee(language: str, prompt: Prompt) -> None:
    assert first(language) == (prompt,)


def test_a_translated_script_is_spoken_where_the_section_is_a_recording() -> None:
    recorded = replace(ASK, audio=OWN)
    assert first("fr", recorded) == (Speech(FRANCAIS, "fr"),)
    assert first("en", recorded) == (Recording(OWN),)


def test_a_wrong_key_is_told_in_the_language_of_the_question() -> None:
    for language, told in (("en", Recording(OWN)), ("fr", Speech("Désolé, ce choix n'est pas valable.", "fr"))):
        step = engine.start(replace(CALL, language=language))
        again = engine.resume(step.state, Digits("0")).command
        assert isinstance(again, engine.Gather)
        assert again.prompts[0] == told


def test_a_conversation_in_a_language_goes_to_json_and_back() -> None:
    state = engine.start(replace(CALL, language="fr")).state
    again = engine.State.from_json(state.to_json())
    assert again == state
    assert engine.resume(again, NoDigits()) == engine.resume(state, NoDigits())


def test_every_recording_of_every_language_belongs_to_the_survey() -> None:
    assert CALL.survey.audio_hashes() == {OWN, BRAZIL}
