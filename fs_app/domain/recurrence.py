"""Pure: the occurrences of a recurring event. Shared by the API, which checks rules, and the store, which makes them.

Occurrences are computed on the wall clock of the calendar's zone (walls.py), so 09:00 stays 09:00 when the clocks
change. It is done here and not by dateutil because that walks from the rule's start to the moment in question, and
searches until the year 9999 for what a rule such as "30 February" never yields; this stops after HORIZON.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fs_app.domain.rules import Exclusions, Frequency, RecurrenceRule, parse_rule
from fs_app.domain.walls import Walls
from fs_app.domain.window import to_utc

__all__ = ["Frequency", "Occurrence", "Recurrence", "RecurrenceRule", "next_after", "parse_rule", "recurrence"]

# 29 February on a given weekday comes back after at most 40 years (across a century without its leap year).
HORIZON = timedelta(days=40 * 366)
_HORIZON_DAYS = HORIZON.days
_GAP_MAX = timedelta(hours=25)  # no clock change skips more than one day (Pacific/Apia, 2011-12-30)
NOTHING = Exclusions()
_END_OF_TIME = datetime(9900, 1, 1, tzinfo=UTC)
_LAST_WALL = _END_OF_TIME.replace(tzinfo=None)


class Occurrence(NamedTuple):
    """``start`` is UTC. ``number`` counts from 1, the master event itself."""

    start: datetime
    number: int


class Recurrence:
    """A rule, the (aware) start of its master event and the zone of its calendar: made once, asked often.

    The master event is occurrence 1 whether or not it fits the rule, and COUNT includes it (RFC 5545). A wall time that
    a clock change skips moves forward; one that happens twice is taken once, the first time; two occurrences that meet
    in one moment are one.
    """

    __slots__ = ("_count", "_first", "_known", "_last", "_next_day", "_only", "_seconds", "_times", "_walls", "_zone")

    def __init__(self, rule: RecurrenceRule, start: datetime, zone: ZoneInfo) -> None:
        self._first = start.astimezone(UTC)
        self._last = to_utc(rule.until, zone) if rule.until is not None and rule.until.tzinfo is None else rule.until
        self._count = rule.count
        # From the first up to the second of them, the second is what comes next: whoever asks again need not wait.
        self._known = (self._first, self._first)
        self._zone = zone
        self._walls = Walls(rule, _wall(start, zone).replace(microsecond=0))
        self._next_day, self._times = self._walls.next_day, self._walls.times
        self._seconds = [moment.hour * 3600 + moment.minute * 60 + moment.second for moment in self._times]
        self._only = self._seconds if len(self._seconds) == 1 else []

    def next(
        self,
        after: datetime,
        until: datetime | None = None,
        occurrences_before: int | None = None,
        excluded: Exclusions = NOTHING,
    ) -> Occurrence | None:
        """The first occurrence that starts strictly after ``after``; None when there is none within 40 years of it.

        ``until`` (aware, inclusive) limits in addition to the rule's own UNTIL. What is ``excluded`` is counted, and
        left out.

        ``occurrences_before`` is how many occurrences start at or before ``after``, where the caller knows it: it is
        believed, and makes this one step. None: they are counted from the start.
        """
        first = self._first
        if after < first:
            if not excluded.covers(first, self._zone):
                return Occurrence(first, 1)
            after, occurrences_before = first, 1
        last = self._last
        if until is not None and (last is None or until < last):
            last = until
        if after >= _END_OF_TIME or (last is not None and last <= after):
            return None
        number, begin, count = 1, first, self._count
        excludes = excluded is not NOTHING and bool(excluded)
        if occurrences_before is not None:
            number, begin = occurrences_before, after
            since, known = self._known
            if since <= after < known:
                found: datetime | None = known
            else:
                found = self._quickly(after)
                if found is not None:
                    self._known = after, found
            if found is not None and not (excludes and excluded.covers(found, self._zone)):
                if (count is not None and number >= count) or (last is not None and found > last):
                    return None
                return Occurrence(found, number + 1)
        for moment in self._moments(begin.astimezone(UTC), after):
            number += 1
            if (count is not None and number > count) or (last is not None and moment > last):
                return None
            if moment > after and not (excludes and excluded.covers(moment, self._zone)):
                return Occurrence(moment, number)
        return None

    def _quickly(self, after: datetime) -> datetime | None:
        """The start after ``after``, UTC, by two or three conversions; None where that takes :meth:`_moments`.

        The wall time that comes next is taken for one of the offset in force, and the zone is asked what the clock
        shows at that moment: where that is the wall time, in its first pass, it is the answer. Around clock changes
        it may not be; nor may a wall time that lay in a gap, and moved, be behind us yet.
        """
        next_day, zone = self._next_day, self._zone
        if next_day is None:
            return None
        local = after.astimezone(zone)
        offset, today, seconds = local.utcoffset(), local.toordinal(), self._seconds
        now = local.hour * 3600 + local.minute * 60 + local.second
        # At the day's only time whatever lay in a gap has gone by: none skips more than a day.
        quiet = now in self._only or (after - _GAP_MAX).astimezone(zone).utcoffset() == offset
        if local.fold or not quiet or offset is None:
            return None
        at = bisect_right(seconds, now)
        if at == len(seconds):
            at, today = 0, today + 1
        day = next_day(today, today + _HORIZON_DAYS)
        if not day:
            return None
        moment = datetime.combine(date.fromordinal(day), self._times[at if day == today else 0], UTC) - offset
        shown = moment.astimezone(zone)
        there = shown.utcoffset()
        if there != offset:
            moment += offset - (there or offset)
            shown = moment.astimezone(zone)
            if shown.utcoffset() != there:
                return None
        return None if shown.fold else moment

    def _moments(self, begin: datetime, asked: datetime) -> Iterator[datetime]:
        """Starts after ``begin``, strictly increasing, UTC, until 40 years after ``asked``.

        Times inside a gap move forward past wall times that come after them, so they are held until the clock's own
        order is certain: from a wall time that exists, everything later is later.
        """
        zone = self._zone
        local = begin.astimezone(zone)
        low = local.replace(tzinfo=None, fold=0)
        end = asked.replace(tzinfo=None) + HORIZON if asked < _END_OF_TIME - HORIZON else _LAST_WALL
        if local.utcoffset() != (begin - _GAP_MAX).astimezone(zone).utcoffset():
            low -= _GAP_MAX
        held: list[datetime] = []
        last = begin
        for wall in self._walls.since(low, end):
            moment = wall.replace(tzinfo=zone).astimezone(UTC)
            if moment <= last:
                continue
            exists = moment.astimezone(zone).replace(tzinfo=None) == wall
            if exists and not held:
                if last is begin:
                    self._known = begin, moment
                last = moment
                yield moment
                continue
            heapq.heappush(held, moment)
            while exists and held and held[0] <= moment:
                earliest = heapq.heappop(held)
                if earliest > last:
                    last = earliest
                    yield earliest
        yield from (moment for moment in sorted(set(held)) if moment > last)


def next_after(
    rule: RecurrenceRule,
    start: datetime,
    zone: ZoneInfo,
    after: datetime,
    until: datetime | None = None,
    occurrences_before: int | None = None,
    excluded: Exclusions = NOTHING,
) -> Occurrence | None:
    """:meth:`Recurrence.next` of a rule that is asked once."""
    return _made(rule, start, zone).next(after, until, occurrences_before, excluded)


@lru_cache(maxsize=4096)
def recurrence(frequency: str, params: str, start: datetime, zone: ZoneInfo) -> Recurrence:
    """A series without a COUNT: it ends at the moment of its last occurrence instead. Raises InvalidInput.

    A rule that counts is counted once, and not again for each occurrence of ten years.
    """
    rule = parse_rule(frequency, params)
    if rule.count is None:
        return Recurrence(rule, start, zone)
    bare = Recurrence(replace(rule, count=None), start, zone)
    last = Occurrence(start.astimezone(UTC), 1)
    while last.number < rule.count:
        found = bare.next(last.start, occurrences_before=last.number)
        if found is None:
            break
        last = found
    return Recurrence(replace(rule, count=None, until=last.start), start, zone)


@lru_cache(maxsize=256)
def _made(rule: RecurrenceRule, start: datetime, zone: ZoneInfo) -> Recurrence:
    return Recurrence(rule, start, zone)


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
