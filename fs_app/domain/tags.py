"""``{tags}`` in the words that are spoken, sent or mailed: filled from ``event.data`` and what is built in.

A tag is replaced once, by text: what a patient's name contains is never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TAG = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})\}")
VALUE_MAX = 500


def fill(text: str, tags: Mapping[str, str]) -> str:
    """``text`` with every known ``{tag}`` replaced; an unknown one becomes nothing (a callee must not hear braces).

    Values are flattened to one line, stripped of control characters and cut at 500 characters.

    >>> fill("Hello {name}, see you {nowhere}.", {"name": "Ann"})
    'Hello Ann, see you .'
    """
    return _TAG.sub(lambda m: clean(tags.get(m.group(1), "")), text)


def names(text: str) -> tuple[str, ...]:
    """The tags that ``text`` uses, in order, each once."""
    return tuple(dict.fromkeys(_TAG.findall(text)))


def clean(value: str) -> str:
    """One line of printable text."""
    flat = " ".join(value.split())
    return "".join(c for c in flat if c.isprintable())[:VALUE_MAX]
