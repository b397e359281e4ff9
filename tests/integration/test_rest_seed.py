"""The workflow that existing integrations were written against, by its own curl commands.

Host, credentials and ids are replaced; nothing else. Each command runs through curl itself where there is one, and
through http.client, and every field of each answer is looked at.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from fs_app.domain.enums import AlarmStatus, CallStatus
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, Event, SealedSurvey
from tests.rest_client import NOW, Api, basic, new_alarm, new_gateway, new_survey

NO_CURL = "there is no curl here: the seed's command lines run through http.client only"
CLIENTS = ["http.client", pytest.param("curl", marks=pytest.mark.skipif(shutil.which("curl") is None, reason=NO_CURL))]

SETTING = """curl -u username:password --dump-header - -H "Content-Type:application/json" -X POST --data '{"label": "cal_setting", "callerid": "123456", "caller_name": "xyz", "user": "http://127.0.0.1:8000/rest-api/user/2/", "survey": "http://127.0.0.1:8000/rest-api/sealed-survey/1/", "aleg_gateway": "http://127.0.0.1:8000/rest-api/gateway/1/", "sms_gateway": "http://127.0.0.1:8000/rest-api/sms-gateway/1/"}' http://localhost:8000/rest-api/calendar-setting/"""  # noqa: E501
CALENDAR_USER = """curl -u username:password --dump-header - -H "Content-Type:application/json" -X POST --data '{"username": "caluser3", "password": "caluser3", "email": "caluser3@gmail.com"}' http://localhost:8000/rest-api/calendar-user/"""  # noqa: E501
PROFILE = """curl -u username:password --dump-header - -H "Content-Type: application/json" -X PATCH --data '{"accountcode": "35365532", "calendar_setting": "3"}' http://localhost:8000/rest-api/calendar-user-profile/6/"""  # noqa: E501
CALENDAR = """curl -u username:password --dump-header - -H "Content-Type:application/json" -X POST --data '{"name": "mynewcalendar", "max_concurrent": "1", "user": "http://127.0.0.1:8000/rest-api/calendar-user/6/"}' http://localhost:8000/rest-api/calendar/"""  # noqa: E501
EVENT = """curl -u username:password --dump-header - -H "Content-Type:application/json" -X POST --data '{"title": "event_with_new_title", "start": "2013-12-10 12:34:43", "end": "2013-12-15 14:43:32", "creator": "http://127.0.0.1:8000/rest-api/calendar-user/6/", "end_recurring_period": "2013-12-27 12:23:34", "calendar": "http://127.0.0.1:8000/rest-api/calendar/4/", "status": "1"}' http://localhost:8000/rest-api/event/"""  # noqa: E501
CHILDREN = (
    """curl -u username:password -H 'Accept: application/json' http://localhost:8000/rest-api/event/5/get_list_child/"""
)
PAUSE = """curl -u username:password --dump-header - -H "Content-Type: application/json" -X PATCH --data '{"status": "3"}' http://127.0.0.1:8000/rest-api/event/5/update_last_child_status/"""  # noqa: E501
NESTED = """curl -u username:password --dump-header - -H 'Accept: application/json' http://localhost:8000/rest-api/alarm-request/5/get_nested_alarm_request/"""

Run = Callable[..., tuple[int, dict[str, str], Any]]


def parse_dump(dump: str) -> tuple[int, dict[str, str], Any]:
    """What ``curl --dump-header -`` prints: the header, an empty line, the body."""
    head, _, body = dump.partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), json.loads(body)


def fill(command: str, api: Api, credentials: str, ids: dict[str, int]) -> list[str]:
    """The command's words, with this server's address and these ids in the place of the seed's."""
    host = f"127.0.0.1:{api.server.port}"
    text = command.replace("username:password", credentials)
    text = re.sub(r"(localhost|127\.0\.0\.1):8000", host, text)
    for old, new in ids.items():
        assert old in text
        text = text.replace(old, old.replace(re.findall(r"\d+", old)[-1], str(new)))
    return shlex.split(text)[1:]


def through_http(api: Api, words: list[str]) -> tuple[int, dict[str, str], Any]:
    method, body, headers = "GET", None, {}
    url = words[-1]
    for option, value in pairwise(words):
        if option == "-X":
            method = value
        elif option == "--data":
            body = value
        elif option == "-H":
            name, _, setting = value.partition(":")
            headers[name] = setting.strip()
        elif option == "-u":
            headers["Authorization"] = basic(*value.split(":"))
    answer = api.send(method, "/" + url.split("/", 3)[3], body, headers, user=None)
    return answer.status, dict(answer.headers.items()), answer.json()


