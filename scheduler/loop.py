"""The loop: what is due now, and when to look again.

It sleeps until a due time or a ring of the bell; it never polls.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import gevent
from gevent.event import Event

from fs_app.clock import Clock
from fs_app.domain.alarms import Claim, Decision, Dial, DueAlarm, Fail, OpenCall
from fs_app.domain.enums import AlarmMethod
from fs_app.domain.pacing import Limits, Pacing
from fs_app.errors import FsAppError, InvalidInput
from fs_app.store.attempts import Attempts
from fs_app.store.occurrences import Occurrences
from fs_app.switch.dialstring import originate_command
from scheduler import plan

log = logging.getLogger(__name__)

BATCH = 50
_CALLS = (AlarmMethod.CALL,)
_MESSAGES = (AlarmMethod.SMS, AlarmMethod.MAIL)
# An expired lease that is being adopted looks expired until that commits.
ADOPTION_PAUSE = timedelta(seconds=1)
# Seconds. A ring can get lost (its process died between commit and ring) and a clock can jump: then this is how late
# a reminder is. A look costs a few index look-ups, whatever waits.
LONGEST_SLEEP = 15.0
_STORE_BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds


class Calls(Protocol):
    """What the scheduler needs of those who follow the calls; :class:`scheduler.calls.LiveCalls` is one."""

    decide: Callable[[DueAlarm, str, datetime], Decision] | None
    limits: Limits

    def __len__(self) -> int: ...
    def place(self, claim: Claim) -> None: ...
    def adopt(self, call: OpenCall) -> None: ...
    def pacing(self) -> Pacing: ...


class SwitchState(Protocol):
    """What the scheduler needs of one FreeSWITCH."""

    @property
    def up(self) -> bool: ...


class Scheduler:
    """Claims what is due and hands it to whoever follows the calls.

    The limits hold for all schedulers of the database together. ``bell`` is set by whoever changes what is due.
    """

    def __init__(
        self,
        attempts: Attempts,
        occurrences: Occurrences,
        calls: Calls,
        switches: Sequence[SwitchState],
        clock: Clock,
        settings: plan.PlanSettings,
        *,
        bell: Event,
        lease: timedelta,
        limits: Limits,
        sole: bool,
        spawn: Callable[..., object] = gevent.spawn,
    ) -> None:
        self._attempts = attempts
        self._occurrences = occurrences
        self._calls = calls
        self._switches = switches
        self._clock = clock
        self._settings = settings
        self._bell = bell
        self._lease = lease
        self._sole = sole
        self._spawn = spawn
        calls.decide = self._decide
        calls.limits = limits

    def run(self) -> None:
        """For ever. A database that does not answer is waited for; a fault in one tick does not end the loop."""
        started = False
        failures = 0
        while True:
            self._bell.clear()
            wake: datetime | None = None
            try:
                if not started and self._sole:
                    # Ours is the only scheduler of this database: whatever lease is open belonged to a dead process.
                    self._attempts.expire_all(self._clock.now())
                started = True
                wake = self.tick(self._clock.now())
                failures = 0
            except FsAppError as exc:
                log.error("scheduler: %s", exc)
                failures += 1
            except Exception:
                log.exception("scheduler: tick failed")
                failures += 1
            if failures:
                pause = _STORE_BACKOFF[min(failures, len(_STORE_BACKOFF)) - 1]
            else:
                pause = LONGEST_SLEEP if wake is None else max((wake - self._clock.now()).total_seconds(), 0.0)
            if pause > 0.0:
                self._bell.wait(min(pause, LONGEST_SLEEP))

    def tick(self, now: datetime) -> datetime | None:
        """Recover, expand, claim, dial. Returns when to tick again if no bell rings; None: only a bell can help."""
        outlook = self._attempts.outlook(now)
        if outlook.abandoned:
            self._attempts.close_callbacks(now)
        for call in outlook.expired:
            self._spawn(self._calls.adopt, call)
        expiry = None if outlook.expiry is None else max(outlook.expiry, now + ADOPTION_PAUSE)
        occurrence, messages, calls = outlook.occurrence, outlook.messages, outlook.calls
        if occurrence is not None and occurrence <= now:
            self._occurrences.make_due(now)
            # Their alarms may be due at once.
            after = self._attempts.outlook(now)
            occurrence, messages, calls = after.occurrence, after.messages, after.calls
        if messages is not None and messages <= now:
            messages = self._claim_messages(now)
        # While no switch is up no call is claimed: the alarms keep waiting, and the bell rings when one comes up.
        if not any(s.up for s in self._switches):
            calls = None
        elif calls is not None and calls <= now:
            calls = self._claim_calls(now)
        return min((w for w in (expiry, occurrence, messages, calls) if w is not None), default=None)

    def _claim_messages(self, now: datetime) -> datetime | None:
        """Alarms by SMS and mail go into the outbox, in whose time they are sent; no switch has a part in it."""
        self._attempts.claim_due(now, BATCH, self._lease, lambda due, uuid: self._decide(due, uuid, now), _MESSAGES)
        return self._attempts.next_due(_MESSAGES)

    def _claim_calls(self, now: datetime) -> datetime | None:
        claims, look = self._attempts.claim_calls(
            now, BATCH, self._lease, lambda due, uuid: self._decide(due, uuid, now), self._calls.pacing()
        )
        for claim in claims:
            self._spawn(self._calls.place, claim)
        return look

    def _decide(self, due: DueAlarm, call_uuid: str, now: datetime) -> Decision:
        decision = plan.decide(due, call_uuid, now, self._settings)
        if isinstance(decision, Dial):
            try:
                originate_command(decision.request)
                for route in decision.further:
                    originate_command(route.request)
            except InvalidInput as exc:
                return Fail(f"cannot be dialled: {exc}")
        return decision
