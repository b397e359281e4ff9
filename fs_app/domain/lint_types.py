"""What lint says of one section by its type: settings that no callee could satisfy, or that leave it without a use.

Each finding is (severity, code, clause); the clause goes on from the section's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from fs_app.domain.enums import SectionType
from fs_app.domain.phone import is_sip_uri, normalise_number
from fs_app.domain.survey import Section
from fs_app.domain.survey_limits import NUMBERS, check_conference, check_confirm_key
from fs_app.domain.ways import KEYED, RATING_MAX, accepts
from fs_app.errors import InvalidInput

Severity = Literal["error", "warning"]
Found = Iterator[tuple[Severity, str, str]]
RETRIES_MAX, TIMEOUT_MAX = 20, 60


def settings(section: Section) -> Found:
    """What is wrong with the settings that the section's type uses."""
    if section.type in KEYED | {SectionType.RECORD_MESSAGE} and not 0 <= section.retries <= RETRIES_MAX:
        yield "error", "bad-retries", f"has {section.retries} retries: give 0 to {RETRIES_MAX}"
    if section.type in KEYED and not 1 <= section.timeout <= TIMEOUT_MAX:
        yield "error", "bad-timeout", f"waits {section.timeout} s for a key: give 1 to {TIMEOUT_MAX}"
    own = _OWN.get(section.type)
    if own is not None:
        yield from own(section)


def _multi_choice(section: Section) -> Found:
    if not section.keys:
        yield "error", "no-keys", "is a multi-choice without answers: give at least one of key_0 to key_9"
    for key in sorted(section.keys):
        if not (len(key) == 1 and key in "0123456789"):
            yield "error", "bad-key", f"has an answer on key {key!r}: a key is one digit, 0 to 9"


def _rating(section: Section) -> Found:
    if not 1 <= section.rating_laps <= RATING_MAX:
        last = section.rating_laps
        yield "error", "bad-rating", f"rates from 1 to {last}, so no key is right: give 1 to {RATING_MAX}"


def _capture(section: Section) -> Found:
    least, most = NUMBERS["number_digits"]
    if not least <= section.number_digits <= most:
        yield "error", "bad-length", f"takes {section.number_digits} digits: give {least} to {most}"
    elif section.validate_number:
        if not accepts(section, str(max(section.min_number, 0))):
            yield (
                "error",
                "bad-range",
                f"takes numbers from {section.min_number} to {section.max_number} in {section.number_digits} digits,"
                " so none is right: give a range that can be entered",
            )
        elif len(str(section.max_number)) > section.number_digits:
            yield (
                "warning",
                "short-length",
                f"takes numbers up to {section.max_number}, but only {section.number_digits} digits: give more"
                " number_digits, or a smaller max_number",
            )


def _record(section: Section) -> Found:
    for name, what in (("record_seconds", "records for"), ("record_silence", "ends after a silence of")):
        least, most = NUMBERS[name]
        if not least <= getattr(section, name) <= most:
            yield "error", "bad-recording", f"{what} {getattr(section, name)} s: give {least} to {most} as {name}"


def _transfer(section: Section) -> Found:
    if not section.phonenumber.strip():
        yield (
            "warning",
            "no-number",
            "has no number of its own: it reaches nobody unless the event's data has a transfer_phonenumber",
        )
    elif not is_sip_uri(section.phonenumber):
        try:
            normalise_number(section.phonenumber)
        except InvalidInput as exc:
            yield "error", "bad-number", f"transfers to {section.phonenumber[:40]!r}: {exc.message}"
    if section.confirm_key:
        try:
            check_confirm_key(section.confirm_key)
        except ValueError:
            yield "error", "bad-key", f"has the confirm_key {section.confirm_key[:10]!r}: give one of 0 to 9, * and #"
        if not section.confirm_script.strip():
            yield (
                "warning",
                "no-confirm-words",
                f"waits for {section.confirm_key} from whoever answers and does not say so: give it a confirm_script",
            )
    elif section.confirm_script.strip():
        yield "error", "no-confirm-key", "has a confirm_script but no confirm_key: give both, or none"


def _conference(section: Section) -> Found:
    if not section.conference:
        yield "error", "no-conference", "names no room: give it a conference"
        return
    try:
        check_conference(section.conference)
    except ValueError as exc:
        yield "error", "bad-conference", f"has the room {section.conference[:40]!r}: {exc}"


def _sms(section: Section) -> Found:
    if not section.sms_text.strip():
        yield "error", "no-sms-text", "has no message to send: give it an sms_text"


_OWN: Mapping[SectionType, Callable[[Section], Found]] = {
    SectionType.MULTI_CHOICE: _multi_choice,
    SectionType.RATING: _rating,
    SectionType.CAPTURE_DIGITS: _capture,
    SectionType.RECORD_MESSAGE: _record,
    SectionType.CALL_TRANSFER: _transfer,
    SectionType.CONFERENCE: _conference,
    SectionType.SMS: _sms,
}
