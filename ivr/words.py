"""The few sentences the engine says by itself, in the languages we have them in."""

from __future__ import annotations

from ivr.dialogue import Speech

_INVALID = {
    "en": "Sorry, that was not a valid choice.",
    "es": "Lo sentimos, esa opción no es válida.",
    "fr": "Désolé, ce choix n'est pas valable.",
    "de": "Entschuldigung, diese Auswahl ist nicht gültig.",
    "it": "Spiacenti, la scelta non è valida.",
    "pt": "Desculpe, essa opção não é válida.",
}


def invalid_choice(language: str) -> Speech:
    """What follows a wrong key where the section has no recording for it; English for languages we lack.

    >>> invalid_choice("fr-BE").text
    "Désolé, ce choix n'est pas valable."
    """
    base = base_language(language)
    return Speech(_INVALID[base], language) if base in _INVALID else Speech(_INVALID["en"], "en")


_GOODBYE = {
    "en": "Sorry to have disturbed you. Goodbye.",
    "es": "Disculpe la molestia. Adiós.",
    "fr": "Excusez-nous de vous avoir dérangé. Au revoir.",
    "de": "Entschuldigen Sie die Störung. Auf Wiederhören.",
    "it": "Ci scusi per il disturbo. Arrivederci.",
    "pt": "Desculpe o incómodo. Adeus.",
}


def goodbye(language: str) -> Speech:
    """For a person who answers a call that is for machines only; English for languages we lack."""
    base = base_language(language)
    return Speech(_GOODBYE[base], language) if base in _GOODBYE else Speech(_GOODBYE["en"], "en")


def base_language(tag: str) -> str:
    """``"fr"`` of ``"fr-BE"`` or ``"fr_BE"``."""
    return tag.replace("_", "-").split("-")[0].lower()
