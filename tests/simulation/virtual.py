"""Virtual time for gevent: every sleep and timeout of the program waits for the simulation's clock, not the machine's.

The hub's loop stays the real one, but for its timers: those lie in a heap here. When nobody has anything left to do,
time jumps to the next of them. So a year passes as fast as it can be computed, and the same seed gives the same year.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import gevent


class VirtualClock:
    """Is a fs_app.clock.Clock."""

    def __init__(self, begin: datetime) -> None:
        self._begin = begin
        self.elapsed = 0.0
        self._heap: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def push(self, timer: _Timer, after: float) -> None:
        heapq.heappush(self._heap, (self.elapsed + max(after, 0.0), next(self._numbers), timer))

    def run(self, until: datetime) -> None:
        """Until then, or until nobody waits for anything any more."""
        end = (until - self._begin).total_seconds()
        while True:
            gevent.idle()  # everybody runs until it waits
            while self._heap and not self._heap[0][2].active:
                heapq.heappop(self._heap)
            if not self._heap or self._heap[0][0] > end:
                return
            moment, _number, timer = heapq.heappop(self._heap)
            self.elapsed = max(self.elapsed, moment)
            timer.fire()


class _Timer:
    """What gevent needs of a timer watcher."""

    pending = False

    def __init__(self, clock: VirtualClock, run: Callable[..., Any], after: float) -> None:
        self._clock, self._run, self._after = clock, run, after
        self.active = False

    def start(self, callback: Callable[..., Any], *arguments: Any, **_options: Any) -> None:
        self._callback, self._arguments, self.active = callback, arguments, True
        self._clock.push(self, self._after)

    def stop(self) -> None:
        self.active = False

    close = stop

    def fire(self) -> None:
        self.active = False
        self._run(self._callback, *self._arguments)

    def __enter__(self) -> _Timer:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


class _Loop:
    def __init__(self, real: Any, clock: VirtualClock) -> None:
        self._real, self._clock = real, clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def timer(self, after: float, *_arguments: Any, **_options: Any) -> _Timer:
        return _Timer(self._clock, self._real.run_callback, after)


@contextmanager
def virtual_time(begin: datetime) -> Iterator[VirtualClock]:
    """Within, gevent in this thread waits for the clock that is given."""
    hub: Any = gevent.get_hub()
    clock, real = VirtualClock(begin), hub.loop
    hub.loop = _Loop(real, clock)
    try:
        yield clock
    finally:
        hub.loop = real
