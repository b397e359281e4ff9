"""Accounts that are switched off: what ends, what waits, and who may do it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fs_app.domain.alarms import Wait
from fs_app.store.due import due_alarm
from fs_app.store.models import Alarm
from scheduler.plan import PlanSettings, decide
from tests.rest_client import NOW, Api, new_alarm, new_calendar, new_event, new_gateway, new_survey


def status(api: Api, user: str, **headers: str) -> int:
    return api.send("GET", "event/", headers=headers, user=None if headers else user).status


def switch(api: Api, path: str, on: bool, user: str = "root") -> Any:
    return api.send("PATCH", path, json.dumps({"is_active": on}), user=user)


def test_nobody_below_a_manager_that_is_off_comes_in(api: Api) -> None:
    tokens = [api.post("token/", {"scope": "write"}, user)["token"] for user in ("manager", "practice")]
    page = api.send("POST", "session/", '{"username": "practice", "password": "practice"}', user=None)
    cookie = {"Cookie": page.headers["Set-Cookie"].partition(";")[0]}
    bearers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    ways = ({}, cookie, *bearers)
    manager = f"user/{api.ids['manager']}/"
    for way in ways:
        assert status(api, "practice", **way) == 200
    assert switch(api, manager, False).json()["is_active"] is False
    assert status(api, "manager") == 401
    for way in ways:
        assert status(api, "practice", **way) == 401
    assert status(api, "other") == 200
    # A change of something else does not switch it on again.
    api.send("PUT", manager, json.dumps({"username": "manager", "email": "a@example.org"}), user="root")
    assert status(api, "manager") == 401
    switch(api, manager, True)
    assert [status(api, "practice", **way) for way in ways] == [200, 401, 200, 200]  # its session is over


def test_who_may_switch_whom_off(api: Api) -> None:
    practice = f"calendar-user/{api.ids['practice']}/"
    assert switch(api, practice, False, "practice").status == 403
    assert switch(api, practice, False, "rival").status == 404
    assert switch(api, practice, False, "manager").status == 200
    assert (status(api, "practice"), status(api, "manager")) == (401, 200)
    assert switch(api, f"user/{api.ids['manager']}/", False, "manager").json() == {
        "is_active": ["you cannot switch yourself off: let another superuser do it"]
    }
    assert switch(api, f"user/{api.ids['root']}/", False, "root").status == 400
    assert [row["username"] for row in api.get("calendar-user/?is_active=false")["results"]] == ["practice"]


def test_the_reminders_of_a_manager_that_is_off_wait_and_then_go_out(api: Api) -> None:
    survey, gateway = new_survey(api), new_gateway(api)
    setting = api.post("calendar-setting/", {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]})
    api.patch(f"calendar-user-profile/{api.ids['practice']}/", {"calendar_setting": setting["url"]})
    new_alarm(api, new_event(api, new_calendar(api), start="2026-03-02 12:00:00"))
    later = NOW + timedelta(hours=1)

    def decision() -> Any:
        with api.store.reading():
            due = due_alarm(Alarm.get(), ZoneInfo("UTC"))
        assert due is not None
        return decide(due, "u", later, PlanSettings("127.0.0.1:9"))

    before = decision()
    assert not isinstance(before, Wait)
    switch(api, f"user/{api.ids['manager']}/", False)
    waiting = decision()
    assert isinstance(waiting, Wait)
    assert waiting.reason == "the manager is switched off: a superuser can set is_active again"
    rung = api.rung
    switch(api, f"user/{api.ids['manager']}/", True)
    assert api.rung > rung
    assert decision() == before
    # A calendar user that may not sign in, a secretary who has left, is no reason not to remind patients.
    switch(api, f"calendar-user/{api.ids['practice']}/", False, "manager")
    assert decision() == before
