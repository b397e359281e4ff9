"""Bearer tokens: made with a password or a session, shown once, listed and revoked."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.store.models import ApiToken, User
from httpapi import scope
from httpapi.context import Context
from httpapi.errors import forbidden
from httpapi.kinds import READ_ONLY, clean_text, described, moment, own_url, relation, shown, text
from httpapi.resource import Change, Resource
from httpapi.schema import Schema

_WORD = re.compile(r"(read|write)(:[a-z\-]{1,40})?", re.ASCII)
_ONCE = {"type": ["string", "null"], "description": "shown once, by the request that made it"}
_PREFIX = "fsa_"  # so that a token left in a file can be told from other words


def _scope(value: str) -> str:
    from httpapi.routes import registry  # the resources that a scope may name, this one among them

    words = clean_text(value, 500, False).split()
    known = {*registry(), "live", "session"}
    for word in words:
        if not _WORD.fullmatch(word) or (":" in word and word.partition(":")[2] not in known):
            raise ValueError(f"{word[:60]!r} is no scope: give read, write, read:<resource> or write:<resource>")
    return " ".join(dict.fromkeys(words))


class TokenSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username"), READ_ONLY]
    label: Annotated[str, text(100)] = ""
    scope: Annotated[
        str, described(text(500, blank=False, check=_scope), "read, write, read:<resource>, write:<resource>; several")
    ] = "read"
    expires_date: Annotated[datetime | None, moment()] = None
    token: Annotated[str | None, shown(_ONCE), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]


class Tokens(Resource):
    path = "token"
    model = ApiToken
    schema = TokenSchema
    example = {"label": "nightly export", "scope": "read", "expires_date": "2027-01-01 00:00:00"}  # noqa: RUF012
    summary = "Bearer tokens of yours and of your calendar users; deleting one revokes it at once"
    item = ("GET", "DELETE", "HEAD", "OPTIONS")
    filters = frozenset({"label", "scope", "expires_date", "created_date"})
    ordering = ("id", "label", "created_date", "expires_date")

    def visible(self, user: User) -> Any:
        return scope.within(ApiToken.user, scope.users(user))

    def prepare(self, ctx: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"token": _PREFIX + secrets.token_urlsafe(32)}

    def check(self, ctx: Context, change: Change) -> None:
        if ctx.means == "token":
            raise forbidden("a token makes no tokens: sign in with the password")
        change.values["user"] = ctx.user.id
        expires = change.get("expires_date")
        if expires is not None and expires <= ctx.now:
            change.errors.add("expires_date", "is over already: give a time to come, or null for a token that stays")

    def columns(self, change: Change) -> dict[str, Any]:
        digest = hashlib.sha256(change.prepared["token"].encode()).hexdigest()
        return {**change.values, "digest": digest}

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        row.token = change.prepared["token"]

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        return {row.id: {"token": getattr(row, "token", None)} for row in rows}

    def remembered(self, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, "token": None}
