"""Call requests: one row for each call, made before it is dialled and closed when it is over.

Each function works inside a transaction of the caller's. What a process may do with a call hangs on its lease: a write
names the token and changes one row, or raises LeaseLost.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import Case, ModelDelete, ModelInsert, ModelSelect, ModelUpdate

from fs_app.domain.alarms import Dial, OpenCall
from fs_app.domain.calls import CallEnded, CallFacts
from fs_app.domain.enums import AlarmResult, CallStatus, IvrEnd, Outcome, WhoAnswered
from fs_app.errors import LeaseLost
from fs_app.store import callbacks, lanes
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, Gateway
from fs_app.store.prepared import prepared
from fs_app.store.whose import with_taken

_LOST = "the lease on this call is no longer ours"
_AT_ONCE = 50  # leases prolonged by one statement


@prepared
def call_of(call_uuid: str) -> ModelSelect[CallRequest]:
    """A call by its UUID."""
    return CallRequest.select().where(CallRequest.request_uuid == call_uuid)


@prepared
def alarm_of(call_uuid: str) -> ModelSelect[Alarm]:
    """The alarm for which a call was made."""
    return Alarm.select().join(AlarmRequest).join(CallRequest).where(CallRequest.request_uuid == call_uuid)


def known(call_uuid: str) -> CallRequest:
    """A call that somebody had a lease on. Raises LeaseLost when it is gone."""
    call = call_of.first(call_uuid)
    if call is None:
        raise LeaseLost(f"the call {call_uuid} is gone")
    return call


def one(changed: int) -> None:
    """Raises LeaseLost unless exactly one row was changed."""
    if changed != 1:
        raise LeaseLost(_LOST)


def insert_call(
    dial: Dial,
    now: datetime,
    lease: timedelta,
    user_id: int | None,
    num_attempt: int,
    *,
    calendar_id: int | None = None,
    switch: str = "",
    replaces: int | None = None,
) -> tuple[int, str]:
    """A call that is to be dialled: its id, and the token of its lease."""
    columns = new_call(dial, now, lease, user_id, num_attempt, calendar_id, switch, replaces)
    return insert_calls([columns])[0], columns["lease_token"]


def new_call(
    dial: Dial,
    now: datetime,
    lease: timedelta,
    user_id: int | None,
    num_attempt: int,
    calendar_id: int | None,
    switch: str,
    replaces: int | None = None,
) -> dict[str, Any]:
    """The row of a call that is to be dialled, for :func:`insert_calls`; with a new ``lease_token``."""
    request = dial.request
    return {
        "request_uuid": request.call_uuid,
        "aleg_uuid": request.call_uuid,
        "call_time": now,
        "callerid": request.caller_id_number,
        "caller_name": request.caller_id_name,
        "phone_number": request.number,
        "timeout": request.ring_timeout,
        "timelimit": request.time_limit,
        "num_attempt": num_attempt,
        "survey": dial.survey_id,
        "gateway": dial.gateway_id,
        "user": user_id,
        "calendar_id": calendar_id,
        "replaces": replaces,
        "switch": switch,
        "tags": dict(dial.tags),
        "language": dial.language,
        "lease_token": uuid.uuid4().hex,
        "lease_expires": now + lease,
        "created_date": now,
    }


def insert_calls(rows: Sequence[dict[str, Any]]) -> list[int]:
    """Calls that are to be dialled; their ids."""
    return _insert.insert_many(rows)


def replace_call(old_id: int, new_id: int) -> None:
    """The attempt of the old call goes on with the new one."""
    _replace.run(old_id, new_id)


def dial_by_hand(call_id: int, line: str) -> None:
    """Somebody will dial that call with ``line``: nobody has a lease on it."""
    _by_hand.run(call_id, line)


def dialling(calls: Sequence[tuple[str, str, str, str, datetime]]) -> None:
    """The telephones of these calls may ring from now on: UUID, lease token, switch, line, now. Raises LeaseLost where
    one was not ours, also when that was said of it before."""
    if _dialling.run_many(calls) != len(calls):
        raise LeaseLost(_LOST)


def answered(call_uuid: str, now: datetime) -> None:
    """Somebody answered; the first report holds."""
    _answered.run(call_uuid, now)


def never_dialled(call_uuid: str, token: str) -> None:
    """It was about to be dialled, and its switch has proved that it was not. Raises LeaseLost."""
    one(_never_dialled.run(call_uuid, token))


def give_back(call_uuid: str, token: str, reason: str, now: datetime) -> None:
    """It will not be dialled. Raises LeaseLost, also when it was."""
    one(_give_back.run(call_uuid, token, reason, now))
    ended = call_of.first(call_uuid)
    lanes.call_ended(None if ended is None else ended.calendar_id, now)


class Over(NamedTuple):
    """A call that is over, and what is booked about it. ``ended`` is what its switch said of it."""

    call: CallRequest
    token: str
    outcome: Outcome
    reason: str
    ended: CallEnded | None

    @property
    def seconds(self) -> int:
        """It was answered for so long."""
        return 0 if self.ended is None else self.ended.billsec


def close_calls(over: Sequence[Over], now: datetime) -> None:
    """Calls are over, and nobody's any more. Raises LeaseLost where one was not ours."""
    rows = [(one.call.id, *_how(one, now)) for one in sorted(over, key=lambda one: one.call.id)]
    changed = _close.run_many(row for row in rows if row[-1] is None)
    if changed + _close.run_many(row for row in rows if row[-1] is not None) != len(rows):
        raise LeaseLost(_LOST)


