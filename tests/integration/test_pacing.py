"""How many calls are claimed, whose, and when: on SQLite and on PostgreSQL, by one scheduler or by several."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.alarms import Claim, Decision, DueAlarm, Verdict
from fs_app.domain.enums import AlarmStatus, EventStatus, Outcome
from fs_app.domain.pacing import AHEAD, UNPACED, Limits, Pacing
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.lanes import HELD
from fs_app.store.models import Alarm, Calendar, CalendarUserProfile, CallRequest, Event, Gateway, Lane, User
from scheduler import plan
from tests.rows import Rows, make_rows

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SETTINGS = plan.PlanSettings("127.0.0.1:8084")
SECOND = timedelta(seconds=1)


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
def attempts(store: Store) -> Attempts:
    return Attempts(store, ZoneInfo("UTC"))


def due(store: Store, rows: Rows, count: int, calendar: Calendar | None = None, **fields: Any) -> None:
    """So many alarms of one event that are due now."""
    with store.transaction():
        event = Event.create(
            title="x",
            start=NOW + timedelta(days=1),
            end=NOW + timedelta(days=2),
            creator=rows.calendar_user,
            calendar=calendar or rows.calendar,
            created_on=NOW,
        )
        for n in range(count):
            Alarm.create(
                **{
                    "event": event,
                    "alarm_phonenumber": f"1555{n:06d}",
                    "due_at": NOW,
                    "created_date": NOW,
                    "updated_date": NOW,
                    **fields,
                }
            )


def another_calendar(store: Store, rows: Rows, **fields: Any) -> Calendar:
    with store.transaction():
        made: Calendar = Calendar.create(name="other", user=rows.calendar_user, created_date=NOW, **fields)
        return made


def claim(attempts: Attempts, now: datetime, limit: int = 100, pacing: Pacing = UNPACED) -> list[Claim]:
    return attempts.claim_due(now, limit, LEASE, lambda due, uuid: _decide(due, uuid, now), pacing=pacing)


def _decide(due: DueAlarm, uuid: str, now: datetime = NOW) -> Decision:
    return plan.decide(due, uuid, now, SETTINGS)


def end(attempts: Attempts, one: Claim, now: datetime) -> None:
    assert attempts.mark_dialling(one, one.switch or "fs1", "originate", now)
    attempts.book(one.call_uuid, one.token, Verdict(Outcome.ANSWERED, AlarmStatus.SUCCESS, ""), None, now)


def calendars(store: Store, claims: list[Claim]) -> Counter[int]:
    with store.reading():
        return Counter(Alarm.get_by_id(c.alarm_id).lane for c in claims)


def gateway(store: Store, rows: Rows, **limits: int) -> None:
    with store.transaction():
        Gateway.update(**limits).where(Gateway.id == rows.gateway.id).execute()


def drain(attempts: Attempts, pacing: Pacing, until: datetime) -> list[datetime]:
    """Claim whenever the store says that there may be something to do; calls end at once. When each may start."""
    now, turns = NOW, []
    while now < until:
        for one in claim(attempts, now, pacing=pacing):
            turns.append(one.not_before or now)
            end(attempts, one, now)
        look = attempts.next_call(now, pacing)
        if look is None:
            break
        now = max(look, now + timedelta(milliseconds=1))
    return turns


@pytest.mark.parametrize("where", ["all", "gateway", "switch"])
def test_a_rate_is_kept_exactly(store: Store, rows: Rows, attempts: Attempts, where: str) -> None:
    due(store, rows, 200)
    pacing = Pacing(
        Limits(calls_per_second=8 if where == "all" else 0, switch_calls_per_second=8 if where == "switch" else 0),
        ("fs1",),
    )
    if where == "gateway":
        gateway(store, rows, calls_per_second=8)
    turns = drain(attempts, pacing, NOW + timedelta(minutes=1))
    assert turns == [NOW + n * SECOND / 8 for n in range(200)]


def test_two_switches_take_twice_as_much(store: Store, rows: Rows, attempts: Attempts) -> None:
    due(store, rows, 80)
    turns = drain(attempts, Pacing(Limits(switch_calls_per_second=10), ("fs1", "fs2")), NOW + timedelta(minutes=1))
    assert turns == [NOW + (n // 2) * SECOND / 10 for n in range(80)]
    with store.reading():
        assert Counter(c.switch for c in CallRequest.select()) == {"fs1": 40, "fs2": 40}


@pytest.mark.parametrize("where", ["all", "gateway", "calendar", "switch"])
def test_no_more_calls_at_once_than_allowed(store: Store, rows: Rows, attempts: Attempts, where: str) -> None:
    due(store, rows, 10)
    pacing = Pacing(
        Limits(max_calls=3 if where == "all" else 0, switch_max_calls=3 if where == "switch" else 0), ("fs1",)
    )
    if where == "gateway":
        gateway(store, rows, maximum_call=3)
    if where == "calendar":
        with store.transaction():
            Calendar.update(max_concurrent=3).execute()
    first = claim(attempts, NOW, pacing=pacing)
    assert len(first) == 3
    assert claim(attempts, NOW, pacing=pacing) == []
    look = attempts.next_call(NOW, pacing)
    assert look is None or (where == "calendar" and look > NOW + timedelta(seconds=10))
    end(attempts, first[0], NOW + SECOND)
    assert (attempts.next_call(NOW + SECOND, pacing) or NOW) <= NOW + SECOND
    assert len(claim(attempts, NOW + SECOND, pacing=pacing)) == 1


def test_a_calendar_with_fifty_calls_leaves_one_with_a_single_call_its_turn(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    due(store, rows, 50)
    other = another_calendar(store, rows)
    pacing = Pacing(Limits(max_calls=2), ("fs1",))
    first = claim(attempts, NOW, pacing=pacing)
    assert calendars(store, first) == {rows.calendar.id: 2}
    due(store, rows, 1, other, due_at=NOW + SECOND)
    end(attempts, first[0], NOW + 2 * SECOND)
    (following,) = claim(attempts, NOW + 2 * SECOND, pacing=pacing)
    assert calendars(store, [following]) in ({other.id: 1}, {rows.calendar.id: 1})
    end(attempts, first[1], NOW + 3 * SECOND)
    (next_one,) = claim(attempts, NOW + 3 * SECOND, pacing=pacing)
    assert calendars(store, [following, next_one])[other.id] == 1


def test_turns_go_round(store: Store, rows: Rows, attempts: Attempts) -> None:
    all_of_them = [rows.calendar, another_calendar(store, rows), another_calendar(store, rows)]
    for calendar in all_of_them:
        due(store, rows, 20, calendar)
    now, seen = NOW, Counter[int]()
    for _ in range(30):
        (one,) = claim(attempts, now, limit=1)
        seen += calendars(store, [one])
        now += timedelta(milliseconds=10)
    assert seen == {calendar.id: 10 for calendar in all_of_them}


def test_a_calendar_without_room_does_not_hold_up_others(store: Store, rows: Rows, attempts: Attempts) -> None:
    with store.transaction():
        Calendar.update(max_concurrent=1).execute()
    due(store, rows, 30)
    other = another_calendar(store, rows)
    due(store, rows, 5, other)
    claims = claim(attempts, NOW)
    assert calendars(store, claims) == {rows.calendar.id: 1, other.id: 5}


def test_a_gateway_without_room_does_not_hold_up_others(store: Store, rows: Rows, attempts: Attempts) -> None:
    gateway(store, rows, maximum_call=1)
    due(store, rows, 30)
    with store.transaction():
        second = Gateway.create(name="b", gateways="sofia/gateway/b/", created_date=NOW, updated_date=NOW)
        setting = rows.setting
        setting.id, setting.aleg_gateway = None, second
        setting.save(force_insert=True)
        user = User.create(username="other", password="-", manager=rows.manager, created_date=NOW)
        CalendarUserProfile.create(
            user=user, manager=rows.manager, calendar_setting=setting, created_date=NOW, updated_date=NOW
        )
        calendar = Calendar.create(name="other", user=user, created_date=NOW)
    assert len(claim(attempts, NOW)) == 1
    due(store, rows, 5, calendar)
    claims = claim(attempts, NOW)
    assert calendars(store, claims) == {calendar.id: 5}
    assert attempts.next_call(NOW) is None


def test_several_schedulers_keep_the_limits_together(store: Store, rows: Rows, attempts: Attempts) -> None:
    due(store, rows, 60)
    gateway(store, rows, calls_per_second=5)
    pacing = Pacing(Limits(max_calls=7), ("fs1",))
    claims: list[Claim] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for n in range(10):
            claims.extend(claim(attempts, NOW + n * SECOND / 10, limit=3, pacing=pacing))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(claims) == 7
    turns = sorted(c.not_before for c in claims if c.not_before is not None)
    assert all(b - a >= SECOND / 5 for a, b in pairwise(turns))


def test_nothing_is_claimed_long_before_its_turn(store: Store, rows: Rows, attempts: Attempts) -> None:
    due(store, rows, 60)
    pacing = Pacing(Limits(calls_per_second=10), ("fs1",))
    claims = claim(attempts, NOW, pacing=pacing)
    assert max(c.not_before for c in claims if c.not_before is not None) <= NOW + AHEAD
    assert len(claims) == 6


def test_a_gateway_that_is_off_is_looked_at_once_a_minute_and_not_once_an_alarm(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    due(store, rows, 40)
    gateway(store, rows, status=0)
    assert claim(attempts, NOW) == []
    with store.reading():
        assert Alarm.select().where(Alarm.reason.contains("switched off")).count() == 1
    look = attempts.next_call(NOW)
    assert look is not None
    assert timedelta() <= NOW + plan.MENDING - look < AHEAD
    gateway(store, rows, status=1)
    assert len(claim(attempts, look)) == 40


# ---- the lanes are kept right by the database itself


def lane(store: Store, calendar: Calendar) -> datetime | None:
    with store.reading():
        found: datetime | None = Lane.get(Lane.calendar == calendar).due_at
        return found


def test_an_alarm_or_an_event_that_moves_takes_its_lane_along(store: Store, rows: Rows, attempts: Attempts) -> None:
    other = another_calendar(store, rows)
    due(store, rows, 1)
    with store.transaction():
        Event.update(calendar=other).execute()
    assert lane(store, other) == NOW
    assert calendars(store, claim(attempts, NOW)) == {other.id: 1}
    due(store, rows, 1, due_at=NOW + timedelta(hours=1))
    with store.transaction():
        event = Event.create(
            title="y",
            start=NOW,
            end=NOW + timedelta(days=1),
            creator=rows.calendar_user,
            calendar=other,
            created_on=NOW,
        )
        Alarm.update(event=event, due_at=NOW + SECOND).where(Alarm.due_at.is_null(False)).execute()
    assert lane(store, other) == NOW + SECOND
    assert calendars(store, claim(attempts, NOW + SECOND)) == {other.id: 1}


def test_a_claim_of_an_empty_lane_and_a_new_alarm_do_not_miss_each_other(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    """Alarms come in while claims leave the lane empty, again and again; none is forgotten."""
    stop = threading.Event()
    claims: list[Claim] = []

    def work() -> None:
        # A breath between two claims, as the scheduler draws one: SQLite hands its lock to whoever asks first, so that
        # one who asks without a pause keeps all others out until they give up.
        while not stop.wait(0.01):
            claims.extend(claim(attempts, NOW, limit=5))

    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(60):
        due(store, rows, 1)
    stop.set()
    worker.join()
    claims.extend(claim(attempts, NOW + SECOND, limit=100))
    assert len(claims) == 60
    assert lane(store, rows.calendar) is None


def test_a_claim_neither_waits_for_alarms_that_are_being_written_nor_forgets_them(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    if store.sqlite:
        pytest.skip("SQLite has one writer: a claim comes before or after")
    due(store, rows, 1)
    with store.transaction():
        due(store, rows, 1)
        with ThreadPoolExecutor() as other:
            asked = other.submit(attempts.claim_calls, NOW, 10, LEASE, _decide, UNPACED)
            first, look = asked.result(10)
        assert len(first) == 1
        assert look == NOW + HELD, "the lane stays due, but is not looked at without a pause"
    assert len(claim(attempts, NOW + HELD)) == 1
    assert lane(store, rows.calendar) is None


def test_those_who_write_alarms_of_one_calendar_do_not_wait_for_each_other(store: Store, rows: Rows) -> None:
    if store.sqlite:
        pytest.skip("SQLite has one writer")
    due(store, rows, 1)
    with store.transaction():
        due(store, rows, 1)
        with ThreadPoolExecutor() as other:
            other.submit(lambda: due(store, rows, 1, due_at=NOW + SECOND)).result(10)


# ---- failover


def failing(store: Store, rows: Rows, attempts: Attempts, **second: Any) -> Claim:
    with store.transaction():
        other = Gateway.create(name="b", gateways="sofia/gateway/b/", created_date=NOW, updated_date=NOW, **second)
        Gateway.update(failover=other).where(Gateway.id == rows.gateway.id).execute()
    due(store, rows, 1)
    (one,) = claim(attempts, NOW)
    assert attempts.mark_dialling(one, "fs1", "originate", NOW)
    return one


def over(attempts: Attempts, one: Claim) -> Claim | None:
    def decide(due: DueAlarm, uuid: str) -> Decision:
        return plan.decide(due, uuid, NOW, SETTINGS)

    return attempts.fail_over(one, "GATEWAY_DOWN", None, NOW, LEASE, decide, Pacing(Limits(), ("fs1",)))


def test_the_next_gateway_is_a_call_of_its_own_in_the_same_attempt(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    one = failing(store, rows, attempts)
    following = over(attempts, one)
    assert following is not None
    assert following.call_uuid != one.call_uuid
    assert following.dial.request.gateway == "sofia/gateway/b/"
    assert over(attempts, following) is None  # none is left
    end(attempts, following, NOW)
    with store.reading():
        alarm = Alarm.get()
        calls = list(CallRequest.select().order_by(CallRequest.id))
        (request,) = alarm.requests
    assert (alarm.status, alarm.num_attempt, alarm.sequence) == (AlarmStatus.SUCCESS, 1, 1)
    assert [(c.outcome, c.num_attempt, c.lease_token) for c in calls] == [("trunk", 1, None), ("answered", 1, None)]
    assert (request.callrequest_id, calls[1].replaces_id) == (calls[1].id, calls[0].id)


def test_a_paused_event_a_full_gateway_and_a_lost_lease_end_the_failover(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    one = failing(store, rows, attempts, maximum_call=1)
    with store.transaction():
        Event.update(status=EventStatus.PAUSED).execute()
    assert over(attempts, one) is None
    with store.transaction():
        Event.update(status=EventStatus.PENDING).execute()
        b = Gateway.get(Gateway.name == "b")
        CallRequest.create(
            request_uuid="x",
            call_time=NOW,
            phone_number="1555",
            survey=rows.survey,
            gateway=b,
            lease_token="t",
            lease_expires=NOW,
            created_date=NOW,
        )
    assert over(attempts, one) is None
    with store.reading():
        assert CallRequest.get(CallRequest.request_uuid == one.call_uuid).lease_token == one.token
