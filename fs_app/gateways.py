"""How the gateways are, as each switch sees them; asked for by the threads that serve HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from fs_app.errors import SwitchDown
from fs_app.loop_caller import LoopCaller
from fs_app.switch.gate import Switch
from fs_app.switch.gateway_state import SILENT, GatewayState, gateway_state

PATIENCE = 2.0  # seconds that a switch may take to say how a gateway is


class Gateways:
    """Call it from native threads, with the dial strings of gateways."""

    def __init__(self, switches: Sequence[Switch], loop: LoopCaller) -> None:
        self._switches = switches
        self._loop = loop

    def __call__(self, dial_strings: Sequence[str]) -> Mapping[str, Sequence[tuple[str, GatewayState]]]:
        """Of each gateway: (switch, how it is there)."""
        found: dict[str, list[tuple[str, GatewayState]]] = {dial_string: [] for dial_string in dial_strings}
        for switch in self._switches:
            silent: GatewayState | None = None
            for dial_string, states in found.items():
                state = silent or gateway_state(dial_string, partial(self._ask, switch))
                silent = state if state.words == SILENT else None  # one that hangs is not waited for again and again
                states.append((switch.name, state))
        return found

    def _ask(self, switch: Switch, command: str) -> str:
        if not switch.up:
            raise SwitchDown(f"{switch.name} is not connected")
        return self._loop.ask(lambda: switch.api(command, PATIENCE))
