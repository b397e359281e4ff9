"""Occurrences of recurring events: each becomes a child event of its master, with copies of the master's alarms.

A child is made at most an hour before the earliest of its alarms is due: early enough that no alarm is late, late
enough that it says what its master says by then. How far a series has come is kept on its master
(``last_occurrence``) and moves in the transaction that makes the child, under the master's lock: nothing is made
twice, and a child that somebody moves or deletes does not come back. (master, start) is unique in the schema besides.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from peewee import ModelInsert, ModelSelect, ModelUpdate, fn

from fs_app.domain.enums import AlarmResult, AlarmStatus, EventStatus
from fs_app.domain.recurrence import Recurrence, recurrence
from fs_app.domain.rules import Exclusions, parse_exdates
from fs_app.domain.window import Closed, first_due, to_utc
from fs_app.errors import InvalidInput
from fs_app.store.database import Store
from fs_app.store.due import closed_days, zone_of
from fs_app.store.models import Alarm, Calendar, Event, Occurrence, Rule
from fs_app.store.prepared import by_id, locked, prepared
from fs_app.store.whose import with_taken

log = logging.getLogger(__name__)

LEAD = timedelta(hours=1)
_ANEW = {
    "num_attempt": 0,
    "sequence": 0,
    "status": AlarmStatus.PENDING.value,
    "result": AlarmResult.NONE.value,
    "reason": "",
}


class Occurrences:
    """``default_zone`` is the zone of calendars that name none."""

    def __init__(self, store: Store, default_zone: ZoneInfo) -> None:
        self._store = store
        self._zone = default_zone

    def next_due(self) -> datetime | None:
        """When the next child must be made; None when no series goes on."""
        with self._store.reading():
            found: datetime | None = _head.scalar()
            return found

    def make_due(self, now: datetime, limit: int = 100) -> int:
        """Look at up to ``limit`` masters due at ``now``, make the child each needs, and return how many were made.

        One transaction and at most one child per look; a series that is behind is due again at once, after the others.
        What an outage left unmade is made up, also what is over by now: its alarms then fail as missed, in the log.
        Rows that another scheduler holds are skipped. A series whose rule cannot be followed is ended, and logged.
        """
        due = self.next_due()
        made = 0
        if due is None or due > now:
            return 0
        for _ in range(limit):
            with self._store.transaction():
                master = _due_master.first(now)
                if master is None:
                    break
                made += self._look(master, now, early=False)
        return made

    def make_next(self, master_id: int, now: datetime) -> bool:
        """Make the coming occurrence's child although it is not time yet, so that it can be paused or changed.

        Whether there is a child that starts after ``now``. What was due before it is made as well.
        """
        for _ in range(1000):
            with self._store.transaction():
                master = _one_master.first(master_id)
                if master is None:
                    return False
                latest = _latest(master)
                if latest is not None and latest.start > now:
                    return True
                if not self._look(master, now, early=True):
                    return False
        return False

    # ---- inside a transaction, the master locked

    def _look(self, master: Event, now: datetime, *, early: bool) -> bool:
        """Make the next child if its time has come (or ``early``); write down how far the series is."""
        rule = by_id(Rule, master.rule_id)
        if master.parent_event_id is not None or rule is None or master.status == EventStatus.COMPLETED:
            _settle(master, None, None)
            return False
        paused = master.status == EventStatus.PAUSED
        try:
            series = self.series(master, rule)
            settled = _settled(master, now)
            if paused:
                # What starts while it is paused is left out, so that it resumes with its next occurrence.
                settled = max(settled, now)
            coming = series.next(settled)
            while coming is not None and coming in series.settled_apart:
                settled, coming = coming, series.next(coming)
            if coming is None or paused:
                _settle(master, settled, coming)
                return False
            make_at = series.make_at(coming, settled)
            if make_at > now and not early:
                _settle(master, settled, make_at)
                return False
            following = series.next(coming)
            look = None if following is None else max(series.make_at(following, coming), now)
            alarms = [series.alarm(alarm, coming, now) for alarm in series.alarms]
        except (InvalidInput, ValueError, OverflowError) as exc:
            log.error("event %s makes no more occurrences: %s", master.id, exc)
            _settle(master, None, None)
            return False
        _settle(master, coming, look)
        return bool(self.insert(master, coming, alarms, now))

    def series(self, master: Event, rule: Rule) -> Series:
        """The master's occurrences, as they are to be now."""
        calendar = by_id(Calendar, master.calendar_id)
        assert calendar is not None  # its events go with it
        zone = zone_of(calendar, self._zone)
        changed = _settled_apart.tuples(master.id, master.last_occurrence or master.start)
        return Series(
            master=master,
            recurrence=recurrence(rule.frequency, rule.params, master.start, zone),
            zone=zone,
            alarms=tuple(_alarms.all(master.id)),
            closed=closed_days(calendar),
            excluded=parse_exdates(master.exdates or ()),
            settled_apart=frozenset(start for (start,) in changed),
        )

    def insert(
        self, master: Event, start: datetime, alarms: list[dict[str, Any]], now: datetime, end: datetime | None = None
    ) -> int:
        """The child and its alarms; its id. 0 where the master has a child at that moment already."""
        child = _insert_child.insert(
            title=master.title,
            description=master.description,
            start=start,
            end=end or start + duration(master),
            creator=master.creator_id,
            calendar=master.calendar_id,
            data=master.data,
            parent_event=master.id,
            occ_count=(_count.scalar(master.id) or 0) + 1,
            created_on=now,
        )
        for alarm in alarms if child else ():
            _insert_alarm.insert(event=child, **alarm)
        return child


