"""``{tags}`` in the words that are spoken, sent or mailed: filled from ``event.data`` and what is built in.

    {name}              the value as it is
    {when:date}         2026-03-03 or 2026-03-03 15:30, as a date; {when:time}, as a time of day
    {count:number}      a number; {count:number:f} and {count:number:m} before a noun of that gender
    {place:ordinal}     first, second; :m and :f as above
    {code:digits}       one digit (or letter) at a time
    {amount:money:EUR}  an amount in that currency

A tag is replaced once, by text: what a patient's name contains is never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# The one grammar: who fills a text and who lints it read the same tags.
_TAG = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})(?::([^{}:]*)(?::([^{}]*))?)?\}")
_BRACED = re.compile(r"\{[^{}]*\}|[{}]")
_PLAIN = re.compile(r"", re.ASCII)
_GENDER = re.compile(r"[mf]?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
VALUE_MAX = 500

# What a format's argument must be, and how that is said.
FORMATS: dict[str, tuple[re.Pattern[str], str]] = {
    "date": (_PLAIN, "takes nothing after it"),
    "time": (_PLAIN, "takes nothing after it"),
    "digits": (_PLAIN, "takes nothing after it"),
    "number": (_GENDER, "may be followed by :m or :f, the gender of the noun after it"),
    "ordinal": (_GENDER, "may be followed by :m or :f, the gender of its noun"),
    "money": (_CURRENCY, "needs a currency, such as money:EUR"),
}

BUILT_IN = frozenset(
    {
        "calendar_user",
        "event_at",
        "event_date",
        "event_day",
        "event_end_date",
        "event_end_time",
        "event_time",
        "event_title",
        "phone_number",
    }
)
"""Tags that every reminder fills, whatever its event's data. Data of the same name wins, but see EVENT_TIMES."""
EVENT_TIMES = frozenset(name for name in BUILT_IN if name.startswith("event_")) - {"event_title"}
"""Those that differ from one occurrence of a recurring event to the next: there, data never hides them."""


def fill(text: str, tags: Mapping[str, str]) -> str:
    """``text`` with every known ``{tag}`` replaced; an unknown one becomes nothing (a callee must not hear braces).

    ``tags`` is asked for ``name:format:argument`` first, where the tag has a format: the mappings of fs_app.words
    answer that in a language. A plain mapping knows the name only, and gives the value as it is. Values are flattened
    to one line, stripped of control characters and cut at 500 characters.

    >>> fill("Hello {name}, see you {nowhere}.", {"name": "Ann"})
    'Hello Ann, see you .'
    >>> fill("{amount:money:EUR}", {"amount": "12"})
    '12'
    """

    def value(match: re.Match[str]) -> str:
        whole = match.group()[1:-1]
        found = tags.get(whole) if match.group(2) is not None else None
        return clean(tags.get(match.group(1), "") if found is None else found)

    return _TAG.sub(value, text)


def names(text: str) -> tuple[str, ...]:
    """The tags that ``text`` uses, in order, each once, without their formats."""
    return tuple(dict.fromkeys(match.group(1) for match in _TAG.finditer(text)))


def problems(text: str) -> tuple[str, ...]:
    """What is wrong with the tags of ``text``, each as a clause that follows a section's name.

    >>> problems("{when:date} {amount:money:EUR} {name}")
    ()
    >>> problems("{when:dat}")
    ("has '{when:dat}' in its text: there is no format 'dat', use one of date, time, digits, number, ordinal, money",)
    """
    found = []
    for match in _TAG.finditer(text):
        name, argument = match.group(2), match.group(3)
        if name is None:
            continue
        where = f"has {match.group()!r} in its text"
        if name not in FORMATS:
            found.append(f"{where}: there is no format {name!r}, use one of {', '.join(FORMATS)}")
        elif argument == "" or not FORMATS[name][0].fullmatch(argument or ""):
            found.append(f"{where}: {name} {FORMATS[name][1]}")
    for braced in _BRACED.findall(_TAG.sub("", text)):
        found.append(
            f"has {braced!r} in its text: a tag is {{name}} or {{name:format}}, its name of letters, digits and _, and"
            " braces stand for nothing else"
        )
    return tuple(dict.fromkeys(found))


def parse(key: str) -> tuple[str, str, str] | None:
    """(name, format, argument) of what stands between the braces; None when it is not a tag that lint would pass.

    >>> parse("amount:money:EUR")
    ('amount', 'money', 'EUR')
    """
    match = _TAG.fullmatch("{" + key + "}")
    if match is None or problems(match.group()):
        return None
    return match.group(1), match.group(2) or "", match.group(3) or ""


def clean(value: str) -> str:
    """One line of printable text."""
    flat = " ".join(value.split())
    return "".join(c for c in flat if c.isprintable())[:VALUE_MAX]
