"""Whose data: what is not yours answers 404, on every resource and every verb."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rest_client import Api, new_alarm, new_calendar, new_event, new_gateway, new_survey


def path_of(row: dict[str, Any]) -> str:
    return str(row["url"]).partition("/rest-api/")[2]


@pytest.fixture
def world(sqlite_api: Api) -> dict[str, dict[str, Any]]:
    """One row of each resource, all of ``manager``'s."""
    api = sqlite_api
    gateway = new_gateway(api)
    survey = new_survey(api)
    setting = api.post("calendar-setting/", {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]})
    calendar = new_calendar(api)
    event = new_event(api, calendar)
    blocked = api.post("dnc-list/", {"name": "no"})
    sections = api.get("section-template/")["results"]
    return {
        "calendar-setting": setting,
        "survey-template": api.get("survey-template/")["results"][0],
        "section-template": sections[0],
        "branching-template": api.get("branching-template/")["results"][0],
        "sealed-survey": survey,
        "calendar-user": api.get(f"calendar-user/{api.ids['practice']}/"),
        "calendar": calendar,
        "event": event,
        "alarm": new_alarm(api, event),
        "rule": api.post("rule/", {"name": "mine", "frequency": "DAILY"}),
        "mail-template": api.post("mail-template/", {"label": "m", "subject": "s"}),
        "sms-template": api.post("sms-template/", {"label": "m"}),
        "dnc-list": blocked,
        "dnc-contact": api.post("dnc-contact/", {"dnc_list": blocked["url"], "phone_number": "5550100"}),
    }


def test_a_rival_sees_nothing_and_changes_nothing(sqlite_api: Api, world: dict[str, dict[str, Any]]) -> None:
    api = sqlite_api
    for path, row in world.items():
        for who in ("rival", "other"):
            for method in ("GET", "PUT", "PATCH", "DELETE"):
                allow = api.send("OPTIONS", path_of(row), user=who).headers["Allow"]
                answer = api.send(method, path_of(row), None if method in ("GET", "DELETE") else "{}", user=who)
                assert answer.status == (404 if method in allow else 405), (who, method, path)
        listed = api.send("GET", path + "/", user="rival")
        urls = [one["url"] for one in listed.json()["results"]]
        assert row["url"] not in urls, path
        assert api.get(path_of(row)) == row, path


def test_actions_are_not_a_way_around(sqlite_api: Api, world: dict[str, dict[str, Any]]) -> None:
    api = sqlite_api
    event = path_of(world["event"])
    for method, path, body in (
        ("GET", event + "get_list_child/", None),
        ("GET", event + "children/", None),
        ("GET", event + "get_list_alarm/", None),
        ("PATCH", event + "update_last_child_status/", {"status": 3}),
        ("GET", event.replace("event/", "alarm-request/") + "get_nested_alarm_request/", None),
        ("POST", path_of(world["survey-template"]) + "seal/", {}),
        ("GET", f"calendar-user-profile/{api.ids['practice']}/", None),
    ):
        assert "detail" in api.refused(method, path, body, user="rival", status=404), path


def test_somebody_elses_row_cannot_be_referred_to(sqlite_api: Api, world: dict[str, dict[str, Any]]) -> None:
    api = sqlite_api
    calendar = new_calendar(api, "other", "rival")
    event = new_event(api, calendar, "other", "rival")
    gateway = world["calendar-setting"]["aleg_gateway"]
    sealed, theirs = world["sealed-survey"]["url"], world["calendar"]["url"]
    attempts = [
        ("calendar/", {"name": "x", "user": api.ids["practice"]}, "user"),
        ("event/", {"start": "2026-03-10 09:00", "creator": api.ids["other"], "calendar": theirs}, "calendar"),
        ("alarm/", {"event": world["event"]["url"], "alarm_phonenumber": "5550100"}, "event"),
        ("alarm/", {"event": event["url"], "alarm_phonenumber": "5550100", "survey": sealed}, "survey"),
        ("calendar-setting/", {"label": "x", "survey": sealed, "aleg_gateway": gateway}, "survey"),
        ("section-template/", {"survey": world["survey-template"]["url"], "type": 7}, "survey"),
        ("dnc-contact/", {"dnc_list": world["dnc-list"]["url"], "phone_number": "5550100"}, "dnc_list"),
        ("mail-template/", {"label": "x", "subject": "s", "user": "manager"}, "user"),
    ]
    for path, body, field in attempts:
        told = api.refused("POST", path, body, user="rival")
        assert list(told) == [field], told
    profile = f"calendar-user-profile/{api.ids['other']}/"
    setting = world["calendar-setting"]["url"]
    assert list(api.refused("PATCH", profile, {"calendar_setting": setting}, user="rival")) == ["calendar_setting"]
    moved = api.refused("PATCH", path_of(event), {"calendar": world["calendar"]["url"]}, user="rival")
    assert list(moved) == ["calendar"]


