"""The survey engine: pure, ``(state, reply) -> (state, command, records)``.

It runs until it must wait for the callee and never touches sound, time or storage. Records come before the command:
whoever drives the engine saves them first, so that nothing that was pressed depends on what happens next.

>>> from fs_app.domain.enums import SectionType
>>> from fs_app.domain.survey import Section, Survey
>>> ask = Section(id=1, type=SectionType.RATING, script="Press 1 to confirm, {name}.")
>>> step = start(CallContext("u", Survey("demo", (ask,)), {"name": "Ann"}, "en"))
>>> step.command.prompts
(Speech(text='Press 1 to confirm, Ann.', language='en'),)
>>> resume(step.state, Digits("1")).records[0].answer.result
<AlarmResult.CONFIRMED: 1>
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from fs_app.domain.calls import Answer, Answering, CallContext
from fs_app.domain.enums import AlarmResult, AmdBehavior, IvrEnd, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.words import of_call, spoken, written
from ivr.dialogue import (
    AnswerRecord,
    Command,
    ConferenceOver,
    Digits,
    Entry,
    Failed,
    Finished,
    Gather,
    HangUp,
    JoinConference,
    Leave,
    MessageRecorded,
    Move,
    NoDigits,
    Play,
    Prompt,
    Reached,
    Record,
    Recording,
    RecordMessage,
    Reply,
    Speech,
    TransferCall,
    TransferOver,
    Turn,
    Wait,
)
from ivr.nodes import REGISTRY
from ivr.nodes.connecting import entry_of, excuse, excuse_words, reschedule

__all__ = [
    "LIMIT",
    "AnswerRecord",
    "Command",
    "ConferenceOver",
    "Digits",
    "Failed",
    "Finished",
    "Gather",
    "HangUp",
    "JoinConference",
    "MessageRecorded",
    "NoDigits",
    "Play",
    "Prompt",
    "Reached",
    "Record",
    "RecordMessage",
    "Recording",
    "Reply",
    "Speech",
    "State",
    "Step",
    "TransferCall",
    "TransferOver",
    "ahead",
    "resume",
    "start",
]

LIMIT = 1000  # sections entered plus prompts repeated, in one call


_MOMENTS = ("event_start", "event_end", "called_at")  # of a call


@dataclass(frozen=True, slots=True)
class State:
    """Where one call stands. Goes to JSON and back whole, so that a conversation can be taken up elsewhere."""

    context: CallContext
    section_id: int
    attempt: int = 0
    steps: int = 0
    answers: int = 0  # on record for this call, those of an earlier connection included
    detour: tuple[str, ...] | None = None  # a rescheduled result is being transferred: the exits to go on by
    end: HangUp | None = None  # set once the survey is over; it stays over

    def to_json(self) -> str:
        raw = asdict(self)
        raw["context"]["survey"] = json.loads(self.context.survey.to_json())
        return json.dumps(raw, sort_keys=True, ensure_ascii=False, default=datetime.isoformat)

    @staticmethod
    def from_json(text: str) -> State:
        """The inverse of :meth:`to_json`. Raises TypeError or ValueError on anything else."""
        raw: dict[str, Any] = json.loads(text)
        end, detour = raw.pop("end"), raw.pop("detour")
        return State(
            **{**raw, "context": _context(raw["context"])},
            end=None if end is None else HangUp(IvrEnd(end["end"]), end["reason"]),
            detour=None if detour is None else tuple(detour),
        )


def _context(raw: dict[str, Any]) -> CallContext:
    answers = (
        Answer(**{**a, "result": None if a["result"] is None else AlarmResult(a["result"])}) for a in raw["answers"]
    )
    moments = {
        name: None if raw[name] is None else datetime.fromisoformat(raw[name])
        for name in ("event_start", "event_end", "called_at")
    }
    answering = raw["answering"]
    if answering is not None:
        answering = Answering(**{**answering, "behavior": AmdBehavior(answering["behavior"])})
    survey = Survey.from_json(json.dumps(raw["survey"]))
    return CallContext(**{**raw, **moments, "survey": survey, "answers": tuple(answers), "answering": answering})


@dataclass(frozen=True, slots=True)
class Step:
    """Save ``records``, then carry out ``command``, then :func:`resume` with its reply (after HangUp: nothing)."""

    state: State
    command: Command
    records: tuple[Record, ...] = ()


def start(context: CallContext) -> Step:
    """The first step of a call. An empty survey ends at once, as an error."""
    state = State(context, section_id=0, answers=len(context.answers))
    if not context.survey.sections:
        return _end(state, IvrEnd.ERROR, "the survey has no sections", [])
    return _enter(state, context.survey.first().id, [])


def resume(state: State, reply: Reply) -> Step:
    """What follows the reply. Never raises on a reply; after the end it repeats the end, with no records."""
    if state.end is not None:
        return Step(state, state.end)
    section = state.context.survey.section(state.section_id)
    if isinstance(reply, Failed):
        return _end(state, IvrEnd.ERROR, f"{_name(section)}: {reply.reason}", [])
    if state.detour is not None:
        return _follow(*_back(state, section, reply, state.detour), [])
    return _follow(state, section, REGISTRY[section.type].reply(_turn(state, section), reply), [])


def ahead(state: State) -> tuple[Prompt, ...]:
    """What may be heard next: the current section's other words, then those of every section one branch away."""
    if state.end is not None:
        return ()
    survey = state.context.survey
    here = survey.section(state.section_id)
    known = {section.id: section for section in survey.sections}
    nearby = [here, *(known[b.goto] for b in here.branches if b.goto in known)]
    prompts: dict[Prompt, None] = {}
    for section in nearby:
        prompts.update(dict.fromkeys(REGISTRY[section.type].words(_turn(state, section))))
    transfer = reschedule(_turn(state, here)) if AlarmResult.RESCHEDULED in _rule(here).values() else None
    if transfer is not None:
        prompts.update(dict.fromkeys(transfer.prompts + excuse_words(_turn(state, here))))
    return tuple(prompts)


