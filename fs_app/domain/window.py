"""Pure: when may an alarm be called. Shared by the API, which sets the first due time, and the scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fs_app.errors import InvalidInput

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """Whole days, by the clock of the calendar, on which nobody is called: weekdays (0 is Monday) and dates.

    Raises InvalidInput when no day of the week is left.
    """

    weekdays: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if len(self.weekdays) > 6:
            raise InvalidInput("closed_weekdays", "closes every day of the week: leave one open, or pause the events")

    def on(self, day: date) -> bool:
        """Whether the calendar is closed on ``day``."""
        return day.weekday() in self.weekdays or day in self.dates


NEVER = Closed()


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


def is_open(moment: datetime, opens: time, closes: time, zone: ZoneInfo, closed: Closed = NEVER) -> bool:
    """Whether ``moment`` lies in the daily window, whose last second is ``closes`` itself, on a day that is not closed.

    ``opens`` after ``closes`` spans midnight; what comes after midnight belongs to the new day.
    """
    local = moment.astimezone(zone)
    if closed.on(local.date()):
        return False
    wall = local.time().replace(microsecond=0)
    if opens <= closes:
        return opens <= wall <= closes
    return wall >= opens or wall <= closes


def next_open(moment: datetime, opens: time, closes: time, zone: ZoneInfo, closed: Closed = NEVER) -> datetime:
    """``moment`` itself when the window is open then, else the window's next opening; aware, UTC."""
    found = _next_daily(moment, opens, closes, zone)
    day = found.astimezone(zone).date()
    while closed.on(day):  # ends: a day of the week is open, and the dates are finite
        day += _DAY
        if not closed.on(day):
            found = _next_daily(to_utc(datetime.combine(day, time()), zone), opens, closes, zone)
            day = found.astimezone(zone).date()
    return found


def _next_daily(moment: datetime, opens: time, closes: time, zone: ZoneInfo) -> datetime:
    if is_open(moment, opens, closes, zone):
        return moment.astimezone(UTC)
    local = moment.astimezone(zone)
    day = local.date()
    if local.time() > opens:  # today's opening is past: only so when the window does not span midnight
        day += _DAY
    opening = datetime.combine(day, opens)
    found = to_utc(opening, zone)
    # In the second pass of a repeated hour the first opening is over; the clock shows it once more.
    return found if found > moment else opening.replace(tzinfo=zone, fold=1).astimezone(UTC)


def first_due(
    start_notice: datetime, advance_notice: int, opens: time, closes: time, zone: ZoneInfo, closed: Closed = NEVER
) -> datetime:
    """When the first attempt is due: ``advance_notice`` seconds before ``start_notice``, moved into the window."""
    return next_open(start_notice - timedelta(seconds=advance_notice), opens, closes, zone, closed)
