"""Passwords: Argon2id hashes, made and checked.

Both functions take some tens of milliseconds and 64 MiB on purpose: call them in a native thread, never in the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fs_app.errors import InvalidInput

PASSWORD_MIN = 4
PASSWORD_MAX = 256
_HASHER = PasswordHasher()


def check_password(password: str, field: str = "password") -> str:
    """``password`` itself when it may be used as one. Raises InvalidInput naming ``field``."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise InvalidInput(field, f"has {len(password)} characters: give {PASSWORD_MIN} to {PASSWORD_MAX}")
    if not password.isprintable():
        raise InvalidInput(field, "holds a control character: use letters, digits and punctuation")
    return password


def check_strength(password: str, about: Sequence[str], least: int, field: str = "password") -> None:
    """Raises InvalidInput with advice when zxcvbn's score (0 to 4) of ``password`` is below ``least``; 0 is off.

    ``about`` are words about its owner, which make it easier to guess. Takes milliseconds: in a native thread.
    """
    if not least:
        return
    from zxcvbn import zxcvbn  # its word lists take megabytes that most installations do without

    judged = zxcvbn(password[:72], user_inputs=[word for word in about if word])
    if judged["score"] < least:
        advice = [judged["feedback"]["warning"], *judged["feedback"]["suggestions"]]
        raise InvalidInput(field, "is too easy to guess: " + (" ".join(filter(None, advice)) or "make it longer"))


def hash_password(password: str) -> str:
    """An Argon2id hash in its own notation (``$argon2id$v=19$…``), with a fresh salt. Raises InvalidInput."""
    return _HASHER.hash(check_password(password))


def verify_password(stored: str, password: str) -> bool:
    """Whether ``password`` is the one ``stored`` was made from. A ``stored`` that is no Argon2 hash matches nothing."""
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def verify_nobody(password: str) -> bool:
    """Always False, after the same work as :func:`verify_password`: a clock cannot tell which user names exist."""
    verify_password(_nobody(), password)
    return False


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody signs in with this")
