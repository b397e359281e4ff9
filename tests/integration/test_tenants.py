"""Whose a row is, as the database itself keeps it: from the user down to the call, and wherever things are moved."""

from __future__ import annotations

from typing import Any

import pytest

from fs_app.domain.enums import Role
from fs_app.store import migrate
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, Calendar, CallRequest, Event, SealedSurvey, User
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
