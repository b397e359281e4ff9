"""Many events in one request: all or nothing, or row by row with a report."""

from __future__ import annotations

import json

import pytest

from fs_app.store.models import Alarm, Event, Lane
from tests.rest_client import Answer, Api, new_calendar

HEAD = "title,start,alarm_phonenumber,advance_notice,data.name\n"


def send(api: Api, text: str, query: str = "?calendar=1", kind: str = "text/csv", **headers: str) -> Answer:
    return api.send("POST", f"event/bulk/{query}", text.encode(), {"Content-Type": kind, **headers})


@pytest.fixture
def api_with_calendar(api: Api) -> Api:
    new_calendar(api)
    return api


def test_csv(api_with_calendar: Api) -> None:
    api = api_with_calendar
    rung = api.rung
    answer = send(api, HEAD + 'Check-up,2026-03-10 09:00,+15550100,3600,"Ann, née B."\n,2026-03-11 09:00,,,\n\n')
    told = answer.json()
    assert (answer.status, told["created"], told["failed"], told["errors"]) == (201, 2, 0, [])
    assert api.rung > rung
    first, second = told["rows"]
    assert (first["row"], second) == (2, {"row": 3, "event": second["event"], "alarms": []})
    event = api.get(first["event"].partition("/rest-api/")[2])
    assert (event["title"], event["start"], event["data"]) == (
        "Check-up",
        "2026-03-10T08:00:00Z",
        {"name": "Ann, née B."},
    )
    assert event["creator"] == api.url("calendar-user", api.ids["practice"])
    alarm = api.get(first["alarms"][0].partition("/rest-api/")[2])
    assert (alarm["alarm_phonenumber"], alarm["due_at"]) == ("+15550100", "2026-03-10T07:00:00Z")


def test_as_spreadsheets_write_it(api_with_calendar: Api) -> None:
    text = "\ufefftitle;start;alarm_phonenumber\r\nVisite;2026-03-10 09:00;+33 1 23 45 67 89\r\n"
    assert send(api_with_calendar, text).json()["created"] == 1


def test_json_lines_with_several_alarms(api_with_calendar: Api) -> None:
    api = api_with_calendar
    one = {
        "title": "x",
        "start": "2026-03-10 09:00",
        "calendar": "/rest-api/calendar/1/",
        "data": {"name": "Ann"},
        "alarms": [{"alarm_phonenumber": "5550100"}, {"alarm_phonenumber": "5550101", "advance_notice": 60}],
    }
    flat = {"start": "2026-03-11 09:00", "calendar": 1, "alarm_phonenumber": "5550100"}
    told = send(api, f"{json.dumps(one)}\n\n{json.dumps(flat)}\n", "", "application/x-ndjson").json()
    assert [len(row["alarms"]) for row in told["rows"]] == [2, 1]
    assert [row["row"] for row in told["rows"]] == [1, 3]


def test_every_alarm_is_of_the_event_of_its_row(api_with_calendar: Api) -> None:
    api = api_with_calendar
    new_calendar(api)
    lines = []
    for n in range(40):
        alarms = [{"alarm_phonenumber": f"555{n:02}{m:02}"} for m in range(n % 4)]
        more = {"exdates": ["2026-03-11"], "rule": 1} if n % 3 == 0 else {}
        lines.append({"title": f"{n:02}", "start": "2026-03-10 09:00", "calendar": 1 + n % 2, "alarms": alarms, **more})
    for _ in range(2):  # the second time behind the first
        body = "".join(json.dumps(line) + "\n" for line in lines)
        told = send(api, body, "", "application/x-ndjson").json()
        assert (told["created"], told["failed"]) == (40, 0)
    with api.store.reading():
        rows = list(Alarm.select(Alarm, Event).join(Event))
        assert len(rows) == 2 * sum(n % 4 for n in range(40))
        for alarm in rows:
            assert alarm.alarm_phonenumber[3:5] == alarm.event.title
            assert (alarm.lane, alarm.tenant) == (alarm.event.calendar_id, api.ids["manager"])
            assert (alarm.event.next_child_at is not None) == (int(alarm.event.title) % 3 == 0)
        # Where the next calls are due is known, too.
        assert all(lane.due_at == min(a.due_at for a in rows if a.lane == lane.calendar_id) for lane in Lane.select())


BAD = HEAD + "a,2026-03-10 09:00,+15550100,0,\nb,tomorrow,+15550100,x,\nc,2026-03-10 09:00\nd,2026-03-10 09:00,abc,0,\n"


def test_one_wrong_row_undoes_all(api_with_calendar: Api) -> None:
    answer = send(api_with_calendar, BAD)
    told = answer.json()
    assert (answer.status, told["detail"]) == (400, "nothing was created: 3 of 4 rows are wrong")
    assert [(one["row"], list(one["errors"])) for one in told["errors"]] == [
        (3, ["start"]),
        (4, ["row"]),
        (5, ["alarm_phonenumber"]),
    ]
    assert Event.select().count() == 0


def test_row_by_row_the_right_ones_stay(api_with_calendar: Api) -> None:
    told = send(api_with_calendar, BAD, "?calendar=1&mode=rows").json()
    assert (told["created"], told["failed"]) == (1, 3)
    assert Event.select().count() == 1  # an event whose alarm is wrong is not made either
    assert Alarm.select().count() == 1


def test_row_by_row_without_a_right_one_is_refused(api_with_calendar: Api) -> None:
    answer = send(api_with_calendar, HEAD + "a,never,+15550100,0,\nb,,+15550100,0,\n", "?calendar=1&mode=rows")
    assert (answer.status, answer.json()["detail"]) == (400, "nothing was created: 2 of 2 rows are wrong")
    assert [one["row"] for one in answer.json()["errors"]] == [2, 3]
    assert Event.select().count() == 0


def test_somebody_elses_calendar_is_none(api_with_calendar: Api) -> None:
    api = api_with_calendar
    body = HEAD + "a,2026-03-10 09:00,+15550100,0,\n"
    answer = api.send("POST", "event/bulk/?calendar=1", body, {"Content-Type": "text/csv"}, user="rival")
    assert list(answer.json()["errors"][0]["errors"]) == ["calendar"]


def test_a_repeated_upload_makes_nothing_twice(api_with_calendar: Api) -> None:
    body = HEAD + "a,2026-03-10 09:00,+15550100,0,\n"
    answers = [send(api_with_calendar, body, **{"Idempotency-Key": "upload"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Event.select().count() == 1


def test_more_rows_than_one_transaction_takes(api_with_calendar: Api) -> None:
    """Some with exdates, some without, some wrong: each is numbered and told in its place."""
    api = api_with_calendar
    lines = [
        {"title": str(n), "start": "2026-03-10 09:00" if n % 7 else "never", "alarm_phonenumber": f"555{n:04}"}
        for n in range(500)
    ]
    for line in lines[::5]:
        line["rule"], line["exdates"] = "1", ["2026-03-11"]  # type: ignore[assignment]
    body = "".join(json.dumps(line) + "\n" for line in lines)
    told = send(api, body, "?calendar=1&mode=rows", "application/x-ndjson").json()
    assert (told["created"], told["failed"]) == (428, 72)
    assert [row["row"] for row in told["rows"]] == [n + 1 for n in range(500) if n % 7]
    for row in told["rows"][:8]:
        event = api.get(row["event"].partition("/rest-api/")[2])
        alarm = api.get(row["alarms"][0].partition("/rest-api/")[2])
        assert (event["title"], alarm["event"]) == (str(row["row"] - 1), row["event"])
        assert alarm["alarm_phonenumber"] == f"555{row['row'] - 1:04}"
        assert (event["exdates"] is None) == bool((row["row"] - 1) % 5)
        assert alarm["due_at"] == "2026-03-10T08:00:00Z"
    assert send(api, HEAD + "a,2026-03-10 09:00,+15550100,0,\n").json()["created"] == 1  # numbers go on from there


@pytest.mark.parametrize(
    ("text", "query", "kind", "status"),
    [
        ("", "", "text/csv", 400),
        (HEAD, "", "text/csv", 400),
        ("nonsense\n1\n", "", "text/csv", 400),
        ("title,title\n1,2\n", "", "text/csv", 400),
        ('title,start\n"a,b\n', "", "text/csv", 400),
        ("title\0\n", "", "text/csv", 400),
        ("{}", "", "application/json", 415),
        (HEAD + "a", "?mode=some", "text/csv", 400),
        ('title,start,data\na,2026-03-10 09:00,"' + "[" * 100_000 + '"\n', "?calendar=1", "text/csv", 400),
        (HEAD + "a", "?calendar=x", "text/csv", 400),
        ("[1]\nnull\n{", "", "application/x-ndjson", 400),
        ('{"a":' * 100_000, "", "application/x-ndjson", 400),
        ('{"alarms": 1}\n{"alarms": [1]}', "", "application/x-ndjson", 400),
        ("title\n" + "x\n" * 20_001, "", "text/csv", 413),
    ],
)
def test_what_is_no_upload(sqlite_api: Api, text: str, query: str, kind: str, status: int) -> None:
    assert send(sqlite_api, text, query, kind).status == status
