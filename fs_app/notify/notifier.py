"""The sending loop: sleeps until something is due or the bell rings, hands each message to a native thread, books it.

Each kind has threads of its own, so that no slow web server keeps a short message waiting, and none of them is one
that calls need.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from fs_app.clock import Clock
from fs_app.domain.enums import Kind
from fs_app.domain.sending import Declined, Delivered, Delivery, Message
from fs_app.errors import FsAppError, LeaseLost

log = logging.getLogger(__name__)

# Longer than any sender takes: what is still leased after it belongs to a process that died.
LEASE = timedelta(seconds=300)
THREADS: Mapping[Kind, int] = {Kind.SMS: 4, Kind.MAIL: 2, Kind.WEBHOOK: 4}
# Seconds; as for the scheduler, a lost ring or a clock that jumps makes a message this late at most.
LONGEST_SLEEP = 15.0
_STORE_BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds


class OutboxPort(Protocol):
    """What the loop needs of the outbox; fs_app.store.outbox_queue.OutboxQueue, off the loop, is one."""

    def next_due(self, kinds: frozenset[Kind]) -> datetime | None: ...
    def claim(self, now: datetime, room: Mapping[Kind, int], lease: timedelta) -> list[Message]: ...
    def book(self, message: Message, delivery: Delivery, now: datetime) -> None: ...
    def expire_all(self, now: datetime) -> None: ...


class Sender(Protocol):
    """Blocks for a bounded time; runs in a native thread."""

    def send(self, message: Message, now: datetime) -> Delivery: ...


class Notifier:
    """``bell`` is set by whoever adds to the outbox; ``booked()`` is called after each booking, which may have made
    an alarm due. ``sole``: no other process sends for this database."""

    def __init__(
        self,
        outbox: OutboxPort,
        senders: Mapping[Kind, Sender],
        clock: Clock,
        *,
        bell: Event,
        booked: Callable[[], None],
        sole: bool,
        lease: timedelta = LEASE,
        threads: Mapping[Kind, int] = THREADS,
    ) -> None:
        self._outbox = outbox
        self._senders = dict(senders)
        self._clock = clock
        self._bell = bell
        self._booked = booked
        self._sole = sole
        self._lease = lease
        self._threads = {kind: threads[kind] for kind in self._senders}
        self._pools = {kind: ThreadPool(count) for kind, count in self._threads.items()}
        self._busy = dict.fromkeys(self._senders, 0)
        self._greenlets: set[gevent.Greenlet[[Message], None]] = set()

    def run(self) -> None:
        """For ever. A database that does not answer is waited for."""
        started = False
        failures = 0
        while True:
            self._bell.clear()
            wake: datetime | None = None
            try:
                if not started and self._sole:
                    self._outbox.expire_all(self._clock.now())
                started = True
                wake = self.tick(self._clock.now())
                failures = 0
            except FsAppError as exc:
                log.error("notify: %s", exc)
                failures += 1
            except Exception:
                log.exception("notify: tick failed")
                failures += 1
            if failures:
                pause = _STORE_BACKOFF[min(failures, len(_STORE_BACKOFF)) - 1]
            else:
                pause = LONGEST_SLEEP if wake is None else max((wake - self._clock.now()).total_seconds(), 0.0)
            if pause > 0.0:
                self._bell.wait(min(pause, LONGEST_SLEEP))

    def tick(self, now: datetime) -> datetime | None:
        """Start what is due and has a thread free. Returns when to tick again if no bell rings."""
        room = {kind: self._threads[kind] - busy for kind, busy in self._busy.items() if busy < self._threads[kind]}
        if not room:
            return None  # a sending that ends rings the bell
        for message in self._outbox.claim(now, room, self._lease):
            self._busy[message.kind] += 1
            greenlet = gevent.spawn(self._deliver, message)
            self._greenlets.add(greenlet)
            greenlet.link(self._greenlets.discard)
        free = frozenset(kind for kind, busy in self._busy.items() if busy < self._threads[kind])
        return self._outbox.next_due(free) if free else None

    def stop(self, patience: float = 5.0) -> None:
        """Give what is being sent ``patience`` seconds to be booked. The rest is sent again, with the same key."""
        gevent.joinall(list(self._greenlets), timeout=patience)
        for pool in self._pools.values():
            pool.kill()

    def _deliver(self, message: Message) -> None:
        try:
            delivery = self._send(message)
            self._outbox.book(message, delivery, self._clock.now())
            level = logging.INFO if isinstance(delivery, Delivered) else logging.WARNING
            log.log(level, "%s %s: %s", message.kind.value, message.key, _told(delivery))
        except LeaseLost as exc:
            log.warning("%s %s: %s", message.kind.value, message.key, exc)
        except FsAppError as exc:
            # The lease runs out, and the message goes out again under its key.
            log.error("%s %s: not booked: %s", message.kind.value, message.key, exc)
        except Exception:
            log.exception("%s %s: not booked", message.kind.value, message.key)
        finally:
            self._busy[message.kind] -= 1
            self._bell.set()
            self._booked()

    def _send(self, message: Message) -> Delivery:
        try:
            sent: Delivery = self._pools[message.kind].apply(
                self._senders[message.kind].send, (message, self._clock.now())
            )
            return sent
        except Exception as exc:
            log.exception("%s %s: the sender failed", message.kind.value, message.key)
            return Declined(f"could not be sent: {type(exc).__name__}")


def _told(delivery: Delivery) -> str:
    if isinstance(delivery, Delivered):
        return f"delivered {delivery.reference}".strip()
    return f"{type(delivery).__name__.lower()}: {delivery.reason}"
