"""How one language says dates, times, numbers and money: what every language has in common, and what CLDR knows.

The numbers in words are num2words', the names of days, months and currencies are CLDR's (by way of Babel). Each
language that we know better has a class of its own beside this one; all others are spoken by this one alone.

Everything is written out in words where a speech engine could read digits wrongly: engines differ in what they make of
"3.3." or "15:30", and none of them knows the gender of a noun.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_day_names, get_month_names
from babel.numbers import format_decimal, get_currency_name
from num2words import CONVERTER_CLASSES, num2words

NOBREAK = str.maketrans({"\u202f": " ", "\u00a0": " "})


Coins = Mapping[str, tuple[str, str, str, str, str]]
"""Currency -> its gender, one of it, several, one hundredth of it, several."""


class Language:
    """Says things in the language of ``locale``; ``numbers`` is num2words' name for it, empty when it has none."""

    minus: ClassVar[str] = "minus"
    point: str = ""  # between the whole and the fraction of a number; empty: num2words knows
    coins: ClassVar[Coins] = {}
    """Currencies that are not called as CLDR calls them."""
    coins_join: ClassVar[str] = " "
    of_millions: ClassVar[str] = ""  # "millón de euros"

    def __init__(self, locale: Locale) -> None:
        self.locale = locale
        region = str(locale)
        known = CONVERTER_CLASSES
        self.numbers = region if region in known else locale.language if locale.language in known else ""

    # ---- numbers

    def cardinal(self, number: Decimal, gender: str = "") -> str:
        """``12`` in words; ``gender`` (m, f or none) is that of the noun after it."""
        if not self.point:
            return self._as_it_comes(number)
        if number < 0:
            return f"{self.minus} {self.cardinal(-number, gender)}"
        if number == number.to_integral_value():
            return self.whole(int(number), gender)
        whole, _, fraction = f"{number:f}".partition(".")
        return " ".join((self.whole(int(whole)), self.point, *(self.whole(int(digit)) for digit in fraction)))

    def _as_it_comes(self, number: Decimal) -> str:
        """In the words of num2words, else in figures: some of its languages know no fractions."""
        if self.numbers:
            with suppress(Exception):
                return self._say(int(number) if number == number.to_integral_value() else number)
        return format_decimal(number, locale=self.locale).translate(NOBREAK)

    def whole(self, number: int, gender: str = "") -> str:
        return self.agree(self._say(number), gender) if self.numbers else str(number)

    def agree(self, words: str, gender: str) -> str:
        """A cardinal as it stands before a noun of that gender."""
        return words

    def ordinal(self, number: int, gender: str = "") -> str:
        """``third``. Empty when the language cannot say it."""
        return self._say(number, to="ordinal") if self.numbers else ""

    def digits(self, text: str) -> str:
        """One character at a time, with a rest after each group: ``555-0199`` as two groups of three and four.

        What is not separated is grouped by threes, with four in the last group: ``1 555 010 0001``.
        """
        groups = [group for part in _parts(text) for group in _grouped(part)]
        return ", ".join(" ".join(self._character(char) for char in group) for group in groups)

    def _character(self, char: str) -> str:
        return self.whole(int(char)) if char.isascii() and char.isdigit() else char.upper()

    def _say(self, number: int | Decimal, **how: Any) -> str:
        return str(num2words(number, lang=self.numbers, **how))

    # ---- money

    def money(self, amount: Decimal, currency: str) -> str:
        """``twelve euros and five cents``. The amount is rounded to hundredths where the currency has them."""
        if amount < 0:
            return f"{self.minus} {self.money(-amount, currency)}"
        if currency not in self.coins:
            return f"{self.cardinal(amount)} {self.currency(currency, amount)}"
        cents = int((amount * 100).to_integral_value())
        whole, rest = divmod(cents, 100)
        parts = []
        if whole or not rest:
            parts.append(self._counted(whole, currency, minor=False))
        if rest:
            parts.append(self._counted(rest, currency, minor=True))
        return self.coins_join.join(parts)

    def currency(self, code: str, amount: Decimal) -> str:
        """The currency's name beside that amount."""
        count = int(amount) if amount == amount.to_integral_value() else amount
        return get_currency_name(code, count=count, locale=self.locale)

    def _counted(self, count: int, currency: str, *, minor: bool) -> str:
        gender, one, several, one_minor, several_minor = self.coins[currency]
        names = (one_minor, several_minor) if minor else (one, several)
        name = names[0] if self.single(count) else names[1]
        if self.of_millions and count and count % 1_000_000 == 0:
            name = self.of_millions + name
        return f"{self.whole(count, 'm' if minor else gender)} {name}".replace("' ", "'")

    def single(self, count: int) -> bool:
        return count == 1

    # ---- days and hours

    def weekday(self, day: date) -> str:
        return str(get_day_names("wide", "format", self.locale)[day.weekday()])

    def month(self, day: date) -> str:
        return str(get_month_names("wide", "format", self.locale)[day.month])

    def year(self, day: date) -> str:
        return self.whole(day.year)

    def day(self, day: date, *, weekday: bool = True, year: bool = True) -> str:
        """``Tuesday, March third, twenty twenty-six``, with or without its first and last part."""
        if weekday and year:
            return format_date(day, "full", locale=self.locale).translate(NOBREAK)
        if year:
            return format_date(day, "long", locale=self.locale).translate(NOBREAK)
        said = format_skeleton("MMMMd", datetime.combine(day, time()), locale=self.locale).translate(NOBREAK)
        return f"{self.weekday(day)}, {said}" if weekday else said

    def clock(self, at: time) -> str:
        """``three thirty PM``; seconds are left out."""
        return format_time(at, "short", locale=self.locale).translate(NOBREAK)

    def moment(self, day: str, at: str) -> str:
        """A spoken date and a spoken time as one phrase."""
        return f"{day}, {at}"

    # ---- as written, for short messages and mail

    def written_number(self, number: Decimal) -> str:
        return format_decimal(number, locale=self.locale).translate(NOBREAK)


def _parts(text: str) -> list[str]:
    cleaned = "".join(char if char.isalnum() else " " for char in text)
    return cleaned.split()


def _grouped(part: str) -> list[str]:
    """
    >>> _grouped("15550100001")
    ['1', '555', '010', '0001']
    >>> _grouped("0001")
    ['0001']
    """
    groups = [part[-4:]]
    for end in range(len(part) - 4, 0, -3):
        groups.insert(0, part[max(end - 3, 0) : end])
    return groups
