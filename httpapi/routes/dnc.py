"""Numbers that must not be called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.phone import normalise_number
from fs_app.store.models import DncContact, DncList, User
from httpapi import scope
from httpapi.kinds import READ_ONLY, moment, own_url, relation, text
from httpapi.resource import MANAGERS, Resource
from httpapi.schema import Schema


class DncListSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    name: Annotated[str, text(50, blank=False)]
    description: Annotated[str, text(2000, multiline=True)] = ""
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class DncLists(Resource):
    path = "dnc-list"
    model = DncList
    schema = DncListSchema
    example = {"name": "opted out"}  # noqa: RUF012
    summary = "Lists of numbers that must not be called"
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"name"})
    ordering = ("id", "name", "created_date")

    def visible(self, user: User) -> Any:
        return scope.owned(DncList.user, user)


class DncContactSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    dnc_list: Annotated[int, relation("dnc-list")]
    phone_number: Annotated[str, text(30, blank=False, check=normalise_number)]
    created_date: Annotated[datetime, moment(), READ_ONLY]


class DncContacts(Resource):
    path = "dnc-contact"
    model = DncContact
    schema = DncContactSchema
    example = {"phone_number": "+15550100"}  # noqa: RUF012
    summary = "One number of such a list"
    readers = MANAGERS
    writers = MANAGERS
    filters = frozenset({"dnc_list", "phone_number"})
    ordering = ("id", "phone_number", "created_date")
    unique = (("dnc_list", "phone_number"),)

    def visible(self, user: User) -> Any:
        if scope.is_superuser(user):
            return None
        return DncContact.dnc_list.in_(DncList.select(DncList.id).where(DncList.user == user.id))
