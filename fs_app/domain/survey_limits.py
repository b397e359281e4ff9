"""What the fields of a survey may hold: one list for whatever lets a survey in, over REST or from a file.

Each check returns the value as it is to be stored and raises ValueError (or InvalidInput) in plain words. Whether the
parts make sense together is lint's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fs_app.domain.enums import AlarmResult
from fs_app.domain.phone import is_sip_uri, normalise_number
from fs_app.domain.texts import clean_text

INT_MAX = 2**31 - 1
SECTIONS_MAX, BRANCHES_MAX, LANGUAGES_MAX, RESULTS_MAX = 2000, 1000, 20, 100

# Whole numbers: least and most. Times in seconds.
NUMBERS: Mapping[str, tuple[int, int]] = {
    "order": (0, 10_000),
    "retries": (0, 20),
    "timeout": (1, 60),
    "rating_laps": (1, 999),
    "number_digits": (1, 20),
    "min_number": (0, INT_MAX),
    "max_number": (0, INT_MAX),
    "record_seconds": (1, 600),
    "record_silence": (0, 60),
}
# Texts: most characters, and whether they may have several lines.
TEXTS: Mapping[str, tuple[int, bool]] = {
    "name": (90, False),
    "description": (2000, True),
    "tts_language": (20, False),
    "question": (500, False),
    "script": (5000, True),
    "phonenumber": (330, False),
    "confirm_script": (5000, True),
    "confirm_key": (1, False),
    "conference": (50, False),
    "sms_text": (1600, True),
}
KEY_WORDS = 100  # characters of a multi-choice answer
BRANCH_KEYS = 20


def _matching(pattern: str, wanted: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"not acceptable: give {wanted}")
        return value

    return check


def check_target(value: str) -> str:
    """Whom a section transfers to: a telephone number, or a SIP URI (which only an administrator may write)."""
    return value.strip() if is_sip_uri(value.strip()) else normalise_number(value)


check_language = _matching(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", "a language such as en or pt-BR")
check_confirm_key = _matching(r"[0-9*#]", "one key")
check_conference = _matching(r"[A-Za-z0-9_\-]+", "letters, digits, _ and -")
_branch_keys = _matching(r"[0-9]{1,20}|any|invalid|timeout", "digits, any, invalid or timeout")

CHECKS: Mapping[str, Callable[[str], str]] = {
    "tts_language": check_language,
    "phonenumber": check_target,
    "confirm_key": check_confirm_key,
    "conference": check_conference,
}
"""Rules of the texts that are more than text; an empty one always passes."""


def check_branch_keys(value: str) -> str:
    return _branch_keys(clean_text(value, BRANCH_KEYS, False).strip().lower())


def check_results(value: Mapping[str, Any]) -> dict[str, int]:
    """Digits and what they make of the alarm, 0 to 3."""
    if len(value) > RESULTS_MAX:
        raise ValueError(f"has {len(value)} entries: at most {RESULTS_MAX}")
    numbers = {str(member.value): member.value for member in AlarmResult}
    found = {}
    for digits, result in value.items():
        if not (digits.isascii() and digits.isdigit() and len(digits) <= BRANCH_KEYS):
            raise ValueError(f"{digits[:30]!r} is no digit entry: use digits as names")
        number = numbers.get(str(result).strip()) if isinstance(result, int | str) else None
        if number is None or isinstance(result, bool):
            raise ValueError("a result is 0 (none), 1 (confirmed), 2 (cancelled) or 3 (rescheduled)")
        found[digits] = number
    return found


def check_languages(tags: list[str]) -> list[str]:
    """The tags of a section's translations, as they are kept: ``pt-br`` for ``pt_BR``, each once."""
    if len(tags) > LANGUAGES_MAX:
        raise ValueError(f"has {len(tags)} languages: at most {LANGUAGES_MAX}")
    found = []
    for tag in tags:
        try:
            clean_text(tag, TEXTS["tts_language"][0], False)
            found.append(check_language(tag).replace("_", "-").lower())
        except ValueError as exc:
            raise ValueError(f"{tag[:30]!r}: {exc}") from None
    if len(set(found)) != len(found):
        raise ValueError("names a language twice")
    return found


def check_text(name: str, value: str) -> str:
    """A text field of a section or survey, by its name."""
    maximum, multiline = TEXTS[name]
    words = clean_text(value, maximum, multiline)
    if not words.strip() or name not in CHECKS:
        return words
    return CHECKS[name](words)
