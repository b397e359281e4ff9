"""Occurrences that are kept, moved or cancelled, over REST; closed days; delays by outcome; wake-up calls."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.alarms import Claim, Dial, Verdict
from fs_app.domain.calls import Answer
from fs_app.domain.enums import AlarmStatus, EventStatus, Outcome
from fs_app.store.attempts import Attempts
from fs_app.store.journal import CallJournal
from fs_app.store.models import Alarm, DncContact, DncList, Event
from fs_app.store.occurrences import Occurrences
from scheduler import plan, retry
from tests.rest_client import Api, new_alarm, new_calendar, new_event, new_gateway, new_survey

ZONE = ZoneInfo("Europe/Paris")
DAILY = 1  # shipped
LEASE = timedelta(seconds=60)


def series(api: Api, **fields: Any) -> tuple[dict[str, Any], str]:
    """A daily event from 10 March, 09:00 in Paris, with an alarm two hours before."""
    event = new_event(api, new_calendar(api), rule=DAILY, **fields)
    new_alarm(api, event, advance_notice=7200)
    return event, event["url"].split("/rest-api/")[1]


def occurrences(api: Api, path: str, to: str = "2026-03-14 09:00:00") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{path}occurrences/?to={to.replace(' ', '%20')}")
    return found


def change(api: Api, path: str, action: str, original: str, **fields: Any) -> dict[str, Any]:
    body = {"action": action, "original_start": original, **fields}
    answer = api.send("POST", f"{path}occurrences/", json.dumps(body))
    assert answer.status == 200, answer
    return answer.json()  # type: ignore[no-any-return]


def make(api: Api, until: str) -> list[tuple[datetime, int]]:
    """Run the making of children up to then; the children and their status."""
    now = datetime.fromisoformat(until)
    work = Occurrences(api.store, ZONE)
    while work.make_due(now):
        pass
    with api.store.reading():
        children = Event.select().where(Event.parent_event.is_null(False)).order_by(Event.start)
        return [(c.start, c.status) for c in children]


def days(found: list[tuple[datetime, int]]) -> list[str]:
    return [f"{start.astimezone(ZONE):%d %H:%M}" for start, _status in found]


def test_the_list_shows_what_is_to_come(api: Api) -> None:
    _event, path = series(api, exdates=["2026-03-12"])
    found = occurrences(api, path)
    assert [o["original_start"] for o in found] == [
        "2026-03-11T08:00:00Z",
        "2026-03-13T08:00:00Z",
        "2026-03-14T08:00:00Z",
    ]
    assert found[0] == {
        "original_start": "2026-03-11T08:00:00Z",
        "start": "2026-03-11T08:00:00Z",
        "end": "2026-03-11T09:00:00Z",
        "moved": False,
        "cancelled": False,
        "event": None,
    }


def test_a_cancelled_occurrence_is_not_made_and_comes_back_when_wanted(api: Api) -> None:
    _event, path = series(api)
    assert change(api, path, "cancel", "2026-03-12 09:00:00")["cancelled"] is True
    assert days(make(api, "2026-03-12T05:30:00+00:00")) == ["11 09:00"]
    assert days(make(api, "2026-03-13T05:30:00+00:00")) == ["11 09:00", "13 09:00"]
    assert [o["cancelled"] for o in occurrences(api, path)] == [False, True, False, False]
    back = change(api, path, "uncancel", "2026-03-12 09:00:00")
    assert back["cancelled"] is False
    assert back["event"] is not None  # the series had passed it
    assert days(make(api, "2026-03-13T05:30:00+00:00")) == ["11 09:00", "12 09:00", "13 09:00"]
    api.refused("POST", f"{path}occurrences/", {"action": "uncancel", "original_start": "2026-03-12 09:00:00"})


def test_cancelling_what_is_made_pauses_it(api: Api) -> None:
    _event, path = series(api)
    make(api, "2026-03-11T05:30:00+00:00")
    change(api, path, "cancel", "2026-03-11 09:00:00")
    with api.store.reading():
        child = Event.get(Event.parent_event.is_null(False))
        assert (child.status, Alarm.get(Alarm.event == child).due_at) == (EventStatus.PAUSED, None)
    change(api, path, "uncancel", "2026-03-11 09:00:00")
    with api.store.reading():
        child = Event.get(Event.parent_event.is_null(False))
        assert child.status == EventStatus.PENDING
        assert Alarm.get(Alarm.event == child).due_at == datetime.fromisoformat("2026-03-11T06:00:00+00:00")


def test_a_moved_occurrence_takes_its_alarms_along(api: Api) -> None:
    _event, path = series(api)
    moved = change(api, path, "move", "2026-03-12 09:00:00", start="2026-03-20 15:30:00")
    assert (moved["moved"], moved["start"], moved["end"]) == (True, "2026-03-20T14:30:00Z", "2026-03-20T15:30:00Z")
    with api.store.reading():
        child = Event.get(Event.parent_event.is_null(False))
        assert Alarm.get(Alarm.event == child).due_at == child.start - timedelta(hours=2)
    assert days(make(api, "2026-03-13T05:30:00+00:00")) == ["11 09:00", "13 09:00", "20 15:30"]
    again = change(api, path, "move", "2026-03-12 09:00:00", start="2026-03-12 18:00:00", end="2026-03-12 19:30:00")
    assert (again["event"], again["end"]) == (moved["event"], "2026-03-12T18:30:00Z")
    with api.store.reading():
        assert Alarm.get(Alarm.event == child).due_at == datetime.fromisoformat("2026-03-12T15:00:00+00:00")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "move", "original_start": "2026-03-12 09:00:00"}, "start"),
        ({"action": "move", "original_start": "2026-03-12 09:00:00", "start": "2026-03-13 09:00:00"}, "start"),
        ({"action": "cancel", "original_start": "2026-03-12 09:30:00"}, "original_start"),
        ({"action": "cancel", "original_start": "2026-03-10 09:00:00"}, "original_start"),
        ({"action": "skip", "original_start": "2026-03-12 09:00:00"}, "action"),
        ({"action": "keep", "original_start": "2026-03-12 09:00:00", "start": "2026-03-12 10:00:00"}, "start"),
        ({"action": "keep", "original_start": "2026-03-12 09:00:00", "colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused(sqlite_api: Api, body: dict[str, Any], field: str) -> None:
    _event, path = series(sqlite_api)
    assert field in sqlite_api.refused("POST", f"{path}occurrences/", body)
    with sqlite_api.store.reading():
        assert Event.select().where(Event.parent_event.is_null(False)).count() == 0


def test_other_peoples_occurrences_do_not_exist(sqlite_api: Api) -> None:
    _event, path = series(sqlite_api)
    assert sqlite_api.send("GET", f"{path}occurrences/", user="rival").status == 404
    sqlite_api.refused("POST", f"{path}occurrences/", {"action": "keep", "original_start": "x"}, "rival", 404)


def test_what_is_kept_does_not_follow_its_master(api: Api) -> None:
    event, path = series(api)
    kept = change(api, path, "keep", "2026-03-12 09:00:00")
    api.patch(path, {"title": "New title"})
    assert api.get(kept["event"].split("/rest-api/")[1])["title"] == event["title"]
    assert days(make(api, "2026-03-13T05:30:00+00:00")) == ["11 09:00", "12 09:00", "13 09:00"]


def test_closed_days_move_what_is_due(api: Api) -> None:
    calendar = new_calendar(api)
    alarm = new_alarm(api, new_event(api, calendar), daily_start="08:00:00", daily_stop="12:00:00")
    path = calendar["url"].split("/rest-api/")[1]
    assert alarm["due_at"] == "2026-03-10T08:00:00Z"  # a Tuesday
    shown = api.patch(path, {"closed_weekdays": ["we", "TU"], "closed_dates": ["2026-03-12"]})
    assert (shown["closed_weekdays"], shown["closed_dates"]) == (["TU", "WE"], ["2026-03-12"])
    assert api.get("alarm/1/")["due_at"] == "2026-03-13T07:00:00Z"
    assert "closed_weekdays" in api.refused(
        "PATCH", path, {"closed_weekdays": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]}
    )
    assert "closed_weekdays" in api.refused("PATCH", path, {"closed_weekdays": ["Caturday"]})
    assert "closed_dates" in api.refused("PATCH", path, {"closed_dates": ["2026-02-30"]})
    api.patch(path, {"closed_weekdays": None, "closed_dates": []})
    assert api.get("alarm/1/")["due_at"] == "2026-03-10T08:00:00Z"


# ---- delays and wake-up calls


def ready(api: Api, setting: dict[str, Any] | None = None, **fields: Any) -> Alarm:
    """An alarm that can be called at 10 March, 09:00."""
    survey, gateway = new_survey(api), new_gateway(api)
    values = {"label": "x", "survey": survey["url"], "aleg_gateway": gateway["url"], **(setting or {})}
    row = api.post("calendar-setting/", values)
    api.patch(f"calendar-user-profile/{api.ids['practice']}/", {"calendar_setting": row["url"]})
    made = new_alarm(api, new_event(api, new_calendar(api)), **fields)
    with api.store.reading():
        return Alarm.get_by_id(int(made["url"].split("/")[-2]))


def attempt(api: Api, now: datetime, outcome: Outcome, key: str = "") -> Verdict:
    """Claim what is due, press a key perhaps, and book it as the scheduler would."""
    attempts = Attempts(api.store, ZONE)
    settings = plan.PlanSettings("127.0.0.1:8084")
    (claim,) = attempts.claim_due(now, 1, LEASE, lambda due, uuid: plan.decide(due, uuid, now, settings))
    assert isinstance(claim, Claim)
    assert attempts.mark_dialling(claim, "fs1", "originate", now)
    journal = CallJournal(api.store)
    if outcome is Outcome.ANSWERED:
        journal.open_call(claim.call_uuid, now)
    if key:
        journal.save_answer(claim.call_uuid, Answer(1, 1, key, True), now)
    facts, found = attempts.facts(claim.call_uuid), attempts.policy(claim.call_uuid)
    assert facts is not None
    assert found is not None
    verdict = retry.after(outcome, outcome.value, facts, found[0], found[1], now)
    attempts.book(claim.call_uuid, claim.token, verdict, None, now)
    return verdict


def test_the_delay_is_that_of_the_outcome(api: Api) -> None:
    alarm = ready(
        api,
        {"retry_delays": {"busy": 60, "no_answer": 900}},
        retry_delays={"no_answer": 120},
        retry_delay=600,
        maxretry=5,
    )
    now = alarm.due_at
    for outcome, seconds in ((Outcome.BUSY, 60), (Outcome.NO_ANSWER, 120), (Outcome.REJECTED, 600)):
        verdict = attempt(api, now, outcome)
        assert verdict.due_at == now + timedelta(seconds=seconds), outcome
        now = verdict.due_at
    assert "retry_delays" in api.refused("PATCH", "alarm/1/", {"retry_delays": {"bad_number": 5}})
    assert "retry_delays" in api.refused("PATCH", "alarm/1/", {"retry_delays": {"busy": -5}})


def test_a_wake_up_call_rings_until_the_code_is_pressed(api: Api) -> None:
    alarm = ready(api, insistent=True, insistent_code="42", retry_delay=60, maxretry=9)
    now = alarm.due_at
    for outcome, key in ((Outcome.ANSWERED, ""), (Outcome.ANSWERED, "1"), (Outcome.MACHINE, ""), (Outcome.BUSY, "")):
        verdict = attempt(api, now, outcome, key)
        assert (verdict.status, verdict.due_at) == (AlarmStatus.RETRY, now + timedelta(seconds=60)), (outcome, key)
        now = verdict.due_at
    assert attempt(api, now, Outcome.ANSWERED, "42").status is AlarmStatus.SUCCESS
    with api.store.reading():
        assert Alarm.get_by_id(alarm.id).due_at is None


def test_when_nobody_wakes_up_somebody_else_is_called(api: Api) -> None:
    alarm = ready(api, insistent=True, maxretry=1, phonenumber_escalation="+15550777")
    first = attempt(api, alarm.due_at, Outcome.NO_ANSWER)
    assert first.status is AlarmStatus.RETRY
    assert attempt(api, alarm.due_at, Outcome.NO_ANSWER).status is AlarmStatus.FAILURE
    with api.store.reading():
        other = Alarm.get(Alarm.id != alarm.id)
        assert Alarm.select().count() == 2
    assert (other.alarm_phonenumber, other.status, other.insistent) == ("+15550777", AlarmStatus.PENDING, False)
    assert other.due_at == alarm.due_at
    assert attempt(api, alarm.due_at, Outcome.ANSWERED).status is AlarmStatus.SUCCESS
    assert "phonenumber_escalation" in api.refused("PATCH", "alarm/1/", {"insistent": False})


def test_a_number_of_the_country_is_dialled_and_found_on_the_list_in_any_form(api: Api) -> None:
    alarm = ready(api, {"country": "FR"}, alarm_phonenumber="06 12 34 56 78")
    seen: list[str] = []

    def decide(due: Any, uuid: str) -> Any:
        decision = plan.decide(due, uuid, alarm.due_at, plan.PlanSettings("127.0.0.1:8084"))
        assert isinstance(decision, Dial)
        seen.append(decision.request.number)
        return decision

    attempts = Attempts(api.store, ZONE)
    (claim,) = attempts.claim_due(alarm.due_at, 1, LEASE, decide)
    assert seen == ["+33612345678"]
    attempts.release(claim.call_uuid, claim.token, alarm.due_at, "again", alarm.due_at)
    with api.store.transaction():
        now = api.clock.now()
        listed = DncList.create(user=api.ids["manager"], name="x", created_date=now, updated_date=now)
        DncContact.create(dnc_list=listed, phone_number="0612345678", created_date=now)
    settings = plan.PlanSettings("127.0.0.1:8084")
    assert attempts.claim_due(alarm.due_at, 1, LEASE, lambda d, u: plan.decide(d, u, alarm.due_at, settings)) == []
    with api.store.reading():
        assert "do not call" in Alarm.get_by_id(alarm.id).reason
