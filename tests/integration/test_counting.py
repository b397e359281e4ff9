"""Counts that are kept: never after anything was written, by whomever."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fs_app.store.database import Store
from fs_app.store.models import Alarm, Rule
from httpapi import counting
from tests.rest_client import Api, new_alarm, new_calendar, new_event


@pytest.fixture(autouse=True)
def short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_LONG", 1)


def test_a_list_counts_what_has_just_been_written(api: Api) -> None:
    event = new_event(api, new_calendar(api))
    for number in range(1, 4):
        new_alarm(api, event)
        for _ in range(6):  # whichever thread answers
            assert api.get("alarm/")["count"] == number
            assert api.get("alarm/?status=1")["count"] == number
    with api.store.transaction():
        Alarm.update(status=5).where(Alarm.id == 1).execute()
    for _ in range(6):
        assert (api.get("alarm/")["count"], api.get("alarm/?status=1")["count"]) == (3, 2)
    assert api.get("alarm/", "rival")["count"] == 0
    assert api.get("alarm/", "root")["count"] == 3
    api.send("DELETE", "alarm/2/")
    for _ in range(6):
        assert api.get("alarm/")["count"] == 2


def test_nothing_is_counted_twice_while_nothing_is_written(database_url: str) -> None:
    store = Store(database_url)
    store.migrate()
    asked = 0

    def counted() -> counting.Counted:
        nonlocal asked
        asked += 1
        return Rule.select(counting.state(), counting.fn.COUNT(Rule.id)).tuples().get()  # type: ignore[no-any-return]

    def count() -> int:
        with store.reading():
            return counting.count("rules", counted)

    shipped = count()
    assert [count() for _ in range(3)] == [shipped] * 3
    assert asked == 1

    def write(**values: Any) -> None:
        with store.transaction():
            Rule.create(name="r", frequency="DAILY", **values)
        store.db.close()

    other = threading.Thread(target=write)
    other.start()
    other.join()
    assert (count(), asked) == (shipped + 1, 2)
    with store.transaction():  # by this very connection
        Rule.create(name="r", frequency="DAILY")
    assert (count(), asked) == (shipped + 2, 3)
    assert (count(), asked) == (shipped + 2, 3)
    store.close()
