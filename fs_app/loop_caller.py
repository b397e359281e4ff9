"""The loop of a process: how native threads reach it, and how signals end it."""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

import gevent
from gevent.event import Event

from fs_app.errors import FsAppError

T = TypeVar("T")


def beside(work: Callable[[], None]) -> None:
    """Run ``work`` in a greenlet of its own."""
    gevent.spawn(work)


class LoopCaller:
    """Runs functions in the loop's thread on behalf of native threads. Must be made in the loop's thread."""

    def __init__(self) -> None:
        self._calls: deque[Callable[[], None]] = deque()
        self._watcher = gevent.get_hub().loop.async_()
        self._watcher.start(self._run)

    def call(self, function: Callable[[], None]) -> None:
        """From any thread: run ``function`` in the loop soon. It must not block."""
        self._calls.append(function)
        self._watcher.send()

    def ask(self, question: Callable[[], T], patience: float = 8.0) -> T:
        """From a native thread: what ``question`` answers, asked in a greenlet. Raises FsAppError."""
        answer: SimpleQueue[T | FsAppError] = SimpleQueue()

        def work() -> None:
            try:
                answer.put(question())
            except FsAppError as exc:
                answer.put(exc)

        self.call(lambda: beside(work))
        try:
            found = answer.get(timeout=patience)
        except Empty:
            raise FsAppError(f"no answer within {patience:g} s") from None
        if isinstance(found, FsAppError):
            raise found
        return found

    def _run(self) -> None:
        while self._calls:
            self._calls.popleft()()


def stop_on_signals() -> Event:
    """An event that SIGTERM or SIGINT sets; a second signal ends the process at once."""
    stop = Event()

    def handle() -> None:
        if stop.is_set():
            sys.exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, handle)
    return stop
