"""One call, followed from its originate to its end."""

from __future__ import annotations

import logging
from enum import Enum, auto

from gevent.queue import Empty, Queue

from fs_app.clock import Clock
from fs_app.domain.calls import CallAnswered, CallEnded, CallEvent, CallRinging, OriginateFailed
from fs_app.domain.enums import Outcome
from fs_app.errors import StoreUnavailable, SwitchError
from fs_app.store.attempts import Attempts
from fs_app.switch.hangup import outcome as outcome_of_cause
from scheduler.observer import Observer
from scheduler.switches import SwitchPort

log = logging.getLogger(__name__)

# A ring or talk time that the switch enforces itself gets this much longer before we ask what became of the call.
GRACE = 15.0
# A call is gone when the switch denies it twice, this long apart: a job just accepted has no channel yet.
DENIAL_PAUSE = 2.0
# How long a failed job waits for its channel, which says more: the SIP answer, and whether it rang.
LAST_WORD = 1.0
# How long after the answer the survey has to start. A call whose socket breaks before it is parked is held by nobody:
# whoever answered would listen to silence until the time limit.
SURVEY_PATIENCE = 15.0


class Note(Enum):
    """What a call's inbox holds besides the switch's events."""

    IVR_ENDED = auto()
    RECONCILE = auto()  # ask the switch whether the call still exists


Inbox = Queue[CallEvent | Note]
LastWord = CallEnded | OriginateFailed | None  # what a switch told of the end; None: nothing


class Follower:
    """Waits on a call's inbox, never on the clock alone; a deadline only asks the switch whether the call still is."""

    def __init__(self, attempts: Attempts, clock: Clock, observe: Observer) -> None:
        self._attempts = attempts
        self._clock = clock
        self._observe = observe

    def follow(
        self, uuid: str, switch: SwitchPort, inbox: Inbox, ring_timeout: int, time_limit: int
    ) -> tuple[LastWord, bool]:
        """Wait for the end; and whether the telephone may have rung. None: the switch does not know the call (any
        more) and nobody saw it end."""
        rang = False
        failed: OriginateFailed | None = None
        limit = ring_timeout + GRACE
        wait, denials = limit, 0
        over = self._clock.monotonic() + ring_timeout + time_limit + GRACE
        heard_by = self._clock.monotonic() + limit - 1  # past the ring time whatever is up was answered
        while True:
            try:
                event: CallEvent | Note = inbox.get(timeout=wait)
            except Empty:
                event = Note.RECONCILE
            if failed is not None and isinstance(event, Note):
                return failed, rang
            wait = limit if failed is None else LAST_WORD
            match event:
                case OriginateFailed(cause=cause) if outcome_of_cause(cause, answered=False) is not Outcome.TRUNK:
                    failed, wait = event, LAST_WORD
                case CallEnded() | OriginateFailed():  # where the trunk is at fault, the next one is tried at once
                    return event, rang
                case CallRinging(media=media):
                    rang = rang or not media
                    self._observe("ringing", uuid, {})
                case CallAnswered(at=at):
                    rang, wait, limit = True, SURVEY_PATIENCE, time_limit + GRACE
                    heard_by = self._clock.monotonic() + SURVEY_PATIENCE - 1
                    try:
                        self._attempts.mark_answered(uuid, at)
                    except StoreUnavailable as exc:  # the IVR writes it down as well, and the end will tell
                        log.warning("call %s: the answer is not on record yet: %s", uuid, exc)
                    self._observe("answered", uuid, {})
                case Note.RECONCILE:
                    rang = True  # for all we know: what we were not told while the connection was down is lost
                    # The switch enforces both limits: past them no call is up, even if it never answers again.
                    if not switch.wait_up(max(over - self._clock.monotonic(), 0.0)):
                        return None, rang
                    try:
                        denials = 0 if switch.exists(uuid) else denials + 1
                    except SwitchError:
                        denials = 0
                    if denials == 2:
                        return None, rang
                    if denials:
                        wait = DENIAL_PAUSE  # its end, or its beginning, may still be on the way to us
                    elif self._clock.monotonic() >= heard_by:
                        self._end_silence(uuid, switch)

    def _end_silence(self, uuid: str, switch: SwitchPort) -> None:
        """Hang an answered call up whose survey has not started by now."""
        try:
            facts = self._attempts.facts(uuid)
            if facts is not None and not facts.ivr_started:
                log.warning("call %s: its survey has not started: hung up", uuid)
                switch.hangup(uuid)
        except (StoreUnavailable, SwitchError) as exc:
            log.warning("call %s: nobody can say whether its survey has started: %s", uuid, exc)
