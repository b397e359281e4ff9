"""What the parts of one simulated switch share: clock, speed, events, the calls that are up."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import gevent
from gevent.pool import Group

from fs_app.clock import Clock
from fs_app.simulator.callees import Callee
from fs_app.simulator.channel import Channel
from fs_app.simulator.events import EventBus
from fs_app.simulator.journal import Journal
from fs_app.simulator.misbehave import Misbehaviour

if TYPE_CHECKING:
    from fs_app.simulator.session import Session
    from fs_app.simulator.wire import Wire

FRAME = 0.02  # seconds of audio in one frame: nothing in a session happens sooner
Application = Callable[["Session", str], None]
Api = Callable[[str], str]


class Core:
    """``speed`` divides every duration of telephony: at 20, a prompt of 10 s plays in half a second.

    Times in events come from ``clock`` as it is. Who wants durations in events to look natural at another speed hands
    in a clock that runs at that speed.
    """

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        *,
        speed: float,
        misbehaviour: Misbehaviour,
        callees: Mapping[str, Callee],
        gateways: frozenset[str] | None,
        max_sessions: int,
        sessions_per_second: int,
    ) -> None:
        self.clock = clock
        self.journal = journal
        self.speed = speed
        self.misbehaviour = misbehaviour
        self.callees = callees
        self.gateways = gateways
        self.gateways_down: set[str] = set()
        self.max_sessions = max_sessions
        self.sessions_per_second = sessions_per_second
        self.bus = EventBus(clock, "simulator")
        self.greenlets = Group()
        self.wires: set[Wire] = set()  # every open event-socket connection, of both kinds
        self.sessions: dict[str, Session] = {}  # by the UUID of the leg, and of its loopback counterpart
        self.applications: dict[str, Application] = {}
        self.unicast: Callable[[Session, Mapping[str, str]], None] = lambda session, headers: None
        self.api: Callable[[str, str], str | None] = lambda name, arguments: None
        self.hash: dict[str, str] = {}  # of mod_hash: realm/key -> value
        self.limits: dict[str, tuple[int, int]] = {}  # of its limits by rate: realm_key -> (epoch of the first, count)
        self.globals: dict[str, str] = {"hostname": self.bus.hostname, "core_uuid": self.bus.core_uuid}
        self.started_at = clock.now()
        self._counter = 0
        self._second = (0, 0)  # the clock's second, and the sessions begun in it

    def real(self, seconds: float) -> float:
        """How long to wait for ``seconds`` of telephony."""
        return max(seconds, 0.0) / self.speed

    def spawn(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> gevent.Greenlet[Any, Any]:
        return self.greenlets.spawn(function, *arguments, **named)

    def later(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> gevent.Greenlet[Any, Any]:
        greenlet = gevent.Greenlet(function, *arguments)
        self.greenlets.add(greenlet)
        greenlet.start_later(self.real(seconds))
        return greenlet

    def find(self, uuid_: str) -> Session | None:
        """The live session of a UUID; one that hung up is not found, even while its socket lingers."""
        session = self.sessions.get(uuid_)
        return session if session and not session.channel.down else None

    def live(self) -> Iterator[Session]:
        seen = {id(s): s for s in self.sessions.values() if not s.channel.down}
        return iter(list(seen.values()))

    def channels(self) -> list[Channel]:
        return [channel for session in self.live() for channel in session.legs()]

    def next_session_id(self) -> str:
        self._counter += 1
        return str(self._counter)

    @property
    def sessions_since_startup(self) -> int:
        return self._counter

    def admit(self) -> bool:
        """Whether the limits on sessions let one more begin now."""
        second = int(self.clock.monotonic())
        count = self._second[1] + 1 if self._second[0] == second else 1
        if self.max_sessions and sum(1 for _ in self.live()) >= self.max_sessions:
            return False
        if self.sessions_per_second and count > self.sessions_per_second:
            return False
        self._second = (second, count)
        return True


def new_uuid() -> str:
    return str(uuid.uuid4())
