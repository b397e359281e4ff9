"""Pure: what a rule says on the wall, without a zone: naive wall times, in order, COUNT and UNTIL left out.

The arithmetic is dateutil's, and the tests hold it against dateutil. What is asked for is found where it lies, not by a
walk from the rule's start: the period of a moment is computed, and so are the days that a rule names in it.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from fs_app.domain.rule_days import next_day_of
from fs_app.domain.rules import Frequency, RecurrenceRule

_DAY = timedelta(days=1)
_SIZES = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

Period = tuple[date, date]  # its first and last day


class Walls:
    """Of one rule and one start (naive, whole seconds).

    ``next_day`` finds the next of its days, each with all of its ``times``; None where that takes :meth:`since`.
    """

    __slots__ = ("_days", "_periods", "_rule", "_start", "next_day", "times")

    def __init__(self, rule: RecurrenceRule, start: datetime) -> None:
        self._rule = rule = rule if rule.frequency >= Frequency.HOURLY else _completed(rule, start)
        self._start = start
        self.times = [time(hour, minute, start.second) for hour in rule.byhour for minute in rule.byminute]
        self._periods = _PERIODS.get(rule.frequency)
        self._days = _days_of(rule)
        self.next_day = next_day_of(rule, start.date(), self._days_at)

    def since(self, low: datetime, end: datetime) -> Iterator[datetime]:
        """Those from ``low`` on, up to the day of ``end``."""
        rule, start, times = self._rule, self._start, self.times
        low = max(low, start)
        if self._periods is None:
            yield from _fine(rule, start, low, end.date())
            return
        combine, bysetpos, last_day = datetime.combine, rule.bysetpos, end.date()
        for period in self._periods(rule, start.date(), low.date()):
            if period[0] > last_day:
                return
            days = self._days(*period)
            if bysetpos:
                days = list(days)
                chosen = _positions(len(days) * len(times), bysetpos)
                found = (combine(days[i // len(times)], times[i % len(times)]) for i in chosen)
                yield from (wall for wall in found if wall >= low)
                continue
            for day in days:
                for moment in times:
                    wall = combine(day, moment)
                    if wall >= low:
                        yield wall

    def _days_at(self, first: date, last: date) -> list[int]:
        """Numbers of the days of a period, where each has one time."""
        days = [day.toordinal() for day in self._days(first, last)]
        bysetpos = self._rule.bysetpos
        return [days[i] for i in _positions(len(days), bysetpos)] if bysetpos else days


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


# ---- every interval-th year, month, week or day, from the one of ``low`` on


def _years(rule: RecurrenceRule, start: date, low: date) -> Iterator[Period]:
    step = rule.interval
    for year in range(low.year - (low.year - start.year) % step, 9999, step):
        yield date(year, 1, 1), date(year, 12, 31)


def _months(rule: RecurrenceRule, start: date, low: date) -> Iterator[Period]:
    step, bymonth = rule.interval, rule.bymonth
    number = low.year * 12 + low.month - 1
    for one in range(number - (number - start.year * 12 - start.month + 1) % step, 9999 * 12, step):
        year, month = divmod(one, 12)
        if not bymonth or month + 1 in bymonth:
            yield date(year, month + 1, 1), date(year, month + 1, _size(year, month + 1))
        elif month == 11:  # so that whoever asked sees time go by, also where no month of the rule's ever comes
            yield date(year, 12, 31), date(year, 12, 30)


def _weeks(rule: RecurrenceRule, start: date, low: date) -> Iterator[Period]:
    """The first week begins on its start day, not before: BYSETPOS counts in what is left of it, as dateutil does."""
    monday = start.toordinal() - (start.weekday() - rule.wkst) % 7
    step, begin = 7 * rule.interval, start.toordinal()
    for first in range(low.toordinal() - (low.toordinal() - monday) % step, date.max.toordinal() - 7, step):
        yield date.fromordinal(max(begin, first)), date.fromordinal(first + 6)


def _every_day(rule: RecurrenceRule, start: date, low: date) -> Iterator[Period]:
    number, step = low.toordinal(), rule.interval
    for one in range(number + (start.toordinal() - number) % step, date.max.toordinal(), step):
        day = date.fromordinal(one)
        yield day, day


_PERIODS: dict[Frequency, Callable[[RecurrenceRule, date, date], Iterator[Period]]] = {
    Frequency.YEARLY: _years,
    Frequency.MONTHLY: _months,
    Frequency.WEEKLY: _weeks,
    Frequency.DAILY: _every_day,
}


# ---- the days of a period that the rule lets through


def _days_of(rule: RecurrenceRule) -> Callable[[date, date], Iterable[date]]:
    """The quickest way for this rule: most name their days, the others are asked about each."""
    others = rule.byyearday or rule.byweekno
    months = rule.bymonth
    if rule.frequency == Frequency.DAILY and not (others or months or rule.bymonthday or rule.byweekday):
        return lambda first, _last: (first,)
    unnumbered = all(n == 0 for _day, n in rule.byweekday)
    if rule.frequency == Frequency.WEEKLY and unnumbered and not (others or months or rule.bymonthday):
        behind = sorted((day - rule.wkst) % 7 for day, _n in rule.byweekday)
        return lambda first, last: _in_week(behind, first, last)
    if rule.frequency <= Frequency.MONTHLY and not others:
        if rule.bymonthday and not rule.byweekday:
            numbers = rule.bymonthday
            return lambda first, last: _each_month(months, first, last, lambda one, _end: _by_number(numbers, one))
        if rule.byweekday and not rule.bymonthday:
            named = rule.byweekday
            if rule.frequency == Frequency.YEARLY and not months:
                return lambda first, last: _by_weekday(named, first, last)
            return lambda first, last: _each_month(months, first, last, lambda one, end: _by_weekday(named, one, end))
    return lambda first, last: [day for day in _candidates(rule, first, last) if _fits(rule, day)]


def _in_week(behind: list[int], first: date, last: date) -> list[date]:
    """The days so far ``behind`` the week's first one, which ``first`` may be later than."""
    monday = last.toordinal() - 6
    days = [date.fromordinal(monday + number) for number in behind]
    return days if monday == first.toordinal() else [day for day in days if day >= first]