@dataclass(frozen=True, slots=True)
class Series:
    """A master and all that decides its occurrences."""

    master: Event
    recurrence: Recurrence  # without a COUNT
    zone: ZoneInfo
    alarms: tuple[Alarm, ...]
    closed: Closed
    excluded: Exclusions
    settled_apart: frozenset[datetime]  # original starts of what was kept, moved or cancelled, and is still to come

    def next(self, after: datetime) -> datetime | None:
        """Start of the first occurrence after ``after``, which is not before the master's start."""
        # Which number an occurrence has matters only where the rule counts.
        end = self.master.end_recurring_period
        found = self.recurrence.next(after, end, 1, self.excluded)
        return None if found is None else found.start

    def make_at(self, start: datetime, before: datetime) -> datetime:
        """When to make the child that starts at ``start`` and follows an occurrence at ``before``.

        LEAD before its earliest alarm is due, yet not until the occurrence before it has started, so that the last
        child is the one to come; unless an alarm is due sooner than that. Windows only ever move an alarm later.
        """
        dues = [self._notice(a, start) - timedelta(seconds=a.advance_notice) for a in self.alarms]
        earliest = min([start, *dues])
        return max(earliest - LEAD, before) if before < earliest else earliest - LEAD

    def alarm(self, alarm: Alarm, start: datetime, now: datetime) -> dict[str, Any]:
        """The columns of a copy of ``alarm`` for the child at ``start``, all but the child itself."""
        columns = {name: value for name, value in alarm.__data__.items() if name not in ("id", "event")}
        notice = self._notice(alarm, start)
        return {
            **columns,
            **_ANEW,
            "date_start_notice": None if alarm.date_start_notice is None else notice,
            "due_at": first_due(
                notice, alarm.advance_notice, alarm.daily_start, alarm.daily_stop, self.zone, self.closed
            ),
            "created_date": now,
            "updated_date": now,
        }

    def _notice(self, alarm: Alarm, start: datetime) -> datetime:
        """The alarm's start notice for the occurrence at ``start``: as far from it, by the clock on the wall."""
        if alarm.date_start_notice is None:
            return start
        return self.along(alarm.date_start_notice, self.master.start, start)

    def along(self, moment: datetime, start: datetime, new_start: datetime) -> datetime:
        """``moment`` as far from ``new_start`` as it was from ``start``, by the clock on the wall."""
        return to_utc(self._wall(new_start) + (self._wall(moment) - self._wall(start)), self.zone)

    def _wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None, fold=0)


def duration(master: Event) -> timedelta:
    span: timedelta = master.end - master.start
    return max(span, timedelta())


def _latest(master: Event) -> Event | None:
    """The last child that the series itself has made."""
    return _last_child.first(master.id)


def _settled(master: Event, now: datetime) -> datetime:
    """Up to when the series needs no more children; never before the master's own start.

    A series that begins, or begins again after it was over, leaves out what had ended when somebody asked for it
    (``next_child_at`` is that moment then): nobody was promised that.
    """
    settled: datetime | None = master.last_occurrence
    if settled is None:
        settled = (master.next_child_at or now) - duration(master)
    start: datetime = master.start
    return max(start, settled)


def _settle(master: Event, until: datetime | None, look: datetime | None) -> None:
    """``look`` None: the series is over, and would begin anew."""
    _set_settled.run(master.id, None if look is None else until, look)


# ---- statements


@prepared
def _head() -> ModelSelect[Event]:
    waiting = Event.select(Event.next_child_at).where(Event.next_child_at.is_null(False))
    return waiting.order_by(Event.next_child_at).limit(1)


@prepared
def _due_master(now: datetime) -> ModelSelect[Event]:
    due = Event.select().where(Event.next_child_at <= now)
    return locked(due.order_by(Event.next_child_at).limit(1), skip=True)


@prepared
def _one_master(master_id: int) -> ModelSelect[Event]:
    return locked(Event.select().where(Event.id == master_id))


@prepared
def _settled_apart(master_id: int, since: datetime) -> ModelSelect[Occurrence]:
    changed = Occurrence.select(Occurrence.original_start)
    return changed.where(Occurrence.event == master_id, Occurrence.original_start > since)


@prepared
def _alarms(event_id: int) -> ModelSelect[Alarm]:
    return Alarm.select().where(Alarm.event == event_id).order_by(Alarm.id)


@prepared
def _count(master_id: int) -> ModelSelect[Event]:
    return Event.select(fn.MAX(Event.occ_count)).where(Event.parent_event == master_id)


@prepared
def _insert_child(**columns: Any) -> ModelInsert:
    # Somebody may have moved another child there in this very moment.
    child = Event.insert(with_taken(Event, columns))
    return child.on_conflict(conflict_target=[Event.parent_event, Event.start], action="NOTHING")


@prepared
def _insert_alarm(**columns: Any) -> ModelInsert:
    return Alarm.insert(with_taken(Alarm, columns))


@prepared
def _last_child(master_id: int) -> ModelSelect[Event]:
    apart = Occurrence.select(Occurrence.child).where(Occurrence.event == master_id, Occurrence.child.is_null(False))
    children = Event.select().where(Event.parent_event == master_id, Event.id.not_in(apart))
    return children.order_by(Event.start.desc()).limit(1)


@prepared
def _set_settled(master_id: int, until: datetime | None, look: datetime | None) -> ModelUpdate:
    return Event.update(last_occurrence=until, next_child_at=look).where(Event.id == master_id)
