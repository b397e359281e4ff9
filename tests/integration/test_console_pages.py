"""Every page of the console over HTTP, as a browser without JavaScript sees it."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fs_app.store.models import Alarm, CallRequest, Event, SurveyAnswer
from httpapi.console.displays_all import DISPLAYS
from tests.console_client import Console
from tests.rest_client import NOW, Api, new_alarm, new_calendar, new_event, new_gateway, new_survey

PAGES = ("/today/", "/start/", "/admin/", *(display.url for display in DISPLAYS))
READ_ONLY = ("sealed-survey", "alarm-request", "callrequest", "message", "recording")
WRITABLE = tuple(d for d in DISPLAYS if d.path not in READ_ONLY)


def ways_in(api: Api) -> dict[str, dict[str, Any]]:
    """A row of every kind that a person makes, all of ``manager``'s."""
    gateway = new_gateway(api)
    sms = api.post("sms-gateway/", {"name": "texts"}, "root")
    survey = new_survey(api)
    setting = api.post("calendar-setting/", {"label": "s", "survey": survey["url"], "aleg_gateway": gateway["url"]})
    calendar = new_calendar(api)
    event = new_event(api, calendar)
    blocked = api.post("dnc-list/", {"name": "no"})
    return {
        "gateway": gateway,
        "sms-gateway": sms,
        "user": api.get("user/")["results"][0],
        "survey-template": api.get("survey-template/")["results"][0],
        "sealed-survey": survey,
        "calendar-setting": setting,
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


def number(row: dict[str, Any]) -> int:
    return int(row["url"].rstrip("/").rsplit("/", 1)[1])


def address(path: str, row: dict[str, Any]) -> str:
    return f"{next(d.url for d in DISPLAYS if d.path == path)}{number(row)}/"


@pytest.fixture
def world(sqlite_api: Api) -> dict[str, dict[str, Any]]:
    return ways_in(sqlite_api)


@pytest.mark.parametrize("role", ["root", "manager", "practice"])
def test_every_page_can_be_read_by_those_who_may(sqlite_api: Api, world: dict[str, dict[str, Any]], role: str) -> None:
    console = Console(sqlite_api, role)
    menu = {link for link in console.get("/today/").links if link in PAGES}
    assert {"/today/", "/module/event/", "/module/alarm/", "/admin/appointment/alarmrequest/"} <= menu
    assert ("/admin/gateway/" in menu) == (role != "practice")
    for page in PAGES:
        seen = console.get(page)
        assert seen.status in ((200,) if page in menu else (200, 303, 404)), (page, seen.body)
        if seen.status != 303:
            assert seen.read().tags
    for path, row in world.items():
        for tail in ("", "delete/"):
            assert console.get(address(path, row) + tail).status in (200, 404), (path, tail)


def test_the_seeds_addresses_answer(sqlite_api: Api) -> None:
    console = Console(sqlite_api)
    for path in (
        "/admin", "/module/survey/", "/module/calendar_setting/", "/module/calendar_user/", "/module/calendar/",
        "/module/event/", "/module/alarm/", "/admin/appointment/alarmrequest/",
    ):  # fmt: skip
        seen = console.get(path)
        assert seen.status == (200 if path.endswith("/") else 308)


def test_nobody_sees_a_page_without_signing_in(sqlite_api: Api, world: dict[str, dict[str, Any]]) -> None:
    stranger = Console(sqlite_api, None)
    for page in (*PAGES, *(address(path, row) for path, row in world.items())):
        seen = stranger.get(page)
        assert (seen.status, seen.location.split("?")[0]) == (303, "/sign-in/"), page
        assert stranger.post(page, {}).status == 303


def test_signing_in_leads_to_where_one_wanted_to_go_and_nowhere_else(sqlite_api: Api) -> None:
    console = Console(sqlite_api, None)
    wanted = console.get("/module/event/?page=1").location
    form = console.get(wanted).form("password")
    answer = console.post("/sign-in/", {**form.fields, "username": "manager", "password": "manager"})
    assert answer.location == "/module/event/?page=1"
    assert re.search(r"HttpOnly.*SameSite", answer.headers["Set-Cookie"])
    for evil in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/x", ""):
        other = Console(sqlite_api, None)
        sent = {"username": "manager", "password": "manager", "next": evil}
        assert other.post("/sign-in/", sent).location == "/"


def test_a_wrong_password_is_told_and_guessing_is_slowed(sqlite_api: Api) -> None:
    console = Console(sqlite_api, None)
    seen = console.post("/sign-in/", {"username": "manager", "password": "wrong"})
    assert seen.status == 401
    assert "do not belong together" in seen.text
    assert "WWW-Authenticate" not in seen.headers
    statuses = {console.post("/sign-in/", {"username": "manager", "password": f"w{n}"}).status for n in range(40)}
    assert 429 in statuses


def test_signing_out_ends_the_session(sqlite_api: Api) -> None:
    console = Console(sqlite_api)
    kept = console.cookie
    assert console.submit("/today/", "sign-out/").location == "/sign-in/"
    console.cookie = kept
    assert console.get("/today/").status == 303


@pytest.mark.parametrize("display", WRITABLE, ids=lambda d: d.path)
def test_a_form_saves_what_it_shows(sqlite_api: Api, world: dict[str, dict[str, Any]], display: Any) -> None:
    """Opening a form and saving it changes nothing; nor does it lose what the form does not show."""
    if display.path not in world:
        pytest.skip("has no row here: tried elsewhere")
    api, row = sqlite_api, world[display.path]
    who = "root" if display.path in ("gateway", "sms-gateway") else "manager"
    where = row["url"].partition("/rest-api/")[2]
    before = api.get(where, who)
    having = {"survey-template": "name"}.get(display.path, display.fields[0])
    answer = Console(api, who).submit(address(display.path, row), having)
    assert answer.status == 303, answer.body
    after = api.get(where, who)
    assert {k: v for k, v in after.items() if k != "updated_date"} == {
        k: v for k, v in before.items() if k != "updated_date"
    }


def test_an_error_stands_beside_its_field_and_nothing_is_lost(sqlite_api: Api, world: dict[str, Any]) -> None:
    console = Console(sqlite_api)
    event = number(world["event"])
    seen = console.submit(
        "/module/alarm/add/", "alarm_phonenumber", event=str(event), alarm_phonenumber="not a number", maxretry="-4",
        daily_start="07:30", advance_notice="2", advance_notice__unit="86400",
    )  # fmt: skip
    assert seen.status == 400
    tags = seen.read().tags
    wrong = {have["name"]: have["aria-describedby"] for _, have in tags if have.get("aria-invalid")}
    assert wrong.keys() == {"alarm_phonenumber", "maxretry"}
    ids = {have.get("id") for _, have in tags}
    assert all(one in ids for about in wrong.values() for one in about.split())
    fields = seen.form("alarm_phonenumber").fields
    assert (fields["alarm_phonenumber"], fields["daily_start"]) == ("not a number", "07:30")
    assert (fields["advance_notice"], fields["advance_notice__unit"], fields["event"]) == ("2", "86400", str(event))
    again = console.post("/module/alarm/add/", {**fields, "alarm_phonenumber": "+15550100009", "maxretry": "1"})
    assert again.status == 303
    made = sqlite_api.get("alarm/?ordering=-id")["results"][0]
    assert (made["alarm_phonenumber"], made["advance_notice"], made["daily_start"]) == (
        "+15550100009", 172_800, "07:30:00",
    )  # fmt: skip


def test_times_are_those_of_the_calendar(sqlite_api: Api) -> None:
    api = sqlite_api
    calendar = new_calendar(api, timezone="America/New_York")
    console = Console(api)
    made = console.submit(
        "/module/event/add/", "title", title="New York", calendar=str(number(calendar)), start="2026-07-01T09:00",
        data="doctor = Adams\ncount = 3",
    )  # fmt: skip
    assert made.status == 303, made.body
    event = api.get("event/?ordering=-id")["results"][0]
    assert event["start"] == "2026-07-01T13:00:00Z"
    assert event["data"] == {"doctor": "Adams", "count": 3}
    assert event["creator"].endswith(f"/{api.ids['practice']}/")
    page = console.get(made.location)
    assert page.form("title").fields["start"] == "2026-07-01T09:00"
    assert page.form("title").fields["data"] == "count = 3\ndoctor = Adams"


def test_a_calendar_user_and_its_profile_are_one_form(sqlite_api: Api, world: dict[str, Any]) -> None:
    api, console = sqlite_api, Console(sqlite_api)
    setting = number(world["calendar-setting"])
    fields = {"username": "desk", "password": "desk", "calendar_setting": str(setting), "city": "Lyon"}
    assert console.submit("/module/calendar_user/add/", "username", **fields).status == 303
    made = api.get("calendar-user/?username=desk")["results"][0]
    profile = api.get(f"calendar-user-profile/{number(made)}/")
    assert (profile["calendar_setting"], profile["city"]) == (setting, "Lyon")
    refused = console.submit(
        "/module/calendar_user/add/", "username", **{**fields, "username": "d2", "accountcode": "x"}
    )
    assert refused.status == 400
    assert api.get("calendar-user/?username=d2")["count"] == 0
    assert Console(api, "desk").get("/today/").status == 200


def test_what_is_in_use_is_not_deleted_and_says_by_what(sqlite_api: Api, world: dict[str, Any]) -> None:
    root = Console(sqlite_api, "root")
    page = address("gateway", world["gateway"]) + "delete/"
    seen = root.post(page, root.get(page).read().forms[-1].fields)
    assert seen.status == 409
    assert address("calendar-setting", world["calendar-setting"]) in seen.links
    page = address("dnc-contact", world["dnc-contact"]) + "delete/"
    console = Console(sqlite_api)
    assert console.post(page, console.get(page).read().forms[-1].fields).status == 303
    assert sqlite_api.get("dnc-contact/")["count"] == 0


def test_call_now_put_off_and_cancel(sqlite_api: Api, world: dict[str, Any]) -> None:
    api, console = sqlite_api, Console(sqlite_api)
    alarm = number(world["alarm"])
    path = f"alarm/{alarm}/"

    def press(action: str, **fields: str) -> Any:
        csrf = console.get("/today/").form("csrf").fields["csrf"]
        return console.post(f"/module/alarm/{alarm}/do/{action}/", {"csrf": csrf, **fields})

    rung = api.rung
    assert press("call_now").location == "/today/?done=called"
    assert api.rung > rung
    assert api.get(path)["due_at"] == "2026-03-02T10:00:00Z"
    assert press("snooze", minutes="60").status == 303
    assert api.get(path)["due_at"] == "2026-03-02T11:00:00Z"
    assert press("snooze", minutes="-5").status == 400
    assert press("snooze", minutes="10080").status == 303
    assert press("snooze", minutes="10080").status == 409  # after the event
    assert press("cancel").status == 303
    over = api.get(path)
    assert (over["status"], over["reason"], over["due_at"]) == (3, "cancelled by manager", None)
    assert press("cancel").status == 409
    assert press("call_now").status == 303  # once more, on purpose
    again = api.get(path)
    assert (again["status"], again["due_at"], again["reason"]) == (4, "2026-03-02T10:00:00Z", "")
    with api.store.transaction():
        Alarm.update(status=2).execute()
    assert press("call_now").status == 409
    with api.store.transaction():
        Alarm.update(status=1).execute()
        Event.update(status=3).execute()
    assert press("call_now").status == 409
    assert press("nonsense").status == 404


def test_nobody_is_called_outside_the_hours_by_a_button(sqlite_api: Api, world: dict[str, Any]) -> None:
    api = sqlite_api
    path = f"alarm/{number(world['alarm'])}/"
    api.patch(path, {"daily_start": "18:00", "daily_stop": "20:00"})  # it is 11:00 in Paris
    refused = api.refused("POST", path + "call_now/", {}, status=409)
    assert "18:00" in refused["detail"]


def test_what_is_not_yours_is_not_there(sqlite_api: Api, world: dict[str, Any]) -> None:
    rival = Console(sqlite_api, "rival")
    csrf = rival.get("/today/").form("csrf").fields["csrf"]
    for path, row in world.items():
        if path in ("gateway", "sms-gateway"):
            continue  # every manager reads these
        for tail in ("", "delete/"):
            assert rival.get(address(path, row) + tail).status == 404, (path, tail)
            assert rival.post(address(path, row) + tail, {"csrf": csrf}).status in (404, 405), (path, tail)
    survey, alarm = number(world["survey-template"]), number(world["alarm"])
    for tail in ("try/", "compare/", "section/add/", "section/1/"):
        assert rival.get(f"/module/survey/{survey}/{tail}").status == 404, tail
    for tail in ("seal/", "section/add/", "section/1/", "section/1/delete/"):
        assert rival.post(f"/module/survey/{survey}/{tail}", {"csrf": csrf, "type": "1"}).status == 404, tail
    for action in ("call_now", "snooze", "cancel"):
        sent = {"csrf": csrf, "minutes": "5"}
        assert rival.post(f"/module/alarm/{alarm}/do/{action}/", sent).status == 404
    assert "Check-up" not in rival.get("/today/").body + rival.get("/module/alarm/add/").body
    user = Console(sqlite_api, "practice")
    assert user.get("/module/survey/").status == 404
    assert user.get("/admin/gateway/").status == 404
    assert user.get("/module/calendar_user/add/").status == 404


def test_a_manager_reads_gateways_and_changes_none(sqlite_api: Api, world: dict[str, Any]) -> None:
    console = Console(sqlite_api)
    page = console.get(address("gateway", world["gateway"]))
    assert "sofia/gateway/provider/" in page.text
    assert len(page.read().forms) == 2  # signing out, and a test call
    csrf = page.form("csrf").fields["csrf"]
    assert console.post(address("gateway", world["gateway"]), {"csrf": csrf, "name": "x"}).status == 403
    assert console.get("/admin/gateway/add/").status == 404


def test_a_long_list_has_pages_filters_and_an_order(sqlite_api: Api, world: dict[str, Any]) -> None:
    api, console = sqlite_api, Console(sqlite_api)
    for n in range(30):
        new_alarm(api, world["event"], alarm_phonenumber=f"+1555010{n:04d}")
    first = console.get("/module/alarm/")
    assert "31 in all" in first.text
    second = console.get(next(link for link in first.links if "page=2" in link))
    assert "Page 2 of 2" in second.text
    found = console.get("/module/alarm/?alarm_phonenumber=%2B15550100007&status=")
    assert "1 in all" in found.text
    assert "no such filter" in console.get("/module/alarm/?nonsense=1").text
    ordered = console.get("/module/alarm/?ordering=due_at")
    assert any("ordering=-due_at" in link for link in ordered.links)


def test_an_access_token_is_shown_once(sqlite_api: Api) -> None:
    console = Console(sqlite_api)
    seen = console.submit("/admin/token/add/", "scope", label="till", scope="read")
    assert seen.status == 200
    token = re.search(r"fsa_[\w-]+", seen.text)
    assert token
    asked = sqlite_api.send("GET", "event/", user=None, headers={"Authorization": f"Bearer {token.group(0)}"})
    assert asked.status == 200
    assert token.group(0) not in console.get("/admin/token/").body + console.get("/admin/token/1/").body
    page = "/admin/token/1/delete/"
    assert console.post(page, console.get(page).read().forms[-1].fields).status == 303
    assert sqlite_api.get("token/")["count"] == 0


def test_two_editors_do_not_overwrite_each_other(sqlite_api: Api, world: dict[str, Any]) -> None:
    one, other = Console(sqlite_api), Console(sqlite_api)
    page = address("event", world["event"])
    mine, theirs = one.get(page).form("title").fields, other.get(page).form("title").fields
    assert one.post(page, {**mine, "title": "Mine"}).status == 303
    refused = other.post(page, {**theirs, "title": "Theirs"})
    assert refused.status == 409
    assert "Somebody else" in refused.text
    assert refused.form("title").fields["title"] == "Theirs"
    assert sqlite_api.get(world["event"]["url"].partition("/rest-api/")[2])["title"] == "Mine"
    assert other.post(page, {**refused.form("title").fields}).status == 303


# ---- surveys


def test_a_survey_is_written_tried_sealed_and_compared(sqlite_api: Api) -> None:
    api, console = sqlite_api, Console(sqlite_api)
    page = console.submit("/module/survey/add/", "name", name="Wake up", tts_language="en").location
    assert "There are none yet" in console.get(page).text
    add = page.partition("?")[0] + "section/add/"
    asked = {
        "question": "Awake?",
        "script": "Good morning {name}. Press 1.",
        "rating_laps": "2",
        "order": "1",
        "retries": "2",
    }
    assert console.submit(f"{add}?type=3", "question", **asked).status == 303
    said = {"question": "Bye", "script": "Goodbye.", "order": "2", "completed": "true"}
    assert console.submit(f"{add}?type=1", "question", **said).status == 303
    first, second = api.get("section-template/?ordering=order")["results"]
    builder = console.get(page)
    assert "never" in builder.text  # nothing leads to the second section: the finding stands on it
    section = f"{page.partition('?')[0]}section/{number(first)}/"
    assert console.submit(section, "question", way_1=str(number(second)), way_timeout="hangup").status == 303
    ways = {row["keys"]: row["goto"] for row in api.get("branching-template/")["results"]}
    assert ways == {"1": second["url"], "timeout": None}
    fields = console.get(section).form("question").fields
    assert (fields["way_1"], fields["way_timeout"], fields["way_any"]) == (str(number(second)), "hangup", "")
    assert console.submit(section, "question", way_timeout="").status == 303
    assert api.get("branching-template/")["count"] == 1

    french = {"translations__0__tag": "fr", "translations__0__script": "Bonjour {name}."}
    assert console.submit(section, "question", **french).status == 303
    assert api.get(f"section-template/{number(first)}/")["translations"]["fr"]["script"] == "Bonjour {name}."
    assert console.get(section).form("question").fields["translations__1__tag"] == ""
    assert console.submit(section, "question", translations__0__tag="").status == 303
    assert api.get(f"section-template/{number(first)}/")["translations"] == {}

    tried = console.get(f"{page.partition('?')[0]}try/?keys=-,9,1")
    assert "Good morning name. Press 1." in tried.text
    assert "No key was pressed in time" in tried.text
    sealed = console.submit(page, "seal/")
    assert "done=sealed" in sealed.location
    assert "They say the same" in console.get(f"{page.partition('?')[0]}compare/").text
    assert console.submit(section, "question", script="Good evening.").status == 303
    compared = console.get(f"{page.partition('?')[0]}compare/")
    assert "Good morning" in compared.text
    assert "Good evening." in compared.text
    assert "Good morning {name}" in console.get("/module/sealed_survey/1/").text


def test_keys_on_the_keypad_are_links(sqlite_api: Api) -> None:
    console = Console(sqlite_api)
    page = console.post(
        "/module/survey/example/", {"csrf": console.get("/today/").form("csrf").fields["csrf"]}
    ).location.partition("?")[0]
    seen = console.get(page + "try/")
    seen = console.get(next(link for link in seen.links if "keys=1#" in link).partition("#")[0])
    assert "Thank you. Your appointment is confirmed. Goodbye." in seen.text
    assert "The call ends." in seen.text
    assert "confirmed" in seen.text
    for odd in ("try/?keys=<script>", "try/?keys=" + "1," * 500, "try/?entry=%2B%2B", "try/?keys=12345678901234567890"):
        assert console.get(page + odd.replace("<", "%3C").replace(">", "%3E")).status == 200


def test_words_can_be_listened_to(sqlite_api: Api) -> None:
    console = Console(sqlite_api)
    heard = console.get("/module/survey/speak/?words=Hello&language=fr")
    assert (heard.status, heard.headers["Content-Type"], heard.body) == (200, "audio/wav", "fr: Hello")
    assert console.get("/module/survey/speak/?words=" + "x" * 1001).status == 400
    assert console.get("/module/survey/speak/").status == 400


# ---- calendar


def test_the_calendar_shows_events_and_what_will_be(sqlite_api: Api) -> None:
    api, console = sqlite_api, Console(sqlite_api)
    calendar = new_calendar(api, timezone="Europe/Paris")
    rule = api.post("rule/", {"name": "tuesdays", "frequency": "WEEKLY", "params": "byweekday:TU"})
    event = new_event(api, calendar, start="2026-03-17 09:00:00", rule=rule["url"])
    seen = console.get("/module/calendar/month/?date=2026-03-01")
    assert "March 2026" in seen.text
    assert seen.text.count("09:00 Check-up") == 3  # 17, 24 and 31: the clocks change on the 29th
    planned = [link for link in seen.links if "/occurrence/" in link]
    assert len(planned) == 2
    for span in ("week", "day"):
        assert "09:00 Check-up" in console.get(f"/module/calendar/{span}/?date=2026-03-31").text
    one = console.get(planned[0])
    assert "Tue 24 Mar 2026, 09:00" in one.text
    form = one.form("start").fields
    moved = console.post(planned[0].partition("?")[0], {**form, "start": "2026-03-25T10:30", "do": "move"})
    assert moved.location == "/module/calendar/month/?date=2026-03-25&done=moved"
    assert "10:30 Check-up" in console.get(moved.location).text
    master = number(event)
    form = console.get(planned[1]).form("start").fields
    assert console.post(f"/module/event/{master}/occurrence/", {**form, "do": "cancel"}).status == 303
    assert "cancelled" in console.get("/module/calendar/month/?date=2026-03-01").text
    assert console.post(f"/module/event/{master}/occurrence/", {**form, "do": "uncancel"}).status == 303
    kept = console.post(f"/module/event/{master}/occurrence/", {**form, "do": "keep"})
    assert console.get(kept.location).form("title").fields["start"] == "2026-03-31T09:00"
    assert "Change the whole series" in console.get(kept.location).text
    for bad in ("nonsense", "2026-01-01T00:00:00Z", ""):
        assert console.get(f"/module/event/{master}/occurrence/?at={bad}").status in (400, 404)
    assert console.get("/module/calendar/month/?date=9999-99-99").status == 200


def test_a_drag_asks_before_it_moves(sqlite_api: Api) -> None:
    api, console = sqlite_api, Console(sqlite_api)
    event = new_event(api, new_calendar(api, timezone="Europe/Paris"), start="2026-03-27 09:00:00")
    where = f"/module/calendar/move/?event={number(event)}&to=2026-03-30"
    assert console.get(where).status == 200
    done = console.submit(where, "to")
    assert done.status == 303
    after = api.get(event["url"].partition("/rest-api/")[2])
    assert (after["start"], after["end"]) == ("2026-03-30T07:00:00Z", "2026-03-30T08:00:00Z")  # 09:00, in summer
    assert console.get(where.replace("2026-03-30", "soon")).status == 400
    assert Console(api, "rival").get(where).status == 404


def test_repetition_in_plain_words(sqlite_api: Api, world: dict[str, Any]) -> None:
    api, console = sqlite_api, Console(sqlite_api)
    event = number(world["event"])
    page = f"/module/event/{event}/repeat/"
    shown = console.get(page + "?words=every+second+Tuesday+until+June")
    assert "Tue 24 Mar 2026, 09:00" in shown.text
    assert "to 15550100001" in shown.text.replace("+", "")
    assert console.submit(page + "?words=every+second+Tuesday+until+June", "repeat/").status == 303
    rule = api.get(f"event/{event}/")["rule"].partition("/rest-api/")[2]
    assert api.get(rule)["params"] == "interval:2;byweekday:TU;until:2026-06-30"
    shown = console.get(page)  # how it is now, and from now on only
    assert "It repeats now: every second Tuesday until June" in shown.text
    assert "Tue 24 Mar 2026, 09:00" in shown.text
    api.clock.advance(23 * 86400)
    api.patch(f"event/{event}/", {"exdates": ["2026-04-07"]})
    console = Console(sqlite_api)  # the other session has expired
    shown = console.get(page)
    assert "24 Mar 2026" not in shown.text
    assert "7 Apr 2026" not in shown.text
    assert "Tue 21 Apr 2026, 09:00" in shown.text
    assert "not understood" in console.get(page + "?words=sometimes").text
    csrf = console.get(page).form("csrf").fields["csrf"]
    assert console.post(page, {"csrf": csrf, "never": "1"}).status == 303
    assert api.get(f"event/{event}/")["rule"] is None


# ---- results, calls of one's own


def test_results_are_charts_tables_and_csv(api: Api) -> None:
    sealed = number(ways_in(api)["sealed-survey"])
    with api.store.transaction():
        for n, (outcome, result) in enumerate((("answered", 1), ("answered", 0), ("busy", 0))):
            call = CallRequest.create(
                request_uuid=f"u{n}", call_time=NOW, phone_number="1", survey=sealed, user=api.ids["practice"],
                outcome=outcome, result=result, dialled_at=NOW, answered_at=NOW, created_date=NOW,
            )  # fmt: skip
            SurveyAnswer.create(
                callrequest=call, position=0, survey=sealed, section_id=1, digits=str(n), response="=1+1",
                created_date=NOW,
            )  # fmt: skip
    console = Console(api)
    page = f"/module/sealed_survey/{sealed}/results/"
    seen = console.get(page)
    assert "3 calls" in seen.text
    assert "67 % of calls answered" in seen.text
    assert "50 % of those confirmed" in seen.text
    table = console.get(page + "outcomes.csv?days=30")
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert table.body == "ended as,number,share\r\nanswered,2,67 %\r\nbusy,1,33 %\r\n"
    hours = console.get(page + "hours.csv?days=30").body
    assert hours.startswith("hour,answered,not answered,share\r\n")
    assert f"{NOW.astimezone(ZoneInfo('Europe/Paris')):%H},2,1,100 %" in hours
    assert console.get(page + "nonsense.csv").status == 404
    assert Console(api, "rival").get(page + "outcomes.csv").status == 404


def test_every_page_on_either_database(api: Api) -> None:
    world = ways_in(api)
    console = Console(api)
    for page in (*PAGES, "/module/calendar/month/?date=2026-03-01", *(address(p, row) for p, row in world.items())):
        assert console.get(page).status == 200, page


def test_call_me_with_it(sqlite_api: Api, world: dict[str, Any]) -> None:
    api, console = sqlite_api, Console(sqlite_api)
    page = address("sealed-survey", world["sealed-survey"])
    rung = api.rung
    calendar = str(number(world["calendar"]))
    assert console.submit(page, "number", number="+15550100077", calendar=calendar).location == "/today/?done=called"
    assert api.rung > rung
    alarm = api.get("alarm/?ordering=-id")["results"][0]
    assert alarm["alarm_phonenumber"].endswith("15550100077")
    assert alarm["survey"] == world["sealed-survey"]["url"]
    assert alarm["due_at"] == "2026-03-02T10:00:00Z"
    events = api.get("event/")["count"]
    refused = console.submit(page, "number", number="nonsense", calendar=calendar)
    assert refused.status == 400
    assert api.get("event/")["count"] == events


def test_an_address_that_is_none(sqlite_api: Api) -> None:
    """A browser is shown a page, a program told in JSON."""
    stranger = Console(sqlite_api, None)
    seen = stranger.get("/nowhere/", Accept="text/html,*/*;q=0.8")
    assert (seen.status, seen.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "No page has this address" in seen.text
    assert "frame-ancestors 'none'" in seen.headers["Content-Security-Policy"]
    assert stranger.get("/nowhere/").headers["Content-Type"].startswith("application/json")
