"""Repeated creates and editors who meet: on both databases, one at a time and all at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fs_app.errors import StoreUnavailable
from fs_app.store.models import Alarm, ApiToken, Calendar, Event, IdempotencyKey, SealedSurvey, User
from httpapi.idempotency import KEPT
from httpapi.reminders import held_event
from tests.rest_client import Answer, Api, new_alarm, new_calendar, new_event, new_gateway, new_survey


def create(api: Api, key: str, path: str = "calendar/", user: str = "manager", **fields: Any) -> Answer:
    body = {"name": "x", "user": api.ids["practice"], **fields} if path == "calendar/" else fields
    return api.send("POST", path, json.dumps(body), {"Idempotency-Key": key}, user=user)


def test_a_repeated_create_makes_one_and_answers_the_same(api: Api) -> None:
    first, again = create(api, "a"), create(api, "a")
    assert (first.status, again.status) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"]
    assert first.headers["ETag"] == again.headers["ETag"]
    assert (first.headers["Idempotent-Replayed"], again.headers["Idempotent-Replayed"]) == (None, "true")
    assert Calendar.select().count() == 1
    assert create(api, "b").status == 201
    assert create(api, "a", user="root").status == 201  # everybody has keys of their own
    assert Calendar.select().count() == 3
    told = create(api, "a", name="another")
    assert told.status == 409
    assert "another request" in told.json()["detail"]


def test_all_at_once_make_one(api: Api) -> None:
    event = new_event(api, new_calendar(api))
    body = json.dumps({"event": event["url"], "alarm_phonenumber": "5550100"})
    ask = ("POST", "alarm/", body, {"Idempotency-Key": "same"}, "manager")
    answers = api.all_at_once(lambda arguments: api.send_here(*arguments), [ask] * 8)
    assert [answer.status for answer in answers] == [201] * 8
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert Alarm.select().count() == 1


def test_what_was_refused_frees_its_key(api: Api) -> None:
    assert create(api, "k", name="").status == 400
    assert IdempotencyKey.select().count() == 0
    assert create(api, "k").status == 201
    for bad in ("", " ", "x" * 201, "a b"):
        assert create(api, bad).status == 400, bad
    patch = api.send("PATCH", "calendar/1/", "{}", {"Idempotency-Key": "k"})
    assert (patch.status, list(patch.json())) == (400, ["Idempotency-Key"])


def test_keys_are_forgotten_in_time(sqlite_api: Api) -> None:
    api = sqlite_api
    assert create(api, "k").status == 201
    api.clock.advance(KEPT.total_seconds() + 1)
    assert create(api, "other").status == 201
    assert [row.key for row in IdempotencyKey.select()] == ["other"]


def test_sealing_and_tokens_are_creates_too(sqlite_api: Api) -> None:
    api = sqlite_api
    new_survey(api)
    seals = [create(api, "seal", "survey-template/1/seal/") for _ in range(2)]
    assert [answer.status for answer in seals] == [201, 201]
    assert SealedSurvey.select().count() == 2
    first, again = create(api, "t", "token/"), create(api, "t", "token/")
    assert first.json()["token"].startswith("fsa_")
    assert again.json() == {**first.json(), "token": None}  # a secret is told once
    assert ApiToken.select().count() == 1
    assert first.json()["token"] not in json.dumps([row.body for row in IdempotencyKey.select()])


# ---- two editors


def test_an_editor_who_read_something_else_is_stopped(api: Api) -> None:
    path = new_calendar(api)["url"].partition("/rest-api/")[2]
    read = api.send("GET", path)
    tag = read.headers["ETag"]

    def change(method: str, body: dict[str, Any], match: str) -> Answer:
        return api.send(method, path, json.dumps(body), {"If-Match": match})

    mine = change("PATCH", {"name": "mine"}, tag)
    assert mine.status == 200
    theirs = change("PUT", {**read.json(), "name": "theirs"}, tag)
    assert theirs.status == 412
    assert theirs.headers["ETag"] == mine.headers["ETag"] == api.send("GET", path).headers["ETag"] != tag
    assert api.get(path)["name"] == "mine"
    assert api.send("DELETE", path, headers={"If-Match": tag}).status == 412
    assert change("PATCH", {}, f'"other", W/{mine.headers["ETag"]}').status == 200
    assert change("PATCH", {"name": "any"}, "*").status == 200
    assert change("PATCH", {"name": "x"}, '"nonsense"').status == 412
    assert list(change("PATCH", {"name": "x"}, "nonsense").json()) == ["If-Match"]
    now = api.send("GET", path).headers["ETag"]
    assert api.send("DELETE", path, headers={"If-Match": now}).status == 204
    assert change("PATCH", {}, "*").status == 404


def test_of_editors_at_once_one_wins(api: Api) -> None:
    path = new_calendar(api)["url"].partition("/rest-api/")[2]
    tag = api.send("GET", path).headers["ETag"]
    asks = [("PATCH", path, json.dumps({"name": f"editor {n}"}), {"If-Match": tag}) for n in range(6)]
    answers = api.all_at_once(lambda arguments: api.send_here(*arguments), asks)
    assert sorted(answer.status for answer in answers) == [200] + [412] * 5
    winner = next(answer for answer in answers if answer.status == 200)
    assert api.get(path) == winner.json()


def test_what_has_not_changed_is_not_sent_again(sqlite_api: Api) -> None:
    api = sqlite_api
    alarm = new_alarm(api, new_event(api, new_calendar(api)))
    path = alarm["url"].partition("/rest-api/")[2]
    tag = api.send("GET", path).headers["ETag"]
    answer = api.send("GET", path, headers={"If-None-Match": tag})
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
    assert api.send("GET", path, headers={"If-None-Match": '"other"'}).status == 200
    with api.store.transaction():
        Alarm.update(num_attempt=1).execute()
    assert api.send("GET", path, headers={"If-None-Match": tag}).status == 200


def test_counters_of_a_gateway_do_not_stop_its_editor(sqlite_api: Api) -> None:
    api = sqlite_api
    path = new_gateway(api)["url"].partition("/rest-api/")[2]
    tag = api.send("GET", path, user="root").headers["ETag"]
    with api.store.transaction():
        api.store.db.execute_sql("UPDATE gateway SET count_call = 7")
    shown = api.send("GET", path, headers={"If-None-Match": tag}, user="root")
    assert (shown.status, shown.json()["count_call"]) == (200, 7)
    changed = api.send("PATCH", path, '{"description": "x"}', {"If-Match": tag}, user="root")
    assert changed.status == 200


@pytest.mark.parametrize("path", ["calendar/", "alarm/"])
def test_a_new_row_tells_its_tag(sqlite_api: Api, path: str) -> None:
    api = sqlite_api
    event = new_event(api, new_calendar(api))
    body = (
        {"name": "x", "user": api.ids["practice"]}
        if path == "calendar/"
        else {"event": 1, "alarm_phonenumber": "5550100"}
    )
    made = api.send("POST", path, json.dumps(body))
    assert event["url"].endswith("/1/")
    again = api.send("GET", made.headers["Location"].partition("/rest-api/")[2])
    assert again.headers["ETag"] == made.headers["ETag"]


# ---- those who write about one event


def test_alarms_of_one_event_are_made_beside_each_other(api: Api) -> None:
    """While somebody makes one, nobody pauses or moves the event; but others make theirs."""
    if api.store.sqlite:
        pytest.skip("SQLite has one writer")
    event = new_event(api, new_calendar(api))
    event_id = int(event["url"].split("/")[-2])

    def take() -> None:
        with api.store.connected(), api.store.db.atomic():
            Event.select().where(Event.id == event_id).for_update(nowait=True).get()

    with api.store.transaction():
        assert held_event(User.get(User.username == "manager"), event_id) is not None
        new_alarm(api, event)
        with pytest.raises(StoreUnavailable, match="could not obtain lock"):
            api.in_thread(take)


def test_alarms_of_a_series_all_at_once(api: Api) -> None:
    """Each also asks for its next occurrence: they take turns, and nobody is left waiting for another."""
    event = new_event(api, new_calendar(api), rule=1)
    body = json.dumps({"event": event["url"], "alarm_phonenumber": "5550100"})
    answers = api.all_at_once(lambda given: api.send_here(*given), [("POST", "alarm/", body, {}, "manager")] * 8)
    assert [answer.status for answer in answers] == [201] * 8
