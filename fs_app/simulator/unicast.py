"""``call-command: unicast``: the callee's audio to a UDP socket, as long as nothing has been played to the call.

Headerless 16-bit linear frames of 20 ms, from about two frames after the order. The first application that makes or
takes sound ends it for good, as on the switch.
"""

from __future__ import annotations

from collections.abc import Mapping

import gevent
from gevent import socket as gsocket

from fs_app.simulator.audio import RATE
from fs_app.simulator.core import FRAME
from fs_app.simulator.parse import atoi
from fs_app.simulator.session import Session


def unicast(session: Session, headers: Mapping[str, str]) -> None:
    """Begin to send. A second order in the same call is ignored here; the switch would die of it."""
    if session.unicast is not None:
        session.note("unicast_again")
        return
    address = (headers.get("remote-ip") or "127.0.0.1", atoi(headers.get("remote-port") or "8026"))
    sock = gsocket.socket(gsocket.AF_INET, gsocket.SOCK_DGRAM)
    try:
        sock.bind((headers.get("local-ip") or "127.0.0.1", atoi(headers.get("local-port") or "8025")))
    except OSError:
        sock.close()
        return
    session.unicast = session.core.spawn(_send, session, sock, address)


def _send(session: Session, sock: gsocket.socket, address: tuple[str, int]) -> None:
    core = session.core
    begun, sent = core.clock.monotonic(), 0
    heard, size = session.seconds(), int(FRAME * RATE)
    try:
        while not session.channel.down:
            sent += 1
            # Each frame by the clock, not by the one before: a late one does not delay the others.
            gevent.sleep(max(0.0, begun + core.real((sent + 1) * FRAME) - core.clock.monotonic()))
            sock.sendto(session.sound(heard, size).tobytes(), address)
            heard += FRAME
    except OSError:
        return
    finally:
        sock.close()
