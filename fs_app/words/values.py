"""Tag -> text: a mapping that fs_app.domain.tags.fill asks, once for each tag of a text.

A key is what stands between the braces. Data wins over what is built in; a value that its format cannot read (a date
that is none) is given as it is, never dropped.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from babel.dates import format_date, format_time
from babel.numbers import format_currency

from fs_app.domain import tags
from fs_app.words.facts import Facts
from fs_app.words.language import NOBREAK
from fs_app.words.languages import language

_NEAR = 183  # days from today within which a day of the week helps
_NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d{1,6})?", re.ASCII)
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)  # 1,234 is a thousand to some and one to others
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(:\d{2})?", re.ASCII)


class Values(Mapping[str, str]):
    """The tags of one reminder in one language."""

    def __init__(self, facts: Facts, tag: str) -> None:
        self._facts = facts
        self._says = language(tag)
        self._formats: dict[str, Callable[[str, str], str]] = {
            "date": self._as_date,
            "time": self._as_time,
            "number": self._as_number,
            "ordinal": self._as_ordinal,
            "digits": self._as_digits,
            "money": self._as_money,
        }

    def __getitem__(self, key: str) -> str:
        parsed = tags.parse(key)
        if parsed is None:
            raise KeyError(key)
        name, how, argument = parsed
        data = self._facts.data
        if not how:
            return data[name] if name in data else self._built_in(name)
        raw = data[name] if name in data else self._plain(name)
        try:
            return self._formats[how](raw.strip(), argument) or raw
        except (ValueError, InvalidOperation, OverflowError):
            return raw

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._facts.data, *tags.BUILT_IN)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    # ---- what is built in

    def _built_in(self, name: str) -> str:
        if name not in tags.BUILT_IN:
            raise KeyError(name)
        if name == "phone_number":
            return self.number_called(self._facts.phone_number)
        moment = self._moment(name)
        if moment is None:
            return ""  # a call without an event, or without a title
        if name == "event_day":
            return self._says.weekday(moment.date())
        if name == "event_at":
            return self._says.moment(self._day(moment.date()), self.clock(moment.time()))
        return self.clock(moment.time()) if name.endswith("_time") else self._day(moment.date())

    def _plain(self, name: str) -> str:
        """What is built in as a format can read it."""
        if name == "phone_number":
            return self._facts.phone_number
        if name not in tags.BUILT_IN:
            raise KeyError(name)
        moment = self._moment(name)
        return "" if moment is None else moment.isoformat()

    def _moment(self, name: str) -> datetime | None:
        moment = self._facts.event_end if name.startswith("event_end_") else self._facts.event_start
        if moment is None or not name.startswith("event_") or name == "event_title":
            return None
        return moment.astimezone(self._facts.zone)

    # ---- formats: (value, argument) -> text; ValueError leaves the value as it is

    def _as_date(self, value: str, _argument: str) -> str:
        return self._day(self._read_moment(value).date())

    def _as_time(self, value: str, _argument: str) -> str:
        clock = _CLOCK.fullmatch(value)
        if clock is not None:
            return self.clock(time(int(clock[1]), int(clock[2])))
        if len(value) <= 10:
            raise ValueError("a date has no time of day")
        return self.clock(self._read_moment(value).time())

    def _as_number(self, value: str, gender: str) -> str:
        return self.number(_decimal(value), gender)

    def _as_ordinal(self, value: str, gender: str) -> str:
        number = _decimal(value)
        if number != number.to_integral_value() or number < 0:
            raise ValueError("not a place")
        return self.ordinal(int(number), gender)

    def _as_digits(self, value: str, _argument: str) -> str:
        return self.digits(value)

    def _as_money(self, value: str, currency: str) -> str:
        return self.money(_decimal(value), currency)

    def _read_moment(self, value: str) -> datetime:
        """As the API reads times: a naive one is wall-clock time of the calendar."""
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo is None else moment.astimezone(self._facts.zone)

    def _day(self, day: date) -> str:
        today = self._facts.today
        near = today is None or abs((day - today).days) <= _NEAR
        return self.day(day, weekday=near, year=today is None or day.year != today.year)

    # ---- how it is put

    @abstractmethod
    def day(self, day: date, *, weekday: bool, year: bool) -> str: ...

    @abstractmethod
    def clock(self, at: time) -> str: ...

    @abstractmethod
    def number(self, number: Decimal, gender: str) -> str: ...

    @abstractmethod
    def ordinal(self, number: int, gender: str) -> str: ...

    @abstractmethod
    def digits(self, value: str) -> str: ...

    @abstractmethod
    def money(self, amount: Decimal, currency: str) -> str: ...

    @abstractmethod
    def number_called(self, number: str) -> str: ...


class Spoken(Values):
    """For a voice: in words."""

    def day(self, day: date, *, weekday: bool, year: bool) -> str:
        return self._says.day(day, weekday=weekday, year=year)

    def clock(self, at: time) -> str:
        return self._says.clock(at)

    def number(self, number: Decimal, gender: str) -> str:
        return self._says.cardinal(number, gender)

    def ordinal(self, number: int, gender: str) -> str:
        return self._says.ordinal(number, gender)

    def digits(self, value: str) -> str:
        return self._says.digits(value)

    def money(self, amount: Decimal, currency: str) -> str:
        return self._says.money(amount, currency)

    def number_called(self, number: str) -> str:
        return self._says.digits(number)


class Written(Values):
    """For eyes: in figures, as the language writes them."""

    def day(self, day: date, *, weekday: bool, year: bool) -> str:
        # A message may be read much later: its dates always have their year.
        style = "full" if weekday else "long"
        return format_date(day, style, locale=self._says.locale).translate(NOBREAK)

    def clock(self, at: time) -> str:
        return format_time(at, "short", locale=self._says.locale).translate(NOBREAK)

    def number(self, number: Decimal, gender: str) -> str:
        return self._says.written_number(number)

    def ordinal(self, number: int, gender: str) -> str:
        return str(number)

    def digits(self, value: str) -> str:
        return value

    def money(self, amount: Decimal, currency: str) -> str:
        return format_currency(amount, currency, locale=self._says.locale).translate(NOBREAK)

    def number_called(self, number: str) -> str:
        return number


def _decimal(value: str) -> Decimal:
    if not _NUMBER.fullmatch(value) or _AMBIGUOUS.fullmatch(value):
        raise ValueError("not a number")
    return Decimal(value.replace(",", "."))
