"""Pure: the picture of a survey. Sections stand in rows by how many keys away they are; branches are arrows between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from markupsafe import Markup, escape

from fs_app.domain.survey import Section, Survey
from httpapi.console.choices import SECTION_TYPES

WIDTH, HEIGHT, GAP_X, GAP_Y, EDGE = 210, 64, 34, 70, 12
_MAX_LABEL = 26


@dataclass(frozen=True)
class Box:
    section: Section
    x: int
    y: int


def layout(survey: Survey) -> tuple[dict[int, Box], int, int]:
    """Each section's box, and the picture's width and height."""
    if not survey.sections:
        return {}, 0, 0
    rows = _rows(survey)
    widest = max(len(row) for row in rows)
    total = widest * (WIDTH + GAP_X) - GAP_X + 2 * EDGE
    boxes: dict[int, Box] = {}
    for number, row in enumerate(rows):
        left = (total - (len(row) * (WIDTH + GAP_X) - GAP_X)) // 2
        for place, section in enumerate(row):
            boxes[section.id] = Box(section, left + place * (WIDTH + GAP_X), EDGE + number * (HEIGHT + GAP_Y))
    return boxes, total + 60, EDGE * 2 + len(rows) * (HEIGHT + GAP_Y) - GAP_Y


def _rows(survey: Survey) -> list[list[Section]]:
    known = {section.id: section for section in survey.sections}
    left = dict(known)
    front = [survey.first().id]
    rows: list[list[Section]] = []
    while front:
        row = [left.pop(i) for i in dict.fromkeys(front) if i in left]
        if row:
            rows.append(row)
        front = [b.goto for s in row for b in s.branches if b.goto is not None and b.goto in left]
    lost = sorted(left.values(), key=lambda s: (s.order, s.id))
    rows += [lost[at : at + 4] for at in range(0, len(lost), 4)]  # nothing leads to these
    return rows


def picture(survey: Survey, address: str, wrong: Collection[int] = (), here: int | None = None) -> Markup:
    """An SVG whose boxes lead to ``address/<section>/``. ``wrong`` sections have findings, ``here`` is where one
    stands."""
    boxes, width, height = layout(survey)
    if not boxes:
        return Markup("")
    first = survey.first().id
    parts = [
        Markup(
            '<svg class="flow" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="group" '
            'aria-labelledby="flow-title">'
            '<title id="flow-title">The flow of {name}: {count} sections. The list below says the same.</title>'
            '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" class="tip"/></marker></defs>'
        ).format(w=width, h=height, name=survey.name, count=len(boxes))
    ]
    for box in boxes.values():
        by_goal: dict[int, list[str]] = {}
        for branch in box.section.branches:
            if branch.goto in boxes and branch.goto is not None:
                by_goal.setdefault(branch.goto, []).append(branch.keys)
        for place, (goal, keys) in enumerate(by_goal.items()):
            parts.append(_arrow(box, boxes[goal], keys, place, len(by_goal), width))
    for box in boxes.values():
        parts.append(_box(box, address, box.section.id in wrong, box.section.id == here, box.section.id == first))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _box(box: Box, address: str, wrong: bool, here: bool, first: bool) -> Markup:
    section = box.section
    kind = SECTION_TYPES.get(section.type.value, section.type.name)
    ends = [b.keys for b in section.branches if b.goto is None]
    note = ("▶ " if first else "") + kind + (f" · ends on {','.join(ends)}" if ends else "")
    style = " ".join(name for name, on in (("wrong", wrong), ("here", here)) if on)
    return Markup(
        '<a href="{address}{id}/"><g class="box {style}"><rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8"/>'
        '<text x="{tx}" y="{ty}" class="name">{name}</text><text x="{tx}" y="{ky}">{note}</text></g></a>'
    ).format(
        address=address, id=section.id, style=style, x=box.x, y=box.y, w=WIDTH, h=HEIGHT, tx=box.x + 12,
        ty=box.y + 27, ky=box.y + 48, name=_short(section.question or f"Section {section.id}"), note=_short(note, 32),
    )  # fmt: skip


def _arrow(box: Box, goal: Box, keys: list[str], place: int, count: int, width: int) -> Markup:
    words = _short(", ".join(keys), 14)
    x1 = box.x + WIDTH * (place + 1) // (count + 1)
    if goal.y > box.y:
        x2, y1, y2 = goal.x + WIDTH // 2, box.y + HEIGHT, goal.y
        path = f"M{x1} {y1}C{x1} {y1 + 35} {x2} {y2 - 40} {x2} {y2 - 2}"
        tx, ty = x1 + (x2 - x1) // 4, y1 + 20 + 14 * (place % 2)
    elif goal is box:
        right = box.x + WIDTH
        path = f"M{right} {box.y + 18}c34 -8 34 36 2 28"
        tx, ty = right + 14, box.y + 14
    else:  # back up, or across: round the right edge
        x1, y1 = box.x + WIDTH, box.y + HEIGHT // 2
        x2, y2 = goal.x + WIDTH, goal.y + HEIGHT // 2
        out = min(max(x1, x2) + 60, width - 4)
        path = f"M{x1} {y1}C{out} {y1} {out} {y2} {x2 + 2} {y2}"
        tx, ty = min(out - 8, width - 40), (y1 + y2) // 2
    return Markup(
        '<path d="{path}" class="way" marker-end="url(#arrow)"/><text x="{x}" y="{y}" class="keys">{words}</text>'
    ).format(path=path, x=tx, y=ty, words=words)


def _short(words: str, most: int = _MAX_LABEL) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def words(survey: Survey, section: Section) -> list[tuple[str, str]]:
    """(keys, where they lead) of one section, in words."""
    known = {s.id: s.question or f"Section {s.id}" for s in survey.sections}
    return [(b.keys, "hang up" if b.goto is None else known.get(b.goto, "?")) for b in section.branches]


def diff(before: Survey, after: Survey) -> list[tuple[str, str, str, str]]:
    """(section, field, before, after) of everything that differs, sections matched by id."""
    found: list[tuple[str, str, str, str]] = []
    for name in ("name", "description", "tts_language"):
        one, other = str(getattr(before, name)), str(getattr(after, name))
        if one != other:
            found.append(("", name, one, other))
    old = {s.id: s for s in before.sections}
    new = {s.id: s for s in after.sections}
    for row in sorted(old.keys() | new.keys()):
        title = str((new.get(row) or old[row]).question or f"Section {row}")
        if row not in new or row not in old:
            found.append((title, "section", "—" if row not in old else "there", "—" if row not in new else "there"))
            continue
        for name in Section.__dataclass_fields__:
            one, other = _said(getattr(old[row], name)), _said(getattr(new[row], name))
            if one != other:
                found.append((title, name, one, other))
    return found


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{b.keys} → {'hang up' if b.goto is None else b.goto}" for b in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    return str(escape("")) if value is None else str(value)
