"""The field ``retry_delays`` of alarms and settings: seconds by outcome."""

from __future__ import annotations

from typing import Any

from fs_app.domain.alarms import RETRY_DELAYS
from httpapi.kinds import parse_integer

MONTH = 31 * 86_400
RETRY_DELAYS_WORDS = f"an object of seconds by outcome ({', '.join(RETRY_DELAYS)})"


def check_retry_delays(value: dict[str, Any]) -> dict[str, Any]:
    """The delays as whole seconds. Raises ValueError."""
    for name in value:
        if name not in RETRY_DELAYS:
            raise ValueError(f"{name[:40]!r} is not retried after: there are {', '.join(RETRY_DELAYS)}")
    return {name: parse_integer(seconds, 0, MONTH) for name, seconds in value.items()}
