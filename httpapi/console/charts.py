"""Pure: charts as SVG. Each stands beside a table of the same numbers, so it hides from screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_ROW, _LEFT, _BAR, _RIGHT = 28, 170, 250, 60
_COLUMN, _HIGH, _FOOT = 20, 130, 22


@dataclass(frozen=True)
class Chart:
    """``rows`` are (label, a number for each of ``series``). ``name`` is the chart's part of an address; ``head``
    names the rows. ``upright`` is for many rows with short labels, such as hours."""

    name: str
    title: str
    head: str
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    note: str = ""
    series: tuple[str, ...] = ("number",)
    upright: bool = False

    @property
    def total(self) -> int:
        return sum(sum(numbers) for _, numbers in self.rows)

    def share(self, numbers: Sequence[int]) -> str:
        """Of one row, in all numbers of the chart."""
        return f"{100 * sum(numbers) / self.total:.0f} %" if self.total else ""

    def number(self, label: str) -> int:
        """The sum of the row of that label; 0 when there is none."""
        return next((sum(numbers) for words, numbers in self.rows if words == label), 0)


def picture(chart: Chart) -> Markup:
    return columns(chart.rows) if chart.upright else bars(chart.rows)


def bars(rows: Sequence[tuple[str, Sequence[int]]]) -> Markup:
    """Horizontal bars, the longest as wide as there is room; the series of a row stand one behind the other."""
    most = max((sum(numbers) for _, numbers in rows), default=0) or 1
    parts = [_svg(_LEFT + _BAR + _RIGHT, _ROW * len(rows) + 4)]
    for place, (label, numbers) in enumerate(rows):
        y, x = place * _ROW + 4, float(_LEFT)
        words = label if len(label) <= 24 else label[:23] + "…"
        parts.append(_words(_LEFT - 8, y + 15, words, "label"))
        for which, number in enumerate(numbers):
            wide = _BAR * number / most
            parts.append(_rect(x, y, max(wide, 1.0) if number else 0, _ROW - 8, which))
            x += wide
        parts.append(_words(round(x) + 6, y + 15, f"{sum(numbers)}", ""))
    return Markup("").join([*parts, Markup("</svg>")])


def columns(rows: Sequence[tuple[str, Sequence[int]]]) -> Markup:
    """Upright columns, side by side."""
    most = max((sum(numbers) for _, numbers in rows), default=0) or 1
    parts = [_svg(max(len(rows) * _COLUMN, 200), _HIGH + _FOOT)]
    for place, (label, numbers) in enumerate(rows):
        x, y = place * _COLUMN, float(_HIGH)
        for which, number in enumerate(numbers):
            high = (_HIGH - 8) * number / most
            y -= high
            parts.append(_rect(x + 2, y, _COLUMN - 4, max(high, 1.0) if number else 0, which))
        if place % 2 == 0:
            parts.append(_words(x + _COLUMN // 2, _HIGH + 15, label, "under"))
    return Markup("").join([*parts, Markup("</svg>")])


def _svg(width: int, height: int) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-hidden="true">').format(
        w=width, h=height
    )


def _rect(x: float, y: float, width: float, height: float, series: int) -> Markup:
    if not (width and height):
        return Markup("")
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2" class="s{}"/>').format(
        x, y, width, height, series
    )


def _words(x: int, y: int, words: str, style: str) -> Markup:
    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(x, y, style, words)
