"""The ways out of a section, by its type: what it takes from a callee, and where the call can go from there."""

from __future__ import annotations

from collections.abc import Container

from fs_app.domain.enums import SectionType
from fs_app.domain.survey import ANY, INVALID, TIMEOUT, Section

RATING_MAX = 999

KEYED = frozenset({SectionType.MULTI_CHOICE, SectionType.RATING, SectionType.CAPTURE_DIGITS})
"""Leaves by what is pressed, else ``any``; by ``invalid`` or ``timeout`` when that is in vain."""

EITHER = frozenset({SectionType.RECORD_MESSAGE, SectionType.CALL_TRANSFER, SectionType.CONFERENCE, SectionType.SMS})
"""Leaves by ``0`` when it did what it is for, by ``timeout`` when not; each stands in for the other."""

ONWARD = frozenset({SectionType.PLAY_MESSAGE, SectionType.DNC})
"""Leaves by ``0``, else ``timeout``."""


def valid_keys(section: Section) -> tuple[str, ...]:
    """The entries that the section accepts, where they can be listed: of a multi-choice or a rating."""
    if section.type is SectionType.MULTI_CHOICE:
        return tuple(sorted(section.keys))
    if section.type is SectionType.RATING:
        return tuple(str(n) for n in range(1, min(section.rating_laps, RATING_MAX) + 1))
    return ()


def accepts(section: Section, digits: str) -> bool:
    """Whether a section that asks for keys takes these.

    >>> accepts(Section(1, SectionType.CAPTURE_DIGITS, number_digits=4), "0042")
    True
    """
    if section.type is not SectionType.CAPTURE_DIGITS:
        return digits in valid_keys(section)
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > section.number_digits:
        return False
    return not section.validate_number or section.min_number <= int(digits) <= section.max_number


def may_leave_by(section: Section, keys: str) -> bool:
    """Whether a branch of these keys can ever be taken."""
    if section.type in KEYED:
        return keys in (ANY, INVALID, TIMEOUT) or accepts(section, keys)
    return keys in ("0", TIMEOUT) and section.type is not SectionType.HANGUP


def targets(section: Section, known: Container[int]) -> set[int | None]:
    """Where the call can go from here; None is the hang-up, also in place of a section that is not ``known``."""
    ways = {branch.keys: branch.goto for branch in reversed(section.branches)}
    found: set[int | None]
    if section.type is SectionType.CAPTURE_DIGITS:
        taken = {keys for keys in ways if accepts(section, keys)} | {ANY, INVALID, TIMEOUT}
        found = {ways.get(keys) for keys in taken}
    elif section.type in KEYED:
        taken = {key if key in ways else ANY for key in valid_keys(section)} | {INVALID, TIMEOUT}
        found = {ways.get(keys) for keys in taken}
    elif section.type in EITHER:
        found = {_first(section, "0", TIMEOUT), _first(section, TIMEOUT, "0")}
    else:
        found = {_first(section, "0", TIMEOUT)}
    return {target if target in known else None for target in found if target is not None} | (
        {None} if None in found else set()
    )


def in_silence(section: Section) -> int | None:
    """Where a callee who does and says nothing gets to; None is the hang-up."""
    if section.type in KEYED:
        return _first(section, TIMEOUT)
    if section.type is SectionType.RECORD_MESSAGE:
        return _first(section, TIMEOUT, "0")
    return _first(section, "0", TIMEOUT)


def _first(section: Section, *exits: str) -> int | None:
    ways = {branch.keys: branch.goto for branch in reversed(section.branches)}
    return next((ways[keys] for keys in exits if keys in ways), None)
