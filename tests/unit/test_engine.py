"""The engine as a whole: its ends, its bounds, its records, and the golden conversation of every section type.

Golden files are rewritten by ``FS_APP_REGEN_GOLDEN=1 pytest tests/unit/test_engine.py``, which then fails on purpose:
read the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.calls import Answer, Answering, CallContext
from fs_app.domain.enums import AlarmResult, AmdBehavior, IvrEnd, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.domain.ways import KEYED, accepts
from ivr import engine
from ivr.engine import (
    AnswerRecord,
    ConferenceOver,
    Digits,
    Failed,
    Finished,
    Gather,
    HangUp,
    MessageRecorded,
    NoDigits,
    Play,
    Reached,
    Reply,
    Speech,
    Step,
    TransferCall,
    TransferOver,
)
from ivr.nodes import REGISTRY
from tests.fakes.surveys import good_surveys

GOLDEN = Path(__file__).parent.parent / "golden"
REPLIES: dict[str, type[Any]] = {
    r.__name__: r for r in (Finished, Digits, NoDigits, MessageRecorded, TransferOver, ConferenceOver, Failed)
}

SAY = Section(id=1, type=SectionType.PLAY_MESSAGE, script="Hello {name}.", branches=(Branch("0", 2),))
RATE = Section(id=2, type=SectionType.RATING, order=2, script="Press 1.", completed=True)


def context(*sections: Section, answers: tuple[Answer, ...] = ()) -> CallContext:
    return CallContext("call-1", Survey("s", sections), {"name": "Ann"}, "en", answers)


def drive(call: CallContext, *replies: Reply) -> list[Step]:
    steps = [engine.start(call)]
    for reply in replies:
        steps.append(engine.resume(steps[-1].state, reply))
    return steps


# -- golden conversations


def shown(value: Any) -> dict[str, Any]:
    """A command or record as JSON: its kind and its fields."""
    raw = {"kind": type(value).__name__, **asdict(value)}
    for name in ("prompts", "confirm", "effects"):
        if name in raw:
            raw[name] = [{"kind": type(one).__name__, **asdict(one)} for one in getattr(value, name)]
    if not raw.get("effects", True):
        del raw["effects"]
    return json.loads(json.dumps(raw))  # type: ignore[no-any-return]


def conversation(survey: dict[str, Any], case: dict[str, Any]) -> list[dict[str, Any]]:
    call = CallContext(
        "golden",
        Survey.from_json(json.dumps(survey)),
        case.get("tags", {}),
        case.get("language", "en"),
        **case.get("call", {}),
    )
    replies = [REPLIES[r["kind"]](**{k: v for k, v in r.items() if k != "kind"}) for r in case["replies"]]
    return [
        {"records": [shown(r) for r in step.records], "command": shown(step.command)} for step in drive(call, *replies)
    ]


def golden_name(kind: SectionType) -> str:
    return f"{kind.value:02}_{kind.name.lower()}.json"


@pytest.mark.parametrize("kind", sorted(REGISTRY), ids=lambda kind: kind.name)
def test_golden_conversations(kind: SectionType) -> None:
    path = GOLDEN / golden_name(kind)
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert any(s["type"] == kind for s in golden["survey"]["sections"]), f"{path.name} does not use its own type"
    seen = [{**case, "expect": conversation(golden["survey"], case)} for case in golden["conversations"]]
    if os.environ.get("FS_APP_REGEN_GOLDEN"):
        text = json.dumps({**golden, "conversations": seen}, indent=1, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was written anew: read the difference, then run without FS_APP_REGEN_GOLDEN")
    for case, expected in zip(seen, golden["conversations"], strict=True):
        assert case["expect"] == expected["expect"], case["name"]


def test_every_golden_file_belongs_to_a_section_type() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {golden_name(kind) for kind in SectionType}


# -- ends


def test_an_empty_survey_is_an_error() -> None:
    command = engine.start(context()).command
    assert command == HangUp(IvrEnd.ERROR, "the survey has no sections")


def test_a_branch_to_nowhere_is_an_error() -> None:
    command = drive(context(SAY), Finished())[-1].command
    assert command == HangUp(IvrEnd.ERROR, "a branch leads to section 2, which does not exist")


def test_a_failed_command_is_an_error_with_its_reason() -> None:
    command = drive(context(SAY, RATE), Failed("no such file"))[-1].command
    assert command == HangUp(IvrEnd.ERROR, "section 1: no such file")


def test_the_end_stays_the_end() -> None:
    steps = drive(context(SAY, RATE), Finished(), Digits("1"), Digits("2"), Failed("late"))
    assert steps[-1].command == steps[-2].command == steps[-3].command
    assert steps[-1].records == steps[-2].records == ()


@pytest.mark.parametrize("script", ["Again.", "{nothing}"])
def test_a_loop_ends_at_the_limit(script: str) -> None:
    step = engine.start(context(replace(SAY, script=script, branches=(Branch("0", 1),))))
    reached = list(step.records)
    for _ in range(engine.LIMIT):
        if not isinstance(step.command, HangUp):
            step = engine.resume(step.state, Finished())
            reached += step.records
    assert isinstance(step.command, HangUp)
    assert step.command.end is IvrEnd.ERROR
    assert len(reached) == engine.LIMIT


def test_endless_retries_end_at_the_limit() -> None:
    steps = drive(context(replace(RATE, retries=10**9)), *[NoDigits()] * engine.LIMIT)
    assert isinstance(steps[-2].command, Gather)
    assert isinstance(steps[-1].command, HangUp)
    assert steps[-1].command.end is IvrEnd.ERROR


# -- records and state


def test_records_of_a_whole_call() -> None:
    steps = drive(context(SAY, RATE), Finished(), Digits("1"))
    assert [s.records for s in steps] == [
        (Reached(1, completed=False),),
        (Reached(2, completed=True),),
        (AnswerRecord(Answer(1, 2, "1", True, "1", AlarmResult.CONFIRMED)),),
    ]
    assert [type(s.command) for s in steps] == [Play, Gather, HangUp]


def test_positions_go_on_from_what_is_on_record() -> None:
    before = (Answer(1, 2, "9", False), Answer(2, 2, "8", False))
    (record,) = drive(context(replace(RATE), answers=before), Digits("2"))[-1].records
    assert isinstance(record, AnswerRecord)
    assert record.answer.position == 3


def test_the_survey_starts_at_the_lowest_order() -> None:
    first = engine.start(context(RATE, SAY))
    assert first.command == Play((Speech("Hello Ann.", "en"),))


def test_ahead_knows_the_words_of_the_next_sections() -> None:
    state = engine.start(context(SAY, replace(RATE, retries=1))).state
    assert [p.text for p in engine.ahead(state) if isinstance(p, Speech)] == [
        "Hello Ann.",
        "Press 1.",
        "Sorry, that was not a valid choice.",
    ]


# Keys as they come from a switch, and what only a broken one would send.
replies = st.one_of(
    st.builds(Digits, st.text("0123456789#*", min_size=1, max_size=3)),
    st.builds(Digits, st.text(max_size=3)),
    st.just(Finished()),
    st.just(NoDigits()),
    st.builds(MessageRecorded, st.just("/r.wav"), st.integers(0, 60), st.booleans(), st.sampled_from(("", "#"))),
    st.builds(TransferOver, st.sampled_from(("connected", "left", "busy", "no answer", "rejected", "failed"))),
    st.builds(ConferenceOver, st.booleans()),
)
moment = datetime(2030, 5, 1, 9, 0, tzinfo=UTC)
calls = st.builds(
    CallContext,
    st.just("c"),
    good_surveys(),
    st.sampled_from(({"name": "Ann"}, {"transfer_phonenumber": "+15550111"}, {"sms_phonenumber": "no number"})),
    st.just("en"),
    event_start=st.sampled_from((None, moment)),
    answering=st.sampled_from((None, Answering(AmdBehavior.HUMAN_ONLY, parameters={"total": 5000.0}))),
    phone_number=st.just("+15550100"),
    phonenumber_transfer=st.sampled_from(("", "+15550122")),
)


@given(calls, st.lists(replies, max_size=20), replies)
def test_any_good_survey_ends_for_any_callee(call: CallContext, some: list[Reply], forever: Reply) -> None:
    survey = call.survey
    step = engine.start(call)
    records = list(step.records)
    commands = 0
    while not isinstance(step.command, HangUp):
        state = step.state
        if commands <= len(some):  # through JSON on the way: nothing may hide in the state
            state = engine.State.from_json(state.to_json())
            assert state == step.state
        step = engine.resume(state, some[commands] if commands < len(some) else forever)
        records += step.records
        commands += 1
        assert commands <= engine.LIMIT + 1
    assert engine.State.from_json(step.state.to_json()) == step.state
    answers = [r.answer for r in records if isinstance(r, AnswerRecord)]
    assert [a.position for a in answers] == list(range(1, len(answers) + 1))
    for answer in answers:
        section = survey.section(answer.section_id)
        if section.type in KEYED and answer.digits:
            assert answer.valid == accepts(section, answer.digits)
        assert answer.result is None or answer.valid
        assert answer.response or not answer.valid
    entered = {r.section_id for r in records if isinstance(r, Reached)}
    assert entered >= {a.section_id for a in answers}


@given(calls, st.lists(replies, max_size=20))
def test_whatever_comes_next_was_announced(call: CallContext, some: list[Reply]) -> None:
    """What `ahead` renders early is enough, unless a section with nothing to say was skipped on the way."""
    step = engine.start(call)
    for reply in some:
        announced = engine.ahead(step.state)
        step = engine.resume(step.state, reply)
        if isinstance(step.command, HangUp):
            break
        if sum(isinstance(r, Reached) for r in step.records) <= 1:
            assert set(step.command.prompts) <= set(announced)
            if isinstance(step.command, TransferCall):
                assert set(step.command.confirm) <= set(announced)


# -- a rescheduled result


def rescheduled(*more: Section, **fields: Any) -> CallContext:
    ask = replace(RATE, id=1, branches=(Branch("any", 2),))
    return replace(context(ask, *more), phonenumber_transfer="+15550122", **fields)


THANKS = Section(id=2, type=SectionType.PLAY_MESSAGE, order=2, script="Thank you.")


def test_a_rescheduled_result_transfers_and_then_goes_on() -> None:
    steps = drive(rescheduled(THANKS, addprefix="9", removeprefix="+"), Digits("3"), TransferOver("connected", 40))
    assert [type(r).__name__ for r in steps[1].records] == ["AnswerRecord"]  # on record before anybody is rung
    assert isinstance(steps[1].command, TransferCall)
    assert steps[1].command.target == "915550122"
    connected, reached = steps[2].records
    assert isinstance(connected, AnswerRecord)
    assert (connected.answer.section_id, connected.answer.valid, connected.answer.response) == (1, True, "connected")
    assert reached == Reached(2, completed=False)
    assert steps[2].command == Play((Speech("Thank you.", "en"),))


def test_when_nobody_can_reschedule_the_callee_is_told() -> None:
    steps = drive(rescheduled(THANKS), Digits("3"), TransferOver("busy"), Finished())
    assert steps[2].command == Play((Speech("Sorry, nobody can take your call at the moment.", "en"),))
    assert steps[3].command == Play((Speech("Thank you.", "en"),))


@pytest.mark.parametrize("key", ["1", "2", "4"])
def test_no_other_result_transfers(key: str) -> None:
    assert isinstance(drive(rescheduled(THANKS), Digits(key))[-1].command, Play)


def test_a_section_that_transfers_by_itself_is_not_rung_twice() -> None:
    desk = Section(id=2, type=SectionType.CALL_TRANSFER, order=2, phonenumber="+15550133")
    command = drive(rescheduled(desk), Digits("3"))[-1].command
    assert isinstance(command, TransferCall)
    assert command.target == "+15550133"


def test_without_a_number_or_with_a_bad_one_nobody_is_rung() -> None:
    for number in ("", "none", "1|2"):
        call = replace(rescheduled(THANKS), phonenumber_transfer=number)
        assert isinstance(drive(call, Digits("3"))[-1].command, Play)


# -- size


def test_a_survey_of_500_sections_in_one_call() -> None:
    sections = [replace(SAY, id=n, order=n, branches=(Branch("0", n + 1),) if n < 500 else ()) for n in range(1, 501)]
    step = engine.start(context(*sections))
    for _ in range(500):
        assert step.command == Play((Speech("Hello Ann.", "en"),))
        step = engine.resume(step.state, Finished())
    assert isinstance(step.command, HangUp)
    assert step.command.end is IvrEnd.COMPLETED
