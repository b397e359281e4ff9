"""One call: drives the engine over a channel and puts everything on record at once.

The order is the promise. Records of a step are saved before its command is sent, so a key that was pressed is on
record before the callee hears anything more. Whatever fails, the callee hears a sentence and a hang-up.
"""

from __future__ import annotations

import logging

from fs_app.clock import Clock
from fs_app.domain.calls import CallContext
from fs_app.domain.enums import IvrEnd
from fs_app.errors import FsAppError, PromptError
from fs_app.switch.channel import SOCKET_CLOSED, Channel, ChannelHungUp
from ivr import acts, engine
from ivr.acts import Fault
from ivr.answering import own_words
from ivr.dialogue import (
    AnswerRecord,
    Digits,
    Failed,
    Finished,
    Gather,
    HangUp,
    JoinConference,
    NoDigits,
    Play,
    Prompt,
    Reached,
    Record,
    RecordMessage,
    Reply,
    TransferCall,
    Waiting,
)
from ivr.ports import Answering, Background, Journal, Prompts, never

__all__ = ["Answering", "Background", "Journal", "Prompts", "run_call", "warm_call"]

log = logging.getLogger(__name__)

_UNPLAYABLE = "a sound file could not be played"


def warm_call(context: CallContext, prompts: Prompts, background: Background = never) -> None:
    """Before dialling: make the first words, and start in the background on those that may follow.

    Raises PromptError when the first words cannot be made; it is then better not to ring anybody.
    """
    step = engine.start(context)
    if not isinstance(step.command, HangUp):
        prompts.require((*step.command.prompts, *own_words(context)))
    following = engine.ahead(step.state)
    background(lambda: prompts.warm(following))


def run_call(
    channel: Channel,
    journal: Journal,
    prompts: Prompts,
    clock: Clock,
    *,
    background: Background = never,
    answering: Answering | None = None,
) -> IvrEnd | None:
    """Run the survey of the call on ``channel`` to its end, and return how it ended (already booked).

    ``background`` makes ahead what may be heard next. ``answering`` is asked right after the answer, before the first
    word, and may deal with the call itself: then nothing more is done here, and None returned.

    Raises nothing: faults are logged, booked as IvrEnd.ERROR with their reason, and told to the callee. Two ends are
    not booked: a call that is not on record (it gets the apology and a hang-up), and one whose connection to the
    switch broke, which stays open like the call of a process that died, so that nobody is rung twice for it.
    """
    return _Run(channel, journal, prompts, clock, background, answering).run()


