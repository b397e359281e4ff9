"""Collections as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from httpapi.export import cell
from tests.rest_client import Api, new_alarm, new_calendar, new_event


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        (" =1", "' =1"),
        ("\t=1", "'\t=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\u3000\uff20SUM(A1)", "'\u3000\uff20SUM(A1)"),
        ("\xa0=1", "'\xa0=1"),
        ("+15550100", "+15550100"),
        (-1.5, "-1.5"),
        (None, ""),
        (True, "true"),
        ({"a": "=1"}, '{"a": "=1"}'),
    ],
)
def test_no_cell_is_a_formula(value: Any, text: str) -> None:
    assert cell(value) == text


def test_a_file_of_what_the_filters_find(api: Api) -> None:
    event = new_event(api, new_calendar(api), title="=cmd|' /C calc'!A0")
    alarms = [new_alarm(api, event, advance_notice=n) for n in range(3)]
    answer = api.send("GET", "alarm/?format=csv&ordering=-id&num_attempt=0")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="alarm.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"), newline="")))
    assert [row["url"] for row in rows] == [one["url"] for one in reversed(alarms)]
    assert rows[0]["alarm_phonenumber"] == "+15550100001"
    text = api.send("GET", "event/?format=csv").body.decode()
    assert ",'=cmd" in text
    assert api.send("GET", "alarm/?format=csv", user="rival").body.decode().count("\r\n") == 1
    for path in ("alarm-request/", "callrequest/", "message/", "calendar-user/"):
        assert api.send("GET", f"{path}?format=csv").status == 200, path
    assert api.refused("GET", "alarm/?format=xls&page=2").keys() == {"format", "page"}
