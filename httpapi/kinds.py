"""Kinds of fields: how each is read from JSON, shown in JSON, and described.

A schema is a pydantic class; each of its fields names its kind in ``Annotated``, so that one declaration validates
requests, renders answers, reads filters and describes the API. The words of every error are ours: what is wrong, and
what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from enum import IntEnum
from typing import Any, get_args
from urllib.parse import urlsplit

from dateutil.parser import isoparse
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from fs_app.domain.phone import normalise_number
from fs_app.errors import InvalidInput

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.,]\d{1,6})?)?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII)
_YEARS = (1970, 2200)
_MOMENTS = (
    r"^(19[7-9][0-9]|20[0-9]{2}|21[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?$"
)


class Marker:
    """READ_ONLY fields are shown, never accepted; WRITE_ONLY ones the other way round."""


READ_ONLY = Marker()
WRITE_ONLY = Marker()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """``parse`` takes any JSON value but null and raises ValueError or InvalidInput in plain words; ``show`` turns the
    column's value into JSON. ``schema`` describes what is shown, ``accepts`` what is taken where that is more, or less.
    ``relation`` is the resource referred to, shown as its ``url``, ``username`` or ``id``."""

    parse: Callable[[Any], Any]
    schema: Mapping[str, Any]
    accepts: Mapping[str, Any] | None = None
    example: Any = None
    show: Callable[[Any], Any] | None = None  # None: as it is
    relation: str = ""
    shown_as: str = "url"
    is_moment: bool = False
    ordered: bool = False  # filters may ask for more than equality

    def __get_pydantic_core_schema__(self, source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        nullable = type(None) in get_args(source)

        def check(value: Any) -> Any:
            # Integrations of the predecessor send "" for a relation that is not there, as forms do.
            if value is None or (value == "" and self.relation and nullable):
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
    digits: bool = False,
) -> Kind:
    """Words of at most ``maximum`` characters. ``check`` sees what is not blank and may replace it. ``digits`` are
    often only digits, and then also taken as a number."""
    digits = digits or check is normalise_number

    def parse(value: Any) -> str:
        if digits and isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 10**15:
            value = str(value)
        if not isinstance(value, str):
            raise ValueError(f"is {_a(value)}: give a string")
        words = clean_text(value, maximum, multiline)
        if not words.strip():
            if not blank:
                raise ValueError("is blank: give at least one visible character")
            return words
        return check(words) if check else words

    pattern = _NUMBERS if check is normalise_number else getattr(check, "pattern", _LINES if multiline else _LINE)
    described = {"type": "string", "maxLength": maximum}
    words = {**described, "pattern": rf"^(?:{pattern})$"}
    if blank and pattern not in (_LINE, _LINES):
        words["pattern"] = rf"^(?: *|{pattern})$"
    elif not blank:
        words["minLength"] = 1
        if pattern in (_LINE, _LINES):
            words["pattern"] = rf"^(?:{pattern}[^\s\u0000-\u001f\u007f]{pattern})$"
    alternatives = [words, {"type": "integer", "minimum": 100, "maximum": 10**15}]
    schema = described | ({} if blank else {"minLength": 1})
    accepts: dict[str, Any] = {"anyOf": alternatives} if digits else words
    example = "+15550100" if check is normalise_number else "text"
    return Kind(parse=parse, schema=schema, accepts=accepts, example=example)


# What texts may consist of, as a schema says it.
_LINE = "[^\\u0000-\\u001f\\u007f]*"
_LINES = "[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*"
_NUMBERS = r"\+?[0-9]{3,15}"


def matching(pattern: str, wanted: str) -> Callable[[str], str]:
    """A check for :func:`text`: the whole value matches ``pattern``, else the error asks for ``wanted``."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"not acceptable: give {wanted}")
        return value

    check.pattern = pattern.replace(r"\w", "A-Za-z0-9_")  # type: ignore[attr-defined]  # for the description
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
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    lengths = [n for n in range(1, 19) if minimum <= 10 ** (n - 1) and 10**n - 1 <= maximum]
    accepts: dict[str, Any] = schema
    if lengths:  # as a string: numbers of so many digits are all in the range
        digits = f"[1-9][0-9]{{{lengths[0] - 1},{lengths[-1] - 1}}}"
        accepts = {"anyOf": [schema, {"type": "string", "pattern": f"^{digits}$"}]}
    return Kind(
        parse=lambda value: parse_integer(value, minimum, maximum),
        schema=schema,
        accepts=accepts,
        example=max(minimum, min(60, maximum)),
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

    shown_as = {"type": "integer", "enum": sorted(numbers), "description": words}
    accepts = {"enum": [*sorted(numbers), *map(str, sorted(numbers))], "description": words}
    return Kind(parse=parse, schema=shown_as, accepts=accepts, example=max(numbers))


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def boolean() -> Kind:
    def parse(value: Any) -> bool:
        known = _BOOLEANS.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
        if known is None:
            raise ValueError(f"is {_a(value)}: give true or false")
        return known

    accepts = {"enum": [True, False, "true", "false", 1, 0, "1", "0"]}
    return Kind(parse=parse, schema={"type": "boolean"}, accepts=accepts, example=True, show=bool)


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
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()[:-6] + "Z"


def moment() -> Kind:
    return Kind(
        parse=parse_moment,
        schema={"type": "string", "format": "date-time"},
        accepts={"type": "string", "pattern": _MOMENTS},
        example="2026-09-01 09:00:00",
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
        schema={"type": "string", "pattern": r"^[0-2][0-9]:[0-5][0-9]:[0-5][0-9]$"},
        accepts={"type": "string", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"},
        example="08:30:00",
        show=lambda value: value.isoformat("seconds"),
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

    schemas: dict[str, dict[str, Any]] = {
        "url": {"type": "string", "format": "uri"},
        "username": {"type": "string"},
        "id": {"type": "integer", "minimum": 1},
    }
    number = {"type": "integer", "minimum": 1, "maximum": INT_MAX}
    address = {"type": "string", "pattern": rf"^(https?://[a-z0-9.:]{{1,60}})?/rest-api/{to}/[1-9][0-9]{{0,8}}/$"}
    others = [address, {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}]
    if by_username:
        others.append({"type": "string", "pattern": "^[A-Za-z0-9_.@+-]{1,150}$"})
    return Kind(
        parse=parse,
        schema=schemas[shown_as],
        accepts={"anyOf": [number, *others], "description": f"{article(to)}: its URL, path or id"},
        example=f"/rest-api/{to}/1/",
        relation=to,
        shown_as=shown_as,
    )


def article(noun: str) -> str:
    """``noun`` with its indefinite article."""
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"  # "user" has none of the sound


def _row_id(value: Any, wanted: str) -> int:
    try:
        return parse_integer(value, 1)
    except ValueError:
        raise ValueError(f"no such id: {wanted}") from None


def json_object(
    check: Callable[[dict[str, Any]], dict[str, Any]],
    describe: str,
    *,
    accepts: Mapping[str, Any] | None = None,
    example: Mapping[str, Any] | None = None,
) -> Kind:
    """A JSON object; ``check`` raises ValueError about what it may hold, ``accepts`` says as much as a schema can."""

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


def shown(schema: Mapping[str, Any], show: Callable[[Any], Any] | None = None) -> Kind:
    """What is only ever shown."""

    def parse(_value: Any) -> Any:
        raise ValueError("is read-only: leave it out")

    return Kind(parse=parse, schema=schema, show=show)


def own_url() -> Kind:
    return shown({"type": "string", "format": "uri"})


def described(kind: Kind, words: str) -> Kind:
    """The same kind, with a description for those who read the API's own account of itself."""
    accepts = None if kind.accepts is None else {**kind.accepts, "description": words}
    return replace(kind, schema={**kind.schema, "description": words}, accepts=accepts)


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
