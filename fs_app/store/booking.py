"""How an attempt ended and what follows: what is written down for it, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fs_app.domain.alarms import DueAlarm, RetryPolicy, Verdict
from fs_app.domain.calls import CallEnded, CallFacts
from fs_app.domain.enums import CALLSTATUS_CODE, AlarmStatus, EventStatus, Outcome
from fs_app.store import callbacks, calls, lanes, outbox, states
from fs_app.store.cases import Case, Held, calls_and_cases
from fs_app.store.due import due_alarm
from fs_app.store.models import Alarm

# What is on record about a call, its alarm's policy, how many attempts counted before it.
Judge = Callable[[CallFacts, RetryPolicy | None, int], Verdict | None]
# What the alarm of an escalation has of the one it stands for.
_ESCALATED = ("event", "daily_start", "daily_stop", "maxretry", "retry_delay", "retry_delays", "survey")


class Ending(NamedTuple):
    """A call that is over; what it was is for ``judge`` to say, which gets what is on record about it, the retry policy
    of its alarm (None: it has none) and the number of attempts counted before. ``ended`` is what its switch said."""

    call_uuid: str
    token: str
    judge: Judge
    ended: CallEnded | None


Settled = tuple[CallFacts, Verdict]


class _Booked(NamedTuple):
    over: calls.Over
    case: Case | None
    verdict: Verdict


def settle(endings: Sequence[Ending], now: datetime, default_zone: ZoneInfo) -> list[Settled | Exception | None]:
    """These calls are over. For each: None where there is no such call, or no verdict, and nothing was written; what
    ``judge`` raised, or Held, and nothing was written. Raises LeaseLost where a lease is gone."""
    found = calls_and_cases([ending.call_uuid for ending in endings])
    settled: list[Settled | Exception | None] = []
    booked: list[_Booked] = []
    for ending in endings:
        call, case = found.get(ending.call_uuid, (None, None))
        if call is None and len(endings) > 1:
            settled.append(Held())
            continue
        call = call or calls.call_of.first(ending.call_uuid)
        if call is None:
            settled.append(None)
            continue
        due = None if case is None else due_alarm(case.alarm, default_zone, above=case.above, do_not_call=False)
        policy, num_attempt = (None, 0) if due is None else (due.policy, due.num_attempt)
        facts = calls.facts_of(call, None if case is None else case.alarm)
        try:
            verdict = ending.judge(facts, policy, num_attempt)
        except Exception as exc:  # its own fault, and no other call's
            settled.append(exc)
            continue
        settled.append(None if verdict is None else (facts, verdict))
        if verdict is not None:
            over = calls.Over(call, ending.token, verdict.outcome, verdict.reason, ending.ended)
            booked.append(_Booked(over, case, verdict))
    if booked:
        _book(booked, now, default_zone)
    return settled


def _book(booked: Sequence[_Booked], now: datetime, default_zone: ZoneInfo) -> None:
    """The calls are over, their attempts and their alarms are what the verdicts say. Raises LeaseLost."""
    calls.close_calls([one.over for one in booked], now)
    calls.close_requests(
        (over.call.id, verdict.status, CALLSTATUS_CODE[verdict.outcome], over.seconds, verdict.reason)
        for over, _case, verdict in booked
    )
    attempts = [(one, one.case, _new_state(one, one.case)) for one in booked if one.case is not None]
    limited = [one.over.call for one in booked if one.case is None or one.case.above.calendar.max_concurrent]
    failed = [(one, case, new) for one, case, new in attempts if new.status is AlarmStatus.FAILURE]
    if limited or failed:  # more than these alarms is written to their lanes
        lanes.hold([*(case.alarm.lane for _one, case, _new in attempts), *(call.calendar_id for call in limited)])
    states.become([new for _one, _case, new in attempts], now)
    for one, case, new in failed:
        _failed(case.alarm, one.over.call.request_uuid, new.reason, now, default_zone)
    calls.make_room([one.over for one in booked], limited, now)


def _new_state(one: _Booked, case: Case) -> states.NewState:
    verdict = one.verdict
    if verdict.status is not AlarmStatus.SUCCESS and case.was_heard(one.over.call.request_uuid):
        return states.NewState(case.alarm, AlarmStatus.SUCCESS, callbacks.HEARD, None, verdict.counted)
    due_at = verdict.due_at if case.pending else None
    return states.NewState(case.alarm, verdict.status, verdict.reason, due_at, verdict.counted)


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


def trunk_failed(call_uuid: str, token: str, reason: str, ended: CallEnded | None, now: datetime) -> calls.Over:
    """The call is over, and its attempt goes on with another. Raises LeaseLost."""
    over = calls.Over(calls.known(call_uuid), token, Outcome.TRUNK, reason, ended)
    calls.close_calls([over], now)
    return over


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
