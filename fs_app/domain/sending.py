"""What passes between the outbox and the senders of messages, and what follows a sending that failed.

Three kinds of message: short messages, mails and webhooks. Each is sent at least once; its key is the same each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fs_app.domain.alarms import RetryPolicy
from fs_app.domain.enums import AlarmStatus, Kind

# After the first, second, … sending that failed; the last one repeats.
BACKOFF = (15, 30, 60, 120, 300, 600, 1200, 1800, 3600)  # seconds


@dataclass(frozen=True, slots=True)
class SmsGatewayFacts:
    """``parameters`` are the driver's, checked when they were stored."""

    id: int
    name: str
    driver: str
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)  # they hold credentials


@dataclass(frozen=True, slots=True)
class Message:
    """A row of the outbox, claimed: the right to send it while ``token`` is on the row.

    ``attempt`` counts from 1. ``secret`` signs a webhook; ``gateway`` carries a short message.
    """

    id: int
    token: str
    kind: Kind
    key: str
    destination: str
    payload: Mapping[str, Any]
    attempt: int = 1
    gateway: SmsGatewayFacts | None = None
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side took it; ``reference`` is its own id for it."""

    reference: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Permanent: the same message would be refused again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The other side answered, and did not take it this time."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreached:
    """Nobody answered, or the line broke before the answer: it may even have been taken."""

    reason: str


Delivery = Delivered | Refused | Declined | Unreached


@dataclass(frozen=True, slots=True)
class SendVerdict:
    """What a sending makes of its alarm. ``due_at`` is set exactly when another one follows; with ``same_key`` it
    repeats the same message, which may have been taken already."""

    status: AlarmStatus
    reason: str
    counted: bool = True
    due_at: datetime | None = None
    same_key: bool = False


def backoff(attempts: int) -> timedelta:
    """How long to wait after the ``attempts``-th sending failed.

    >>> [int(backoff(n).total_seconds()) for n in (1, 2, 9, 50)]
    [15, 30, 3600, 3600]
    """
    return timedelta(seconds=BACKOFF[min(max(attempts, 1), len(BACKOFF)) - 1])


def after(delivery: Delivery, attempts: int, policy: RetryPolicy, num_attempt: int, now: datetime) -> SendVerdict:
    """The verdict on one sending of an alarm's message.

    ``attempts`` counts the sendings of this very message (this key), ``num_attempt`` the counted attempts of the
    alarm before this one. A gateway or server that cannot be reached counts no attempt, as with calls.
    """
    match delivery:
        case Delivered():
            return SendVerdict(AlarmStatus.SUCCESS, "")
        case Refused(reason):
            return SendVerdict(AlarmStatus.FAILURE, reason)
        case Declined(reason):
            if num_attempt >= policy.maxretry:
                return SendVerdict(AlarmStatus.FAILURE, reason)
            return _again(reason, policy, now + timedelta(seconds=policy.retry_delay), counted=True)
        case Unreached(reason):
            return _again(reason, policy, now + backoff(attempts), counted=False)


def _again(reason: str, policy: RetryPolicy, when: datetime, *, counted: bool) -> SendVerdict:
    due = policy.next_open(when)
    if due >= policy.event_end:
        return SendVerdict(AlarmStatus.FAILURE, f"{reason}; the event ends before another attempt", counted)
    return SendVerdict(AlarmStatus.RETRY, reason, counted, due, same_key=not counted)
