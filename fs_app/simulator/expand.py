"""``${variable}`` and ``${api(arguments)}`` in application arguments.

This is the hole that ``app_disable_expand_variables=true`` closes, so it has to be here to be tested.
"""

from __future__ import annotations

from collections.abc import Callable

_DEPTH = 20


def is_true(text: str | None) -> bool:
    """What the switch takes for yes: true, yes, on, enable, enabled, active, allow, t, y, or a number but 0."""
    if not text:
        return False
    word = text.strip().lower()
    if word.lstrip("+-").isdigit():
        return int(word) != 0
    return word in {"yes", "on", "true", "t", "y", "enabled", "enable", "active", "allow"}


def expand(text: str, variable: Callable[[str], str | None], api: Callable[[str, str], str], depth: int = 0) -> str:
    """``text`` with every ``${…}`` replaced; a value is expanded in turn. ``\\$`` stands for itself.

    >>> expand("hello ${name}", {"name": "Ann"}.get, lambda name, arguments: "")
    'hello Ann'
    """
    if depth > _DEPTH or "$" not in text:
        return text
    out: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith("\\$", at):
            out.append("$")
            at += 2
            continue
        start = at + 1 if text.startswith("$${", at) else at
        if not text.startswith("${", start):
            out.append(text[at])
            at += 1
            continue
        end = _closing(text, start + 2)
        out.append(_value(text[start + 2 : end], variable, api, depth))
        at = end + 1
    return "".join(out)


def _closing(text: str, start: int) -> int:
    depth = 1
    for at in range(start, len(text)):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at
    return len(text)


def _value(inner: str, variable: Callable[[str], str | None], api: Callable[[str, str], str], depth: int) -> str:
    spots = [at for at in (inner.find(" "), inner.find("(")) if at >= 0]
    if spots:
        at = min(spots)
        arguments = inner[at + 1 :]
        if inner[at] == "(":
            arguments = arguments.rpartition(")")[0] if ")" in arguments else arguments
        return api(inner[:at].strip(), expand(arguments, variable, api, depth + 1))
    name, *slices = expand(inner, variable, api, depth + 1).split(":")
    value = expand(variable(name) or "", variable, api, depth + 1)
    if slices:
        start = _number(slices[0])
        value = value[start:] if abs(start) <= len(value) else ""
        length = _number(slices[1]) if len(slices) > 1 else 0
        if 0 < length < len(value):
            value = value[:length]
    return value


def _number(text: str) -> int:
    digits = text.strip()
    return int(digits) if digits.lstrip("-").isdigit() else 0
