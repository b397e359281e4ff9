"""The rule of a recurring event: its value, and how it is read from text.

It is parsed by a whitelist and bounded in every number; it is never evaluated. docs/recurrence.md lists the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import IntEnum
from zoneinfo import ZoneInfo

from fs_app.errors import InvalidInput

COUNT_MAX = 10_000
TEXT_MAX = 2_000  # characters of params
LIST_MAX = 100  # values of one word
EXDATES_MAX = 1_000


class Frequency(IntEnum):
    """From coarse to fine."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5


# The search for an occurrence gives up after 40 years: a longer interval would only ever produce nothing.
_INTERVAL_MAX = {Frequency.YEARLY: 40, Frequency.MONTHLY: 480}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# Word -> (lowest, highest, may be counted from the end by a minus sign).
_LISTS: dict[str, tuple[int, int, bool]] = {
    "bysetpos": (1, 366, True),
    "bymonth": (1, 12, False),
    "bymonthday": (1, 31, True),
    "byyearday": (1, 366, True),
    "byweekno": (1, 53, True),
    "byhour": (0, 23, False),
    "byminute": (0, 59, False),
}
_WORDS = ("interval", "wkst", "count", "until", "byweekday", *_LISTS)
_SPOKEN_WORDS = ", ".join(_WORDS)


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """A checked rule. Lists are sorted and free of repetitions; an empty one does not restrict.

    ``until`` is the last moment an occurrence may start: aware (UTC), or naive for wall-clock time in the calendar's
    zone. ``byweekday`` holds (0 for Monday … 6, n): the n-th such day of the month or year, from its end when
    negative, every one when 0.
    """

    frequency: Frequency
    interval: int = 1
    wkst: int = 0
    count: int | None = None
    until: datetime | None = None
    bysetpos: tuple[int, ...] = ()
    bymonth: tuple[int, ...] = ()
    bymonthday: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    byweekday: tuple[tuple[int, int], ...] = ()
    byhour: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()

    def rrule_text(self) -> str:
        """The canonical RFC 5545 RRULE, without the prefix; equal rules have equal texts.

        >>> parse_rule("weekly", "count:10;byweekday:TH,TU").rrule_text()
        'FREQ=WEEKLY;COUNT=10;BYDAY=TU,TH'
        """
        parts = [f"FREQ={self.frequency.name}"]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.until is not None:
            parts.append(f"UNTIL={self.until:%Y%m%dT%H%M%S}{'Z' if self.until.tzinfo else ''}")
        if self.byweekday:
            parts.append("BYDAY=" + ",".join(f"{f'{n:+d}' if n else ''}{WEEKDAYS[day]}" for day, n in self.byweekday))
        parts += [f"{w.upper()}={','.join(map(str, getattr(self, w)))}" for w in _LISTS if getattr(self, w)]
        if self.wkst:
            parts.append(f"WKST={WEEKDAYS[self.wkst]}")
        return ";".join(parts)


def parse_rule(frequency: str, params: str, prefix: str = "") -> RecurrenceRule:
    """The rule that ``frequency`` and ``params`` describe.

    ``params`` is ``word:value;word:value`` in dateutil's words (``count:10;byweekday:TU,WE;bysetpos:-1``), or an RFC
    5545 RRULE (``FREQ=WEEKLY;BYDAY=TU,TH``, with or without ``RRULE:``), whose FREQ must agree with ``frequency`` or
    makes up for an empty one. Case does not matter.

    Raises InvalidInput naming the field ``frequency`` or ``params``, behind ``prefix``.
    """
    words = _split(params, prefix + "params")
    found = words.pop("freq", "")
    name = frequency.strip().upper() or found
    if name not in Frequency.__members__:
        raise InvalidInput(prefix + "frequency", f"must be one of {', '.join(Frequency.__members__)}")
    if found and found != name:
        raise InvalidInput(prefix + "frequency", f"is {name}, but params say FREQ={found}: make them agree")
    freq = Frequency[name]
    field = prefix + "params"
    interval_max = _INTERVAL_MAX.get(freq, 1000)
    lists = {w: _numbers(field, w, words[w], *_LISTS[w]) for w in _LISTS if w in words}
    # An hour has as many moments as minutes are named, a minute has one: a position beyond picks nothing, for ever.
    slots = {Frequency.HOURLY: len(lists.get("byminute", ())) or 1, Frequency.MINUTELY: 1}.get(freq)
    if slots is not None and any(abs(position) > slots for position in lists.get("bysetpos", ())):
        raise InvalidInput(field, f"bysetpos picks nothing: {name} has {slots} to choose from; leave bysetpos out")
    return RecurrenceRule(
        frequency=freq,
        interval=_number(field, "interval", words.get("interval", "1"), 1, interval_max),
        wkst=_wkst(field, words["wkst"]) if "wkst" in words else 0,
        count=_number(field, "count", words["count"], 1, COUNT_MAX) if "count" in words else None,
        until=_until(field, words["until"]) if "until" in words else None,
        byweekday=_weekdays(field, words["byweekday"], freq) if "byweekday" in words else (),
        **lists,
    )


