"""Which class says things in which language."""

from __future__ import annotations

from datetime import date, time
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from fs_app.words.english import English
from fs_app.words.french import French
from fs_app.words.german import German
from fs_app.words.italian import Italian
from fs_app.words.language import Language
from fs_app.words.portuguese import Portuguese
from fs_app.words.russian import Russian
from fs_app.words.spanish import Spanish

KNOWN: dict[str, type[Language]] = {
    "en": English,
    "es": Spanish,
    "fr": French,
    "de": German,
    "it": Italian,
    "pt": Portuguese,
    "ru": Russian,
}
"""The languages with a class of their own; the others are CLDR's and num2words' as they are."""


@lru_cache(maxsize=64)
def language(tag: str) -> Language:
    """The language of ``fr``, ``fr-BE`` or ``fr_be``; of a region that CLDR lacks, the language itself; else English.

    The first use of a language reads its CLDR data from disk (a few milliseconds).
    """
    wanted = tag.strip().replace("_", "-")
    for name in (wanted, wanted.split("-")[0], "en"):
        try:
            locale = Locale.parse(name, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
        return KNOWN.get(locale.language, Language)(locale)
    raise AssertionError("CLDR has no English")


def load() -> None:
    """Read what CLDR and num2words have of the languages we know best, so that no call waits for it."""
    for tag in KNOWN:
        said = language(tag)
        said.moment(said.day(date(2000, 1, 1)), said.clock(time(10, 30)))
