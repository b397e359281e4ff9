"""What is wrong with a survey before anybody is called with it. Sealing refuses one that has errors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from fs_app.domain import lint_types, lint_words
from fs_app.domain.enums import SectionType
from fs_app.domain.survey import ANY, TIMEOUT, Section, Survey
from fs_app.domain.ways import KEYED, ONWARD, accepts, in_silence, may_leave_by, targets, valid_keys

_Node = TypeVar("_Node")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to correct. ``section_id`` is None when it concerns the whole survey; ``code`` is for programs."""

    section_id: int | None
    severity: Literal["error", "warning"]
    code: str
    message: str


def lint(survey: Survey, data_names: Collection[str] | None = None) -> tuple[Finding, ...]:
    """All findings, by section in the order of the call; none when the survey is fine.

    ``data_names`` are the names in the data of the events it is meant for: a tag that is not among them and not built
    in is a warning. None when nobody knows.

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
    languages = lint_words.languages_of(known.values())
    for section in known.values():
        findings += _said(section, lint_words.words(section, languages, data_names))
        findings += _settings(section)
        findings += _branches(section, known)
    findings += _paths(survey.first(), known)
    place = {section_id: n for n, section_id in enumerate(known)}
    return tuple(sorted(findings, key=lambda f: -1 if f.section_id is None else place[f.section_id]))


# -- one section


def _settings(section: Section) -> Iterator[Finding]:
    yield from _said(section, lint_types.settings(section))
    for digits in sorted(section.results or ()):
        if not (section.type in KEYED and accepts(section, digits)):
            takes = _choice(valid_keys(section)) or ": it asks for no key"
            yield _error(section, "result-without-key", f"has a result for {digits!r}, which it never accepts{takes}")


def _branches(section: Section, known: dict[int, Section]) -> Iterator[Finding]:
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
        if not may_leave_by(section, branch.keys):
            yield _error(
                section, "impossible-branch", f"has a branch for {branch.keys!r}, never taken{_exits(section)}"
            )
    keys = valid_keys(section)
    open_keys = [key for key in keys if key not in seen]
    if section.type in KEYED and section.branches and ANY not in seen:
        if section.type is SectionType.CAPTURE_DIGITS:
            yield _warning(
                section, "open-key", "has no branch for any, so the call ends after most numbers: add a branch for any"
            )
        elif open_keys:
            yield _warning(
                section,
                "open-key",
                f"has no branch for {_listed(open_keys)}, so the call ends there: add one, or a branch for any",
            )
    if ANY in seen and keys and not open_keys:
        yield _warning(section, "dead-branch", "has a branch for any, but each of its keys has its own: remove it")
    if section.type in ONWARD and {"0", TIMEOUT} <= seen:
        yield _warning(section, "dead-branch", "has a branch for timeout, but always leaves by 0: remove one of them")


# -- the ways through


def _paths(first: Section, known: dict[int, Section]) -> Iterator[Finding]:
    leads_to = {s.id: targets(s, known) for s in known.values()}
    reached = _closure([first.id], {k: {t for t in v if t is not None} for k, v in leads_to.items()})
    back: dict[int | None, set[int | None]] = {}
    for source, aims in leads_to.items():
        for target in aims:
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
    at: Section | None = first
    for _ in known:
        if at is not None and at.type is SectionType.DNC:
            yield _warning(
                at,
                "silent-opt-out",
                "is reached by who presses nothing, a voicemail too, and is then never called again: let a key lead to"
                " it",
            )
            return
        at = None if at is None else known.get(in_silence(at) or 0)


def _rounds_in_silence(section: Section, known: dict[int, Section]) -> bool:
    """Whether a callee who never presses a key comes back to ``section``."""
    at: Section | None = section
    for _ in known:
        if at is None:
            return False
        goto = in_silence(at)
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


def _said(section: Section, found: Iterable[tuple[Literal["error", "warning"], str, str]]) -> Iterator[Finding]:
    for severity, code, what in found:
        yield Finding(section.id, severity, code, f"{_label(section)} {what}.")


def _error(section: Section, code: str, what: str) -> Finding:
    return Finding(section.id, "error", code, f"{_label(section)} {what}.")


def _warning(section: Section, code: str, what: str) -> Finding:
    return Finding(section.id, "warning", code, f"{_label(section)} {what}.")


def _listed(keys: Iterable[str]) -> str:
    shown = list(keys)
    return ", ".join(shown[:10]) + (" …" if len(shown) > 10 else "")


def _choice(keys: Iterable[str]) -> str:
    shown = _listed(keys)
    return f": it has {shown}" if shown else ""


def _exits(section: Section) -> str:
    if section.type in KEYED:
        return (_choice(valid_keys(section)) or ": it has the numbers it takes") + ", any, invalid or timeout"
    return ": it ends the call" if section.type is SectionType.HANGUP else ": it leaves by 0 or timeout"
