"""The event socket's own port: clients come, say the password, and command the switch."""

from __future__ import annotations

from fs_app.simulator.core import Core
from fs_app.simulator.encode import auth_request, command_reply, disconnect_notice
from fs_app.simulator.listener import NOT_FOUND, Listener
from fs_app.simulator.wire import Wire

_PATIENCE = 25.0  # seconds to send the password


def serve(core: Core, wire: Wire, password: str) -> None:
    """One client, from its greeting to its end."""
    listener = Listener(core, wire)
    core.bus.add(listener)
    try:
        wire.send(auth_request())
        if _authenticated(core, wire, password):
            while listener.running and (packet := wire.read()) is not None:
                listener.obey(packet)
    finally:
        core.bus.remove(listener)
        listener.running = False
    wire.send(disconnect_notice())
    wire.finish()


def _authenticated(core: Core, wire: Wire, password: str) -> bool:
    packet = wire.read(within=core.real(_PATIENCE))
    while packet is not None:
        line = packet.command
        if line.lower().startswith(("exit", "...")):
            wire.send(command_reply("+OK bye"))
            return False
        if line.lower().startswith("auth "):
            right = line[5:] == password and not core.misbehaviour.refuse_auth
            wire.send(command_reply("+OK accepted" if right else "-ERR invalid"))
            return right
        wire.send(command_reply(NOT_FOUND))
        packet = wire.read()
    return False
