"""Every finding: the survey that has it, and the same survey put right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from fs_app.domain.enums import AlarmResult, SectionType
from fs_app.domain.lint import lint
from fs_app.domain.survey import Branch, Section, Survey, Translation
from ivr.nodes import REGISTRY
from tests.fakes.surveys import raw_surveys

ASK = Section(
    id=1, type=SectionType.MULTI_CHOICE, question="Coming?", script="Press 1 or 2.", keys={"1": "y", "2": "n"}
)
RATE = Section(id=1, type=SectionType.RATING, script="Rate us.", rating_laps=5)
SAY = Section(id=2, type=SectionType.PLAY_MESSAGE, order=2, script="Thank you.")
CAPTURE = Section(id=1, type=SectionType.CAPTURE_DIGITS, script="Your age, please.", number_digits=2)
RECORD = Section(id=1, type=SectionType.RECORD_MESSAGE, script="Speak after the tone.")
TRANSFER = Section(id=1, type=SectionType.CALL_TRANSFER, phonenumber="+15550100")
CONFERENCE = Section(id=1, type=SectionType.CONFERENCE, conference="waiting-room")
TEXT = Section(id=1, type=SectionType.SMS, sms_text="12 High Street")
DNC = Section(id=1, type=SectionType.DNC)
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
        (replace(CAPTURE, script=""), "no-words"),
        (replace(CAPTURE, number_digits=0), "bad-length"),
        (replace(CAPTURE, number_digits=21), "bad-length"),
        (replace(CAPTURE, validate_number=True, min_number=7, max_number=6), "bad-range"),
        (replace(CAPTURE, validate_number=True, min_number=100, max_number=200), "bad-range"),
        (replace(CAPTURE, branches=(Branch("123"), Branch("any"))), "impossible-branch"),
        (replace(CAPTURE, branches=(Branch("1*"), Branch("any"))), "impossible-branch"),
        (replace(CAPTURE, results={"123": AlarmResult.CONFIRMED}), "result-without-key"),
        (replace(RECORD, script=""), "no-words"),
        (replace(RECORD, retries=21), "bad-retries"),
        (replace(RECORD, record_seconds=0), "bad-recording"),
        (replace(RECORD, record_seconds=601), "bad-recording"),
        (replace(RECORD, record_silence=61), "bad-recording"),
        (replace(RECORD, branches=(Branch("any"),)), "impossible-branch"),
        (replace(RECORD, branches=(Branch("0", 1), Branch("timeout", 1))), "no-way-out"),
        (replace(TRANSFER, phonenumber="12 and 34"), "bad-number"),
        (replace(TRANSFER, phonenumber="sip:a@b;x"), "bad-number"),
        (replace(TRANSFER, confirm_script="Press 1."), "no-confirm-key"),
        (replace(TRANSFER, confirm_script="Press a.", confirm_key="a"), "bad-key"),
        (replace(TRANSFER, confirm_script="Press {.", confirm_key="1"), "bad-tag"),
        (replace(TRANSFER, results={"1": AlarmResult.CONFIRMED}), "result-without-key"),
        (replace(CONFERENCE, conference=""), "no-conference"),
        (replace(CONFERENCE, conference="a b"), "bad-conference"),
        (replace(TEXT, sms_text=" "), "no-sms-text"),
        (replace(TEXT, sms_text="Hello {"), "bad-tag"),
        (replace(TEXT, branches=(Branch("invalid"),)), "impossible-branch"),
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


@pytest.mark.parametrize(
    ("section", "code"),
    [
        (replace(CAPTURE, branches=(Branch("25"),)), "open-key"),
        (replace(CAPTURE, validate_number=True, min_number=1, max_number=120), "short-length"),
        (replace(RATE, branches=(*(Branch(str(n)) for n in range(1, 6)), Branch("any"))), "dead-branch"),
        (replace(SAY, id=1, branches=(Branch("0"), Branch("timeout"))), "dead-branch"),
        (replace(RECORD, branches=(Branch("0"), Branch("timeout", 1))), "silent-loop"),
        (replace(TRANSFER, phonenumber=""), "no-number"),
        (replace(TRANSFER, confirm_key="1"), "no-confirm-words"),
    ],
)
def test_one_warning(section: Section, code: str) -> None:
    assert codes(section) == {(1, "warning", code)}


@pytest.mark.parametrize("section", [CAPTURE, RECORD, TRANSFER, CONFERENCE, TEXT])
def test_each_type_alone_is_fine(section: Section) -> None:
    assert lint(Survey("s", (section,))) == ()
    assert codes(replace(section, branches=(Branch("timeout"),))) <= {(1, "warning", "open-key")}


def test_an_opt_out_wants_a_key() -> None:
    ask = replace(ASK, branches=(Branch("1", 4), Branch("2"), Branch("timeout")))
    dnc = replace(DNC, id=4, order=4)
    assert codes(ask, dnc) == set()
    asked_or_not = replace(ask, branches=(*ask.branches[:2], Branch("timeout", 4)))
    assert codes(asked_or_not, dnc) == {(4, "warning", "silent-opt-out")}
    assert codes(DNC) == {(1, "warning", "silent-opt-out")}


def test_both_ways_out_of_a_transfer_are_ways() -> None:
    transfer = replace(TRANSFER, branches=(Branch("0", 3), Branch("timeout", 2)))
    assert codes(transfer, SAY, BYE) == set()


def test_findings_follow_the_call() -> None:
    survey = Survey(
        "s", (replace(SAY, order=9, script="{"), replace(RATE, order=1, script="{", branches=(Branch("any", 2),)))
    )
    assert [f.section_id for f in lint(survey)] == [1, 2]


def test_the_engine_runs_every_type() -> None:
    assert frozenset(REGISTRY) == frozenset(SectionType)


@given(raw_surveys())
def test_lint_is_total_and_survives_json(survey: Survey) -> None:
    assert lint(Survey.from_json(survey.to_json())) == lint(survey)


# -- words in several languages


def test_every_language_is_looked_at() -> None:
    ask = Section(
        1,
        SectionType.PLAY_MESSAGE,
        1,
        script="Hi",
        branches=(Branch("0", 2),),
        translations={"fr": Translation(script="Salut {", confirm_script="{when:dat}")},
    )
    bye = Section(2, SectionType.HANGUP, 2, script="Bye")
    codes = [(f.section_id, f.code, f.severity) for f in lint(Survey("s", (ask, bye)))]
    assert codes == [(1, "bad-tag", "error"), (1, "bad-tag", "error"), (2, "untranslated", "warning")]


@pytest.mark.parametrize(
    ("names", "tags", "codes"),
    [
        (None, "{name} {event_at}", []),
        (frozenset({"name"}), "{name} {event_at}", []),
        (frozenset({"name"}), "{nmae}", ["unfilled-tag"]),
        (None, "{event_dat}", ["unfilled-tag"]),
        (frozenset({"event_dat"}), "{event_dat}", []),
        (frozenset(), "{phone_number:digits}", []),
    ],
)
def test_tags_that_nothing_fills(names: frozenset[str] | None, tags: str, codes: list[str]) -> None:
    survey = Survey("s", (Section(1, SectionType.HANGUP, script=tags),))
    assert [f.code for f in lint(survey, names)] == codes
