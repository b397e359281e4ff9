"""Pure: when may an alarm be called. Shared by the API, which sets the first due time, and the scheduler."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fs_app.errors import InvalidInput


def load_zone(name: str, field: str = "timezone") -> ZoneInfo:
    """The IANA zone of that name. Raises InvalidInput."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(field, f"{name!r} is not an IANA time zone: use one such as Europe/Paris or UTC") from None


def to_utc(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which clocks in ``zone`` show the naive ``wall``.

    A wall time that a clock change skips moves forward by the gap; one that happens twice is the first of the two
    (PEP 495, fold=0).
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def is_open(moment: datetime, opens: time, closes: time, zone: ZoneInfo) -> bool:
    """Whether ``moment`` lies in the daily window, whose last second is ``closes`` itself.

    ``opens`` after ``closes`` spans midnight.
    """
    wall = moment.astimezone(zone).time().replace(microsecond=0)
    if opens <= closes:
        return opens <= wall <= closes
    return wall >= opens or wall <= closes


def next_open(moment: datetime, opens: time, closes: time, zone: ZoneInfo) -> datetime:
    """``moment`` itself when the window is open then, else the window's next opening; aware, UTC."""
    if is_open(moment, opens, closes, zone):
        return moment.astimezone(UTC)
    local = moment.astimezone(zone)
    day = local.date()
    if local.time() > opens:  # today's opening is past: only so when the window does not span midnight
        day += timedelta(days=1)
    opening = datetime.combine(day, opens)
    found = to_utc(opening, zone)
    # In the second pass of a repeated hour the first opening is over; the clock shows it once more.
    return found if found > moment else opening.replace(tzinfo=zone, fold=1).astimezone(UTC)


def first_due(start_notice: datetime, advance_notice: int, opens: time, closes: time, zone: ZoneInfo) -> datetime:
    """When the first attempt is due: ``advance_notice`` seconds before ``start_notice``, moved into the window."""
    return next_open(start_notice - timedelta(seconds=advance_notice), opens, closes, zone)
