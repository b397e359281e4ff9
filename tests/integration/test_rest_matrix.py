"""Every resource, every verb, every role, on a row that belongs to ``manager``'s side of the house.

L is listed, G read, C created (one of its own), U replaced and changed, D deleted. What is not allowed is told by 403
where the row is seen, by 404 where it is not, and by 405 where nobody may. A resource without a line here fails.
"""

from __future__ import annotations

import base64
import io
import json
import wave
from typing import Any

import pytest

from fs_app.domain.enums import CallStatus
from fs_app.store.models import AlarmRequest, AudioBlob, CallRequest, Outbox, SealedSurvey, SurveyAnswer
from httpapi.routes import registry
from tests.rest_client import NOW, Api, new_alarm, new_calendar, new_event, new_gateway, new_survey

# superuser, manager, its calendar user; another manager, another's calendar user
MATRIX: dict[str, tuple[str, str, str, str, str]] = {
    "user": ("LGCUD", "LGU", "", "", ""),
    "gateway": ("LGCUD", "LG", "", "LG", ""),
    "sms-gateway": ("LGCUD", "LG", "", "LG", ""),
    "audio-files": ("LGCUD", "LGCUD", "", "C", ""),
    "survey-template": ("LGCUD", "LGCUD", "", "C", ""),
    "section-template": ("LGCUD", "LGCUD", "", "", ""),
    "branching-template": ("LGCUD", "LGCUD", "", "", ""),
    "sealed-survey": ("LG", "LG", "", "", ""),
    "calendar-setting": ("LGCUD", "LGCUD", "", "", ""),
    "calendar-user": ("LGCUD", "LGCUD", "LG", "C", ""),
    "calendar-user-profile": ("LGU", "LGU", "LG", "", ""),
    "calendar": ("LGCUD", "LGCUD", "LGCUD", "", ""),
    "calendar-subscription": ("LGCUD", "LGCUD", "LGCUD", "", ""),
    "rule": ("LGCUD", "LGCUD", "LGC", "C", "C"),
    "event": ("LGCUD", "LGCUD", "LGCUD", "", ""),
    "alarm": ("LGCUD", "LGCUD", "LGCUD", "", ""),
    "alarm-request": ("LG", "LG", "LG", "", ""),
    "callrequest": ("LG", "LG", "LG", "", ""),
    "recording": ("LG", "LG", "LG", "", ""),
    "mail-template": ("LGCUD", "LGCUD", "LG", "C", ""),
    "sms-template": ("LGCUD", "LGCUD", "LG", "C", ""),
    "dnc-list": ("LGCUD", "LGCUD", "", "C", ""),
    "dnc-contact": ("LGCUD", "LGCUD", "", "", ""),
    "message": ("LG", "LG", "", "", ""),
    "webhook": ("LGCUD", "LGCUD", "", "C", ""),
    "token": ("LGCD", "LGCD", "C", "C", "C"),
}
ROLES = ("root", "manager", "practice", "rival", "other")
# What a row is deleted after: whatever refers to it, or hangs below it.
DELETED_LAST = ("event", "calendar", "calendar-user", "calendar-setting", "gateway", "sms-gateway", "user")


def sound() -> str:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x01\x02" * 800)
    return base64.b64encode(out.getvalue()).decode()


def path_of(row: dict[str, Any]) -> str:
    return str(row["url"]).partition("/rest-api/")[2]


@pytest.fixture
def rows(sqlite_api: Api) -> dict[str, str]:
    """The address of one row of each resource."""
    api = sqlite_api
    gateway, survey = new_gateway(api), new_survey(api)
    calendar = new_calendar(api)
    event = new_event(api, calendar)
    alarm = new_alarm(api, event)
    blocked = api.post("dnc-list/", {"name": "no"})
    with api.store.transaction():
        call = CallRequest.create(
            request_uuid="u",
            call_time=NOW,
            status=CallStatus.SUCCESS.value,
            phone_number="1",
            survey=SealedSurvey.select().first(),
            user=api.ids["practice"],
            created_date=NOW,
        )
        message = Outbox.create(
            kind="sms",
            idempotency_key="k",
            destination="1",
            payload={},
            expires_at=NOW,
            alarm=1,
            user=api.ids["manager"],
            created_date=NOW,
            updated_date=NOW,
        )
        attempt = AlarmRequest.create(alarm=1, attempt=1, callrequest=call, date=NOW, created_date=NOW)
        blob = AudioBlob.create(sha256="0" * 64, content=b"RIFF")
        said = SurveyAnswer.create(
            callrequest=call, position=1, survey=call.survey, section_id=1, recording=blob, created_date=NOW
        )
    made = {
        "gateway": gateway,
        "sms-gateway": api.post("sms-gateway/", {"name": "sms"}, "root"),
        "audio-files": api.post("audio-files/", {"name": "a", "audio_file": sound()}),
        "survey-template": api.get("survey-template/")["results"][0],
        "section-template": api.get("section-template/")["results"][0],
        "branching-template": api.get("branching-template/")["results"][0],
        "sealed-survey": survey,
        "calendar-setting": api.post(
            "calendar-setting/", {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]}
        ),
        "calendar": calendar,
        "calendar-subscription": api.post(
            "calendar-subscription/", {"calendar": calendar["url"], "address": "https://example.org/x.ics"}
        ),
        "rule": api.post("rule/", {"name": "mine", "frequency": "DAILY"}),
        "event": event,
        "alarm": alarm,
        "mail-template": api.post("mail-template/", {"label": "m", "subject": "s"}),
        "sms-template": api.post("sms-template/", {"label": "m"}),
        "dnc-list": blocked,
        "dnc-contact": api.post("dnc-contact/", {"dnc_list": blocked["url"], "phone_number": "5550100"}),
        "token": api.post("token/", {}),
        "webhook": api.post("webhook/", {}),
    }
    return {
        **{path: path_of(row) for path, row in made.items()},
        "user": f"user/{api.ids['manager']}/",
        "calendar-user": f"calendar-user/{api.ids['practice']}/",
        "calendar-user-profile": f"calendar-user-profile/{api.ids['practice']}/",
        "alarm-request": f"alarm-request/{attempt.id}/",
        "message": f"message/{message.id}/",
        "callrequest": f"callrequest/{call.id}/",
        "recording": f"recording/{said.id}/",
    }


