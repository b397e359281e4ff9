"""Whose a row is, as the database itself keeps it: from the user down to the call, and wherever things are moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from peewee import SqliteDatabase

from fs_app.domain.enums import AlarmMethod, Role
from fs_app.store import migrate
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, Calendar, CallRequest, Event, Lane, SealedSurvey, User
from fs_app.store.whose import with_taken
from tests.conftest import without_schema
from tests.rest_client import NOW


@pytest.fixture
def world(database_url: str) -> Any:
    """Two managers with a calendar user, a calendar and an event each; an alarm with a call on the first event."""
    store = Store(database_url)
    store.migrate()
    with store.transaction():
        made = _world()
    with store.connected():
        yield made
    store.close()


def _world() -> dict[str, int]:
    ids: dict[str, int] = {}
    for n in ("1", "2"):
        for name, role, above in (
            ("manager", Role.MANAGER, None),
            ("user", Role.CALENDAR_USER, ids.get(f"manager{n}")),
        ):
            above = ids.get(f"manager{n}") if name == "user" else above
            row: Any = User.create(
                username=name + n, password="", role=role.value, manager=above, email="", created_date=NOW
            )
            ids[name + n] = row.id
        calendar: Any = Calendar.create(name=n, user=ids[f"user{n}"], created_date=NOW)
        ids[f"calendar{n}"] = calendar.id
        event: Any = Event.create(start=NOW, end=NOW, creator=ids[f"user{n}"], calendar=calendar.id, created_on=NOW)
        ids[f"event{n}"] = event.id
    survey: Any = SealedSurvey.create(
        user=ids["manager1"], name="s", content="{}", content_hash="x", created_date=NOW, updated_date=NOW
    )
    alarm: Any = Alarm.create(event=ids["event1"], alarm_phonenumber="+15550100", created_date=NOW, updated_date=NOW)
    call: Any = CallRequest.create(
        request_uuid="u", phone_number="+15550100", survey=survey.id, user=ids["user1"], call_time=NOW, created_date=NOW
    )
    AlarmRequest.create(alarm=alarm.id, attempt=1, callrequest=call.id, date=NOW, created_date=NOW)
    return ids


def whose() -> set[tuple[int, int]]:
    """(tenant, owner) of the alarm, its attempt and its call."""
    rows = [
        *Alarm.select(Alarm.tenant, Alarm.owner).tuples(),
        *AlarmRequest.select(AlarmRequest.tenant, AlarmRequest.owner).tuples(),
        *CallRequest.select(CallRequest.tenant, CallRequest.user).tuples(),
    ]
    assert len(rows) == 3
    return set(rows)


def test_everything_has_the_manager_and_the_user_of_its_calendar(world: dict[str, int]) -> None:
    assert whose() == {(world["manager1"], world["user1"])}
    assert Event.get_by_id(world["event2"]).tenant == world["manager2"]


def test_what_is_moved_is_the_others_from_then_on(world: dict[str, int]) -> None:
    Event.update(calendar=world["calendar2"]).where(Event.id == world["event1"]).execute()
    assert whose() == {(world["manager2"], world["user2"])}
    Event.update(calendar=world["calendar1"]).where(Event.id == world["event1"]).execute()
    assert whose() == {(world["manager1"], world["user1"])}
    Alarm.update(event=world["event2"]).execute()
    assert whose() == {(world["manager2"], world["user2"])}
    Calendar.update(user=world["user1"]).where(Calendar.id == world["calendar2"]).execute()
    assert whose() == {(world["manager1"], world["user1"])}
    User.update(manager=world["manager2"]).where(User.id == world["user1"]).execute()
    assert whose() == {(world["manager2"], world["user1"])}


def _columns(ids: dict[str, int]) -> list[tuple[Any, dict[str, Any]]]:
    call: Any = CallRequest.get()
    alarm: Any = Alarm.get()
    number = "+15550100"
    return [
        (Event, {"calendar": ids["calendar1"], "creator": ids["user1"], "start": NOW, "end": NOW, "created_on": NOW}),
        (Alarm, {"event": ids["event1"], "alarm_phonenumber": number, "created_date": NOW, "updated_date": NOW}),
        (AlarmRequest, {"alarm": alarm.id, "attempt": 2, "date": NOW, "created_date": NOW}),
        (
            CallRequest,
            {"request_uuid": "v", "phone_number": number, "survey": call.survey_id, "user": ids["user1"]}
            | {"call_time": NOW, "created_date": NOW},
        ),
    ]


def test_what_says_whose_it_is_is_right_and_written_once(world: dict[str, int]) -> None:
    db = Event._meta.database
    sqlite = isinstance(db.obj, SqliteDatabase)

    def written() -> int:
        return int(db.execute_sql("SELECT total_changes()").fetchone()[0]) if sqlite else 0

    for model, columns in _columns(world):
        before = written()
        number = model.insert(with_taken(model, columns)).execute()
        assert written() - before == int(sqlite), model
        row = model.get_by_id(number)
        assert row.tenant == world["manager1"], model
        assert getattr(row, "owner", world["user1"]) == world["user1"], model
        assert getattr(row, "lane", world["calendar1"]) == world["calendar1"], model


def test_what_is_wrong_about_whose_it_is_is_put_right(world: dict[str, int]) -> None:
    wrong = {"tenant": world["manager2"], "owner": world["user2"], "lane": world["calendar2"]}
    for model, columns in _columns(world):
        number = model.insert({**columns, **{n: v for n, v in wrong.items() if n in model._meta.fields}}).execute()
        row = model.get_by_id(number)
        assert row.tenant == world["manager1"], model
        assert getattr(row, "owner", world["user1"]) == world["user1"], model
        assert getattr(row, "lane", world["calendar1"]) == world["calendar1"], model


def test_a_lane_is_due_with_the_first_of_its_calls_whatever_their_rows_say(world: dict[str, int]) -> None:
    def due(which: str) -> Any:
        return Lane.get(Lane.calendar == world[which]).due_at

    (_, columns) = _columns(world)[1]
    for minutes, first in ((10, 10), (20, 10), (5, 5)):
        for says in ({}, {"lane": world["calendar2"]}):
            more = {"due_at": NOW + timedelta(minutes=minutes), **says}
            Alarm.insert(with_taken(Alarm, {**columns, **more}) if not says else {**columns, **more}).execute()
            assert due("calendar1") == NOW + timedelta(minutes=first)
    Alarm.insert({**columns, "due_at": NOW, "method": AlarmMethod.MAIL.value}).execute()
    assert due("calendar1") == NOW + timedelta(minutes=5)


@without_schema
def test_an_older_database_is_told_whose_its_rows_are(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    number = next(n for n, change in migrate.MIGRATIONS if change.__name__ == "_tenants")
    store = Store(database_url)
    with monkeypatch.context() as older:
        older.setattr(migrate, "MIGRATIONS", tuple(m for m in migrate.MIGRATIONS if m[0] < number))
        store.migrate()
    # The models know columns that are not there yet: without them.
    with monkeypatch.context() as older, store.transaction():
        for model in (Calendar, Event, Alarm, AlarmRequest, CallRequest):
            for name in {"tenant", "owner"} & set(model._meta.fields):
                field = model._meta.fields[name]
                older.setattr(model._meta, "sorted_fields", [f for f in model._meta.sorted_fields if f is not field])
        ids = _world()
    store.migrate()
    with store.connected():
        assert whose() == {(ids["manager1"], ids["user1"])}
    store.close()