def _each_month(
    months: tuple[int, ...], first: date, last: date, days: Callable[[date, date], list[date]]
) -> Iterable[date]:
    """The days of one month, or of each month of a year that the rule names."""
    if first.month == last.month:
        return days(first, last) if first <= last else ()
    year = first.year
    each = months or range(1, 13)
    return [day for month in each for day in days(date(year, month, 1), date(year, month, _size(year, month)))]


def _by_number(numbers: tuple[int, ...], first: date) -> list[date]:
    size = _size(first.year, first.month)
    if len(numbers) == 1:
        number = numbers[0] if numbers[0] > 0 else size + 1 + numbers[0]
        return [first.replace(day=number)] if 1 <= number <= size else []
    found = {number if number > 0 else size + 1 + number for number in numbers}
    return [first.replace(day=number) for number in sorted(found) if 1 <= number <= size]


def _by_weekday(named: tuple[tuple[int, int], ...], first: date, last: date) -> list[date]:
    """Every such weekday of a month or year, or the n-th of them, from its end when negative."""
    begin, end, weekday = first.toordinal(), last.toordinal(), first.weekday()
    found: set[int] = set()
    for day, n in named:
        one = begin + (day - weekday) % 7
        if n == 0:
            found.update(range(one, end + 1, 7))
        else:
            one = one + 7 * (n - 1) if n > 0 else end - (end - one) % 7 + 7 * (n + 1)
            if begin <= one <= end:
                found.add(one)
    return [date.fromordinal(number) for number in sorted(found)]


def _candidates(rule: RecurrenceRule, first: date, last: date) -> Iterator[date]:
    """Days of a period that may fit, in order; not each day of a year or month where the rule names months or days."""
    if rule.frequency > Frequency.MONTHLY or not (rule.bymonth or rule.bymonthday):
        named = rule.frequency == Frequency.YEARLY and (rule.byyearday or rule.byweekno)
        all_days = range(first.toordinal(), last.toordinal() + 1)
        yield from map(date.fromordinal, sorted(_named_in_year(rule, all_days)) if named else all_days)
        return
    for month in range(first.month, last.month + 1):
        if rule.bymonth and month not in rule.bymonth:
            continue
        one, size = date(first.year, month, 1), _size(first.year, month)
        if rule.bymonthday:
            yield from _by_number(rule.bymonthday, one)
        else:
            yield from (one.replace(day=number) for number in range(1, size + 1))


def _named_in_year(rule: RecurrenceRule, days: range) -> set[int]:
    """Days of a year (their numbers) among which are those of the rule's BYYEARDAY, else of its BYWEEKNO."""
    begin, size = days[0], len(days)
    if rule.byyearday:
        return {begin + (n - 1 if n > 0 else size + n) for n in rule.byyearday if abs(n) <= size}
    year = date.fromordinal(begin).year
    week_one = date(year, 1, 4).toordinal() - (date(year, 1, 4).weekday() - rule.wkst) % 7
    weeks = _week(date(year, 12, 28), rule.wkst)[1]
    firsts = [week_one + 7 * (n - 1 if n > 0 else weeks + n) for n in rule.byweekno]
    # At most three days at either end are of a week of the year before, or after.
    found = {*days[:3], *days[-3:], *(day for first in firsts for day in range(first, first + 7))}
    return found & {*days}


def _fits(rule: RecurrenceRule, day: date) -> bool:
    """Whether the rule's words about days let ``day`` through."""
    if rule.bymonth and day.month not in rule.bymonth:
        return False
    if rule.bymonthday and not _either(rule.bymonthday, day.day, _size(day.year, day.month)):
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
        position, size = day.day, _size(day.year, day.month)
    return n == ((position - 1) // 7 + 1 if n > 0 else -((size - position) // 7 + 1))


def _week(day: date, wkst: int) -> tuple[int, int]:
    """The number of the day's week and how many weeks its year has; week 1 has at least four days in the year."""

    def middle(of: date) -> date:
        return of + timedelta(days=3 - (of.weekday() - wkst) % 7)

    year = middle(day).year
    return (middle(day).timetuple().tm_yday - 1) // 7 + 1, (middle(date(year, 12, 28)).timetuple().tm_yday - 1) // 7 + 1


def _size(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else _SIZES[month]


def _positions(size: int, bysetpos: tuple[int, ...]) -> list[int]:
    """Indexes that BYSETPOS picks from a sorted set of ``size``, in order."""
    return sorted({p - 1 if p > 0 else size + p for p in bysetpos if abs(p) <= size})


# ---- hours and minutes


def _fine(rule: RecurrenceRule, start: datetime, low: datetime, last: date) -> Iterator[datetime]:
    day = low.date()
    while day <= last:
        if _fits(rule, day):
            yield from (wall for wall in _slots(rule, start, day, low) if wall >= low)
        day += _DAY


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
