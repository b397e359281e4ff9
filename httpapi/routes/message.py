"""What was sent and is to be sent: short messages, mails and webhooks, with what became of each. Read-only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fs_app.store.models import Outbox, User
from httpapi import scope
from httpapi.kinds import READ_ONLY, moment, own_url, relation, shown, text
from httpapi.resource import Resource
from httpapi.schema import Schema

_READ = ("GET", "HEAD", "OPTIONS")
_INTEGER: dict[str, Any] = {"type": "integer"}
_STRING: dict[str, Any] = {"type": "string"}


class MessageSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    kind: Annotated[str, text(20), READ_ONLY]
    destination: Annotated[str, text(2000), READ_ONLY]
    status: Annotated[str, text(20), READ_ONLY]
    reason: Annotated[str, shown(_STRING), READ_ONLY]
    reference: Annotated[str, text(300), READ_ONLY]
    idempotency_key: Annotated[str, text(300), READ_ONLY]
    attempts: Annotated[int, shown(_INTEGER), READ_ONLY]
    due_at: Annotated[datetime | None, moment(), READ_ONLY]
    expires_at: Annotated[datetime, moment(), READ_ONLY]
    alarm: Annotated[int | None, relation("alarm"), READ_ONLY]
    callrequest: Annotated[int | None, relation("callrequest"), READ_ONLY]
    payload: Annotated[dict[str, Any], shown({"type": "object"}), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Messages(Resource):
    path = "message"
    model = Outbox
    schema = MessageSchema
    summary = (
        "Messages: status is pending, sent (the service took it), delivered, undelivered (a report says so), failed, "
        "or unclear (it may have been taken; its alarm repeats it with the same key); due_at is when it is tried next"
    )
    collection = _READ
    item = _READ
    filters = frozenset({"kind", "status", "destination", "alarm", "callrequest", "reference", "created_date"})
    ordering = ("id", "created_date", "updated_date", "due_at")

    def visible(self, user: User) -> Any:
        return scope.messages(user)
