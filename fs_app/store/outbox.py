"""The outbox: what is to be sent into the world, written in the transaction of its cause.

A row that was committed is sent at least once; its idempotency key goes with it each time, so that a receiver that
knows the key takes it once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from peewee import JOIN, ModelInsert, ModelSelect, fn

from fs_app.domain.alarms import DueAlarm
from fs_app.domain.enums import AlarmResult, Kind
from fs_app.domain.tags import fill
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    Calendar,
    CalendarUserProfile,
    CallRequest,
    Event,
    Outbox,
    User,
    Webhook,
)
from fs_app.store.prepared import prepared
from fs_app.words import of_alarm, written

SMS = Kind.SMS.value
MAIL = Kind.MAIL.value
WEBHOOK = Kind.WEBHOOK.value

EVENTS = ("answered", "result", "failed", "missed")
"""What a manager's events hook can be told."""

PATIENCE = timedelta(days=1)  # for how long a webhook or a failure message is tried
FAILURE_WORDS = "The reminder for {phone_number} about {event_title} on {event_date} at {event_time} was not delivered."


class _Written(threading.local):
    """Whether this thread's transaction has written to the outbox."""

    flag = False


_written = _Written()


def take_written() -> bool:
    """Whether a row was added in this thread since this was last asked."""
    flag, _written.flag = _written.flag, False
    return flag


def add(
    kind: str,
    idempotency_key: str,
    destination: str,
    payload: Mapping[str, Any],
    expires_at: datetime,
    now: datetime,
    alarm: int | None = None,
    callrequest: int | None = None,
    user: int | None = None,
) -> bool:
    """Write a row, inside the caller's transaction; False when there is one with that key: nothing is changed then.

    It is sent from ``now`` on and tried until ``expires_at`` (both aware). ``alarm``, ``callrequest`` and ``user``
    are ids of rows; ``user`` is the manager it is sent for, or one of its calendar users.

    - ``sms``: ``destination`` is a number; ``payload`` is ``{"text": …}`` and may hold ``sender`` and ``sms_gateway``
      (an id). Without it the gateway is that of the calendar setting of the alarm, the call or the user.
    - ``webhook``: ``destination`` is the URL, ``payload`` the JSON object that is posted.
    - ``mail``: ``destination`` is the address; ``payload`` holds ``subject``, ``text``, ``html``, ``from_email`` and
      ``from_name``.
    """
    added = _add.run(
        kind=kind,
        idempotency_key=idempotency_key,
        destination=destination,
        lane=_lane(kind, destination),
        payload=dict(payload),
        due_at=now,
        expires_at=expires_at,
        alarm=alarm,
        callrequest=callrequest,
        user=user,
        created_date=now,
        updated_date=now,
    )
    _written.flag = _written.flag or bool(added)
    return bool(added)


def touched() -> None:
    """A row was made due again in this thread's transaction."""
    _written.flag = True


def tell(alarm: Alarm, what: str, now: datetime, *, call_uuid: str = "", cause: str = "", **details: Any) -> None:
    """Tell the manager's events hook ``what`` (one of :data:`EVENTS`) happened, where it has one and wants it.

    ``cause`` tells one result of an alarm from another: see :func:`tell_result`.
    """
    for manager, url, events in _hook_above.tuples(alarm.event_id):
        if not url or (events and what not in events.split(",")):
            continue
        key = f"event-{what}-{alarm.id}-{alarm.sequence}"
        if what == "result":
            key += f"-{details.get('result')}-{cause}"
        body = _body(what, alarm, now, call_uuid, details)
        add(WEBHOOK, key, url, body, now + PATIENCE, now, alarm=alarm.id, user=manager)


