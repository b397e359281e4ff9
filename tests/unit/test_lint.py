"""Every finding: the survey that has it, and the same survey put right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from fs_app.domain.enums import AlarmResult, SectionType
from fs_app.domain.lint import SUPPORTED, lint
from fs_app.domain.survey import Branch, Section, Survey
from ivr.nodes import REGISTRY
from tests.fakes.surveys import raw_surveys

ASK = Section(
    id=1, type=SectionType.MULTI_CHOICE, question="Coming?", script="Press 1 or 2.", keys={"1": "y", "2": "n"}
)
RATE = Section(id=1, type=SectionType.RATING, script="Rate us.", rating_laps=5)
SAY = Section(id=2, type=SectionType.PLAY_MESSAGE, order=2, script="Thank you.")
BYE = Section(id=3, type=SectionType.HANGUP, order=3)


def codes(*sections: Section) -> set[tuple[int | None, str, str]]:
    return {(f.section_id, f.severity, f.code) for f in lint(Survey("s", sections))}


def test_a_sound_survey_has_no_findings() -> None:
    ask = replace(ASK, branches=(Branch("1", 2), Branch("2", None), Branch("invalid", 3), Branch("timeout", 3)))
    assert lint(Survey("s", (ask, replace(SAY, branches=(Branch("0", 3),)), BYE))) == ()


def test_one_rating_without_branches_is_enough() -> None:
    assert lint(Survey("s", (RATE,))) == ()


def test_an_empty_survey() -> None:
    (finding,) = lint(Survey("s", ()))
    assert (finding.section_id, finding.severity, finding.code) == (None, "error", "no-sections")


@pytest.mark.parametrize(
    ("section", "code"),
    [
        (replace(RATE, script=" "), "no-words"),
        (replace(ASK, script=""), "no-words"),
        (replace(SAY, id=1, script=""), "no-words"),
        (replace(RATE, script="Hello {name"), "bad-tag"),
        (replace(RATE, script="Hello {first name}"), "bad-tag"),
        (replace(RATE, script="Hello {}"), "bad-tag"),
        (replace(RATE, script="Hello {{name}}"), "bad-tag"),
        (replace(RATE, script="Hello name}"), "bad-tag"),
        (replace(RATE, script="Hello {1st}"), "bad-tag"),
        (replace(RATE, type=SectionType.RECORD_MESSAGE), "unsupported-type"),
        (replace(RATE, retries=-1), "bad-retries"),
        (replace(RATE, retries=21), "bad-retries"),
        (replace(RATE, timeout=0), "bad-timeout"),
        (replace(RATE, timeout=61), "bad-timeout"),
        (replace(ASK, keys={}), "no-keys"),
        (replace(ASK, keys={"12": "both"}), "bad-key"),
        (replace(ASK, keys={"#": "hash"}), "bad-key"),
        (replace(ASK, keys={"²": "two"}), "bad-key"),
        (replace(RATE, rating_laps=0), "bad-rating"),
        (replace(RATE, rating_laps=1000), "bad-rating"),
        (replace(RATE, results={"6": AlarmResult.CONFIRMED}), "result-without-key"),
        (replace(ASK, results={"3": AlarmResult.CONFIRMED}), "result-without-key"),
        (replace(SAY, id=1, results={"0": AlarmResult.CONFIRMED}), "result-without-key"),
        (replace(ASK, branches=(Branch("any"), Branch("any"))), "duplicate-branch"),
        (replace(ASK, branches=(Branch("any", 9),)), "missing-section"),
        (replace(ASK, branches=(Branch("3"), Branch("any"))), "impossible-branch"),
        (replace(RATE, branches=(Branch("6"), Branch("any"))), "impossible-branch"),
        (replace(RATE, branches=(Branch("0"), Branch("any"))), "impossible-branch"),
        (replace(SAY, id=1, branches=(Branch("any"),)), "impossible-branch"),
        (replace(BYE, id=1, branches=(Branch("0"),)), "impossible-branch"),
        (replace(SAY, id=1, branches=(Branch("0", 1),)), "no-way-out"),
    ],
)
def test_one_error(section: Section, code: str) -> None:
    assert codes(section) == {(1, "error", code)}


def test_each_message_names_its_section() -> None:
    broken = replace(ASK, keys={}, script="{", branches=(Branch("7", 8),))
    found = lint(Survey("s", (broken,)))
    assert len(found) >= 4
    assert all(f.message.startswith("Section 1 (Coming?) ") and f.message.endswith(".") for f in found)


def test_duplicate_ids() -> None:
    assert codes(RATE, replace(SAY, id=1)) == {(1, "error", "duplicate-id")}


def test_a_section_nothing_leads_to() -> None:
    assert codes(RATE, SAY) == {(2, "error", "unreachable")}


def test_a_cycle_of_messages() -> None:
    one, two = replace(SAY, id=1, order=1, branches=(Branch("0", 2),)), replace(SAY, branches=(Branch("timeout", 1),))
    assert codes(one, two) == {(1, "error", "no-way-out"), (2, "error", "no-way-out")}


def test_a_question_all_of_whose_ways_lead_back() -> None:
    ask = replace(ASK, branches=(Branch("any", 1), Branch("invalid", 1), Branch("timeout", 1)))
    assert codes(ask) == {(1, "error", "no-way-out")}


def test_a_repeat_key_is_fine_but_a_loop_in_silence_is_told() -> None:
    repeat = replace(ASK, branches=(Branch("1", 1), Branch("2"), Branch("timeout")))
    assert codes(repeat) == set()
    patient = replace(repeat, branches=(Branch("1"), Branch("2"), Branch("timeout", 1)))
    assert codes(patient) == {(1, "warning", "silent-loop")}


def test_a_key_left_without_a_branch_is_told() -> None:
    assert codes(replace(ASK, branches=(Branch("1"),))) == {(1, "warning", "open-key")}
    assert codes(replace(ASK, branches=(Branch("1"), Branch("any")))) == set()


def test_findings_follow_the_call() -> None:
    survey = Survey(
        "s", (replace(SAY, order=9, script="{"), replace(RATE, order=1, script="{", branches=(Branch("any", 2),)))
    )
    assert [f.section_id for f in lint(survey)] == [1, 2]


def test_lint_and_engine_support_the_same_types() -> None:
    assert frozenset(REGISTRY) == SUPPORTED


@given(raw_surveys())
def test_lint_is_total_and_survives_json(survey: Survey) -> None:
    assert lint(Survey.from_json(survey.to_json())) == lint(survey)
