"""Browsers: a session by cookie, its token against forged requests, and what ends it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from fs_app.passwords import hash_password
from fs_app.store.models import User, UserSession
from httpapi.sessions import AT_MOST, IDLE
from tests.rest_client import Answer, Api


def sign_in(api: Api, user: str = "manager", password: str | None = None, **headers: str) -> Answer:
    body = json.dumps({"username": user, "password": password or user})
    return api.send("POST", "session/", body, headers, user=None)


def cookie_of(answer: Answer) -> dict[str, str]:
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


@pytest.fixture
def signed_in(sqlite_api: Api) -> tuple[dict[str, str], Any]:
    answer = sign_in(sqlite_api)
    assert answer.status == 201
    return cookie_of(answer), answer.json()


def test_signing_in_and_out(api: Api) -> None:
    answer = sign_in(api)
    about = answer.json()
    assert answer.status == 201
    flags = answer.headers["Set-Cookie"].split("; ")[1:]
    assert flags == ["Path=/", "HttpOnly", "SameSite=Lax"]
    assert about["user"] == {
        "url": api.url("user", api.ids["manager"]),
        "id": api.ids["manager"],
        "username": "manager",
        "first_name": "",
        "last_name": "",
        "role": "manager",
        "manager": None,
    }
    assert about["permissions"]["gateway"] == {"list": ["GET"], "item": ["GET"]}
    assert about["permissions"]["alarm"] == {"list": ["GET", "POST"], "item": ["GET", "PUT", "PATCH", "DELETE"]}
    cookie = cookie_of(answer)
    assert api.send("GET", "session/", headers=cookie, user=None).json() == {**about, "means": "session"}
    assert api.send("GET", "event/", headers=cookie, user=None).status == 200
    signed = {**cookie, "X-CSRF-Token": about["csrf_token"]}
    assert api.send("DELETE", "session/", headers=signed, user=None).status == 204
    assert api.send("GET", "event/", headers=cookie, user=None).status == 401
    assert UserSession.select().count() == 0


def test_a_calendar_user_has_its_own_permissions(sqlite_api: Api) -> None:
    about = sign_in(sqlite_api, "practice").json()
    assert about["user"]["manager"] == "manager"
    assert "gateway" not in about["permissions"]
    assert about["permissions"]["calendar-user"] == {"list": ["GET"], "item": ["GET"]}


def test_a_change_needs_the_token_and_our_own_page(
    sqlite_api: Api, signed_in: tuple[dict[str, str], dict[str, Any]]
) -> None:
    api, (cookie, about) = sqlite_api, signed_in
    body = json.dumps({"username": "new", "password": "secret"})

    def create(**headers: str) -> int:
        return api.send("POST", "calendar-user/", body, {**cookie, **headers}, user=None).status

    token = {"X-CSRF-Token": about["csrf_token"]}
    host = f"127.0.0.1:{api.server.port}"
    assert create() == 403
    assert create(**{"X-CSRF-Token": "0" * 64}) == 403
    assert create(**token, Origin="https://evil.example") == 403
    assert create(**token, Origin="null") == 403
    assert create(**token, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert create(**token, Origin=f"http://{host}", **{"Sec-Fetch-Site": "same-origin"}) == 201
    # A browser also sends a password that it remembers: another site's form must not use it.
    assert api.send("POST", "calendar/", "{}", {"Origin": "https://evil.example"}).status == 403
    assert sign_in(api, Origin="https://evil.example").status == 403


def test_a_session_ends_with_time(sqlite_api: Api, signed_in: tuple[dict[str, str], dict[str, Any]]) -> None:
    api, (cookie, _) = sqlite_api, signed_in

    def status() -> int:
        return api.send("GET", "event/", headers=cookie, user=None).status

    began = api.clock.now()
    while api.clock.now() + IDLE * 0.6 < began + AT_MOST:  # in use
        api.clock.advance((IDLE * 0.6).total_seconds())
        assert status() == 200
    api.clock.advance(timedelta(hours=12).total_seconds())
    assert status() == 401
    other = cookie_of(sign_in(api))
    api.clock.advance(IDLE.total_seconds())
    assert api.send("GET", "event/", headers=other, user=None).status == 401
    assert sign_in(api).status == 201
    assert UserSession.select().count() == 1  # what has ended is removed


def test_a_session_ends_with_the_password_and_with_the_user(
    sqlite_api: Api, signed_in: tuple[dict[str, str], dict[str, Any]]
) -> None:
    api, (cookie, _) = sqlite_api, signed_in
    with api.store.transaction():
        User.update(password=hash_password("another")).where(User.username == "manager").execute()
    answer = api.send("GET", "event/", headers=cookie, user=None)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="fs-app"'  # no password window in the middle of a page
    fresh = cookie_of(sign_in(api, password="another"))
    assert api.send("GET", "event/", headers=fresh, user=None).status == 200
    with api.store.transaction():
        User.update(is_active=False).where(User.username == "manager").execute()
    assert api.send("GET", "event/", headers=fresh, user=None).status == 401


@pytest.mark.parametrize("cookie", ["fs_app_session=", "fs_app_session=x", 'a="b; fs_app_session=\xe9', "=;;,"])
def test_cookies_of_strangers(sqlite_api: Api, cookie: str) -> None:
    answer = sqlite_api.send("GET", "event/", headers={"Cookie": cookie}, user=None)
    assert answer.status == 401


def test_guesses_at_signing_in_are_counted(sqlite_api: Api) -> None:
    told = [sign_in(sqlite_api, password="wrong").status for _ in range(11)]
    assert told == [401] * 10 + [429]
    assert sign_in(sqlite_api, "rival").status == 201
    bad = sqlite_api.send("POST", "session/", '{"username": "x"}', user=None)
    assert (bad.status, bad.json()) == (400, {"password": ["is required"]})


def test_the_cookie_is_kept_to_tls_where_there_is_tls(sqlite_api: Api) -> None:
    answer = sign_in(sqlite_api, **{"X-Forwarded-Proto": "https"})
    assert "; Secure" in answer.headers["Set-Cookie"]
