"""English: twelve hours, ordinals in dates, years in pairs."""

from __future__ import annotations

from datetime import date, time
from typing import ClassVar

from fs_app.words.language import Coins, Language

_DOLLARS = ("", "dollar", "dollars", "cent", "cents")


class English(Language):
    point = "point"
    coins_join = " and "
    coins: ClassVar[Coins] = {
        "USD": _DOLLARS,
        "CAD": _DOLLARS,
        "AUD": _DOLLARS,
        "NZD": _DOLLARS,
        "EUR": ("", "euro", "euros", "cent", "cents"),
        "GBP": ("", "pound", "pounds", "penny", "pence"),
        "CHF": ("", "Swiss franc", "Swiss francs", "centime", "centimes"),
    }

    def whole(self, number: int, gender: str = "") -> str:
        return self._say(number).replace(",", "")

    def day(self, day: date, *, weekday: bool = True, year: bool = True) -> str:
        if self.locale.territory in (None, "US", "CA", "PH"):
            said = f"{self.month(day)} {self.ordinal(day.day)}"
        else:
            said = f"the {self.ordinal(day.day)} of {self.month(day)}"
        if weekday:
            said = f"{self.weekday(day)}{' ' if said.startswith('the') else ', '}{said}"
        return f"{said}, {self.year(day)}" if year else said

    def year(self, day: date) -> str:
        return self._say(day.year, to="year")

    def clock(self, at: time) -> str:
        if at.minute == 0 and at.hour in (0, 12):
            return "noon" if at.hour else "midnight"
        hour = self.whole(at.hour % 12 or 12)
        half = "PM" if at.hour >= 12 else "AM"
        if at.minute == 0:
            return f"{hour} {half}"
        minutes = self.whole(at.minute)
        return f"{hour} {'oh ' if at.minute < 10 else ''}{minutes} {half}"

    def moment(self, day: str, at: str) -> str:
        return f"{day} at {at}"
