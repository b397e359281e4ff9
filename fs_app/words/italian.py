"""Italian: "primo marzo"; "ore quindici e trenta", which is right after "alle" and without it."""

from __future__ import annotations

import re
from datetime import date, time
from typing import ClassVar

from fs_app.words.language import Coins, Language


class Italian(Language):
    minus = "meno"
    point = "virgola"
    coins_join = " e "
    of_millions = "di "
    coins: ClassVar[Coins] = {
        "EUR": ("m", "euro", "euro", "centesimo", "centesimi"),
        "USD": ("m", "dollaro", "dollari", "centesimo", "centesimi"),
        "GBP": ("f", "sterlina", "sterline", "penny", "penny"),
        "CHF": ("m", "franco svizzero", "franchi svizzeri", "centesimo", "centesimi"),
    }

    def agree(self, words: str, gender: str) -> str:
        return re.sub(r"^uno$", {"m": "un", "f": "una"}.get(gender, "uno"), words)

    def ordinal(self, number: int, gender: str = "") -> str:
        words = self._say(number, to="ordinal")
        return re.sub(r"o$", "a", words) if gender == "f" else words

    def day(self, day: date, *, weekday: bool = True, year: bool = True) -> str:
        said = f"{'primo' if day.day == 1 else self.whole(day.day)} {self.month(day)}"
        if weekday:
            said = f"{self.weekday(day)} {said}"
        return f"{said} {self.year(day)}" if year else said

    def clock(self, at: time) -> str:
        said = f"ore {self.whole(at.hour, 'f')}"
        return f"{said} e {self.whole(at.minute)}" if at.minute else said

    def moment(self, day: str, at: str) -> str:
        return f"{day} alle {at}"
