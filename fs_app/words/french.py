"""French: "premier mars", "vingt et une heures"."""

from __future__ import annotations

import re
from datetime import date, time
from typing import ClassVar

from fs_app.words.language import Coins, Language


class French(Language):
    minus = "moins"
    point = "virgule"
    coins_join = " et "
    coins: ClassVar[Coins] = {
        "EUR": ("m", "euro", "euros", "centime", "centimes"),
        "USD": ("m", "dollar", "dollars", "cent", "cents"),
        "CAD": ("m", "dollar", "dollars", "cent", "cents"),
        "GBP": ("f", "livre", "livres", "penny", "pence"),
        "CHF": ("m", "franc", "francs", "centime", "centimes"),
    }

    def agree(self, words: str, gender: str) -> str:
        return re.sub(r"\bun$", "une", words) if gender == "f" else words

    def ordinal(self, number: int, gender: str = "") -> str:
        words = self._say(number, to="ordinal")
        return "première" if gender == "f" and words == "premier" else words

    def day(self, day: date, *, weekday: bool = True, year: bool = True) -> str:
        said = f"{'premier' if day.day == 1 else self.whole(day.day)} {self.month(day)}"
        if weekday:
            said = f"{self.weekday(day)} {said}"
        return f"{said} {self.year(day)}" if year else said

    def clock(self, at: time) -> str:
        if at.minute == 0 and at.hour in (0, 12):
            return "midi" if at.hour else "minuit"
        said = f"{self.whole(at.hour, 'f')} {'heure' if at.hour < 2 else 'heures'}"
        return f"{said} {self.whole(at.minute, 'f')}" if at.minute else said

    def moment(self, day: str, at: str) -> str:
        return f"{day} à {at}"

    def single(self, count: int) -> bool:
        return count < 2

    def _counted(self, count: int, currency: str, *, minor: bool) -> str:
        said = super()._counted(count, currency, minor=minor)
        if count and count % 1_000_000 == 0:
            words, _, name = said.rpartition(" ")
            return f"{words} d'{name}" if name[0] in "aeiou" else f"{words} de {name}"
        return said
