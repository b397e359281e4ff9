"""A year of a telephone reminder service, and the counts after it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import gevent
import pytest

import scheduler.loop
from fs_app.domain.enums import AlarmResult, AlarmStatus, EventStatus, Outcome
from fs_app.domain.pacing import Limits
from fs_app.domain.window import Closed, first_due, is_open, to_utc
from fs_app.store.calls import alarm_of, call_of
from fs_app.store.database import Store
from fs_app.store.due import waiting_until
from fs_app.store.journal import CallJournal
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    Calendar,
    CalendarSetting,
    CallRequest,
    DncContact,
    DncList,
    Event,
    Gateway,
    Rule,
)
from fs_app.store.prepared import by_id
from tests.rows import Rows, make_rows
from tests.simulation.processes import SchedulerProcess
from tests.simulation.switches import Ring, SimulatedSwitch, World
from tests.simulation.virtual import VirtualClock, virtual_time

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe")
HOLIDAYS = frozenset({date(2026, 5, 1), date(2026, 12, 25)})
WINDOWS = ((time(0), time(23, 59, 59)), (time(9), time(17)), (time(20), time(6)))
RATE = 10
LIMITS = Limits(calls_per_second=RATE, max_calls=60, switch_calls_per_second=8, switch_max_calls=40)
GATEWAY_MOST, SECOND_MOST, CALENDAR_MOST = 30, 20, 5
LEASE = timedelta(seconds=120)


@dataclass(frozen=True)
class Size:
    """``single`` appointments, ``series`` of weekly ones for the whole time, ``burst`` due in one second."""

    days: int
    single: int
    series: int
    burst: int

    def alarms(self) -> int:
        return self.single + self.burst + self.series * (self.days // 7)


@dataclass(frozen=True)
class Counts:
    alarms: int
    rings: int
    attempts: int
    success: int
    failure: int
    faults: dict[str, int]
    peaks: dict[str, int]
    kinds: dict[str, int]


class Year:
    """One run. Everything random comes from ``seed``."""

    def __init__(self, store: Store, size: Size, seed: int, clock: VirtualClock, processes: int = 3) -> None:
        self.store, self.size, self.clock = store, size, clock
        self.dice = random.Random(seed)
        self.rows: Rows = make_rows(store, BEGIN)
        self.world = world = World(clock, RATE)
        self._numbers = 0
        self.paused: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        self.listed: dict[str, datetime] = {}
        self.busy: list[tuple[str, datetime]] = []
        self._stock()
        world.switches += [
            SimulatedSwitch(f"fs{n}:8021", clock, CallJournal(store), self._dice(n), world) for n in (1, 2)
        ]
        self.processes = [
            SchedulerProcess(
                store, clock, world.switches, world, LIMITS, self._dice(10 + n), mortality=0.0008, lease=LEASE
            )
            for n in range(processes)
        ]
        world.ivr_ended = lambda uuid: [p.ivr_ended(uuid) for p in self.processes] and None
        world.may_ring = self._may_ring
        world.calendar_of = lambda number: f"calendar {self._owner.get(number[-7:], 0)}"
        world.most = {
            "all": LIMITS.max_calls,
            **{s.name: LIMITS.switch_max_calls for s in world.switches},
            "sofia/gateway/test/": GATEWAY_MOST,
            "sofia/gateway/second/": SECOND_MOST,
            **{f"calendar {c.id}": CALENDAR_MOST for c in self.calendars if c.max_concurrent},
        }

    def _dice(self, n: int) -> random.Random:
        return random.Random(f"{self.dice.random()} {n}")

    # ---- what there is

    def _stock(self) -> None:
        """Calendars, appointments and alarms of the whole year."""
        dice, rows, size = self.dice, self.rows, self.size
        self._owner: dict[str, int] = {}  # the last seven digits of a number -> its calendar
        with self.store.transaction():
            second = Gateway.create(
                name="second",
                gateways="sofia/gateway/second/",
                maximum_call=SECOND_MOST,
                created_date=BEGIN,
                updated_date=BEGIN,
            )
            Gateway.update(maximum_call=GATEWAY_MOST, failover=second).where(Gateway.id == rows.gateway.id).execute()
            CalendarSetting.update(retry_delays={"busy": 120, "no_answer": 600}, call_timeout=20).execute()
            self.calendars = [
                Calendar.create(
                    name=f"calendar {n}",
                    user=rows.calendar_user,
                    timezone=ZONES[n % len(ZONES)],
                    max_concurrent=CALENDAR_MOST if n % 3 == 0 else 0,
                    closed_weekdays=["SU"] if n % 2 else None,
                    closed_dates=sorted(day.isoformat() for day in HOLIDAYS),
                    created_date=BEGIN,
                )
                for n in range(12)
            ]
            weekly = Rule.create(name="weekly", frequency="WEEKLY", params="")
            end = BEGIN + timedelta(days=size.days)
            for _ in range(size.single):
                start = BEGIN + dice.random() * timedelta(days=size.days - 3) + timedelta(days=2)
                self._appointment(dice.choice(self.calendars), start)
            for _ in range(size.series):
                start = BEGIN + timedelta(days=1 + dice.random() * 6, seconds=dice.randrange(3600))
                self._appointment(dice.choice(self.calendars), start, rule=weekly, end_recurring_period=end)
            noon = BEGIN + timedelta(days=min(40, size.days - 2), hours=12)
            for n in range(size.burst):
                calendar = self.calendars[0 if n % 10 else 1 + n // 10 % 11]
                self._appointment(calendar, noon + timedelta(hours=10), notice=noon)
        self.closed = {c.id: _closed(c) for c in self.calendars}

    def _appointment(
        self,
        calendar: Calendar,
        start: datetime,
        rule: Rule | None = None,
        notice: datetime | None = None,
        **fields: object,
    ) -> None:
        dice = self.dice
        self._numbers += 1
        number = f"+1555{self._numbers:07d}"
        self._owner[number[-7:]] = calendar.id
        start = start.replace(microsecond=0)
        event = Event.create(
            title="x",
            start=start,
            end=start + timedelta(hours=1),
            creator=self.rows.calendar_user,
            calendar=calendar,
            rule=rule,
            next_child_at=BEGIN if rule else None,
            created_on=BEGIN,
            **fields,
        )
        opens, closes = WINDOWS[0] if notice else dice.choice(WINDOWS)
        advance = 0 if notice else dice.choice([0, 3600, 24 * 3600])
        zone = ZoneInfo(calendar.timezone)
        Alarm.create(
            event=event,
            alarm_phonenumber=number,
            date_start_notice=notice,
            advance_notice=advance,
            daily_start=opens,
            daily_stop=closes,
            maxretry=dice.choice([0, 1, 3]),
            retry_delay=300,
            insistent=dice.random() < 0.1,
            due_at=first_due(notice or start, advance, opens, closes, zone, _closed(calendar)),
            created_date=BEGIN,
            updated_date=BEGIN,
        )

    # ---- what happens besides

    def disturb(self) -> None:
        """Trunks fail for hours, events are paused and resumed, numbers opt out."""
        dice, world = self.dice, self.world
        while True:
            gevent.sleep(dice.uniform(0.2, 2) * 86_400)
            now = self.clock.now()
            world.trunks_down[dice.choice(["sofia/gateway/test/", "sofia/gateway/second/"])] = (
                now,
                now + timedelta(minutes=dice.uniform(1, 240)),
            )
            with self.store.transaction():
                soon = list(
                    Alarm.select(Alarm, Event)
                    .join(Event)
                    .where(Alarm.due_at > now, Alarm.due_at < now + timedelta(days=1), Event.rule.is_null())
                    .limit(3)
                )
                for alarm in soon[:1]:
                    listed = DncList.create(user=self.rows.manager, name="x", created_date=now, updated_date=now)
                    DncContact.create(dnc_list=listed, phone_number=alarm.alarm_phonenumber, created_date=now)
                    self.listed.setdefault(alarm.alarm_phonenumber, now)
                for alarm in soon[1:]:
                    Event.update(status=EventStatus.PAUSED).where(Event.id == alarm.event_id).execute()
                    Alarm.update(due_at=None).where(Alarm.event == alarm.event_id, Alarm.status.in_([1, 4])).execute()
                    back = now + timedelta(hours=dice.uniform(1, 20))
                    self.paused[alarm.alarm_phonenumber].append((now, back))
                    gevent.spawn_later((back - now).total_seconds(), self._resume, alarm.event_id)

    def _resume(self, event_id: int) -> None:
        with self.store.transaction():
            Event.update(status=EventStatus.PENDING).where(Event.id == event_id).execute()
            event = Event.get_by_id(event_id)
            for alarm in Alarm.select().where(Alarm.event == event_id, Alarm.status.in_([1, 4])):
                due = waiting_until(alarm, event, ZoneInfo("UTC"))
                Alarm.update(due_at=due).where(Alarm.id == alarm.id, Alarm.status.in_([1, 4])).execute()
        for process in self.processes:
            process.ring()

    def _may_ring(self, ring: Ring) -> str:
        """What is wrong about this ring; empty: nothing. The originate may have been under way for a few seconds."""
        sent = ring.at - timedelta(seconds=6)
        call = call_of.first(ring.uuid)
        if call is None or call.dialled_at is None:
            return "rung without being on record"
        alarm = alarm_of.first(ring.uuid)
        event = None if alarm is None else by_id(Event, alarm.event_id)
        calendar = None if event is None else by_id(Calendar, event.calendar_id)
        if alarm is None or event is None or calendar is None:
            return "rung for no alarm"
        zone = ZoneInfo(calendar.timezone)
        if not any(
            is_open(at, alarm.daily_start, alarm.daily_stop, zone, self.closed[calendar.id]) for at in (ring.at, sent)
        ):
            return f"outside its window {alarm.daily_start}-{alarm.daily_stop} {calendar.timezone}"
        if sent >= event.end:
            return "after its event had ended"
        if self.listed.get(alarm.alarm_phonenumber, ring.at) < sent:
            return "although it had opted out"
        if any(begin < sent and ring.at < end for begin, end in self.paused[alarm.alarm_phonenumber]):
            return "while its event was paused"
        return ""

    # ---- the counts

    def run(self) -> Counts:
        gevent.spawn(self.disturb)
        self.clock.run(BEGIN + timedelta(days=self.size.days + 8))
        return self.count()

    def count(self) -> Counts:
        ledger = self.world.ledger
        assert ledger.complaints == [], (len(ledger.complaints), ledger.complaints[:10])
        rung: dict[str, list[Ring]] = defaultdict(list)
        for ring in ledger.rings:
            rung[ring.uuid].append(ring)
        assert [r for r in rung.values() if len(r) > 1] == []  # no call has rung twice
        by_attempt: dict[int, int] = defaultdict(int)
        with self.store.reading():
            assert CallRequest.select().where(CallRequest.lease_token.is_null(False)).count() == 0
            calls = {c.id: c for c in CallRequest.select()}
            requests = {r.callrequest_id: r for r in AlarmRequest.select()}
            alarms = list(Alarm.select(Alarm, Event).join(Event))
            answers = {c.phone_number for c in calls.values() if c.result == AlarmResult.CONFIRMED}
        attempt_of: dict[int, int] = {}
        for call_id in sorted(calls, reverse=True):  # what replaces comes after what it replaces
            if call_id in requests:
                attempt_of[call_id] = requests[call_id].id
            if calls[call_id].replaces_id is not None and call_id in attempt_of:
                attempt_of[calls[call_id].replaces_id] = attempt_of[call_id]
        for call in calls.values():
            if call.request_uuid in rung:
                by_attempt[attempt_of[call.id]] += 1
        assert max(by_attempt.values()) == 1  # no attempt has rung twice, whichever gateways it took
        self._accounted(alarms, requests.values(), calls, rung)
        # Every key that was pressed is on record.
        assert set(ledger.pressed) <= answers
        done = [a for a in alarms if a.status == AlarmStatus.SUCCESS]
        return Counts(
            len(alarms),
            len(ledger.rings),
            len(requests),
            len(done),
            len(alarms) - len(done),
            dict(ledger.faults),
            dict(self.world.peaks),
            dict(ledger.kinds),
        )

    def _accounted(
        self, alarms: Sequence[Alarm], requests: object, calls: dict[int, CallRequest], rung: dict[str, list[Ring]]
    ) -> None:
        """Every alarm has ended, once, and for a reason that its calls bear out."""
        of_alarm: dict[int, list[AlarmRequest]] = defaultdict(list)
        for request in requests:  # type: ignore[attr-defined]
            of_alarm[request.alarm_id].append(request)
        for alarm in alarms:
            mine = sorted(of_alarm[alarm.id], key=lambda r: r.attempt)
            rings = [r for r in mine if calls[r.callrequest_id].request_uuid in rung]
            assert len(rings) <= alarm.maxretry + 1, (alarm.id, len(rings), alarm.maxretry)
            assert alarm.num_attempt <= alarm.maxretry + 1
            assert alarm.status in (AlarmStatus.SUCCESS, AlarmStatus.FAILURE), (alarm.id, alarm.status, alarm.due_at)
            assert alarm.due_at is None
            succeeded = [r for r in mine if r.status == AlarmStatus.SUCCESS]
            if alarm.status == AlarmStatus.SUCCESS:
                assert succeeded == mine[-1:], alarm.id  # the last one, and nobody was rung after it
                assert calls[mine[-1].callrequest_id].outcome in (Outcome.ANSWERED, Outcome.MACHINE)
            else:
                assert succeeded == [], alarm.id
                assert alarm.reason, alarm.id
                # Given up only when nothing was left to try.
                final = calls[mine[-1].callrequest_id].outcome if mine else ""
                assert (
                    alarm.num_attempt == alarm.maxretry + 1
                    or final in (Outcome.UNKNOWN, Outcome.BAD_NUMBER)
                    or "missed" in alarm.reason
                    or "event ends" in alarm.reason
                    or "do not call" in alarm.reason
                ), (alarm.id, alarm.reason, alarm.num_attempt, alarm.maxretry)
            unknown = [r for r in mine if calls[r.callrequest_id].outcome == Outcome.UNKNOWN]
            assert unknown == mine[-1:] or unknown == [], alarm.id  # never redialled
        missed = [a for a in alarms if "missed" in a.reason and _in_time(a) and a.alarm_phonenumber not in self.paused]
        # Someone who cannot be reached is no fault of ours; somebody who was not tried would be.
        assert len(missed) <= len(alarms) * 0.02, (len(missed), [(a.id, a.reason) for a in missed[:5]])
        masters = [a.event for a in alarms if a.event.rule_id is not None]
        children: dict[int, set[datetime]] = defaultdict(set)
        for alarm in alarms:
            if alarm.event.parent_event_id is not None:
                children[alarm.event.parent_event_id].add(alarm.event.start)
        for master in masters:
            zone = ZoneInfo(master.calendar.timezone)
            wall = master.start.astimezone(zone).replace(tzinfo=None)
            week = [to_utc(wall + timedelta(weeks=n), zone) for n in range(1, 60)]
            assert children[master.id] == {w for w in week if w <= master.end_recurring_period}


def _closed(calendar: Calendar) -> Closed:
    return Closed(frozenset({6} if calendar.closed_weekdays else ()), HOLIDAYS)


def _in_time(alarm: Alarm) -> bool:
    """Whether the window opens at all before the event ends."""
    event, calendar = alarm.event, alarm.event.calendar
    start = alarm.date_start_notice or event.start
    window = alarm.daily_start, alarm.daily_stop, ZoneInfo(calendar.timezone), _closed(calendar)
    return first_due(start, alarm.advance_notice, *window) < event.end


def simulate(store: Store, size: Size, seed: int, monkeypatch: pytest.MonkeyPatch, processes: int = 2) -> Counts:
    """Run it, and count. Every wake-up must come by itself: nobody looks around every 15 seconds here."""
    monkeypatch.setattr(scheduler.loop, "LONGEST_SLEEP", 86_400.0)
    with virtual_time(BEGIN) as clock:
        year = Year(store, size, seed, clock, processes)
        try:
            return year.run()
        finally:
            for process in year.processes:
                process.stop()
            gevent.idle()
