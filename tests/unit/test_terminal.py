"""A survey walked through in a terminal is the conversation of a real call, whatever its sections do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from fs_app.domain.calls import CallContext, KeepRecording, OptOut, SendSms
from fs_app.domain.enums import AlarmResult, IvrEnd, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from ivr.nodes import REGISTRY
from ivr.runner import run_call
from ivr.terminal import Record, ShownPrompts, TerminalChannel


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def walk(*sections: Section, lines: Iterable[str]) -> tuple[list[str], Record, IvrEnd | None]:
    said: list[str] = []
    typed = iter(lines)
    survey = Survey("s", sections)
    context = CallContext(
        "simulated", survey, {"name": "Jo"}, "en", phone_number="+15550100", gateway="sofia/gateway/x/"
    )
    record = Record(context)
    channel = TerminalChannel(said.append, lambda _hint: next(typed, None))
    end = run_call(channel, record, ShownPrompts({"a" * 64: "hello"}), Clock())
    return said, record, end


RATE = Section(
    1, SectionType.RATING, 1, script="Coming, {name}?", rating_laps=3, retries=1, branches=(Branch("any", 2),)
)
BYE = Section(2, SectionType.HANGUP, 2, script="Bye.", completed=True)


def test_words_keys_and_what_is_stored() -> None:
    said, record, end = walk(RATE, BYE, lines=["9", "1"])
    assert said == [
        "(answered)",
        "[en] Coming, Jo?",
        "[en] Sorry, that was not a valid choice.",
        "[en] Coming, Jo?",
        "[en] Bye.",
        "(hung up)",
    ]
    assert end is IvrEnd.COMPLETED
    assert [(a.digits, a.valid) for a in record.answers] == [("9", False), ("1", True)]
    assert (record.completed, record.last_section) == (True, 2)
    told = "\n".join(record.lines())
    assert "result        1 (confirmed)" in told
    assert "answer 1  section 1: 9, not valid" in told


def test_silence_a_hang_up_and_the_end_of_input() -> None:
    _said, record, end = walk(RATE, BYE, lines=["", "timeout"])
    assert end is IvrEnd.COMPLETED
    assert [a.digits for a in record.answers] == [""]
    for lines in (["hangup"], []):
        _said, record, end = walk(RATE, BYE, lines=lines)
        assert end is IvrEnd.HANGUP
        assert record.answers == []


def test_keys_typed_ahead_answer_what_follows() -> None:
    more = Section(2, SectionType.MULTI_CHOICE, 2, script="Sure?", keys={"5": "yes"})
    said, record, _end = walk(RATE, more, lines=["15"])
    assert [a.digits for a in record.answers] == ["1", "5"]
    assert "[en] Sure?" not in said


def test_what_is_no_line_is_asked_for_again() -> None:
    said, record, _end = walk(RATE, BYE, lines=["one", "1"])
    assert [a.digits for a in record.answers] == ["1"]
    assert any(line.startswith("? give keys") for line in said)


@pytest.mark.parametrize(
    ("section", "lines", "response"),
    [
        (Section(1, SectionType.CAPTURE_DIGITS, script="Number?", number_digits=4), ["42#"], "42"),
        (Section(1, SectionType.RECORD_MESSAGE, script="Speak."), ["#"], "recorded"),
        (Section(1, SectionType.RECORD_MESSAGE, script="Speak."), ["timeout"], "recorded"),
        (Section(1, SectionType.CALL_TRANSFER, phonenumber="+15550199"), ["answer"], "connected"),
        (Section(1, SectionType.CALL_TRANSFER, phonenumber="+15550199"), ["busy"], "busy"),
        (Section(1, SectionType.CALL_TRANSFER, phonenumber="+15550199"), ["what", "timeout"], "no answer"),
        (Section(1, SectionType.CALL_TRANSFER, phonenumber="+15550199"), ["*"], "left"),
        (Section(1, SectionType.CONFERENCE, conference="room"), ["#"], "joined"),
        (Section(1, SectionType.SMS, sms_text="Hi {name}"), [], "sent"),
    ],
)
def test_every_kind_of_section(section: Section, lines: list[str], response: str) -> None:
    said, record, _end = walk(section, lines=lines)
    assert record.answers[0].response == response, said


def test_effects_are_told() -> None:
    _said, record, _end = walk(
        Section(1, SectionType.SMS, 1, sms_text="Hi {name}", branches=(Branch("0", 2),)),
        Section(2, SectionType.DNC, 2, branches=(Branch("0", 3),)),
        Section(3, SectionType.RECORD_MESSAGE, 3, script="Speak."),
        lines=["#"],
    )
    assert [type(effect) for effect in record.effects] == [SendSms, OptOut, KeepRecording]
    told = "\n".join(record.lines())
    assert "SMS to +15550100: Hi Jo" in told
    assert "+15550100 is never called again" in told


def test_a_recording_is_told_by_its_name() -> None:
    said, _record, _end = walk(Section(1, SectionType.PLAY_MESSAGE, audio="a" * 64), lines=[])
    assert "[recording hello]" in said


def test_a_survey_that_fails_says_so() -> None:
    loop = Section(1, SectionType.PLAY_MESSAGE, script="Again.", branches=(Branch("0", 1),))
    said, record, end = walk(loop, lines=[])
    assert end is IvrEnd.ERROR
    assert said[-2:] == ["[an apology]", "(hung up)"]
    assert "error" in "\n".join(record.lines())


def test_no_section_type_is_left_out() -> None:
    assert len(REGISTRY) == 10, "a new type: walk through it here"
    assert AlarmResult(1) is AlarmResult.CONFIRMED
