"""People who call back the number that rang them: which reminder is theirs, and what their hearing it changes.

Such a call is a call request of its own, whose ``originate`` begins with ``inbound``, and one more attempt of its
alarm: it counts for nothing in ``num_attempt`` and has no lease, since nobody dialled it. Its ``lease_expires`` is when
it can no longer be up: see :func:`close_abandoned`.

Each function works inside a transaction of the caller's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from peewee import ModelSelect

from fs_app.domain.enums import AlarmMethod, AlarmResult, AlarmStatus, CallStatus, EventStatus, IvrEnd, Outcome
from fs_app.domain.phone import normalise_number, same_subscriber, subscriber
from fs_app.errors import InvalidInput
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    CalendarUserProfile,
    CallRequest,
    Event,
    SurveyAnswer,
)
from fs_app.store.prepared import prepared

INBOUND = "inbound "  # what ``CallRequest.originate`` of such a call begins with
HEARD = "called back"  # the reason on its alarm, once the reminder was heard
INTERRUPTED = "interrupted: the survey's process died during the call"
GRACE = timedelta(seconds=15)  # after its time limit, for the switch to end the call and for the end to be booked
_WAITING = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)


def open_callback(
    caller_number: str, called_number: str, call_uuid: str, now: datetime, *, lock: bool
) -> CallRequest | None:
    """Put an inbound call on record when a reminder waits for its caller; None when none does.

    A reminder waits from its first ring until its event has ended, a result is there or its event is paused. Of
    several it is the one whose caller ID was called, then the one that rang last. A caller ID that is no number, or
    that may stand for two of the numbers we called, has none. While the call is up the alarm is not dialled.

    ``lock``: rows can and must be locked (PostgreSQL).
    """
    known = CallRequest.get_or_none(CallRequest.request_uuid == call_uuid)
    if known is not None:
        return known if is_callback(known) else None
    try:
        caller = normalise_number(caller_number)
    except InvalidInput:
        return None
    found = _choose(_waiting_for(caller, now), caller, called_number)
    if found is None:
        return None
    last = found.call
    query = Alarm.select().where(Alarm.id == found.alarm.id)
    alarm = (query.for_update() if lock else query).get()
    call: CallRequest = CallRequest.create(
        request_uuid=call_uuid,
        aleg_uuid=call_uuid,
        call_time=now,
        status=CallStatus.CALLING,
        callerid=last.callerid,
        caller_name=last.caller_name,
        phone_number=caller,
        timeout=last.timeout,
        timelimit=last.timelimit,
        num_attempt=alarm.num_attempt,
        survey=last.survey_id,
        gateway=last.gateway_id,
        user=last.user_id,
        originate=f"{INBOUND}from {caller} to {_shown(called_number)}",
        tags=last.tags,
        language=last.language,
        created_date=now,
        lease_expires=now + timedelta(seconds=last.timelimit) + GRACE,
    )
    AlarmRequest.create(alarm=alarm, attempt=alarm.sequence + 1, callrequest=call, date=now, created_date=now)
    changes: dict[str, object] = {"sequence": alarm.sequence + 1, "updated_date": now}
    if alarm.due_at is not None:
        changes["due_at"] = max(alarm.due_at, _guard(call))
    Alarm.update(**changes).where(Alarm.id == alarm.id).execute()
    return call


def is_callback(call: CallRequest) -> bool:
    """Whether the call came to us."""
    return call.originate.startswith(INBOUND)


def heard(call: CallRequest, now: datetime) -> None:
    """The reminder has reached its callee: nobody rings for it any more.

    An attempt that is on its way meanwhile is booked by its own process, which finds out: see :func:`was_heard`.
    """
    request = AlarmRequest.get(AlarmRequest.callrequest == call)
    AlarmRequest.update(status=AlarmStatus.SUCCESS).where(AlarmRequest.id == request.id).execute()
    Alarm.update(status=AlarmStatus.SUCCESS, due_at=None, reason=HEARD, updated_date=now).where(
        Alarm.id == request.alarm_id, Alarm.status != AlarmStatus.IN_PROCESS
    ).execute()


def was_heard(alarm_id: int, call_uuid: str) -> bool:
    """Whether the alarm's reminder was heard in a call that came to us since that call of ours was claimed."""
    return _heard_since.exists(alarm_id, call_uuid)


@prepared
def _heard_since(alarm_id: int, call_uuid: str) -> ModelSelect[AlarmRequest]:
    ours = CallRequest.alias()
    heard = AlarmRequest.select(AlarmRequest.id).join(CallRequest).join(ours, on=(ours.request_uuid == call_uuid))
    return heard.where(
        AlarmRequest.alarm == alarm_id,
        AlarmRequest.status == AlarmStatus.SUCCESS,
        CallRequest.call_time >= ours.call_time,
        CallRequest.originate.startswith(INBOUND),
    ).limit(1)


def pressed(call: CallRequest, alarm: Alarm | None) -> bool:
    """Whether a valid key was pressed in the call; where its alarm is insistent on a code, the code.

    An answer without keys (a recording, a transfer) is none: a machine can give those.
    """
    if alarm is not None and alarm.insistent and alarm.insistent_code:
        return _pressed_code.exists(call.id, alarm.insistent_code)
    return _pressed.exists(call.id)


@prepared
def _pressed(call_id: int) -> ModelSelect[SurveyAnswer]:
    keys = SurveyAnswer.valid, SurveyAnswer.digits != ""
    return SurveyAnswer.select(SurveyAnswer.id).where(SurveyAnswer.callrequest == call_id, *keys).limit(1)


