"""Who answered, and what follows: the survey for a person; for a machine what the calendar setting says.

It runs after the answer and before the first word. One listening serves both questions, who answered and when the
machine's greeting is over, for the switch sends the callee's audio only until something plays.

Whoever presses a key is a person, however machine-like the greeting was: so a wrong decision can be put right by the
callee, while the greeting is listened to, during the message and for a moment after it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress

from fs_app.clock import Clock
from fs_app.domain.amd import AmdParameters, in_other_words
from fs_app.domain.calls import Answering, CallContext
from fs_app.domain.enums import AmdBehavior, IvrEnd, WhoAnswered
from fs_app.errors import InvalidInput, PromptError
from fs_app.switch.channel import Channel, ChannelHungUp, Frames
from ivr import engine
from ivr.amd import GreetingEnd, Judge
from ivr.dialogue import HangUp, Prompt, Recording
from ivr.hearing import FRAME_MS
from ivr.ports import Journal, Prompts
from ivr.words import goodbye

log = logging.getLogger(__name__)

_GAP = 0.2  # seconds without a frame: the line carries nothing, and that is silence
_SECOND_THOUGHTS = "silence_stream://2000"  # after the message, for a key
_ALL_KEYS = 128  # as many as a channel gives at once


def answered(channel: Channel, context: CallContext, journal: Journal, prompts: Prompts, clock: Clock) -> bool:
    """Whether the survey is to run (:data:`ivr.ports.Answering`); else all is said, booked and hung up.

    Raises ChannelHungUp, PromptError, StoreUnavailable and SwitchError, with nothing booked.
    """
    if context.answering is None or channel.hung_up:
        return True
    return _Answered(channel, context, context.answering, journal, prompts, clock).run()


def own_words(context: CallContext) -> tuple[Prompt, ...]:
    """What may be played here besides the survey's own words, to be made before the call is dialled."""
    plan = context.answering
    if plan is None or plan.behavior is AmdBehavior.HUMAN_ONLY:
        return ()
    message: tuple[Prompt, ...] = () if plan.message is None else (Recording(plan.message),)
    return (*message, goodbye(context.language)) if plan.behavior is AmdBehavior.VOICEMAIL_ONLY else message


class _Answered:
    def __init__(
        self,
        channel: Channel,
        context: CallContext,
        plan: Answering,
        journal: Journal,
        prompts: Prompts,
        clock: Clock,
    ) -> None:
        self._channel = channel
        self._context = context
        self._plan = plan
        self._journal = journal
        self._prompts = prompts
        self._clock = clock
        self._ms = 0  # of the callee's audio, so far

    def run(self) -> bool:
        rules = self._rules()
        with self._channel.listen() as frames:
            judge = Judge(rules, frames.rate)
            who = self._told(rules.variable) or self._judge(judge, frames)
            if who is not WhoAnswered.MACHINE:
                return self._person()
            if self._plan.behavior is AmdBehavior.HUMAN_ONLY:
                return self._finish("a machine answered; only persons are told")
            if rules.avmd:
                frames.find_beeps()
            ready = self._greeting(GreetingEnd(rules, judge), frames)
        if self._pressed():
            self._record(WhoAnswered.PERSON, "a key was pressed during the greeting")
            return self._person()
        return self._machine(ready)

    # ---- listening

    def _told(self, variable: str) -> WhoAnswered | None:
        """What a detection module of the switch has found out; None where there is none, or nothing yet."""
        word = self._channel.variable(variable) if variable else None
        return self._record(in_other_words(word), f"{variable} is {word[:40]!r}") if word else None

    def _judge(self, judge: Judge, frames: Frames) -> WhoAnswered:
        for frame in self._heard(frames):
            decision = judge.feed(frame)
            if decision is not None:
                return self._record(decision.who, decision.reason)
        if self._pressed():
            return self._record(WhoAnswered.PERSON, "a key was pressed")
        return self._record(WhoAnswered.UNKNOWN, f"hung up after {self._ms} ms")

    def _greeting(self, end: GreetingEnd, frames: Frames) -> str:
        """Until the message can be left, a key is pressed or the call ends: why now, in words."""
        beeps = 0
        for frame in self._heard(frames):
            if frames.beeps > beeps:
                beeps = frames.beeps
                end.told_of_a_beep()
            ready = end.feed(frame)
            if ready is not None:
                return ready
        return ""

    def _heard(self, frames: Frames) -> Iterator[bytes]:
        """The callee's audio until a key is pressed or the call ends."""
        silence = bytes(2 * frames.rate * FRAME_MS // 1000)
        while not self._pressed():
            frame = frames.next(_GAP)
            if frame is None and self._channel.hung_up:
                return
            for piece in [frame] if frame is not None else [silence] * round(_GAP * 1000 / FRAME_MS):
                self._ms += FRAME_MS
                yield piece

    def _pressed(self) -> bool:
        return self._channel.play(()).interrupted

    # ---- what follows

    def _person(self) -> bool:
        if self._plan.behavior is not AmdBehavior.VOICEMAIL_ONLY or self._channel.hung_up:
            return True
        self._drop_keys()
        try:
            self._channel.play([self._prompts.path(goodbye(self._context.language))])
        except PromptError as error:
            log.error("call %s: hung up without a word: %s", self._context.call_uuid, error)
        return self._finish("a person answered; only machines are told")

    def _machine(self, ready: str) -> bool:
        message = self._message()
        if not message:
            return True  # the survey begins with something other than words
        played = self._channel.play([self._prompts.path(prompt) for prompt in message])
        if played.missing:
            raise PromptError("the message for the machine could not be played")
        if not played.interrupted:
            self._journal.message_left(self._context.call_uuid, self._clock.now())
            with suppress(ChannelHungUp):
                played = self._channel.play([_SECOND_THOUGHTS])
        if not played.interrupted:
            return self._finish(f"left the message {ready}")
        self._record(WhoAnswered.PERSON, "a key was pressed during the message")
        if self._plan.message is not None:
            self._drop_keys()  # it was another question than the survey's, if any
        return self._person()

    def _message(self) -> tuple[Prompt, ...]:
        """The recording for machines, or the survey's first words."""
        if self._plan.message is not None:
            return (Recording(self._plan.message),)
        command = engine.start(self._context).command
        return () if isinstance(command, HangUp) else command.prompts

    def _drop_keys(self) -> None:
        self._channel.gather([], maximum=_ALL_KEYS, timeout=0, interdigit=0, terminators="")

    # ---- records

    def _rules(self) -> AmdParameters:
        try:
            return AmdParameters.from_mapping(self._plan.parameters)
        except InvalidInput as error:  # the API lets none in; somebody wrote to the database
            log.error("call %s: judged by the default parameters: %s", self._context.call_uuid, error)
            return AmdParameters()

    def _record(self, who: WhoAnswered, reason: str) -> WhoAnswered:
        self._journal.who_answered(self._context.call_uuid, who, reason, self._ms, self._clock.now())
        return who

    def _finish(self, reason: str) -> bool:
        # Booked first: when the switch reports the hang-up, the end is already on record.
        self._journal.ended(self._context.call_uuid, IvrEnd.COMPLETED, reason, self._clock.now())
        self._channel.hangup()
        return False
