"""Who is told what happens in calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Observer(Protocol):
    """Told what happens, for the demo's story and later the console. Must not block."""

    def __call__(self, what: str, call_uuid: str, details: Mapping[str, object]) -> None: ...


def unobserved(what: str, call_uuid: str, details: Mapping[str, object]) -> None:
    """The observer of those who need none."""
