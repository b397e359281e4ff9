"""The order of lists: the same on both databases, and found by an index where lists grow long."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from fs_app.domain.enums import Role
from fs_app.store.models import Alarm
from httpapi import queries
from httpapi.routes import registry
from tests.rest_client import NOW, Api, new_alarm, new_calendar, new_event


def test_rows_without_a_value_come_first_and_equal_ones_by_their_id(api: Api) -> None:
    event = new_event(api, new_calendar(api))
    numbers = [int(new_alarm(api, event)["url"].split("/")[-2]) for _ in range(6)]
    with api.store.transaction():
        for number, due in zip(numbers, (NOW, None, NOW, None, None, NOW), strict=True):
            Alarm.update(due_at=due).where(Alarm.id == number).execute()
    first, second, third, fourth, fifth, sixth = numbers
    ascending = [second, fourth, fifth, first, third, sixth]
    for order, wanted in (("due_at", ascending), ("-due_at", ascending[::-1]), ("due_at,-id", None)):
        pages = [
            row["url"]
            for page in (1, 2, 3)
            for row in api.get(f"alarm/?ordering={order}&page_size=2&page={page}")["results"]
        ]
        wanted = wanted or [fifth, fourth, second, sixth, third, first]
        assert [int(url.split("/")[-2]) for url in pages] == wanted, order


INDEXED = [
    ("alarm", "due_at", "alarm_{}_due_at"),
    ("event", "start", "event_{}_start"),
    ("alarm-request", "date", "alarm_request_{}_date"),
    ("callrequest", "call_time", "call_request_{}_call_time"),
]
# Any other order: the rows as they lie in the table, and then sorted.
SORTED = [("alarm", "created_date", "alarm_{}"), ("alarm", "status", "alarm_{}"), ("event", "title", "event_{}")]
SORTED += [("alarm-request", "created_date", "alarm_request_{}"), ("callrequest", "created_date", "call_request_{}")]


def test_sqlite_finds_the_first_of_a_long_list(sqlite_api: Api) -> None:
    for (path, order, index), role, down in product([*INDEXED, *SORTED], (Role.MANAGER, Role.CALENDAR_USER), ("", "-")):
        query = queries._rows(registry()[path], role.value, (), (down + order,))
        with sqlite_api.store.connected():
            sql, values = query.sql(1, 1, 20, 0)
            steps = [str(row[3]) for row in sqlite_api.store.db.execute_sql("EXPLAIN QUERY PLAN " + sql, values)]
        indexed = (path, order, index) in INDEXED
        name = index.format("tenant" if role is Role.MANAGER else "owner")
        name = {"call_request_owner_call_time": "call_request_user_id_call_time"}.get(name, name)
        name = {"call_request_owner": "call_request_user"}.get(name, name)
        assert any(f"{'COVERING ' * indexed}INDEX {name} (" in step for step in steps), (name, steps)
        # What was chosen is put in order once more, a page of it; a long list only where no index has its order.
        assert sum("TEMP B-TREE" in step for step in steps) == (1 if indexed else 2), (name, steps)


def test_postgresql_has_an_index_in_that_order(api: Api) -> None:
    db = api.store.db
    if api.store.sqlite:
        pytest.skip("SQLite has a test of its own")
    for (path, order, index), role, down in product(INDEXED, (Role.MANAGER, Role.CALENDAR_USER), ("", "-")):
        query = queries._rows(registry()[path], role.value, (), (down + order,))
        with api.store.reading():
            sql, values = query.sql(1, 1, 20, 0)
            # Of few rows it would read all, and sort them.
            for way in ("seqscan", "bitmapscan", "sort"):
                db.execute_sql(f"SET LOCAL enable_{way} = off")
            steps = [str(row[0]) for row in db.execute_sql("EXPLAIN " + sql, values)]
        name = index.format("tenant" if role is Role.MANAGER else "owner")
        name = {"call_request_owner_call_time": "call_request_user_id_call_time"}.get(name, name)
        assert any(f"using {name} on" in step for step in steps), (name, steps)


def test_a_page_begins_where_the_one_before_it_ended(api: Api) -> None:
    calendar = new_calendar(api)
    for title in "badce":
        new_event(api, calendar, title=title)
    pages = [api.get(f"event/?ordering=-title&page_size=2&page={page}")["results"] for page in (1, 2, 3)]
    titles = [row["title"] for page in pages for row in page]
    assert all(one > other for one, other in pairwise(titles))
