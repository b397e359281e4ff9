"""Rules are read by a whitelist; what is refused says what would be right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs_app.domain.recurrence import RecurrenceRule, parse_rule
from fs_app.errors import InvalidInput


@pytest.mark.parametrize(
    ("frequency", "params", "text"),
    [
        ("DAILY", "", "FREQ=DAILY"),
        ("Weekly", "byweekday:MO,TU,WE,TH,FR;count:10", "FREQ=WEEKLY;COUNT=10;BYDAY=MO,TU,WE,TH,FR"),
        ("monthly", "count:10;byweekday:TU,WE;bysetpos:-1", "FREQ=MONTHLY;COUNT=10;BYDAY=TU,WE;BYSETPOS=-1"),
        ("MONTHLY", "byweekday:MO(+1)", "FREQ=MONTHLY;BYDAY=+1MO"),
        ("MONTHLY", "byweekday:MO(-1),+1TU,fr(2)", "FREQ=MONTHLY;BYDAY=-1MO,+1TU,+2FR"),
        ("WEEKLY", "byweekday:0,6", "FREQ=WEEKLY;BYDAY=MO,SU"),
        ("", "RRULE:FREQ=WEEKLY;BYDAY=TU,TH", "FREQ=WEEKLY;BYDAY=TU,TH"),
        ("weekly", "FREQ=WEEKLY;BYDAY=TU,TH;WKST=SU", "FREQ=WEEKLY;BYDAY=TU,TH;WKST=SU"),
        ("yearly", "FREQ=YEARLY;UNTIL=20301231", "FREQ=YEARLY;UNTIL=20301231T235959"),
        (
            "daily",
            " interval : 2 ; until : 2030-12-31 12:00:00+01:00 ; ",
            "FREQ=DAILY;INTERVAL=2;UNTIL=20301231T110000Z",
        ),
        ("minutely", "interval:5;byhour:9,8,9", "FREQ=MINUTELY;INTERVAL=5;BYHOUR=8,9"),
        ("yearly", "byyearday:-1;byweekno:1", "FREQ=YEARLY;BYYEARDAY=-1;BYWEEKNO=1"),
    ],
)
def test_reads(frequency: str, params: str, text: str) -> None:
    assert parse_rule(frequency, params).rrule_text() == text


@pytest.mark.parametrize(
    ("frequency", "params", "field", "words"),
    [
        ("", "", "frequency", "must be one of YEARLY, MONTHLY"),
        ("SECONDLY", "", "frequency", "must be one of"),
        ("__class__", "", "frequency", "must be one of"),
        ("DAILY", "FREQ=WEEKLY", "frequency", "make them agree"),
        ("DAILY", "count", "params", "word:value"),
        ("DAILY", "freq:DAILY", "params", "not known"),
        ("DAILY", "bysecond:1", "params", "not known"),
        ("DAILY", "dtstart:2020-01-01", "params", "not known"),
        ("DAILY", "FREQ=DAILY\nDTSTART=20200101", "frequency", "make them agree"),
        ("DAILY", "FREQ=DAILY;count:3", "params", "not known"),
        ("DAILY", "count:3;count:4", "params", "twice"),
        ("MONTHLY", "FREQ=MONTHLY;BYDAY=MO;BYWEEKDAY=TU", "params", "twice"),
        ("DAILY", "count:", "params", "no value"),
        ("DAILY", "count:0", "params", "from 1 to 10000"),
        ("DAILY", "count:10001", "params", "from 1 to 10000"),
        ("DAILY", "count:-3", "params", "from 1 to 10000"),
        ("DAILY", "count:__import__('os')", "params", "must be a number"),
        ("DAILY", "count:1_0", "params", "must be a number"),
        ("DAILY", "count:١", "params", "must be a number"),
        ("DAILY", "interval:0", "params", "from 1 to 1000"),
        ("YEARLY", "interval:41", "params", "from 1 to 40"),
        ("DAILY", "bymonth:13", "params", "from 1 to 12"),
        ("DAILY", "bymonth:-1", "params", "from 1 to 12"),
        ("MONTHLY", "bymonthday:0", "params", "or -31 to -1 from the end"),
        ("MONTHLY", "bymonthday:1,,2", "params", "must be a number"),
        ("DAILY", "byhour:24", "params", "from 0 to 23"),
        ("WEEKLY", "byweekday:MO(+1)", "params", "only when MONTHLY or YEARLY"),
        ("MONTHLY", "byweekday:XX", "params", "must be MO, TU"),
        ("MONTHLY", "byweekday:+1MO(+1)", "params", "must be MO, TU"),
        ("MONTHLY", "byweekday:MO(0)", "params", "from 1 to 53"),
        ("DAILY", "wkst:1MO", "params", "plain weekday"),
        ("DAILY", "until:tomorrow", "params", "must be a date or time"),
        ("DAILY", "until:0001-01-01T00:00:00+10:00", "params", "must be a date or time"),
        ("YEARLY", "byyearday:" + ",".join(map(str, range(1, 102))), "params", "at most 100"),
        ("DAILY", " " * 2001, "params", "at most 2000"),
    ],
)
def test_refuses(frequency: str, params: str, field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_rule(frequency, params, prefix="rule.")
    assert caught.value.field == f"rule.{field}"
    assert words in caught.value.message


@settings(max_examples=300)
@given(st.text(max_size=60), st.text(alphabet="MOTUbyweekdaycount:;=,()+-0123456789 \n", max_size=60))
def test_nothing_else_comes_out_of_any_text(frequency: str, params: str) -> None:
    for name in (frequency, "MONTHLY"):
        try:
            assert isinstance(parse_rule(name, params), RecurrenceRule)
        except InvalidInput:
            pass
