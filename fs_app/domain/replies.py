"""Pure: what somebody means by answering a short message, and what a service means by a delivery report."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

from fs_app.domain.enums import AlarmResult


class Meaning(StrEnum):
    """Of a reply."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    STOP = "stop"  # no more messages or calls to this number
    START = "start"  # takes a STOP back
    UNCLEAR = "unclear"


RESULTS: Mapping[Meaning, AlarmResult] = {
    Meaning.CONFIRM: AlarmResult.CONFIRMED,
    Meaning.CANCEL: AlarmResult.CANCELLED,
    Meaning.RESCHEDULE: AlarmResult.RESCHEDULED,
}


class Report(StrEnum):
    """What a delivery report makes of a message; UNDECIDED is any other word (queued, buffered, sent)."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNDECIDED = ""


# In every language. The digits are those of a rating section; the words are those networks ask senders to honour,
# all but CANCEL, which to a patient is about the appointment.
_EVERYWHERE = {
    Meaning.CONFIRM: "1 ok okay",
    Meaning.CANCEL: "2",
    Meaning.RESCHEDULE: "3",
    Meaning.STOP: "stop stopall unsubscribe optout opt-out quit end",
    Meaning.START: "start unstop",
}
_WORDS: Mapping[str, Mapping[Meaning, str]] = {
    "en": {
        Meaning.CONFIRM: "yes y yep yeah confirm confirmed",
        Meaning.CANCEL: "no n nope cancel cancelled canceled",
        Meaning.RESCHEDULE: "reschedule move change later",
    },
    "fr": {
        Meaning.CONFIRM: "oui o confirme confirmer d'accord",
        Meaning.CANCEL: "non annuler annule",
        Meaning.RESCHEDULE: "reporter deplacer changer",
        Meaning.STOP: "arret arreter",
    },
    "es": {
        Meaning.CONFIRM: "si s confirmo confirmar vale",
        Meaning.CANCEL: "no cancelar cancelo anular",
        Meaning.RESCHEDULE: "cambiar aplazar reprogramar",
        Meaning.STOP: "baja alto",
    },
    "de": {
        Meaning.CONFIRM: "ja j bestatigen bestatigt bestaetigen bestaetigt",
        Meaning.CANCEL: "nein absagen abgesagt stornieren",
        Meaning.RESCHEDULE: "verschieben andern aendern",
        Meaning.STOP: "stopp abmelden",
    },
    "it": {
        Meaning.CONFIRM: "si s confermo confermare",
        Meaning.CANCEL: "no annullo annullare disdire",
        Meaning.RESCHEDULE: "spostare rinviare cambiare",
        Meaning.STOP: "ferma disiscrivi",
    },
    "pt": {
        Meaning.CONFIRM: "sim s confirmo confirmar",
        Meaning.CANCEL: "nao cancelar cancelo",
        Meaning.RESCHEDULE: "remarcar adiar mudar",
        Meaning.STOP: "parar sair",
    },
    "nl": {
        Meaning.CONFIRM: "ja bevestig bevestigen",
        Meaning.CANCEL: "nee annuleren afzeggen",
        Meaning.RESCHEDULE: "verzetten verplaatsen",
        Meaning.STOP: "afmelden",
    },
    "ru": {
        Meaning.CONFIRM: "да подтверждаю подтвердить",
        Meaning.CANCEL: "нет отмена отменить",
        Meaning.RESCHEDULE: "перенести",
        Meaning.STOP: "стоп",
    },
}
# Courtesies that change nothing.
_COURTESY = frozenset(
    {"please", "thanks", "thank", "you", "thx", "merci", "svp", "gracias", "por", "favor", "danke", "bitte"}
    | {"grazie", "obrigado", "obrigada", "bedankt", "спасибо"}
)
_DELIVERED = frozenset({"1", "delivered", "delivrd", "read", "seen", "received"})
_UNDELIVERED = frozenset(
    {"2", "16", "undelivered", "undeliv", "undeliverable", "failed", "failure", "rejected", "rejectd", "expired"}
    | {"deleted", "error", "blocked"}
)
TEXT_MAX = 1600


def meaning(text: str, language: str = "en", own: Mapping[Meaning, str] | None = None) -> Meaning:
    """What ``text`` means in ``language`` or in English; ``own`` are a gateway's words, separated by commas, which
    count before all others.

    The whole message has to say it: of "No problem, I will come" nothing is made.

    >>> [meaning(t, "fr").value for t in ("OUI merci!", "2", "Stop.", "non, je viens")]
    ['confirm', 'cancel', 'stop', 'unclear']
    """
    plain = _plain(text[:TEXT_MAX])
    for found, words in (own or {}).items():
        if plain in {_plain(word) for word in words.split(",")}:
            return found
    said = {_one(word, language) for word in plain.split() if word not in _COURTESY}
    return said.pop() if len(said) == 1 else Meaning.UNCLEAR


def report(state: str, delivered: str = "", undelivered: str = "") -> Report:
    """What a service's word for a state means; the gateway's own words, separated by commas, count first.

    >>> [report(s).name for s in ("DELIVRD", "16", "queued")]
    ['DELIVERED', 'UNDELIVERED', 'UNDECIDED']
    """
    word = state.strip().casefold()
    if word in {w.strip().casefold() for w in delivered.split(",") if w.strip()}:
        return Report.DELIVERED
    if word in {w.strip().casefold() for w in undelivered.split(",") if w.strip()}:
        return Report.UNDELIVERED
    if word in _DELIVERED:
        return Report.DELIVERED
    return Report.UNDELIVERED if word in _UNDELIVERED else Report.UNDECIDED


def _one(word: str, language: str) -> Meaning:
    for words in (_WORDS.get(language[:2].lower(), {}), _EVERYWHERE, _WORDS["en"]):
        for found, known in words.items():
            if word in known.split():
                return found
    return Meaning.UNCLEAR


def _plain(text: str) -> str:
    """Small letters and digits without accents, one space between words."""
    spread = unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'"))
    kept = "".join(c for c in spread if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w'\-]+", " ", kept).strip(" '-").split())
