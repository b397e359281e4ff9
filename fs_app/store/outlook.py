"""What there may be to do, and when: one statement of index look-ups, however much waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import ModelSelect, fn

from fs_app.domain.alarms import OpenCall
from fs_app.domain.enums import AlarmMethod
from fs_app.domain.pacing import LEAD
from fs_app.store import calls
from fs_app.store.models import Alarm, CallRequest, Event, Lane
from fs_app.store.prepared import prepared


@dataclass(frozen=True, slots=True)
class Outlook:
    """``abandoned``: calls to us must be closed. ``expired``: calls whose lease has run out; ``expiry``: when the first
    lease does. ``occurrence``, ``messages`` (by SMS and mail): when the first is due. ``calls``: when the first may be
    claimed, which is a moment before."""

    abandoned: bool
    expired: tuple[OpenCall, ...]
    expiry: datetime | None
    occurrence: datetime | None
    messages: datetime | None
    calls: datetime | None


def outlook(now: datetime) -> Outlook:
    """As of ``now``."""
    ((lane, *found),) = _heads.tuples()
    claim = None if lane is None else lane - LEAD
    callback, expiry, occurrence, sms, mail = map(Lane.due_at.python_value, found)
    messages = min((due for due in (sms, mail) if due is not None), default=None)
    expired = calls.expired(now) if expiry is not None and expiry <= now else []
    return Outlook(callback is not None and callback <= now, tuple(expired), expiry, occurrence, messages, claim)


def _first(field: Any, *conditions: Any) -> ModelSelect[Any]:
    found: ModelSelect[Any] = field.model.select(field).where(*conditions, field.is_null(False))
    return found.order_by(field).limit(1)


@prepared
def _heads() -> ModelSelect[Lane]:
    return Lane.select(
        fn.MIN(Lane.due_at),
        _first(CallRequest.lease_expires, CallRequest.lease_token.is_null()),
        _first(CallRequest.lease_expires, CallRequest.lease_token.is_null(False)),
        _first(Event.next_child_at),
        _first(Alarm.due_at, Alarm.method == AlarmMethod.SMS),
        _first(Alarm.due_at, Alarm.method == AlarmMethod.MAIL),
    ).where(Lane.due_at.is_null(False))