def _turn(state: State, section: Section) -> Turn:
    context = state.context
    heard, language = context.survey.heard(section, context.language)
    facts = of_call(context)
    return Turn(heard, spoken(facts, language), language, context, written(facts, language), state.attempt)


def _enter(state: State, section_id: int, records: list[Record]) -> Step:
    found = _arrive(state, section_id, records)
    return found if isinstance(found, Step) else _follow(*found, records)


def _arrive(state: State, section_id: int, records: list[Record]) -> tuple[State, Section, Move] | Step:
    """In the section, with its first move; or the end of the call, where that cannot be."""
    try:
        section = state.context.survey.section(section_id)
    except KeyError:
        return _end(state, IvrEnd.ERROR, f"a branch leads to section {section_id}, which does not exist", records)
    if state.steps >= LIMIT:
        return _end(state, IvrEnd.ERROR, _too_long(section), records)
    state = replace(state, section_id=section.id, attempt=0, steps=state.steps + 1)
    records.append(Reached(section.id, section.completed))
    return state, section, REGISTRY[section.type].enter(_turn(state, section))


def _follow(state: State, section: Section, move: Move, records: list[Record]) -> Step:
    """From a move to the next command. A loop, for any number of sections may have nothing to wait for."""
    while True:
        answer = None
        if move.entry is not None:
            state = replace(state, answers=state.answers + 1)
            answer = _answer(state.answers, section, move.entry)
            records.append(AnswerRecord(answer, move.entry.effects))
        if isinstance(move, Wait):
            if move.attempt != state.attempt:  # a repeat
                if state.steps >= LIMIT:
                    return _end(state, IvrEnd.ERROR, _too_long(section), records)
                state = replace(state, attempt=move.attempt, steps=state.steps + 1)
            return Step(state, move.command, tuple(records))
        branch = _branch(section, move)
        if answer is not None and answer.result is AlarmResult.RESCHEDULED:
            transfer = _detour(_turn(state, section), branch)
            if transfer is not None:
                return Step(replace(state, detour=move.exits, steps=state.steps + 1), transfer, tuple(records))
        if branch is None:
            return _end(state, IvrEnd.COMPLETED, _last(section, move), records)
        if branch.goto is None:
            return _end(state, IvrEnd.COMPLETED, f"{_name(section)} hangs up by branch {branch.keys!r}", records)
        found = _arrive(state, branch.goto, records)
        if isinstance(found, Step):
            return found
        state, section, move = found


def _last(section: Section, leave: Leave) -> str:
    """Why the survey ends here, where no branch says so."""
    if not leave.exits:
        return f"{_name(section)} hangs up"
    if not section.branches:
        return f"ended with {_name(section)}"
    return f"{_name(section)} has no branch for {leave.exits[0]!r}"


def _detour(turn: Turn, branch: Branch | None) -> TransferCall | None:
    """Whom a rescheduled result is transferred to before the survey goes on; None where it does that by itself."""
    target = None if branch is None or branch.goto is None else branch.goto
    sections = turn.call.survey.sections
    if any(section.id == target and section.type is SectionType.CALL_TRANSFER for section in sections):
        return None
    return reschedule(turn)


def _back(state: State, section: Section, reply: Reply, exits: tuple[str, ...]) -> tuple[State, Section, Move]:
    """After the transfer of a rescheduled result, or after its excuse."""
    over = replace(state, detour=None)
    if not isinstance(reply, TransferOver):
        return over, section, Leave(exits)
    if reply.outcome in ("connected", "left"):
        return over, section, Leave(exits, entry_of(reply))
    return state, section, excuse(_turn(state, section), reply.outcome)


def _branch(section: Section, leave: Leave) -> Branch | None:
    for keys in leave.exits:
        for branch in section.branches:
            if branch.keys == keys:
                return branch
    return None


def _answer(position: int, section: Section, entry: Entry) -> Answer:
    return Answer(
        position,
        section.id,
        entry.digits,
        entry.valid,
        entry.response,
        _rule(section).get(entry.digits) if entry.valid else None,
        recording_seconds=entry.seconds,
    )


def _rule(section: Section) -> Mapping[str, AlarmResult]:
    """What valid digits make of the alarm in this section."""
    return REGISTRY[section.type].results if section.results is None else section.results


def _end(state: State, end: IvrEnd, reason: str, records: list[Record]) -> Step:
    hang_up = HangUp(end, reason)
    return Step(replace(state, end=hang_up), hang_up, tuple(records))


def _name(section: Section) -> str:
    return f"section {section.id} ({section.question})" if section.question else f"section {section.id}"


def _too_long(section: Section) -> str:
    return f"{_name(section)}: the call went through {LIMIT} prompts without an end"
