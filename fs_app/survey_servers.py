"""Nobody is rung for silence: whoever runs the surveys, where that is not this process, must be there first."""

from __future__ import annotations

from collections.abc import Sequence

import gevent
import gevent.socket
from gevent.lock import BoundedSemaphore

from fs_app.clock import Clock
from fs_app.config import Address, socket_list
from fs_app.errors import NoSurveyServer, PromptError, SwitchError
from fs_app.switch.dialstring import EMBEDDED
from fs_app.switch.gate import Switch

TRUST = 1.0  # seconds for which what was found is believed
PATIENCE = 5.0  # seconds that a server may take to be connected to
HURRY = 0.25  # seconds for which one that listens waits for another that the settings name before it


class SurveyServers:
    """Asks, at most every second however many calls are about to be placed."""

    def __init__(self, addresses: Sequence[Address], switches: Sequence[Switch], clock: Clock) -> None:
        self._addresses = addresses
        self._switches = switches
        self._clock = clock
        self._asking = BoundedSemaphore()
        self._asked = float("-inf")
        self._found = ""

    def listening(self) -> str:
        """The outbound-socket servers as the switch shall try them: those that take connections now, in the order of
        the settings, then the others. The switch waits minutes for a machine that is gone, and its callee with it.

        Raises NoSurveyServer when nobody takes a connection.
        """
        with self._asking:
            if self._clock.monotonic() - self._asked >= TRUST:
                self._found = self._look()
                self._asked = self._clock.monotonic()
            return self._found

    def _look(self) -> str:
        trials = {address: gevent.spawn(_trouble, address) for address in self._addresses}
        gevent.joinall(list(trials.values()), timeout=HURRY if len(trials) > 1 else None)
        if not any(one.value == "" for one in trials.values()):
            gevent.joinall(list(trials.values()))
        here = [address for address, one in trials.items() if one.value == ""]
        if not here:
            said = "; ".join(f"{address}: {one.value}" for address, one in trials.items())
            raise NoSurveyServer(f"no survey IVR listens ({said}): run `fs-app serve --only ivr`")
        return socket_list([*here, *(address for address in self._addresses if address not in here)])

    def inside(self) -> None:
        """The same for surveys inside the switches. Raises PromptError naming one that cannot run them."""
        with self._asking:
            if self._clock.monotonic() - self._asked < TRUST:
                return
            for switch in self._switches:
                if switch.up:
                    _ask_inside(switch)
            self._asked = self._clock.monotonic()


def _trouble(address: Address) -> str:
    """Why it cannot be connected to; empty when it can."""
    try:
        gevent.socket.create_connection((address.host, address.port), timeout=PATIENCE).close()
    except OSError as exc:
        return str(exc)
    return ""


def _ask_inside(switch: Switch) -> None:
    try:
        said = switch.api(f"python {EMBEDDED}")
    except SwitchError as exc:
        said = str(exc)
    if not said.startswith("+OK"):
        first = said.strip().partition("\n")[0]
        raise PromptError(f"{switch.name} cannot run surveys inside ({first}): see docs/embedded.md")