def bodies(api: Api, role: str, rows: dict[str, str]) -> dict[str, dict[str, Any]]:
    """A body that makes a new one of each resource."""
    base = "/rest-api/"
    return {
        "user": {"username": f"user-by-{role}", "password": "secret"},
        "gateway": {"name": f"by-{role}", "gateways": "sofia/gateway/x/"},
        "sms-gateway": {"name": f"by-{role}"},
        "audio-files": {"name": "x", "audio_file": sound()},
        "survey-template": {"name": "x"},
        "section-template": {"survey": base + rows["survey-template"], "type": 7},
        "branching-template": {"section": base + rows["section-template"], "keys": "9"},
        "calendar-setting": {
            "label": "x",
            "survey": base + rows["sealed-survey"],
            "aleg_gateway": base + rows["gateway"],
        },
        "calendar-user": {"username": f"calendar-user-by-{role}", "password": "secret"},
        "calendar": {"name": "x", "user": api.ids["practice"]},
        "calendar-subscription": {"calendar": base + rows["calendar"], "address": "https://example.org/y.ics"},
        "rule": {"name": "x", "frequency": "DAILY"},
        "event": {
            "start": "2026-03-10 09:00",
            "creator": api.ids["practice"],
            "calendar": base + rows["calendar"],
        },
        "alarm": {"event": base + rows["event"], "alarm_phonenumber": "5550100"},
        "mail-template": {"label": "x", "subject": "x"},
        "sms-template": {"label": "x"},
        "dnc-list": {"name": "x"},
        "dnc-contact": {"dnc_list": base + rows["dnc-list"], "phone_number": "5550199"},
        "token": {"label": "x"},
    }


def test_every_resource_has_its_line() -> None:
    assert MATRIX.keys() == registry().keys()


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may(sqlite_api: Api, rows: dict[str, str], role: str) -> None:
    api = sqlite_api
    shown = {path: api.get(address, user="root") for path, address in rows.items()}
    new = bodies(api, role, rows)
    resources = registry()
    for path, resource in resources.items():
        may, address = MATRIX[path][ROLES.index(role)], rows[path]
        exists = role in ("root", "manager", "rival") or len(resource.readers) == 3

        listed = api.send("GET", f"{path}/?page_size=1000", user=role)
        assert listed.status == (200 if exists else 404), path
        key = "url" if "url" in shown[path] else "user"  # a profile is shown without its address
        found = exists and any(one[key] == shown[path][key] for one in listed.json()["results"])
        assert found == ("L" in may), path

        read = api.send("GET", address, user=role)
        assert read.status == (200 if "G" in may else 404), path

        for method, body in (("PUT", shown[path]), ("PATCH", {})):
            if path == "token":
                body = {}
            told = api.send(method, address, json.dumps(body), user=role)
            expected = 405 if method not in resource.item else 404 if "G" not in may else 200 if "U" in may else 403
            assert told.status == expected, (method, path, told)

        # A rival's relations are refused by field: see test_rest_tenancy.
        if "C" in may or role in ("root", "manager", "practice") or "POST" not in resource.collection:
            told = api.send("POST", f"{path}/", json.dumps(new.get(path, {})), user=role)
            expected = 405 if "POST" not in resource.collection else 201 if "C" in may else 403 if exists else 404
            if path == "webhook" and role == "manager":
                expected = 400  # there is one already, and one is all that each has
            assert told.status == expected, ("POST", path, told)

        for action in resource.actions():
            if "G" not in may and path != "alarm-request" and action.below_row:
                body = {"PATCH": '{"status": 1}', "POST": "{}", "GET": None, "DELETE": None}[action.method]
                told = api.send(action.method, f"{address}{action.name}/", body, user=role)
                # 400 and 415: the body is looked at first.
                assert told.status in (400, 404, 415), (action.name, told)


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_delete(sqlite_api: Api, rows: dict[str, str], role: str) -> None:
    api = sqlite_api
    order = sorted(MATRIX, key=lambda path: DELETED_LAST.index(path) if path in DELETED_LAST else -1)
    resources = registry()
    for path in order:
        may = MATRIX[path][ROLES.index(role)]
        told = api.send("DELETE", rows[path], user=role)
        # Whatever was deleted with its parent before is gone for its owner as well.
        if "DELETE" not in resources[path].item:
            expected = 405
        elif "D" in may:
            expected = 204
        else:
            expected = 403 if "G" in may else 404
        if expected == 204 and told.status == 404:
            assert path in ("section-template", "branching-template", "dnc-contact", "alarm"), path
        else:
            assert told.status == expected, (path, told)


def test_nobody_is_let_in_unasked(sqlite_api: Api) -> None:
    api = sqlite_api
    for path, resource in registry().items():
        addresses = {f"{path}/": resource.collection, f"{path}/1/": resource.item}
        for action in resource.actions():
            below = f"{path}/1/" if action.below_row else f"{path}/"
            addresses.setdefault(f"{below}{action.name}/", action.allow)
        for address, methods in addresses.items():
            for method in methods:
                body = None if method == "HEAD" else "{}"
                assert api.send(method, address, body, user=None).status == 401, (method, address)
