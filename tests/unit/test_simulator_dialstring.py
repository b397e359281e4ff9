"""The originate line as the switch reads it; each expectation was also seen on FreeSWITCH 1.10.12."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.simulator.dialstring import (
    DialError,
    Leg,
    UsageError,
    read_application,
    read_dialstring,
    read_originate,
    split,
)
from fs_app.simulator.expand import expand, is_true


def test_the_recorded_line() -> None:
    line = read_originate(
        "{origination_uuid=7d44,fs_app=true,origination_caller_id_name='Dr Müller%0A, \\'Oslo\\'',"
        "originate_timeout=8}loopback/11/callee &socket('127.0.0.1:8084 async full')"
    )
    plan = read_dialstring(line.dial)
    assert plan.variables == {
        "origination_uuid": "7d44",
        "fs_app": "true",
        "origination_caller_id_name": "Dr Müller%0A",  # one level of quotes is gone before the commas are looked at
        "originate_timeout": "8",
    }
    assert plan.groups == ((Leg("loopback", "11/callee"),),)
    assert read_application(line.extension) == ("socket", "127.0.0.1:8084 async full")


def test_a_space_in_the_number_takes_the_applications_place() -> None:
    line = read_originate("sofia/gateway/x/123 &hangup() &socket(ours)")
    assert read_application(line.extension) == ("hangup", "")
    assert line.dialplan == "&socket(ours)"


def test_a_comma_in_the_number_is_a_second_leg_and_a_bar_a_second_try() -> None:
    plan = read_dialstring("sofia/gateway/x/123,sofia/gateway/x/900|loopback/1/y")
    assert [[leg.address for leg in group] for group in plan.groups] == [["gateway/x/123", "gateway/x/900"], ["1/y"]]


def test_a_comma_in_a_name_is_a_variable_more() -> None:
    plan = read_dialstring("{origination_caller_id_name=Bob,api_on_answer=system}loopback/1")
    assert plan.variables["api_on_answer"] == "system"


def test_quotes_other_separators_and_legs_of_their_own() -> None:
    plan = read_dialstring("{^^:a=1,2:b='x y'}{c=3}sofia/gateway/x/1|[d=4,e='5,6']loopback/2,[^^:f=7,8:g=9]user/3")
    # The quotes in [] were used up when the alternatives were split: only another separator saves a comma there.
    assert plan.variables == {"a": "1,2", "b": "x y", "c": "3"}
    assert plan.groups[1] == (
        Leg("loopback", "2", {"d": "4", "e": "5"}),
        Leg("user", "3", {"f": "7,8", "g": "9"}),
    )


def test_the_last_of_two_values_counts_and_an_empty_one_does_not() -> None:
    assert read_dialstring("{a=1,b=2,a=3,c=}loopback/1").variables == {"b": "2", "a": "3"}


@pytest.mark.parametrize("text", ["{a=b", "", "   ", "{a=1}", "[a=1"])
def test_what_cannot_be_dialled(text: str) -> None:
    with pytest.raises(DialError):
        read_dialstring(text)


@pytest.mark.parametrize("text", ["", "loopback/1", "a b c d e f g h"])
def test_too_few_or_too_many_arguments(text: str) -> None:
    with pytest.raises(UsageError):
        read_originate(text)


def test_undef_and_the_timeout() -> None:
    line = read_originate("loopback/1 &park() undef undef Ann 123 7")
    assert (line.dialplan, line.caller_name, line.caller_number, line.timeout) == (None, "Ann", "123", 7)


def test_the_last_argument_takes_the_rest() -> None:
    assert split("1 2 Press one to confirm", " ", 3) == ["1", "2", "Press one to confirm"]
    assert split("x=y=z", "=", 2) == ["x", "y=z"]
    assert split("a\\, b, 'c , d' ,e", ",") == ["a, b", "c , d", "e"]


@given(st.text(alphabet="ab1 ", max_size=30), st.text(alphabet="ab1 ", max_size=30))
def test_what_holds_nothing_special_is_split_where_the_commas_are(left: str, right: str) -> None:
    assert split(f"x{left},y{right}", ",") == [f"x{left}".strip(), f"y{right}".strip()]


@given(st.text(alphabet="{}[]'\\,|^&:=$ ab/", max_size=60))
def test_no_line_breaks_the_reader(text: str) -> None:
    try:
        line = read_originate(text)
        read_dialstring(line.dial)
    except (UsageError, DialError):
        pass


def test_expansion_calls_what_is_named() -> None:
    asked: list[tuple[str, str]] = []

    def api(name: str, arguments: str) -> str:
        asked.append((name, arguments))
        return "42"

    values = {"a": "1", "nested": "${a}", "long": "abcdef"}
    assert expand("${a}-${nested}-${system(rm -rf ${a})}-${none}.", values.get, api) == "1-1-42-."
    assert asked == [("system", "rm -rf 1")]
    assert expand("${strftime %Y} ${long:2} ${long:-2} ${long:1:2}", values.get, api) == "42 cdef ef bc"
    assert expand("\\${a} $a $$", values.get, api) == "${a} $a $$"


def test_expansion_of_itself_ends() -> None:
    assert "${" in expand("${a}", {"a": "${a}"}.get, lambda n, a: "")


def test_what_the_switch_takes_for_yes() -> None:
    assert [is_true(text) for text in ("true", "1", "-2", "allow", "YES")] == [True] * 5
    assert [is_true(text) for text in ("0", "", None, "no", "sure")] == [False] * 5