@pytest.fixture(params=CLIENTS)
def run(request: pytest.FixtureRequest, api: Api) -> Run:
    def call(command: str, ids: dict[str, int], who: str = "manager:manager") -> tuple[int, dict[str, str], Any]:
        words = fill(command, api, who, ids)
        if request.param == "http.client":
            return through_http(api, words)
        # One of the seed's commands lacks --dump-header; what is printed must be told apart from it all the same.
        dump = [] if "--dump-header" in words else ["--dump-header", "-"]
        return parse_dump(api.curl([*dump, *words]))

    return call


def number(url: str) -> int:
    return int(url.rstrip("/").rpartition("/")[2])


def test_the_whole_workflow(api: Api, run: Run) -> None:
    survey = new_survey(api)
    gateway = new_gateway(api)
    sms = api.post("sms-gateway/", {"name": "sms"}, "root")

    # 1. calendar setting
    before = api.rung
    status, headers, setting = run(
        SETTING,
        {
            "rest-api/user/2/": api.ids["manager"],
            "sealed-survey/1/": number(survey["url"]),
            "/gateway/1/": number(gateway["url"]),
            "sms-gateway/1/": number(sms["url"]),
        },
    )
    assert status == 201
    assert headers["Location"] == setting["url"] == api.url("calendar-setting", number(setting["url"]))
    assert headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert api.rung > before
    assert setting == {
        "user": "manager",
        "sms_gateway": sms["url"],
        "url": setting["url"],
        "label": "cal_setting",
        "callerid": "123456",
        "caller_name": "xyz",
        "call_timeout": 60,
        "survey": survey["url"],
        "aleg_gateway": gateway["url"],
        "voicemail": False,
        "amd_behavior": 1,
        "voicemail_audiofile": None,
        "amd_parameters": None,
        "require_keypress": False,
        "retry_delays": None,
        "country": "",
        "created_date": "2026-03-02T10:00:00Z",
        "updated_date": "2026-03-02T10:00:00Z",
    }

    # 2. calendar user: the password goes in and never comes out, not even as a hash
    status, headers, user = run(CALENDAR_USER, {})
    assert status == 201
    assert headers["Location"] == user["url"]
    assert user == {
        "url": user["url"],
        "username": "caluser3",
        "last_name": "",
        "first_name": "",
        "email": "caluser3@gmail.com",
        "groups": [],
        "is_active": True,  # which the seed does not have
    }
    calendar_user = number(user["url"])

    # 3. its profile
    api.clock.advance(60)
    status, headers, profile = run(
        PROFILE, {"calendar-user-profile/6/": calendar_user, '"calendar_setting": "3"': number(setting["url"])}
    )
    assert status == 200
    assert headers["Allow"] == "GET, PUT, PATCH, HEAD, OPTIONS"
    assert profile == {
        "manager": "manager",
        "id": profile["id"],
        "user": calendar_user,
        "address": None,
        "city": None,
        "state": None,
        "country": "",
        "zip_code": None,
        "phone_no": None,
        "fax": None,
        "company_name": None,
        "company_website": None,
        "language": None,
        "note": None,
        "accountcode": 35365532,
        "created_date": "2026-03-02T10:00:00Z",
        "updated_date": "2026-03-02T10:01:00Z",
        "calendar_setting": number(setting["url"]),
    }

    # 4. calendar
    status, headers, calendar = run(CALENDAR, {"calendar-user/6/": calendar_user})
    assert status == 201
    assert headers["Location"] == calendar["url"]
    assert calendar == {
        "url": calendar["url"],
        "name": "mynewcalendar",
        "user": user["url"],
        "max_concurrent": 1,
        "timezone": "",
        "closed_weekdays": None,
        "closed_dates": None,
        "created_date": "2026-03-02T10:01:00Z",
    }

    # 5. event: naive times are wall-clock time in the calendar's zone, here Paris in winter
    status, headers, event = run(EVENT, {"calendar-user/6/": calendar_user, "/calendar/4/": number(calendar["url"])})
    assert status == 201
    assert headers["Location"] == event["url"]
    assert event == {
        "url": event["url"],
        "title": "event_with_new_title",
        "description": None,
        "start": "2013-12-10T11:34:43Z",
        "end": "2013-12-15T13:43:32Z",
        "creator": user["url"],
        "created_on": "2026-03-02T10:01:00Z",
        "end_recurring_period": "2013-12-27T11:23:34Z",
        "exdates": None,
        "rule": None,
        "calendar": calendar["url"],
        "notify_count": 0,
        "status": 1,
        "data": None,
        "parent_event": None,
        "occ_count": 0,
    }
    event_id = number(event["url"])

    # 6. children: none, one, several
    ids = {"event/5/": event_id}
    status, headers, told = run(CHILDREN, ids)
    assert (status, list(told)) == (200, ["note"])
    assert headers["Allow"] == "GET, HEAD, OPTIONS"
    assert run(PAUSE, ids)[0] == 404
    first = add_child(api, event_id, 1)
    assert run(CHILDREN, ids)[2] == {
        "url": api.url("event", first),
        "start": "2013-12-11 11:34:43+00:00",
        "end": "2013-12-11 12:34:43+00:00",
        "description": "",
        "title": "EventTitle",
    }
    last = add_child(api, event_id, 2)
    assert [child["url"] for child in run(CHILDREN, ids)[2]] == [api.url("event", first), api.url("event", last)]

    # 7. pausing the last of them takes its reminders back; the others stay
    alarm = new_alarm(api, {"url": api.url("event", last)})
    assert alarm["due_at"] == "2013-12-12T11:34:43Z"
    status, headers, told = run(PAUSE, ids)
    assert (status, told) == (200, {"status": "event status has been updated"})
    assert headers["Allow"] == "PATCH, OPTIONS"
    assert api.get(f"event/{last}/")["status"] == 3
    assert api.get(f"event/{first}/")["status"] == 1
    assert api.get(f"alarm/{number(alarm['url'])}/")["due_at"] is None

    # 8. the nested log
    own = number(new_alarm(api, event)["url"])
    attempt, call = add_attempt(api, own, 1, status=4, duration=0)
    second, second_call = add_attempt(api, own, 2, status=5, duration=13)
    status, headers, nested = run(NESTED, {"alarm-request/5/": event_id})
    assert status == 200
    assert headers["Allow"] == "GET, HEAD, OPTIONS"
    assert nested == {
        "event-url": event["url"],
        f"event-{event_id}": {
            f"alarm-{own}": {
                "url": api.url("alarm", own),
                f"alarm-request-{attempt}": {
                    "status": "4",
                    "url": api.url("alarm-request", attempt),
                    "alarm-callrequest": api.url("callrequest", call),
                    "duration": "0",
                    "date": "2026-03-02 10:00:01.368534+00:00",
                    "callstatus": "0",
                },
                f"alarm-request-{second}": {
                    "status": "5",
                    "url": api.url("alarm-request", second),
                    "alarm-callrequest": api.url("callrequest", second_call),
                    "duration": "13",
                    "date": "2026-03-02 10:00:02.368534+00:00",
                    "callstatus": "0",
                },
            }
        },
        f"event-{first}": {},
        f"event-{last}": {f"alarm-{number(alarm['url'])}": {"url": alarm["url"]}},
    }


