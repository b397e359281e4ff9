"""What each driver of an SMS gateway takes, and the check of it. Pure; docs/messages.md is the list for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fs_app.errors import InvalidInput
from fs_app.notify.address import parse_url

DRIVERS = ("file", "http", "smpp")
BODY_TYPES = ("form", "json", "xml", "none")
METHODS = ("POST", "GET", "PUT")
TAGS = ("to", "from", "text", "key")
TAG = re.compile(r"\{(" + "|".join(TAGS) + r")\}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9\-]{0,60}", re.ASCII)
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type"})
_SECRET_HEADERS = frozenset({"header.authorization", "header.proxy-authorization", "header.cookie"})
_SECRET_WORDS = re.compile(r"(?i)^header\..*(token|secret|key|password)")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:\-]{0,252}", re.ASCII)

Check = Callable[[Any], object]


def _text(least: int, most: int) -> Check:
    def check(value: Any) -> object:
        if not isinstance(value, str) or not least <= len(value) <= most or "\0" in value:
            raise ValueError(f"must be a text of {least} to {most} characters")
        return value

    return check


def _whole(least: int, most: int) -> Check:
    def check(value: Any) -> object:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return check


def _one_of(*words: str) -> Check:
    def check(value: Any) -> object:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return check


def _matching(pattern: re.Pattern[str], wanted: str) -> Check:
    def check(value: Any) -> object:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"must be {wanted}")
        return value

    return check


def _bool(value: Any) -> object:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _url(value: Any) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a web address")
    head = re.match(r"https?://[^/?#]*", value)
    if head is None or TAG.search(head.group()):
        raise ValueError("must begin with https:// or http:// and a host without tags")
    try:
        parse_url(TAG.sub("x", value))
    except InvalidInput as exc:
        raise ValueError(exc.message) from None
    return value


def _statuses(value: Any) -> object:
    return _matching(
        re.compile(r"[2-5][0-9]{2}(,[2-5][0-9]{2})*"), "status codes separated by commas, such as 200,202"
    )(str(value))


_PATH = _matching(
    re.compile(r"[A-Za-z0-9_\-]{1,64}(\.[A-Za-z0-9_\-]{1,64}){0,9}"), "a field, or a path such as messages.0.id"
)
_NUMBERING = _whole(0, 6)
# How replies and delivery reports come in, with any driver; see httpapi/hooks.py.
_REPLIES: dict[str, Check] = {
    "reply_secret": _matching(re.compile(r"[A-Za-z0-9_\-]{16,100}"), "16 to 100 letters, digits, - and _"),
    "reply_from": _PATH,
    "reply_text": _PATH,
    "reply_id": _PATH,
    "reply_confirm": _text(1, 500),
    "reply_cancel": _text(1, 500),
    "reply_reschedule": _text(1, 500),
    "reply_stop": _text(1, 500),
    "report_key": _PATH,
    "report_id": _PATH,
    "report_state": _PATH,
    "report_delivered": _text(1, 500),
    "report_undelivered": _text(1, 500),
}
_COMMON: dict[str, Check] = {"sender": _matching(re.compile(r"[A-Za-z0-9+ .\-]{1,20}"), "a number or a short name")}
_KNOWN: dict[str, dict[str, Check]] = {
    "file": {},
    "http": {
        "url": _url,
        "method": _one_of(*METHODS),
        "body": _text(0, 2000),
        "body_type": _one_of(*BODY_TYPES),
        "username": _text(0, 200),
        "password": _text(0, 200),
        "success_status": _statuses,
        "success_text": _text(1, 200),
        "refused_status": _statuses,
        "refused_text": _text(1, 200),
        "id_path": _PATH,
        "id_after": _text(1, 100),
    },
    "smpp": {
        "host": _matching(_HOST, "a host name or address"),
        "port": _whole(1, 65_535),
        "system_id": _text(0, 15),
        "password": _text(0, 8),
        "system_type": _text(0, 12),
        "tls": _bool,
        "source_ton": _NUMBERING,
        "source_npi": _whole(0, 18),
        "dest_ton": _NUMBERING,
        "dest_npi": _whole(0, 18),
    },
}
_REQUIRED = {"file": (), "http": ("url",), "smpp": ("host", "port", "system_id")}


def check_parameters(driver: str, parameters: Mapping[str, Any], field: str = "parameters") -> dict[str, Any]:
    """The parameters of a gateway. Raises InvalidInput naming ``field`` or ``driver``."""
    if driver not in DRIVERS:
        raise InvalidInput("driver", f"must be one of {', '.join(DRIVERS)}")
    known = {**_COMMON, **_REPLIES, **_KNOWN[driver]}
    for name, value in parameters.items():
        if driver == "http" and name.startswith("header."):
            _check_header(name, value, field)
            continue
        if name not in known:
            shown = ", ".join([*known, *(["header.NAME"] if driver == "http" else [])])
            raise InvalidInput(field, f"{name[:60]!r} is not known to the driver {driver}: it takes {shown}")
        try:
            known[name](value)
        except ValueError as exc:
            raise InvalidInput(field, f"{name} {exc}") from None
    missing = [name for name in _REQUIRED[driver] if name not in parameters]
    if missing:
        raise InvalidInput(field, f"the driver {driver} needs {', '.join(missing)}")
    return dict(parameters)


def look(value: Any, path: str) -> str:
    """What stands at ``path`` in JSON: names and positions between dots. Empty where nothing or no plain value does.

    >>> look({"messages": [{"id": 7}]}, "messages.0.id")
    '7'
    """
    for step in path.split("."):
        if isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return ""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def is_secret(name: str) -> bool:
    """Whether a parameter of that name is a credential, not to be shown again."""
    return name == "password" or name.lower() in _SECRET_HEADERS or bool(_SECRET_WORDS.search(name))


def _check_header(name: str, value: Any, field: str) -> None:
    header = name.removeprefix("header.")
    if not _HEADER.fullmatch(header) or header.lower() in _OURS:
        raise InvalidInput(field, f"{name[:60]!r} is not a header that may be set")
    if not isinstance(value, str) or len(value) > 2000 or not value.isascii() or not value.isprintable():
        raise InvalidInput(field, f"{name} must be one line of ASCII")
    if re.search(r"\{(to|from|text)\}", value):
        raise InvalidInput(field, f"{name} may hold the tag {{key}} only")
