"""What is wrong with a survey before anybody is called with it. Sealing refuses one that has errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from fs_app.domain import tags
from fs_app.domain.enums import SectionType
from fs_app.domain.survey import ANY, INVALID, TIMEOUT, Section, Survey

# The section types the engine can run. Kept equal to its registry by a test.
SUPPORTED = frozenset({SectionType.PLAY_MESSAGE, SectionType.MULTI_CHOICE, SectionType.RATING, SectionType.HANGUP})
RATING_MAX, RETRIES_MAX, TIMEOUT_MAX = 999, 20, 60

_Node = TypeVar("_Node")
_KEYED = frozenset({SectionType.MULTI_CHOICE, SectionType.RATING})
_SPEAKING = _KEYED | {SectionType.PLAY_MESSAGE}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to correct. ``section_id`` is None when it concerns the whole survey; ``code`` is for programs."""

    section_id: int | None
    severity: Literal["error", "warning"]
    code: str
    message: str


def lint(survey: Survey) -> tuple[Finding, ...]:
    """All findings, by section in the order of the call; none when the survey is fine.

    >>> lint(Survey("empty", ()))[0].code
    'no-sections'
    """
    if not survey.sections:
        return (Finding(None, "error", "no-sections", "The survey has no sections: add at least one."),)
    findings: list[Finding] = []
    known: dict[int, Section] = {}
    for section in sorted(survey.sections, key=lambda s: (s.order, s.id)):
        if section.id in known:
            findings.append(_error(section, "duplicate-id", "shares its id with another: give each section its own"))
            continue
        known[section.id] = section
    for section in known.values():
        findings += _words(section)
        findings += _settings(section)
        findings += _branches(section, known)
    findings += _paths(survey.first(), known)
    place = {section_id: n for n, section_id in enumerate(known)}
    return tuple(sorted(findings, key=lambda f: -1 if f.section_id is None else place[f.section_id]))


def valid_keys(section: Section) -> tuple[str, ...]:
    """The entries that the section accepts; empty for a type that asks for none."""
    if section.type is SectionType.MULTI_CHOICE:
        return tuple(sorted(section.keys))
    if section.type is SectionType.RATING:
        return tuple(str(n) for n in range(1, min(section.rating_laps, RATING_MAX) + 1))
    return ()


# -- one section


def _words(section: Section) -> Iterator[Finding]:
    if section.type in _SPEAKING and section.audio is None and not section.script.strip():
        yield _error(section, "no-words", "has nothing to say: give it a script or an audio file")
    for text in (section.script, section.confirm_script, section.sms_text):
        for problem in tags.problems(text):
            yield _error(section, "bad-tag", problem)


def _settings(section: Section) -> Iterator[Finding]:
    if section.type not in SUPPORTED:
        names = ", ".join(f"{t.value} {t.name.lower().replace('_', ' ')}" for t in sorted(SUPPORTED))
        yield _error(
            section,
            "unsupported-type",
            f"is of type {section.type.value} {section.type.name.lower().replace('_', ' ')}, which this release cannot"
            f" run: use one of {names}",
        )
    if section.type in _KEYED:
        if not 0 <= section.retries <= RETRIES_MAX:
            yield _error(section, "bad-retries", f"has {section.retries} retries: give 0 to {RETRIES_MAX}")
        if not 1 <= section.timeout <= TIMEOUT_MAX:
            yield _error(section, "bad-timeout", f"waits {section.timeout} s for a key: give 1 to {TIMEOUT_MAX}")
    if section.type is SectionType.MULTI_CHOICE:
        if not section.keys:
            yield _error(section, "no-keys", "is a multi-choice without answers: give at least one of key_0 to key_9")
        for key in sorted(section.keys):
            if not _is_digit(key):
                yield _error(section, "bad-key", f"has an answer on key {key!r}: a key is one digit, 0 to 9")
    if section.type is SectionType.RATING and not 1 <= section.rating_laps <= RATING_MAX:
        yield _error(
            section, "bad-rating", f"rates from 1 to {section.rating_laps}, so no key is right: give 1 to {RATING_MAX}"
        )
    keys = valid_keys(section)
    for digits in sorted(section.results or ()):
        if digits not in keys and section.type in SUPPORTED:
            yield _error(
                section, "result-without-key", f"has a result for {digits!r}, which it never accepts{_choice(keys)}"
            )


