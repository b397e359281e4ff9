"""Pure: the occurrences of a recurring event. Shared by the API, which checks rules, and the store, which makes them.

Occurrences are computed on the wall clock of the calendar's zone, so 09:00 stays 09:00 when the clocks change.

The arithmetic is dateutil's, and the tests hold it against dateutil. It is done here because dateutil searches until
the year 9999 for what a rule such as "30 February" never yields; this stops after HORIZON.
"""

from __future__ import annotations

import heapq
from calendar import isleap, monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fs_app.domain.rules import Exclusions, Frequency, RecurrenceRule, parse_rule
from fs_app.domain.window import to_utc

__all__ = ["Frequency", "Occurrence", "RecurrenceRule", "next_after", "parse_rule", "uncounted"]

# 29 February on a given weekday comes back after at most 40 years (across a century without its leap year).
HORIZON = timedelta(days=40 * 366)
_GAP_MAX = timedelta(hours=25)  # no clock change skips more than one day (Pacific/Apia, 2011-12-30)
_DAY = timedelta(days=1)
NOTHING = Exclusions()
_END_OF_TIME = datetime(9900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """``start`` is UTC. ``number`` counts from 1, the master event itself."""

    start: datetime
    number: int


def next_after(
    rule: RecurrenceRule,
    start: datetime,
    zone: ZoneInfo,
    after: datetime,
    until: datetime | None = None,
    occurrences_before: int | None = None,
    excluded: Exclusions = NOTHING,
) -> Occurrence | None:
    """The first occurrence that starts strictly after ``after``; None when there is none within 40 years of it.

    ``start`` (aware) is the master event's; it is occurrence 1 whether or not it fits the rule, and COUNT includes it
    (RFC 5545). ``until`` (aware, inclusive) limits in addition to the rule's own UNTIL. A wall time that a clock
    change skips moves forward; one that happens twice is taken once, the first time; two occurrences that meet in one
    moment are one. What is ``excluded`` is counted, and left out.

    ``occurrences_before`` is how many occurrences start at or before ``after``, where the caller knows it: it is
    believed, and makes this one step. None: they are counted from ``start``.
    """
    first = start.astimezone(UTC)
    if after < first:
        if not excluded.covers(first, zone):
            return Occurrence(first, 1)
        after, occurrences_before = first, 1
    last = min((moment for moment in (until, _moment(rule.until, zone)) if moment is not None), default=None)
    if after >= _END_OF_TIME or (last is not None and last <= after):
        return None
    number = 1 if occurrences_before is None else occurrences_before
    begin = first if occurrences_before is None else after.astimezone(UTC)
    for moment in _moments(rule, first, zone, begin, _wall(_plus(after, HORIZON), zone)):
        number += 1
        if (rule.count is not None and number > rule.count) or (last is not None and moment > last):
            return None
        if moment > after and not (excluded and excluded.covers(moment, zone)):
            return Occurrence(moment, number)
    return None


@lru_cache(maxsize=4096)
def uncounted(rule: RecurrenceRule, start: datetime, zone: ZoneInfo) -> RecurrenceRule:
    """The same series without a COUNT: it ends at the moment of its last occurrence instead.

    A rule that counts is counted once, and not again for each occurrence of ten years.
    """
    if rule.count is None:
        return rule
    bare = replace(rule, count=None)
    last = Occurrence(start.astimezone(UTC), 1)
    while last.number < rule.count:
        found = next_after(bare, start, zone, last.start, occurrences_before=last.number)
        if found is None:
            break
        last = found
    return replace(bare, until=last.start)


def _moment(until: datetime | None, zone: ZoneInfo) -> datetime | None:
    return to_utc(until, zone) if until is not None and until.tzinfo is None else until


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _plus(moment: datetime, span: timedelta) -> datetime:
    return _END_OF_TIME if moment > _END_OF_TIME - span else moment + span


def _moments(
    rule: RecurrenceRule, start: datetime, zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[datetime]:
    """Starts after ``begin``, strictly increasing, UTC; ``end`` is naive.

    Times inside a gap move forward past wall times that come after them, so they are held until the clock's own order
    is certain: from a wall time that exists, everything later is later.
    """
    jumped = begin.astimezone(zone).utcoffset() != (begin - _GAP_MAX).astimezone(zone).utcoffset()
    low = _wall(begin, zone) - (_GAP_MAX if jumped else timedelta())
    held: list[datetime] = []
    last = begin
    for wall in _walls(rule, _wall(start, zone).replace(microsecond=0), low, end):
        moment = to_utc(wall, zone)
        if moment <= last:
            continue
        heapq.heappush(held, moment)
        if _wall(moment, zone) != wall:
            continue
        while held and held[0] <= moment:
            earliest = heapq.heappop(held)
            if earliest > last:
                last = earliest
                yield earliest
    yield from (moment for moment in sorted(set(held)) if moment > last)


def _walls(rule: RecurrenceRule, start: datetime, low: datetime, end: datetime) -> Iterator[datetime]:
    """The rule's naive wall times from the period of ``low`` to ``end``, in order; COUNT and UNTIL are left out."""
    if rule.frequency >= Frequency.HOURLY:
        day = max(start, low).date()
        while day <= end.date():
            if _fits(rule, day):
                yield from (wall for wall in _slots(rule, start, day, low) if wall >= start)
            day += _DAY
        return
    rule = _completed(rule, start)
    times = [time(hour, minute, start.second) for hour in rule.byhour for minute in rule.byminute]
    for first, last in _periods(rule, start.date(), low.date(), end.date()):
        days = [day for day in _candidates(rule, first, last) if _fits(rule, day)]
        if rule.bysetpos:
            chosen = _positions(len(days) * len(times), rule.bysetpos)
            found = [datetime.combine(days[i // len(times)], times[i % len(times)]) for i in chosen]
            yield from (wall for wall in found if wall >= start)
        else:
            for day in days:
                for moment in times:
                    if (wall := datetime.combine(day, moment)) >= start:
                        yield wall


def _completed(rule: RecurrenceRule, start: datetime) -> RecurrenceRule:
    """A rule for days or longer, with what it leaves open taken from its start."""
    bymonth, bymonthday, byweekday = rule.bymonth, rule.bymonthday, rule.byweekday
    if not (rule.byweekno or rule.byyearday or bymonthday or byweekday):
        if rule.frequency == Frequency.YEARLY:
            bymonth = bymonth or (start.month,)
        if rule.frequency in (Frequency.YEARLY, Frequency.MONTHLY):
            bymonthday = (start.day,)
        elif rule.frequency == Frequency.WEEKLY:
            byweekday = ((start.weekday(), 0),)
    return replace(
        rule,
        bymonth=bymonth,
        bymonthday=bymonthday,
        byweekday=byweekday,
        byhour=rule.byhour or (start.hour,),
        byminute=rule.byminute or (start.minute,),
    )


def _periods(rule: RecurrenceRule, start: date, low: date, end: date) -> Iterator[tuple[date, date]]:
    """First and last day of every interval-th year, month, week or day from that of ``low`` to that of ``end``.

    The first week begins on its start day, not before: BYSETPOS counts in what is left of it, as dateutil does.
    """
    low = max(start, low)
    monday = start - timedelta(days=(start.weekday() - rule.wkst) % 7)
    elapsed = {
        Frequency.YEARLY: low.year - start.year,
        Frequency.MONTHLY: (low.year - start.year) * 12 + low.month - start.month,
        Frequency.WEEKLY: (low - monday).days // 7,
        Frequency.DAILY: (low - start).days,
    }[rule.frequency]
    index = elapsed // rule.interval * rule.interval
    while True:
        match rule.frequency:
            case Frequency.YEARLY:
                first, last = date(start.year + index, 1, 1), date(start.year + index, 12, 31)
            case Frequency.MONTHLY:
                year, month = divmod(start.year * 12 + start.month - 1 + index, 12)
                first = date(year, month + 1, 1)
                last = first.replace(day=monthrange(year, month + 1)[1])
            case Frequency.WEEKLY:
                last = monday + timedelta(days=index * 7 + 6)
                first = max(start, last - timedelta(days=6))
            case _:
                first = last = start + timedelta(days=index)
        if first > end:
            return
        yield first, last
        index += rule.interval


def _candidates(rule: RecurrenceRule, first: date, last: date) -> Iterator[date]:
    """Days of a period that may fit, in order; not each day of a year or month where the rule names months or days."""
    if rule.frequency > Frequency.MONTHLY or not (rule.bymonth or rule.bymonthday):
        yield from _span(first, last)
        return
    for month in range(first.month, last.month + 1):
        if rule.bymonth and month not in rule.bymonth:
            continue
        size = monthrange(first.year, month)[1]
        if rule.bymonthday:
            numbers = {day if day > 0 else size + 1 + day for day in rule.bymonthday}
            yield from (date(first.year, month, day) for day in sorted(numbers) if 1 <= day <= size)
        else:
            yield from _span(date(first.year, month, 1), date(first.year, month, size))


def _span(first: date, last: date) -> Iterator[date]:
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))


def _slots(rule: RecurrenceRule, start: datetime, day: date, low: datetime) -> Iterator[datetime]:
    """One day's wall times of an hourly or minutely rule, from a little before ``low``. At most 1440 steps."""
    hourly = rule.frequency == Frequency.HOURLY
    step = timedelta(hours=rule.interval) if hourly else timedelta(minutes=rule.interval)
    origin = start.replace(minute=0, second=0) if hourly else start.replace(second=0)
    midnight = datetime.combine(day, time())
    skip = -((origin - max(midnight, low - step)) // step)
    slot = origin + max(0, skip) * step
    while slot < midnight + _DAY:
        if not rule.byhour or slot.hour in rule.byhour:
            if hourly:
                minutes = rule.byminute or (start.minute,)
            else:
                minutes = (slot.minute,) if not rule.byminute or slot.minute in rule.byminute else ()
            for i in _positions(len(minutes), rule.bysetpos) if rule.bysetpos else range(len(minutes)):
                yield slot.replace(minute=minutes[i], second=start.second)
        slot += step


def _positions(size: int, bysetpos: tuple[int, ...]) -> list[int]:
    """Indexes that BYSETPOS picks from a sorted set of ``size``, in order."""
    return sorted({p - 1 if p > 0 else size + p for p in bysetpos if abs(p) <= size})


def _fits(rule: RecurrenceRule, day: date) -> bool:
    """Whether the rule's words about days let ``day`` through."""
    if rule.bymonth and day.month not in rule.bymonth:
        return False
    if rule.bymonthday and not _either(rule.bymonthday, day.day, monthrange(day.year, day.month)[1]):
        return False
    if rule.byyearday and not _either(rule.byyearday, day.timetuple().tm_yday, 365 + isleap(day.year)):
        return False
    if rule.byweekno and not _either(rule.byweekno, *_week(day, rule.wkst)):
        return False
    return not rule.byweekday or any(day.weekday() == wd and _nth(rule, day, n) for wd, n in rule.byweekday)


def _either(values: tuple[int, ...], position: int, total: int) -> bool:
    """Whether ``position`` (from 1) is among ``values``, where -1 is the last of ``total``."""
    return position in values or position - total - 1 in values


def _nth(rule: RecurrenceRule, day: date, n: int) -> bool:
    if not n:
        return True
    if rule.frequency == Frequency.YEARLY and not rule.bymonth:
        position, size = day.timetuple().tm_yday, 365 + isleap(day.year)
    else:
        position, size = day.day, monthrange(day.year, day.month)[1]
    return n == ((position - 1) // 7 + 1 if n > 0 else -((size - position) // 7 + 1))


def _week(day: date, wkst: int) -> tuple[int, int]:
    """The number of the day's week and how many weeks its year has; week 1 has at least four days in the year."""

    def middle(of: date) -> date:
        return of + timedelta(days=3 - (of.weekday() - wkst) % 7)

    year = middle(day).year
    return (middle(day).timetuple().tm_yday - 1) // 7 + 1, (middle(date(year, 12, 28)).timetuple().tm_yday - 1) // 7 + 1
