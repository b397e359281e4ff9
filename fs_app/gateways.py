"""How the gateways are, as each switch sees them; asked for by the threads that serve HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from fs_app.config import Address
from fs_app.errors import FsAppError, SwitchDown
from fs_app.loop_caller import LoopCaller
from fs_app.switch.gate import Switch
from fs_app.switch.gateway_state import SILENT, GatewayState, gateway_state
from fs_app.switch.inbound import InboundConnection

PATIENCE = 2.0  # seconds that a switch may take for an answer, or to be connected to

Ask = Callable[[str], str]
Door = Callable[[], AbstractContextManager[Ask]]


def door_of(switch: Switch) -> tuple[str, Door]:
    """The name of a switch that this process is connected to, and how it is asked, in the loop."""

    def ask(command: str) -> str:
        if not switch.up:
            raise SwitchDown(f"{switch.name} is not connected")
        return switch.api(command, PATIENCE)

    @contextmanager
    def door() -> Iterator[Ask]:
        yield ask

    return switch.name, door


def door_at(address: Address, password: str) -> tuple[str, Door]:
    """The same of a switch that this process has nothing else to do with: connected to while it is asked."""

    @contextmanager
    def door() -> Iterator[Ask]:
        link = InboundConnection(address.host, address.port, password, PATIENCE)

        def ask(command: str) -> str:
            if not link.connected:
                link.connect()
            return str(link.send(f"api {command}", PATIENCE).data)

        try:
            yield ask
        finally:
            link.lost("it has been asked")

    return str(address), door


class Gateways:
    """Call it from native threads, with the dial strings of gateways."""

    def __init__(self, doors: Sequence[tuple[str, Door]], loop: LoopCaller) -> None:
        self._doors = doors
        self._loop = loop

    def __call__(self, dial_strings: Sequence[str]) -> Mapping[str, Sequence[tuple[str, GatewayState]]]:
        """Of each gateway: (switch, how it is there)."""
        found: dict[str, list[tuple[str, GatewayState]]] = {dial_string: [] for dial_string in dial_strings}
        for name, door in self._doors:
            try:
                states = self._loop.ask(partial(_states, door, tuple(found)))
            except FsAppError as exc:
                states = [GatewayState("warn", SILENT, str(exc))] * len(found)
            for told, state in zip(found.values(), states, strict=True):
                told.append((name, state))
        return found


def _states(door: Door, dial_strings: Sequence[str]) -> list[GatewayState]:
    states: list[GatewayState] = []
    silent: GatewayState | None = None
    with door() as ask:
        for dial_string in dial_strings:
            state = silent or gateway_state(dial_string, ask)
            silent = state if state.words == SILENT else None  # one that hangs is not waited for again and again
            states.append(state)
    return states
