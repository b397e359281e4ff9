"""The console under attack: words that would be markup, forged requests, framing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fs_app.domain.enums import SectionType
from fs_app.store.models import AlarmRequest, CallRequest, SealedSurvey, SurveyAnswer
from httpapi.console.displays_all import DISPLAYS
from tests.console_client import Console, Seen
from tests.rest_client import NOW, Api
from tests.rows import SURVEY

# Breaks out of an attribute, of an element, of a template, of a script and of a URL, where one of them is not escaped.
EVIL = "\"'><hostile onload=alert(1)>{{7*7}}</textarea></title></option>javascript:alert(1)&lt;<svg/onload=x>"
TEXT = EVIL.replace("{{7*7}}", "")  # where only tags may stand in braces
NUMBER = "+15550100001"


def fill(api: Api) -> None:
    """Hostile words in every field of every resource that takes words, as far as its own rules let them in."""
    text = EVIL[:89]
    gateway = api.post("gateway/", {"name": text, "description": EVIL, "gateways": "sofia/gateway/p/"}, "root")
    sms = api.post("sms-gateway/", {"name": text}, "root")
    api.patch(f"user/{api.ids['manager']}/", {"first_name": EVIL, "last_name": EVIL})
    survey = api.post("survey-template/", {"name": text, "description": EVIL})
    words = {"question": EVIL, "script": EVIL, "sms_text": EVIL, "confirm_script": EVIL}
    made = []
    for kind in SectionType:
        keys = {f"key_{digit}": EVIL[:99] for digit in range(10)} if kind is SectionType.MULTI_CHOICE else {}
        section = {"survey": survey["url"], "type": kind.value, "order": kind.value, **words, **keys}
        made.append(api.post("section-template/", section))
    api.post("branching-template/", {"section": made[2]["url"], "keys": "1", "goto": made[0]["url"]})
    heard = replace(SURVEY, name=EVIL, sections=tuple(replace(s, question=EVIL, script=EVIL) for s in SURVEY.sections))
    stamps = {"created_date": NOW, "updated_date": NOW}
    with api.store.transaction():
        sealed = SealedSurvey.create(
            user=api.ids["manager"],
            template=int(survey["url"].rstrip("/").rsplit("/", 1)[1]),
            name=EVIL,
            description=EVIL,
            content=heard.to_json(),
            content_hash=heard.content_hash(),
            **stamps,
        )
    setting = {"label": text[:80], "caller_name": "Adams & Sons", "survey": sealed.id, "aleg_gateway": gateway["url"]}
    setting = api.post("calendar-setting/", {**setting, "sms_gateway": sms["url"]})
    user = f"calendar-user/{api.ids['practice']}/"
    api.patch(user, {"first_name": EVIL, "last_name": EVIL, "email": "a@x.example"})
    about = dict.fromkeys(("address", "note", "company_name", "company_website"), EVIL)
    number = int(setting["url"].rstrip("/").rsplit("/", 1)[1])
    api.patch(f"calendar-user-profile/{api.ids['practice']}/", {"calendar_setting": number, **about})
    calendar = api.post("calendar/", {"name": EVIL, "user": api.ids["practice"]})
    rule = api.post("rule/", {"name": text, "description": EVIL, "frequency": "DAILY"})
    event = {
        "title": EVIL,
        "description": EVIL,
        "start": "2026-03-02 15:00:00",
        "calendar": calendar["url"],
        "creator": api.ids["practice"],
        "rule": rule["url"],
        "data": {EVIL[:60]: EVIL, "name": EVIL},
    }
    event = api.post("event/", event)
    mail = api.post(
        "mail-template/", {"label": EVIL[:70], "subject": TEXT, "from_name": EVIL[:70], "message_html": TEXT}
    )
    text_ = api.post("sms-template/", {"label": EVIL[:70], "sms_text": TEXT})
    more = {"url_confirm": "https://x.example/" + EVIL.replace(" ", ""), "url_cancel": "https://x.example/?<hostile>"}
    alarm = {"event": event["url"], "alarm_phonenumber": NUMBER, "alarm_email": "a@x.example", **more}
    alarm = api.post("alarm/", {**alarm, "mail_template": mail["url"], "sms_template": text_["url"]})
    with api.store.transaction():
        call = CallRequest.create(
            request_uuid="u", call_time=NOW, phone_number=NUMBER, survey=sealed, user=api.ids["practice"],
            hangup_cause=EVIL, reason=EVIL, amd_status=EVIL, outcome=EVIL, caller_name=EVIL, callerid=EVIL,
            dialled_at=NOW, answered_at=NOW, ended_at=NOW, created_date=NOW,
        )  # fmt: skip
        SurveyAnswer.create(
            callrequest=call, position=0, survey=sealed, section_id=1, digits=EVIL, response=EVIL, created_date=NOW
        )
        AlarmRequest.create(
            alarm=int(alarm["url"].rstrip("/").rsplit("/", 1)[1]), attempt=1, callrequest=call, date=NOW, status=3,
            reason=EVIL, created_date=NOW,
        )  # fmt: skip
    blocked = api.post("dnc-list/", {"name": EVIL[:50], "description": EVIL})
    api.post("dnc-contact/", {"dnc_list": blocked["url"], "phone_number": NUMBER})


def inert(seen: Seen, where: str) -> None:
    """Nothing on this page runs but our own script, and no word of a user became an element."""
    for tag, have in seen.read().tags:
        assert tag != "hostile", where
        assert tag not in ("style", "iframe", "object", "embed", "base"), where
        assert tag != "script" or have.get("src", "").startswith("/static/console.js?"), where
        assert not any(name.startswith("on") or name == "style" for name in have), (where, have)
        for name in ("href", "src", "action", "formaction"):
            assert not have.get(name, "").strip().lower().startswith(("javascript:", "data:text", "//")), (where, have)
    assert ">49<" not in seen.body
    assert seen.headers["Content-Type"] == "text/html; charset=utf-8", where


def guarded(seen: Seen, where: str) -> None:
    policy = seen.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy, where
    assert "frame-ancestors 'none'" in policy, where
    assert "unsafe" not in policy, where
    assert seen.headers["X-Frame-Options"] == "DENY", where
    assert seen.headers["X-Content-Type-Options"] == "nosniff", where
    assert seen.headers["Cache-Control"] == "no-store", where


@pytest.mark.parametrize("role", ["root", "manager", "practice"])
def test_hostile_words_stay_words_on_every_page(sqlite_api: Api, role: str) -> None:
    fill(sqlite_api)
    console = Console(sqlite_api, role)
    waiting, seen_already = ["/today/"], set()
    found = 0
    while waiting:
        page = waiting.pop()
        kind = page.partition("?")[0]
        if page in seen_already or len([p for p in seen_already if p.startswith(kind + "?")]) > 6:
            continue
        seen_already.add(page)
        if kind.endswith(("/speak/", "/listen/", ".csv")):
            continue
        seen = console.get(page)
        assert seen.status < 500, (page, seen.body)
        if seen.status >= 300:
            continue
        inert(seen, page)
        guarded(seen, page)
        found += "&lt;hostile" in seen.body
        waiting += [
            link.partition("#")[0] if not link.startswith("?") else kind + link
            for link in seen.links
            if link.startswith(("/", "?")) and not link.startswith("/rest-api/")
        ]
    assert found > 20
    assert {d.url for d in DISPLAYS} <= {p.partition("?")[0] for p in seen_already} or role == "practice"


@pytest.mark.parametrize("display", DISPLAYS, ids=lambda d: d.path)
def test_hostile_words_in_every_field_of_a_refused_form(sqlite_api: Api, display: Any) -> None:
    console = Console(sqlite_api, "root")
    page = f"{display.url}add/"
    if console.get(page).status == 404:
        return
    form = next(f for f in console.get(page).read().forms if "csrf" in f.fields and f.action != "/sign-out/")
    sent = {name: (value if name == "csrf" else EVIL) for name, value in form.fields.items()}
    seen = console.post(page, sent)
    assert seen.status in (400, 409), seen.body
    inert(seen, page)


@pytest.mark.parametrize(
    "query",
    ["?done=" + "<hostile>", "?ordering=<hostile>", "?<hostile>=1", "?page=<hostile>", "?page=0", "?page=999999999999"],
)
def test_hostile_addresses(sqlite_api: Api, query: str) -> None:
    console = Console(sqlite_api)
    for page in ("/today/", "/module/event/", "/module/survey/", "/nowhere/<hostile>", "/module/event/-1/"):
        seen = console.get((page + query).replace("<", "%3C").replace(">", "%3E"))
        assert seen.status < 500
        if "html" in seen.headers["Content-Type"]:
            inert(seen, page)


def test_a_change_needs_the_token_of_this_very_session(sqlite_api: Api) -> None:
    console, other = Console(sqlite_api), Console(sqlite_api)
    fields = {"name": "forged"}
    theirs = other.get("/today/").form("csrf").fields["csrf"]
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": theirs}):
        assert console.post("/module/survey/add/", {**fields, **token}).status == 403
    mine = console.get("/today/").form("csrf").fields["csrf"]
    for site in ("cross-site", "same-site"):
        sent = console.post("/module/survey/add/", {**fields, "csrf": mine}, **{"Sec-Fetch-Site": site})
        assert sent.status == 403
    sent = console.post("/module/survey/add/", {**fields, "csrf": mine}, Origin="https://evil.example")
    assert sent.status == 403
    assert console.post("/sign-out/", {}).status == 403
    assert sqlite_api.get("survey-template/")["count"] == 0
    assert console.post("/module/survey/add/", {**fields, "csrf": mine}).status == 303


def test_signing_in_cannot_be_forged(sqlite_api: Api) -> None:
    stranger = Console(sqlite_api, None)
    sent = {"username": "manager", "password": "manager"}
    assert stranger.post("/sign-in/", sent, Origin="https://evil.example").status == 403
    assert not stranger.cookie


def test_a_get_changes_nothing(sqlite_api: Api) -> None:
    fill(sqlite_api)
    console = Console(sqlite_api)
    for page in ("/sign-out/", "/module/survey/1/seal/", "/module/survey/example/", "/module/alarm/1/do/cancel/"):
        assert console.get(page).status == 405, page
    assert console.get("/today/").status == 200


def test_static_files_are_those_two(sqlite_api: Api) -> None:
    console = Console(sqlite_api, None)
    for name in ("console.css", "console.js"):
        seen = console.get(f"/static/{name}")
        assert seen.status == 200
        assert len(seen.body) < 20_000
    for name in ("..%2fsite.py", "routes.py", "%2e%2e", "console.css%00"):
        assert console.get(f"/static/{name}").status == 404
