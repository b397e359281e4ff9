"""The addresses that are no resources."""

from __future__ import annotations

from typing import Any

from httpapi.context import BASE
from httpapi.openapi_words import JSON, OBJECT, errors, operation, query_parameter
from httpapi.web import EVENT_STREAM

_SIGN_IN = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "minLength": 1, "maxLength": 150, "pattern": "^[!-~]+$"},
        "password": {"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[!-~]+$"},
    },
    "required": ["username", "password"],
    "additionalProperties": False,
    "example": {"username": "manager", "password": "secret"},
}


def special_paths() -> dict[str, Any]:
    read = errors(400, 401, 403, 404, 405, 429, 503)
    about = operation("session", "session.read", "Who is signed in, and what the role may do", {200: OBJECT}, read)
    sign_in = operation(
        "session",
        "session.create",
        "Sign in with a browser",
        {201: OBJECT},
        errors(400, 401, 403, 405, 413, 415, 429, 503),
        body={"required": True, "content": {JSON: {"schema": _SIGN_IN}}},
    )
    sign_in["security"] = []
    sign_out = operation("session", "session.delete", "Sign out", {204: None}, errors(401, 403, 405, 429, 503))
    kinds = {"type": "string", "pattern": "^(call|key|result)(,(call|key|result)){0,2}$"}
    live = operation(
        "live",
        "live",
        "Calls, keys and results as they happen: server-sent events",
        {200: {"type": "string"}},
        read,
        parameters=[
            query_parameter("kinds", kinds),
            query_parameter("calendar", {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}),
        ],
        media=EVENT_STREAM,
    )
    return {
        BASE: {"get": operation("index", "index", "Links to what you may use", {200: OBJECT}, read)},
        f"{BASE}session/": {"get": about, "post": sign_in, "delete": sign_out},
        f"{BASE}live/": {"get": live},
    }
