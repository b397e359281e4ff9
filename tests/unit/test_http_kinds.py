"""How single fields are read and shown."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.enums import EventStatus
from fs_app.errors import InvalidInput
from httpapi import kinds
from httpapi.routes import registry

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
ALL = [spec.kind for resource in registry().values() for spec in resource.reader.specs.values()]


@given(value=JSON, kind=st.sampled_from(ALL))
def test_a_kind_reads_a_value_or_says_why_not(value: Any, kind: kinds.Kind) -> None:
    if value is None:
        return  # null never reaches a kind: the schema answers it
    told = ""
    try:
        kind.parse(value)
    except (ValueError, InvalidInput) as exc:
        told = str(exc) or "nothing"
    assert told != "nothing"


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2199, 12, 30), timezones=st.just(UTC)))
def test_a_moment_that_was_shown_reads_back(moment: datetime) -> None:
    shown = kinds.show_moment(moment)
    assert shown.endswith("Z")
    assert kinds.parse_moment(shown) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-12-10 12:34:43", datetime(2013, 12, 10, 12, 34, 43)),
        ("2013-12-10T12:34", datetime(2013, 12, 10, 12, 34)),
        ("2013-12-10T12:34:43Z", datetime(2013, 12, 10, 12, 34, 43, tzinfo=UTC)),
        ("2013-12-10T12:34:43.5+01:00", datetime(2013, 12, 10, 11, 34, 43, 500_000, tzinfo=UTC)),
        ("2013-12-10 12:34:43-0530", datetime(2013, 12, 10, 18, 4, 43, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    read = kinds.parse_moment(text)
    assert read == moment
    assert (read.tzinfo is None) == (moment.tzinfo is None)


@pytest.mark.parametrize(
    "text", ["2013-W50-2", "20131210T123443", "2013-12-10", "2013-12-10T25:00", "now", "\u0662013-12-10 12:34"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="give a time such as"):
        kinds.parse_moment(text)


@given(st.integers(kinds.INT_MIN, kinds.INT_MAX))
def test_integers_read_as_numbers_and_as_strings(number: int) -> None:
    assert kinds.integer().parse(number) == kinds.integer().parse(str(number)) == number


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, "9" * 19, 1.5, "1.5", "", " ", "0x1", "1e3", True, [], {}])
def test_what_is_no_integer(value: Any) -> None:
    with pytest.raises(ValueError, match="give a whole number from"):
        kinds.integer().parse(value)


def test_choices_and_booleans_as_strings() -> None:
    assert kinds.choice(EventStatus).parse("3") == kinds.choice(EventStatus).parse(3) == 3
    assert [kinds.boolean().parse(v) for v in (True, "true", "True", 1, "1")] == [True] * 5
    assert [kinds.boolean().parse(v) for v in (False, "false", 0, "0")] == [False] * 4
    refused: tuple[Any, ...] = ("yes", 2, [], 1.0)
    for wrong in refused:
        with pytest.raises(ValueError, match="give true or false"):
            kinds.boolean().parse(wrong)


def test_times_of_day() -> None:
    assert kinds.wall_time().parse("08:30") == time(8, 30)
    show = kinds.wall_time().show
    assert show is not None
    assert show(time(8, 30)) == "08:30:00"


@given(st.text())
def test_a_relation_is_a_positive_id_or_a_refusal(text: str) -> None:
    try:
        found = kinds.relation("event").parse(text)
    except ValueError:
        return
    assert 0 < found < 2**31
