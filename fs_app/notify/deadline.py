"""A bound on a whole conversation: a socket's own time-out bounds each read, not their sum."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cut_after(seconds: float, connection: socket.socket) -> Iterator[None]:
    """Shut ``connection`` when the block is still running after ``seconds``: its reads and writes end then."""
    # Of the descriptor: TLS takes a socket over that begins with it, and will not be duplicated itself.
    same = socket.socket(fileno=os.dup(connection.fileno()))
    timer = threading.Timer(seconds, _cut, (same,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        same.close()


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself
