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
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from fs_app.domain.calls import Answer, Answering, CallContext
from fs_app.domain.enums import AlarmResult, AmdBehavior, IvrEnd
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.words import of_call, spoken
from ivr.dialogue import (
    AnswerRecord,
    Command,
    Digits,
    Entry,
    Failed,
    Finished,
    Gather,
    HangUp,
    Leave,
    Move,
    Node,
    NoDigits,
    Play,
    Prompt,
    Reached,
    Record,
    Recording,
    Reply,
    Speech,
    Turn,
    Wait,
)
from ivr.nodes import REGISTRY

__all__ = [
    "LIMIT",
    "AnswerRecord",
    "Command",
    "Digits",
    "Failed",
    "Finished",
    "Gather",
    "HangUp",
    "NoDigits",
    "Play",
    "Prompt",
    "Reached",
    "Record",
    "Recording",
    "Reply",
    "Speech",
    "State",
    "Step",
    "ahead",
    "resume",
    "start",
]

LIMIT = 200  # sections entered plus prompts repeated, in one call


@dataclass(frozen=True, slots=True)
class State:
    """Where one call stands. Goes to JSON and back whole, so that a conversation can be taken up elsewhere."""

    context: CallContext
    section_id: int
    attempt: int = 0
    steps: int = 0
    answers: int = 0  # on record for this call, those of an earlier connection included
    end: HangUp | None = None  # set once the survey is over; it stays over

    def to_json(self) -> str:
        raw = asdict(self)
        raw["context"]["survey"] = json.loads(self.context.survey.to_json())
        return json.dumps(raw, sort_keys=True, ensure_ascii=False, default=datetime.isoformat)

    @staticmethod
    def from_json(text: str) -> State:
        """The inverse of :meth:`to_json`. Raises TypeError or ValueError on anything else."""
        raw: dict[str, Any] = json.loads(text)
        context = raw.pop("context")
        survey = Survey.from_json(json.dumps(context.pop("survey")))
        answers = tuple(
            Answer(**{**a, "result": None if a["result"] is None else AlarmResult(a["result"])})
            for a in context.pop("answers")
        )
        for name in ("event_start", "event_end", "called_at"):
            if context[name] is not None:
                context[name] = datetime.fromisoformat(context[name])
        if context["answering"] is not None:
            found = context["answering"]
            context["answering"] = Answering(**{**found, "behavior": AmdBehavior(found["behavior"])})
        end = raw.pop("end")
        return State(
            **raw,
            context=CallContext(**context, survey=survey, answers=answers),
            end=None if end is None else HangUp(IvrEnd(end["end"]), end["reason"]),
        )


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
    move = REGISTRY[section.type].reply(_turn(state, section), reply)
    return _follow(state, section, move, [])


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
        node = REGISTRY.get(section.type)
        if node is not None:
            prompts.update(dict.fromkeys(node.words(_turn(state, section))))
    return tuple(prompts)


def _turn(state: State, section: Section) -> Turn:
    context = state.context
    heard, language = context.survey.heard(section, context.language)
    return Turn(heard, spoken(of_call(context), language), language, state.attempt)


def _enter(state: State, section_id: int, records: list[Record]) -> Step:
    survey = state.context.survey
    try:
        section = survey.section(section_id)
    except KeyError:
        return _end(state, IvrEnd.ERROR, f"a branch leads to section {section_id}, which does not exist", records)
    if state.steps >= LIMIT:
        return _end(state, IvrEnd.ERROR, _too_long(section), records)
    node: Node | None = REGISTRY.get(section.type)
    if node is None:
        return _end(state, IvrEnd.ERROR, f"{_name(section)}: type {section.type} is not supported", records)
    state = replace(state, section_id=section.id, attempt=0, steps=state.steps + 1)
    records.append(Reached(section.id, section.completed))
    return _follow(state, section, node.enter(_turn(state, section)), records)


def _follow(state: State, section: Section, move: Move, records: list[Record]) -> Step:
    if move.entry is not None:
        state = replace(state, answers=state.answers + 1)
        records.append(AnswerRecord(_answer(state.answers, section, move.entry)))
    if isinstance(move, Wait):
        if move.attempt != state.attempt:  # a repeat
            if state.steps >= LIMIT:
                return _end(state, IvrEnd.ERROR, _too_long(section), records)
            state = replace(state, attempt=move.attempt, steps=state.steps + 1)
        return Step(state, move.command, tuple(records))
    branch = _branch(section, move)
    if branch is None:
        why = f"has no branch for {move.exits[0]!r}" if move.exits else "hangs up"
        return _end(state, IvrEnd.COMPLETED, f"{_name(section)} {why}", records)
    if branch.goto is None:
        return _end(state, IvrEnd.COMPLETED, f"{_name(section)} hangs up by branch {branch.keys!r}", records)
    return _enter(state, branch.goto, records)


def _branch(section: Section, leave: Leave) -> Branch | None:
    for keys in leave.exits:
        for branch in section.branches:
            if branch.keys == keys:
                return branch
    return None


def _answer(position: int, section: Section, entry: Entry) -> Answer:
    result = None
    if entry.valid:
        rule = REGISTRY[section.type].results if section.results is None else section.results
        result = rule.get(entry.digits)
    return Answer(position, section.id, entry.digits, entry.valid, entry.response, result)


def _end(state: State, end: IvrEnd, reason: str, records: list[Record]) -> Step:
    hang_up = HangUp(end, reason)
    return Step(replace(state, end=hang_up), hang_up, tuple(records))


def _name(section: Section) -> str:
    return f"section {section.id} ({section.question})" if section.question else f"section {section.id}"


def _too_long(section: Section) -> str:
    return f"{_name(section)}: the call went through {LIMIT} prompts without an end"
