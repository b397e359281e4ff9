"""Against guessing: how many wrong passwords are too many, and how many may be looked at at once.

Failures are counted for a user name from an address, for an address whatever names it invents, and for a user name
wherever the guesses come from. Only what must be hashed is counted and refused: a password that was right a moment ago
is known without hashing, so nobody who is signed in is ever locked out by a stranger's guesses.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from httpapi.errors import ApiError

HASHES_AT_ONCE = 6  # of eight threads: whatever strangers send, two go on answering everybody else


@dataclass(frozen=True)
class Limit:
    """``failures`` within ``seconds`` are one too many to go on."""

    failures: int
    seconds: float
    words: str


PAIR = Limit(10, 60, "too many wrong passwords for this user from this address")
ADDRESS = Limit(50, 60, "too many wrong passwords from this address")
USERNAME = Limit(100, 900, "too many wrong passwords for this user")


class _Counter:
    """Failures by key, of at most ``most`` keys: the one that failed longest ago is forgotten first."""

    def __init__(self, limit: Limit, most: int = 8192) -> None:
        self._limit = limit
        self._most = most
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def waits(self, key: str, now: float) -> float:
        """Seconds until ``key`` may try again; 0 when it may now."""
        count, until = self._failures.get(key, (0, 0.0))
        return until - now if count >= self._limit.failures and until > now else 0.0

    def failed(self, key: str, now: float) -> None:
        count, until = self._failures.pop(key, (0, 0.0))
        self._failures[key] = (count + 1, until) if until > now else (1, now + self._limit.seconds)
        while len(self._failures) > self._most:
            self._failures.popitem(last=False)

    def forget(self, key: str) -> None:
        self._failures.pop(key, None)


class Guard:
    """Thread-safe. Times are monotonic seconds."""

    def __init__(self, limits: tuple[Limit, Limit, Limit] = (PAIR, ADDRESS, USERNAME)) -> None:
        self._lock = threading.Lock()
        self._hashes = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._counters = tuple((limit, _Counter(limit)) for limit in limits)

    def admit(self, username: str, client: str, now: float) -> None:
        """Raises ApiError 429, with Retry-After, when this guess is one too many."""
        with self._lock:
            for (limit, counter), key in zip(self._counters, _keys(username, client), strict=True):
                waits = counter.waits(key, now)
                if waits:
                    raise _too_many(f"{limit.words}: wait", int(waits) + 1)

    def note(self, username: str, client: str, right: bool, now: float) -> None:
        """What came of a guess. A right one clears this user here; what others tried from here stays counted."""
        with self._lock:
            keys = _keys(username, client)
            if right:
                self._counters[0][1].forget(keys[0])
                return
            for (_, counter), key in zip(self._counters, keys, strict=True):
                counter.failed(key, now)

    @contextmanager
    def hashing(self) -> Iterator[None]:
        """While a password is hashed. Raises ApiError 429 when as many as may are being hashed already."""
        if not self._hashes.acquire(blocking=False):
            raise _too_many("many passwords are being checked just now: try again", 1)
        try:
            yield
        finally:
            self._hashes.release()


def _keys(username: str, client: str) -> tuple[str, str, str]:
    address, name = network_of(client), username[:200]
    return f"{address} {name}", address, name


def network_of(client: str) -> str:
    """The address that counts as one place: IPv6 customers have a whole /64 to guess from."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client[:100]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


def _too_many(detail: str, seconds: int) -> ApiError:
    return ApiError(429, {"detail": detail}, {"Retry-After": str(seconds)})
