"""Numbers of a country in international form, and the ways in which one number may be stored."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app import numbers
from fs_app.domain.phone import is_number
from fs_app.errors import InvalidInput
from fs_app.numbers import check_country, international, spellings


def test_the_examples_of_the_module() -> None:
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [
        ("030 123456", "DE", "+4930123456"),
        ("0049 30 123456", "FR", "+4930123456"),
        ("+49 30 123456", "US", "+4930123456"),
        ("(202) 555-0100", "US", "+12025550100"),
        ("1 202 555 0100", "US", "+12025550100"),
        ("011 44 20 7946 0000", "US", "+442079460000"),
        ("1001", "US", "1001"),  # an extension
        ("0612345678", "", "0612345678"),
    ],
)
def test_international(number: str, country: str, expected: str) -> None:
    assert international(number, country) == expected


@given(st.text(max_size=25), st.sampled_from(["", "FR", "US", "IT"]))
def test_nothing_passes_but_numbers(text: str, country: str) -> None:
    try:
        found = international(text, country)
    except InvalidInput:
        return
    assert is_number(found)


def test_a_number_is_found_on_a_list_however_it_was_written() -> None:
    for stored in ("0612345678", "+33612345678", "0033612345678", "33612345678"):
        assert stored in spellings("+33612345678", "FR")
        assert stored in spellings("0612345678", "FR")


def test_a_country_is_two_letters() -> None:
    assert check_country(" fr") == "FR"
    with pytest.raises(InvalidInput, match="ISO 3166"):
        check_country("XX")
