"""Rating question: 1 to ``rating_laps`` is valid, 0 is not. 1, 2 and 3 confirm, cancel and reschedule the alarm."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.enums import AlarmResult
from fs_app.domain.survey import Section
from ivr.nodes.key_entry import KeyEntry


class Rating(KeyEntry):
    results: Mapping[str, AlarmResult] = MappingProxyType(
        {"1": AlarmResult.CONFIRMED, "2": AlarmResult.CANCELLED, "3": AlarmResult.RESCHEDULED}
    )

    def response(self, section: Section, digits: str) -> str | None:
        # By text, not by int(): "01", "+1" and digits of other scripts are not what the callee was asked for.
        plain = digits.isascii() and digits.isdecimal() and digits[0] != "0"
        return digits if plain and len(digits) < 10 and int(digits) <= section.rating_laps else None

    def maximum(self, section: Section) -> int:
        return len(str(max(section.rating_laps, 1)))