def _how(one: Over, now: datetime) -> tuple[Any, ...]:
    reached = one.outcome in (Outcome.ANSWERED, Outcome.MACHINE)
    status = CallStatus.SUCCESS if reached else CallStatus.FAILURE
    cause, protocol, ringing = "", "", None
    if one.ended is not None:
        cause, protocol, ringing = one.ended.cause, one.ended.protocol_cause, one.ended.rang_at
    return one.token, one.reason, status, one.outcome.value, cause, protocol, one.seconds, now, ringing


def make_room(over: Sequence[Over], limited: Sequence[CallRequest], now: datetime) -> None:
    """These calls are over: the calendars of those that are ``limited`` have room again, and all gateways have carried
    more. Last in a transaction: every call through a gateway writes that row, and waits until whoever has written it
    has committed."""
    for call in limited:
        lanes.call_ended(call.calendar_id, now)
    carried: dict[int, list[int]] = {}
    for one in over:
        if one.call.gateway_id is not None:
            carried.setdefault(one.call.gateway_id, []).append(one.seconds)
    _count.run_many((gateway_id, len(times), sum(times)) for gateway_id, times in sorted(carried.items()))


def facts_of(call: CallRequest, alarm: Alarm | None) -> CallFacts:
    """What is on record about a call, for whoever decides what it was."""
    end = IvrEnd(call.ivr_end) if call.ivr_end else None
    started = call.ivr_started_at is not None  # nobody can press a key before
    pressed = started and callbacks.pressed(call, alarm)
    return CallFacts(
        call_uuid=call.request_uuid,
        dialled_at=call.dialled_at,
        answered_at=call.answered_at,
        ivr_started=started,
        ivr_end=end,
        completed=call.completed,
        pressed=pressed,
        result=AlarmResult(call.result),
        who=WhoAnswered(call.amd_status or WhoAnswered.UNKNOWN),
        message_left=call.message_left,
        spoken=end != IvrEnd.HANGUP
        or call.last_section is not None
        or pressed
        or (started and callbacks.pressed(call, None)),
    )


# ---- attempts of alarms


def insert_requests(attempts: Iterable[tuple[Alarm, int]], now: datetime) -> None:
    """The next attempt of each of these alarms, by the call of that id."""
    _insert_request.run_many((alarm.id, alarm.sequence + 1, call_id, None, now) for alarm, call_id in attempts)


def insert_message_request(alarm: Alarm, message: int, now: datetime) -> None:
    """The alarm's next attempt, by a message of the outbox."""
    _insert_request.run(alarm.id, alarm.sequence + 1, None, message, now)


def close_requests(over: Iterable[tuple[int, int, int, int, str]]) -> None:
    """How the attempts of calls ended: the call's id, status, callstatus, duration, reason. Not the alarm's last one:
    its callee may have called back meanwhile."""
    _close_request.run_many(over)


def remove_request(call_uuid: str) -> None:
    """The attempt of that call was none."""
    _remove_request.run(call_uuid)


# ---- leases


def extend(tokens: list[str], until: datetime) -> None:
    """Prolong these leases."""
    for first in range(0, len(tokens), _AT_ONCE):
        some = tokens[first : first + _AT_ONCE]
        _extend.run(some + some[-1:] * (_AT_ONCE - len(some)), until)  # one length, one statement


def expire_all(now: datetime) -> None:
    """Let every lease run out."""
    _expire_all.run(now)


def expired(now: datetime) -> list[OpenCall]:
    """Calls whose lease has run out, oldest first."""
    return [
        OpenCall(c.request_uuid, str(c.lease_token), c.switch, c.dialled_at, c.timeout, c.timelimit, c.originate)
        for c in _expired.all(now)
    ]


def next_expiry() -> datetime | None:
    """When the first lease runs out; None when no call is open."""
    found: datetime | None = _next_expiry.scalar()
    return found


def take_over(call: OpenCall, token: str, now: datetime, lease: timedelta) -> None:
    """A lease that has run out goes to ``token``. Raises LeaseLost when somebody was faster."""
    one(_take_over.run(call.call_uuid, call.token, token, now, now + lease))


# ---- statements


