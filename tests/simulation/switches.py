"""Switches and callees of the simulation: what rings is written down, with everything that is up at that moment."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import gevent
from gevent.event import Event

from fs_app.domain.calls import (
    Answer,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallRinging,
    OriginateFailed,
    OriginateRequest,
)
from fs_app.domain.enums import AlarmResult, IvrEnd, WhoAnswered
from fs_app.errors import CommandRejected, OriginateUnconfirmed, SwitchDown, SwitchTimeout
from fs_app.store.journal import CallJournal
from fs_app.switch.once import REFUSED, record_of
from tests.simulation.virtual import VirtualClock

# How many of 100 calls end so.
KINDS = {
    "presses": 41,
    "listens": 10,
    "hangs up": 5,
    "machine": 8,
    "busy": 8,
    "no answer": 10,
    "rejects": 4,
    "bad number": 1,
    "trunk": 6,
    "trunk after ringing": 2,
    "survey dies": 1,
    "survey late": 1,
    "presses twice": 2,
    "held by nobody": 1,
}
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Ring:
    at: datetime
    uuid: str
    number: str
    gateway: str
    switch: str


@dataclass
class Ledger:
    """What happened in the world, whatever the database says."""

    rings: list[Ring] = field(default_factory=list)
    pressed: Counter[str] = field(default_factory=Counter)  # number -> valid keys
    faults: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)


class SimulatedSwitch:
    """One FreeSWITCH and its callees. ``rate`` and ``most`` are what it may be asked for, by ``gateway`` as well."""

    def __init__(self, name: str, clock: VirtualClock, journal: CallJournal, dice: random.Random, world: World) -> None:
        self.name, self.clock, self.journal, self.dice, self.world = name, clock, journal, dice, world
        self.alive = True
        self.links: list[Link] = []
        self.calls: dict[str, OriginateRequest] = {}
        self.record = self._new_record()
        self.once: set[str] = set()  # what it has run, or been asked about
        self.ended: dict[str, Event] = {}  # calls that nobody holds, until they are hung up
        self._greenlets: dict[str, gevent.Greenlet[..., None]] = {}

    def _new_record(self) -> str:
        return f"fs_app_{self.dice.getrandbits(48):012x}"

    def dial(self, request: OriginateRequest) -> None:
        if request.once == self.record and request.call_uuid in self.once:
            self._over(request, REFUSED, None)
            return
        self.once.add(request.call_uuid)
        self.calls[request.call_uuid] = request
        self._greenlets[request.call_uuid] = gevent.spawn(self._call, request)

    def die(self, seconds: float) -> None:
        """Its calls are gone without a word; so are the connections to it."""
        self.alive = False
        for greenlet in list(self._greenlets.values()):
            greenlet.kill(block=False)
        self.calls.clear()
        self.record, self.once = self._new_record(), set()
        for link in list(self.links):
            link.drop()
        gevent.spawn_later(seconds, self._revive)

    def _revive(self) -> None:
        self.alive = True
        for link in list(self.links):
            link.restore()

    def _tell(self, event: CallEvent) -> None:
        for link in list(self.links):
            link.hear(event)

    # ---- one call

    def _call(self, request: OriginateRequest) -> None:
        try:
            self._live(request)
        finally:
            self.calls.pop(request.call_uuid, None)
            self._greenlets.pop(request.call_uuid, None)

    def _live(self, request: OriginateRequest) -> None:
        uuid, dice = request.call_uuid, self.dice
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
        if self.world.trunk_down(request.gateway):
            kind = "trunk"
        self.world.ledger.kinds[kind] += 1
        gevent.sleep(0.1 + dice.random())
        if kind in ("trunk", "bad number", "busy"):
            cause = {
                "trunk": dice.choice(["GATEWAY_DOWN", "NORMAL_TEMPORARY_FAILURE"]),
                "busy": "USER_BUSY",
                "bad number": "UNALLOCATED_NUMBER",
            }[kind]
            self._over(request, cause, None)
            return
        self.world.rings(Ring(self.clock.now(), uuid, request.number, request.gateway, self.name))
        self._tell(CallRinging(uuid, self.clock.now()))
        if kind == "no answer":
            gevent.sleep(request.ring_timeout)
            self._over(request, "NO_ANSWER", None)
            return
        gevent.sleep(dice.uniform(2, min(request.ring_timeout, 15)))
        if kind in ("rejects", "trunk after ringing"):
            self._over(request, "CALL_REJECTED" if kind == "rejects" else "NORMAL_TEMPORARY_FAILURE", None)
            return
        answered = self.clock.now()
        self._tell(CallAnswered(uuid, answered))
        self._survey(request, kind)
        self._over(request, "NORMAL_CLEARING", answered)

    def _over(self, request: OriginateRequest, cause: str, answered: datetime | None) -> None:
        self.calls.pop(request.call_uuid, None)
        now = self.clock.now()
        billsec = 0 if answered is None else int((now - answered).total_seconds())
        ended = CallEnded(request.call_uuid, now, cause, answered is not None, billsec)
        failed = OriginateFailed(request.call_uuid, cause)
        events: list[CallEvent] = [ended] if answered is not None else [failed, ended]
        self.dice.shuffle(events)
        for event in events:
            self._tell(event)

    def _survey(self, request: OriginateRequest, kind: str) -> None:
        """What the survey IVR, a process of its own that does not die here, writes down."""
        uuid, now = request.call_uuid, self.clock.now
        if kind == "held by nobody":
            self.ended[uuid] = Event()
            if self.ended[uuid].wait(request.time_limit):
                self.world.ledger.faults["silence ended"] += 1
            return
        gevent.sleep(0.3 if kind != "survey late" else 3)
        if self.journal.open_call(uuid, now()) is None:
            self.world.ledger.complaints.append(f"{uuid} was answered and is not on record")
            return
        if kind == "machine":
            gevent.sleep(2)
            self.journal.who_answered(uuid, WhoAnswered.MACHINE, "simulated", 2000, now())
            if self.dice.random() < 0.7:
                gevent.sleep(5)
                self.journal.message_left(uuid, now())
            self._ended(uuid, IvrEnd.COMPLETED)
            return
        self.journal.reached(uuid, 1, False, now())
        gevent.sleep(self.dice.uniform(1, 20))
        if kind == "survey dies":
            return
        if kind in ("presses", "presses twice", "survey late"):
            for position in range(1, 3 if kind == "presses twice" else 2):
                self.journal.save_answer(uuid, Answer(position, 1, "1", True, "1", AlarmResult.CONFIRMED), now())
                self.world.ledger.pressed[request.number] += 1
                gevent.sleep(1)
        if kind == "hangs up":
            self._ended(uuid, IvrEnd.HANGUP)
            return
        gevent.sleep(self.dice.uniform(1, 10))
        self.journal.reached(uuid, 2, True, now())
        self._ended(uuid, IvrEnd.COMPLETED)

    def _ended(self, uuid: str, end: IvrEnd) -> None:
        self.journal.ended(uuid, end, "", self.clock.now())
        self.world.ivr_ended(uuid)


class Link:
    """One scheduler's connection to one switch: a scheduler.switches.SwitchPort, with all that can go wrong."""

    def __init__(
        self, switch: SimulatedSwitch, on_event: Callable[[CallEvent], None], on_up: Callable[[str], None]
    ) -> None:
        self.switch, self._on_event, self._on_up = switch, on_event, on_up
        self._connected = Event()
        switch.links.append(self)
        if switch.alive:
            self._connected.set()

    @property
    def name(self) -> str:
        return self.switch.name

    @property
    def up(self) -> bool:
        return self._connected.is_set()

    def wait_up(self, timeout: float | None) -> bool:
        return bool(self._connected.wait(timeout))

    def drop(self) -> None:
        self._connected.clear()

    def restore(self) -> None:
        if self.switch.alive and not self.up and self in self.switch.links:
            self._connected.set()
            self._on_up(self.name)

    def lose(self) -> None:
        """The socket is lost for a while; the switch goes on."""
        self.switch.world.ledger.faults["lost socket"] += 1
        self.drop()
        gevent.spawn_later(self.switch.dice.uniform(0.1, 90), self.restore)

    def close(self) -> None:
        self.switch.links.remove(self)

    def hear(self, event: CallEvent) -> None:
        if self.up:
            gevent.spawn_later(self.switch.dice.uniform(0, 0.02), self._hear, event)

    def _hear(self, event: CallEvent) -> None:
        if self.up:
            self._on_event(event)

    def originate(self, request: OriginateRequest) -> None:
        dice, world = self.switch.dice, self.switch.world
        if not self.up:
            raise SwitchDown("not connected")
        chance = dice.random()
        if chance < 0.003:
            world.ledger.faults["switch died"] += 1
            self.switch.die(dice.uniform(5, 1800))
            raise SwitchDown("it has just died")
        if chance < 0.006:
            world.ledger.faults["declined"] += 1
            raise CommandRejected("-ERR maximum sessions")
        world.sent(request, self.name)
        if chance < 0.016:
            world.ledger.faults["unconfirmed"] += 1
            if dice.random() < 0.6:
                self.switch.dial(request)
            self.lose()
            raise OriginateUnconfirmed("the connection broke")
        if chance < 0.02:
            world.ledger.faults["slow"] += 1
            gevent.sleep(dice.uniform(0.5, 4.5))
        if not self.switch.alive:
            raise OriginateUnconfirmed("the connection broke")
        self.switch.dial(request)
        if chance < 0.03:
            self.lose()

    @property
    def record(self) -> str:
        return self.switch.record

    def never_dialled(self, call_uuid: str, line: str) -> bool:
        if not self.up:
            raise SwitchDown("not connected")
        if self.switch.dice.random() < 0.05:
            raise SwitchTimeout("slow")
        never = record_of(line) == self.switch.record and call_uuid not in self.switch.once
        self.switch.once.add(call_uuid)
        self.switch.world.ledger.faults["never dialled"] += never
        return never

    def exists(self, call_uuid: str) -> bool:
        if not self.up:
            raise SwitchDown("not connected")
        if self.switch.dice.random() < 0.05:
            raise SwitchTimeout("slow")
        return call_uuid in self.switch.calls

    def hangup(self, call_uuid: str) -> bool:
        if not self.up:
            raise SwitchDown("not connected")
        if self.switch.dice.random() < 0.05:
            raise SwitchTimeout("slow")
        if call_uuid in self.switch.ended:
            self.switch.ended[call_uuid].set()
        elif call_uuid in self.switch.calls:
            self.switch.world.ledger.complaints.append(f"{call_uuid} was hung up while its survey ran")
        return call_uuid in self.switch.calls


