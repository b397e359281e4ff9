"""Attempts: claiming what is due, and booking how it ended. At most once, whatever dies.

1. ``claim_due`` commits the attempt, unique on (alarm, attempt), with its call UUID and a lease.
2. ``mark_dialling`` commits that the originate is about to be sent. Before that commit no telephone can have rung,
   so an expired claim without it goes back to the queue.
3. Every later write names the lease token and must change exactly one row; else it raises LeaseLost.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from peewee import SQL, Expression, ModelSelect, ModelUpdate, SqliteDatabase

from fs_app.domain.alarms import (
    Claim,
    Decision,
    Dial,
    DueAlarm,
    Fail,
    OpenCall,
    RetryPolicy,
    Send,
    SettingFacts,
    Verdict,
    Wait,
)
from fs_app.domain.calls import CallEnded, CallFacts
from fs_app.domain.enums import (
    CALLSTATUS_CODE,
    AlarmMethod,
    AlarmResult,
    AlarmStatus,
    CallStatus,
    EventStatus,
    IvrEnd,
    Outcome,
    WhoAnswered,
)
from fs_app.domain.pacing import UNPACED, Pacing
from fs_app.errors import InvalidInput, LeaseLost, NotFound
from fs_app.store import callbacks, lanes, outbox
from fs_app.store.database import Store
from fs_app.store.due import due_alarm, is_dnc, setting_facts
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    CalendarSetting,
    CallRequest,
    Event,
    Gateway,
    Lane,
    SealedSurvey,
)
from fs_app.store.models import database as proxy
from fs_app.store.outbox_queue import insert_message
from fs_app.store.prepared import prepared

log = logging.getLogger(__name__)

Decide = Callable[[DueAlarm, str], Decision]
ALL_METHODS = tuple(AlarmMethod)
# What the alarm of an escalation has of the one it stands for.
_ESCALATED = ("event", "daily_start", "daily_stop", "maxretry", "retry_delay", "retry_delays", "survey")
_WAITING = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)


@prepared
def _alarm_of(call_uuid: str) -> ModelSelect[Alarm]:
    return Alarm.select().join(AlarmRequest).join(CallRequest).where(CallRequest.request_uuid == call_uuid)


@prepared
def _call(call_uuid: str) -> ModelSelect[CallRequest]:
    return CallRequest.select().where(CallRequest.request_uuid == call_uuid)


class Attempts:
    """``default_zone`` is the zone of calendars that name none."""

    def __init__(self, store: Store, default_zone: ZoneInfo, new_uuid: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._store = store
        self._zone = default_zone
        self._new_uuid = new_uuid

    def next_due(self, methods: Sequence[AlarmMethod] = ALL_METHODS) -> datetime | None:
        """When the earliest waiting alarm of these methods is due; None when none waits. One index look-up for each
        method, however many wait."""
        with self._store.reading():
            found = []
            for method in methods:
                query = Alarm.select(Alarm.due_at).where(Alarm.method == method, Alarm.due_at.is_null(False))
                row = query.order_by(Alarm.due_at).first()
                if row is not None:
                    found.append(row.due_at)
            return min(found, default=None)

    def claim_due(
        self,
        now: datetime,
        limit: int,
        lease: timedelta,
        decide: Decide,
        methods: Sequence[AlarmMethod] = ALL_METHODS,
        pacing: Pacing = UNPACED,
    ) -> list[Claim]:
        """Decide about up to ``limit`` alarms of each method due at ``now``; commit the decisions; return what is to
        be dialled, each in its turn. What is to be sent is in the outbox then.

        ``decide(due, call_uuid)`` is pure. On PostgreSQL rows that another worker holds are skipped.
        """
        claims: list[Claim] = []
        with self._store.transaction():
            for method in methods:
                if method is AlarmMethod.CALL:
                    claims += self._claim_calls(now, limit, lease, decide, pacing)
                else:
                    for alarm in self._due(Alarm.method == method, now, limit):
                        self._handle(alarm, self._decide(alarm, str(self._new_uuid()), decide), now)
        return claims

    def next_call(self, now: datetime, pacing: Pacing = UNPACED) -> datetime | None:
        """When a claim of calls may find something to do. None: nothing waits, or not before a call ends."""
        with self._store.reading():
            head = lanes.first_due()
            return (
                head if head is None or head > now + lanes.BEHIND else lanes.Room(now, pacing, lock=False).next_look()
            )

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
            alarm = None
            if claim.alarm_id is not None:
                alarm = self._alarm_of(claim.call_uuid)
                if alarm is None or not _event_pending(alarm) or self._heard(alarm, claim.call_uuid):
                    return None
                if decide is not None and not isinstance(self._decide(alarm, claim.call_uuid, decide), Dial):
                    return None
            room = lanes.Room(now, pacing)
            turn, further = None, list(claim.dial.further)
            while turn is None:
                if not further:
                    return None
                route = further.pop(0)
                turn = room.take(route.gateway_id)
            old = CallRequest.get(CallRequest.request_uuid == claim.call_uuid)
            self._close_call(claim.call_uuid, claim.token, Outcome.TRUNK, reason, ended, now)
            dial = replace(
                claim.dial,
                request=replace(route.request, call_uuid=str(self._new_uuid())),
                gateway_id=route.gateway_id,
                further=tuple(further),
            )
            call, token = self._insert_call(
                dial, now, lease, old.user_id, old.num_attempt, calendar_id=old.calendar_id, switch=turn.switch
            )
            CallRequest.update(replaces=old).where(CallRequest.id == call.id).execute()
            AlarmRequest.update(callrequest=call).where(AlarmRequest.callrequest == old).execute()
            return Claim(claim.alarm_id, token, now + lease, dial, turn.at, turn.switch)

    def claim_direct(self, dial: Dial, now: datetime, lease: timedelta) -> Claim:
        """A call outside any alarm, asked for by hand."""
        with self._store.transaction():
            token = self._insert_call(dial, now, lease, dial.user_id, num_attempt=1)[1]
        return Claim(None, token, now + lease, dial)

    def register(self, dial: Dial, line: str, now: datetime) -> None:
        """Put a call on record that somebody will dial by hand with ``line``: no lease, no retry. The IVR books it."""
        with self._store.transaction():
            call, _token = self._insert_call(dial, now, timedelta(), dial.user_id, num_attempt=1)
            by_hand = CallRequest.update(lease_token=None, lease_expires=None, originate=line)
            by_hand.where(CallRequest.id == call.id).execute()

    def mark_dialling(self, claim: Claim, switch: str, line: str, now: datetime, decide: Decide | None = None) -> bool:
        """Commit that the originate is about to go to ``switch``.

        False when the event has been paused, completed or deleted since the claim, when the callee has called back, or
        when ``decide``, asked again, would not dial any more (the window has closed, the number has opted out):
        nothing was written and nothing may be sent. Raises LeaseLost: then nothing may be sent either.
        """
        with self._store.transaction():
            if claim.alarm_id is not None:
                alarm = self._alarm_of(claim.call_uuid)
                if alarm is None or not _event_pending(alarm) or self._heard(alarm, claim.call_uuid):
                    return False
                if decide is not None and not isinstance(self._decide(alarm, claim.call_uuid, decide), Dial):
                    return False
            self._one(
                CallRequest.update(dialled_at=now, switch=switch, originate=line, status=CallStatus.CALLING).where(
                    CallRequest.request_uuid == claim.call_uuid,
                    CallRequest.lease_token == claim.token,
                    CallRequest.dialled_at.is_null(),
                )
            )
            return True

    def mark_answered(self, call_uuid: str, now: datetime) -> None:
        """Remember when somebody answered; the first report holds."""
        with self._store.transaction():
            CallRequest.update(answered_at=now).where(
                CallRequest.request_uuid == call_uuid, CallRequest.answered_at.is_null()
            ).execute()
            alarm = self._alarm_of(call_uuid)
            if alarm is not None:
                call = CallRequest.get(CallRequest.request_uuid == call_uuid)
                outbox.tell(alarm, "answered", now, call=call)

    def extend(self, tokens: list[str], now: datetime, lease: timedelta) -> None:
        """Prolong the leases of calls that live."""
        with self._store.transaction():
            CallRequest.update(lease_expires=now + lease).where(CallRequest.lease_token.in_(tokens)).execute()

    def release(self, call_uuid: str, token: str, until: datetime, reason: str, now: datetime) -> None:
        """Give back a claim that was never dialled: the alarm waits again, the attempt does not count.

        Raises LeaseLost, also when it was dialled after all.
        """
        with self._store.transaction():
            self._one(
                CallRequest.update(
                    status=CallStatus.ABORT, lease_token=None, lease_expires=None, ended_at=now, reason=reason
                ).where(
                    CallRequest.request_uuid == call_uuid,
                    CallRequest.lease_token == token,
                    CallRequest.dialled_at.is_null(),
                )
            )
            lanes.call_ended(CallRequest.get(CallRequest.request_uuid == call_uuid).calendar_id, now)
            alarm = self._alarm_of(call_uuid)
            if alarm is not None:
                heard = self._heard(alarm, call_uuid)
                AlarmRequest.delete().where(self._is_attempt(call_uuid)).execute()
                if heard:
                    self._set_alarm(alarm, AlarmStatus.SUCCESS, now, callbacks.HEARD, due_at=None)
                    return
                status = AlarmStatus.RETRY if alarm.num_attempt else AlarmStatus.PENDING
                self._set_alarm(alarm, status, now, reason, due_at=until if _event_pending(alarm) else None)

    def facts(self, call_uuid: str) -> CallFacts | None:
        """What is on record about a call; None when there is no such call."""
        with self._store.reading():
            call = self._call(call_uuid)
            return None if call is None else _facts(call, self._alarm_of(call_uuid))

    def policy(self, call_uuid: str) -> tuple[RetryPolicy, int] | None:
        """The retry policy of the call's alarm and how many attempts counted before this one; None without an alarm."""
        with self._store.reading():
            alarm = self._alarm_of(call_uuid)
            due = None if alarm is None else due_alarm(alarm, self._zone)
            return None if due is None else (due.policy, due.num_attempt)

    def book(self, call_uuid: str, token: str, verdict: Verdict, ended: CallEnded | None, now: datetime) -> None:
        """Write down how an attempt ended and what follows. Raises LeaseLost."""
        with self._store.transaction():
            self._close_call(call_uuid, token, verdict.outcome, verdict.reason, ended, now)
            alarm = self._alarm_of(call_uuid)
            if alarm is None:
                return
            AlarmRequest.update(
                status=verdict.status,
                callstatus=CALLSTATUS_CODE[verdict.outcome],
                duration=0 if ended is None else ended.billsec,
                reason=verdict.reason,
            ).where(self._is_attempt(call_uuid)).execute()
            pending = _event_pending(alarm)  # locks the event before the alarm, as everybody does
            if verdict.counted:
                Alarm.update(num_attempt=Alarm.num_attempt + 1).where(Alarm.id == alarm.id).execute()
            if verdict.status is not AlarmStatus.SUCCESS and self._heard(alarm, call_uuid):
                self._set_alarm(alarm, AlarmStatus.SUCCESS, now, callbacks.HEARD, due_at=None)
                return
            due_at = verdict.due_at if pending else None
            self._set_alarm(alarm, verdict.status, now, verdict.reason, due_at=due_at)
            if verdict.status is AlarmStatus.FAILURE:
                self._failed(alarm, call_uuid, verdict.reason, now)

    def expired(self, now: datetime) -> list[OpenCall]:
        """Calls whose lease has run out at ``now``, oldest first."""
        with self._store.reading():
            rows = (
                CallRequest.select()
                .where(CallRequest.lease_token.is_null(False), CallRequest.lease_expires <= now)
                .order_by(CallRequest.lease_expires)
            )
            return [
                OpenCall(c.request_uuid, str(c.lease_token), c.switch, c.dialled_at, c.timeout, c.timelimit)
                for c in rows
            ]

    def close_callbacks(self, now: datetime) -> None:
        """Book the calls to us whose process has died; nothing is written when there are none."""
        with self._store.reading():
            found = callbacks.abandoned(now)
        if found:
            with self._store.transaction():
                callbacks.close_abandoned(now)

    def next_expiry(self) -> datetime | None:
        """When the first lease runs out; None when no call is open."""
        with self._store.reading():
            row = (
                CallRequest.select(CallRequest.lease_expires)
                .where(CallRequest.lease_token.is_null(False))
                .order_by(CallRequest.lease_expires)
                .first()
            )
            return None if row is None else row.lease_expires

    def expire_all(self, now: datetime) -> None:
        """Declare every lease run out: for the one scheduler of a SQLite database, at its start."""
        with self._store.transaction():
            CallRequest.update(lease_expires=now).where(CallRequest.lease_token.is_null(False)).execute()

    def take_over(self, call: OpenCall, now: datetime, lease: timedelta) -> str:
        """Make an expired lease ours; returns the new token. Raises LeaseLost when somebody was faster."""
        token = uuid.uuid4().hex
        with self._store.transaction():
            self._one(
                CallRequest.update(lease_token=token, lease_expires=now + lease).where(
                    CallRequest.request_uuid == call.call_uuid,
                    CallRequest.lease_token == call.token,
                    CallRequest.lease_expires <= now,
                )
            )
        return token

    def setting(self, setting_id: int) -> SettingFacts:
        """A calendar setting with its gateway. Raises NotFound."""
        with self._store.reading():
            row = CalendarSetting.get_or_none(CalendarSetting.id == setting_id)
            if row is None:
                raise NotFound(f"there is no calendar setting {setting_id}")
            return setting_facts(row)

    def opted_out(self, manager_id: int | None, number: str) -> bool:
        """Whether the number stands on a do-not-call list of that manager."""
        with self._store.reading():
            return is_dnc(manager_id, number)

    def has_survey(self, survey_id: int) -> bool:
        """Whether there is a sealed survey of that id."""
        with self._store.reading():
            return bool(SealedSurvey.select().where(SealedSurvey.id == survey_id).exists())

    # ---- inside a transaction

    def _mark(self) -> str:
        return "?" if self._store.sqlite else "%s"

    def _one(self, update: ModelUpdate) -> None:
        changed = update.execute()
        if changed != 1:
            raise LeaseLost("the lease on this call is no longer ours")

    def _alarm_of(self, call_uuid: str) -> Alarm | None:
        return _alarm_of.first(call_uuid)

    def _call(self, call_uuid: str) -> CallRequest | None:
        return _call.first(call_uuid)

    def _is_attempt(self, call_uuid: str) -> Expression:
        """Which attempt that call is. Not the alarm's last one: its callee may have called back meanwhile."""
        call = CallRequest.select(CallRequest.id).where(CallRequest.request_uuid == call_uuid)
        found: Expression = AlarmRequest.callrequest.in_(call)
        return found

    def _heard(self, alarm: Alarm, call_uuid: str) -> bool:
        """Whether the callee has called back and heard the reminder since that attempt was claimed."""
        return callbacks.was_heard(alarm.id, call_uuid)

    def _set_alarm(self, alarm: Alarm, status: int, now: datetime, reason: str, due_at: datetime | None) -> None:
        changed = (
            Alarm.update(status=status, reason=reason, due_at=due_at, updated_date=now)
            .where(Alarm.id == alarm.id, Alarm.status == alarm.status)
            .execute()
        )
        if changed != 1:
            raise LeaseLost(f"alarm {alarm.id} changed under its claim")

    def _close_call(
        self, call_uuid: str, token: str, outcome: Outcome, reason: str, ended: CallEnded | None, now: datetime
    ) -> None:
        """The call is over, and nobody's any more. Raises LeaseLost."""
        reached = outcome in (Outcome.ANSWERED, Outcome.MACHINE)
        billsec = 0 if ended is None else ended.billsec
        self._one(
            CallRequest.update(
                status=CallStatus.SUCCESS if reached else CallStatus.FAILURE,
                outcome=outcome.value,
                hangup_cause="" if ended is None else ended.cause,
                ringing_at=None if ended is None else ended.rang_at,
                protocol_cause="" if ended is None else ended.protocol_cause,
                duration=billsec,
                ended_at=now,
                reason=SQL(f"CASE WHEN reason = '' THEN {self._mark()} ELSE reason END", (reason,)),
                lease_token=None,
                lease_expires=None,
            ).where(CallRequest.request_uuid == call_uuid, CallRequest.lease_token == token)
        )
        call = self._call(call_uuid)
        assert call is not None  # it has just been changed
        if call.gateway_id is not None:
            used = {"count_call": Gateway.count_call + 1, "secondused": Gateway.secondused + billsec}
            Gateway.update(**used).where(Gateway.id == call.gateway_id).execute()
        lanes.call_ended(call.calendar_id, now)

    def _due(self, which: Expression, now: datetime, limit: int) -> list[Alarm]:
        """Due alarms, oldest first; on PostgreSQL locked with their events, without those that somebody else holds."""
        query = Alarm.select(Alarm, Event).join(Event)
        query = query.where(which, Alarm.due_at <= now, Alarm.status.in_(_WAITING)).order_by(Alarm.due_at).limit(limit)
        if not self._store.sqlite:
            query = query.for_update("FOR UPDATE SKIP LOCKED")  # type: ignore[arg-type]  # a stub gap
        return list(query)

    def _claim_calls(self, now: datetime, limit: int, lease: timedelta, decide: Decide, pacing: Pacing) -> list[Claim]:
        """One turn for each lane, and again, while there is room: see fs_app.store.lanes."""
        claims: list[Claim] = []
        head = lanes.first_due()
        if head is None or head > now + lanes.BEHIND:
            return claims
        room = lanes.Room(now, pacing)
        done: set[int] = set()  # nothing more to be had from these in this claim
        looks = 4 * limit  # alarms that end in no call take time as well
        while len(claims) < limit and looks > 0:
            found = lanes.due_lanes(now, room.open_gateways(), limit - len(claims), done)
            if not found:
                break
            share = max((limit - len(claims)) // len(found), 1)
            for lane in found:
                served, looked = self._serve(lane, room, share, now, lease, decide)
                claims += served
                looks -= max(looked, 1)
                if looked == 0:
                    done.add(lane.calendar_id)
        return claims

    def _serve(
        self, lane: Lane, room: lanes.Room, share: int, now: datetime, lease: timedelta, decide: Decide
    ) -> tuple[list[Claim], int]:
        """Up to ``share`` calls of a lane, and how many of its alarms were dealt with; it goes behind all others."""
        claims: list[Claim] = []
        looked, gateway_id, opens = 0, lane.gateway_id, now
        free = lanes.calendar_room(lane.calendar)
        if free is not None and free <= 0:
            lanes.set_lane(lane.calendar_id, gateway_id, now + lanes.BLOCKED)
            return claims, 0
        share = share if free is None else min(share, free)
        which = (Alarm.method == AlarmMethod.CALL) & (Alarm.lane == lane.calendar_id)
        due = self._due(which, now, share)
        for alarm in due:
            decision = self._decide(alarm, str(self._new_uuid()), decide)
            if isinstance(decision, Dial):
                gateway_id = decision.gateway_id
                turn = room.take(gateway_id)
                if turn is None:
                    break
                claims.append(self._insert_attempt(alarm, decision, now, lease, turn))
            else:
                self._handle(alarm, decision, now)
            looked += 1
            if isinstance(decision, Wait) and decision.calendar:
                opens = decision.until
                break
        if due and not looked:  # there was no room for it: it keeps its place
            lanes.set_lane(lane.calendar_id, gateway_id, lane.due_at)
            return claims, 0
        following = lanes.next_in_lane(lane.calendar_id)
        if following is not None:
            following = max(following, opens + lanes.BEHIND) if due else max(following, now + lanes.HELD)
        lanes.set_lane(lane.calendar_id, gateway_id, following)
        return claims, looked

    def _insert_attempt(self, alarm: Alarm, dial: Dial, now: datetime, lease: timedelta, turn: lanes.Turn) -> Claim:
        calendar = alarm.event.calendar
        call, token = self._insert_call(
            dial, now, lease, calendar.user_id, alarm.num_attempt + 1, calendar_id=calendar.id, switch=turn.switch
        )
        AlarmRequest.create(alarm=alarm, attempt=alarm.sequence + 1, callrequest=call, date=now, created_date=now)
        Alarm.update(sequence=Alarm.sequence + 1).where(Alarm.id == alarm.id).execute()
        Event.update(notify_count=Event.notify_count + 1).where(Event.id == alarm.event_id).execute()
        self._set_alarm(alarm, AlarmStatus.IN_PROCESS, now, "", due_at=None)
        return Claim(alarm.id, token, now + lease, dial, turn.at, turn.switch)

    def _insert_call(
        self,
        dial: Dial,
        now: datetime,
        lease: timedelta,
        user_id: int | None,
        num_attempt: int,
        calendar_id: int | None = None,
        switch: str = "",
    ) -> tuple[CallRequest, str]:
        token = uuid.uuid4().hex
        request = dial.request
        call = CallRequest.create(
            request_uuid=request.call_uuid,
            aleg_uuid=request.call_uuid,
            call_time=now,
            callerid=request.caller_id_number,
            caller_name=request.caller_id_name,
            phone_number=request.number,
            timeout=request.ring_timeout,
            timelimit=request.time_limit,
            num_attempt=num_attempt,
            survey=dial.survey_id,
            gateway=dial.gateway_id,
            user=user_id,
            calendar_id=calendar_id,
            switch=switch,
            tags=dict(dial.tags),
            language=dial.language,
            lease_token=token,
            lease_expires=now + lease,
            created_date=now,
        )
        return call, token

    def _failed(self, alarm: Alarm, call_uuid: str, reason: str, now: datetime) -> None:
        """The last attempt was in vain: those who wanted to know are told."""
        call = CallRequest.get(CallRequest.request_uuid == call_uuid)
        outbox.tell(alarm, "failed", now, call=call, reason=reason)
        wanted = alarm.phonenumber_sms_failure or alarm.phonenumber_escalation
        due = due_alarm(alarm, self._zone) if wanted else None
        if due is not None:
            outbox.failure_sms(alarm, due, now)
            self._escalate(alarm, due, now)

    def _escalate(self, alarm: Alarm, due: DueAlarm, now: datetime) -> None:
        """Nobody has pressed the code of a wake-up call: somebody else is called, by an alarm of its own."""
        if not (alarm.insistent and alarm.phonenumber_escalation) or due.event_status is not EventStatus.PENDING:
            return
        columns = {name: alarm.__data__[name] for name in _ESCALATED}
        Alarm.create(
            **columns,
            alarm_phonenumber=alarm.phonenumber_escalation,
            reason=f"escalation of alarm {alarm.id}",
            due_at=due.policy.next_open(now),
            created_date=now,
            updated_date=now,
        )

    def _handle(self, alarm: Alarm, decision: Decision, now: datetime) -> None:
        """Write down what is no call."""
        match decision:
            case Send():
                insert_message(alarm, decision, str(self._new_uuid()), alarm.event.end, now)
            case Wait(until, reason):
                self._set_alarm(alarm, alarm.status, now, reason, due_at=until)
            case Fail(reason):
                self._set_alarm(alarm, AlarmStatus.FAILURE, now, reason, due_at=None)
                outbox.tell(alarm, "missed" if reason.startswith("missed") else "failed", now, reason=reason)

    def _decide(self, alarm: Alarm, call_uuid: str, decide: Decide) -> Decision:
        """One row that nobody can decide about must not hold up all others: it fails, and says why."""
        try:
            due = due_alarm(alarm, self._zone)
            return Fail("its event is gone") if due is None else decide(due, call_uuid)
        except (InvalidInput, ValueError, TypeError, KeyError) as exc:
            log.exception("alarm %s cannot be decided about", alarm.id)
            return Fail(f"cannot be decided: {exc}")


def _event_pending(alarm: Alarm) -> bool:
    """Whether the event is pending; on PostgreSQL under its lock, so that whoever pauses or resumes it comes before
    or after this whole transaction, and not in between, where each would leave the alarm to the other."""
    query = Event.select(Event.status).where(Event.id == alarm.event_id)
    if not isinstance(proxy.obj, SqliteDatabase):
        query = query.for_update()
    event = query.first()
    return event is not None and bool(event.status == EventStatus.PENDING)


def _facts(call: CallRequest, alarm: Alarm | None) -> CallFacts:
    return CallFacts(
        call_uuid=call.request_uuid,
        dialled_at=call.dialled_at,
        answered_at=call.answered_at,
        ivr_started=call.ivr_started_at is not None,
        ivr_end=IvrEnd(call.ivr_end) if call.ivr_end else None,
        completed=call.completed,
        pressed=callbacks.pressed(call, alarm),
        result=AlarmResult(call.result),
        who=WhoAnswered(call.amd_status or WhoAnswered.UNKNOWN),
        message_left=call.message_left,
        spoken=call.ivr_end != IvrEnd.HANGUP or call.last_section is not None or callbacks.pressed(call, None),
    )
