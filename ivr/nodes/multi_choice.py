"""Multi-choice: the keys that have a meaning (``keys``) are valid; the meaning is the answer in reports."""

from __future__ import annotations

from fs_app.domain.survey import Section
from ivr.nodes.key_entry import KeyEntry


class MultiChoice(KeyEntry):
    def response(self, section: Section, digits: str) -> str | None:
        return section.keys.get(digits)

    def maximum(self, section: Section) -> int:
        return max((len(key) for key in section.keys), default=1)
