"""The scheduler when things around it fail: lost rings, lost databases, switches that only others know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import gevent
import pytest
from gevent.event import Event as Flag
from gevent.queue import Queue

import scheduler.following
import scheduler.loop
from fs_app.clock import SystemClock
from fs_app.domain.alarms import OpenCall
from fs_app.domain.calls import CallAnswered, CallEnded, CallRinging, OriginateFailed, OriginateRequest
from fs_app.domain.enums import AlarmStatus
from fs_app.domain.pacing import Limits
from fs_app.errors import StoreUnavailable
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.journal import CallJournal
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, DncContact, DncList, Gateway
from fs_app.store.occurrences import Occurrences
from scheduler.calls import LiveCalls
from scheduler.loop import Scheduler
from scheduler.plan import PlanSettings
from tests.rows import Rows, make_rows

LEASE = timedelta(seconds=60)


class Switch:
    """Takes every originate and remembers it."""

    name = "fs1:8021"
    up = True

    record = "fs_app_0123456789ab"

    def __init__(self) -> None:
        self.knows, self.denies = True, False
        self.sent: Queue[OriginateRequest] = Queue()
        self.hung_up: Queue[str] = Queue()

    def wait_up(self, timeout: float | None) -> bool:
        return True

    def originate(self, request: OriginateRequest) -> None:
        self.sent.put(request)

    def exists(self, call_uuid: str) -> bool:
        return self.knows

    def hangup(self, call_uuid: str) -> bool:
        self.hung_up.put(call_uuid)
        return True

    def never_dialled(self, call_uuid: str, line: str) -> bool:
        assert call_uuid in line
        return self.denies

    def next(self) -> OriginateRequest:
        return self.sent.get(timeout=20)


class World:
    def __init__(self, path: Path, prepare: Callable[[str], None]) -> None:
        self.store = Store(f"sqlite:///{path}/x.sqlite3")
        self.store.migrate()
        self.clock = SystemClock()
        self.rows: Rows = make_rows(self.store, self.clock.now())
        self.switch = Switch()
        self.bell = Flag()
        self.told: Queue[tuple[str, Mapping[str, object]]] = Queue()
        self.attempts = self.store.off_loop(Attempts(self.store, ZoneInfo("UTC")))
        self.calls = LiveCalls(
            self.attempts,
            [self.switch],
            self.clock,
            lease=LEASE,
            prepare=prepare,
            changed=self.bell.set,
            observer=lambda what, _uuid, said: self.told.put((what, said)),
        )
        self.loop = gevent.spawn(
            Scheduler(
                self.attempts,
                self.store.off_loop(Occurrences(self.store, ZoneInfo("UTC"))),
                self.calls,
                [self.switch],
                self.clock,
                PlanSettings("127.0.0.1:8084"),
                bell=self.bell,
                lease=LEASE,
                limits=Limits(calls_per_second=20, max_calls=10),
                sole=True,
            ).run
        )

    def due(self, **fields: object) -> Alarm:
        return self.rows.alarm(self.store, self.clock.now(), **fields)  # type: ignore[arg-type]

    def reload(self, alarm: Alarm) -> Alarm:
        with self.store.reading():
            return Alarm.get_by_id(alarm.id)

    def until_booked(self) -> Mapping[str, object]:
        while True:
            what, said = self.told.get(timeout=20)
            if what == "booked":
                return said

    def ends(self, call_uuid: str, cause: str) -> None:
        self.calls.on_event(CallEnded(call_uuid, self.clock.now(), cause, answered=False, billsec=0))


@pytest.fixture
def prepare() -> list[Callable[[str], None]]:
    """What is done between claim and originate; a test may put something here."""
    return []


@pytest.fixture
def world(tmp_path: Path, prepare: list[Callable[[str], None]], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(scheduler.loop, "LONGEST_SLEEP", 0.2)
    world = World(tmp_path, lambda call_uuid: [step(call_uuid) for step in prepare] and None)
    yield world
    world.loop.kill()
    world.calls.stop()
    world.store.close()


def test_an_alarm_whose_ring_got_lost_is_dialled_all_the_same(world: World) -> None:
    gevent.idle()
    alarm = world.due()  # committed, and its process dies before it rings
    assert world.switch.next().number == alarm.alarm_phonenumber


@pytest.mark.parametrize("denies", [True, False])
def test_an_originate_that_nobody_confirmed(world: World, denies: bool) -> None:
    """It goes out again when the switch proves that it never ran it, and never otherwise."""
    alarm = world.due(maxretry=3, retry_delay=0)
    world.switch.knows, world.switch.denies = False, denies
    first = world.switch.next()
    assert first.once == world.switch.record
    world.calls.on_switch_up(world.switch.name)
    if not denies:
        assert world.until_booked()["outcome"] == "unknown"
        assert world.reload(alarm).status == AlarmStatus.FAILURE
        return
    second = world.switch.next()
    assert (second.number, second.call_uuid != first.call_uuid) == (first.number, True)
    world.ends(second.call_uuid, "USER_BUSY")
    assert world.until_booked()["outcome"] == "busy"
    assert world.reload(alarm).num_attempt == 1


def test_why_it_failed_is_waited_for(world: World) -> None:
    """The job of an originate and its channel tell of the end in either order, and only the channel tells all."""
    world.due(maxretry=0)
    request = world.switch.next()
    world.calls.on_event(OriginateFailed(request.call_uuid, "NO_ANSWER"))
    world.ends(request.call_uuid, "NO_ANSWER")
    assert world.until_booked()["outcome"] == "no_answer"
    with world.store.reading():
        assert CallRequest.get().hangup_cause == "NO_ANSWER"


def test_a_job_that_failed_without_a_channel_is_booked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.following.LAST_WORD", 0.05)
    world.due(maxretry=0)
    world.calls.on_event(OriginateFailed(world.switch.next().call_uuid, "USER_BUSY"))
    assert world.until_booked()["outcome"] == "busy"


def test_a_busy_line_stays_a_busy_line_while_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.settling.STORE_PAUSES", (0.05,))
    alarm = world.due(maxretry=3, retry_delay=3600)
    request = world.switch.next()
    away = [StoreUnavailable("away")] * 3
    real = world.attempts.settle_all

    def settle(*args: object, **kwargs: object) -> object:
        if away:
            raise away.pop()
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(world.calls._attempts, "settle_all", settle)
    world.ends(request.call_uuid, "USER_BUSY")
    assert world.until_booked()["outcome"] == "busy"
    booked = world.reload(alarm)
    assert (booked.status, booked.num_attempt) == (AlarmStatus.RETRY, 1)
    assert away == []


def test_a_number_that_opts_out_between_claim_and_originate_is_not_dialled(
    world: World, prepare: list[Callable[[str], None]]
) -> None:
    refused = Flag()

    def opt_out(_call_uuid: str) -> None:
        with world.store.transaction():
            now: datetime = world.clock.now()
            listed = DncList.create(user=world.rows.manager, name="x", created_date=now, updated_date=now)
            DncContact.create(dnc_list=listed, phone_number="15550100001", created_date=now)
        refused.set()

    prepare.append(opt_out)
    alarm = world.due(number="15550100001")
    assert refused.wait(20)
    with gevent.Timeout(20):
        while world.reload(alarm).status != AlarmStatus.FAILURE:
            world.bell.clear()
            world.bell.wait(0.1)
    assert "do not call" in world.reload(alarm).reason
    assert world.switch.sent.empty()


def test_a_call_on_a_switch_that_only_others_know_is_left_to_them(world: World) -> None:
    world.due()
    request = world.switch.next()
    with world.store.transaction():
        CallRequest.update(switch="fs2:8021").execute()
        call = CallRequest.get()
    other = OpenCall(request.call_uuid.replace("a", "b"), "token", "fs2:8021", call.dialled_at, 20, 600)
    world.calls.adopt(other)
    assert world.told.get(timeout=5)[0] == "claimed"
    assert len(world.calls) == 1  # ours, still


def test_a_live_call_is_not_adopted_by_its_own_process(world: World) -> None:
    world.due()
    request = world.switch.next()
    world.attempts.expire_all(world.clock.now())
    (own,) = world.attempts.expired(world.clock.now())
    world.calls.adopt(own)
    with world.store.reading():
        assert CallRequest.get().lease_token == own.token
    world.ends(request.call_uuid, "USER_BUSY")
    assert world.until_booked()["outcome"] == "busy"
    with world.store.reading():
        assert AlarmRequest.select().count() == 1


def failing_over(world: World) -> Alarm:
    now = world.clock.now()
    with world.store.transaction():
        second = Gateway.create(name="b", gateways="sofia/gateway/b/", created_date=now, updated_date=now)
        Gateway.update(failover=second).where(Gateway.id == world.rows.gateway.id).execute()
    return world.due(maxretry=3, retry_delay=3600)


def test_a_trunk_that_fails_before_it_rings_hands_over_to_the_next_gateway(world: World) -> None:
    alarm = failing_over(world)
    first = world.switch.next()
    world.calls.on_event(OriginateFailed(first.call_uuid, "GATEWAY_DOWN"))
    second = world.switch.next()
    assert (first.gateway, second.gateway) == ("sofia/gateway/test/", "sofia/gateway/b/")
    assert first.call_uuid != second.call_uuid
    world.ends(second.call_uuid, "USER_BUSY")
    assert world.until_booked()["outcome"] == "busy"
    assert world.reload(alarm).num_attempt == 1


def test_who_answers_and_is_held_by_nobody_is_not_left_in_silence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outbound socket broke before the call was parked: the switch would keep it up until the time limit."""
    monkeypatch.setattr(scheduler.following, "SURVEY_PATIENCE", 1.0)
    journal = CallJournal(world.store)
    world.due(number="15550100001")
    world.due(number="15550100002")
    held, silent = sorted((world.switch.next() for _ in range(2)), key=lambda request: request.number)
    for request in (held, silent):
        world.calls.on_event(CallAnswered(request.call_uuid, world.clock.now()))
    assert journal.open_call(held.call_uuid, world.clock.now()) is not None
    assert world.switch.hung_up.get(timeout=20) == silent.call_uuid
    world.calls.on_event(CallEnded(silent.call_uuid, world.clock.now(), "NORMAL_CLEARING", answered=True, billsec=1))
    assert world.until_booked()["reason"] == "answered, but the survey did not start"
    world.calls.on_switch_up("fs1:8021")  # one more look at the one whose survey runs
    world.ends(held.call_uuid, "NORMAL_CLEARING")
    world.until_booked()
    assert world.switch.hung_up.empty()


@pytest.mark.parametrize("lost", [False, True])
def test_a_trunk_that_fails_after_it_may_have_rung_rings_nobody_again_at_once(world: World, lost: bool) -> None:
    """Either the ringing was heard, or the connection was down for a while and nobody can tell."""
    alarm = failing_over(world)
    first = world.switch.next()
    if lost:
        world.calls.on_switch_up("fs1:8021")
    else:
        world.calls.on_event(CallRinging(first.call_uuid, world.clock.now()))
    world.ends(first.call_uuid, "NORMAL_TEMPORARY_FAILURE")
    assert world.until_booked()["outcome"] == "no_answer"
    assert world.switch.sent.empty()
    assert (world.reload(alarm).num_attempt, world.reload(alarm).status) == (1, AlarmStatus.RETRY)