def _branches(section: Section, known: dict[int, Section]) -> Iterator[Finding]:
    keys = valid_keys(section)
    possible = (*keys, ANY, INVALID, TIMEOUT) if section.type in _KEYED else _PLAIN_EXITS.get(section.type)
    seen: set[str] = set()
    for branch in section.branches:
        if branch.keys in seen:
            yield _error(section, "duplicate-branch", f"has two branches for {branch.keys!r}: keep one")
        seen.add(branch.keys)
        if branch.goto is not None and branch.goto not in known:
            yield _error(
                section,
                "missing-section",
                f"goes to section {branch.goto} by {branch.keys!r}, which does not exist: name another, or none to"
                " hang up",
            )
        if possible is not None and branch.keys not in possible:
            right = _choice(keys, more="any, invalid or timeout") if keys else _plain_choice(possible)
            yield _error(section, "impossible-branch", f"has a branch for {branch.keys!r}, never taken{right}")
    if section.type in _KEYED and section.branches and ANY not in seen:
        open_keys = [key for key in keys if key not in seen]
        if open_keys:
            yield _warning(
                section,
                "open-key",
                f"has no branch for {_listed(open_keys)}, so the call ends there: add one, or a branch for any",
            )


_PLAIN_EXITS: dict[SectionType, tuple[str, ...]] = {
    SectionType.PLAY_MESSAGE: ("0", TIMEOUT),
    SectionType.HANGUP: (),
}


# -- the ways through


def _paths(first: Section, known: dict[int, Section]) -> Iterator[Finding]:
    leads_to = {s.id: _targets(s, known) for s in known.values()}
    reached = _closure([first.id], {k: {t for t in v if t is not None} for k, v in leads_to.items()})
    back: dict[int | None, set[int | None]] = {}
    for source, targets in leads_to.items():
        for target in targets:
            back.setdefault(target, set()).add(source)
    ending = _closure([None], back)
    for section in known.values():
        if section.id not in reached:
            yield _error(section, "unreachable", "is never reached: lead a branch to it, or remove it")
        elif section.id not in ending:
            yield _error(
                section, "no-way-out", "is in a loop that no key and no time-out leaves: add a branch that ends it"
            )
        elif _rounds_in_silence(section, known):
            yield _warning(
                section,
                "silent-loop",
                "comes round again and again when nobody presses a key (a voicemail never does): let timeout lead out",
            )


def _targets(section: Section, known: dict[int, Section]) -> set[int | None]:
    """Where the call can go from here; None is the hang-up."""
    ways = {branch.keys: branch.goto for branch in reversed(section.branches)}
    targets: set[int | None]
    if section.type in _KEYED:
        taken = {key if key in ways else ANY for key in valid_keys(section)} | {INVALID, TIMEOUT}
        targets = {ways.get(key) for key in taken}
    elif section.type in _PLAIN_EXITS:
        targets = {_plain_target(section)}
    else:
        targets = {None, *ways.values()}
    # A branch to nowhere has its own finding; here it ends the call, so that it causes no second one.
    return {target if target in known else None for target in targets}


def _plain_target(section: Section) -> int | None:
    ways = {branch.keys: branch.goto for branch in reversed(section.branches)}
    for key in _PLAIN_EXITS[section.type]:
        if key in ways:
            return ways[key]
    return None


def _rounds_in_silence(section: Section, known: dict[int, Section]) -> bool:
    """Whether a callee who never presses a key comes back to ``section``."""
    at: Section | None = section
    for _ in known:
        if at is None or at.type not in SUPPORTED:
            return False
        if at.type in _KEYED:
            goto = next((b.goto for b in at.branches if b.keys == TIMEOUT), None)
        else:
            goto = _plain_target(at)
        if goto == section.id:
            return True
        at = known.get(goto) if goto is not None else None
    return False


def _closure(start: Iterable[_Node], edges: Mapping[_Node, set[_Node]]) -> set[_Node]:
    found: set[_Node] = set()
    todo = list(start)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += edges.get(node, ())
    return found


# -- how it is said


def _label(section: Section) -> str:
    return f"Section {section.id} ({section.question})" if section.question else f"Section {section.id}"


def _error(section: Section, code: str, what: str) -> Finding:
    return Finding(section.id, "error", code, f"{_label(section)} {what}.")


def _warning(section: Section, code: str, what: str) -> Finding:
    return Finding(section.id, "warning", code, f"{_label(section)} {what}.")


def _is_digit(key: str) -> bool:
    return len(key) == 1 and key in "0123456789"


def _listed(keys: Iterable[str]) -> str:
    shown = list(keys)
    return ", ".join(shown[:10]) + (" …" if len(shown) > 10 else "")


def _choice(keys: Iterable[str], more: str = "") -> str:
    shown = _listed(keys)
    if not shown:
        return ": it asks for no key"
    return f": it has {shown}" + (f", {more}" if more else "")


def _plain_choice(possible: Iterable[str]) -> str:
    shown = " or ".join(possible)
    return f": it leaves by {shown}" if shown else ": it ends the call"
