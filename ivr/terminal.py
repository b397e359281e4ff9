"""A call in a terminal: the runner of real calls over a channel that prints what is heard and reads what is done.

The person at the keyboard is the callee. A line is keys (``1``, ``0042#``), ``timeout`` or nothing for silence, or
``hangup``; the end of input is a hang-up. Whoever answers a transfer, or talks in a conference, is played by hand too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal

from fs_app.domain.calls import Answer, CallContext, Effect, KeepRecording, OptOut, SendSms
from fs_app.domain.enums import AlarmResult, IvrEnd, WhoAnswered
from fs_app.switch.channel import (
    ChannelHungUp,
    Conferenced,
    Frames,
    Gathered,
    Played,
    Recorded,
    Transferred,
    check_gather,
    entry,
)
from fs_app.switch.dialstring import BridgeTarget
from ivr.dialogue import Prompt, Speech

_KEYS = re.compile(r"[0-9*#]+", re.ASCII)
_HELP = "keys (0-9 * #), timeout, or hangup"
HANG_UP, SILENCE = "hangup", "timeout"

_NOBODY: dict[str, tuple[Literal["busy", "no_answer", "rejected", "failed"], str]] = {
    "busy": ("busy", "USER_BUSY"),
    "no_answer": ("no_answer", "NO_ANSWER"),
    "rejected": ("rejected", "CALL_REJECTED"),
    "failed": ("failed", "NORMAL_TEMPORARY_FAILURE"),
}

Say = Callable[[str], None]
Ask = Callable[[str], str | None]
"""``ask(hint)`` is the next line of the callee, None when there will be no more."""


class TerminalChannel:
    """One call. Keys that a question does not use up wait for the next one, as they would in a call."""

    uuid = "simulated"
    caller_number = ""
    called_number = ""

    def __init__(self, say: Say, ask: Ask) -> None:
        self._say = say
        self._ask = ask
        self._keys = ""
        self.hung_up = False

    def variable(self, name: str) -> str | None:
        return None

    def answer(self) -> None:
        self._say("(answered)")

    def play(self, files: Sequence[str]) -> Played:
        if self._keys or not files:
            return Played(interrupted=bool(self._keys))
        self._alive()
        for words in files:
            self._say("(beep)" if words.startswith("tone_stream:") else words)
        return Played()

    def gather(
        self,
        files: Sequence[str],
        *,
        maximum: int,
        timeout: float,
        minimum: int = 1,
        interdigit: float = 2.0,
        terminators: str = "#",
    ) -> Gathered:
        check_gather(maximum, minimum, timeout, interdigit)

        def taken() -> Gathered | None:
            digits, used, ended_by = entry(self._keys, maximum=maximum, minimum=minimum, terminators=terminators)
            if ended_by is None:
                return None
            self._keys = self._keys[used:]
            return Gathered(digits, ended_by)

        done = taken()
        if done is None and not self.hung_up:
            self.play(files)
            if timeout:
                self._keys += self._pressed(f"{timeout:g} s for a key")
                done = taken()
        if done is not None:
            return done
        digits = entry(self._keys, maximum=maximum, minimum=minimum, terminators=terminators)[0]
        self._keys = ""
        if self.hung_up and not digits:
            raise ChannelHungUp("NORMAL_CLEARING")
        return Gathered(digits, "hangup" if self.hung_up else "timeout")

    def record(self, path: str, *, limit: float, silence: float, terminators: str = "any") -> Recorded:
        self._alive()
        self._keys = ""
        keys = self._pressed(f"recording, {limit:g} s at most: a key ends it, timeout is silence")
        if self.hung_up:
            return Recorded(3.0, "hangup")
        if keys:
            return Recorded(3.0, "key", keys[0])
        return Recorded(3.0 + silence, "silence") if silence else Recorded(limit, "limit")

    def transfer(
        self,
        target: BridgeTarget,
        *,
        announcement: Sequence[str] = (),
        confirm: Sequence[str] = (),
        confirm_key: str = "",
        leave_key: str = "*",
        ring_timeout: float = 30,
    ) -> Transferred:
        self._alive()
        for words in announcement:
            self._say(words)
        self._say(f"(rings {target.endpoint})")
        for words in confirm:
            self._say(f"the one who answers hears: {words}")
        hint = "answer, busy, no_answer, rejected, failed" + (f", {leave_key} to leave it" if leave_key else "")
        said = self._line(hint, (*_NOBODY, "answer", leave_key))
        if said == HANG_UP:
            self.hung_up = True
            return Transferred("hangup", 0.0, "NORMAL_CLEARING")
        if said and said == leave_key:
            return Transferred("left", 0.0, "NORMAL_CLEARING")
        if said == "answer":
            return Transferred("bridged", 30.0, "NORMAL_CLEARING")
        outcome, cause = _NOBODY["no_answer" if said == SILENCE else said]
        return Transferred(outcome, 0.0, cause)

    def conference(self, room: str, *, leave_key: str = "#", limit: float) -> Conferenced:
        self._alive()
        self._say(f"(in the conference {room})")
        said = self._line(f"{leave_key} to leave it, timeout for its end", (leave_key,))
        if said == HANG_UP:
            self.hung_up = True
            return Conferenced(30.0, "hangup")
        return Conferenced(30.0, "end" if said == SILENCE else "key")

    def listen(self) -> AbstractContextManager[Frames]:
        raise NotImplementedError("there is no audio in a terminal")

    def hangup_after(self, seconds: int) -> None:
        self._alive()

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        self.hung_up = True
        self._say("(hung up)")

    def _pressed(self, hint: str) -> str:
        said = self._line(hint)
        if said == HANG_UP:
            self.hung_up = True
        return "" if said in (HANG_UP, SILENCE) else said

    def _line(self, hint: str, words: tuple[str, ...] | None = None) -> str:
        """Keys, SILENCE or HANG_UP; where ``words`` are given, one of them instead of keys."""
        while True:
            line = self._ask(hint)
            if line is None:
                return HANG_UP
            said = line.strip().lower()
            if said in ("", SILENCE):
                return SILENCE
            if said == HANG_UP or (said in words if words is not None else _KEYS.fullmatch(said)):
                return said
            self._say(f"? give {_HELP if words is None else f'{hint}, or hangup'}")

    def _alive(self) -> None:
        if self.hung_up:
            raise ChannelHungUp("NORMAL_CLEARING")


class ShownPrompts:
    """Prompts that are not made: the words themselves stand in for the files."""

    def __init__(self, names: dict[str, str]) -> None:
        """``names`` of recordings, by their SHA-256."""
        self._names = names

    def path(self, prompt: Prompt) -> str:
        if isinstance(prompt, Speech):
            return f"[{prompt.language}] {prompt.text}"
        return f"[recording {self._names.get(prompt.sha256, prompt.sha256[:12])}]"

    def file(self, prompt: Prompt) -> str:
        return self.path(prompt)

    def require(self, prompts: Iterable[Prompt]) -> None:
        pass

    def warm(self, prompts: Iterable[Prompt]) -> None:
        pass

    def recording(self, name: str) -> str:
        return f"/{name}.wav"

    def apology(self, language: str) -> str:
        return "[an apology]"


class Record:
    """The journal of one simulated call: keeps what would be stored."""

    def __init__(self, context: CallContext) -> None:
        self.context = context
        self.answers: list[Answer] = []
        self.effects: list[Effect] = []
        self.last_section: int | None = None
        self.completed = False
        self.end: tuple[IvrEnd, str] | None = None

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        return self.context

    def save_answer(self, call_uuid: str, answer: Answer, now: datetime, effects: Sequence[Effect] = ()) -> None:
        self.answers.append(answer)
        self.effects += effects

    def reached(self, call_uuid: str, section_id: int, completed: bool, now: datetime) -> None:
        self.last_section = section_id
        self.completed = self.completed or completed

    def who_answered(self, call_uuid: str, who: WhoAnswered, reason: str, ms: int, now: datetime) -> None:
        pass

    def message_left(self, call_uuid: str, now: datetime) -> None:
        pass

    def ended(self, call_uuid: str, end: IvrEnd, reason: str, now: datetime) -> None:
        self.end = (end, reason)

    def lines(self) -> Iterable[str]:
        """What would be on record, for a person to read."""
        yield "Stored with the call:"
        for answer in self.answers:
            said = answer.digits or "no key"
            more = "" if answer.valid else ", not valid"
            more += f", {answer.response}" if answer.response and answer.response != answer.digits else ""
            more += f", result {answer.result.name.lower()}" if answer.result else ""
            yield f"  answer {answer.position}  section {answer.section_id}: {said}{more}"
        result = next((a.result for a in reversed(self.answers) if a.valid and a.result), AlarmResult.NONE)
        yield f"  result        {result.value} ({result.name.lower()})"
        yield f"  last section  {'none' if self.last_section is None else self.last_section}"
        yield f"  completed     {'yes' if self.completed else 'no'}"
        if self.end is not None:
            yield f"  survey        {': '.join(filter(None, (self.end[0].value, self.end[1])))}"
        for effect in self.effects:
            yield f"  then          {_effect(effect)}"


def _effect(effect: Effect) -> str:
    match effect:
        case SendSms(number=number, text=text):
            return f"SMS to {number}: {text}"
        case OptOut(number=number):
            return f"{number} is never called again"
        case KeepRecording():
            return "the recording is kept with the answer"
