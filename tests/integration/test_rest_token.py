"""Bearer tokens over the API, and the password policy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fs_app.errors import InvalidInput
from fs_app.passwords import check_strength
from tests.rest_client import Answer, Api, new_calendar


def ask(api: Api, token: str, method: str = "GET", path: str = "calendar/", body: str | None = None) -> Answer:
    return api.send(method, path, body, {"Authorization": f"Bearer {token}"}, user=None)


def test_a_token_is_shown_once_used_listed_and_revoked(api: Api) -> None:
    calendar = new_calendar(api)
    made = api.post("token/", {"label": "nightly", "scope": "read"})
    token = made.pop("token")
    listed = api.get("token/")["results"]
    assert listed == [{**made, "token": None}]
    assert api.get("token/", user="rival")["count"] == 0
    assert [one["url"] for one in ask(api, token).json()["results"]] == [calendar["url"]]
    refused = ask(api, token, "POST", body="{}")
    assert (refused.status, refused.json()["detail"]) == (
        403,
        "the scope of this token is 'read': it does not allow this",
    )
    assert api.send("DELETE", made["url"].partition("/rest-api/")[2]).status == 204
    assert ask(api, token).status == 401


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("read", (200, 403, 200)),
        ("write", (200, 201, 200)),
        ("read:calendar", (200, 403, 403)),
        ("write:calendar read:rule", (200, 201, 200)),
    ],
)
def test_scopes(sqlite_api: Api, scope: str, statuses: tuple[int, int, int]) -> None:
    api = sqlite_api
    token = api.post("token/", {"scope": scope})["token"]
    body = json.dumps({"name": "x", "user": api.ids["practice"]})
    told = (
        ask(api, token).status,
        ask(api, token, "POST", body=body).status,
        ask(api, token, path="rule/").status,
    )
    assert told == statuses


ICS = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        # a bulk without alarms, one with, an import, a subscription
        ("write", (201, 201, 200, 201)),
        ("write:event", (201, 403, 403, 403)),
        ("write:alarm", (403, 403, 403, 403)),
        ("write:event write:alarm", (201, 201, 403, 403)),
        ("write:calendar write:calendar-subscription", (403, 403, 403, 403)),
        ("write:calendar write:calendar-subscription write:event write:alarm", (201, 201, 200, 201)),
    ],
)
def test_what_makes_events_and_alarms_elsewhere_needs_their_scope(
    sqlite_api: Api, scope: str, statuses: tuple[int, ...]
) -> None:
    api = sqlite_api
    new_calendar(api)
    token = {"Authorization": f"Bearer {api.post('token/', {'scope': scope})['token']}"}
    csv, ics = token | {"Content-Type": "text/csv"}, token | {"Content-Type": "text/calendar"}
    row = "title,start,alarm_phonenumber\nx,2026-03-10 09:00,"
    subscription = json.dumps({"calendar": 1, "address": "https://example.org/a.ics"})
    told = (
        api.send("POST", "event/bulk/?calendar=1", row + "\n", csv, user=None),
        api.send("POST", "event/bulk/?calendar=1", row + "5550100\n", csv, user=None),
        api.send("POST", "calendar/1/import/", ICS, ics, user=None),
        api.send("POST", "calendar-subscription/", subscription, token, user=None),
    )
    assert tuple(answer.status for answer in told) == statuses, told


def test_a_token_does_not_become_the_password(sqlite_api: Api) -> None:
    api = sqlite_api
    token = api.post("token/", {"scope": "write"})["token"]
    mine, below = f"user/{api.ids['manager']}/", f"calendar-user/{api.ids['practice']}/"
    body = json.dumps({"password": "another"})
    assert ask(api, token, "PATCH", mine, body).status == 403
    assert ask(api, token, "PATCH", mine, '{"first_name": "Ann"}').status == 200
    assert ask(api, token, "PATCH", below, body).status == 200  # whose account it manages
    assert api.send("PATCH", mine, body).status == 200


def test_a_token_ends_with_its_time_and_makes_no_tokens(sqlite_api: Api) -> None:
    api = sqlite_api
    body = {"scope": "write", "expires_date": "2026-03-02T12:00:00Z"}
    token = api.post("token/", body)["token"]
    assert ask(api, token, "POST", "token/", "{}").status == 403
    assert ask(api, token, "GET", "token/").status == 200
    api.clock.advance(7200)
    assert ask(api, token).status == 401
    assert list(api.refused("POST", "token/", body)) == ["expires_date"]
    for wrong in ("admin", "read:nothing", "write,read", "read:alarm:x", ""):
        assert list(api.refused("POST", "token/", {"scope": wrong})) == ["scope"], wrong


def test_a_manager_revokes_what_its_calendar_users_made(sqlite_api: Api) -> None:
    api = sqlite_api
    made = api.post("token/", {}, "practice")
    path = made["url"].partition("/rest-api/")[2]
    assert api.send("DELETE", path, user="rival").status == 404
    assert api.get(path)["user"] == "practice"
    assert api.send("DELETE", path).status == 204


# ---- password policy


@pytest.mark.parametrize("password", ["caluser3", "password", "1234"])
def test_the_policy_is_off_by_default(sqlite_api: Api, password: str) -> None:
    sqlite_api.post("calendar-user/", {"username": "caluser3", "password": password})


def test_the_policy_refuses_what_is_easy_to_guess(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api = sqlite_api
    strict = replace(api.services, password_strength=3)
    monkeypatch.setattr(api.surround, "services", strict)

    def told(**fields: Any) -> Answer:
        return api.send("POST", "calendar-user/", json.dumps({"username": "caluser3", **fields}))

    assert "too easy to guess" in told(password="caluser3").json()["password"][0]
    assert list(told(password="password1").json()) == ["password"]
    assert told(password="plinth-ochre-77-vesper").status == 201
    path = f"calendar-user/{api.ids['practice']}/"
    assert list(api.refused("PATCH", path, {"password": "letmein"})) == ["password"]
    api.patch(path, {"first_name": "Ann"})


def test_advice_is_given() -> None:
    with pytest.raises(InvalidInput, match=r"too easy to guess: .{10}"):
        check_strength("aaaaaaaa", [], 1)
    check_strength("aaaaaaaa", [], 0)
    check_strength("x" * 256 + "é", [], 0)
