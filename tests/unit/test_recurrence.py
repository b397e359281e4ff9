"""Occurrences are those of dateutil, on the wall clock; rules are read by a whitelist."""

from __future__ import annotations

import os
import time as stopwatch
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import DAILY, HOURLY, MINUTELY, MONTHLY, WEEKLY, YEARLY, rrule, weekday
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fs_app.domain.recurrence import Frequency, Occurrence, Recurrence, RecurrenceRule, next_after, parse_rule
from fs_app.domain.window import to_utc

PARIS = ZoneInfo("Europe/Paris")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")
# The tests that hold generated rules against another way are run at length by FS_APP_TEST_SOAK_RULES=30.
AT_LENGTH = int(os.environ.get("FS_APP_TEST_SOAK_RULES", "1"))
FREQUENCIES: tuple[Any, ...] = (YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY)
ZONES = (PARIS, NEW_YORK, LORD_HOWE, APIA, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu"))


def local(text: str, zone: ZoneInfo) -> datetime:
    return to_utc(datetime.fromisoformat(text), zone)


def series(rule: RecurrenceRule, start: datetime, zone: ZoneInfo, limit: int) -> list[Occurrence]:
    """The first ``limit`` occurrences, each asked for by itself, the way the scheduler does."""
    found: list[Occurrence] = []
    after = start - timedelta(seconds=1)
    while len(found) < limit:
        occurrence = next_after(rule, start, zone, after, occurrences_before=len(found))
        if occurrence is None:
            break
        found.append(occurrence)
        after = occurrence.start
    return found


def walls(text: str, start: str, zone: ZoneInfo, limit: int) -> list[str]:
    """Wall-clock starts, with the offset that tells the two passes of an hour apart."""
    found = series(parse_rule("", text), local(start, zone), zone, limit)
    return [o.start.astimezone(zone).strftime("%Y-%m-%dT%H:%M%z") for o in found]


# ---- against dateutil


def subset(low: int, high: int, signed: bool = False, size: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    one = st.integers(low, high)
    if signed:
        one = st.one_of(one, one.map(lambda n: -n))
    return st.one_of(st.just(()), st.sets(one, min_size=1, max_size=size).map(lambda s: tuple(sorted(s))))


@st.composite
def rules(draw: st.DrawFn) -> RecurrenceRule:
    """Rules of every frequency. Kept out: what dateutil does not do as RFC 5545 says (see docs/recurrence.md)."""
    frequency = draw(st.sampled_from(Frequency))
    days = st.integers(0, 6)
    plain = st.tuples(days, st.just(0))
    if frequency <= Frequency.MONTHLY:
        nth = st.tuples(days, st.sampled_from([1, 2, 3, 4, 5, -1, -2, -5]))
        weekdays = st.one_of(st.sets(plain, max_size=3), st.sets(nth, max_size=3))
    else:
        weekdays = st.sets(plain, max_size=3)
    return RecurrenceRule(
        frequency=frequency,
        interval=draw(st.one_of(st.integers(1, 3), st.integers(1, 40))),
        wkst=draw(days),
        # An hour or a minute has too few moments for most positions, and a rule that picks nothing is refused.
        bysetpos=draw(subset(1, 6, signed=True, size=2)) if frequency < Frequency.HOURLY else (),
        bymonth=draw(subset(1, 12)),
        bymonthday=draw(subset(1, 31, signed=True)),
        byyearday=draw(st.one_of(st.just(()), subset(1, 366, signed=True))),
        byweekno=draw(st.one_of(st.just(()), st.just(()), subset(1, 51))),
        byweekday=tuple(sorted(draw(weekdays))),
        byhour=draw(subset(0, 23)),
        byminute=draw(subset(0, 59)),
    )


def dateutil_words(rule: RecurrenceRule) -> dict[str, Any]:
    lists = {
        w: list(getattr(rule, w)) or None
        for w in ("bysetpos", "bymonth", "bymonthday", "byyearday", "byweekno", "byhour", "byminute")
    }
    days = [weekday(day, n or None) for day, n in rule.byweekday] or None
    return {**lists, "byweekday": days, "interval": rule.interval, "wkst": rule.wkst}


def oracle(rule: RecurrenceRule, start: datetime, zone: ZoneInfo, end: datetime, limit: int) -> list[datetime]:
    """What dateutil says up to ``end`` (naive), brought to UTC and put in order. No fast-forward, no clever order.

    The calendar repeats every 400 years, so a series of the 1990s is asked for in the 9990s: where dateutil finds
    nothing it goes on to the end of the year 9999 whatever ``until`` says, and from there that is not far.
    """
    wall = start.astimezone(zone).replace(tzinfo=None)
    shift = 8000 if wall.year < 2000 else 0
    moments: set[datetime] = set()
    try:
        for found in rrule(
            FREQUENCIES[rule.frequency], dtstart=wall.replace(year=wall.year + shift), **dateutil_words(rule)
        ):
            found = found.replace(year=found.year - shift)
            if found > end or len(moments) > limit + 100:  # the margin covers what a gap puts in another order
                break
            moments.add(to_utc(found, zone))
    except ValueError:  # dateutil's way to say that the interval never meets byhour or byminute, or of the year 10000
        pass
    return sorted(m for m in moments if m > start)[:limit]


SPAN = (4000, 800, 300, 100, 8, 2)  # days of a frequency worth looking at, for an interval of 1


def compare(rule: RecurrenceRule, wall: datetime, zone: ZoneInfo, end: datetime) -> None:
    start = to_utc(wall, zone)
    expected = oracle(rule, start, zone, end, 12)
    found = [o.start for o in series(rule, start, zone, 1 + len(expected))]
    assert found == [start, *expected]
    if len(expected) < 12:  # dateutil found no more up to `end`; a gap may move one over it
        more = next_after(rule, start, zone, found[-1], occurrences_before=len(found))
        assert more is None or more.start > to_utc(end, zone) - timedelta(days=1)
    counted = next_after(rule, start, zone, found[-1] - timedelta(seconds=1))
    assert counted == Occurrence(found[-1], len(found))


def dense(rule: RecurrenceRule) -> bool:
    """Whether dateutil is sure to find something soon."""
    words = (rule.bymonth, rule.bymonthday, rule.byyearday, rule.byweekno, rule.byweekday)
    return sum(map(bool, words)) <= 1 and not (rule.bysetpos or rule.byhour or rule.byminute)


def whole_minute(low: int, high: int) -> st.SearchStrategy[datetime]:
    moments = st.datetimes(datetime(low, 1, 1), datetime(high, 12, 31))
    return moments.map(lambda d: d.replace(second=0, microsecond=0, fold=0))


@settings(max_examples=100 * AT_LENGTH, deadline=None)
@given(rules().filter(dense), whole_minute(2005, 2030), st.sampled_from(ZONES))
@example(parse_rule("hourly", ""), datetime(2024, 3, 30, 20), PARIS)
@example(parse_rule("minutely", "interval:10"), datetime(2024, 10, 5, 23), LORD_HOWE)
@example(parse_rule("hourly", "interval:5"), datetime(2011, 12, 28, 3), APIA)
def test_is_what_dateutil_says(rule: RecurrenceRule, wall: datetime, zone: ZoneInfo) -> None:
    start = to_utc(wall, zone).astimezone(zone).replace(tzinfo=None)  # a start exists
    compare(rule, start, zone, start + timedelta(days=SPAN[rule.frequency] * rule.interval))


@settings(max_examples=100 * AT_LENGTH, deadline=None)
@given(rules(), whole_minute(1990, 1996), st.sampled_from(ZONES))
@example(parse_rule("weekly", "byweekday:MO,FR;bysetpos:1"), datetime(1992, 1, 1, 9), NEW_YORK)
@example(parse_rule("daily", "byhour:1,2,3;byminute:0,30;bysetpos:-1,2"), datetime(1992, 10, 20, 9), NEW_YORK)
@example(parse_rule("hourly", "byminute:0,15,45;bysetpos:-1"), datetime(1992, 10, 20, 9), PARIS)
@example(parse_rule("yearly", "bymonth:2;bymonthday:29"), datetime(1992, 2, 29, 9), PARIS)
def test_is_what_dateutil_says_of_rules_that_are_rarely_met(
    rule: RecurrenceRule, wall: datetime, zone: ZoneInfo
) -> None:
    start = to_utc(wall, zone).astimezone(zone).replace(tzinfo=None)
    compare(rule, start, zone, datetime(1999, 6, 1))


# ---- clock changes, both ways


def test_nine_o_clock_stays_nine_o_clock() -> None:
    assert walls("FREQ=DAILY", "2024-03-30T09:00", PARIS, 3) == [
        "2024-03-30T09:00+0100",
        "2024-03-31T09:00+0200",
        "2024-04-01T09:00+0200",
    ]
    assert walls("FREQ=WEEKLY", "2024-10-31T09:00", NEW_YORK, 2) == ["2024-10-31T09:00-0400", "2024-11-07T09:00-0500"]


def test_a_time_that_is_skipped_moves_forward_that_day_only() -> None:
    assert walls("FREQ=DAILY", "2024-03-30T02:30", PARIS, 3) == [
        "2024-03-30T02:30+0100",
        "2024-03-31T03:30+0200",
        "2024-04-01T02:30+0200",
    ]
    assert walls("FREQ=DAILY", "2024-10-05T02:15", LORD_HOWE, 3) == [
        "2024-10-05T02:15+1030",
        "2024-10-06T02:45+1100",
        "2024-10-07T02:15+1100",
    ]


def test_a_time_that_happens_twice_is_taken_once_the_first_time() -> None:
    assert walls("FREQ=DAILY", "2024-11-02T01:30", NEW_YORK, 3) == [
        "2024-11-02T01:30-0400",
        "2024-11-03T01:30-0400",
        "2024-11-04T01:30-0500",
    ]
    assert walls("FREQ=HOURLY", "2024-11-03T00:30", NEW_YORK, 3) == [
        "2024-11-03T00:30-0400",
        "2024-11-03T01:30-0400",
        "2024-11-03T02:30-0500",
    ]
    assert walls("FREQ=DAILY", "2024-04-06T01:45", LORD_HOWE, 2)[1] == "2024-04-07T01:45+1100"


def test_times_that_meet_in_a_gap_are_one_occurrence_and_stay_in_order() -> None:
    assert walls("FREQ=HOURLY", "2024-03-31T01:00", PARIS, 3) == [
        "2024-03-31T01:00+0100",
        "2024-03-31T03:00+0200",  # 02:00 moved forward, and 03:00 itself
        "2024-03-31T04:00+0200",
    ]
    # 02:00 and 02:20 move to 02:30 and 02:50; 02:40 lies between them.
    assert walls("FREQ=MINUTELY;INTERVAL=20", "2024-10-06T01:40", LORD_HOWE, 6) == [
        "2024-10-06T01:40+1030",
        "2024-10-06T02:30+1100",
        "2024-10-06T02:40+1100",
        "2024-10-06T02:50+1100",
        "2024-10-06T03:00+1100",
        "2024-10-06T03:20+1100",
    ]


def test_a_whole_day_that_is_skipped() -> None:
    assert walls("FREQ=DAILY", "2011-12-28T09:00", APIA, 4) == [
        "2011-12-28T09:00-1000",
        "2011-12-29T09:00-1000",
        "2011-12-31T09:00+1400",  # the 30th moved forward, and the 31st itself
        "2012-01-01T09:00+1400",
    ]


# ---- the ends of a series


def test_count_includes_the_master() -> None:
    assert len(walls("FREQ=DAILY;COUNT=3", "2024-03-30T09:00", PARIS, 9)) == 3
    # A Monday, for a rule of Tuesdays: the master is the first of three.
    assert walls("FREQ=WEEKLY;BYDAY=TU;COUNT=3", "2024-01-01T09:00", PARIS, 9) == [
        "2024-01-01T09:00+0100",
        "2024-01-02T09:00+0100",
        "2024-01-09T09:00+0100",
    ]
    assert walls("FREQ=DAILY;COUNT=1", "2024-03-30T09:00", PARIS, 9) == ["2024-03-30T09:00+0100"]


def test_count_holds_without_being_told_how_many_there_were() -> None:
    rule, start = parse_rule("daily", "count:3"), local("2024-03-30T09:00", PARIS)
    third = local("2024-04-01T09:00", PARIS)
    assert next_after(rule, start, PARIS, third - timedelta(hours=1)) == Occurrence(third, 3)
    assert next_after(rule, start, PARIS, third) is None
    assert next_after(rule, start, PARIS, third + timedelta(days=400)) is None


@pytest.mark.parametrize(
    ("until", "occurrences"),
    [
        ("2024-04-01", 3),  # a date alone includes its day
        ("2024-04-01T09:00", 3),
        ("2024-04-01T08:59", 2),
        ("20240401T070000Z", 3),  # 09:00 in Paris
        ("20240401T065959Z", 2),
        ("2024-04-01T09:00+02:00", 3),
        ("2024-03-01", 1),
    ],
)
def test_until_includes_its_own_moment(until: str, occurrences: int) -> None:
    assert len(walls(f"FREQ=DAILY;UNTIL={until}", "2024-03-30T09:00", PARIS, 9)) == occurrences


def test_the_end_of_the_recurring_period_holds_beside_the_rule() -> None:
    rule, start = parse_rule("daily", ""), local("2024-03-30T09:00", PARIS)
    second = local("2024-03-31T09:00", PARIS)
    assert next_after(rule, start, PARIS, start, until=second) == Occurrence(second, 2)
    assert next_after(rule, start, PARIS, start, until=second - timedelta(seconds=1)) is None
    both = parse_rule("daily", "until:2024-03-30")
    assert next_after(both, start, PARIS, start, until=second) is None


def test_before_the_master_comes_the_master() -> None:
    start = local("2024-03-30T09:00", PARIS)
    assert next_after(parse_rule("daily", ""), start, PARIS, start - timedelta(days=9)) == Occurrence(start, 1)


@pytest.mark.parametrize("frequency", [f.name for f in Frequency])
def test_a_rule_that_is_never_met_is_given_up(frequency: str) -> None:
    start = local("2024-03-30T09:00", PARIS)
    began = stopwatch.perf_counter()
    assert next_after(parse_rule(frequency, "bymonth:2;bymonthday:30"), start, PARIS, start) is None
    assert stopwatch.perf_counter() - began < 2  # seconds; dateutil needs minutes for the finer ones


def test_intervals_that_never_meet_their_hours_are_given_up() -> None:
    start = local("2024-03-30T09:00", PARIS)
    assert next_after(parse_rule("hourly", "interval:24;byhour:10"), start, PARIS, start) is None
    assert next_after(parse_rule("minutely", "interval:60;byminute:7"), start, PARIS, start) is None


def test_the_rarest_date_is_found() -> None:
    start = local("2072-02-29T09:00", PARIS)  # a Monday; 2100 has no 29 February
    rule = parse_rule("yearly", "bymonth:2;bymonthday:29;byweekday:MO")
    assert next_after(rule, start, PARIS, start) == Occurrence(local("2112-02-29T09:00", PARIS), 2)


def test_plain_and_counted_weekdays_add_up() -> None:
    """RFC 5545; dateutil would ask for both at once and find nothing."""
    assert walls("FREQ=MONTHLY;BYDAY=FR,+1TU;BYMONTHDAY=1,2,3,4,5,6,7", "2024-01-01T09:00", PARIS, 3) == [
        "2024-01-01T09:00+0100",
        "2024-01-02T09:00+0100",
        "2024-01-05T09:00+0100",
    ]


def test_the_last_days_of_the_calendar_do_not_overflow() -> None:
    start = datetime(9999, 12, 30, 9, tzinfo=UTC)
    for frequency in Frequency:
        assert next_after(RecurrenceRule(frequency), start, ZoneInfo("UTC"), start) is None


@settings(max_examples=200)
@given(rules(), st.one_of(st.none(), st.integers(1, 10_000)))
def test_the_canonical_text_reads_back(rule: RecurrenceRule, count: int | None) -> None:
    rule = parse_rule("", f"{rule.rrule_text()};COUNT={count}" if count else rule.rrule_text())
    assert parse_rule(rule.frequency.name.lower(), f"rrule:{rule.rrule_text().lower()}") == rule


@settings(max_examples=60, deadline=None)  # counting from the start may take a while
@given(
    rule=st.sampled_from(
        ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=HOURLY;INTERVAL=5"]
    ),
    looks=st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), min_size=2, max_size=8),
    zone=st.sampled_from(["UTC", "Europe/Paris", "Australia/Lord_Howe"]),
    counted=st.booleans(),
)
def test_what_is_remembered_is_what_is_computed(rule: str, looks: list[datetime], zone: str, counted: bool) -> None:
    start, place = datetime(2026, 2, 1, 1, 30, tzinfo=UTC), ZoneInfo(zone)
    asked_often = Recurrence(parse_rule("", rule), start, place)
    before = None if counted else 1
    for look in looks:
        after = look.replace(tzinfo=UTC)
        once = Recurrence(parse_rule("", rule), start, place)
        assert asked_often.next(after, None, before) == once.next(after, None, before)


