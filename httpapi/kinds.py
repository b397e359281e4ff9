"""Kinds of fields: how each is read from JSON, shown in JSON, and described.

A schema is a pydantic class; each of its fields names its kind in ``Annotated``, so that one declaration validates
requests, renders answers, reads filters and describes the API. The words of every error are ours: what is wrong, and
what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from enum import IntEnum
from typing import Any, get_args
from urllib.parse import urlsplit

from dateutil.parser import isoparse
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from fs_app.errors import InvalidInput

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.,]\d{1,6})?)?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII)
_YEARS = (1970, 2200)


class Marker:
    """READ_ONLY fields are shown, never accepted; WRITE_ONLY ones the other way round."""


READ_ONLY = Marker()
WRITE_ONLY = Marker()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """``parse`` takes any JSON value but null and raises ValueError or InvalidInput in plain words; ``show`` turns the
    column's value into JSON. ``relation`` is the resource referred to, shown as its ``url``, ``username`` or ``id``."""

    parse: Callable[[Any], Any]
    schema: Mapping[str, Any]
    show: Callable[[Any], Any] = field(default=lambda value: value)
    relation: str = ""
    shown_as: str = "url"
    is_moment: bool = False
    ordered: bool = False  # filters may ask for more than equality

    def __get_pydantic_core_schema__(self, source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        nullable = type(None) in get_args(source)

        def check(value: Any) -> Any:
            if value is None:
                if nullable:
                    return None
                raise ValueError("may not be null: leave it out, or give a value")
            try:
                return self.parse(value)
            except InvalidInput as exc:
                raise ValueError(exc.message) from None

        return core_schema.no_info_plain_validator_function(check)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def clean_text(value: str, maximum: int, multiline: bool) -> str:
    """``value``, when it can be stored, spoken and shown. Raises ValueError."""
    if len(value) > maximum:
        raise ValueError(f"has {len(value)} characters: at most {maximum}")
    for char in value:
        if (char < " " and not (multiline and char in "\t\n\r")) or char == "\x7f":
            raise ValueError(f"holds the control character {char!r}: remove it")
        if "\ud800" <= char <= "\udfff":
            raise ValueError("holds half of a surrogate pair: send valid UTF-8")
    return value


def text(
    maximum: int,
    *,
    blank: bool = True,
    multiline: bool = False,
    check: Callable[[str], str] | None = None,
) -> Kind:
    """Words of at most ``maximum`` characters. ``check`` sees what is not blank and may replace it."""

    def parse(value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise ValueError(f"is {_a(value)}: give a string")
        words = clean_text(value, maximum, multiline)
        if not words.strip():
            if not blank:
                raise ValueError("is blank: give at least one visible character")
            return words
        return check(words) if check else words

    return Kind(parse=parse, schema={"type": "string", "maxLength": maximum} | ({} if blank else {"minLength": 1}))


def matching(pattern: str, wanted: str) -> Callable[[str], str]:
    """A check for :func:`text`: the whole value matches ``pattern``, else the error asks for ``wanted``."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"not acceptable: give {wanted}")
        return value

    return check


def parse_integer(value: Any, minimum: int = INT_MIN, maximum: int = INT_MAX) -> int:
    """A whole number, as number or string. Raises ValueError."""
    if (isinstance(value, float) and value.is_integer() and abs(value) < 2**53) or (
        isinstance(value, str) and _INTEGER.fullmatch(value.strip())
    ):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"is {_a(value)}: give a whole number from {minimum} to {maximum}")
    if not minimum <= value <= maximum:
        raise ValueError(f"out of range: give a whole number from {minimum} to {maximum}")
    return value


def integer(minimum: int = INT_MIN, maximum: int = INT_MAX) -> Kind:
    return Kind(
        parse=lambda value: parse_integer(value, minimum, maximum),
        schema={"type": "integer", "minimum": minimum, "maximum": maximum},
        ordered=True,
    )


def choice(enum: type[IntEnum]) -> Kind:
    """One of a closed set of numbers."""
    words = ", ".join(f"{member.value} ({member.name.lower().replace('_', ' ')})" for member in enum)
    numbers = {member.value for member in enum}

    def parse(value: Any) -> int:
        try:
            number = parse_integer(value)
        except ValueError:
            raise ValueError(f"is {_a(value)}: give one of {words}") from None
        if number not in numbers:
            raise ValueError(f"{number} is not a choice: give one of {words}")
        return number

    return Kind(parse=parse, schema={"type": "integer", "enum": sorted(numbers), "description": words})


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def boolean() -> Kind:
    def parse(value: Any) -> bool:
        known = _BOOLEANS.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
        if known is None:
            raise ValueError(f"is {_a(value)}: give true or false")
        return known

    return Kind(parse=parse, schema={"type": "boolean"}, show=bool)


def parse_moment(value: Any) -> datetime:
    """Aware when ``value`` has an offset; naive when it is wall-clock time of a zone still to be found."""
    wanted = "give a time such as 2026-03-01 09:30:00 or 2026-03-01T09:30:00+01:00"
    if not isinstance(value, str):
        raise ValueError(f"is {_a(value)}: {wanted}")
    if not _MOMENT.fullmatch(value.strip()):
        raise ValueError(f"not a time: {wanted}")
    try:
        moment = isoparse(value.strip().upper())
    except ValueError:
        raise ValueError(f"no such date or time: {wanted}") from None
    if not _YEARS[0] <= moment.year < _YEARS[1]:
        raise ValueError(f"out of range: give a year from {_YEARS[0]} to {_YEARS[1] - 1}")
    return moment.astimezone(UTC) if moment.tzinfo else moment


def show_moment(moment: datetime) -> str:
    """ISO 8601 in UTC, with ``Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment() -> Kind:
    return Kind(
        parse=parse_moment,
        schema={"type": "string", "format": "date-time"},
        show=show_moment,
        is_moment=True,
        ordered=True,
    )


def wall_time() -> Kind:
    def parse(value: Any) -> time:
        wanted = "give a time of day such as 08:30:00"
        if not isinstance(value, str) or not re.fullmatch(r"\d\d:\d\d(:\d\d)?", value, re.ASCII):
            raise ValueError(f"not a time of day: {wanted}")
        try:
            return time.fromisoformat(value)
        except ValueError:
            raise ValueError(f"no such time of day: {wanted}") from None

    return Kind(
        parse=parse,
        schema={"type": "string", "format": "time", "example": "08:30:00"},
        show=lambda value: value.strftime("%H:%M:%S"),
    )


def relation(to: str, *, shown_as: str = "url", by_username: bool = False) -> Kind:
    """Another resource's row: its URL (any host), its path, or its id as number or string.

    ``by_username`` also takes what ``shown_as="username"`` shows; the value is then a string.
    """
    pattern = re.compile(rf"(?:.*/)?rest-api/{re.escape(to)}/([0-9]{{1,10}})/?", re.ASCII)
    wanted = f"give its id or its URL, …/rest-api/{to}/<id>/"

    def parse(value: Any) -> int | str:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"is {_a(value)}: {wanted}")
        if isinstance(value, int) or (value.strip().isascii() and value.strip().isdigit()):
            return _row_id(value, wanted)
        words = clean_text(value.strip(), 500, False)
        if by_username and "/" not in words and words:
            return words
        try:
            found = pattern.fullmatch(urlsplit(words).path)
        except ValueError:
            found = None
        if not found:
            raise ValueError(f"refers to no {to}: {wanted}")
        return _row_id(found.group(1), wanted)

    schema: dict[str, Any] = {"type": ["string", "integer"], "description": f"a {to}: its URL, path or id"}
    return Kind(parse=parse, schema=schema, relation=to, shown_as=shown_as)


def _row_id(value: Any, wanted: str) -> int:
    try:
        return parse_integer(value, 1)
    except ValueError:
        raise ValueError(f"no such id: {wanted}") from None


def json_object(check: Callable[[dict[str, Any]], dict[str, Any]], describe: str) -> Kind:
    """A JSON object; ``check`` raises ValueError about what it may hold."""

    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"is {_a(value)}: give {describe}")
        return check(value)

    return Kind(parse=parse, schema={"type": "object", "description": describe})


def array(check: Callable[[list[Any]], list[Any]], describe: str) -> Kind:
    """A JSON array; ``check`` raises ValueError or InvalidInput about what it may hold."""

    def parse(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError(f"is {_a(value)}: give {describe}")
        return check(value)

    return Kind(parse=parse, schema={"type": "array", "items": {"type": "string"}, "description": describe})


def shown(schema: Mapping[str, Any], show: Callable[[Any], Any] = lambda value: value) -> Kind:
    """What is only ever shown."""

    def parse(_value: Any) -> Any:
        raise ValueError("is read-only: leave it out")

    return Kind(parse=parse, schema=schema, show=show)


def own_url() -> Kind:
    return shown({"type": "string", "format": "uri"})


def described(kind: Kind, words: str) -> Kind:
    """The same kind, with a description for those who read the API's own account of itself."""
    return replace(kind, schema={**kind.schema, "description": words})


def _a(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null" if value is None else "something else")
