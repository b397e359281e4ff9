"""How an attempt ended and what follows: what is written down for it, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from fs_app.domain.alarms import DueAlarm, RetryPolicy, Verdict
from fs_app.domain.calls import CallEnded, CallFacts
from fs_app.domain.enums import CALLSTATUS_CODE, AlarmStatus, EventStatus, Outcome
from fs_app.store import callbacks, calls, outbox, states
from fs_app.store.due import due_alarm
from fs_app.store.models import Alarm, CallRequest

# What is on record about a call, its alarm's policy, how many attempts counted before it.
Judge = Callable[[CallFacts, RetryPolicy | None, int], Verdict | None]
# What the alarm of an escalation has of the one it stands for.
_ESCALATED = ("event", "daily_start", "daily_stop", "maxretry", "retry_delay", "retry_delays", "survey")


def settle(
    call_uuid: str, token: str, judge: Judge, ended: CallEnded | None, now: datetime, default_zone: ZoneInfo
) -> tuple[CallFacts, Verdict] | None:
    """The call is over; what it was is for ``judge`` to say. None: no such call, or no verdict, and nothing was
    written. Raises LeaseLost."""
    call = calls.call_of.first(call_uuid)
    if call is None:
        return None
    alarm = calls.alarm_of.first(call_uuid)
    due = None if alarm is None else due_alarm(alarm, default_zone, listed=False)
    policy, num_attempt = (None, 0) if due is None else (due.policy, due.num_attempt)
    facts = calls.facts_of(call, alarm)
    verdict = judge(facts, policy, num_attempt)
    if verdict is None:
        return None
    _book(call, alarm, token, verdict, ended, now, default_zone)
    return facts, verdict


def book(
    call_uuid: str, token: str, verdict: Verdict, ended: CallEnded | None, now: datetime, default_zone: ZoneInfo
) -> None:
    """The call is over, its attempt and its alarm are what the verdict says. Raises LeaseLost."""
    _book(calls.known(call_uuid), calls.alarm_of.first(call_uuid), token, verdict, ended, now, default_zone)


def _book(
    call: CallRequest,
    alarm: Alarm | None,
    token: str,
    verdict: Verdict,
    ended: CallEnded | None,
    now: datetime,
    default_zone: ZoneInfo,
) -> None:
    calls.close_call(call, token, verdict.outcome, verdict.reason, ended, now)
    if alarm is None:
        return
    duration = 0 if ended is None else ended.billsec
    calls.close_request(call, verdict.status, CALLSTATUS_CODE[verdict.outcome], duration, verdict.reason)
    pending = states.event_pending(alarm)  # locks the event before the alarm, as everybody does
    if verdict.status is not AlarmStatus.SUCCESS and callbacks.was_heard(alarm.id, call.request_uuid):
        states.becomes(alarm, AlarmStatus.SUCCESS, now, callbacks.HEARD, counted=verdict.counted)
        return
    due_at = verdict.due_at if pending else None
    states.becomes(alarm, verdict.status, now, verdict.reason, due_at, counted=verdict.counted)
    if verdict.status is AlarmStatus.FAILURE:
        _failed(alarm, call.request_uuid, verdict.reason, now, default_zone)


def release(call_uuid: str, token: str, until: datetime, reason: str, now: datetime) -> None:
    """The call was never dialled: its attempt was none, and its alarm waits. Raises LeaseLost."""
    calls.give_back(call_uuid, token, reason, now)
    alarm = calls.alarm_of.first(call_uuid)
    if alarm is None:
        return
    heard = callbacks.was_heard(alarm.id, call_uuid)
    calls.remove_request(call_uuid)
    if heard:
        states.becomes(alarm, AlarmStatus.SUCCESS, now, callbacks.HEARD)
        return
    states.becomes(alarm, states.waits(alarm), now, reason, until if states.event_pending(alarm) else None)


def trunk_failed(call_uuid: str, token: str, reason: str, ended: CallEnded | None, now: datetime) -> CallRequest:
    """The call is over, and its attempt goes on with another. Raises LeaseLost."""
    call = calls.known(call_uuid)
    calls.close_call(call, token, Outcome.TRUNK, reason, ended, now)
    return call


def _failed(alarm: Alarm, call_uuid: str, reason: str, now: datetime, default_zone: ZoneInfo) -> None:
    """The last attempt was in vain: those who wanted to know are told."""
    outbox.tell(alarm, "failed", now, call_uuid=call_uuid, reason=reason)
    wanted = alarm.phonenumber_sms_failure or alarm.phonenumber_escalation
    due = due_alarm(alarm, default_zone) if wanted else None
    if due is not None:
        outbox.failure_sms(alarm, due, now)
        _escalate(alarm, due, now)


def _escalate(alarm: Alarm, due: DueAlarm, now: datetime) -> None:
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
