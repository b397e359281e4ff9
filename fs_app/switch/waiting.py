"""Waiting for an application that a key or a time limit ends, where the switch cannot be told to do that itself."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import gevent.event

from fs_app.switch.session import OutboundSession, Running
from fs_app.switch.wire import Frame

GRACE = 0.3  # seconds in which the switch normally has ended the application by itself
AGAIN = 1.0  # seconds until it is told once more


def watch(
    session: OutboundSession,
    running: Running[Frame],
    *,
    stop: Callable[[], bool],
    end: Callable[[], object],
    limit: float | None = None,
) -> bool:
    """Wait until ``running`` is ready; whether ``limit`` seconds passed before.

    When ``stop()`` has become true the switch gets :data:`GRACE` to end the application by itself, when ``limit`` has
    passed none; then ``end()`` is called, and again each second. Raises nothing: a hang-up is in ``running``.
    """
    overdue, due = gevent.event.Event(), gevent.event.Event()

    def strike(*flags: gevent.event.Event) -> None:
        for flag in flags:
            flag.set()
        session.news.set()

    alarms = [] if limit is None else [gevent.spawn_later(limit, strike, overdue, due)]
    stopping = False
    try:
        while not running.ready():
            session.news.clear()
            if not stopping and stop():
                stopping = True
                alarms.append(gevent.spawn_later(GRACE, strike, due))
            if due.is_set():
                due.clear()
                end()
                stopping = True
                alarms.append(gevent.spawn_later(AGAIN, strike, due))
            elif not running.ready():
                session.news.wait()
    finally:
        gevent.killall(alarms, block=False)
    return overdue.is_set()