def add_child(api: Api, parent: int, count: int) -> int:
    """An occurrence, as the scheduler makes it."""
    with api.store.transaction():
        master = Event.get_by_id(parent)
        start = master.start + timedelta(days=count)
        child = Event.create(
            title="EventTitle",
            start=start,
            end=start + timedelta(hours=1),
            creator=master.__data__["creator"],
            calendar=master.__data__["calendar"],
            parent_event=parent,
            occ_count=count,
            created_on=NOW,
        )
    return int(child.id)


def add_attempt(api: Api, alarm: int, attempt: int, status: int, duration: int) -> tuple[int, int]:
    """An attempt on record, as the scheduler writes it."""
    date = NOW + timedelta(seconds=attempt, microseconds=368534)
    with api.store.transaction():
        survey = new_survey_id()
        call = CallRequest.create(
            request_uuid=f"uuid-{alarm}-{attempt}",
            call_time=date,
            status=CallStatus.SUCCESS.value,
            phone_number="15550100001",
            survey=survey,
            user=api.ids["practice"],
            created_date=date,
        )
        row = AlarmRequest.create(
            alarm=alarm,
            attempt=attempt,
            callrequest=call.id,
            date=date,
            status=AlarmStatus(status).value,
            duration=duration,
            created_date=date,
        )
        Alarm.update(num_attempt=attempt).where(Alarm.id == alarm).execute()
    return int(row.id), int(call.id)


def new_survey_id() -> int:
    return int(SealedSurvey.select().first().id)