@prepared
def _pressed_code(call_id: int, code: str) -> ModelSelect[SurveyAnswer]:
    keys = SurveyAnswer.valid, SurveyAnswer.digits == code
    return SurveyAnswer.select(SurveyAnswer.id).where(SurveyAnswer.callrequest == call_id, *keys).limit(1)


def ended(call: CallRequest, end: IvrEnd, reason: str, now: datetime) -> None:
    """Book the end of an inbound call: its survey stopped, and with it the call.

    Heard is a reminder whose survey came to its end or got a valid key; where the setting requires one, only the key
    counts. One that was not heard is dialled again as planned, but not before the retry delay.
    """
    request = AlarmRequest.get(AlarmRequest.callrequest == call)
    alarm = request.alarm
    key = pressed(call, alarm)
    done = key or (end is IvrEnd.COMPLETED and not _requires_key(alarm))
    failed = end is IvrEnd.ERROR and not key
    seconds = max(0, int((now - (call.answered_at or now)).total_seconds()))
    CallRequest.update(
        status=CallStatus.FAILURE if failed else CallStatus.SUCCESS,
        outcome=Outcome.ANSWERED.value,
        ended_at=now,
        lease_expires=None,
        duration=seconds,
        reason=f"{HEARD}: {reason}" if reason else HEARD,
    ).where(CallRequest.id == call.id).execute()
    AlarmRequest.update(status=AlarmStatus.SUCCESS if done else AlarmStatus.FAILURE, duration=seconds).where(
        AlarmRequest.id == request.id
    ).execute()
    if done:
        heard(call, now)
    elif alarm.due_at is not None and alarm.due_at <= _guard(call):
        due = now + timedelta(seconds=alarm.retry_delay)
        Alarm.update(due_at=due).where(Alarm.id == alarm.id, Alarm.status.in_(_WAITING)).execute()


@prepared
def _abandoned(now: datetime) -> ModelSelect[CallRequest]:
    """Calls to us that cannot be up any more and that nobody has booked: the process that served them has died."""
    found = CallRequest.select().where(CallRequest.lease_token.is_null(), CallRequest.lease_expires <= now)
    return found.order_by(CallRequest.lease_expires)


def any_abandoned(now: datetime) -> bool:
    """Whether there is something to do for :func:`close_abandoned`."""
    return _abandoned.exists(now)


def close_abandoned(now: datetime) -> None:
    """Book them. What was pressed has settled its alarm already; without a key the alarm is dialled as planned."""
    for call in _abandoned.all(now):
        pressed = SurveyAnswer.select().where(SurveyAnswer.callrequest == call, SurveyAnswer.valid).exists()
        CallRequest.update(
            status=CallStatus.SUCCESS if pressed else CallStatus.FAILURE,
            outcome=Outcome.ANSWERED.value if pressed else Outcome.UNKNOWN.value,
            ended_at=now,
            lease_expires=None,
            reason=f"{HEARD}: {INTERRUPTED}",
        ).where(CallRequest.id == call.id, CallRequest.ended_at.is_null()).execute()
        if not pressed:
            AlarmRequest.update(status=AlarmStatus.FAILURE).where(AlarmRequest.callrequest == call).execute()


# ---- finding the reminder


class _Rung(NamedTuple):
    """A call we made for an alarm."""

    alarm: Alarm
    call: CallRequest


def _waiting_for(caller: str, now: datetime) -> list[_Rung]:
    """Our calls to that telephone for alarms that still wait to be heard, the latest first."""
    tail = subscriber(caller)[-3:]
    query = (
        AlarmRequest.select(AlarmRequest, CallRequest, Alarm)
        .join(CallRequest)
        .switch(AlarmRequest)
        .join(Alarm)
        .join(Event)
        .where(
            CallRequest.dialled_at.is_null(False),
            Alarm.method == AlarmMethod.CALL,
            Alarm.result == AlarmResult.NONE,
            # A number has three digits at least: this leaves out most rows, same_subscriber the others.
            Alarm.alarm_phonenumber.endswith(tail),
            Event.status == EventStatus.PENDING,
            Event.end > now,
        )
        .order_by(CallRequest.dialled_at.desc(), CallRequest.id.desc())
    )
    rung = [_Rung(row.alarm, row.callrequest) for row in query if row.callrequest is not None]
    return [one for one in rung if same_subscriber(one.alarm.alarm_phonenumber, caller)]


def _choose(rung: list[_Rung], caller: str, called_number: str) -> _Rung | None:
    numbers = {subscriber(one.alarm.alarm_phonenumber) for one in rung}
    if subscriber(caller) in numbers:
        rung = [one for one in rung if subscriber(one.alarm.alarm_phonenumber) == subscriber(caller)]
    elif len(numbers) > 1:
        return None
    shown = [one for one in rung if one.call.callerid and same_subscriber(one.call.callerid, called_number)]
    return next(iter(shown or rung), None)


def _shown(number: str) -> str:
    try:
        return normalise_number(number)
    except InvalidInput:
        return "a number not shown"


def _requires_key(alarm: Alarm) -> bool:
    profile = CalendarUserProfile.get_or_none(CalendarUserProfile.user == alarm.event.calendar.user_id)
    setting = None if profile is None else profile.calendar_setting
    return bool(alarm.insistent or (setting and setting.require_keypress))


def _guard(call: CallRequest) -> datetime:
    """Until when the call can be up at the longest."""
    limit: datetime = call.call_time + timedelta(seconds=call.timelimit)
    return limit
