"""What nobody should send: each answer is a clear refusal, and never a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from httpapi.routes import registry
from tests.rest_client import Api, new_alarm, new_calendar, new_event, new_gateway, new_survey

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(alphabet="\0\n'\"%{}/\ud800é1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
WRITABLE = {
    path: [name for name, spec in resource.reader.specs.items() if not spec.read_only]
    for path, resource in registry().items()
    if "POST" in resource.collection
}
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(data=st.data())
@FEW
def test_no_value_in_any_field_breaks_it(data: st.DataObject, sqlite_api: Api) -> None:
    path = data.draw(st.sampled_from(sorted(WRITABLE)))
    body = data.draw(st.dictionaries(st.sampled_from(WRITABLE[path]), JSON))
    answer = sqlite_api.send("POST", path + "/", json.dumps(body), user="root")
    assert answer.status in (201, 400), (path, body, answer)
    if answer.status == 400:
        told = answer.json()
        assert told
        assert all(isinstance(words, str | list) for words in told.values())


@pytest.fixture
def rows(api: Api) -> dict[str, str]:
    """A row of each interesting resource on either database, by its address."""
    gateway, survey, calendar = new_gateway(api), new_survey(api), new_calendar(api)
    event = new_event(api, calendar)
    alarm = new_alarm(api, event)
    setting = api.post("calendar-setting/", {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]})
    found = {"gateway": gateway, "calendar": calendar, "event": event, "alarm": alarm, "calendar-setting": setting}
    return {path: row["url"].partition("/rest-api/")[2] for path, row in found.items()}


@given(data=st.data())
@FEW
def test_no_change_of_a_row_breaks_it(data: st.DataObject, api: Api, rows: dict[str, str]) -> None:
    path = data.draw(st.sampled_from(sorted(rows)))
    body = data.draw(st.dictionaries(st.sampled_from(WRITABLE[path]), JSON, max_size=3))
    answer = api.send("PATCH", rows[path], json.dumps(body), user="root")
    assert answer.status in (200, 400), (path, body, answer)
    assert api.send("GET", rows[path], user="root").status == 200


@given(body=st.binary(max_size=200))
@settings(FEW, max_examples=50)
def test_no_bytes_break_it(body: bytes, sqlite_api: Api) -> None:
    assert sqlite_api.send("POST", "calendar/", body).status == 400


@given(name=st.text(min_size=1, max_size=20), value=st.text(max_size=20))
@settings(FEW, max_examples=80)
def test_no_query_breaks_it(name: str, value: str, sqlite_api: Api) -> None:
    for text in (f"{quote(name, errors='replace')}={quote(value, errors='replace')}", f"status={quote(value)}"):
        assert sqlite_api.send("GET", f"event/?{text}").status in (200, 400)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not valid JSON"),
        (b"[1]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b'{"name": NaN}', "NaN is not a JSON number"),
        (b'{"name": 1e999}', "1e999 is too large a number"),
        (b'{"data": {"a": [-1e999]}}', "-1e999 is too large a number"),
        (b'{"name": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"name": "a", "name": "b"}', "given twice"),
        (b'{"name": "\xff"}', "not UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"name": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
)
def test_bodies_that_are_no_object(sqlite_api: Api, body: bytes, words: str) -> None:
    answer = sqlite_api.send("POST", "calendar/", body)
    assert answer.status == 400
    assert words in answer.json()["detail"]


def test_an_infinity_that_was_let_in_long_ago_breaks_no_list(sqlite_api: Api) -> None:
    event = new_event(sqlite_api, new_calendar(sqlite_api), data={"a": 1})
    with sqlite_api.store.transaction():
        sqlite_api.store.db.execute_sql("""UPDATE event SET data = '{"a": Infinity}'""")
    assert sqlite_api.get("event/")["results"] == [{**event, "data": {"a": None}}]
    assert sqlite_api.patch("event/1/", {"data": {"a": 2}})["data"] == {"a": 2}


def test_every_bad_field_is_told_at_once(sqlite_api: Api) -> None:
    told = sqlite_api.refused(
        "POST",
        "calendar/",
        {"max_concurrent": 2**40, "timezone": "Mars/Olympus", "user": 9999, "colour": "red", "url": "x"},
    )
    assert told == {
        "name": ["is required"],
        "max_concurrent": ["out of range: give a whole number from 0 to 100000"],
        "timezone": ["'Mars/Olympus' is not an IANA time zone: use one such as Europe/Paris or UTC"],
        "user": ["no calendar-user 9999: it does not exist, or it is not yours"],
        "colour": [
            "no such field: this resource takes name, user, max_concurrent, timezone, closed_weekdays, closed_dates"
        ],
        "url": ["is read-only: leave it out"],
    }


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("title", "a\0b", "control character"),
        ("title", "x" * 251, "at most 250"),
        ("title", "\ud800", "surrogate"),
        ("title", True, "give a string"),
        ("start", "2026-02-30 10:00:00", "no such date"),
        ("start", "tomorrow", "not a time"),
        ("start", "9999-12-31T23:59:59Z", "out of range"),
        ("start", 1767225600, "give a time such as"),
        ("status", "7", "give one of 1 (pending), 2 (completed), 3 (paused)"),
        ("status", True, "give one of"),
        ("notify_count", 2**31, "out of range"),
        ("notify_count", 1.5, "give a whole number"),
        ("notify_count", "\u0663", "give a whole number"),
        ("data", [1], "give an object"),
        ("data", {"a": [1]}, "not a string, a number or a boolean"),
        ("data", {"a": "x" * 501}, "at most 500"),
        ("data", {str(n): 1 for n in range(65)}, "at most 64"),
        ("calendar", None, "may not be null"),
        ("calendar", "http://[", "refers to no calendar"),
        ("calendar", "/rest-api/event/1/", "refers to no calendar"),
        ("calendar", 2**31, "no such id"),
        ("end", "2026-03-09 09:00:00", "before the start"),
    ],
)
def test_each_wrong_value_says_what_would_be_right(sqlite_api: Api, field: str, value: Any, words: str) -> None:
    calendar = new_calendar(sqlite_api)
    body = {"start": "2026-03-10 09:00:00", "creator": sqlite_api.ids["practice"], "calendar": calendar["url"]}
    told = sqlite_api.refused("POST", "event/", {**body, field: value})
    assert list(told) == [field]
    assert words in told[field][0]


@pytest.mark.parametrize(
    ("path", "fields", "field"),
    [
        ("alarm/", {"alarm_phonenumber": "1000 &park"}, "alarm_phonenumber"),
        ("alarm/", {"alarm_phonenumber": "100@evil.example"}, "alarm_phonenumber"),
        ("alarm/", {"alarm_phonenumber": ""}, "alarm_phonenumber"),
        ("alarm/", {"alarm_phonenumber": "5550100", "method": 2}, "sms_template"),
        ("alarm/", {"alarm_phonenumber": "5550100", "method": "3", "alarm_email": "a@example.org"}, "mail_template"),
        ("alarm/", {"alarm_phonenumber": "5550100", "url_confirm": "http://127.0.0.1/x"}, "url_confirm"),
        ("alarm/", {"alarm_phonenumber": "5550100", "url_cancel": "http://[::ffff:10.0.0.1]/x"}, "url_cancel"),
        ("alarm/", {"alarm_phonenumber": "5550100", "url_confirm": "http://0x7f000001/x"}, "url_confirm"),
        ("alarm/", {"alarm_phonenumber": "5550100", "alarm_email": "a@b\nBcc: c@d"}, "alarm_email"),
        ("sms-template/", {"label": "x", "sms_text": "Hello {name"}, "sms_text"),
        ("mail-template/", {"label": "x", "subject": "{when:dat}"}, "subject"),
        (
            "mail-template/",
            {"label": "x", "subject": "s", "message_html": "p {color: red}"},
            "message_html",
        ),
        ("alarm/", {"alarm_phonenumber": "5550100", "url_confirm": "javascript:alert(1)"}, "url_confirm"),
        ("alarm/", {"alarm_phonenumber": "5550100", "daily_start": "24:00"}, "daily_start"),
        ("alarm/", {"alarm_phonenumber": "5550100", "status": 1}, "status"),
        ("rule/", {"name": "x", "frequency": "SECONDLY"}, "frequency"),
        ("rule/", {"name": "x", "frequency": "DAILY", "params": "__import__('os')"}, "params"),
        ("calendar-user/", {"username": "a:b", "password": "secret"}, "username"),
        ("calendar-user/", {"username": "practice", "password": "secret"}, "username"),
        ("calendar-user/", {"username": "new", "password": "abc"}, "password"),
    ],
)
def test_rules_of_the_trade(sqlite_api: Api, path: str, fields: dict[str, Any], field: str) -> None:
    api = sqlite_api
    if path == "alarm/":
        fields = {"event": new_event(api, new_calendar(api))["url"], **fields}
    assert list(api.refused("POST", path, fields)) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gateways", "sofia/gateway/a/|sofia/gateway/b/"),
        ("gateways", "{api_on_answer=system}loopback/"),
        ("gateways", "sofia/gateway/a b/"),
        ("addparameter", "api_on_answer=system"),
        ("addparameter", "execute_on_answer=system"),
        ("addparameter", "a=${system(id)}"),
        ("addprefix", "00,11"),
    ],
)
def test_a_gateway_cannot_smuggle_a_command(sqlite_api: Api, field: str, value: str) -> None:
    body = {"name": "x", "gateways": "sofia/gateway/provider/", field: value}
    assert list(sqlite_api.refused("POST", "gateway/", body, user="root")) == [field]


def test_caller_ids_are_names_and_numbers(sqlite_api: Api) -> None:
    api = sqlite_api
    body = {"label": "s", "survey": new_survey(api)["url"], "aleg_gateway": new_gateway(api)["url"]}
    told = api.refused("POST", "calendar-setting/", {**body, "callerid": "12,3", "caller_name": "x\r\ny, z"})
    assert sorted(told) == ["caller_name", "callerid"]


def test_headers_of_every_kind_of_answer(sqlite_api: Api) -> None:
    api = sqlite_api
    answer = api.send("GET", "event/", user=None)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="fs-app"')
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    for bad in ("Basic", "Basic !!!", "Basic " + "eA==", "Bearer nobody", "Digest x"):
        assert api.send("GET", "event/", headers={"Authorization": bad}, user=None).status == 401, bad
    answer = api.send("PATCH", "event/", "{}")
    assert answer.status == 405
    assert "GET, POST" in answer.json()["detail"]
    assert api.send("BREW", "event/").status == 405
    answer = api.send("GET", "event")
    assert answer.status == 308
    assert answer.headers["Location"] == "/rest-api/event/"
    answer = api.send("GET", "event/1?x=%0d%0ay")
    assert (answer.status, answer.headers["Location"]) == (308, "/rest-api/event/1/?x=%0d%0ay")
    assert api.send("POST", "calendar/", "name=x", {"Content-Type": "application/x-www-form-urlencoded"}).status == 415
    assert api.send("POST", "calendar/", "{}", {"Content-Type": "application/json; charset=latin-1"}).status == 415
    assert api.send("POST", "calendar/", json.dumps({"name": "x" * 1_100_000})).status == 413
    assert api.send("GET", "event/", headers={"Host": 'evil"><script>'}).status == 400
    for path in ("nothing/", "event/0/", "event/x/", "event/99999999999/", "event/-1/", "event/1/no/", "event/%D9%A3/"):
        answer = api.send("GET", path)
        assert answer.status == 404, path
        assert "detail" in answer.json()
    head = api.send("HEAD", "rule/")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(api.send("GET", "rule/").body)
    options = api.send("OPTIONS", "rule/")
    assert options.status == 200
    assert options.json()["fields"]["name"]["maxLength"] == 100


def test_guessing_is_slowed_down(sqlite_api: Api) -> None:
    api = sqlite_api
    assert api.send("GET", "event/").status == 200
    for _ in range(10):
        assert api.send("GET", "event/", password="wrong").status == 401
    answer = api.send("GET", "event/", password="wrong")
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) == 61
    assert api.send("GET", "event/").status == 200  # whoever knows the password goes on
    api.clock.advance(61)
    assert api.send("GET", "event/", password="wrong").status == 401


def test_an_error_of_ours_tells_nothing_but_its_number(sqlite_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api = sqlite_api
    api.parts = None  # type: ignore[assignment]  # a fault in what the service gave us
    answer = api.send("GET", "/healthz", user=None)
    assert answer.status == 500
    told = answer.json()
    assert told == {"detail": "internal error", "id": told["id"]}
    assert told["id"] in caplog.text
    assert "TypeError" in caplog.text


def test_a_broken_database_is_said_without_its_words(sqlite_api: Api) -> None:
    api = sqlite_api
    with api.store.transaction():
        api.store.db.execute_sql("ALTER TABLE rule RENAME COLUMN params TO secret_column")
    answer = api.send("GET", "rule/")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert b"secret_column" not in answer.body
    assert b"params" not in answer.body
    assert api.send("GET", "calendar/").status == 200
