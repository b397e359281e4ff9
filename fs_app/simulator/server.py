"""The simulated switch as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from gevent import socket as gsocket
from gevent.event import Event as Flag
from gevent.server import StreamServer

from fs_app.clock import Clock, SystemClock
from fs_app.simulator import inbound
from fs_app.simulator.api import ApiCommands
from fs_app.simulator.applications import APPLICATIONS
from fs_app.simulator.bridge import bridge
from fs_app.simulator.callees import Callee, load
from fs_app.simulator.conference import Rooms
from fs_app.simulator.core import Core
from fs_app.simulator.journal import Journal
from fs_app.simulator.misbehave import Misbehaviour
from fs_app.simulator.outbound import socket_application
from fs_app.simulator.unicast import unicast
from fs_app.simulator.wire import Wire

OnEvent = Callable[[str, dict[str, Any]], None]


class Simulator:
    """A switch that speaks the event socket over TCP and calls callees without telephones.

    Everything runs in greenlets of the thread that calls ``start``. ``port`` 0 takes a free one. ``speed`` divides
    every duration. ``gateways`` are those that exist (None: all do). ``allow_control`` lets the api command
    ``fs_app_sim`` change its misbehaviour. ``on_event(what, line)`` gets each line of the journal, in the loop: it
    must not block. Limits of 0 mean none.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        password: str = "ClueCon",  # noqa: S107 the switch's own default, known to everybody
        speed: float = 1.0,
        clock: Clock,
        journal: Path | None = None,
        on_event: OnEvent | None = None,
        misbehave: Misbehaviour | None = None,
        callees: Mapping[str, Callee] | None = None,
        gateways: Iterable[str] | None = None,
        allow_control: bool = False,
        max_sessions: int = 0,
        sessions_per_second: int = 0,
    ) -> None:
        self._password = password
        self._journal = Journal(clock, journal, on_event)
        self._core = Core(
            clock,
            self._journal,
            speed=speed,
            misbehaviour=misbehave or Misbehaviour(),
            callees=callees or {},
            gateways=None if gateways is None else frozenset(gateways),
            max_sessions=max_sessions,
            sessions_per_second=sessions_per_second,
        )
        rooms = Rooms()
        self._core.applications = {
            **APPLICATIONS,
            "socket": socket_application,
            "bridge": bridge,
            "conference": rooms.enter,
        }
        self._core.unicast = unicast
        self._core.api = ApiCommands(self._core, allow_control=allow_control, conference=rooms.api).run
        self._address = (host, port)
        self._server = StreamServer(self._address, self._accept)
        self._inbound: set[Wire] = set()

    @property
    def host(self) -> str:
        return str(self._server.server_host)

    @property
    def port(self) -> int:
        """The port it listens on; known after ``start``."""
        return int(self._server.server_port or 0)

    @property
    def misbehaviour(self) -> Misbehaviour:
        return self._core.misbehaviour

    @misbehaviour.setter
    def misbehaviour(self, value: Misbehaviour) -> None:
        self._core.misbehaviour = value

    def gateway_down(self, name: str, *, down: bool = True) -> None:
        """Take a gateway down (GATEWAY_DOWN on originate) or bring it back."""
        (self._core.gateways_down.add if down else self._core.gateways_down.discard)(name)

    def calls(self) -> list[str]:
        """UUIDs of the calls that are up."""
        return [session.channel.uuid for session in self._core.live()]

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        """The switch is gone: sockets closed, calls dropped, no events about it."""
        self._server.stop()
        for wire in list(self._core.wires):
            wire.kill()
        self._core.greenlets.kill()
        self._journal.close()

    def die(self) -> None:
        """Close the port and every connection to it at once, in the middle of whatever. Calls go on."""
        self._address = (self._address[0], self.port)
        self._server.stop()
        for wire in list(self._inbound):
            wire.kill()

    def revive(self) -> None:
        """Listen again on the same port after ``die``."""
        self._server = StreamServer(self._address, self._accept)
        self._server.start()

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self, sock: gsocket.socket, address: object) -> None:
        wire = Wire(self._core, sock)
        self._inbound.add(wire)
        self._core.spawn(inbound.serve, self._core, wire, self._password).join()
        self._inbound.discard(wire)


def run(
    host: str = "127.0.0.1",
    port: int = 8021,
    *,
    password: str = "ClueCon",  # noqa: S107 the switch's own default, known to everybody
    speed: float = 1.0,
    journal: Path | None = None,
    callees: Path | None = None,
    allow_control: bool = False,
    on_event: OnEvent | None = None,
    on_ready: Callable[[Simulator], None] | None = None,
    until: Flag | None = None,
) -> None:
    """Run a switch until ``until`` is set (or for ever). ``on_ready`` is called once it listens.

    Raises ConfigError when the file of callees cannot be read, OSError when the port is taken.
    """
    simulator = Simulator(
        host,
        port,
        password=password,
        speed=speed,
        clock=SystemClock(),
        journal=journal,
        on_event=on_event,
        callees=load(callees) if callees else None,
        allow_control=allow_control,
    )
    with simulator:
        if on_ready:
            on_ready(simulator)
        (until or Flag()).wait()
