"""Capture digits: up to ``number_digits`` of them, ``#`` ends the entry; with ``validate_number`` also a range."""

from __future__ import annotations

from fs_app.domain.survey import Section
from fs_app.domain.ways import accepts
from ivr.nodes.key_entry import KeyEntry


class CaptureDigits(KeyEntry):
    def response(self, section: Section, digits: str) -> str | None:
        return digits if accepts(section, digits) else None

    def maximum(self, section: Section) -> int:
        return section.number_digits
