"""Portuguese of both sides of the ocean: "primeiro de março", "quinze horas e trinta minutos"."""

from __future__ import annotations

import re
from datetime import date, time
from decimal import Decimal
from typing import ClassVar

from fs_app.words.language import Coins, Language

_FEMININE = ((r"\bum$", "uma"), (r"\bdois$", "duas"), (r"\bdois(?= mil\b)", "duas"), (r"(zent|cent|hent)os\b", r"\1as"))


class Portuguese(Language):
    minus = "menos"
    point = "vírgula"
    coins_join = " e "
    of_millions = "de "

    coins: ClassVar[Coins] = {
        "EUR": ("m", "euro", "euros", "cêntimo", "cêntimos"),
        "BRL": ("m", "real", "reais", "centavo", "centavos"),
        "USD": ("m", "dólar", "dólares", "centavo", "centavos"),
        "GBP": ("f", "libra", "libras", "pêni", "pence"),
        "CHF": ("m", "franco suíço", "francos suíços", "cêntimo", "cêntimos"),
    }

    def currency(self, code: str, amount: Decimal) -> str:
        return super().currency(code, amount).lower()

    def whole(self, number: int, gender: str = "") -> str:
        return self.agree(self._say(number).replace(",", ""), gender)

    def _counted(self, count: int, currency: str, *, minor: bool) -> str:
        said = super()._counted(count, currency, minor=minor)
        return said.replace("cêntimo", "centavo") if self.locale.territory == "BR" else said

    def agree(self, words: str, gender: str) -> str:
        if gender == "f" and not re.search(r"milh|bilh", words):
            for masculine, feminine in _FEMININE:
                words = re.sub(masculine, feminine, words)
        return words

    def ordinal(self, number: int, gender: str = "") -> str:
        words = self._say(number, to="ordinal")
        return re.sub(r"o\b", "a", words) if gender == "f" else words

    def day(self, day: date, *, weekday: bool = True, year: bool = True) -> str:
        said = f"{'primeiro' if day.day == 1 else self.whole(day.day)} de {self.month(day)}"
        if weekday:
            said = f"{self.weekday(day)}, {said}"
        return f"{said} de {self.year(day)}" if year else said

    def clock(self, at: time) -> str:
        hours = f"{self.whole(at.hour, 'f')} {'hora' if at.hour == 1 else 'horas'}"
        if not at.minute:
            return hours
        return f"{hours} e {self.whole(at.minute)} {'minuto' if at.minute == 1 else 'minutos'}"

    def moment(self, day: str, at: str) -> str:
        return f"{day} {'à' if at.startswith('uma ') else 'às'} {at}"
