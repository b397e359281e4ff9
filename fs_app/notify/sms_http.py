"""Short messages over any service that takes an HTTP request: its shape is in the gateway's parameters."""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as xml_escape

from fs_app.domain.sending import Declined, Delivered, Delivery, Message, Refused, Unreached
from fs_app.errors import InvalidInput
from fs_app.notify import web
from fs_app.notify.address import parse_url, resolve
from fs_app.notify.sms_parameters import TAG, look

_TYPES = {
    "form": "application/x-www-form-urlencoded",
    "json": "application/json; charset=utf-8",
    "xml": "text/xml; charset=utf-8",
}
_REFERENCE = re.compile(r"[A-Za-z0-9_.:\-]{1,100}", re.ASCII)
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})  # of the service, not of this message


def build(parameters: Mapping[str, Any], values: Mapping[str, str]) -> tuple[str, str, dict[str, str], bytes]:
    """Pure: (method, URL, headers, body). Every value is escaped for where it stands, and looked at once.

    >>> build({"url": "http://h/s?t={text}", "method": "GET"}, {"text": "a&b {to}", "to": "1"})[1]
    'http://h/s?t=a%26b%20%7Bto%7D'
    """
    url = TAG.sub(lambda m: quote(values.get(m[1], ""), safe=""), parameters["url"])
    method = str(parameters.get("method", "POST"))
    kind = str(parameters.get("body_type", "form"))
    escapes: dict[str, Callable[[str], str]] = {"form": quote_plus, "json": _json_escape, "xml": _xml_escape}
    headers = {
        name.removeprefix("header."): TAG.sub(lambda m: quote(values.get(m[1], ""), safe=":"), str(value))
        for name, value in parameters.items()
        if name.startswith("header.")
    }
    if parameters.get("username"):
        pair = f"{parameters['username']}:{parameters.get('password', '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    headers.setdefault("Idempotency-Key", values.get("key", ""))
    if method == "GET" or kind == "none":
        return method, url, headers, b""
    headers["Content-Type"] = _TYPES[kind]
    body = TAG.sub(lambda m: escapes[kind](values.get(m[1], "")), str(parameters.get("body", "")))
    return method, url, headers, body.encode()


def judge(parameters: Mapping[str, Any], answer: web.WebAnswer) -> Delivery:
    """Pure: what the service's answer means."""
    text = answer.body.decode("utf-8", "replace")
    said = " ".join(text.split())[:120]
    good = {int(s) for s in str(parameters.get("success_status", "200,201,202,204")).split(",")}
    bad = {int(s) for s in str(parameters["refused_status"]).split(",")} if "refused_status" in parameters else None
    refused_text = parameters.get("refused_text")
    if refused_text and refused_text in text:
        return Refused(f"refused: {answer.status} {said}")
    if answer.status in good:
        if parameters.get("success_text") and parameters["success_text"] not in text:
            return Declined(f"not taken: {answer.status} {said}")
        return Delivered(_reference(parameters, text))
    if answer.status in _BUSY and not (bad and answer.status in bad):
        return Unreached(f"the service is not available: {answer.status} {said}")
    permanent = answer.status in bad if bad is not None else answer.status in (400, 404, 410, 413, 422)
    reason = f"refused: {answer.status} {said}"
    return Refused(reason) if permanent else Declined(reason)


class HttpSms:
    """The address is the operator's own, and may be in a private network; see docs/messages.md."""

    def __init__(self, context: ssl.SSLContext | None = None, total_seconds: float = web.TOTAL_SECONDS) -> None:
        self._context = context
        self._total = total_seconds

    def send(self, message: Message, values: Mapping[str, str], parameters: Mapping[str, Any]) -> Delivery:
        """One request. Blocks; never raises for what the service does."""
        try:
            method, url, headers, body = build(parameters, values)
            target = parse_url(url)
        except (InvalidInput, KeyError, ValueError) as exc:
            return Refused(f"the gateway's parameters do not make a request: {exc}")
        try:
            address = resolve(target.host, target.port)[0]
            answer = web.request(
                target, address, method, headers, body, context=self._context, total_seconds=self._total
            )
        except (OSError, UnicodeError, IndexError, http.client.HTTPException) as exc:
            return Unreached(f"the service did not answer: {str(exc) or type(exc).__name__}")
        return judge(parameters, answer)


def _reference(parameters: Mapping[str, Any], text: str) -> str:
    if "id_path" in parameters:
        try:
            found = _REFERENCE.match(look(json.loads(text), str(parameters["id_path"])))
        except (ValueError, RecursionError):
            return ""
    elif "id_after" in parameters:
        found = _REFERENCE.match(text.partition(str(parameters["id_after"]))[2].lstrip(" "))
    else:
        return ""
    return found.group() if found else ""


def _json_escape(value: str) -> str:
    return json.dumps(value)[1:-1]


def _xml_escape(value: str) -> str:
    printable = "".join(c for c in value if c.isprintable() or c in "\n\t")
    return xml_escape(printable, {'"': "&quot;", "'": "&apos;"})