def tell_result(
    alarm: Alarm, result: AlarmResult, now: datetime, *, call: CallRequest | None = None, reply: int | None = None
) -> None:
    """Post a new result of an alarm to its ``url_confirm`` or ``url_cancel``, and to the manager's events hook.

    It came from a key pressed in ``call``, or from a reply of that id.
    """
    cause, call_uuid = (f"reply-{reply}", "") if call is None else (str(call.id), call.request_uuid)
    urls = {AlarmResult.CONFIRMED: alarm.url_confirm, AlarmResult.CANCELLED: alarm.url_cancel}
    url = urls.get(result, "")
    details = {"result": int(result)}
    if url:
        name = "confirmed" if result is AlarmResult.CONFIRMED else "cancelled"
        key = f"{name}-{alarm.id}-{alarm.sequence}-{cause}"
        body = _body(name, alarm, now, call_uuid, details)
        user = manager_of(_user_above.scalar(alarm.event_id))
        add(WEBHOOK, key, url, body, now + PATIENCE, now, alarm=alarm.id, user=user)
    tell(alarm, "result", now, call_uuid=call_uuid, cause=cause, **details)


def failure_sms(alarm: Alarm, due: DueAlarm, now: datetime) -> None:
    """The short message to ``phonenumber_sms_failure`` after the last attempt: ``data.sms_failure``, else our words."""
    if not alarm.phonenumber_sms_failure:
        return
    words, language = due.data.get("sms_failure"), due.language
    if not isinstance(words, str) or not words.strip():
        words, language = FAILURE_WORDS, "en"
    text = fill(words, written(of_alarm(due, now), language or "en"))
    key = f"failure-{alarm.id}-{alarm.sequence}"
    user = _user_above.scalar(alarm.event_id)
    add(SMS, key, alarm.phonenumber_sms_failure, {"text": text[:1600]}, now + PATIENCE, now, alarm=alarm.id, user=user)


def manager_of(user_id: int | None) -> int | None:
    """The manager above a calendar user; a manager is its own; None for None."""
    if user_id is None:
        return None
    found: int | None = _manager_of.scalar(user_id)
    return found


def _body(what: str, alarm: Alarm, now: datetime, call_uuid: str, details: Mapping[str, Any]) -> dict[str, Any]:
    body = {
        "event": what,
        "at": now.isoformat(timespec="seconds"),
        "alarm": alarm.id,
        "calendar_event": alarm.event_id,
        "attempt": alarm.sequence,
        "phone_number": alarm.alarm_phonenumber,
        "email": alarm.alarm_email,
    }
    if call_uuid:
        body["call"] = call_uuid
    return {**body, **details}


def _lane(kind: str, destination: str) -> str:
    if kind != WEBHOOK:
        return ""
    try:
        return urlsplit(destination).hostname or ""
    except ValueError:
        return ""


# ---- statements

_MANAGER = fn.COALESCE(CalendarUserProfile.manager, User.manager, User.id).coerce(False)
_PROFILE = CalendarUserProfile.user == User.id


@prepared
def _add(**columns: Any) -> ModelInsert:
    return Outbox.insert(**columns).on_conflict(conflict_target=[Outbox.idempotency_key], action="NOTHING")


@prepared
def _user_above(event_id: int) -> ModelSelect[Event]:
    return Event.select(Calendar.user).join(Calendar).where(Event.id == event_id)


@prepared
def _manager_of(user_id: int) -> ModelSelect[User]:
    return User.select(_MANAGER).join(CalendarUserProfile, JOIN.LEFT_OUTER, on=_PROFILE).where(User.id == user_id)


@prepared
def _hook_above(event_id: int) -> ModelSelect[Event]:
    above = Event.select(Webhook.user, Webhook.url, Webhook.events).join(Calendar).join(User)
    hook = above.join(CalendarUserProfile, JOIN.LEFT_OUTER, on=_PROFILE).join(Webhook, on=(Webhook.user == _MANAGER))
    return hook.where(Event.id == event_id, Webhook.status == 1)


@prepared
def hooked_alarm(call_uuid: str) -> ModelSelect[Alarm]:
    """The alarm of a call, where its manager has a hook that is told of events."""
    found = Alarm.select().join(AlarmRequest).join(CallRequest)
    above = found.switch(Alarm).join(Event).join(Calendar).join(User)
    hook = above.join(CalendarUserProfile, JOIN.LEFT_OUTER, on=_PROFILE).join(Webhook, on=(Webhook.user == _MANAGER))
    return hook.where(CallRequest.request_uuid == call_uuid, Webhook.status == 1)
