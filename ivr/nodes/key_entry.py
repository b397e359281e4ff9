"""What every section that asks for keys has in common: the prompt, the repeats, and the ways out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.enums import AlarmResult
from fs_app.domain.survey import ANY, INVALID, TIMEOUT, Section
from ivr.dialogue import Digits, Entry, Gather, Leave, Move, Prompt, Reply, Turn, Wait
from ivr.words import invalid_choice


class KeyEntry(ABC):
    """Asks, judges, repeats.

    A valid entry leaves by the branch of its digits, else ``any``. A wrong one is recorded and the prompt comes again,
    up to ``retries`` times (wrong and missing keys share the count); then the section is left by ``invalid`` after a
    wrong key, by ``timeout`` after a missing one.
    """

    results: Mapping[str, AlarmResult] = MappingProxyType({})

    @abstractmethod
    def response(self, section: Section, digits: str) -> str | None:
        """What valid ``digits`` mean in reports; None when they are not valid."""

    @abstractmethod
    def maximum(self, section: Section) -> int:
        """How many keys the longest valid entry has."""

    def enter(self, turn: Turn) -> Move:
        return Wait(self._ask(turn, turn.prompt()))

    def reply(self, turn: Turn, reply: Reply) -> Move:
        section = turn.section
        digits = reply.digits if isinstance(reply, Digits) else ""
        repeat = turn.attempt < section.retries
        if not digits:
            if repeat:
                # Without a recording for it, silence just gets the question again.
                return Wait(self._ask(turn, turn.invalid() + turn.prompt()), turn.attempt + 1)
            return Leave((TIMEOUT,), Entry("", valid=False))
        response = self.response(section, digits)
        if response is not None:
            return Leave((digits, ANY), Entry(digits, valid=True, response=response))
        wrong = Entry(digits, valid=False)
        if repeat:
            return Wait(self._ask(turn, _wrong_words(turn) + turn.prompt()), turn.attempt + 1, wrong)
        return Leave((INVALID,), wrong)

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        if turn.section.retries > 0:
            return turn.prompt() + _wrong_words(turn)
        return turn.prompt()

    def _ask(self, turn: Turn, prompts: tuple[Prompt, ...]) -> Gather:
        maximum = self.maximum(turn.section)
        # One key needs no terminator; with more, # says "that is all" without waiting for the inter-digit time-out.
        terminators = "#" if maximum > 1 else ""
        return Gather(prompts, 1, maximum, float(turn.section.timeout), terminators)


def _wrong_words(turn: Turn) -> tuple[Prompt, ...]:
    return turn.invalid() or (invalid_choice(turn.language),)
