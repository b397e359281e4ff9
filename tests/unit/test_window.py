"""When an alarm may be called, over clock changes and windows that span midnight."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fs_app.domain.window import first_due, is_open, load_zone, next_open, to_utc
from fs_app.errors import InvalidInput

PARIS = ZoneInfo("Europe/Paris")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")
ZONES = st.sampled_from([PARIS, NEW_YORK, LORD_HOWE, APIA, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")])
MOMENTS = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
TIMES = st.times().map(lambda t: t.replace(microsecond=0))
SECOND, QUARTER = timedelta(seconds=1), timedelta(minutes=15)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "zone", "moment"),
    [
        ("2024-01-10T09:00", PARIS, "2024-01-10T08:00"),
        ("2024-07-10T09:00", PARIS, "2024-07-10T07:00"),
        ("2024-03-31T02:30", PARIS, "2024-03-31T01:30"),  # skipped: 03:30
        ("2024-10-27T02:30", PARIS, "2024-10-27T00:30"),  # twice: the first
        ("2024-03-10T02:30", NEW_YORK, "2024-03-10T07:30"),
        ("2024-11-03T01:30", NEW_YORK, "2024-11-03T05:30"),
        ("2024-10-06T02:15", LORD_HOWE, "2024-10-05T15:45"),  # skipped by half an hour: 02:45
        ("2024-04-07T01:45", LORD_HOWE, "2024-04-06T14:45"),
        ("2011-12-30T09:00", APIA, "2011-12-30T19:00"),  # the day that was not: the 31st, 09:00
    ],
)
def test_to_utc(wall: str, zone: ZoneInfo, moment: str) -> None:
    assert to_utc(datetime.fromisoformat(wall), zone) == utc(moment)


def test_to_utc_does_not_care_which_pass_the_caller_had_in_mind() -> None:
    assert to_utc(datetime(2024, 10, 27, 2, 30, fold=1), PARIS) == utc("2024-10-27T00:30")


def test_load_zone() -> None:
    assert load_zone("Europe/Paris").key == "Europe/Paris"


@pytest.mark.parametrize("name", ["", "Paris", "Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "a\0b"])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_zone(name, "tz")
    assert caught.value.field == "tz"


@pytest.mark.parametrize(
    ("wall", "opens", "closes", "expected"),
    [
        ("08:59:59", "09:00:00", "17:00:00", False),
        ("09:00:00", "09:00:00", "17:00:00", True),
        ("17:00:00", "09:00:00", "17:00:00", True),  # the last second is inside
        ("17:00:01", "09:00:00", "17:00:00", False),
        ("23:59:59", "00:00:00", "23:59:59", True),
        ("22:00:00", "22:00:00", "06:00:00", True),  # spans midnight
        ("00:00:00", "22:00:00", "06:00:00", True),
        ("06:00:00", "22:00:00", "06:00:00", True),
        ("06:00:01", "22:00:00", "06:00:00", False),
        ("21:59:59", "22:00:00", "06:00:00", False),
        ("12:00:00", "12:00:00", "12:00:00", True),  # one second a day
        ("12:00:01", "12:00:00", "12:00:00", False),
    ],
)
def test_the_edges_of_the_window(wall: str, opens: str, closes: str, expected: bool) -> None:
    moment = to_utc(datetime.fromisoformat(f"2024-01-10T{wall}"), PARIS)
    found = is_open(moment, time.fromisoformat(opens), time.fromisoformat(closes), PARIS)
    assert found is expected


def test_a_fraction_of_the_last_second_is_inside() -> None:
    assert is_open(utc("2024-01-10T23:59:59.999999"), time(0), time(23, 59, 59), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("moment", "zone", "opens", "closes", "expected"),
    [
        ("2024-01-10T03:00", PARIS, "09:00", "17:00", "2024-01-10T08:00"),
        ("2024-01-10T18:00", PARIS, "09:00", "17:00", "2024-01-11T08:00"),
        ("2024-01-10T12:00", PARIS, "22:00", "06:00", "2024-01-10T21:00"),
        ("2024-03-30T20:00", PARIS, "09:00", "17:00", "2024-03-31T07:00"),  # the clocks change in that night
        ("2024-10-26T20:00", PARIS, "09:00", "17:00", "2024-10-27T08:00"),
        ("2024-03-30T20:00", PARIS, "02:30", "17:00", "2024-03-31T01:30"),  # opens at a time that is skipped
        ("2024-10-27T01:10", PARIS, "02:30", "17:00", "2024-10-27T01:30"),  # 02:10 for the second time
        ("2024-10-27T00:10", PARIS, "02:30", "17:00", "2024-10-27T00:30"),  # 02:10 for the first time
    ],
)
def test_next_open(moment: str, zone: ZoneInfo, opens: str, closes: str, expected: str) -> None:
    found = next_open(utc(moment), time.fromisoformat(opens), time.fromisoformat(closes), zone)
    assert found == utc(expected)


def test_first_due_is_the_notice_before_the_event_moved_into_the_window() -> None:
    start = to_utc(datetime(2024, 1, 10, 9), PARIS)
    day = 24 * 3600
    assert first_due(start, day, time(0), time(23, 59, 59), PARIS) == start - timedelta(days=1)
    assert first_due(start, 3600, time(9), time(17), PARIS) == start
    assert first_due(start, 12 * 3600, time(9), time(17), PARIS) == start  # 21:00 the day before is closed


@given(MOMENTS, TIMES, TIMES, ZONES)
@example(utc("2011-12-29T20:00"), time(9), time(17), APIA)
@example(utc("2024-10-27T01:10"), time(2, 30), time(17), PARIS)
def test_the_next_opening_is_open_and_none_comes_sooner(
    moment: datetime, opens: time, closes: time, zone: ZoneInfo
) -> None:
    found = next_open(moment, opens, closes, zone)
    assert found.tzinfo is UTC
    assert found >= moment
    if is_open(moment, opens, closes, zone):
        assert found == moment
        return
    if found.astimezone(zone).utcoffset() != moment.astimezone(zone).utcoffset():
        return  # over a clock change the examples above say what holds
    assert is_open(found, opens, closes, zone)
    quarters = range(int((found - moment) / QUARTER) + 1)
    probes = [*(moment + n * QUARTER for n in quarters), max(moment, found - SECOND)]
    assert not any(is_open(probe, opens, closes, zone) for probe in probes if probe < found)


@given(MOMENTS, ZONES)
def test_an_existing_wall_time_comes_back(moment: datetime, zone: ZoneInfo) -> None:
    wall = moment.astimezone(zone).replace(tzinfo=None)
    again = to_utc(wall, zone).astimezone(zone)
    assert again.replace(tzinfo=None, fold=0) == wall.replace(fold=0)
