"""Children of recurring events: once, in time, with their alarms; on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.enums import AlarmMethod, AlarmResult, AlarmStatus, EventStatus
from fs_app.domain.window import to_utc
from fs_app.store.database import Store
from fs_app.store.models import Alarm, Calendar, Event, Rule
from fs_app.store.occurrences import LEAD, Occurrences
from tests.rest_client import Api, new_calendar, new_event
from tests.rows import Rows, make_rows

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)  # 08:00 in Paris
NINE = NOW + timedelta(hours=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def rows(store: Store) -> Rows:
    return make_rows(store, NOW)


@pytest.fixture
def occurrences(store: Store) -> Occurrences:
    return Occurrences(store, PARIS)


class Series:
    """One recurring event and what becomes of it."""

    def __init__(self, store: Store, rows: Rows, frequency: str = "DAILY", params: str = "", **event: Any) -> None:
        self.store = store
        with store.transaction():
            rule = Rule.create(name="test", frequency=frequency, params=params)
            values = {"start": NINE, "end": NINE + HOUR, "next_child_at": NOW, "created_on": NOW, **event}
            self.master = Event.create(
                title="Check-up", creator=rows.calendar_user, calendar=rows.calendar, rule=rule, **values
            )

    def alarm(self, **fields: Any) -> Alarm:
        with self.store.transaction():
            values = {"alarm_phonenumber": "15550100001", "created_date": NOW, "updated_date": NOW, **fields}
            alarm: Alarm = Alarm.create(event=self.master, **values)
            return alarm

    def change(self, **fields: Any) -> None:
        """As the API does it: with next_child_at, so that the scheduler looks again."""
        with self.store.transaction():
            Event.update(**fields).where(Event.id == self.master.id).execute()

    def children(self) -> list[Event]:
        with self.store.reading():
            return list(Event.select().where(Event.parent_event == self.master).order_by(Event.start))

    def alarms(self, child: Event) -> list[Alarm]:
        with self.store.reading():
            return list(Alarm.select().where(Alarm.event == child).order_by(Alarm.id))

    def starts(self) -> list[datetime]:
        return [child.start for child in self.children()]


def test_nothing_recurs_nothing_is_due(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    rows.alarm(store, NOW)
    assert occurrences.next_due() is None
    assert occurrences.make_due(NOW) == 0


def test_a_child_is_a_copy_made_an_hour_before_its_earliest_alarm(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    series = Series(store, rows, description="bring your card", data={"name": "Jo"})
    series.alarm(advance_notice=6 * 3600)
    assert occurrences.make_due(NOW) == 0
    assert occurrences.next_due() == NINE + DAY - 6 * HOUR - LEAD
    assert occurrences.make_due(NINE + DAY - 6 * HOUR - LEAD - timedelta(seconds=1)) == 0
    assert series.children() == []
    assert occurrences.make_due(NINE + DAY - 6 * HOUR - LEAD) == 1
    (child,) = series.children()
    assert (child.start, child.end, child.occ_count) == (NINE + DAY, NINE + DAY + HOUR, 1)
    assert (child.title, child.description, child.data) == ("Check-up", "bring your card", {"name": "Jo"})
    assert (child.creator_id, child.calendar_id) == (series.master.creator_id, series.master.calendar_id)
    assert (child.status, child.rule_id, child.next_child_at) == (EventStatus.PENDING, None, None)
    assert occurrences.next_due() == NINE + 2 * DAY - 6 * HOUR - LEAD


def test_the_last_child_is_the_one_to_come(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    """A rule that comes back sooner than the lead does not fill the next hour with children."""
    series = Series(store, rows, "MINUTELY", "interval:20")
    assert occurrences.make_due(NINE - timedelta(seconds=1)) == 0
    assert occurrences.make_due(NINE) == 1
    assert series.starts() == [NINE + timedelta(minutes=20)]
    assert occurrences.next_due() == NINE + timedelta(minutes=20)


def test_alarms_are_copied_and_start_anew(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    used = series.alarm(
        advance_notice=1800,
        maxretry=3,
        retry_delay=90,
        survey=rows.survey,
        url_confirm="https://example.org/yes",
        phonenumber_transfer="15550100",
        daily_start=time(7, 30),
        daily_stop=time(20),
        num_attempt=4,
        sequence=5,
        status=AlarmStatus.SUCCESS,
        result=AlarmResult.CANCELLED,
        reason="done",
    )
    series.alarm(method=AlarmMethod.MAIL, alarm_email="jo@example.org")
    made = NINE + DAY - timedelta(minutes=30) - LEAD
    occurrences.make_due(made)
    (child,) = series.children()
    call, mail = series.alarms(child)
    kept = "alarm_phonenumber advance_notice maxretry retry_delay survey_id url_confirm phonenumber_transfer method"
    for name in (*kept.split(), "daily_start", "daily_stop"):
        assert getattr(call, name) == getattr(used, name), name
    assert (call.num_attempt, call.sequence, call.reason) == (0, 0, "")
    assert (call.status, call.result) == (AlarmStatus.PENDING, AlarmResult.NONE)
    assert (call.date_start_notice, call.due_at) == (None, NINE + DAY - timedelta(minutes=30))
    assert (call.created_date, call.updated_date) == (made, made)
    assert (mail.method, mail.alarm_email, mail.due_at) == (AlarmMethod.MAIL, "jo@example.org", NINE + DAY)
    with store.reading():
        assert Alarm.get_by_id(used.id).status == AlarmStatus.SUCCESS


def test_a_copied_alarm_waits_for_its_window(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    series.alarm(advance_notice=3 * 3600, daily_start=time(8), daily_stop=time(20))
    occurrences.make_due(NINE + DAY - 3 * HOUR)
    (alarm,) = series.alarms(series.children()[0])
    assert alarm.due_at == to_utc(datetime(2026, 3, 3, 8), PARIS)


def test_a_notice_of_its_own_keeps_its_distance_on_the_clock(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    """18:00 the evening before stays 18:00, over the change of 29 March; 24 hours before stays 24 hours before."""
    start = to_utc(datetime(2026, 3, 28, 9), PARIS)
    series = Series(store, rows, start=start, end=start + HOUR)
    series.alarm(date_start_notice=to_utc(datetime(2026, 3, 27, 18), PARIS))
    series.alarm(advance_notice=24 * 3600)
    occurrences.make_due(start)
    (child,) = series.children()
    evening, day_before = series.alarms(child)
    assert child.start == to_utc(datetime(2026, 3, 29, 9), PARIS) == start + 23 * HOUR
    assert evening.date_start_notice == evening.due_at == to_utc(datetime(2026, 3, 28, 18), PARIS)
    assert day_before.due_at == child.start - DAY


def test_a_notice_before_the_previous_occurrence_is_made_before_it(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    series = Series(store, rows, start=NINE + 9 * DAY, end=NINE + 9 * DAY + HOUR)
    series.alarm(advance_notice=3 * 24 * 3600)
    occurrences.make_due(NOW)
    assert occurrences.next_due() == NINE + 7 * DAY - LEAD
    occurrences.make_due(NINE + 7 * DAY - LEAD)
    assert series.starts() == [NINE + 10 * DAY]


def test_the_calendars_zone_decides(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    with store.transaction():
        Calendar.update(timezone="America/New_York").where(Calendar.id == rows.calendar.id).execute()
    start = datetime(2026, 3, 7, 14, tzinfo=UTC)  # 09:00 in New York, which changes on the 8th
    series = Series(store, rows, start=start, end=start + HOUR)
    occurrences.make_due(start + DAY)
    assert series.starts() == [start + DAY - HOUR]


def test_an_outage_is_made_up_and_nothing_is_skipped(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    series.alarm()
    late = NINE + 5 * DAY + 3 * HOUR
    assert occurrences.make_due(late, limit=3) == 3
    assert occurrences.next_due() == late
    assert occurrences.make_due(late) == 2
    children = series.children()
    assert [c.start for c in children] == [NINE + n * DAY for n in range(1, 6)]
    assert [c.occ_count for c in children] == [1, 2, 3, 4, 5]
    assert [a.due_at for c in children for a in series.alarms(c)] == [c.start for c in children]
    assert occurrences.next_due() == NINE + 6 * DAY - LEAD


def test_a_series_that_is_far_behind_does_not_keep_others_waiting(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    behind = Series(store, rows, "MINUTELY")
    other = Series(store, rows, next_child_at=NOW + HOUR)
    assert occurrences.make_due(NINE + DAY, limit=3) == 3
    assert len(other.children()) == 1
    assert len(behind.children()) == 2


def test_what_was_over_when_the_event_was_created_is_left_out(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    start = NINE - 30 * DAY - timedelta(minutes=90)  # at 07:30; the series is created at 08:00, when one is running
    series = Series(store, rows, start=start, end=start + HOUR)
    occurrences.make_due(NOW)
    assert series.starts() == [start + 30 * DAY]
    assert series.children()[0].occ_count == 1


def test_the_series_ends_by_count_and_by_the_end_of_its_period(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    counted = Series(store, rows, params="count:3")
    until = Series(store, rows, end_recurring_period=NINE + DAY)
    assert occurrences.make_due(NINE + 30 * DAY) == 3
    assert counted.starts() == [NINE + DAY, NINE + 2 * DAY]
    assert until.starts() == [NINE + DAY]
    assert occurrences.next_due() is None


def test_a_paused_child_does_not_stop_the_series(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    occurrences.make_due(NINE + DAY - LEAD)
    with store.transaction():
        Event.update(status=EventStatus.PAUSED).where(Event.parent_event == series.master).execute()
    occurrences.make_due(NINE + 2 * DAY - LEAD)
    assert [c.status for c in series.children()] == [EventStatus.PAUSED, EventStatus.PENDING]


def test_a_paused_master_leaves_out_what_starts_meanwhile(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    series.change(status=EventStatus.PAUSED, next_child_at=NOW)
    for hours in range(0, 96, 6):
        assert occurrences.make_due(NINE + hours * HOUR) == 0
    resumed = NINE + 3 * DAY + 23 * HOUR
    series.change(status=EventStatus.PENDING, next_child_at=resumed)
    assert occurrences.make_due(resumed) == 1
    assert series.starts() == [NINE + 4 * DAY]


@pytest.mark.parametrize("field", ["completed", "no rule"])
def test_a_series_that_was_ended_makes_no_more(store: Store, rows: Rows, occurrences: Occurrences, field: str) -> None:
    series = Series(store, rows)
    occurrences.make_due(NINE + DAY)
    ended = {"status": EventStatus.COMPLETED} if field == "completed" else {"rule": None}
    series.change(**ended, next_child_at=NINE + DAY)
    assert occurrences.make_due(NINE + 9 * DAY) == 0
    assert series.starts() == [NINE + DAY]
    assert occurrences.next_due() is None


def test_a_changed_rule_holds_from_there_on(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    occurrences.make_due(NINE + DAY)
    with store.transaction():
        Rule.update(frequency="WEEKLY", params="byweekday:FR").execute()  # NINE is a Monday
    series.change(next_child_at=NINE + DAY)
    assert occurrences.make_due(NINE + DAY) == 0
    assert occurrences.next_due() == NINE + 4 * DAY - LEAD
    occurrences.make_due(NINE + 4 * DAY)
    assert series.starts() == [NINE + DAY, NINE + 4 * DAY]


def test_a_longer_period_goes_on_and_a_shorter_one_stops(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows, end_recurring_period=NINE + DAY)
    occurrences.make_due(NINE + DAY)
    assert occurrences.next_due() is None
    series.change(end_recurring_period=NINE + 2 * DAY, next_child_at=NINE + DAY)
    occurrences.make_due(NINE + 2 * DAY)
    assert series.starts() == [NINE + DAY, NINE + 2 * DAY]
    series.change(end_recurring_period=NINE, next_child_at=NINE + 2 * DAY)
    occurrences.make_due(NINE + 2 * DAY)
    assert occurrences.next_due() is None
    assert len(series.children()) == 2


def test_a_series_that_begins_again_does_not_make_up_for_the_time_between(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    series = Series(store, rows)
    occurrences.make_due(NINE + DAY)
    series.change(status=EventStatus.COMPLETED, next_child_at=NINE + DAY)
    occurrences.make_due(NINE + DAY)
    series.change(status=EventStatus.PENDING, next_child_at=NINE + 20 * DAY + 2 * HOUR)
    occurrences.make_due(NINE + 21 * DAY)
    assert series.starts() == [NINE + DAY, NINE + 21 * DAY]


def test_an_outage_before_the_first_look_is_made_up_too(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    assert occurrences.make_due(NINE + 3 * DAY) == 3
    assert series.starts() == [NINE + n * DAY for n in range(1, 4)]


def test_being_told_to_look_again_makes_nothing_twice(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    for n in range(4):
        series.change(next_child_at=NOW)
        assert occurrences.make_due(NINE + DAY) == (1 if n == 0 else 0)


def test_a_moved_child_is_not_made_again(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    occurrences.make_due(NINE + DAY - LEAD)
    with store.transaction():  # to where it stood before its own time, and later to where the next one will be
        Event.update(start=NINE + HOUR).where(Event.parent_event == series.master).execute()
    series.change(next_child_at=NOW)
    assert occurrences.make_due(NINE + DAY) == 0
    with store.transaction():
        Event.update(start=NINE + 2 * DAY).where(Event.parent_event == series.master).execute()
    assert occurrences.make_due(NINE + 2 * DAY) == 0
    assert series.starts() == [NINE + 2 * DAY]
    assert occurrences.make_due(NINE + 3 * DAY) == 1


def test_a_deleted_child_does_not_come_back(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows)
    occurrences.make_due(NINE + DAY - LEAD)
    with store.transaction():
        Event.delete().where(Event.parent_event == series.master).execute()
    series.change(next_child_at=NOW)
    assert occurrences.make_due(NINE + DAY) == 0
    occurrences.make_due(NINE + 2 * DAY)
    assert series.starts() == [NINE + 2 * DAY]


def test_a_series_that_begins_again_counts_on_and_makes_nothing_twice(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    series = Series(store, rows)
    occurrences.make_due(NINE + DAY)
    series.change(last_occurrence=None, next_child_at=NOW)
    occurrences.make_due(NINE + 2 * DAY)
    assert [(c.start, c.occ_count) for c in series.children()] == [(NINE + DAY, 1), (NINE + 2 * DAY, 2)]


@pytest.mark.parametrize(("frequency", "params"), [("NEVER", ""), ("DAILY", "count:x")])
def test_a_rule_that_cannot_be_read_ends_its_series_alone(
    store: Store,
    rows: Rows,
    occurrences: Occurrences,
    caplog: pytest.LogCaptureFixture,
    frequency: str,
    params: str,
) -> None:
    broken = Series(store, rows, frequency, params)
    sound = Series(store, rows)
    assert occurrences.make_due(NINE + DAY) == 1
    assert broken.children() == []
    assert len(sound.children()) == 1
    assert f"event {broken.master.id} makes no more occurrences" in caplog.text
    assert occurrences.next_due() == NINE + 2 * DAY - LEAD


def test_an_alarm_that_is_added_over_rest_is_in_time(sqlite_api: Api) -> None:
    """Without its change the scheduler would look only an hour before the next occurrence."""
    api = sqlite_api
    occurrences = Occurrences(api.store, PARIS)
    event = new_event(api, new_calendar(api), start="2026-03-02 12:00:00", rule="/rest-api/rule/1/")
    occurrences.make_due(api.clock.now())
    assert occurrences.next_due() == datetime(2026, 3, 3, 10, tzinfo=UTC)
    fields = {"event": event["url"], "alarm_phonenumber": "15550100001", "advance_notice": 6 * 3600}
    api.post("alarm/", {"method": 1, "maxretry": 0, "retry_delay": 0, **fields})
    occurrences.make_due(api.clock.now())
    assert occurrences.next_due() == datetime(2026, 3, 3, 4, tzinfo=UTC)
    api.patch(event["url"].split("/rest-api/")[1], {"rule": None})
    assert occurrences.next_due() is None


def test_make_next_makes_the_coming_one_early_and_once(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    series = Series(store, rows, params="count:3")
    assert occurrences.make_next(series.master.id, NINE + 5 * HOUR)
    assert occurrences.make_next(series.master.id, NINE + 5 * HOUR)
    assert series.starts() == [NINE + DAY]
    assert occurrences.make_due(NINE + DAY) == 0
    assert occurrences.make_next(series.master.id, NINE + DAY)
    assert series.starts() == [NINE + DAY, NINE + 2 * DAY]
    assert not occurrences.make_next(series.master.id, NINE + 2 * DAY)
    assert not occurrences.make_next(0, NOW)


def test_two_schedulers_make_each_child_once(store: Store, rows: Rows, occurrences: Occurrences) -> None:
    many = [Series(store, rows) for _ in range(10)]
    late = NINE + 6 * DAY
    made: list[int] = []
    failures: list[BaseException] = []
    start = threading.Barrier(3)

    def work() -> None:
        try:
            start.wait()
            total = 0
            while (due := occurrences.next_due()) is not None and due <= late:
                total += occurrences.make_due(late, limit=4)
            made.append(total)
        except BaseException as exc:
            failures.append(exc)
        finally:
            store.db.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    start.wait()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(made) == 60
    for series in many:
        assert series.starts() == [NINE + n * DAY for n in range(1, 7)]
        assert [c.occ_count for c in series.children()] == [1, 2, 3, 4, 5, 6]


def test_a_child_that_is_moved_there_in_that_very_moment_is_no_error(
    store: Store, rows: Rows, occurrences: Occurrences
) -> None:
    if store.sqlite:
        pytest.skip("SQLite has one writer: nobody can get in between")
    series = Series(store, rows)
    occurrences.make_due(NINE + DAY)
    moved, commit, done = threading.Event(), threading.Event(), threading.Event()
    waited: list[bool] = []

    def mover() -> None:
        with store.transaction():
            Event.update(start=NINE + 2 * DAY, title="moved").where(Event.parent_event == series.master).execute()
            moved.set()
            commit.wait(30)
        store.db.close()

    def watcher() -> None:
        """Lets the mover commit as soon as our insert waits for it, which PostgreSQL itself can tell."""
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        with store.connected():
            while not waited and not done.is_set():
                if store.db.execute_sql(waiting).fetchone()[0]:
                    waited.append(True)
        commit.set()
        store.db.close()

    threads = [threading.Thread(target=mover), threading.Thread(target=watcher)]
    threads[0].start()
    assert moved.wait(30)
    threads[1].start()
    made = occurrences.make_due(NINE + 2 * DAY)
    done.set()
    for thread in threads:
        thread.join()
    assert waited
    assert made == 0
    assert [c.title for c in series.children()] == ["moved"]
    assert occurrences.next_due() == NINE + 3 * DAY - LEAD
