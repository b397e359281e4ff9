"""One occurrence of a series: keep it as it is, move it, cancel it, or undo that.

What is kept or moved becomes a child event at once, whenever it is: its alarms are its own from then on. What is
cancelled has no child, or one that is paused. The series itself passes over both (see Occurrences).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fs_app.domain.enums import AlarmStatus, EventStatus
from fs_app.errors import InvalidInput, NotFound
from fs_app.store.database import Store
from fs_app.store.due import waiting_until
from fs_app.store.models import Alarm, Event, Occurrence
from fs_app.store.occurrences import Occurrences, Series, duration

_TICK = timedelta(microseconds=1)
_WAITING = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)


@dataclass(frozen=True, slots=True)
class OneOccurrence:
    """What is known about an occurrence. ``child_id`` None: its event is not made yet."""

    original_start: datetime
    start: datetime
    end: datetime
    cancelled: bool
    child_id: int | None

    @property
    def moved(self) -> bool:
        return self.start != self.original_start


class SingleOccurrences:
    """Each method is a transaction of its own; an ``original_start`` that is none of the series' raises InvalidInput,
    a master that is gone NotFound. ``default_zone`` is the zone of calendars that name none."""

    def __init__(self, store: Store, default_zone: ZoneInfo) -> None:
        self._store = store
        self._zone = default_zone
        self._occurrences = Occurrences(store, default_zone)

    def list(self, master_id: int, after: datetime, before: datetime, limit: int = 100) -> list[OneOccurrence]:
        """Up to ``limit`` occurrences that were to start between the two moments, the master itself left out."""
        found: list[OneOccurrence] = []
        with self._store.reading():
            master = Event.get_or_none(Event.id == master_id)
            if master is None or master.rule is None:
                return found
            series = self._occurrences.series(master, master.rule)
            moment = series.next(max(after - _TICK, master.start))
            while moment is not None and moment <= before and len(found) < limit:
                found.append(self._seen(master, moment))
                moment = series.next(moment)
        return found

    def keep(self, master_id: int, original_start: datetime, now: datetime) -> OneOccurrence:
        """Make its event now, so that later changes of the master do not reach it."""
        with self._changing(master_id, original_start) as (master, series):
            row = _row(master, original_start, now)
            if row.child_id is None:
                self._make(series, row, original_start, None, now)
            return self._seen(master, original_start)

    def move(
        self, master_id: int, original_start: datetime, start: datetime, end: datetime | None, now: datetime
    ) -> OneOccurrence:
        """Have it start at ``start``; ``end`` None: as long as it was. Its alarms move along.

        Raises InvalidInput when another occurrence is there already.
        """
        with self._changing(master_id, original_start) as (master, series):
            there = Event.select().where(Event.parent_event == master, Event.start == start).first()
            row = _row(master, original_start, now)
            taken = start != original_start and series.next(start - _TICK) == start
            if start <= master.start or taken or (there is not None and there.id != row.child_id):
                raise InvalidInput("start", "another occurrence is there already: choose another time")
            if row.child_id is None:
                self._make(series, row, start, end, now)
            else:
                self._shift(series, row, start, end, now)
            return self._seen(master, original_start)

    def cancel(self, master_id: int, original_start: datetime, now: datetime) -> OneOccurrence:
        """Nobody is called about it. A call that is up goes on to its end."""
        with self._changing(master_id, original_start) as (master, _series):
            row = _row(master, original_start, now)
            Occurrence.update(cancelled=True, updated_date=now).where(Occurrence.id == row.id).execute()
            if row.child_id is not None:
                Event.update(status=EventStatus.PAUSED).where(Event.id == row.child_id).execute()
                Alarm.update(due_at=None).where(Alarm.event == row.child_id, Alarm.status.in_(_WAITING)).execute()
            return self._seen(master, original_start)

    def uncancel(self, master_id: int, original_start: datetime, now: datetime) -> OneOccurrence:
        """Undo :meth:`cancel`; what has been neither moved nor kept is the series' own again."""
        with self._changing(master_id, original_start) as (master, series):
            row = Occurrence.get_or_none(Occurrence.event == master, Occurrence.original_start == original_start)
            if row is None or not row.cancelled:
                raise InvalidInput("original_start", "this occurrence is not cancelled: there is nothing to undo")
            Occurrence.update(cancelled=False, updated_date=now).where(Occurrence.id == row.id).execute()
            if row.child_id is not None:
                Event.update(status=EventStatus.PENDING).where(Event.id == row.child_id).execute()
                self._refresh(row.child_id, now)
            elif master.last_occurrence is not None and original_start > master.last_occurrence:
                Occurrence.delete().where(Occurrence.id == row.id).execute()
                Event.update(next_child_at=now).where(Event.id == master.id).execute()
            else:  # the series has passed it already
                self._make(series, row, original_start, None, now)
            return self._seen(master, original_start)

    # ---- inside a transaction

    @contextmanager
    def _changing(self, master_id: int, original_start: datetime) -> Iterator[tuple[Event, Series]]:
        """The master, locked, and its series, of which ``original_start`` is known to be."""
        with self._store.transaction():
            query = Event.select().where(Event.id == master_id)
            master = (query if self._store.sqlite else query.for_update()).first()
            if master is None:
                raise NotFound(f"there is no event {master_id}")
            if master.rule is None or master.parent_event_id is not None:
                raise InvalidInput("original_start", "the event has no rule, and so no occurrences")
            series = self._occurrences.series(master, master.rule)
            if original_start == master.start:
                raise InvalidInput("original_start", "the first occurrence is the event itself: change or pause that")
            if original_start < master.start or series.next(original_start - _TICK) != original_start:
                raise InvalidInput("original_start", "no occurrence starts then: take one from the list of occurrences")
            yield master, series

    def _make(self, series: Series, row: Occurrence, start: datetime, end: datetime | None, now: datetime) -> None:
        alarms = [series.alarm(alarm, start, now) for alarm in series.alarms]
        child = self._occurrences.insert(series.master, start, alarms, now, end)
        if not child:
            raise InvalidInput("start", "another occurrence is there already: choose another time")
        Occurrence.update(child=child).where(Occurrence.id == row.id).execute()

    def _shift(self, series: Series, row: Occurrence, start: datetime, end: datetime | None, now: datetime) -> None:
        child = Event.get_by_id(row.child_id)
        Event.update(start=start, end=end or start + (child.end - child.start)).where(Event.id == child.id).execute()
        for alarm in Alarm.select().where(Alarm.event == child, Alarm.date_start_notice.is_null(False)):
            notice = series.along(alarm.date_start_notice, child.start, start)
            Alarm.update(date_start_notice=notice).where(Alarm.id == alarm.id).execute()
        self._refresh(child.id, now)

    def _refresh(self, event_id: int, now: datetime) -> None:
        event = Event.get_by_id(event_id)
        for alarm in Alarm.select().where(Alarm.event == event, Alarm.status.in_(_WAITING)):
            due = waiting_until(alarm, event, self._zone)
            waits = (Alarm.id == alarm.id) & Alarm.status.in_(_WAITING)
            Alarm.update(due_at=due, updated_date=now).where(waits).execute()

    def _seen(self, master: Event, original_start: datetime) -> OneOccurrence:
        row = Occurrence.get_or_none(Occurrence.event == master, Occurrence.original_start == original_start)
        child = None if row is None or row.child_id is None else Event.get_by_id(row.child_id)
        if child is None:
            child = Event.get_or_none(Event.parent_event == master, Event.start == original_start)
        start = child.start if child else original_start
        end = child.end if child else start + duration(master)
        return OneOccurrence(original_start, start, end, bool(row and row.cancelled), child.id if child else None)


def _row(master: Event, original_start: datetime, now: datetime) -> Occurrence:
    """What is on record about the occurrence, made where nothing is; with the child that the series has made of it."""
    row: Occurrence | None = Occurrence.get_or_none(
        Occurrence.event == master, Occurrence.original_start == original_start
    )
    if row is None:
        child = Event.get_or_none(Event.parent_event == master, Event.start == original_start)
        row = Occurrence.create(
            event=master, original_start=original_start, child=child, created_date=now, updated_date=now
        )
    return row
