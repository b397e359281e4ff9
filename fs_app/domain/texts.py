"""What text from outside may hold, whatever it is for."""

from __future__ import annotations


def clean_text(value: str, maximum: int, multiline: bool) -> str:
    """``value``, when it can be stored, spoken and shown. Raises ValueError.

    ``maximum`` is in characters; ``multiline`` allows tabs and line breaks, the only control characters there are.
    """
    if len(value) > maximum:
        raise ValueError(f"has {len(value)} characters: at most {maximum}")
    for char in value:
        if (char < " " and not (multiline and char in "\t\n\r")) or char == "\x7f":
            raise ValueError(f"holds the control character {char!r}: remove it")
        if "\ud800" <= char <= "\udfff":
            raise ValueError("holds half of a surrogate pair: send valid UTF-8")
    return value
