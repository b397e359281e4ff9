"""Going through a survey with the engine that real calls use, without a telephone.

>>> from fs_app.domain.enums import SectionType
>>> from fs_app.domain.survey import Section, Survey
>>> ask = Section(id=1, type=SectionType.RATING, script="Press 1, {name}.")
>>> [line.text for line in rehearse(Survey("demo", (ask,)), {"name": "Ann"}, ["1"]).lines][:2]
['Press 1, Ann.', '1']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fs_app.domain.calls import CallContext
from fs_app.domain.rehearsal import SILENCE, Line, Rehearsal
from fs_app.domain.survey import Survey
from ivr import engine
from ivr.dialogue import AnswerRecord, Digits, Finished, Gather, HangUp, NoDigits, Prompt, Reply, Speech


def rehearse(survey: Survey, tags: Mapping[str, str], keys: Sequence[str]) -> Rehearsal:
    """What happens when ``keys`` are pressed one entry after another; :data:`SILENCE` stands for none in time.

    Pure. What needs a switch (a transfer, a recording) is told and taken as done. Stops when an entry is wanted and
    there is none left.
    """
    left = list(keys)
    lines: list[Line] = []
    step = engine.start(CallContext("rehearsal", survey, tags, survey.tts_language))
    while True:
        here = step.state.section_id
        command = step.command
        if isinstance(command, HangUp):
            lines.append(Line("end", command.reason, here))
            return Rehearsal(tuple(lines), 0, here)
        lines += [_heard(prompt, here) for prompt in getattr(command, "prompts", ())]
        reply: Reply = Finished()
        entered = ""
        if isinstance(command, Gather):
            if not left:
                return Rehearsal(tuple(lines), command.maximum, here)
            entered = left.pop(0)
            reply = NoDigits() if entered == SILENCE else Digits(_cut(entered, command))
            if entered == SILENCE:
                lines.append(Line("silence", "", here))
        elif not getattr(command, "prompts", ()):
            lines.append(Line("does", type(command).__name__, here))
        step = engine.resume(step.state, reply)
        answers = [record.answer for record in step.records if isinstance(record, AnswerRecord)]
        for answer in answers:
            meaning = "" if answer.response == answer.digits else answer.response
            told = f"{answer.digits} {meaning}".strip()
            lines.append(Line("valid" if answer.valid else "invalid", told, here, answer.result))


def _cut(entered: str, command: Gather) -> str:
    """As much of what was pressed as the section takes, without the key that ends it."""
    for place, key in enumerate(entered[: command.maximum]):
        if key in command.terminators:
            return entered[:place]
    return entered[: command.maximum]


def _heard(prompt: Prompt, section_id: int) -> Line:
    if isinstance(prompt, Speech):
        return Line("words", prompt.text, section_id)
    return Line("recording", prompt.sha256, section_id)