class _Run:
    def __init__(
        self,
        channel: Channel,
        journal: Journal,
        prompts: Prompts,
        clock: Clock,
        background: Background,
        answering: Answering | None,
    ) -> None:
        self._channel = channel
        self._journal = journal
        self._prompts = prompts
        self._clock = clock
        self._background = background
        self._answering = answering
        self._uuid = channel.uuid
        self._language = "en"
        self._held: list[Reached] = []

    def run(self) -> IvrEnd | None:
        try:
            context = self._journal.open_call(self._uuid, self._clock.now())
            if context is None:
                log.warning("call %s is not on record; hanging up", self._uuid)
                self._apologise()
                self._hang_up()
                return IvrEnd.ERROR
            self._language = context.language
            return self._converse(context)
        except ChannelHungUp as hung_up:
            if hung_up.cause == SOCKET_CLOSED:
                # As if this process had died: nobody can say what the callee heard. Booked as an end it would be
                # ours (the callee is rung again) or the callee's (the message counts as delivered); it is neither.
                log.error("call %s: the connection to the switch was lost; its end stays open", self._uuid)
                return IvrEnd.ERROR
            return self._book(IvrEnd.HANGUP, f"hung up before the end of the survey ({hung_up.cause})")
        except Exception as error:
            return self._fail(error)

    def _converse(self, context: CallContext) -> IvrEnd | None:
        if not self._channel.hung_up:
            self._channel.answer()
            if self._answering is not None and not self._answering(
                self._channel, context, self._journal, self._prompts, self._clock
            ):
                return None
        step = engine.start(context)
        reply: Reply = Finished()
        while True:
            self._save(step.records, reply)
            command = step.command
            if isinstance(command, HangUp):
                if self._channel.hung_up:
                    raise ChannelHungUp(acts.cause_of(self._channel))
                if command.end is IvrEnd.ERROR:
                    raise Fault(command.reason)
                # Booked first: when the switch reports the hang-up, the end is already on record.
                self._journal.ended(self._uuid, command.end, command.reason, self._clock.now())
                self._hang_up()
                return command.end
            reply = self._carry_out(command, step.state)
            step = engine.resume(step.state, reply)

    # ---- commands

    def _carry_out(self, command: Waiting, state: engine.State) -> Reply:
        if isinstance(command, Play):
            return self._play(command, state)
        if isinstance(command, Gather):
            return self._gather(command, state)
        if self._channel.hung_up:
            raise ChannelHungUp(acts.cause_of(self._channel))
        files = self._files(command.prompts, state)
        if isinstance(command, TransferCall):
            # Whatever plays beside the channel (while it rings, to the one who answers) plays files only.
            files = [self._prompts.file(prompt) for prompt in command.prompts]
            confirm = [self._prompts.file(prompt) for prompt in command.confirm]
            return acts.transfer_call(self._channel, command, state.context, files, confirm)
        if self._channel.play(files).missing:
            return Failed(_UNPLAYABLE)
        if isinstance(command, JoinConference):
            return acts.join_conference(self._channel, command)
        return self._record(command, state)

    def _record(self, command: RecordMessage, state: engine.State) -> Reply:
        path = self._prompts.recording(f"{self._uuid}-{state.section_id}-{state.steps}")
        return acts.record_message(self._channel, command, path)

    def _play(self, command: Play, state: engine.State) -> Reply:
        if self._channel.hung_up:
            return Finished()  # nobody listens; keys typed ahead may still be waiting for the next section
        files = self._files(command.prompts, state)
        try:
            played = self._channel.play(files)
        except ChannelHungUp:
            return Finished()
        return Failed(_UNPLAYABLE) if played.missing and not self._channel.hung_up else Finished()

    def _gather(self, command: Gather, state: engine.State) -> Reply:
        files: list[str] = []
        failure = ""
        if not self._channel.hung_up:
            try:
                files = self._files(command.prompts, state)
            except PromptError as error:
                failure = str(error)
        gathered = self._channel.gather(
            files,
            maximum=command.maximum,
            minimum=command.minimum,
            timeout=0 if failure else command.timeout,  # without a question, take only what was typed ahead
            terminators=command.terminators,
        )
        if gathered.prompt_failed:
            failure = _UNPLAYABLE
        if gathered.digits:
            self._release()
            if failure:
                self._save_only_answers(engine.resume(state, Digits(gathered.digits)).records)
                return Failed(failure)
            return Digits(gathered.digits)
        if self._channel.hung_up:
            raise ChannelHungUp(acts.cause_of(self._channel))
        return Failed(failure) if failure else NoDigits()

    def _files(self, prompts: tuple[Prompt, ...], state: engine.State) -> list[str]:
        files = [self._prompts.path(prompt) for prompt in prompts]
        # While these play, what may be heard next is made.
        following = engine.ahead(state)
        self._background(lambda: self._prompts.warm(following))
        return files

    # ---- records

    def _save(self, records: tuple[Record, ...], reply: Reply) -> None:
        """``reply`` is what the records follow from.

        After a hang-up only what was pressed leads on: a section that keys led to, and that needs nobody to listen,
        still does its work (an opt-out, a short message); one that a cut-off prompt would have led to does not.
        """
        arrived = False
        for record in records:
            if isinstance(record, AnswerRecord):
                if arrived and self._channel.hung_up:
                    if not isinstance(reply, Digits):
                        continue
                    self._release()
                self._journal.save_answer(self._uuid, record.answer, self._clock.now(), record.effects)
            elif self._channel.hung_up:
                # Nobody heard this section. It counts as reached only if a key typed ahead turns out to answer it.
                self._held.append(record)
                arrived = True
            else:
                self._reached(record)
                arrived = True

    def _save_only_answers(self, records: tuple[Record, ...]) -> None:
        for record in records:
            if isinstance(record, Reached):
                return  # from here on it is about sections that nobody gets to
            self._journal.save_answer(self._uuid, record.answer, self._clock.now(), record.effects)

    def _release(self) -> None:
        held, self._held = self._held, []
        for record in held:
            self._reached(record)

    def _reached(self, record: Reached) -> None:
        self._journal.reached(self._uuid, record.section_id, record.completed, self._clock.now())

    # ---- ends

    def _fail(self, error: Exception) -> IvrEnd:
        if isinstance(error, Fault | FsAppError):
            reason = str(error)
            log.error("call %s: %s", self._uuid, reason)
        else:
            reason = f"{type(error).__name__}: {error}"
            log.error("call %s: %s", self._uuid, reason, exc_info=error)
        self._apologise()
        end = self._book(IvrEnd.ERROR, reason)
        self._hang_up()
        return end

    def _apologise(self) -> None:
        try:
            if self._channel.hung_up:
                return
            # Keys typed ahead would stop the apology before it began, and no section will want them now.
            acts.drain(self._channel)
            self._channel.play([self._prompts.apology(self._language)])
        except ChannelHungUp:
            pass
        except Exception:
            log.exception("call %s: the apology could not be played", self._uuid)

    def _hang_up(self) -> None:
        try:
            if not self._channel.hung_up:
                self._channel.hangup()
        except ChannelHungUp:
            pass
        except Exception:
            log.exception("call %s: the channel could not be hung up", self._uuid)

    def _book(self, end: IvrEnd, reason: str) -> IvrEnd:
        try:
            self._journal.ended(self._uuid, end, reason, self._clock.now())
        except Exception:
            log.exception("call %s: its end (%s, %s) could not be booked", self._uuid, end, reason)
        return end
