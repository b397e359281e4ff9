"""How schemathesis sends what is no JSON object: as it is."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson", "text/csv", "text/calendar")  # type: ignore[untyped-decorator]
def as_text(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
