"""Pure: how many calls may be started now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket of ``rate`` calls per second that never holds more than one second's worth.

    A value: :meth:`at` and :meth:`take` return the next one.
    """

    rate: float
    tokens: float
    updated: datetime

    @staticmethod
    def full(rate: float, now: datetime) -> Bucket:
        return Bucket(rate, max(rate, 1.0), now)

    def at(self, now: datetime) -> Bucket:
        """The bucket as it stands at ``now``; a clock that went backwards adds nothing."""
        gained = max((now - self.updated).total_seconds(), 0.0) * self.rate
        return Bucket(self.rate, min(self.tokens + gained, max(self.rate, 1.0)), now)

    def take(self, calls: int) -> Bucket:
        return Bucket(self.rate, self.tokens - calls, self.updated)

    def next_token(self) -> datetime:
        """When at least one call may be started; ``updated`` itself when one may now."""
        missing = max(1.0 - self.tokens, 0.0)
        return self.updated + timedelta(seconds=missing / self.rate)
