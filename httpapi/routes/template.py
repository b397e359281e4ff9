"""Words for mails and short messages: made by managers, used by their calendar users."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.phone import normalise_number
from fs_app.domain.tags import problems
from fs_app.store.models import MailTemplate, SmsTemplate, User
from httpapi import scope
from httpapi.context import Context
from httpapi.kinds import READ_ONLY, moment, own_url, relation, text
from httpapi.resource import MANAGERS, Change, Resource
from httpapi.routes.alarm import mail_address
from httpapi.schema import Schema


class MailTemplateSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    label: Annotated[str, text(75, blank=False)]
    subject: Annotated[str, text(200, blank=False)]
    from_email: Annotated[str, text(254, check=mail_address)] = ""
    from_name: Annotated[str, text(75)] = ""
    message_plaintext: Annotated[str, text(50_000, multiline=True)] = ""
    message_html: Annotated[str, text(100_000, multiline=True)] = ""
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class MailTemplates(Resource):
    path = "mail-template"
    model = MailTemplate
    schema = MailTemplateSchema
    example = {"label": "reminder", "subject": "Your appointment", "message_plaintext": "Hello {name}"}  # noqa: RUF012
    summary = "Words of mails, with the {tags} of surveys; in HTML, tag values are text"
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"label"})
    ordering = ("id", "label", "created_date")

    def visible(self, user: User) -> Any:
        return scope.shared_by_manager(MailTemplate.user, user)

    def check(self, ctx: Context, change: Change) -> None:
        check_tags(change, "subject", "message_plaintext")
        if check_tags(change, "message_html"):
            change.errors.add("message_html", "braces are for tags: give styles in style attributes, not in <style>")


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
    example = {"label": "reminder", "sms_text": "Hello {name}, see you soon."}  # noqa: RUF012
    summary = "Words of short messages, with the {tags} of surveys"
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"label"})
    ordering = ("id", "label", "created_date")

    def visible(self, user: User) -> Any:
        return scope.shared_by_manager(SmsTemplate.user, user)

    def check(self, ctx: Context, change: Change) -> None:
        check_tags(change, "sms_text")


def check_tags(change: Change, *names: str) -> bool:
    """Tell what is wrong with the tags of these texts; whether there was anything."""
    wrong = False
    for name in names:
        if name in change.values:
            for words in problems(change.values[name]):
                change.errors.add(name, words)
                wrong = True
    return wrong