CHANGES = {  # a clock change forward and one back; of Apia the day that it skipped
    PARIS: ("2024-03-31T01:00", "2024-10-27T01:00"),
    NEW_YORK: ("2024-03-10T07:00", "2024-11-03T06:00"),
    LORD_HOWE: ("2024-10-05T15:30", "2024-04-06T15:00"),
    APIA: ("2011-12-30T10:00", "2010-09-26T11:00"),
}


@settings(max_examples=100 * AT_LENGTH, deadline=None)
@given(
    rule=st.one_of(rules().filter(dense), rules()),
    zone=st.sampled_from(sorted(CHANGES, key=str)),
    change=st.sampled_from([0, 1]),
    begin=st.integers(-4000, 60),
    back=st.sampled_from([0, 0, 1, 366, 3653]),
    looks=st.lists(st.integers(-3000, 3000), min_size=1, max_size=4),
    second=st.sampled_from([0, 0, 1, 59]),
)
def test_the_quick_way_is_the_thorough_one(
    rule: RecurrenceRule, zone: ZoneInfo, change: int, begin: int, back: int, looks: list[int], second: int
) -> None:
    """Around clock changes, and from each answer on. Numbers are minutes from the change, ``back`` days before that."""
    moment = datetime.fromisoformat(CHANGES[zone][change]).replace(tzinfo=UTC)
    start = moment + timedelta(minutes=begin, seconds=second) - timedelta(days=back)
    quick, thorough = Recurrence(rule, start, zone), Recurrence(rule, start, zone)
    thorough._next_day = None
    for look in looks:
        after = max(start, moment + timedelta(minutes=look))
        for _ in range(4):
            quick._known = thorough._known = (start, start)
            found = thorough.next(after, occurrences_before=1)
            assert quick.next(after, occurrences_before=1) == found
            if found is None:
                break
            after = found.start


def test_what_people_make_goes_the_quick_way() -> None:
    start = local("2016-03-01T09:00", PARIS)
    for text in (
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR;BYHOUR=9,16",
        "FREQ=MONTHLY",
        "FREQ=MONTHLY;BYMONTHDAY=1,15,-1",
        "FREQ=MONTHLY;BYDAY=+1MO,-1FR;INTERVAL=3",
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=5,11;BYDAY=-1SU",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;BYWEEKNO=1,20,53",
        "FREQ=YEARLY;BYYEARDAY=1,100,-1",
    ):
        series = Recurrence(parse_rule("", text), start, PARIS)
        found = series._quickly(local("2026-06-16T11:00", PARIS))
        assert found is not None, text
        assert series.next(local("2026-06-16T11:00", PARIS), occurrences_before=9) == Occurrence(found, 10)
