"""Prepared queries give what peewee's own give, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from peewee import Case, ModelDelete, ModelInsert, ModelSelect, ModelUpdate, fn

from fs_app.domain.enums import AlarmMethod, AlarmStatus
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, AudioBlob, CallRequest, Event, Outbox, Pace, User
from fs_app.store.prepared import locked, prepared
from tests.rows import Rows, make_rows

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ON_ONE_DATABASE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    made = Store(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def rows(store: Store) -> Rows:
    return make_rows(store, NOW)


@prepared
def by_id(alarm_id: int) -> ModelSelect[Alarm]:
    return Alarm.select().where(Alarm.id == alarm_id)


@prepared
def waiting(now: datetime, limit: int) -> ModelSelect[Alarm]:
    chosen = Alarm.select().where(Alarm.due_at <= now, Alarm.method == AlarmMethod.CALL)
    return locked(chosen.order_by(Alarm.due_at, Alarm.id).limit(limit), skip=True)


@prepared
def of_event(event: Event | None) -> ModelSelect[Event]:
    return Event.select().where(Event.parent_event == event).order_by(Event.id)


@prepared
def among(ids: list[int]) -> ModelSelect[Alarm]:
    return Alarm.select().where(Alarm.id.in_(ids)).order_by(Alarm.id)


@prepared
def others(ids: list[int]) -> ModelSelect[Alarm]:
    return Alarm.select().where(Alarm.id.not_in(ids)).order_by(Alarm.id)


@prepared
def with_event(alarm_id: int) -> ModelSelect[Alarm]:
    parent = Event.alias()
    chosen = Alarm.select(Alarm, Event, parent, fn.LENGTH(Event.title).coerce(False)).join(Event)
    return chosen.left_outer_join(parent, on=(Event.parent_event == parent.id)).where(Alarm.id == alarm_id)


@prepared
def of_calls_in(reason: str) -> ModelSelect[AlarmRequest]:
    calls = CallRequest.select(CallRequest.id).where(CallRequest.reason == reason)
    return AlarmRequest.select().where(AlarmRequest.callrequest.in_(calls))


@prepared
def first_due() -> ModelSelect[Alarm]:
    return Alarm.select(fn.MIN(Alarm.due_at))


@prepared
def add_event(**columns: Any) -> ModelInsert:
    return Event.insert(**columns)


@prepared
def add_alarm(**columns: Any) -> ModelInsert:
    return Alarm.insert(**columns)


@prepared
def add_blob(digest: str, content: bytes) -> ModelInsert:
    return AudioBlob.insert(sha256=digest, content=content).on_conflict_ignore()


@prepared
def change(alarm_id: int, status: int, due_at: datetime | None, reason: str, retries: int) -> ModelUpdate:
    kept = Case(None, [(Alarm.reason == "", reason)], Alarm.reason)
    return Alarm.update(status=status, due_at=due_at, reason=kept, num_attempt=Alarm.num_attempt + retries).where(
        Alarm.id == alarm_id
    )


@prepared
def remove(alarm_id: int) -> ModelDelete:
    return Alarm.delete().where(Alarm.id == alarm_id)


@prepared
def set_pace(scope: str, next_at: datetime) -> ModelInsert:
    return Pace.insert(scope=scope, next_at=next_at).on_conflict(
        conflict_target=[Pace.scope], update={Pace.next_at: next_at}
    )


def same(ours: Any, theirs: Any) -> bool:
    return type(ours) is type(theirs) and ours.__data__ == theirs.__data__ and not ours._dirty


moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.timezones())
texts = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)
json = st.none() | st.dictionaries(texts, texts | st.integers() | st.lists(st.booleans(), max_size=3), max_size=3)


@ON_ONE_DATABASE
@example(NOW, datetime(2000, 10, 29, 2, tzinfo=ZoneInfo("Asia/Barnaul")), time(), "", None, False)
@given(start=moments, notice=st.none() | moments, daily=st.times(), words=texts, data=json, insistent=st.booleans())
def test_what_is_written_and_read_is_what_peewee_writes_and_reads(
    store: Store,
    rows: Rows,
    start: datetime,
    notice: datetime | None,
    daily: time,
    words: str,
    data: Any,
    insistent: bool,
) -> None:
    with store.transaction():
        parts = {"creator": rows.manager, "calendar": rows.calendar, "created_on": NOW}
        columns = {"title": words, "start": start, "end": start, "data": data}
        ours = Event.get_by_id(add_event.insert(**columns, **parts))
        theirs = Event.create(**columns, **parts)
        assert {**ours.__data__, "id": 0} == {**Event.get_by_id(theirs.id).__data__, "id": 0}

        alarm = {
            "event": ours,
            "date_start_notice": notice,
            "due_at": notice,
            "daily_start": daily.replace(microsecond=0),
            "retry_delays": data,
            "insistent": insistent,
            "reason": words,
            "created_date": start,
            "updated_date": start,
        }
        number = add_alarm.insert(**alarm)
        peewees = Alarm.get_by_id(number)
        found = by_id.first(number)
        assert found is not None
        assert same(found, peewees)
        assert found.event.id == ours.id
        assert waiting.all(NOW, 5) == list(waiting._build(NOW, 5))
        assert [same(a, b) for a, b in zip(waiting.all(NOW, 5), waiting._build(NOW, 5), strict=True)].count(False) == 0
        assert by_id.tuples(number) == [Alarm.select().where(Alarm.id == number).tuples().get()]
        assert first_due.scalar() == Alarm.select(fn.MIN(Alarm.due_at)).scalar()

        assert change.run(number, AlarmStatus.RETRY, notice, "new", 2) == 1
        changed = Alarm.get_by_id(number)
        # In UTC: a moment of an hour that comes twice equals no moment of another zone (PEP 495).
        due = notice and notice.astimezone(UTC)
        assert (changed.status, changed.due_at, changed.num_attempt) == (AlarmStatus.RETRY, due, 2)
        assert changed.reason == (words or "new")


def test_a_comparison_with_none_is_a_test_for_null(store: Store, rows: Rows) -> None:
    master = rows.alarm(store, NOW).event
    with store.transaction():
        child = add_event.insert(
            start=NOW, end=NOW, creator=rows.manager, calendar=rows.calendar, parent_event=master, created_on=NOW
        )
        assert [event.id for event in of_event.all(None)] == [master.id]
        assert [event.id for event in of_event.all(master)] == [child]


def test_lists_of_any_length(store: Store, rows: Rows) -> None:
    ids = [rows.alarm(store, NOW).id for _ in range(4)]
    with store.reading():
        for length in (0, 1, 3):
            assert [alarm.id for alarm in among.all(ids[:length])] == ids[:length]
            assert [alarm.id for alarm in others.all(ids[:length])] == ids[length:]


def test_a_join_gives_one_instance_for_each_table(store: Store, rows: Rows) -> None:
    alarm = rows.alarm(store, NOW, event={"title": "four"})
    with store.reading():
        ((found, event, parent, length),) = with_event.joined(alarm.id)
    assert same(found, Alarm.get_by_id(alarm.id))
    assert same(event, Event.get_by_id(alarm.event_id))
    assert (parent, length) == (None, 4)


def test_writes_say_how_many_rows_they_changed(store: Store, rows: Rows) -> None:
    alarm = rows.alarm(store, NOW)
    with store.transaction():
        assert change.run(alarm.id + 1, AlarmStatus.RETRY, None, "", 0) == 0
        assert change.run(alarm.id, AlarmStatus.RETRY, None, "", 0) == 1
        assert add_blob.run("a" * 64, b"\0\xff") == 1
        assert add_blob.run("a" * 64, b"other") == 0
        assert bytes(AudioBlob.get().content) == b"\0\xff"
        for later in (1, 2):
            assert set_pace.run("all", NOW + timedelta(seconds=later)) == 1
        assert Pace.get().next_at == NOW + timedelta(seconds=2)
        assert remove.run(alarm.id) == 1
        assert not by_id.exists(alarm.id)
        assert by_id.first(alarm.id) is None
        assert of_calls_in.all("never") == []


def test_many_rows_at_once(store: Store, rows: Rows) -> None:
    @prepared
    def message(key: str, due_at: datetime | None) -> ModelInsert:
        return Outbox.insert(
            kind="sms", idempotency_key=key, destination="1", payload={}, due_at=due_at, expires_at=NOW,
            created_date=NOW, updated_date=NOW,
        )  # fmt: skip

    with store.transaction():
        message.run_many((f"k{n}", NOW + timedelta(seconds=n)) for n in range(1000))
        message.run_many([])
        assert Outbox.select().count() == 1000
        assert Outbox.get(idempotency_key="k999").due_at == NOW + timedelta(seconds=999)
        with pytest.raises(ValueError, match="differ"):
            message.run_many([("a", NOW), ("b", None)])


def test_a_moment_without_zone_is_refused_as_by_peewee(store: Store, rows: Rows) -> None:
    with store.reading(), pytest.raises(TypeError, match="aware"):
        waiting.all(datetime(2026, 3, 2), 5)


def test_a_query_that_looks_at_its_arguments_is_refused(store: Store) -> None:
    @prepared
    def named(name: str) -> ModelSelect[User]:
        return User.select().where(User.username == name) if name else User.select()

    @prepared
    def like(name: str) -> ModelSelect[User]:
        return User.select().where(User.username ** f"%{name}")

    @prepared
    def soon(now: datetime) -> ModelSelect[Alarm]:
        return Alarm.select().where(Alarm.due_at < now + timedelta(hours=1))

    with store.reading():
        for run in (lambda: named.all("jo"), lambda: like.all("jo"), lambda: soon.all(NOW)):
            with pytest.raises(TypeError, match="has no value yet"):
                run()
