"""German: "Dienstag, den dritten März", which is right after "am" and without it; "fünfzehn Uhr dreißig"."""

from __future__ import annotations

import re
from datetime import date, time
from typing import ClassVar

from fs_app.words.language import Coins, Language


class German(Language):
    point = "Komma"
    coins_join = " und "
    coins: ClassVar[Coins] = {
        "EUR": ("m", "Euro", "Euro", "Cent", "Cent"),
        "USD": ("m", "Dollar", "Dollar", "Cent", "Cent"),
        "GBP": ("m", "Pfund", "Pfund", "Penny", "Pence"),
        "CHF": ("m", "Franken", "Franken", "Rappen", "Rappen"),
    }

    def agree(self, words: str, gender: str) -> str:
        return re.sub(r"eins$", {"m": "ein", "f": "eine"}.get(gender, "eins"), words)

    def ordinal(self, number: int, gender: str = "") -> str:
        words = self._say(number, to="ordinal")
        return words + "r" if gender == "m" else words

    def year(self, day: date) -> str:
        return self._say(day.year, to="year")

    def day(self, day: date, *, weekday: bool = True, year: bool = True) -> str:
        said = f"{self.ordinal(day.day)}n {self.month(day)}"
        if weekday:
            said = f"{self.weekday(day)}, den {said}"
        return f"{said} {self.year(day)}" if year else said

    def clock(self, at: time) -> str:
        said = f"{self.whole(at.hour, 'm')} Uhr"
        return f"{said} {self.whole(at.minute)}" if at.minute else said

    def moment(self, day: str, at: str) -> str:
        return f"{day} um {at}"
