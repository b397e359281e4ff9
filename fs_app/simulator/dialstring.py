"""How FreeSWITCH reads an originate line: quoting, variables, legs. Its oddities are kept on purpose.

Whatever an application lets slip into the line does here what it would do on the real switch: a space starts the next
argument, ``|`` is failover, ``,`` a second leg that really rings, ``[`` its variables.

The line is unquoted several times over, once at each level of splitting: by spaces, by ``|``, by ``,``, by ``=``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "s": " "}
_COMMA_IN_QUOTES, _COMMA = "\x01", "\x02"  # stand for commas inside [] while the legs are split


class DialError(Exception):
    """The dial string cannot be read; the switch answers DESTINATION_OUT_OF_ORDER."""


class UsageError(Exception):
    """Too few or too many arguments; the switch answers with its usage line."""


def unquote(text: str, delimiter: str = "") -> str:
    """One level of quotes and backslashes off, and the spaces around."""
    text = text.lstrip(" ")
    out: list[str] = []
    keep = 0  # length up to the last character that is not a trailing space
    quoted = False
    at = 0
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == "\\" and following and (following in "'\"\\" or following in (delimiter or "'", *_ESCAPES)):
            out.append(_ESCAPES.get(following, following) if following != delimiter else following)
            keep = len(out)
            at += 2
            continue
        if char == "'" and (quoted or "'" in text[at + 1 :]):
            quoted = not quoted
            if quoted:
                keep = len(out)
        else:
            out.append(char)
            if char != " " or quoted:
                keep = len(out)
        at += 1
    return "".join(out[:keep])


def split(text: str, delimiter: str, limit: int = 1024) -> list[str]:
    """Arguments between ``delimiter``; the last of ``limit`` takes all the rest. ``^^:`` in front changes it to ``:``.

    >>> split("a=1,b='x,y'", ",")
    ['a=1', 'b=x,y']
    """
    if text.startswith("^^") and len(text) >= 4:
        delimiter, text = text[2], text[3:]
    parts: list[str] = []
    start, at, quoted = 0, 0, False
    while at < len(text) and len(parts) + 1 < limit:
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'" and (delimiter == " " or quoted or "'" in text[at + 1 :]):
            quoted = not quoted
        elif char == delimiter and not quoted:
            parts.append(text[start:at])
            if delimiter == " ":
                while text[at + 1 : at + 2] == " ":
                    at += 1
            start = at + 1
        at += 1
    if start < len(text):
        parts.append(text[start:])
    return [unquote(part, "" if delimiter == " " else delimiter) for part in parts]


def closing(text: str, opening: str, end: str) -> int:
    """Where the bracket that ``text`` starts with is closed; -1 if it never is."""
    depth = 0
    for at, char in enumerate(text):
        if char == opening:
            depth += 1
        elif char == end:
            depth -= 1
            if depth == 0:
                return at
    return -1


def brackets(text: str, opening: str, end: str, delimiter: str = ",") -> tuple[dict[str, str], str]:
    """The variables of the bracket that ``text`` starts with, and the text behind it. Raises DialError."""
    at = closing(text, opening, end)
    if at < 0:
        raise DialError(f"{opening} is never closed")
    variables: dict[str, str] = {}
    for item in split(text[1:at], delimiter):
        pair = split(item, "=", 2)
        if len(pair) == 2:
            variables.pop(pair[0], None)  # the last of two counts, and stands last
            variables[pair[0]] = pair[1]
    return variables, text[at + 1 :]


@dataclass(frozen=True, slots=True)
class Leg:
    """``loopback``, ``1001/callees`` and the leg's own variables."""

    endpoint: str
    address: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DialString:
    """``groups`` are tried one after the other (``|``); the legs of one ring together (``,``)."""

    variables: dict[str, str]
    groups: tuple[tuple[Leg, ...], ...]


def read_dialstring(text: str) -> DialString:
    """``{a=1,b=2}sofia/gateway/x/123|[c=3]loopback/1/y``. Raises DialError."""
    text = text.lstrip(" ")
    variables: dict[str, str] = {}
    for opening, end in (("<", ">"), ("{", "}")):
        while text.startswith(opening):
            more, text = brackets(text, opening, end)
            variables = {**{k: v for k, v in variables.items() if k not in more}, **more}
    text = text.lstrip(" ")
    if not text:
        raise DialError("nothing to dial")
    groups = []
    for alternative in split(text, "|", 128):
        legs = tuple(_leg(item) for item in split(_hide_commas(alternative), ",", 128))
        groups.append(legs)
    return DialString(variables, tuple(groups))


def _hide_commas(text: str) -> str:
    """Commas inside ``[]`` belong to the variables, not between legs."""
    out = list(text)
    at = 0
    while (at := text.find("[", at)) >= 0:
        size = closing(text[at:], "[", "]")
        if size < 0:
            break
        quoted = False
        own_delimiter = text[at + 1 : at + 3] == "^^"
        for inside in range(at, at + size):
            if text[inside] == "'":
                quoted = not quoted
            if text[inside] == "," and text[inside - 1] != "\\":
                out[inside] = _COMMA_IN_QUOTES if quoted or own_delimiter else _COMMA
        at += size + 1
    return "".join(out)


def _leg(text: str) -> Leg:
    text = text.lstrip(" ")
    variables: dict[str, str] = {}
    while text.startswith("["):
        more, text = brackets(text.replace(_COMMA_IN_QUOTES, ","), "[", "]", _COMMA)
        variables.update(more)
    endpoint, _, address = text.lstrip(" ").partition("/")
    return Leg(endpoint, address, variables)


@dataclass(frozen=True, slots=True)
class OriginateLine:
    """The arguments of ``originate``; None where they were left out or ``undef``."""

    dial: str
    extension: str
    dialplan: str | None = None
    context: str | None = None
    caller_name: str | None = None
    caller_number: str | None = None
    timeout: int | None = None  # seconds of ringing


def read_originate(arguments: str) -> OriginateLine:
    """Splits the text behind ``originate``. Raises UsageError."""
    words: list[str | None] = list(split(arguments.lstrip(" "), " ", 10))
    if not 2 <= len(words) <= 7 or not words[0] or not words[1]:
        raise UsageError
    padded = [None if word is None or word.lower() == "undef" else word for word in words] + [None] * 5
    dial, extension, dialplan, context, name, number, seconds = padded[:7]
    timeout = int(seconds) if seconds and seconds.isascii() and seconds.isdigit() else None
    return OriginateLine(dial or "", extension or "", dialplan, context, name, number, timeout)


def read_application(extension: str) -> tuple[str, str] | None:
    """``&socket(host:port async)`` as name and argument; None for a dialplan extension.

    The first ``)`` ends the argument, whatever follows.
    """
    if not extension.startswith("&") or len(extension) < 2:
        return None
    name, _, argument = extension[1:].partition(")")[0].partition("(")
    return name, argument
