"""The switches of one scheduler process, and whose turn it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fs_app.domain.calls import OriginateRequest
from fs_app.domain.pacing import Limits, Pacing


class SwitchPort(Protocol):
    """What the scheduler needs of one FreeSWITCH; fs_app.switch.gate.Switch is one."""

    @property
    def name(self) -> str: ...
    @property
    def up(self) -> bool: ...
    def wait_up(self, timeout: float | None) -> bool: ...
    @property
    def record(self) -> str: ...
    def originate(self, request: OriginateRequest) -> None: ...
    def never_dialled(self, call_uuid: str, line: str) -> bool: ...
    def exists(self, call_uuid: str) -> bool: ...
    def hangup(self, call_uuid: str) -> bool: ...


class Switches:
    """In the order of the settings."""

    def __init__(self, ports: Sequence[SwitchPort]) -> None:
        self._ports = ports
        self._turn = 0

    def named(self, name: str) -> SwitchPort | None:
        """None for one that only others know."""
        return next((port for port in self._ports if port.name == name), None)

    def next_up(self) -> SwitchPort | None:
        """One after another of those that are up; None when none is."""
        up = [port for port in self._ports if port.up]
        if not up:
            return None
        self._turn += 1
        return up[self._turn % len(up)]

    def pacing(self, limits: Limits, without: SwitchPort | None = None) -> Pacing:
        """The limits, and the switches that are up."""
        return Pacing(limits, tuple(port.name for port in self._ports if port.up and port is not without))
