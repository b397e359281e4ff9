"""What a reply means, and what a delivery report means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.replies import Meaning, Report, meaning, report


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("1", "en", Meaning.CONFIRM),
        (" YES. ", "en", Meaning.CONFIRM),
        ("yes please", "en", Meaning.CONFIRM),
        ("1 yes, thank you!", "en", Meaning.CONFIRM),
        ("Oui", "fr", Meaning.CONFIRM),
        ("D’accord, merci", "fr", Meaning.CONFIRM),
        ("Sí", "es", Meaning.CONFIRM),
        ("Ja bitte", "de", Meaning.CONFIRM),
        ("Bestätigt", "de-AT", Meaning.CONFIRM),
        ("Да", "ru", Meaning.CONFIRM),
        ("yes", "fr", Meaning.CONFIRM),
        ("2", "fr", Meaning.CANCEL),
        ("no", "en", Meaning.CANCEL),
        ("Não", "pt", Meaning.CANCEL),
        ("Cancel", "de", Meaning.CANCEL),
        ("3", "", Meaning.RESCHEDULE),
        ("verschieben", "de", Meaning.RESCHEDULE),
        ("STOP", "xx", Meaning.STOP),
        ("Stop.", "fr", Meaning.STOP),
        ("стоп", "ru", Meaning.STOP),
        ("unsubscribe", "en", Meaning.STOP),
        ("START", "en", Meaning.START),
        ("No problem, I will come", "en", Meaning.UNCLEAR),
        ("yes or no?", "en", Meaning.UNCLEAR),
        ("I'll stop by at five", "en", Meaning.UNCLEAR),
        ("12", "en", Meaning.UNCLEAR),
        ("oui", "en", Meaning.UNCLEAR),
        ("", "en", Meaning.UNCLEAR),
        ("👍", "en", Meaning.UNCLEAR),
    ],
)
def test_what_people_answer(text: str, language: str, wanted: Meaning) -> None:
    assert meaning(text, language) is wanted


def test_a_gateways_own_words_come_first() -> None:
    own = {Meaning.CONFIRM: "5, komme gerne", Meaning.CANCEL: "OK"}
    assert meaning("Komme  GERNE!", "de", own) is Meaning.CONFIRM
    assert meaning("5", "de", own) is Meaning.CONFIRM
    assert meaning("ok", "de", own) is Meaning.CANCEL
    assert meaning("ja", "de", own) is Meaning.CONFIRM


@given(st.text(), st.text(max_size=5))
def test_any_text_means_something(text: str, language: str) -> None:
    assert meaning(text, language) in Meaning


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("1", Report.DELIVERED),
        ("DELIVRD", Report.DELIVERED),
        ("delivered", Report.DELIVERED),
        ("2", Report.UNDELIVERED),
        ("16", Report.UNDELIVERED),
        ("undelivered", Report.UNDELIVERED),
        ("EXPIRED", Report.UNDELIVERED),
        ("8", Report.UNDECIDED),
        ("queued", Report.UNDECIDED),
        ("", Report.UNDECIDED),
    ],
)
def test_states(state: str, wanted: Report) -> None:
    assert report(state) is wanted


def test_a_gateways_own_states_come_first() -> None:
    assert report("004", delivered="004,005") is Report.DELIVERED
    assert report("1", undelivered="1") is Report.UNDELIVERED
