"""The console under attack: words that would be markup, forged requests, framing."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from fs_app.domain.enums import SectionType
from fs_app.store.models import MODELS, AlarmRequest, AudioBlob, CallRequest, Outbox, SealedSurvey, SurveyAnswer
from httpapi.console.displays_all import DISPLAYS
from tests.console_client import Console, Seen
from tests.console_routes import FILES, addresses, first_rows, owner, patterns
from tests.rest_client import NOW, Api
from tests.rows import SURVEY
from tests.sounds import wav

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
        SurveyAnswer.create(
            callrequest=call, position=1, survey=sealed, section_id=1, digits="", response="recorded",
            recording=AudioBlob.create(sha256="0" * 64, content=wav(b"\0\0" * 800)), created_date=NOW,
        )  # fmt: skip
        CallRequest.update(
            originate=f"originate {{fs_app=true}}sofia/gateway/p/1 {EVIL}", visited="1 2026-03-02T10:00:00.000000Z\n",
            protocol_cause=EVIL, switch=EVIL, gateway=int(gateway["url"].rstrip("/").rsplit("/", 1)[1]),
        ).execute()  # fmt: skip
        Outbox.create(
            kind="sms", idempotency_key="k", destination=EVIL, payload={"text": EVIL}, reason=EVIL,
            user=api.ids["manager"],
            expires_at=NOW, created_date=NOW, updated_date=NOW, alarm=int(alarm["url"].rstrip("/").rsplit("/", 1)[1]),
        )  # fmt: skip
    sound = base64.b64encode(wav(b"\0\0" * 800)).decode()
    api.post("audio-files/", {"name": text, "audio_file": sound})
    api.post("webhook/", {"target": "https://x.example/<hostile>"})
    api.post("token/", {"label": text[:60], "scope": "read"})
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


def pages(api: Api) -> list[str]:
    """Every address of the console, for rows full of hostile words."""
    rows = first_rows(lambda path: api.get(path, "root"))
    found = [address for _, address in addresses(rows)]
    at = api.get(f"event/{rows['event']}/", "root")["start"]
    return [f"{one}?at={at}" if one.endswith("/occurrence/") else one for one in found]


@pytest.mark.parametrize("role", ["root", "manager", "practice"])
def test_hostile_words_stay_words_on_every_page(sqlite_api: Api, role: str) -> None:
    """The pages of the table of routes, and whatever they lead to."""
    fill(sqlite_api)
    console = Console(sqlite_api, role)
    waiting, seen_already, opened = ["/today/", *pages(sqlite_api)], set(), set()
    found = 0
    while waiting:
        page = waiting.pop()
        kind = page.partition("?")[0]
        if page in seen_already or len([p for p in seen_already if p.startswith(kind + "?")]) > 6:
            continue
        seen_already.add(page)
        seen = console.get(page)
        assert seen.status < 500, (page, seen.body)
        if kind.endswith(FILES):
            continue
        if seen.status < 300 or seen.status >= 400:
            inert(seen, page)
            guarded(seen, page)
        if seen.status >= 300:
            continue
        opened.add(kind)
        found += "&lt;hostile" in seen.body
        waiting += [
            link.partition("#")[0] if not link.startswith("?") else kind + link
            for link in seen.links
            if link.startswith(("/", "?")) and not link.startswith("/rest-api/")
        ]
    assert found > 20
    if role == "root":
        rows = first_rows(lambda path: sqlite_api.get(path, "root"))
        tried = {pattern for pattern, address in addresses(rows) if address.partition("?")[0] in opened}
        only_posted = {p for p, a in addresses(rows) if console.get(a).status == 405}
        not_pages = {"/", "/static/<name>"} | {p for p, a in addresses(rows) if a.partition("?")[0].endswith(FILES)}
        nothing_to_add = {f"{d.url}add/" for d in DISPLAYS if console.get(f"{d.url}add/").status == 404}
        nothing_to_delete = {f"{d.url}<id>/delete/" for d in DISPLAYS if f"{d.url}add/" in nothing_to_add}
        left = set(patterns()) - tried - only_posted - not_pages - nothing_to_add - nothing_to_delete
        assert left <= {"/sign-in/"}, "these pages were never seen with hostile words"


def test_hostile_words_in_every_field_of_every_form(sqlite_api: Api) -> None:
    """Each form of each page is sent with markup in all of its fields: whatever comes of it, nothing of it runs."""
    fill(sqlite_api)
    console = Console(sqlite_api, "root")
    sent = set()
    for page in pages(sqlite_api):
        if page.partition("?")[0].endswith(FILES):
            continue
        seen = console.get(page)
        if seen.status != 200:
            continue
        for form in seen.read().forms:
            action = form.action or page
            if (action, *sorted(form.fields)) in sent or form.method != "post" or action.endswith(("out/", "delete/")):
                continue
            sent.add((action, *sorted(form.fields)))
            answer = console.post(action, {name: v if name == "csrf" else EVIL for name, v in form.fields.items()})
            assert answer.status < 500, (action, answer.body)
            if answer.status != 303:
                inert(answer, action)
            else:
                assert answer.location.startswith("/"), action
                inert(console.get(answer.location), answer.location)
    assert len(sent) > 40


def test_no_address_takes_a_forged_request(sqlite_api: Api) -> None:
    """A POST without the session's token, with another's, or from another site changes nothing anywhere."""
    fill(sqlite_api)
    console, other = Console(sqlite_api, "root"), Console(sqlite_api, "root")
    mine, theirs = (one.get("/today/").form("csrf").fields["csrf"] for one in (console, other))
    before = counted()
    for page in pages(sqlite_api):
        if page == "/sign-in/":
            continue
        fields = {"name": "forged", "number": NUMBER, "minutes": "5", "type": "1", "words": "every day", "do": "cancel"}
        for sent, headers in (
            (fields, {}),
            ({**fields, "csrf": theirs}, {}),
            ({**fields, "csrf": mine}, {"Origin": "https://evil.example"}),
            ({**fields, "csrf": mine}, {"Sec-Fetch-Site": "cross-site"}),
        ):
            answer = console.post(page, sent, **headers)
            assert answer.status in (403, 404, 405), (page, answer.status)
    assert counted() == before
    assert console.get("/today/").status == 200


def counted() -> dict[str, int]:
    """Rows by table."""
    return {model.__name__: model.select().count() for model in MODELS}


@pytest.mark.parametrize("role", ["rival", "other", None])
def test_no_address_shows_what_is_somebody_elses(sqlite_api: Api, role: str | None) -> None:
    """Forced browsing: each address of manager's rows, as another manager, as its calendar user, and as nobody."""
    fill(sqlite_api)
    console = Console(sqlite_api, role)
    csrf = console.get("/today/").form("csrf").fields["csrf"] if role else ""
    before = counted()
    owned = {"user": sqlite_api.ids["manager"], "calendar-user": sqlite_api.ids["practice"]}
    rows = first_rows(lambda path: sqlite_api.get(path, "root"), owned)
    for pattern, page in addresses(rows):
        if pattern in ("/static/<name>", "/sign-in/", "/sign-out/"):
            continue
        seen = console.get(page)
        if role is None:
            assert seen.status == 303, page
            assert seen.location.startswith("/sign-in/"), page
            assert console.post(page, {}).location.startswith("/sign-in/"), page
            continue
        assert NUMBER not in seen.body, page
        if "<id>" in pattern and owner_of(pattern) not in SHARED:
            assert seen.status in (404, 405), (page, seen.status)
            sent = {"csrf": csrf, "number": NUMBER, "minutes": "5", "type": "1", "words": "every day", "do": "cancel"}
            assert console.post(page, sent).status in (404, 405), page
    assert counted() == before


SHARED = frozenset({"gateway", "sms-gateway", "rule"})  # every manager reads these


def owner_of(pattern: str) -> str:
    return owner(pattern) if "<id>" in pattern else ""


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
