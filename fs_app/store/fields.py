"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from typing import Any

from peewee import CharField, DateTimeField, TextField


class UtcDateTimeField(DateTimeField):
    """An aware moment. Kept as UTC without an offset, so that both databases order and compare it alike."""

    def db_value(self, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise TypeError(f"{self.name}: a moment must be an aware datetime, not {value!r}")
        return (value if value.tzinfo is UTC else value.astimezone(UTC)).replace(tzinfo=None)

    def python_value(self, value: Any) -> Any:
        if isinstance(value, str):  # SQLite's
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                return None
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None


class WallTimeField(CharField):
    """A time of day without a zone, ``HH:MM:SS``."""

    def db_value(self, value: Any) -> Any:
        return value.strftime("%H:%M:%S") if isinstance(value, time) else value

    def python_value(self, value: Any) -> Any:
        return time.fromisoformat(value) if isinstance(value, str) else value


# What is no JSON number was once let in (1e999), and cannot be sent to anybody: it is read as null.
_read = json.JSONDecoder(parse_constant=lambda _name: None).decode


class JsonField(TextField):
    """JSON as text; NULL is Python's None."""

    def db_value(self, value: Any) -> Any:
        return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)

    def python_value(self, value: Any) -> Any:
        return None if value is None else _read(value)
