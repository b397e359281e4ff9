"""Russian: days in the genitive ("третьего марта"), hours and coins with their three plural forms."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import ClassVar

from fs_app.words.language import Coins, Language

# One, two to four, five and more; the coins with their gender.
_HOURS = ("час", "часа", "часов")
_MINUTES = ("минута", "минуты", "минут")
_DOLLARS = (("доллар", "доллара", "долларов"), ("цент", "цента", "центов"))
_COINS = {
    "RUB": (("рубль", "рубля", "рублей"), ("копейка", "копейки", "копеек")),
    "USD": _DOLLARS,
    "EUR": (("евро",) * 3, ("цент", "цента", "центов")),
    "GBP": (("фунт", "фунта", "фунтов"), ("пенс", "пенса", "пенсов")),
    "CHF": (("франк", "франка", "франков"), ("сантим", "сантима", "сантимов")),
}


class Russian(Language):
    minus = "минус"
    coins: ClassVar[Coins] = {
        code: ("m", major[0], major[2], minor[0], minor[2]) for code, (major, minor) in _COINS.items()
    }

    def cardinal(self, number: Decimal, gender: str = "") -> str:
        if number == number.to_integral_value():
            return f"{self.minus} {self.whole(-int(number), gender)}" if number < 0 else self.whole(int(number), gender)
        return super().cardinal(number)

    def whole(self, number: int, gender: str = "") -> str:
        return self._say(number, gender=gender or "m")

    def ordinal(self, number: int, gender: str = "") -> str:
        return self._say(number, to="ordinal", gender=gender or "m")

    def day(self, day: date, *, weekday: bool = True, year: bool = True) -> str:
        said = f"{self._say(day.day, to='ordinal', gender='n', case='g')} {self.month(day)}"
        if weekday:
            said = f"{self.weekday(day)}, {said}"
        return f"{said} {self.year(day)} года" if year else said

    def year(self, day: date) -> str:
        return self._say(day.year, to="ordinal", gender="m", case="g")

    def clock(self, at: time) -> str:
        said = f"{self.whole(at.hour)} {_form(at.hour, _HOURS)}"
        return f"{said} {self.whole(at.minute, 'f')} {_form(at.minute, _MINUTES)}" if at.minute else said

    def moment(self, day: str, at: str) -> str:
        return f"{day}, в {at}"

    def _counted(self, count: int, currency: str, *, minor: bool) -> str:
        forms = _COINS[currency][1 if minor else 0]
        return f"{self.whole(count, 'f' if forms[0].endswith('а') else 'm')} {_form(count, forms)}"


def _form(count: int, forms: tuple[str, str, str]) -> str:
    if count % 10 == 1 and count % 100 != 11:
        return forms[0]
    return forms[1] if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else forms[2]
