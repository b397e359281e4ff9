"""Subscriptions: a calendar elsewhere whose events are merged into one of ours, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.phone import normalise_number
from fs_app.errors import InvalidInput
from fs_app.notify.address import check_literal, parse_url
from fs_app.store.models import CalendarSubscription, User
from httpapi import scope
from httpapi.context import Context
from httpapi.crud import must_create
from httpapi.kinds import READ_ONLY, choice, described, integer, moment, own_url, relation, shown, text
from httpapi.resource import Change, Resource
from httpapi.routes.gateway import OnOff
from httpapi.schema import Schema


def web_address(value: str) -> str:
    """``webcal://`` is how calendar programs say https. Raises InvalidInput."""
    address = "https" + value[6:] if value.lower().startswith("webcal:") else value
    parse_url(address, "address")
    return address


class SubscriptionSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    calendar: Annotated[int, relation("calendar")]
    address: Annotated[str, text(2000, blank=False, check=web_address)]
    interval: Annotated[int, described(integer(15, 10_080), "minutes between two looks")] = 60
    alarm_phonenumber: Annotated[str, text(50, check=normalise_number)] = ""
    advance_notice: Annotated[int | None, integer(0, 366 * 86_400)] = None
    maxretry: Annotated[int, integer(0, 100)] = 0
    retry_delay: Annotated[int, integer(0, 31 * 86_400)] = 0
    status: Annotated[int, choice(OnOff)] = OnOff.ACTIVE.value
    last_poll: Annotated[datetime | None, moment(), READ_ONLY]
    last_error: Annotated[str, shown({"type": "string"}), READ_ONLY]
    report: Annotated[dict[str, Any] | None, shown({"type": "object"}), READ_ONLY]
    next_poll_at: Annotated[datetime | None, moment(), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class CalendarSubscriptions(Resource):
    path = "calendar-subscription"
    model = CalendarSubscription
    schema = SubscriptionSchema
    example = {"address": "https://example.org/practice.ics", "alarm_phonenumber": "+15550100"}  # noqa: RUF012
    summary = "Calendars elsewhere, read every interval (minutes) and merged; report is what the last reading changed"
    filters = frozenset({"calendar", "status"})
    ordering = ("id", "created_date", "next_poll_at")
    volatile = frozenset({"last_poll", "last_error", "report", "next_poll_at"})

    def visible(self, user: User) -> Any:
        return scope.within(CalendarSubscription.calendar, scope.calendars(user))

    def check(self, ctx: Context, change: Change) -> None:
        for path in ("event", "alarm"):  # they are what comes of it
            must_create(ctx, ctx.registry[path])
        try:
            check_literal(parse_url(change.get("address"), "address"), ctx.services.webhook_networks, "address")
        except InvalidInput as exc:
            change.errors.add("address", exc.message)
        if change.row is not None and change.changed("calendar"):
            change.errors.add("calendar", "stays what it was: make another subscription for the other calendar")

    def prepare(self, ctx: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"now": ctx.now}

    def columns(self, change: Change) -> dict[str, Any]:
        columns = dict(change.values)
        if change.changed("address", "status", "alarm_phonenumber", "advance_notice", "maxretry", "retry_delay"):
            # Look at once, and at everything: what was read before may mean something else now.
            columns |= {"etag": "", "last_modified": "", "content_hash": "", "failures": 0, "last_error": ""}
            columns["next_poll_at"] = change.prepared["now"] if change.get("status") == OnOff.ACTIVE.value else None
        return columns

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        ctx.wake = True
