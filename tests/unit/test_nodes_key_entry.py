"""Sections that ask for keys: which keys they take, and how they repeat the question."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.calls import CallContext
from fs_app.domain.enums import SectionType
from fs_app.domain.survey import Section, Survey
from fs_app.domain.ways import valid_keys
from ivr.dialogue import Digits, Entry, Finished, Gather, Leave, NoDigits, Prompt, Recording, Speech, Turn, Wait
from ivr.nodes.key_entry import KeyEntry
from ivr.nodes.multi_choice import MultiChoice
from ivr.nodes.rating import Rating

RATE = Section(id=1, type=SectionType.RATING, script="Rate us, {name}.", rating_laps=5)
CHOOSE = Section(id=1, type=SectionType.MULTI_CHOICE, script="Choose.", keys={"0": "desk", "4": "four"})
OWN = "ab" * 32
QUESTION = Speech("Rate us, Ann.", "en")
SORRY = Speech("Sorry, that was not a valid choice.", "en")


def turn(section: Section, attempt: int = 0, language: str = "en") -> Turn:
    tags = {"name": "Ann"}
    return Turn(section, tags, language, CallContext("c", Survey("s", (section,)), tags, language), tags, attempt)


def asked(move: object) -> tuple[Prompt, ...]:
    assert isinstance(move, Wait)
    assert isinstance(move.command, Gather)
    return move.command.prompts


@pytest.mark.parametrize("laps", [1, 5, 9, 10, 99, 100])
def test_a_rating_takes_1_to_its_laps(laps: int) -> None:
    section = replace(RATE, rating_laps=laps)
    taken = [n for n in range(-1, laps + 20) if Rating().response(section, str(n)) is not None]
    assert taken == list(range(1, laps + 1))


@pytest.mark.parametrize("digits", ["", "0", "00", "01", "#", "*", "1#", "+1", " 1", "1\n", "١", "²", "9" * 5000])
def test_a_rating_takes_nothing_else(digits: str) -> None:
    assert Rating().response(replace(RATE, rating_laps=9), digits) is None


def test_a_choice_takes_its_own_keys() -> None:
    assert [MultiChoice().response(CHOOSE, key) for key in ("0", "4", "1", "04", "")] == [
        "desk",
        "four",
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("section", "maximum", "terminators"),
    [(CHOOSE, 1, ""), (RATE, 1, ""), (replace(RATE, rating_laps=10), 2, "#"), (replace(RATE, rating_laps=100), 3, "#")],
)
def test_how_many_keys_are_awaited(section: Section, maximum: int, terminators: str) -> None:
    node: KeyEntry = MultiChoice() if section is CHOOSE else Rating()
    move = node.enter(turn(replace(section, timeout=7)))
    assert isinstance(move, Wait)
    assert isinstance(move.command, Gather)
    command = move.command
    assert (command.minimum, command.maximum, command.timeout, command.terminators) == (1, maximum, 7.0, terminators)


def test_a_wrong_key_gets_words_and_the_question_again() -> None:
    section = replace(RATE, retries=1)
    move = Rating().reply(turn(section), Digits("7"))
    assert asked(move) == (SORRY, QUESTION)
    assert isinstance(move, Wait)
    assert (move.attempt, move.entry) == (1, Entry("7", valid=False))
    assert Rating().reply(turn(section, attempt=1), Digits("7")) == Leave(("invalid",), Entry("7", valid=False))


def test_silence_gets_the_question_again() -> None:
    section = replace(RATE, retries=1)
    assert Rating().reply(turn(section), NoDigits()) == replace_attempt(Rating().enter(turn(section)), 1)
    assert Rating().reply(turn(section, attempt=1), NoDigits()) == Leave(("timeout",), Entry("", valid=False))


def replace_attempt(move: object, attempt: int) -> Wait:
    assert isinstance(move, Wait)
    return replace(move, attempt=attempt)


@pytest.mark.parametrize("reply", [Digits("7"), NoDigits()])
def test_a_recording_of_its_own_comes_before_every_repeat(reply: Digits | NoDigits) -> None:
    section = replace(RATE, retries=1, invalid_audio=OWN)
    assert asked(Rating().reply(turn(section), reply)) == (Recording(OWN), QUESTION)


@pytest.mark.parametrize(
    ("language", "spoken"), [("en-us", "en-us"), ("fr", "fr"), ("DE_at", "DE_at"), ("it", "it"), ("pt-br", "pt-br")]
)
def test_wrong_keys_are_told_in_the_callees_language(language: str, spoken: str) -> None:
    (words, _) = asked(Rating().reply(turn(replace(RATE, retries=1), language=language), Digits("0")))
    assert isinstance(words, Speech)
    assert words.language == spoken


def test_languages_we_lack_get_english_in_an_english_voice() -> None:
    (words, _) = asked(Rating().reply(turn(replace(RATE, retries=1), language="fi"), Digits("0")))
    assert words == SORRY


def test_a_reply_that_brings_no_key_is_silence() -> None:
    section = replace(RATE, retries=1)
    silence = Rating().reply(turn(section), NoDigits())
    assert Rating().reply(turn(section), Finished()) == Rating().reply(turn(section), Digits("")) == silence


@given(st.sampled_from([RATE, CHOOSE, replace(RATE, rating_laps=25)]), st.text("0123456789#*", min_size=1, max_size=3))
def test_what_lint_calls_a_key_is_one(section: Section, digits: str) -> None:
    node: KeyEntry = MultiChoice() if section.type is SectionType.MULTI_CHOICE else Rating()
    move = node.reply(turn(section), Digits(digits))
    assert isinstance(move, Leave)
    assert move.entry is not None
    assert move.entry.valid == (digits in valid_keys(section))
    assert move.exits == ((digits, "any") if move.entry.valid else ("invalid",))
