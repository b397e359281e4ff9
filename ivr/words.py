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
    "ru": "Извините, такого варианта нет.",
}

_NOBODY_THERE = {
    "en": "Sorry, nobody can take your call at the moment.",
    "es": "Lo sentimos, en este momento nadie puede atenderle.",
    "fr": "Désolé, personne ne peut vous répondre pour le moment.",
    "de": "Leider ist im Moment niemand erreichbar.",
    "it": "Spiacenti, al momento nessuno può rispondere.",
    "pt": "Desculpe, neste momento ninguém pode atender.",
    "ru": "К сожалению, сейчас никто не может ответить.",
}
_ONE_MOMENT = {
    "en": "One moment please, we are connecting you.",
    "es": "Un momento, por favor, le estamos comunicando.",
    "fr": "Un instant s'il vous plaît, nous vous mettons en relation.",
    "de": "Einen Moment bitte, wir verbinden Sie.",
    "it": "Un momento, prego, la stiamo collegando.",
    "pt": "Um momento, por favor, estamos a ligar.",
    "ru": "Одну минуту, мы вас соединяем.",
}
_NEVER_AGAIN = {
    "en": "You will not be called again. Goodbye.",
    "es": "No volveremos a llamarle. Adiós.",
    "fr": "Nous ne vous appellerons plus. Au revoir.",
    "de": "Sie werden nicht mehr angerufen. Auf Wiederhören.",
    "it": "Non sarà più chiamato. Arrivederci.",
    "pt": "Não voltaremos a ligar. Adeus.",
    "ru": "Мы больше не будем вам звонить. До свидания.",
}


def invalid_choice(language: str) -> Speech:
    """What follows a wrong key where the section has no recording for it; English for languages we lack.

    >>> invalid_choice("fr-BE").text
    "Désolé, ce choix n'est pas valable."
    """
    return _said(_INVALID, language)


def nobody_there(language: str) -> Speech:
    """What a callee hears who could not be connected."""
    return _said(_NOBODY_THERE, language)


def one_moment(language: str) -> Speech:
    """What a callee hears while somebody is rung, where no section has words for that."""
    return _said(_ONE_MOMENT, language)


def never_again(language: str) -> Speech:
    """What follows an opt-out where the section has no words for it."""
    return _said(_NEVER_AGAIN, language)


def _said(sentences: dict[str, str], language: str) -> Speech:
    base = base_language(language)
    return Speech(sentences[base], language) if base in sentences else Speech(sentences["en"], "en")


_GOODBYE = {
    "en": "Sorry to have disturbed you. Goodbye.",
    "es": "Disculpe la molestia. Adiós.",
    "fr": "Excusez-nous de vous avoir dérangé. Au revoir.",
    "de": "Entschuldigen Sie die Störung. Auf Wiederhören.",
    "it": "Ci scusi per il disturbo. Arrivederci.",
    "pt": "Desculpe o incómodo. Adeus.",
    "ru": "Извините за беспокойство. До свидания.",
}


def goodbye(language: str) -> Speech:
    """For a person who answers a call that is for machines only; English for languages we lack."""
    base = base_language(language)
    return Speech(_GOODBYE[base], language) if base in _GOODBYE else Speech(_GOODBYE["en"], "en")


def base_language(tag: str) -> str:
    """``"fr"`` of ``"fr-BE"`` or ``"fr_BE"``."""
    return tag.replace("_", "-").split("-")[0].lower()
