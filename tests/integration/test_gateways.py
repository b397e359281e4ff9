"""A process that serves HTTP only asks the switch how its gateways are, by a connection made for that."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent.threadpool import ThreadPool

from fs_app.clock import SystemClock
from fs_app.config import Address
from fs_app.gateways import Gateways, door_at
from fs_app.loop_caller import LoopCaller
from fs_app.simulator import Simulator
from fs_app.switch.gateway_state import SILENT
from tests.processes import free_port


@pytest.fixture
def switch() -> Iterator[Simulator]:
    with Simulator(clock=SystemClock(), gateways=["provider"], password="secret") as simulator:
        yield simulator


def states(*doors: tuple[Address, str], ask: tuple[str, ...]) -> dict[str, list[tuple[str, str]]]:
    asked = Gateways([door_at(*door) for door in doors], LoopCaller())
    threads = ThreadPool(1)
    try:
        with gevent.Timeout(30):
            found = threads.apply(asked, (ask,))
    finally:
        threads.kill()
    return {name: [(switch, state.words) for switch, state in told] for name, told in found.items()}


def test_every_switch_says_how_its_gateways_are(switch: Simulator) -> None:
    here, nobody = Address("127.0.0.1", switch.port), Address("127.0.0.1", free_port())
    ask = ("sofia/gateway/provider/", "sofia/gateway/other/", "user/{number}")
    found = states((here, "secret"), (nobody, "secret"), ask=ask)
    assert [found[name][0] for name in ask] == [
        (str(here), "in service"),
        (str(here), "unknown to the switch"),
        (str(here), "not a gateway"),
    ]
    assert found[ask[0]][1] == found[ask[1]][1] == (str(nobody), SILENT)
    # Nothing is left open behind: asked again, it is connected to again.
    assert states((here, "secret"), ask=ask[:1])[ask[0]] == [(str(here), "in service")]


def test_a_wrong_password_is_told_of(switch: Simulator) -> None:
    here = Address("127.0.0.1", switch.port)
    assert states((here, "wrong"), ask=("sofia/gateway/provider/",)) == {
        "sofia/gateway/provider/": [(str(here), SILENT)]
    }