@prepared
def _insert(**columns: Any) -> ModelInsert:
    return CallRequest.insert(with_taken(CallRequest, columns))


@prepared
def _by_hand(call_id: int, line: str) -> ModelUpdate:
    free = CallRequest.update(lease_token=None, lease_expires=None, originate=line)
    return free.where(CallRequest.id == call_id)


@prepared
def _replace(old_id: int, new_id: int) -> ModelUpdate:
    return AlarmRequest.update(callrequest=new_id).where(AlarmRequest.callrequest == old_id)


@prepared
def _dialling(call_uuid: str, token: str, switch: str, line: str, now: datetime) -> ModelUpdate:
    return CallRequest.update(dialled_at=now, switch=switch, originate=line, status=CallStatus.CALLING).where(
        CallRequest.request_uuid == call_uuid, CallRequest.lease_token == token, CallRequest.dialled_at.is_null()
    )


@prepared
def _answered(call_uuid: str, now: datetime) -> ModelUpdate:
    first = CallRequest.answered_at.is_null()
    return CallRequest.update(answered_at=now).where(CallRequest.request_uuid == call_uuid, first)


@prepared
def _never_dialled(call_uuid: str, token: str) -> ModelUpdate:
    return CallRequest.update(dialled_at=None).where(
        CallRequest.request_uuid == call_uuid, CallRequest.lease_token == token
    )


@prepared
def _give_back(call_uuid: str, token: str, reason: str, now: datetime) -> ModelUpdate:
    return CallRequest.update(
        status=CallStatus.ABORT, lease_token=None, lease_expires=None, ended_at=now, reason=reason
    ).where(CallRequest.request_uuid == call_uuid, CallRequest.lease_token == token, CallRequest.dialled_at.is_null())


@prepared
def _close(
    call_id: int,
    token: str,
    why: str,
    status: int,
    outcome: str,
    cause: str,
    protocol_cause: str,
    duration: int,
    now: datetime,
    ringing_at: datetime | None,
) -> ModelUpdate:
    reason = Case(None, [(CallRequest.reason == "", why)], CallRequest.reason)  # the IVR's own stands
    how = {"hangup_cause": cause, "protocol_cause": protocol_cause, "duration": duration, "ringing_at": ringing_at}
    changes = {"reason": reason, "status": status, "outcome": outcome, "ended_at": now, **how}
    closed = CallRequest.update(lease_token=None, lease_expires=None, **changes)
    return closed.where(CallRequest.id == call_id, CallRequest.lease_token == token)


@prepared
def _count(gateway_id: int, calls: int, seconds: int) -> ModelUpdate:
    used = {"count_call": Gateway.count_call + calls, "secondused": Gateway.secondused + seconds}
    return Gateway.update(used).where(Gateway.id == gateway_id)


@prepared
def _insert_request(
    alarm_id: int, attempt: int, call_id: int | None, message: int | None, now: datetime
) -> ModelInsert:
    columns = {"alarm": alarm_id, "attempt": attempt, "callrequest": call_id, "outbox": message}
    return AlarmRequest.insert(with_taken(AlarmRequest, {**columns, "date": now, "created_date": now}))


@prepared
def _close_request(call_id: int, status: int, callstatus: int, duration: int, reason: str) -> ModelUpdate:
    changes = AlarmRequest.update(status=status, callstatus=callstatus, duration=duration, reason=reason)
    return changes.where(AlarmRequest.callrequest == call_id)


@prepared
def _remove_request(call_uuid: str) -> ModelDelete:
    number = CallRequest.select(CallRequest.id).where(CallRequest.request_uuid == call_uuid)
    return AlarmRequest.delete().where(AlarmRequest.callrequest.in_(number))


@prepared
def _extend(tokens: list[str], until: datetime) -> ModelUpdate:
    ours = CallRequest.lease_token.in_(tokens)
    return CallRequest.update(lease_expires=until).where(CallRequest.lease_token.is_null(False), ours)


@prepared
def _expire_all(now: datetime) -> ModelUpdate:
    return CallRequest.update(lease_expires=now).where(CallRequest.lease_token.is_null(False))


@prepared
def _expired(now: datetime) -> ModelSelect[CallRequest]:
    open_ = CallRequest.select().where(CallRequest.lease_token.is_null(False), CallRequest.lease_expires <= now)
    return open_.order_by(CallRequest.lease_expires)


@prepared
def _next_expiry() -> ModelSelect[CallRequest]:
    open_ = CallRequest.select(CallRequest.lease_expires).where(CallRequest.lease_token.is_null(False))
    return open_.order_by(CallRequest.lease_expires).limit(1)


@prepared
def _take_over(call_uuid: str, was: str, token: str, now: datetime, until: datetime) -> ModelUpdate:
    return CallRequest.update(lease_token=token, lease_expires=until).where(
        CallRequest.request_uuid == call_uuid, CallRequest.lease_token == was, CallRequest.lease_expires <= now
    )
