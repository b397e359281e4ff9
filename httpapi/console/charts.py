"""Pure: bar charts as SVG. Each stands beside a table of the same numbers, so it hides from screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_ROW, _LEFT, _BAR, _RIGHT = 28, 190, 320, 70


@dataclass(frozen=True)
class Chart:
    """``rows`` are (label, number). ``name`` is the chart's part of an address; ``head`` names the rows."""

    name: str
    title: str
    head: str
    rows: tuple[tuple[str, int], ...]
    note: str = ""

    @property
    def total(self) -> int:
        return sum(number for _, number in self.rows)

    def share(self, number: int) -> str:
        return f"{100 * number / self.total:.0f} %" if self.total else ""


def bars(rows: Sequence[tuple[str, int]]) -> Markup:
    """Horizontal bars, the longest as wide as there is room."""
    most = max((number for _, number in rows), default=0) or 1
    height = _ROW * len(rows) + 4
    parts = [
        Markup('<svg class="chart" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-hidden="true">').format(
            w=_LEFT + _BAR + _RIGHT, h=height
        )
    ]
    for place, (label, number) in enumerate(rows):
        y = place * _ROW + 4
        long = round(_BAR * number / most)
        words = label if len(label) <= 26 else label[:25] + "…"
        parts.append(
            Markup(
                '<text x="{tx}" y="{ty}" class="label">{label}</text>'
                '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="2"/><text x="{nx}" y="{ty}">{number}</text>'
            ).format(
                tx=_LEFT - 8,
                ty=y + 16,
                label=words,
                x=_LEFT,
                y=y,
                w=max(long, 1),
                h=_ROW - 8,
                nx=_LEFT + long + 6,
                number=number,
            )
        )
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)
