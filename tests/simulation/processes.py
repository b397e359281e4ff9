"""Scheduler processes of the simulation: the program's own parts, killed at random between any two of their steps."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import gevent
from gevent.event import Event

from fs_app.domain.pacing import Limits
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.occurrences import Occurrences
from scheduler.calls import LiveCalls
from scheduler.loop import Scheduler
from scheduler.plan import PlanSettings
from tests.simulation.switches import Link, SimulatedSwitch, World
from tests.simulation.virtual import VirtualClock

UTC_ZONE = ZoneInfo("UTC")


class Mortal:
    """A repository whose process may die right after any of its commits, or right before."""

    def __init__(self, real: Any, step: Callable[[], None]) -> None:
        self._real, self._step = real, step

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self._step()
            found = method(*arguments, **options)
            self._step()
            return found

        return call


class SchedulerProcess:
    """Restarts some time after each death, as a supervisor would restart it."""

    def __init__(
        self,
        store: Store,
        clock: VirtualClock,
        switches: Sequence[SimulatedSwitch],
        world: World,
        limits: Limits,
        dice: random.Random,
        *,
        mortality: float,
        lease: timedelta,
    ) -> None:
        self._store, self._clock, self._switches, self._world = store, clock, switches, world
        self._limits, self._dice, self._mortality, self._lease = limits, dice, mortality, lease
        self._greenlets: list[gevent.Greenlet[..., Any]] = []
        self._links: list[Link] = []
        self.calls: LiveCalls | None = None
        self.bell = Event()
        self.start()

    def start(self) -> None:
        attempts: Any = Mortal(Attempts(self._store, UTC_ZONE), self._step)
        occurrences: Any = Mortal(Occurrences(self._store, UTC_ZONE), self._step)
        self.bell = Event()
        links = self._links
        self.calls = calls = LiveCalls(
            attempts,
            links,
            self._clock,
            lease=self._lease,
            prepare=lambda _uuid: gevent.sleep(0),
            changed=self.bell.set,
        )
        for switch in self._switches:
            links.append(Link(switch, calls.on_event, self._up))
        scheduler = Scheduler(
            attempts,
            occurrences,
            calls,
            links,
            self._clock,
            PlanSettings("127.0.0.1:8084"),
            bell=self.bell,
            lease=self._lease,
            limits=self._limits,
            sole=False,
            spawn=self._spawn,
        )
        self._spawn(scheduler.run)

    def ring(self) -> None:
        self.bell.set()

    def ivr_ended(self, uuid: str) -> None:
        if self.calls is not None:
            self.calls.on_ivr_ended(uuid)

    def stop(self) -> None:
        """As SIGKILL does: nobody gets to say anything."""
        if self.calls is not None:
            self.calls.stop()
        self.calls = None
        for link in self._links:
            link.close()
        self._links = []
        for greenlet in self._greenlets:
            greenlet.kill(block=False)
        self._greenlets = []

    def _up(self, name: str) -> None:
        if self.calls is not None:
            self.calls.on_switch_up(name)
            self.bell.set()

    def _spawn(self, function: Callable[..., Any], *arguments: Any) -> object:
        greenlet = gevent.spawn(function, *arguments)
        self._greenlets = [g for g in self._greenlets if not g.dead] if len(self._greenlets) > 200 else self._greenlets
        self._greenlets.append(greenlet)
        return greenlet

    def _step(self) -> None:
        if self.calls is None:
            raise gevent.GreenletExit
        if self._dice.random() < self._mortality:
            self._world.ledger.faults["process killed"] += 1
            self.stop()
            gevent.spawn_later(self._dice.uniform(1, 300), self.start)
            raise gevent.GreenletExit
