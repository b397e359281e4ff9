"""What the engine, its nodes and the runner say to one another. Closed sets of frozen values, no I/O.

A node (one section type) is asked for a :data:`Move`: wait for the callee (:class:`Wait`) or go on (:class:`Leave`).
The engine turns moves into commands and records; the runner turns commands into sound, and keys into replies.
Seconds are seconds of talking or recording, everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from fs_app.domain import tags as tag_values
from fs_app.domain.calls import Answer, CallContext, Effect
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
class RecordMessage:
    """Play the prompts and a beep, then record the callee until a key, ``silence`` seconds without speech (0: never)
    or ``limit`` seconds. A key stops the prompts and is no answer."""

    prompts: tuple[Prompt, ...]
    limit: int
    silence: int


@dataclass(frozen=True, slots=True)
class TransferCall:
    """Ring ``target`` and connect the callee with whoever answers, until one of them hangs up.

    ``target`` is a number as the call's gateway wants it, or a SIP URI that an administrator has set up. The callee
    hears ``prompts`` while it rings (none: a ringing tone) and leaves with ``leave_key``. With a ``confirm_key``, who
    answers hears ``confirm`` and must press that key.
    """

    target: str
    prompts: tuple[Prompt, ...]
    confirm: tuple[Prompt, ...] = ()
    confirm_key: str = ""
    leave_key: str = "*"


@dataclass(frozen=True, slots=True)
class JoinConference:
    """Play the prompts, then join the conference ``room`` until its end or ``leave_key``."""

    prompts: tuple[Prompt, ...]
    room: str
    leave_key: str = "#"


@dataclass(frozen=True, slots=True)
class HangUp:
    """The survey is over. ``end`` is COMPLETED or ERROR; ``reason`` is one line for whoever reads the log."""

    end: IvrEnd
    reason: str


Waiting = Play | Gather | RecordMessage | TransferCall | JoinConference
Command = Waiting | HangUp

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
class MessageRecorded:
    """``path`` is the WAV file, ``key`` the key that ended it, if one did. ``spoken``: something was said."""

    path: str
    seconds: int
    spoken: bool
    key: str = ""


@dataclass(frozen=True, slots=True)
class TransferOver:
    """ "connected": the callee talked with somebody, for ``seconds``. "left": the callee did not want to wait. The
    others: nobody to talk to."""

    outcome: Literal["connected", "left", "busy", "no answer", "rejected", "failed"]
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class ConferenceOver:
    """``joined``: the callee was in the room, for ``seconds``."""

    joined: bool
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The command could not be carried out; ``reason`` says why."""

    reason: str


Reply = Finished | Digits | NoDigits | MessageRecorded | TransferOver | ConferenceOver | Failed

# -- records: engine -> journal, in the order in which they happened


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """``effects`` are brought about in the transaction that saves the answer."""

    answer: Answer
    effects: tuple[Effect, ...] = ()


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
    call: CallContext
    written: Mapping[str, str]  # the tags as a message shows them
    attempt: int = 0

    def speech(self, text: str) -> tuple[Prompt, ...]:
        """The words, spoken; empty when nothing is left of them."""
        words = tag_values.fill(text, self.tags).strip()
        return (Speech(words, self.language),) if words else ()

    def prompt(self) -> tuple[Prompt, ...]:
        """The section's recording, else its script with tags filled in; empty when there is nothing to say."""
        if self.section.audio is not None:
            return (Recording(self.section.audio),)
        return self.speech(self.section.script)

    def invalid(self) -> tuple[Prompt, ...]:
        """The section's recording for what went wrong; empty when it has none."""
        return () if self.section.invalid_audio is None else (Recording(self.section.invalid_audio),)

    def message(self) -> str:
        """The section's short message; "" when there is nothing to send."""
        return tag_values.fill(self.section.sms_text, self.written).strip()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a section got: keys, or something else that happened (no digits); the engine makes an Answer of it."""

    digits: str
    valid: bool
    response: str = ""
    seconds: int = 0  # of a recording
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Send the command and come back with its reply, as attempt number ``attempt`` of this section."""

    command: Waiting
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
