"""What an alarm becomes: under its claim, and inside a transaction of the caller's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from peewee import ModelSelect, ModelUpdate

from fs_app.domain.enums import AlarmStatus, EventStatus
from fs_app.errors import LeaseLost
from fs_app.store.models import Alarm, Event
from fs_app.store.prepared import locked, prepared


class NewState(NamedTuple):
    """What :func:`becomes` is told of an alarm."""

    alarm: Alarm
    status: int
    reason: str
    due_at: datetime | None
    counted: bool


def becomes(
    alarm: Alarm, status: int, now: datetime, reason: str, due_at: datetime | None = None, *, counted: bool = False
) -> None:
    """Its new state. ``counted``: one more attempt counts against ``maxretry``. Raises LeaseLost when somebody else
    has changed its status since it was read."""
    if _becomes.run(alarm.id, alarm.status, status, reason, due_at, int(counted), now) != 1:
        raise LeaseLost(f"alarm {alarm.id} changed under its claim")


def become(new: Sequence[NewState], now: datetime) -> None:
    """:func:`becomes` for several alarms, in the order of their lanes. Raises LeaseLost where one has changed."""
    rows = [
        (one.alarm.id, one.alarm.status, one.status, one.reason, one.due_at, int(one.counted), now)
        for one in sorted(new, key=lambda one: one.alarm.lane or 0)
    ]
    changed = _becomes.run_many(row for row in rows if row[4] is None)
    if changed + _becomes.run_many(row for row in rows if row[4] is not None) != len(rows):
        raise LeaseLost(f"alarms {[one.alarm.id for one in new]}: one has changed under its claim")


def taken(alarms: Sequence[Alarm], now: datetime) -> None:
    """An attempt of each begins. Raises LeaseLost as :func:`becomes` does."""
    if _taken.run_many((alarm.id, alarm.status, now) for alarm in alarms) != len(alarms):
        raise LeaseLost(f"alarms {[alarm.id for alarm in alarms]}: one has changed under its claim")
    _notified.run_many((event_id, times) for event_id, times in Counter(alarm.event_id for alarm in alarms).items())


def waits(alarm: Alarm) -> AlarmStatus:
    """What it is while it waits for its next attempt."""
    return AlarmStatus.RETRY if alarm.num_attempt else AlarmStatus.PENDING


def event_pending(alarm: Alarm) -> bool:
    """Whether the event is pending; on PostgreSQL under its lock, so that whoever pauses or resumes it comes before
    or after this whole transaction, and not in between, where each would leave the alarm to the other."""
    return bool(_event_status.scalar(alarm.event_id) == EventStatus.PENDING)


# ---- statements


@prepared
def _becomes(
    alarm_id: int, was: int, status: int, reason: str, due_at: datetime | None, counted: int, now: datetime
) -> ModelUpdate:
    attempts = Alarm.num_attempt + counted
    return Alarm.update(status=status, reason=reason, due_at=due_at, num_attempt=attempts, updated_date=now).where(
        Alarm.id == alarm_id, Alarm.status == was
    )


@prepared
def _taken(alarm_id: int, was: int, now: datetime) -> ModelUpdate:
    return Alarm.update(
        sequence=Alarm.sequence + 1, status=AlarmStatus.IN_PROCESS, reason="", due_at=None, updated_date=now
    ).where(Alarm.id == alarm_id, Alarm.status == was)


@prepared
def _notified(event_id: int, times: int) -> ModelUpdate:
    return Event.update(notify_count=Event.notify_count + times).where(Event.id == event_id)


@prepared
def _event_status(event_id: int) -> ModelSelect[Event]:
    return locked(Event.select(Event.status).where(Event.id == event_id))
