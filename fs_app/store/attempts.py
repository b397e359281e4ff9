"""Attempts: claiming what is due, and booking how it ended. At most once, whatever dies.

1. ``claim_due`` commits the attempt, unique on (alarm, attempt), with its call UUID and a lease.
2. ``mark_dialling`` commits that the originate is about to be sent. Before that commit no telephone can have rung,
   so an expired claim without it goes back to the queue.
3. Every later write names the lease token and must change exactly one row; else it raises LeaseLost.

Each method is one transaction. What they are made of: claiming.py, booking.py, calls.py, states.py, lanes.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from peewee import ModelSelect

from fs_app.domain.alarms import Claim, Dial, OpenCall, RetryPolicy, SettingFacts, Verdict
from fs_app.domain.calls import CallEnded, CallFacts
from fs_app.domain.enums import AlarmMethod
from fs_app.domain.pacing import UNPACED, Pacing
from fs_app.errors import LeaseLost, NotFound
from fs_app.store import booking, callbacks, calls, lanes, outbox
from fs_app.store.booking import Ending, Judge, Settled
from fs_app.store.cases import Case, Held, cases_of
from fs_app.store.claiming import Claiming, Decide, decision_on
from fs_app.store.database import Store
from fs_app.store.due import all_dnc, due_alarm, is_dnc, setting_facts
from fs_app.store.models import Alarm, CalendarSetting, Gateway, SealedSurvey
from fs_app.store.outlook import Outlook, outlook
from fs_app.store.prepared import by_id, prepared

ALL_METHODS = tuple(AlarmMethod)
T = TypeVar("T")
R = TypeVar("R")


class Attempts:
    """``default_zone`` is the zone of calendars that name none."""

    def __init__(self, store: Store, default_zone: ZoneInfo, new_uuid: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._store = store
        self._zone = default_zone
        self._new_uuid = new_uuid

    # ---- what is next

    def outlook(self, now: datetime) -> Outlook:
        """What there may be to do, and when; one look, however much waits."""
        with self._store.connected():  # one statement, mostly: no transaction about it
            return outlook(now)

    def next_due(self, methods: Sequence[AlarmMethod] = ALL_METHODS) -> datetime | None:
        """When the earliest waiting alarm of these methods is due; None when none waits. One index look-up for each
        method, however many wait."""
        with self._store.reading():
            return _first_due(methods)

    def next_call(self, now: datetime, pacing: Pacing = UNPACED) -> datetime | None:
        """When a claim of calls may find something to do. None: nothing waits, or not before a call ends."""
        with self._store.reading():
            first = lanes.next_claim()
            return first if first is None or first > now else lanes.Room(now, pacing, lock=False).next_look()

    # ---- claims

    def claim_due(
        self,
        now: datetime,
        limit: int,
        lease: timedelta,
        decide: Decide,
        methods: Sequence[AlarmMethod] = ALL_METHODS,
        pacing: Pacing = UNPACED,
    ) -> list[Claim]:
        """Decide about up to ``limit`` alarms of each method due at ``now``, calls a moment before; commit the
        decisions; return what is to be dialled, each in its turn. What is to be sent is in the outbox then.

        ``decide(due, call_uuid)`` is pure. On PostgreSQL rows that another worker holds are skipped.
        """
        claims: list[Claim] = []
        with self._store.transaction():
            claiming = Claiming(now, lease, decide, self._zone, self._new_uuid)
            for method in methods:
                if method is AlarmMethod.CALL:
                    claims += claiming.calls(limit, pacing)[0]
                else:
                    claiming.messages(method, limit)
        return claims

    def claim_calls(
        self, now: datetime, limit: int, lease: timedelta, decide: Decide, pacing: Pacing
    ) -> tuple[list[Claim], datetime | None]:
        """:meth:`claim_due` for calls, and :meth:`next_call` after it."""
        with self._store.transaction():
            claims, room = Claiming(now, lease, decide, self._zone, self._new_uuid).calls(limit, pacing)
            return claims, lanes.next_claim() if room is None else room.next_look()

    def fail_over(
        self,
        claim: Claim,
        reason: str,
        ended: CallEnded | None,
        now: datetime,
        lease: timedelta,
        decide: Decide | None,
        pacing: Pacing,
    ) -> Claim | None:
        """Book that the trunk failed this call, and claim the attempt's next one, with a UUID of its own.

        None when there is no further route with room, or the alarm would not be dialled any more: nothing was written.
        Raises LeaseLost.
        """
        with self._store.transaction():
            if not self._still_wanted([(claim, decide)])[0]:
                return None
            room = lanes.Room(now, pacing)
            turn, further = None, list(claim.dial.further)
            while turn is None:
                if not further:
                    return None
                route = further.pop(0)
                turn = room.take(route.gateway_id, now)
            room.keep()
            over = booking.trunk_failed(claim.call_uuid, claim.token, reason, ended, now)
            old = over.call
            dial = replace(
                claim.dial,
                request=replace(route.request, call_uuid=str(self._new_uuid())),
                gateway_id=route.gateway_id,
                further=tuple(further),
            )
            new_id, token = calls.insert_call(
                dial,
                now,
                lease,
                old.user_id,
                old.num_attempt,
                calendar_id=old.calendar_id,
                switch=turn.switch,
                replaces=old.id,
            )
            calls.replace_call(old.id, new_id)
            calls.make_room([over], [old], now)
            return Claim(claim.alarm_id, token, now + lease, dial, turn.at, turn.switch)

    def claim_direct(self, dial: Dial, now: datetime, lease: timedelta) -> Claim:
        """A call outside any alarm, asked for by hand."""
        with self._store.transaction():
            token = calls.insert_call(dial, now, lease, dial.user_id, num_attempt=1)[1]
        return Claim(None, token, now + lease, dial)

    def register(self, dial: Dial, line: str, now: datetime) -> None:
        """Put a call on record that somebody will dial by hand with ``line``: no lease, no retry. The IVR books it."""
        with self._store.transaction():
            call_id, _token = calls.insert_call(dial, now, timedelta(), dial.user_id, num_attempt=1)
            calls.dial_by_hand(call_id, line)

    def release(self, call_uuid: str, token: str, until: datetime, reason: str, now: datetime) -> None:
        """Give back a claim that was never dialled: the alarm waits again, the attempt does not count.

        Raises LeaseLost, also when it was dialled after all.
        """
        with self._store.transaction():
            booking.release(call_uuid, token, until, reason, now)

    def undo(self, call_uuid: str, token: str, reason: str, now: datetime) -> None:
        """Give back a claim of which the switch has proved that it was not dialled after all, and never will be.

        Raises LeaseLost.
        """
        with self._store.transaction():
            calls.never_dialled(call_uuid, token)
            booking.release(call_uuid, token, now, reason, now)

    # ---- the call

    def mark_dialling(self, claim: Claim, switch: str, line: str, now: datetime, decide: Decide | None = None) -> bool:
        """Commit that the originate is about to go to ``switch``.

        False when the event has been paused, completed or deleted since the claim, when the callee has called back, or
        when ``decide``, asked again, would not dial any more (the window has closed, the number has opted out):
        nothing was written and nothing may be sent. Raises LeaseLost: then nothing may be sent either.
        """
        return _only(self.mark_all_dialling([Dialling(claim, switch, line, now, decide)]))

    def mark_all_dialling(self, some: Sequence[Dialling]) -> list[bool | Exception]:
        """:meth:`mark_dialling` for several calls, in one transaction. LeaseLost is returned where it was raised, Held
        for one that has to wait: nothing was written, and it is to be asked about alone."""
        return _each(some, self._mark_dialling)

    def _mark_dialling(self, some: Sequence[Dialling]) -> list[bool | Exception]:
        with self._store.transaction():
            wanted = self._still_wanted([(one.claim, one.decide) for one in some])
            rows = [
                (one.claim.call_uuid, one.claim.token, one.switch, one.line, one.now)
                for one, still in zip(some, wanted, strict=True)
                if still is True
            ]
            calls.dialling(rows)
        return wanted

    def mark_answered(self, call_uuid: str, now: datetime) -> None:
        """Remember when somebody answered; the first report holds."""
        with self._store.transaction():
            calls.answered(call_uuid, now)
            alarm = outbox.hooked_alarm.first(call_uuid)
            if alarm is not None:
                outbox.tell(alarm, "answered", now, call_uuid=call_uuid)

    def facts(self, call_uuid: str) -> CallFacts | None:
        """What is on record about a call; None when there is no such call."""
        with self._store.reading():
            call = calls.call_of.first(call_uuid)
            return None if call is None else calls.facts_of(call, calls.alarm_of.first(call_uuid))

    def policy(self, call_uuid: str) -> tuple[RetryPolicy, int] | None:
        """The retry policy of the call's alarm and how many attempts counted before this one; None without an alarm."""
        with self._store.reading():
            alarm = calls.alarm_of.first(call_uuid)
            due = None if alarm is None else due_alarm(alarm, self._zone, do_not_call=False)
            return None if due is None else (due.policy, due.num_attempt)

    def book(self, call_uuid: str, token: str, verdict: Verdict, ended: CallEnded | None, now: datetime) -> None:
        """Write down how an attempt ended and what follows. Raises LeaseLost."""
        if self.settle(call_uuid, token, lambda _facts, _policy, _attempts: verdict, ended, now) is None:
            raise LeaseLost(f"the call {call_uuid} is gone")

    def settle(
        self, call_uuid: str, token: str, judge: Judge, ended: CallEnded | None, now: datetime
    ) -> Settled | None:
        """:meth:`book` what ``judge`` makes of the call's facts, the retry policy of its alarm (None: it has none) and
        the number of attempts counted before. None when there is no such call or ``judge`` returns none: nothing is
        written then. Raises LeaseLost.
        """
        return _only(self.settle_all([Ending(call_uuid, token, judge, ended)], now))

    def settle_all(self, endings: Sequence[Ending], now: datetime) -> list[Settled | Exception | None]:
        """:meth:`settle` for several calls, in one transaction. What was raised for one is returned for it, and Held
        for one that has to wait: nothing was written, and it is to be settled alone."""
        return _each(endings, lambda some: self._settle(some, now))

    def _settle(self, endings: Sequence[Ending], now: datetime) -> list[Settled | Exception | None]:
        with self._store.transaction():
            return booking.settle(endings, now, self._zone)

    # ---- leases

    def extend(self, tokens: list[str], now: datetime, lease: timedelta) -> None:
        """Prolong the leases of calls that live."""
        with self._store.transaction():
            calls.extend(tokens, now + lease)

    def expired(self, now: datetime) -> list[OpenCall]:
        """Calls whose lease has run out at ``now``, oldest first."""
        with self._store.reading():
            return calls.expired(now)

    def next_expiry(self) -> datetime | None:
        """When the first lease runs out; None when no call is open."""
        with self._store.reading():
            return calls.next_expiry()

    def expire_all(self, now: datetime) -> None:
        """Declare every lease run out: for the one scheduler of a SQLite database, at its start."""
        with self._store.transaction():
            calls.expire_all(now)

    def take_over(self, call: OpenCall, now: datetime, lease: timedelta) -> str:
        """Make an expired lease ours; returns the new token. Raises LeaseLost when somebody was faster."""
        token = uuid.uuid4().hex
        with self._store.transaction():
            calls.take_over(call, token, now, lease)
        return token

    def close_callbacks(self, now: datetime) -> None:
        """Book the calls to us whose process has died; nothing is written when there are none."""
        with self._store.reading():
            found = callbacks.any_abandoned(now)
        if found:
            with self._store.transaction():
                callbacks.close_abandoned(now)

    # ---- for calls by hand

    def setting(self, setting_id: int) -> SettingFacts:
        """A calendar setting with its gateway. Raises NotFound."""
        with self._store.reading():
            row = by_id(CalendarSetting, setting_id)
            gateway = None if row is None else by_id(Gateway, row.aleg_gateway_id)
            if row is None or gateway is None:
                raise NotFound(f"there is no calendar setting {setting_id}")
            return setting_facts(row, gateway)

    def opted_out(self, manager_id: int | None, number: str) -> bool:
        """Whether the number stands on a do-not-call list of that manager."""
        with self._store.reading():
            return is_dnc(manager_id, number)

    def has_survey(self, survey_id: int) -> bool:
        """Whether there is a sealed survey of that id."""
        with self._store.reading():
            return by_id(SealedSurvey, survey_id) is not None

    # ---- inside a transaction

    def _still_wanted(self, claims: Sequence[tuple[Claim, Decide | None]]) -> list[bool | Exception]:
        """Which claims' alarms would still be dialled; a call that was asked for by hand is. Held: see there."""
        by_alarm = [claim.call_uuid for claim, _decide in claims if claim.alarm_id is not None]
        cases = cases_of(by_alarm)
        listed = all_dnc((case.alarm, case.above) for case in cases.values())
        return [
            Held()
            if len(by_alarm) > 1 and claim.alarm_id is not None and claim.call_uuid not in cases
            else claim.alarm_id is None or self._would_dial(claim.call_uuid, cases.get(claim.call_uuid), listed, decide)
            for claim, decide in claims
        ]

    def _would_dial(self, call_uuid: str, case: Case | None, listed: set[int], decide: Decide | None) -> bool:
        if case is None or not case.pending or case.was_heard(call_uuid):
            return False
        if decide is None:
            return True
        do_not_call = case.alarm.id in listed
        return isinstance(decision_on(case.alarm, case.above, do_not_call, call_uuid, decide, self._zone), Dial)


class Dialling(NamedTuple):
    """A claim that is about to be dialled on ``switch`` with ``line``, unless ``decide`` is against it."""

    claim: Claim
    switch: str
    line: str
    now: datetime
    decide: Decide | None


def _each(some: Sequence[T], work: Callable[[Sequence[T]], list[R | Exception]]) -> list[R | Exception]:
    """One transaction for all; one that finds that a lease is gone writes nothing, and each gets one of its own."""
    try:
        return work(some)
    except LeaseLost as exc:
        if len(some) == 1:
            return [exc]
    return [answer for one in some for answer in _each([one], work)]


def _only(answers: list[R | Exception]) -> R:
    (answer,) = answers
    if isinstance(answer, Exception):
        raise answer
    return answer


def _first_due(methods: Sequence[AlarmMethod]) -> datetime | None:
    found = (_head.scalar(method.value) for method in methods)
    return min((due for due in found if due is not None), default=None)


@prepared
def _head(method: int) -> ModelSelect[Alarm]:
    waiting = Alarm.select(Alarm.due_at).where(Alarm.method == method, Alarm.due_at.is_null(False))
    return waiting.order_by(Alarm.due_at).limit(1)