def test_a_calendar_user_sees_its_own_and_no_more(sqlite_api: Api, world: dict[str, dict[str, Any]]) -> None:
    api = sqlite_api
    for path in ("calendar", "event", "alarm", "calendar-user"):
        assert api.get(path_of(world[path]), user="practice") == world[path]
    for path in ("calendar-setting", "survey-template", "sealed-survey", "gateway", "sms-gateway", "user", "dnc-list"):
        assert api.send("GET", path + "/", user="practice").status == 404, path
    own = new_alarm(api, world["event"], user="practice")
    assert api.get(path_of(own))["event"] == world["event"]["url"]
    # It reads its profile, but cannot give itself other settings or a way into its manager's place.
    profile = f"calendar-user-profile/{api.ids['practice']}/"
    assert api.get(profile, user="practice")["manager"] == "manager"
    assert api.send("PATCH", profile, '{"accountcode": 1}', user="practice").status == 403
    assert api.send("POST", "calendar-user/", '{"username": "x", "password": "xxxx"}', user="practice").status == 403


def test_gateways_are_written_by_superusers_and_read_by_managers(sqlite_api: Api) -> None:
    api = sqlite_api
    gateway = new_gateway(api)
    parameters = {"url": "https://sms.example/send", "username": "desk", "password": "secret"}
    sms = api.post("sms-gateway/", {"name": "sms", "driver": "http", "parameters": parameters}, "root")
    assert api.get(path_of(gateway))["name"] == "provider"
    assert api.get(path_of(sms))["parameters"] is None
    shown = api.get(path_of(sms), user="root")["parameters"]
    assert {**shown, **parameters, "password": "********"} == shown
    for method, path in (("POST", "gateway/"), ("PATCH", path_of(gateway)), ("DELETE", path_of(gateway))):
        assert api.send(method, path, "{}").status == 403


def test_shipped_rules_are_read_by_all_and_changed_by_superusers_alone(sqlite_api: Api) -> None:
    api = sqlite_api
    for who in ("practice", "manager", "root"):
        names = [rule["name"] for rule in api.get("rule/", user=who)["results"]]
        assert names[:2] == ["Daily", "Weekly"]
        assert len(names) == 8
    assert api.send("PATCH", "rule/1/", '{"name": "Mine"}').status == 403
    assert api.send("DELETE", "rule/1/").status == 403
    assert api.patch("rule/1/", {"name": "Every day"}, "root")["name"] == "Every day"
    mine = api.post("rule/", {"name": "mine", "frequency": "daily", "params": "count:3"})
    assert mine["frequency"] == "DAILY"
    assert mine in api.get("rule/", user="practice")["results"]
    assert api.send("PATCH", path_of(mine), "{}", user="practice").status == 403


def test_managers_are_made_by_superusers(sqlite_api: Api) -> None:
    api = sqlite_api
    fresh = api.post("user/", {"username": "third", "password": "secret"}, "root")
    assert fresh == {**fresh, "username": "third", "first_name": "", "last_name": "", "email": ""}
    assert "password" not in fresh
    assert api.send("GET", "calendar/", user="third", password="secret").status == 200
    assert api.refused("POST", "user/", {"username": "4th", "password": "secret"}, status=403)
    assert [one["username"] for one in api.get("user/")["results"]] == ["manager"]
    assert len(api.get("user/", user="root")["results"]) == 4
    assert api.send("DELETE", f"user/{api.ids['root']}/", user="root").status == 409
    assert api.send("DELETE", f"user/{api.ids['manager']}/").status == 403
    # A calendar user is no manager, and cannot be reached as one.
    assert api.send("GET", f"user/{api.ids['practice']}/", user="root").status == 404


def test_what_a_superuser_may(sqlite_api: Api, world: dict[str, dict[str, Any]]) -> None:
    for path, row in world.items():
        assert sqlite_api.get(path_of(row), user="root") == row, path
        count = sqlite_api.get(path + "/", user="root")["count"]
        assert count >= 1


def test_a_change_of_password_is_felt_at_once(sqlite_api: Api) -> None:
    api = sqlite_api
    path = f"calendar-user/{api.ids['practice']}/"
    assert api.send("GET", "event/", user="practice").status == 200
    shown = api.patch(path, {"password": "another"})
    assert "password" not in shown
    assert api.send("GET", "event/", user="practice").status == 401
    assert api.send("GET", "event/", user="practice", password="another").status == 200
    # A PUT without a password leaves it alone.
    whole = api.get(path)
    answer = api.send("PUT", path, json.dumps({**whole, "first_name": "Ann"}))
    assert answer.status == 200
    assert answer.json() == {**whole, "first_name": "Ann"}
    assert api.send("GET", "event/", user="practice", password="another").status == 200
    assert api.send("DELETE", path).status == 204
    assert api.send("GET", "event/", user="practice", password="another").status == 401
