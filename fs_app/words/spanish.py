"""Spanish: the first is "primero"; twelve hours where the country counts so, else twenty-four."""

from __future__ import annotations

import re
from datetime import date, time
from typing import ClassVar

from babel import Locale

from fs_app.words.language import Coins, Language

_DOLLARS = ("m", "dólar", "dólares", "centavo", "centavos")
_PESOS = ("m", "peso", "pesos", "centavo", "centavos")
# Until the next million: "doscientas mil personas", but "doscientos millones de personas".
_FEMININE = ((r"\buno\b", "una"), (r"veintiuno\b", "veintiuna"), (r"(cient|quinient)os\b(?!.*mill)", r"\1as"))
# Where CLDR writes h:mm a: https://unicode.org/cldr, supplemental timeData.
_TWELVE_HOURS = frozenset(["US", "MX", "419", "CO", "PE", "VE", "GT", "HN", "NI", "PA", "PR", "DO", "SV", "PY"])
# Where CLDR writes a decimal point.
_POINT = frozenset(["US", "MX", "419", "GT", "HN", "NI", "PA", "PR", "DO", "SV", "PE", "CU"])


class Spanish(Language):
    minus = "menos"
    coins_join = " con "
    of_millions = "de "
    coins: ClassVar[Coins] = {
        "EUR": ("m", "euro", "euros", "céntimo", "céntimos"),
        "USD": _DOLLARS,
        "MXN": _PESOS,
        "ARS": _PESOS,
        "COP": _PESOS,
        "CLP": _PESOS,
        "GBP": ("f", "libra", "libras", "penique", "peniques"),
        "CHF": ("m", "franco suizo", "francos suizos", "céntimo", "céntimos"),
    }

    def __init__(self, locale: Locale) -> None:
        super().__init__(locale)
        self.point = "punto" if locale.territory in _POINT else "coma"

    def agree(self, words: str, gender: str) -> str:
        if gender == "m":
            return re.sub(r"veintiuno\b", "veintiún", re.sub(r"\buno$", "un", words))
        if gender == "f":
            for masculine, feminine in _FEMININE:
                words = re.sub(masculine, feminine, words)
        return words

    def ordinal(self, number: int, gender: str = "") -> str:
        words = self._say(number, to="ordinal")
        if gender == "m":
            return re.sub(r"(primer|tercer)o$", r"\1", words)
        return re.sub(r"o\b", "a", words) if gender == "f" else words

    def day(self, day: date, *, weekday: bool = True, year: bool = True) -> str:
        number = "primero" if day.day == 1 else self.whole(day.day)
        said = f"{number} de {self.month(day)}"
        if weekday:
            said = f"{self.weekday(day)} {said}"
        return f"{said} de {self.year(day)}" if year else said

    def clock(self, at: time) -> str:
        if self.locale.territory in _TWELVE_HOURS:
            part = "de la mañana" if at.hour < 12 else "de la tarde" if at.hour < 20 else "de la noche"
            minutes = f" y {self.whole(at.minute)}" if at.minute else ""
            return f"{self.whole(at.hour % 12 or 12, 'f')}{minutes} {part}"
        hours = f"{self.whole(at.hour, 'f')} {'hora' if at.hour == 1 else 'horas'}"
        if not at.minute:
            return hours
        return f"{hours} y {self.whole(at.minute, 'm')} {'minuto' if at.minute == 1 else 'minutos'}"

    def moment(self, day: str, at: str) -> str:
        return f"{day} a {'la' if at.startswith('una ') else 'las'} {at}"