def _split(text: str, field: str) -> dict[str, str]:
    """``params`` as lower-case words and upper-case values, each word once."""
    if len(text) > TEXT_MAX:
        raise InvalidInput(field, f"has {len(text)} characters: at most {TEXT_MAX}")
    text = re.sub(r"\ARRULE:", "", text.strip(), flags=re.IGNORECASE)
    sign = "=" if "=" in text else ":"
    words: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        word, found, value = (piece.strip() for piece in part.partition(sign))
        word = word.lower()
        word = "byweekday" if word == "byday" else word
        if not found or not (word in _WORDS or (word == "freq" and sign == "=")):
            raise InvalidInput(field, f"{part[:40]!r} is not known: write word:value;word:value with {_SPOKEN_WORDS}")
        if word in words:
            raise InvalidInput(field, f"{word} is there twice: give it once, its values separated by commas")
        if not value:
            raise InvalidInput(field, f"{word} has no value: give one, or leave it out")
        words[word] = value.upper()
    return words


def _number(field: str, word: str, text: str, low: int, high: int, signed: bool = False) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,6}", text):
        number = int(text)
        if low <= (abs(number) if signed else number) <= high:
            return number
    negative = f", or -{high} to -{low} from the end" if signed else ""
    raise InvalidInput(field, f"{word} is {text[:40]!r}: must be a number from {low} to {high}{negative}")


def _values(field: str, word: str, text: str) -> list[str]:
    values = [value.strip() for value in text.split(",")]
    if len(values) > LIST_MAX:
        raise InvalidInput(field, f"{word} has {len(values)} values: at most {LIST_MAX}")
    return values


def _numbers(field: str, word: str, text: str, low: int, high: int, signed: bool) -> tuple[int, ...]:
    return tuple(sorted({_number(field, word, value, low, high, signed) for value in _values(field, word, text)}))


def _weekday(field: str, word: str, text: str) -> tuple[int, int]:
    """(0 for Monday … 6, n), from ``MO``, ``0``, ``+1MO``, ``MO(+1)``; n is 0 where none is given."""
    if re.fullmatch(r"[0-6]", text):
        return int(text), 0
    match = re.fullmatch(r"([+-]?[0-9]{1,2})?([A-Z]{2})(?:\(([+-]?[0-9]{1,2})\))?", text)
    if match and match[2] in WEEKDAYS and not (match[1] and match[3]):
        nth = match[1] or match[3]
        return WEEKDAYS.index(match[2]), _number(field, word, nth, 1, 53, signed=True) if nth else 0
    raise InvalidInput(field, f"{word} is {text[:40]!r}: must be MO, TU, WE, TH, FR, SA or SU; MO(+1) or MO(-1)")


def _weekdays(field: str, text: str, frequency: Frequency) -> tuple[tuple[int, int], ...]:
    days = sorted({_weekday(field, "byweekday", value) for value in _values(field, "byweekday", text)})
    if frequency > Frequency.MONTHLY and any(n for _, n in days):
        raise InvalidInput(
            field, f"byweekday counts days, as MO(+1) does, only when MONTHLY or YEARLY: write {text[:2]}"
        )
    return tuple(days)


def _until(field: str, text: str) -> datetime:
    """Aware where the text has an offset or Z, else naive wall-clock time; a date alone includes its whole day."""
    try:
        if "T" in text or " " in text:
            moment = datetime.fromisoformat(text).replace(microsecond=0)
        else:
            moment = datetime.combine(date.fromisoformat(text), time(23, 59, 59))
        return moment if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            field,
            f"until is {text[:40]!r}: must be a date or time such as 2030-12-31, 20301231T235959 or 20301231T235959Z",
        ) from None


def _wkst(field: str, text: str) -> int:
    day, nth = _weekday(field, "wkst", text)
    if nth:
        raise InvalidInput(field, f"wkst is {text!r}: must be a plain weekday such as MO or SU")
    return day


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What a series leaves out (EXDATE): whole days by the clock on the wall, and moments: aware (UTC), or naive for
    wall-clock time in the calendar's zone. COUNT counts what is left out (RFC 5545)."""

    days: frozenset[date] = frozenset()
    moments: frozenset[datetime] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.days or self.moments)

    def covers(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether the occurrence at ``moment`` is left out."""
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        return wall.date() in self.days or wall in self.moments or moment in self.moments

    def texts(self) -> list[str]:
        """As :func:`parse_exdates` reads them, in order."""
        moments = [moment.isoformat(sep=" ") for moment in self.moments]
        return sorted([*(day.isoformat() for day in self.days), *moments])


def parse_exdates(values: Iterable[object], field: str = "exdates") -> Exclusions:
    """Days (``2026-12-25``) and moments (``2026-12-24 09:00:00``, with or without an offset).

    Raises InvalidInput naming ``field``.
    """
    days: set[date] = set()
    moments: set[datetime] = set()
    for value in values:
        text = value.strip() if isinstance(value, str) else ""
        try:
            if "T" in text.upper() or " " in text:
                moment = datetime.fromisoformat(text).replace(microsecond=0, fold=0)
                moments.add(moment if moment.tzinfo is None else moment.astimezone(UTC))
            else:
                days.add(date.fromisoformat(text))
        except (ValueError, OverflowError):
            raise InvalidInput(
                field, f"{str(value)[:40]!r} is no date or time: give one such as 2026-12-25 or 2026-12-24 09:00:00"
            ) from None
    if len(days) + len(moments) > EXDATES_MAX:
        raise InvalidInput(field, f"has {len(days) + len(moments)} entries: at most {EXDATES_MAX}")
    return Exclusions(frozenset(days), frozenset(moments))
