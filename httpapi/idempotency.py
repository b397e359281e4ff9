"""Creates that may be repeated: the same ``Idempotency-Key`` makes one object, and gets the same answer again.

The key is written in the transaction of what it makes, before anything else: of two requests that carry it at once, the
second waits for the first, and then finds its answer. What was refused made nothing, and frees its key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from fs_app.store.models import IdempotencyKey
from httpapi.context import Context
from httpapi.errors import ApiError, bad_fields, conflict
from httpapi.web import Response, json_response

KEPT = timedelta(days=7)
_KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)

Made = tuple[dict[str, Any], str]  # the body of the 201, and its Location


class Answer(NamedTuple):
    """``again``: it was made by an earlier request with the same key."""

    body: dict[str, Any]
    location: str
    again: bool = False


def once(ctx: Context, make: Callable[[], Made], remembered: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    """What ``make`` makes, or what it made when this key was first used. Inside a transaction.

    ``remembered`` is what may be kept of the body. Raises ApiError 400 on a bad key, 409 on one used elsewhere.
    """
    key = ctx.request.headers.get("idempotency-key")
    if key is None:
        return Answer(*make())
    if not _KEY.fullmatch(key):
        raise bad_fields({"Idempotency-Key": ["is not usable: give 1 to 200 visible ASCII characters, such as a UUID"]})
    fingerprint = _fingerprint(ctx)
    IdempotencyKey.delete().where(IdempotencyKey.created_date < ctx.now - KEPT).execute()
    taken = (
        IdempotencyKey.insert(user=ctx.user.id, key=key, fingerprint=fingerprint, created_date=ctx.now)
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
    mine = (IdempotencyKey.user == ctx.user.id) & (IdempotencyKey.key == key)
    if not taken:
        return _again(IdempotencyKey.get(mine), fingerprint)
    body, location = make()
    kept = json.dumps(remembered(body))
    IdempotencyKey.update(body=kept, location=location).where(mine).execute()
    return Answer(body, location)


def _again(found: Any, fingerprint: str) -> Answer:
    if found.fingerprint != fingerprint:
        raise conflict("this Idempotency-Key was used for another request: take a new one for each object")
    return Answer(json.loads(found.body), found.location, again=True)


def created(answer: Answer, headers: Mapping[str, str] | None = None) -> Response:
    """201 with that. Outside of the transaction: nobody's write needs to wait for JSON."""
    more = {"Location": answer.location} if answer.location else {}
    if answer.again:
        more["Idempotent-Replayed"] = "true"
    return json_response(201, answer.body, {**more, **(headers or {})})


def refuse_key(ctx: Context) -> None:
    """Raises ApiError 400 where a key would promise what is not kept."""
    if "idempotency-key" in ctx.request.headers:
        raise ApiError(400, {"Idempotency-Key": ["is for requests that make something, by POST: leave it out"]})


def _fingerprint(ctx: Context) -> str:
    request = ctx.request
    asked = f"{request.method} {request.path}?{request.query_string} {request.content_type.partition(';')[0]}\n"
    return hashlib.sha256(asked.encode("utf-8", "replace") + request.body).hexdigest()
