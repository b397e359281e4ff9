"""How resources behave together: relations, pages, due times, sealing, recordings, conflicts."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import wave
from datetime import datetime, timedelta
from typing import Any

import pytest

from fs_app.domain.enums import AlarmStatus
from fs_app.domain.survey import Survey
from fs_app.store.models import Alarm, AlarmRequest, ApiToken, CallRequest, Event, SealedSurvey, SurveyAnswer
from tests.rest_client import NOW, Api, new_alarm, new_calendar, new_event, new_gateway, new_survey


def path_of(row: dict[str, Any]) -> str:
    return str(row["url"]).partition("/rest-api/")[2]


def id_of(row: dict[str, Any]) -> int:
    return int(str(row["url"]).rstrip("/").rpartition("/")[2])


def test_a_relation_may_be_written_in_every_form(sqlite_api: Api) -> None:
    api = sqlite_api
    user = api.ids["practice"]
    for form in (
        user,
        str(user),
        f"http://elsewhere.example:99/rest-api/calendar-user/{user}/",
        f"https://127.0.0.1/rest-api/calendar-user/{user}",
        f"/rest-api/calendar-user/{user}/",
    ):
        shown = api.post("calendar/", {"name": "c", "user": form})
        assert shown["user"] == api.url("calendar-user", user), form
    answer = api.send("GET", path_of(shown), headers={"Host": "pbx.example:8443", "X-Forwarded-Proto": "https"})
    assert answer.json()["user"] == f"https://pbx.example:8443/rest-api/calendar-user/{user}/"


def test_pages_filters_and_order(api: Api) -> None:
    calendar = new_calendar(api)
    for day in range(1, 8):
        new_event(api, calendar, title=f"day {day}", start=f"2026-04-0{day} 09:00:00", status=1 + day % 3)
    first = api.get("event/?page_size=3&ordering=-start&title=")
    assert (first["count"], first["results"]) == (0, [])
    first = api.get("event/?page_size=3&ordering=-start")
    assert first["count"] == 7
    assert first["previous"] is None
    assert [one["title"] for one in first["results"]] == ["day 7", "day 6", "day 5"]
    second = api.get(first["next"].partition("/rest-api/")[2])
    third = api.get(second["next"].partition("/rest-api/")[2])
    assert [one["title"] for one in third["results"]] == ["day 1"]
    assert third["next"] is None
    assert api.get(third["previous"].partition("/rest-api/")[2]) == second
    assert api.get("event/?status=1")["count"] == 2
    assert api.get("event/?start__gte=2026-04-03T07:00:00Z&start__lt=2026-04-05T09:00:00+02:00")["count"] == 2
    assert api.get("event/?start__gt=2026-04-06%2009:00:00")["count"] == 1  # naive: the configured zone
    assert api.get(f"event/?calendar={calendar['url']}&rule=null")["count"] == 7
    assert api.get("event/?calendar=999")["count"] == 0
    assert api.refused("GET", "event/?page=2", status=404)
    for query, name in (
        ("colour=red", "colour"),
        ("page=0", "page"),
        ("page_size=1001", "page_size"),
        ("ordering=password", "ordering"),
        ("status__like=1", "status__like"),
        ("title__gte=a", "title__gte"),
        ("start__gte=soon", "start__gte"),
        ("data=1", "data"),
        ("status=1%00", "status"),
    ):
        assert list(api.refused("GET", "event/?" + query)) == [name]
    assert api.send("GET", "event/?status=1&status=2").status == 400
    assert api.send("GET", "event/1/?x=1").status == 400


def test_what_is_shown_may_be_put_back(api: Api) -> None:
    gateway, survey = new_gateway(api), new_survey(api)
    setting = api.post("calendar-setting/", {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]})
    event = new_event(api, new_calendar(api), data={"name": "Zoë", "room": 3, "vip": True})
    assert event["data"] == {"name": "Zoë", "room": 3, "vip": True}
    alarm = new_alarm(api, event)
    for row in (setting, event, alarm, gateway, api.get("calendar/1/")):
        who = "root" if row is gateway else "manager"
        answer = api.send("PUT", path_of(row), json.dumps(row), user=who)
        assert answer.status == 200, answer
        assert answer.json() == row
    told = api.refused("PATCH", path_of(alarm), {"status": 1, "num_attempt": 5})
    assert told == {"num_attempt": ["is read-only: leave it out"]}
    # PUT resets what it leaves out, PATCH does not.
    api.patch(path_of(setting), {"call_timeout": "45"})
    whole = {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]}
    assert api.patch(path_of(setting), {"label": "t"})["call_timeout"] == 45
    assert json.loads(api.send("PUT", path_of(setting), json.dumps(whole)).body)["call_timeout"] == 60


def test_times_follow_the_calendars_zone(api: Api) -> None:
    calendar = new_calendar(api, timezone="America/New_York")
    event = new_event(api, calendar, start="2026-03-08 02:30:00")  # skipped by the change to summer time
    assert event["start"] == "2026-03-08T07:30:00Z"
    assert event["end"] == "2026-03-08T08:30:00Z"
    event = new_event(api, calendar, start="2026-07-01T12:00:00+02:00")
    assert event["start"] == "2026-07-01T10:00:00Z"
    alarm = new_alarm(api, event, date_start_notice="2026-07-01 08:00", daily_start="09:00:00", advance_notice="3600")
    assert alarm["date_start_notice"] == "2026-07-01T12:00:00Z"
    assert alarm["due_at"] == "2026-07-01T13:00:00Z"


def test_due_times_follow_every_change(api: Api) -> None:
    calendar = new_calendar(api, timezone="UTC")
    event = new_event(api, calendar, start="2026-03-10 09:00:00")
    alarm = new_alarm(api, event, advance_notice=3600)

    def due() -> Any:
        return api.get(path_of(alarm))["due_at"]

    def rings(change: Any) -> None:
        before = api.rung
        change()
        assert api.rung > before

    assert due() == "2026-03-10T08:00:00Z"
    rings(lambda: api.patch(path_of(event), {"start": "2026-03-11 09:00", "end": "2026-03-11 10:00"}))
    assert due() == "2026-03-11T08:00:00Z"
    rings(lambda: api.patch(path_of(event), {"status": "3"}))
    assert due() is None
    rings(lambda: api.patch(path_of(event), {"status": "1"}))
    assert due() == "2026-03-11T08:00:00Z"
    rings(lambda: api.patch(path_of(alarm), {"advance_notice": 0, "daily_start": "10:00", "daily_stop": "18:00"}))
    assert due() == "2026-03-11T10:00:00Z"
    rings(lambda: api.patch(path_of(calendar), {"timezone": "Europe/Paris"}))
    assert due() == "2026-03-11T09:00:00Z"
    # One that is being called is nobody's but the scheduler's.
    with api.store.transaction():
        Alarm.update(status=AlarmStatus.IN_PROCESS.value, due_at=None).execute()
    api.patch(path_of(event), {"start": "2026-03-12 09:00", "end": "2026-03-12 10:00"})
    assert due() is None
    for row in (alarm, event, calendar, api.get(f"calendar-user/{api.ids['practice']}/")):
        assert "in process" in json.dumps(api.refused("DELETE", path_of(row), status=409)) or row is alarm
    with api.store.transaction():
        Alarm.update(status=AlarmStatus.SUCCESS.value).execute()
    assert api.send("DELETE", path_of(event)).status == 204
    assert api.send("GET", path_of(alarm)).status == 404


def test_a_retry_is_not_hastened_by_a_change(sqlite_api: Api) -> None:
    api = sqlite_api
    survey = new_survey(api)
    event = new_event(api, new_calendar(api, timezone="UTC"), start="2026-03-02 11:00:00")
    alarm = new_alarm(api, event, advance_notice=7200, retry_delay=1800, maxretry=3)
    with api.store.transaction():
        call = CallRequest.create(
            request_uuid="u",
            call_time=NOW,
            phone_number="1",
            survey=id_of(survey),
            user=api.ids["practice"],
            created_date=NOW,
        )
        AlarmRequest.create(alarm=id_of(alarm), attempt=1, callrequest=call, date=NOW, created_date=NOW)
        later = NOW + timedelta(seconds=1800)
        Alarm.update(status=AlarmStatus.RETRY.value, num_attempt=1, due_at=later).execute()
    api.patch(path_of(event), {"status": 3})
    api.patch(path_of(event), {"status": 1})
    assert api.get(path_of(alarm))["due_at"] == "2026-03-02T10:30:00Z"


def test_recurring_events_are_looked_at_by_the_scheduler(sqlite_api: Api) -> None:
    api = sqlite_api
    event = new_event(api, new_calendar(api), rule="/rest-api/rule/1/")

    def look() -> datetime | None:
        with api.store.reading():
            found: datetime | None = Event.get_by_id(id_of(event)).next_child_at
        return found

    assert look() == NOW
    api.clock.advance(10)
    api.patch("rule/1/", {"params": "count:5"}, "root")
    assert look() == NOW + timedelta(seconds=10)
    api.patch(path_of(event), {"rule": None})
    assert look() is None
    with api.store.transaction():
        child = Event.create(
            start=NOW, end=NOW, creator=api.ids["practice"], calendar=1, parent_event=id_of(event), created_on=NOW
        )
    assert list(api.refused("PATCH", f"event/{child.id}/", {"rule": 1})) == ["rule"]
    assert api.patch(path_of(event), {"rule": ""})["rule"] is None  # as the predecessor took it
    assert api.refused("PATCH", path_of(event), {"calendar": ""}) == {
        "calendar": ["refers to no calendar: give its id or its URL, …/rest-api/calendar/<id>/"]
    }
    assert api.get(path_of(event) + "children/")["count"] == 1
    assert api.get(f"event/?parent_event={id_of(event)}")["count"] == 1


def test_an_event_belongs_to_its_calendars_user(sqlite_api: Api) -> None:
    api = sqlite_api
    fresh = api.post("calendar-user/", {"username": "second", "password": "second"})
    calendar = new_calendar(api)
    body = {"start": "2026-03-10 09:00:00", "creator": fresh["url"], "calendar": calendar["url"]}
    assert list(api.refused("POST", "event/", body)) == ["calendar"]
    new_event(api, calendar)
    assert list(api.refused("PATCH", path_of(calendar), {"user": fresh["url"]})) == ["user"]


def test_sealing_copies_and_refuses(api: Api) -> None:
    sealed = new_survey(api)
    template = sealed["template"]
    assert template is not None
    assert [section["question"] for section in sealed["sections"]] == ["Will you come?", ""]
    assert {branch["keys"] for branch in sealed["sections"][0]["branches"]} == {"any", "timeout", "invalid"}
    with api.store.reading():
        survey = Survey.from_json(SealedSurvey.get_by_id(id_of(sealed)).content)
    assert survey.content_hash() == sealed["content_hash"]
    # What happens to the template afterwards leaves the copy alone.
    sections = api.get("section-template/")["results"]
    api.patch(path_of(sections[0]), {"script": "Other words.", "key_1": "Yes"})
    assert api.get(path_of(sealed)) == sealed
    assert api.get(path_of(sections[0]))["key_1"] == "Yes"
    assert api.send("DELETE", template.partition("/rest-api/")[2]).status == 204
    assert api.get(path_of(sealed)) == {**sealed, "template": None}
    for method in ("PUT", "PATCH", "DELETE"):
        assert api.send(method, path_of(sealed), "{}").status == 405
    # Nothing to play: refused, with what was found.
    empty = api.post("survey-template/", {"name": "empty"})
    told = api.refused("POST", path_of(empty) + "seal/")
    assert told["findings"][0]["severity"] == "error"
    assert told["findings"][0]["message"]


def test_branches_stay_within_their_survey(sqlite_api: Api) -> None:
    api = sqlite_api
    one, two = (api.post("survey-template/", {"name": name}) for name in "ab")
    here = api.post("section-template/", {"survey": one["url"], "type": 1, "script": "x"})
    there = api.post("section-template/", {"survey": two["url"], "type": 1, "script": "x"})
    branch = {"section": here["url"], "keys": "0"}
    assert list(api.refused("POST", "branching-template/", {**branch, "goto": there["url"]})) == ["goto"]
    api.post("branching-template/", branch)
    assert list(api.refused("POST", "branching-template/", branch)) == ["keys"]
    assert list(api.refused("POST", "branching-template/", {**branch, "keys": "maybe"})) == ["keys"]
    assert list(api.refused("PATCH", path_of(here), {"survey": two["url"]})) == ["survey"]


def tone(rate: int = 8000, frames: int = 80) -> bytes:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"\1\2" * frames)
    return sound.getvalue()


def test_recordings_are_uploaded_checked_and_sealed(api: Api) -> None:
    content = tone(frames=100_000)
    first = api.post("audio-files/", {"name": "hello", "audio_file": base64.b64encode(content).decode()})
    assert first["size"] == len(content)
    boundary = "x1y2z3"
    form = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="audio_file"; filename="greeting.wav"\r\n'
        f"Content-Type: audio/wav\r\n\r\n"
    ).encode() + content + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = api.send("POST", "audio-files/", form, kind)
    assert answer.status == 201, answer
    second = answer.json()
    assert (second["name"], second["sha256"]) == ("greeting.wav", first["sha256"])
    assert api.send("GET", path_of(second) + "content/").body == content
    assert api.send("GET", path_of(second) + "content/", user="rival").status == 404
    assert list(api.refused("PATCH", path_of(second), {"audio_file": base64.b64encode(content).decode()})) == [
        "audio_file"
    ]
    assert api.patch(path_of(second), {"name": "renamed"})["name"] == "renamed"

    template = api.post("survey-template/", {"name": "s"})
    api.post("section-template/", {"survey": template["url"], "type": 1, "audiofile": second["url"], "completed": True})
    sealed = api.send("POST", path_of(template) + "seal/").json()
    assert sealed["sections"][0]["audio"] == first["sha256"]
    in_use = api.refused("DELETE", path_of(second), status=409)
    assert in_use["used_by"] == [api.get("section-template/")["results"][0]["url"]]
    assert api.send("DELETE", path_of(first)).status == 204

    for broken in (form[:200], b"", form.replace(boundary.encode(), b"other")):
        assert api.send("POST", "audio-files/", broken, kind).status == 400
    assert api.send("POST", "audio-files/", form, {"Content-Type": "multipart/form-data"}).status == 400


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not audio"),
        (b"<html>", "not audio"),
        (b"ID3\x04mp3", "cannot be read as mp3"),
        (b"RIFF\x00\x00\x00\x00WAVE", "cannot be read"),
        (tone()[:20], "cannot be read"),
        (tone(frames=0), "no sound"),
    ],
)
def test_what_is_no_recording(sqlite_api: Api, content: bytes, words: str) -> None:
    told = sqlite_api.refused("POST", "audio-files/", {"name": "x", "audio_file": base64.b64encode(content).decode()})
    assert words in told["audio_file"][0]


def test_what_is_in_use_stays(api: Api) -> None:
    gateway, survey = new_gateway(api), new_survey(api)
    setting = api.post("calendar-setting/", {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]})
    assert api.refused("DELETE", path_of(gateway), user="root", status=409)["used_by"] == [setting["url"]]
    assert list(api.refused("POST", "gateway/", {"name": "provider", "gateways": "sofia/gateway/x/"}, user="root")) == [
        "name"
    ]
    assert api.send("DELETE", path_of(setting)).status == 204
    assert api.send("DELETE", path_of(gateway), user="root").status == 204


def test_a_calls_answers_are_read_with_their_questions(api: Api) -> None:
    survey = new_survey(api)
    event = new_event(api, new_calendar(api))
    alarm = new_alarm(api, event)
    with api.store.transaction():
        call = CallRequest.create(
            request_uuid="u-1",
            call_time=NOW,
            phone_number="15550100001",
            survey=id_of(survey),
            user=api.ids["practice"],
            outcome="answered",
            amd_status="person",
            amd_reason="500 ms of speech after 300 ms, then 520 ms of silence",
            amd_ms=1320,
            hangup_cause="NORMAL_CLEARING",
            completed=True,
            result=1,
            last_section=survey["sections"][1]["id"],
            created_date=NOW,
        )
        attempt = AlarmRequest.create(alarm=id_of(alarm), attempt=1, callrequest=call, date=NOW, created_date=NOW)
        SurveyAnswer.create(
            callrequest=call,
            position=1,
            survey=id_of(survey),
            section_id=survey["sections"][0]["id"],
            digits="1",
            response="1",
            result=1,
            created_date=NOW,
        )
    shown = api.get(f"callrequest/{call.id}/")
    assert shown["alarm_request"] == api.url("alarm-request", attempt.id)
    assert (shown["disposition"], shown["amd_status"], shown["completed"]) == ("answered", "person", True)
    assert (shown["amd_reason"][:16], shown["amd_ms"], shown["message_left"]) == ("500 ms of speech", 1320, False)
    assert shown["hangup_cause"] == "NORMAL_CLEARING"
    assert shown["answers"] == [
        {
            "section": survey["sections"][0]["id"],
            "question": "Will you come?",
            "digits": "1",
            "valid": True,
            "response": "1",
            "result": 1,
            "recording": None,
            "date": "2026-03-02T10:00:00Z",
        }
    ]
    assert api.get("callrequest/?result=1", user="practice")["results"] == [shown]
    assert api.get("callrequest/", user="rival")["count"] == 0
    assert api.get(f"alarm-request/?alarm={id_of(alarm)}")["results"][0] == {
        "url": api.url("alarm-request", attempt.id),
        "alarm": alarm["url"],
        "date": "2026-03-02T10:00:00Z",
        "status": 2,
        "callstatus": 0,
        "duration": 0,
        "callrequest": shown["url"],
        "amd_status": "person",
        "message": None,
        "reason": "",
        "created_date": "2026-03-02T10:00:00Z",
    }
    listed = api.get(path_of(event) + "get_list_alarm/")
    assert listed == [
        {
            "url": alarm["url"],
            "title": "Check-up",
            "phonenumber": "+15550100001",
            "method": 1,
            "status": 1,
            "result": 0,
            "daily_start": "00:00:00",
            "daily_stop": "23:59:59",
            "advance_notice": 0,
            "maxretry": 0,
            "retry_delay": 0,
            "num_attempt": 0,
            "created_date": "2026-03-02T10:00:00Z",
        }
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"greetings": 3000}, "there is no 'greetings'; there are initial_silence"),
        ({"greeting": "long"}, "greeting is a whole number of milliseconds from 1000 to 20000"),
        ({"greeting": 500}, "from 1000 to 20000"),
        ({"greeting": True}, "from 1000 to 20000"),
        ({"word": 900, "phrase": 800}, "phrase (800) is longer than word (900)"),
        ({"variable": "amd result"}, "the name of a channel variable"),
        ({"variable": 7}, "the name of a channel variable"),
        ({"avmd": "yes"}, "avmd is true or false"),
        ({"silence_is_machine": 1}, "silence_is_machine is true or false"),
        ([3000], "is an array: give an object"),
    ],
)
def test_parameters_of_detection_are_checked(sqlite_api: Api, given: object, words: str) -> None:
    gateway, survey = new_gateway(sqlite_api), new_survey(sqlite_api)
    body = {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]}
    told = sqlite_api.refused("POST", "calendar-setting/", {**body, "amd_parameters": given})
    assert words in told["amd_parameters"][0]
    kept = sqlite_api.post(
        "calendar-setting/", {**body, "amd_parameters": {"greeting": 3000, "variable": "amd_result", "avmd": False}}
    )
    assert kept["amd_parameters"] == {"greeting": 3000, "variable": "amd_result", "avmd": False}
    assert sqlite_api.patch(path_of(kept), {"amd_parameters": None})["amd_parameters"] is None


def test_the_index_the_document_and_health(sqlite_api: Api) -> None:
    api = sqlite_api
    links = api.get("")
    assert links["event"] == api.base + "event/"
    assert "gateway" not in api.get("", user="practice")
    for url in links.values():
        assert api.get(url.partition("/rest-api/")[2])["next"] is None
    document = api.get("openapi.json")
    assert document["openapi"] == "3.1.0"
    assert document["components"]["schemas"]["calendar-new"]["required"] == ["name", "user"]
    for path in links:
        assert f"/rest-api/{path}/" in document["paths"]
    assert api.send("GET", "/healthz", user=None).json() == {"status": "ok", "database": "ok"}
    api.parts["switch"] = "not connected"
    answer = api.send("GET", "/healthz", user=None)
    assert answer.status == 503
    assert answer.json()["switch"] == "not connected"


def test_many_at_once_are_kept_apart(api: Api) -> None:
    """Of two creates that race for one name, one wins; every request keeps its own user."""
    makers = [{"username": f"user{n % 5}", "password": "secret"} for n in range(20)]
    answers = api.all_at_once(
        lambda body: api.send_here("POST", "calendar-user/", json.dumps(body), user="manager").status, makers
    )
    assert sorted(answers) == [201] * 5 + sorted(s for s in answers if s != 201)
    assert set(answers) <= {201, 400, 409}
    who = ["manager", "rival", "practice", "other"] * 5
    seen = api.all_at_once(
        lambda name: json.loads(api.send_here("GET", "calendar-user/", user=name).body)["count"], who
    )
    assert seen == [6, 1, 1, 1] * 5


def test_bearer_tokens(sqlite_api: Api) -> None:
    api = sqlite_api
    with api.store.transaction():
        for token, scope, expires in (("w", "write", None), ("r", "read", None), ("old", "write", NOW)):
            digest = hashlib.sha256(token.encode()).hexdigest()
            ApiToken.create(user=api.ids["manager"], digest=digest, scope=scope, created_date=NOW, expires_date=expires)

    def send(token: str, method: str = "GET", body: str | None = None) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return api.send(method, "calendar/", body, headers, user=None).status

    body = json.dumps({"name": "c", "user": api.ids["practice"]})
    assert [send(token) for token in ("w", "r", "old", "none")] == [200, 200, 401, 401]
    assert [send(token, "POST", body) for token in ("w", "r")] == [201, 403]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gateways", "sofia/gateway/provider"),
        ("gateways", "user/"),
        ("gateways", "sofia/external/"),
        ("gateways", "loopback/{number}/x &park()"),
        ("gateway_codecs", "PCMU,FOO"),
    ],
)
def test_a_gateway_that_no_originate_could_use_is_refused_at_once(sqlite_api: Api, field: str, value: str) -> None:
    good = {"name": "x", "gateways": "sofia/gateway/x/"}
    assert list(sqlite_api.refused("POST", "gateway/", {**good, field: value}, user="root")) == [field]
