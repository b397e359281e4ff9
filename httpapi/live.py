"""What happens in calls, as it happens: server-sent events, each to those whose call it is.

    scheduler, IVR --commit, ring--> doorbell --> LiveFeed.changed --look in a thread--> every listener

The database is the truth: a ring only says that a call has something new. What is sent is what a look finds, compared
with what the look before found. An event that a broken connection lost is sent again by its id (``Last-Event-ID``) as
long as it is among the last thousand of this process; otherwise the listener is told to read everything again.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import gevent
from gevent.event import Event as Bell
from gevent.queue import Empty, Full, Queue

from fs_app.store.database import Store
from httpapi.errors import ApiError
from httpapi.live_events import LiveEvent, look

log = logging.getLogger(__name__)

HEARTBEAT = 15.0  # seconds
KEPT = 1000  # events for those who come back
WAITING = 500  # events that a slow listener may fall behind
LISTENERS, LISTENERS_EACH = 200, 10
_CALLS = 2000  # calls whose last state is remembered


@dataclass(eq=False)
class Listener:
    """``sees`` decides which events it gets; ``stays`` is asked, in a thread, whether its credentials still hold."""

    owner: int
    sees: Callable[[LiveEvent], bool]
    stays: Callable[[], bool]
    base: str
    queue: Queue[tuple[str, LiveEvent] | None] = field(init=False)  # made in the loop, whose queue it is


class LiveFeed:
    """One per process. Lives in the loop's thread; :meth:`admit` may be called from any."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._epoch = uuid4().hex[:8]
        self._number = 0
        self._events: deque[tuple[str, LiveEvent]] = deque(maxlen=KEPT)
        self._known: OrderedDict[str, Any] = OrderedDict()
        self._listeners: dict[Listener, None] = {}  # in the order in which they came
        self._changed: OrderedDict[str, bool] = OrderedDict()  # call UUID -> whether it rings
        self._bell = Bell()
        self._worker: gevent.Greenlet[[], None] | None = None
        self._closed = False

    def changed(self, call_uuid: str, *, ringing: bool = False) -> None:
        """Something was committed about this call, or its telephone rings. Nobody looks while nobody ever listened."""
        if self._worker is not None:
            self._changed[call_uuid] = ringing or self._changed.get(call_uuid, False)
            self._bell.set()

    def admit(self, owner: int) -> None:
        """Raises ApiError 503 when no more listeners are taken. Whoever listens more often than it may loses the stream
        that it began first: that of a page somebody has left, or left open and forgotten."""
        if self._closed:
            raise ApiError(503, {"detail": "this server is stopping: ask again"}, {"Retry-After": "5"})
        if len(self._listeners) >= LISTENERS and not self._of(owner):
            raise ApiError(503, {"detail": "too many listen already: try again later"}, {"Retry-After": "60"})

    def stream(self, listener: Listener, last_id: str) -> Iterator[bytes]:
        """The bytes for one listener, without end; to be read in the loop."""
        if self._worker is None and not self._closed:
            self._worker = gevent.spawn(self._work)
        missed = self._since(last_id)
        listener.queue = Queue(WAITING)
        mine = self._of(listener.owner)
        if len(mine) >= LISTENERS_EACH or (mine and len(self._listeners) >= LISTENERS):
            self._end(mine[0])
        self._listeners[listener] = None
        try:
            yield b"retry: 3000\n\n"
            if missed is None:
                yield _text("reset", self._id(), {"detail": "events were missed: read again what you show"})
            else:
                yield b"".join(_text(e.kind, name, e.told(listener.base)) for name, e in missed if listener.sees(e))
            while True:
                try:
                    told = listener.queue.get(timeout=HEARTBEAT)
                except Empty:
                    if not self._store.pool.apply(listener.stays):
                        return
                    yield b": nothing new\n\n"
                    continue
                if told is None:
                    if listener not in self._listeners:  # let go for another: not to come back at once for that
                        yield b"retry: 60000\n\n"
                    return
                yield _text(told[1].kind, told[0], told[1].told(listener.base))
        finally:
            self._listeners.pop(listener, None)

    def _of(self, owner: int) -> list[Listener]:
        return [listener for listener in tuple(self._listeners) if listener.owner == owner]

    def _end(self, listener: Listener) -> None:
        """It reads what it was told before, and then the end: an event source that is still there comes back."""
        self._listeners.pop(listener, None)
        _push(listener, None)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for listener in tuple(self._listeners):
            _push(listener, None)
        if self._worker is not None:
            self._worker.kill()

    def _work(self) -> None:
        while True:
            self._bell.wait()
            self._bell.clear()
            while self._changed:
                call_uuid, ringing = self._changed.popitem(last=False)
                try:
                    found = self._store.pool.apply(look, (self._store, call_uuid, self._known.get(call_uuid), ringing))
                except Exception as exc:  # the database is away, say; the next ring looks again
                    log.warning("live: call %s not looked at: %s", call_uuid, exc)
                    continue
                if found is None:
                    continue
                events, known = found
                self._known[call_uuid] = known
                while len(self._known) > _CALLS:
                    self._known.popitem(last=False)
                for event in events:
                    self._tell(event)

    def _tell(self, event: LiveEvent) -> None:
        self._number += 1
        told = (self._id(), event)
        self._events.append(told)
        for listener in tuple(self._listeners):
            if listener.sees(event):
                _push(listener, told)

    def _id(self) -> str:
        return f"{self._epoch}-{self._number}"

    def _since(self, last_id: str) -> list[tuple[str, LiveEvent]] | None:
        """The events after ``last_id``; None when they are not known any more."""
        if not last_id:
            return []
        epoch, _, number = last_id.partition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdigit() and len(number) < 16):
            return None
        missing = self._number - int(number)
        if not 0 <= missing <= len(self._events):
            return None
        return list(self._events)[len(self._events) - missing :]


def _push(listener: Listener, told: tuple[str, LiveEvent] | None) -> None:
    try:
        listener.queue.put_nowait(told)
    except Full:  # it does not keep up: it must come back, and will be told what it missed
        while not listener.queue.empty():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)


def _text(kind: str, name: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\nid: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode("utf-8", "replace")
