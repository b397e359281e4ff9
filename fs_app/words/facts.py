"""What the tags of one reminder are filled from. Nothing in here is in any language yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from fs_app.domain.alarms import DueAlarm, tags
from fs_app.domain.calls import CallContext
from fs_app.domain.window import load_zone


@dataclass(frozen=True, slots=True)
class Facts:
    """``data`` is the event's, with ``event_title`` and ``calendar_user``. Moments are aware; ``zone`` is the
    calendar's. ``today`` is the day of the call or message there: the year of a date is said when it is another one.
    """

    data: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC
    event_start: datetime | None = None
    event_end: datetime | None = None
    phone_number: str = ""
    today: date | None = None


def of_call(context: CallContext) -> Facts:
    """The facts of a call. They are the same all through it, and from one occurrence of an event to the next."""
    zone = ZoneInfo(context.zone) if context.zone == "UTC" else load_zone(context.zone)
    return Facts(
        data=context.tags,
        zone=zone,
        event_start=context.event_start,
        event_end=context.event_end,
        phone_number=context.phone_number,
        today=None if context.called_at is None else context.called_at.astimezone(zone).date(),
    )


def of_alarm(due: DueAlarm, now: datetime) -> Facts:
    """The facts of a message that goes out now."""
    zone = due.policy.zone
    return Facts(
        data=tags(due),
        zone=zone,
        event_start=due.event_start,
        event_end=due.policy.event_end,
        phone_number=due.phone_number,
        today=now.astimezone(zone).date(),
    )
