"""What the engine, its nodes and the runner say to one another. Closed sets of frozen values, no I/O.

A node (one section type) is asked for a :data:`Move`: wait for the callee (:class:`Wait`) or go on (:class:`Leave`).
The engine turns moves into commands and records; the runner turns commands into sound, and keys into replies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fs_app.domain import tags as tag_values
from fs_app.domain.calls import Answer
from fs_app.domain.enums import AlarmResult, IvrEnd
from fs_app.domain.survey import Section

# -- what is heard


@dataclass(frozen=True, slots=True)
class Speech:
    """Words for the speech engine; ``language`` is a tag such as ``en`` or ``fr-BE``."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Recording:
    """An uploaded recording, named by the SHA-256 hex digest of its bytes."""

    sha256: str


Prompt = Speech | Recording

# -- commands: engine -> runner


@dataclass(frozen=True, slots=True)
class Play:
    """Play the prompts one after another. A key stops them and is kept for the next Gather."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Play the prompts (none is fine) and collect keys. A key stops the prompts and counts.

    ``timeout`` is in seconds, from the end of the prompts to the first key. ``terminators`` are keys that end the
    entry and are not part of it; without any, ``#`` and ``*`` are keys like the others.
    """

    prompts: tuple[Prompt, ...]
    minimum: int
    maximum: int
    timeout: float
    terminators: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """The survey is over. ``end`` is COMPLETED or ERROR; ``reason`` is one line for whoever reads the log."""

    end: IvrEnd
    reason: str


Command = Play | Gather | HangUp

# -- replies: runner -> engine


@dataclass(frozen=True, slots=True)
class Finished:
    """The prompts ended or were stopped by a key."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Keys as pressed, e.g. ``"1"``."""

    digits: str


@dataclass(frozen=True, slots=True)
class NoDigits:
    """Nothing was pressed in time."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The command could not be carried out; ``reason`` says why."""

    reason: str


Reply = Finished | Digits | NoDigits | Failed

# -- records: engine -> journal, in the order in which they happened


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    answer: Answer


@dataclass(frozen=True, slots=True)
class Reached:
    """A section was entered; ``completed`` when entering it completes the survey."""

    section_id: int
    completed: bool


Record = AnswerRecord | Reached

# -- between the engine and a node


@dataclass(frozen=True, slots=True)
class Turn:
    """One section as one callee meets it: its words in ``language``, and ``tags`` as spoken in that language.

    ``attempt`` counts the repeats of its prompt, from 0.
    """

    section: Section
    tags: Mapping[str, str]
    language: str
    attempt: int = 0

    def prompt(self) -> tuple[Prompt, ...]:
        """The section's recording, else its script with tags filled in; empty when there is nothing to say."""
        if self.section.audio is not None:
            return (Recording(self.section.audio),)
        text = tag_values.fill(self.section.script, self.tags).strip()
        return (Speech(text, self.language),) if text else ()


@dataclass(frozen=True, slots=True)
class Entry:
    """Keys that a section got; the engine makes an Answer of it."""

    digits: str
    valid: bool
    response: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Send the command and come back with its reply, as attempt number ``attempt`` of this section."""

    command: Play | Gather
    attempt: int = 0
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Take the first branch whose keys are in ``exits``; when there is none, hang up."""

    exits: tuple[str, ...]
    entry: Entry | None = None


Move = Wait | Leave


class Node(Protocol):
    """One section type. Nodes hold no state: everything is in the turn."""

    @property
    def results(self) -> Mapping[str, AlarmResult]:
        """What valid digits make of the alarm where the section has no map of its own."""
        ...

    def enter(self, turn: Turn) -> Move:
        """The callee arrives."""
        ...

    def reply(self, turn: Turn, reply: Reply) -> Move:
        """What the callee did; never Failed, which the engine handles for all."""
        ...

    def words(self, turn: Turn) -> tuple[Prompt, ...]:
        """Everything the section may play, for rendering ahead."""
        ...
