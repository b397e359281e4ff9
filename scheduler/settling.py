"""How a call ended goes on record."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence

import gevent

from fs_app.clock import Clock
from fs_app.domain.alarms import RetryPolicy, Verdict
from fs_app.domain.calls import CallEnded, CallFacts
from fs_app.domain.enums import AlarmStatus, Outcome
from fs_app.errors import StoreUnavailable
from fs_app.gathered import Gathered
from fs_app.store.attempts import Attempts
from fs_app.store.booking import Ending, Judge, Settled
from fs_app.store.cases import Held
from fs_app.switch.hangup import outcome as outcome_of_cause
from scheduler import retry
from scheduler.following import Inbox, LastWord, Note
from scheduler.observer import Observer

log = logging.getLogger(__name__)

# How long a booked-to-be call waits for the IVR to say why it stopped; the two learn of a hang-up at the same moment.
IVR_GRACE = 3.0
STORE_PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)  # seconds between attempts to book while the database is away


class Bookkeeper:
    """Books under the lease whose token it is given."""

    def __init__(self, attempts: Attempts, clock: Clock, observe: Observer) -> None:
        self._attempts = attempts
        self._clock = clock
        self._observe = observe
        self._together = Gathered(self._settle_some)  # many at once cost little more than one

    def settle(self, uuid: str, token: str, inbox: Inbox, ending: LastWord, *, recovered: bool) -> None:
        """Book what the record and the switch's last word make of a call. ``inbox`` is where the IVR tells that it has
        written down why it stopped. Raises LeaseLost."""
        self.patiently(uuid, lambda: self._settle(uuid, token, inbox, ending, recovered=recovered))

    def patiently(self, uuid: str, book: Callable[[], None]) -> None:
        """Book an end. While the database is away it is kept and tried again: forgetting it would turn a busy line
        into an unknown end, which is never redialled."""
        pauses = itertools.chain(STORE_PAUSES, itertools.repeat(STORE_PAUSES[-1]))
        while True:
            try:
                book()
                return
            except StoreUnavailable as exc:
                log.warning("call %s: not booked yet: %s", uuid, exc)
                gevent.sleep(next(pauses))

    def _settle(self, uuid: str, token: str, inbox: Inbox, ending: LastWord, *, recovered: bool) -> None:
        unanswered = Outcome.UNKNOWN if ending is None else outcome_of_cause(ending.cause, answered=False)
        patient = True

        def judge(facts: CallFacts, policy: RetryPolicy | None, num_attempt: int) -> Verdict | None:
            if patient and facts.ivr_started and facts.ivr_end is None:
                return None  # it is about to say why it stopped
            outcome, reason = retry.settle(facts, ending, unanswered, recovered=recovered)
            return retry.after(outcome, reason, facts, policy, num_attempt, self._clock.now())

        ended = ending if isinstance(ending, CallEnded) else None
        if not self._judge(uuid, token, judge, ended):
            gevent.with_timeout(IVR_GRACE, _ivr_ended, inbox, timeout_value=None)
            patient = False
            self._judge(uuid, token, judge, ended)

    def book(self, uuid: str, token: str, outcome: Outcome, reason: str, ended: CallEnded | None) -> None:
        """Book an outcome that is known whatever the record says."""
        now = self._clock.now()
        self._judge(uuid, token, lambda facts, policy, n: retry.after(outcome, reason, facts, policy, n, now), ended)

    def _judge(self, uuid: str, token: str, judge: Judge, ended: CallEnded | None) -> bool:
        """Whether the judgement was booked."""
        ending = Ending(uuid, token, judge, ended)
        try:
            booked = self._together(ending)
        except Held:
            booked = self._attempts.settle(*ending, self._clock.now())
        if booked is None:
            return False
        facts, verdict = booked
        self._observe(
            "booked",
            uuid,
            {
                "outcome": verdict.outcome.value,
                "status": AlarmStatus(verdict.status).name,
                "result": facts.result.name,
                "reason": verdict.reason,
                "next": verdict.due_at,
            },
        )
        return True

    def _settle_some(self, endings: Sequence[Ending]) -> Sequence[Settled | Exception | None]:
        return self._attempts.settle_all(endings, self._clock.now())


def _ivr_ended(inbox: Inbox) -> None:
    while inbox.get() is not Note.IVR_ENDED:
        pass
