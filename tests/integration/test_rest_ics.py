"""Calendars as files: what the well-known programs write comes in, once; what is here goes out, and comes in again."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from icalendar import Calendar as File

from fs_app.store.database import Store
from fs_app.store.models import Alarm, CalendarSubscription, Event, Occurrence
from httpapi.ics_poller import Poller
from tests.calendars import APPLE, GOOGLE, OUTLOOK, THUNDERBIRD, crlf
from tests.rest_client import Answer, Api, new_alarm, new_calendar, new_event
from tests.servers import Received, web_server


def send(api: Api, text: str, query: str = "", user: str = "manager", calendar: int = 1) -> Answer:
    path = f"calendar/{calendar}/import/{query}"
    return api.send("POST", path, crlf(text), {"Content-Type": "text/calendar"}, user=user)


def counts(answer: Answer) -> tuple[int, int, int, int]:
    told = answer.json()
    assert answer.status == 200, told
    assert not told["errors"], told
    return told["created"], told["updated"], told["unchanged"], told["removed"]


@pytest.fixture
def practice(api: Api) -> Api:
    new_calendar(api, timezone="Europe/Paris")
    return api


def listed(api: Api, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get(f"{path}/?page_size=100")["results"]
    return rows


def test_google(practice: Api) -> None:
    api = practice
    assert counts(send(api, GOOGLE)) == (1, 0, 1, 0)
    master = next(one for one in listed(api, "event") if one["parent_event"] is None)
    assert (master["title"], master["start"], master["end"]) == (
        "Physiotherapy",
        "2026-03-10T08:00:00Z",
        "2026-03-10T08:30:00Z",
    )
    rule = api.get(master["rule"].partition("/rest-api/")[2])
    assert (rule["frequency"], rule["params"]) == ("WEEKLY", "FREQ=WEEKLY;UNTIL=20260430T215959Z;BYDAY=TU")
    assert master["exdates"] == ["2026-03-24 08:00:00+00:00"]
    # Two reminders at one moment are one call; the occurrence that was moved has it as well.
    master_alarms = [one for one in listed(api, "alarm") if one["event"] == master["url"]]
    assert [(one["alarm_phonenumber"], one["due_at"]) for one in master_alarms] == [
        ("+33123456789", "2026-03-09T08:00:00Z")
    ]
    moved = next(one for one in listed(api, "event") if one["parent_event"] is not None)
    assert moved["start"] == "2026-04-01T09:00:00Z"
    assert [one["due_at"] for one in listed(api, "alarm") if one["event"] == moved["url"]] == ["2026-03-31T09:00:00Z"]
    # Sent again, nothing changes.
    assert counts(send(api, GOOGLE)) == (0, 0, 2, 0)
    assert (Event.select().count(), Alarm.select().count(), Occurrence.select().count()) == (2, 2, 1)


def test_outlook_names_zones_in_its_own_way(practice: Api) -> None:
    assert counts(send(practice, OUTLOOK)) == (1, 0, 0, 0)
    event, alarm = listed(practice, "event")[0], listed(practice, "alarm")[0]
    assert (event["title"], event["start"], event["end"]) == (
        "Contrôle",
        "2026-06-10T07:30:00Z",
        "2026-06-10T08:00:00Z",
    )
    assert event["description"].startswith("Bring the X-rays.\n")
    assert (alarm["alarm_phonenumber"], alarm["advance_notice"]) == ("0123456789", 900)


def test_apple_writes_alarms_that_are_none(practice: Api) -> None:
    assert counts(send(practice, APPLE, "?alarm_phonenumber=5550100&advance_notice=3600")) == (2, 0, 0, 0)
    timed, whole_day = listed(practice, "event")
    alarms = [(one["event"], one["alarm_phonenumber"], one["due_at"]) for one in listed(practice, "alarm")]
    assert alarms == [
        (timed["url"], "+33198765432", "2026-03-13T12:00:00Z"),
        (whole_day["url"], "5550100", "2026-03-19T22:00:00Z"),  # no VALARM: an hour before midnight in Paris
    ]
    assert (whole_day["start"], whole_day["end"]) == ("2026-03-19T23:00:00Z", "2026-03-20T23:00:00Z")


def test_thunderbird(practice: Api) -> None:
    assert counts(send(practice, THUNDERBIRD)) == (1, 0, 0, 0)
    event = listed(practice, "event")[0]
    assert (event["end"], event["exdates"]) == ("2026-03-11T08:45:00Z", ["2026-05-13 07:00:00+00:00"])
    assert [(one["alarm_phonenumber"], one["due_at"]) for one in listed(practice, "alarm")] == [
        ("+33123456789", "2026-03-11T07:30:00Z"),
        ("+33123456789", "2026-03-11T08:45:00Z"),  # relative to the end
    ]


def test_a_change_moves_the_event_and_its_alarms(practice: Api) -> None:
    api = practice
    send(api, OUTLOOK)
    later = OUTLOOK.replace("20260610T093000", "20260611T140000").replace("20260610T100000", "20260611T143000")
    assert counts(send(api, later)) == (0, 1, 0, 0)
    assert listed(api, "event")[0]["start"] == "2026-06-11T12:00:00Z"
    assert [one["due_at"] for one in listed(api, "alarm")] == ["2026-06-11T11:45:00Z"]
    # Whoever was called about a time already is not called about it again.
    with api.store.transaction():
        Alarm.update(status=5, num_attempt=1, due_at=None).execute()
    assert counts(send(api, later.replace("Contr\u00f4le", "Autre"))) == (0, 1, 0, 0)
    assert [one["status"] for one in listed(api, "alarm")] == [5]
    # Called off: paused, and not called.
    off = OUTLOOK.replace("SEQUENCE:0", "SEQUENCE:2\nSTATUS:CANCELLED")
    assert counts(send(api, off)) == (0, 1, 0, 0)
    assert listed(api, "event")[0]["status"] == 3


def test_what_cannot_be_is_told_and_the_rest_is_taken(practice: Api) -> None:
    broken = GOOGLE.replace("FREQ=WEEKLY;WKST=MO;UNTIL=20260430T215959Z;BYDAY=TU", "FREQ=SECONDLY")
    told = send(practice, broken + OUTLOOK).json()
    assert (told["created"], told["failed"]) == (1, 1)
    assert told["errors"][0]["uid"] == "weekly1@google.com"
    for text in ("", "no calendar", "BEGIN:VCALENDAR", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n"):
        answer = send(practice, text)
        assert answer.status in (200, 400), text
    assert practice.send("POST", "calendar/1/import/", "{}").status == 415
    assert send(practice, OUTLOOK, "?advance_notice=x&colour=red").json().keys() == {"advance_notice", "colour"}
    assert send(practice, OUTLOOK, user="rival").status == 404


def test_out_and_in_again(practice: Api) -> None:
    api = practice
    send(api, GOOGLE + OUTLOOK + THUNDERBIRD)
    own = new_event(api, {"url": "1"}, title="Ours, with a comma; and more", description="two\nlines")
    new_alarm(api, own, advance_notice=7200)
    answer = api.send("GET", "calendar/1/export/")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    file = File.from_ical(answer.body)
    assert [str(zone["TZID"]) for zone in file.walk("VTIMEZONE")] == ["Europe/Paris"]
    new_calendar(api, timezone="Europe/Paris")
    phone = "?alarm_phonenumber=5550100"
    assert counts(send(api, answer.body.decode().replace("\r\n", "\n"), phone, calendar=2))[0] == 4
    with api.store.reading():
        before, after = (
            [
                (row.title, row.description, row.start, row.end, None if row.rule is None else row.rule.params)
                for row in Event.select().where(Event.calendar == number).order_by(Event.title, Event.start)
            ]
            for number in (1, 2)
        )
    assert [row[:4] for row in before] == [row[:4] for row in after]
    again = api.send("GET", "calendar/2/export/").body
    assert [e.get("RRULE") for e in File.from_ical(again).walk("VEVENT")] == [
        e.get("RRULE") for e in file.walk("VEVENT")
    ]


def test_a_private_feed(practice: Api) -> None:
    api = practice
    new_event(api, {"url": "1"})
    assert api.get("calendar/1/feed/") == {"url": None}
    url = api.send("POST", "calendar/1/feed/", "", {"Content-Type": ""}).json()["url"]
    assert api.get("calendar/1/feed/") == {"url": url}
    path = "/" + url.split("/", 3)[3]
    read = api.send("GET", path, user=None)
    assert (read.status, read.body[:15]) == (200, b"BEGIN:VCALENDAR")
    assert api.send("GET", path, headers={"If-None-Match": read.headers["ETag"]}, user=None).status == 304
    renewed = api.send("POST", "calendar/1/feed/", "", {"Content-Type": ""}).json()["url"]
    assert api.send("GET", path, user=None).status == 404
    assert api.send("GET", "/" + renewed.split("/", 3)[3], user=None).status == 200
    assert api.send("GET", "calendar/1/feed/", user="rival").status == 404
    assert api.send("DELETE", "calendar/1/feed/").status == 204
    assert api.send("GET", "/" + renewed.split("/", 3)[3], user=None).status == 404
    assert api.send("GET", "/feeds/x.ics", user=None).status == 404


# ---- subscriptions


def poller(api: Api) -> Poller:
    return Poller(api.services, api.surround.registry)


def look(api: Api, poller: Poller) -> float:
    return float(api.in_thread(poller.look))


def test_a_subscription_is_read_merged_and_not_repeated(database_url: str) -> None:
    store = Store(database_url)
    store.migrate()
    api = Api(store, [ip_network("127.0.0.0/8"), ip_network("::1/128")])
    new_calendar(api, timezone="Europe/Paris")
    state: dict[str, Any] = {"text": GOOGLE + OUTLOOK, "status": 200}

    def answer(received: Received) -> tuple[int, dict[str, str], bytes]:
        if received.path == "/moved.ics":
            return 302, {"Location": "/practice.ics"}, b""
        tag = f'"{hash(state["text"])}"'
        headers = {name.lower(): value for name, value in received.headers.items()}
        if headers.get("if-none-match") == tag:
            return 304, {"ETag": tag}, b""
        return state["status"], {"ETag": tag, "Content-Type": "text/calendar"}, crlf(state["text"])

    with web_server(answer) as server:
        made = api.post(
            "calendar-subscription/",
            {"calendar": 1, "address": server.url("/moved.ics"), "interval": 15, "alarm_phonenumber": "5550100"},
        )
        looker = poller(api)
        assert look(api, looker) == 300.0

        def again(minutes: float = 15) -> dict[str, Any]:
            api.clock.advance(60 * minutes)
            look(api, looker)
            shown: dict[str, Any] = api.get(made["url"].partition("/rest-api/")[2])
            return shown

        first = again(0)
        assert (first["report"]["created"], first["last_error"]) == (2, "")
        events = Event.select().count()
        assert events == 3
        asked = server.got.qsize()
        assert again()["report"] == first["report"]  # 304: nothing was read
        assert server.got.qsize() == asked + 2
        state["text"] = GOOGLE  # the other appointment is gone
        gone = again()
        assert (gone["report"]["removed"], gone["report"]["unchanged"]) == (1, 2)
        assert [one.status for one in Event.select().where(Event.title == "Contr\u00f4le")] == [3]
        state["text"] = GOOGLE + OUTLOOK  # and back
        assert again()["report"]["updated"] == 1
        assert [one.status for one in Event.select().where(Event.title == "Contr\u00f4le")] == [1]
        assert Event.select().count() == events
        state |= {"status": 500, "text": "x"}
        failed = again()
        assert failed["last_error"].startswith("answered 500")
        due = CalendarSubscription.get().next_poll_at
        assert due - api.clock.now() == timedelta(minutes=30)  # slower while it fails
        state |= {"status": 200, "text": "no calendar"}
        assert "no iCalendar file" in again(30)["last_error"]
        api.patch(made["url"].partition("/rest-api/")[2], {"status": 0})
        assert CalendarSubscription.get().next_poll_at is None
    api.close()
    store.close()


def test_our_own_network_is_not_read_through_a_calendar(sqlite_api: Api) -> None:
    api = sqlite_api
    new_calendar(api)
    for address in ("http://127.0.0.1/x.ics", "http://[::1]/", "webcal://10.0.0.1/x.ics", "file:///etc/passwd", "x"):
        assert list(api.refused("POST", "calendar-subscription/", {"calendar": 1, "address": address})) == ["address"]
    made = api.post("calendar-subscription/", {"calendar": 1, "address": "webcal://calendar.example.org/x.ics"})
    assert made["address"] == "https://calendar.example.org/x.ics"
    inside = Poller(api.services, api.surround.registry, resolve=lambda _host, _port: ["192.168.0.7"])
    look(api, inside)
    assert "inside this machine or a private network" in api.get("calendar-subscription/1/")["last_error"]
    assert api.refused("GET", "calendar-subscription/1/", user="rival", status=404)
