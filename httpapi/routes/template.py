"""Words for mails and short messages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.phone import normalise_number
from fs_app.store.models import MailTemplate, SmsTemplate, User
from httpapi import scope
from httpapi.kinds import READ_ONLY, matching, moment, own_url, relation, text
from httpapi.resource import MANAGERS, Resource
from httpapi.schema import Schema

_EMAIL = matching(r"[^@\s]{1,64}@[^@\s]{1,190}", "an address such as desk@example.org")


class MailTemplateSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    label: Annotated[str, text(75, blank=False)]
    subject: Annotated[str, text(200, blank=False)]
    from_email: Annotated[str, text(254, check=_EMAIL)] = ""
    from_name: Annotated[str, text(75)] = ""
    message_plaintext: Annotated[str, text(50_000, multiline=True)] = ""
    message_html: Annotated[str, text(100_000, multiline=True)] = ""
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class MailTemplates(Resource):
    path = "mail-template"
    model = MailTemplate
    schema = MailTemplateSchema
    summary = "Words of mails"
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"label"})
    ordering = ("id", "label", "created_date")

    def visible(self, user: User) -> Any:
        return scope.owned(MailTemplate.user, user)


class SmsTemplateSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    label: Annotated[str, text(75, blank=False)]
    sender_phonenumber: Annotated[str, text(30, check=normalise_number)] = ""
    sms_text: Annotated[str, text(1600, multiline=True)] = ""
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class SmsTemplates(Resource):
    path = "sms-template"
    model = SmsTemplate
    schema = SmsTemplateSchema
    summary = "Words of short messages"
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"label"})
    ordering = ("id", "label", "created_date")

    def visible(self, user: User) -> Any:
        return scope.owned(SmsTemplate.user, user)
