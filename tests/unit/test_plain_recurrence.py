"""Recurrence in plain words."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.recurrence import parse_rule
from fs_app.errors import InvalidInput
from httpapi.console.plain import EXAMPLES, parse

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("words", "frequency", "params"),
    [
        ("every day", "DAILY", ""),
        ("Daily", "DAILY", ""),
        ("every second Tuesday until June", "WEEKLY", "interval:2;byweekday:TU;until:2027-06-30"),
        ("every other week on Tue", "WEEKLY", "interval:2;byweekday:TU"),
        ("every Monday, Wednesday and Friday", "WEEKLY", "byweekday:MO,WE,FR"),
        ("every Tuesdays", "WEEKLY", "byweekday:TU"),
        ("every working day until 24 December", "WEEKLY", "byweekday:MO,TU,WE,TH,FR;until:2026-12-24"),
        ("every weekday", "WEEKLY", "byweekday:MO,TU,WE,TH,FR"),
        ("every 3 weeks on Friday, 10 times", "WEEKLY", "interval:3;byweekday:FR;count:10"),
        ("every month on the 15th", "MONTHLY", "bymonthday:15"),
        ("the 31st of every month", "MONTHLY", "bymonthday:31"),
        ("the last Friday of every month", "MONTHLY", "byweekday:FR(-1)"),
        ("on the first Monday of each month", "MONTHLY", "byweekday:MO(+1)"),
        ("the last day of every month", "MONTHLY", "bymonthday:-1"),
        ("every month on the second Tuesday until 2028-02-01", "MONTHLY", "byweekday:TU(+2);until:2028-02-01"),
        ("every 2 years", "YEARLY", "interval:2"),
        ("weekly for ten times", "WEEKLY", "count:10"),
        ("every day until November", "DAILY", "until:2026-11-30"),
        ("every day until 3rd of march", None, "no date"),
        ("every day until 31 February 2027", None, "no date"),
        ("every day until June, 3 times", None, ""),
        ("every blue moon", None, "every second Tuesday"),
        ("", None, "not understood"),
        ("every", None, "not understood"),
        ("the 32nd of every month", None, "1 to 31"),
        ("every second working day", None, "not understood"),
        ("every day 0 times", None, "how often"),
    ],
)
def test_words(words: str, frequency: str | None, params: str) -> None:
    if frequency is None:
        with pytest.raises(InvalidInput) as wrong:
            parse(words, TODAY)
        assert params in str(wrong.value)
    else:
        found = parse(words, TODAY)
        assert (found.frequency, found.params) == (frequency, params)
        parse_rule(found.frequency, found.params)


@pytest.mark.parametrize("words", EXAMPLES)
def test_every_example_is_understood(words: str) -> None:
    found = parse(words, TODAY)
    parse_rule(found.frequency, found.params)


@given(st.lists(st.sampled_from([*" ".join(EXAMPLES).split(), "of", "until", "31", "0", "times", "x"]), max_size=9))
def test_whatever_is_said_is_a_valid_rule_or_a_clear_error(words: list[str]) -> None:
    try:
        found = parse(" ".join(words), TODAY)
    except InvalidInput:
        return
    parse_rule(found.frequency, found.params)