class World:
    """Who may be rung when, and by which limits: everything is checked at the moment at which it happens."""

    def __init__(self, clock: VirtualClock, rate: float) -> None:
        self.clock = clock
        self.ledger = Ledger()
        self.switches: list[SimulatedSwitch] = []
        self.may_ring: Callable[[Ring], str] = lambda _ring: ""
        self.most: dict[str, int] = {}  # by "all", switch, gateway or "calendar N": calls at once
        self.calendar_of: Callable[[str], str] = lambda _number: ""
        self.ivr_ended: Callable[[str], None] = lambda _uuid: None
        self.trunks_down: dict[str, tuple[datetime, datetime]] = {}
        self._rate = rate
        self._sent: deque[datetime] = deque()
        self.peaks: Counter[str] = Counter()

    def trunk_down(self, gateway: str) -> bool:
        begin, end = self.trunks_down.get(gateway, (datetime.max.replace(tzinfo=self.clock.now().tzinfo),) * 2)
        return begin <= self.clock.now() < end

    def rings(self, ring: Ring) -> None:
        self.ledger.rings.append(ring)
        trouble = self.may_ring(ring)
        if trouble:
            self.ledger.complaints.append(f"{ring.at} {ring.number}: {trouble}")

    def sent(self, request: OriginateRequest, switch: str) -> None:
        """An originate is on the wire: neither too many in this second nor too many at once."""
        now = self.clock.now()
        self._sent.append(now)
        while self._sent[0] <= now - SECOND + timedelta(microseconds=10):
            self._sent.popleft()
        self.peaks["calls per second"] = max(self.peaks["calls per second"], len(self._sent))
        if len(self._sent) > self._rate:
            self.ledger.complaints.append(f"{now}: {len(self._sent)} calls in one second")
        up: Counter[str] = Counter()
        calls = [(s.name, r) for s in self.switches for r in s.calls.values()]
        for name, one in [*calls, (switch, request)]:
            up.update(["all", name, one.gateway, self.calendar_of(one.number)])
        for scope, most in self.most.items():
            self.peaks[scope] = max(self.peaks[scope], up[scope])
            if up[scope] > most:
                self.ledger.complaints.append(f"{now}: {up[scope]} calls at once for {scope}, {most} allowed")
