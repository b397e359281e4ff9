"""Days on which a calendar is closed, and what a series leaves out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rruleset, rrulestr
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.recurrence import next_after, parse_rule, recurrence
from fs_app.domain.rules import Exclusions, parse_exdates
from fs_app.domain.window import Closed, is_open, next_open, to_utc
from fs_app.errors import InvalidInput

PARIS = ZoneInfo("Europe/Paris")
APIA = ZoneInfo("Pacific/Apia")
WEEKEND = Closed(frozenset({5, 6}), frozenset({date(2026, 5, 1), date(2026, 12, 25)}))


def paris(text: str) -> datetime:
    return to_utc(datetime.fromisoformat(text), PARIS)


@pytest.mark.parametrize(
    ("moment", "opens", "closes", "expected"),
    [
        ("2026-04-30 10:00", "09:00", "17:00", "2026-04-30 10:00"),
        ("2026-04-30 18:00", "09:00", "17:00", "2026-05-04 09:00"),  # a holiday, then the weekend
        ("2026-05-01 10:00", "09:00", "17:00", "2026-05-04 09:00"),
        ("2026-12-24 23:00", "20:00", "06:00", "2026-12-24 23:00"),
        ("2026-12-25 01:00", "20:00", "06:00", "2026-12-28 00:00"),  # the night goes on, but on a closed day
        ("2026-12-27 23:00", "20:00", "06:00", "2026-12-28 00:00"),
    ],
)
def test_closed_days_are_passed_over(moment: str, opens: str, closes: str, expected: str) -> None:
    found = next_open(paris(moment), time.fromisoformat(opens), time.fromisoformat(closes), PARIS, WEEKEND)
    assert found == paris(expected)


def test_a_week_without_an_open_day_is_refused() -> None:
    with pytest.raises(InvalidInput, match="leave one open"):
        Closed(frozenset(range(7)))


@given(
    st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1)).map(lambda d: d.replace(tzinfo=UTC)),
    st.times().map(lambda t: t.replace(microsecond=0)),
    st.times().map(lambda t: t.replace(microsecond=0)),
    st.sampled_from([PARIS, APIA, ZoneInfo("America/New_York"), ZoneInfo("UTC")]),
    st.frozensets(st.integers(0, 6), max_size=6),
    st.frozensets(st.integers(-3, 12), max_size=10),
)
def test_the_next_opening_is_on_an_open_day(
    moment: datetime, opens: time, closes: time, zone: ZoneInfo, weekdays: frozenset[int], offsets: frozenset[int]
) -> None:
    day = moment.astimezone(zone).date()
    closed = Closed(weekdays, frozenset(day + timedelta(days=n) for n in offsets))
    found = next_open(moment, opens, closes, zone, closed)
    assert found >= moment
    assert not closed.on(found.astimezone(zone).date())
    assert not closed.on(day) or not is_open(moment, opens, closes, zone, closed)
    if closed.on(day) and closed.on(day + timedelta(days=1)):
        assert found.astimezone(zone).date() > day + timedelta(days=1)


# ---- EXDATE


def test_exdates_are_read_and_written_alike() -> None:
    texts = ["2026-12-24 09:00:00", "2026-12-25", "2026-12-26 08:00:00+00:00"]
    assert parse_exdates(["2026-12-25", "2026-12-24T09:00", "2026-12-26 09:00+01:00"]).texts() == texts
    for wrong in ("tomorrow", "2026-02-30", 5, None, ""):
        with pytest.raises(InvalidInput, match="no date or time"):
            parse_exdates([wrong])


def test_a_day_left_out_is_counted_and_not_held() -> None:
    """RFC 5545: COUNT counts what EXDATE takes out."""
    rule, start = parse_rule("DAILY", "count:4"), paris("2026-03-27 09:00")
    left_out = parse_exdates(["2026-03-28", "2026-03-29 09:00:00"])
    found = next_after(rule, start, PARIS, start, excluded=left_out)
    assert found is not None
    assert (found.start, found.number) == (paris("2026-03-30 09:00"), 4)
    assert next_after(rule, start, PARIS, found.start, excluded=left_out) is None


@given(
    st.sampled_from(["FREQ=DAILY;COUNT=40", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=MONTHLY;BYDAY=+1MO", "FREQ=DAILY"]),
    st.frozensets(st.integers(0, 60), max_size=20),
    st.sampled_from([PARIS, ZoneInfo("America/New_York"), ZoneInfo("UTC")]),
)
def test_exclusions_are_those_of_dateutil(text: str, out: frozenset[int], zone: ZoneInfo) -> None:
    begun = datetime(2026, 1, 5, 9, 0)
    theirs = rruleset()
    theirs.rrule(rrulestr(text, dtstart=begun))  # type: ignore[arg-type]
    exclusions = Exclusions(moments=frozenset(begun + timedelta(days=n) for n in out))
    for moment in exclusions.moments:
        theirs.exdate(moment)
    expected = [d for d in theirs.between(begun, begun + timedelta(days=90)) if d > begun][:20]
    rule, start = parse_rule("", text), to_utc(begun, zone)
    found, after = [], start
    while len(found) < len(expected):
        one = next_after(rule, start, zone, after, excluded=exclusions)
        assert one is not None
        found.append(one.start.astimezone(zone).replace(tzinfo=None))
        after = one.start
    assert found == expected


@pytest.mark.parametrize("text", ["FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;COUNT=3;UNTIL=20260112", "FREQ=DAILY;COUNT=1"])
def test_a_series_that_counts_ends_where_it_would(text: str) -> None:
    rule, start = parse_rule("", text), paris("2026-01-05 09:00")
    bare = recurrence("", text, start, PARIS)
    after = start - timedelta(seconds=1)
    while True:
        one, other = next_after(rule, start, PARIS, after), bare.next(after)
        assert (one is None) == (other is None)
        if one is None or other is None:
            return
        assert one.start == other.start
        after = one.start
