"""Pure: the next day that a rule names, by its number (``date.toordinal``). For the rules that people make that is
arithmetic, without a list of the days of a period. walls.py does all rules; the tests hold one against the other.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import isleap
from collections.abc import Callable
from datetime import date

from fs_app.domain.rules import Frequency, RecurrenceRule

_SIZES = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# The number of the first such day from the first number on; 0 where none begins up to the second.
NextDay = Callable[[int, int], int]
# The first such day of a month (1 to 31) from a day of it on, 0 where there is none. Given are the number of the
# month's first day, how many it has, and the day.
_InMonth = Callable[[int, int, int], int]


def next_day_of(rule: RecurrenceRule, start: date, days: Callable[[date, date], list[int]]) -> NextDay | None:
    """The way for a rule whose open words its start has filled in; None where there is none but the long one.

    ``days`` lists those of a whole year or month (its first and last day), in order.
    """
    found = _by_arithmetic(rule, start)
    if found is not None or rule.frequency > Frequency.MONTHLY:
        return found
    return None if rule.bysetpos and not _once_a_day(rule) else _listed(rule, start, days)


def _once_a_day(rule: RecurrenceRule) -> bool:
    """Of several times a day BYSETPOS may pick some."""
    return len(rule.byhour) * len(rule.byminute) == 1


def _by_arithmetic(rule: RecurrenceRule, start: date) -> NextDay | None:
    numbers, named = rule.bymonthday, rule.byweekday
    if rule.byyearday or rule.byweekno or rule.frequency > Frequency.DAILY:
        return None
    plain = all(nth == 0 for _weekday, nth in named)
    if rule.bysetpos:
        one_month = rule.frequency == Frequency.MONTHLY or (
            rule.frequency == Frequency.YEARLY and len(rule.bymonth) == 1
        )
        if not (one_month and plain and named and len(rule.bysetpos) == 1 and not numbers and _once_a_day(rule)):
            return None
    if rule.frequency >= Frequency.WEEKLY:
        if rule.bymonth or numbers or not plain:
            return None
        if rule.frequency == Frequency.WEEKLY:
            return _weekly(start.toordinal(), rule.interval, rule.wkst, [day for day, _nth in named])
        if not named:
            return _daily(start.toordinal(), rule.interval)
        return _weekly(start.toordinal(), 1, 0, [day for day, _nth in named]) if rule.interval == 1 else None
    if bool(numbers) == bool(named) or (named and rule.frequency == Frequency.YEARLY and not rule.bymonth):
        return None
    if rule.frequency == Frequency.YEARLY and len(rule.bymonth) == len(numbers) == 1 and 1 <= numbers[0] <= 28:
        return _birthday(start.year, rule.interval, rule.bymonth[0], numbers[0])
    if rule.bysetpos:
        in_month = _by_position([day for day, _nth in named], rule.bysetpos[0])
    else:
        in_month = _by_number(numbers) if numbers else _by_weekday(named)
    if rule.frequency == Frequency.MONTHLY:
        return _monthly(start, rule.interval, rule.bymonth, in_month)
    return _yearly(start, rule.interval, rule.bymonth or tuple(range(1, 13)), in_month)


def _daily(start: int, interval: int) -> NextDay:
    return lambda day, _limit: day + (start - day) % interval


def _weekly(start: int, interval: int, wkst: int, weekdays: list[int]) -> NextDay:
    monday = start - (start + 6 - wkst) % 7  # of the first week; day number 1 was a Monday
    behind = sorted((day - wkst) % 7 for day in weekdays)
    round_, first = 7 * interval, behind[0]
    wait = [next((day - at for day in behind if day >= at), round_ - at + first) for at in range(7)]

    def next_day(day: int, _limit: int) -> int:
        at = (day - monday) % round_
        return day + (wait[at] if at < 7 else round_ - at + first)

    return next_day


def _monthly(start: date, interval: int, months: tuple[int, ...], in_month: _InMonth) -> NextDay:
    begin = start.year * 12 + start.month - 1

    def next_day(day: int, limit: int) -> int:
        one = date.fromordinal(day)
        year, month, since = one.year, one.month, one.day
        first = day - since + 1
        while first <= limit:
            if not ((year * 12 + month - 1 - begin) % interval or (months and month not in months)):
                found = in_month(first, 29 if month == 2 and isleap(year) else _SIZES[month], since)
                if found:
                    return first + found - 1
            behind = (year * 12 + month - 1 - begin) % interval
            year, month = divmod(year * 12 + month - 1 + interval - behind, 12)
            month += 1
            first, since = date(year, month, 1).toordinal(), 1
        return 0

    return next_day


def _birthday(begin: int, interval: int, month: int, number: int) -> NextDay:
    """A date that each year has."""

    def next_day(day: int, limit: int) -> int:
        one = date.fromordinal(day)
        year = one.year
        if one.month > month or (one.month == month and one.day > number):
            year += 1
        found = date(year + (begin - year) % interval, month, number).toordinal()
        return found if found <= limit else 0

    return next_day


def _yearly(start: date, interval: int, months: tuple[int, ...], in_month: _InMonth) -> NextDay:
    begin = start.year

    def next_day(day: int, limit: int) -> int:
        one = date.fromordinal(day)
        year, from_month, since = one.year, one.month, one.day
        if (year - begin) % interval:
            year, from_month = year + interval - (year - begin) % interval, 0
        while True:
            for month in months:
                if month < from_month:
                    continue
                first = date(year, month, 1).toordinal()
                if first > limit:
                    return 0
                size = 29 if month == 2 and isleap(year) else _SIZES[month]
                found = in_month(first, size, since if month == from_month else 1)
                if found:
                    return first + found - 1
            year, from_month = year + interval, 0

    return next_day


def _listed(rule: RecurrenceRule, start: date, days: Callable[[date, date], list[int]]) -> NextDay:
    """By a list of each year or month, of which the last is kept. Periods are named by their first month."""
    months = 12 if rule.frequency == Frequency.YEARLY else 1
    begin, step = (start.year * 12 + start.month - 1) // months * months, rule.interval * months
    kept: tuple[int, list[int]] = (-1, [])

    def days_of(period: int, first: date) -> list[int]:
        if months == 1 and rule.bymonth and first.month not in rule.bymonth:
            return []
        last = date((period + months) // 12, (period + months) % 12 + 1, 1).toordinal() - 1
        return days(first, date.fromordinal(last))

    def next_day(day: int, limit: int) -> int:
        nonlocal kept
        one = date.fromordinal(day)
        period = (one.year * 12 + one.month - 1) // months * months
        period += (begin - period) % step
        while True:
            named = kept
            if named[0] != period:
                first = date(period // 12, period % 12 + 1, 1)
                if first.toordinal() > limit:
                    return 0
                kept = named = period, days_of(period, first)
            at = bisect_left(named[1], day)
            if at < len(named[1]):
                return named[1][at]
            period += step

    return next_day


def _by_number(numbers: tuple[int, ...]) -> _InMonth:
    def one(_first: int, size: int, since: int) -> int:
        day = number if number > 0 else size + 1 + number
        return day if since <= day <= size else 0

    def several(_first: int, size: int, since: int) -> int:
        days = (number if number > 0 else size + 1 + number for number in numbers)
        return min((day for day in days if since <= day <= size), default=0)

    number = numbers[0]
    return one if len(numbers) == 1 else several


def _by_weekday(named: tuple[tuple[int, int], ...]) -> _InMonth:
    def one(first: int, size: int, since: int) -> int:
        day = 1 + (weekday - first - 6) % 7  # the first such day
        if nth > 0:
            day += 7 * (nth - 1)
        elif nth < 0:
            day += (size - day) // 7 * 7 + 7 * (nth + 1)
        else:
            day += max(0, since - day + 6) // 7 * 7
        return day if since <= day <= size else 0

    if len(named) == 1:
        weekday, nth = named[0]
        return one
    each = [_by_weekday((single,)) for single in named]
    return lambda first, size, since: min(filter(None, (way(first, size, since) for way in each)), default=0)


def _by_position(weekdays: list[int], position: int) -> _InMonth:
    """The n-th of the days that are one of these weekdays, from the end when negative."""
    step = 1 if position > 0 else -1

    def one(first: int, size: int, since: int) -> int:
        day, left = (1 if position > 0 else size), abs(position)
        while 1 <= day <= size:
            if (first + day + 5) % 7 in weekdays:
                left -= 1
                if not left:
                    return day if day >= since else 0
            day += step
        return 0

    return one
