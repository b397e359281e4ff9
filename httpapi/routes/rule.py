"""Rules of recurrence. Those shipped with the product belong to nobody and are read by all."""

from __future__ import annotations

from typing import Annotated, Any

from fs_app.domain.recurrence import parse_rule
from fs_app.errors import InvalidInput
from fs_app.store.models import Base, Rule, User
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.kinds import READ_ONLY, own_url, text
from httpapi.reminders import look_again
from httpapi.resource import Change, Resource
from httpapi.schema import Schema


class RuleSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    name: Annotated[str, text(100, blank=False)]
    description: Annotated[str, text(1000, multiline=True)] = ""
    frequency: Annotated[str, text(20, blank=False, check=str.upper)]
    params: Annotated[str, text(500)] = ""


class Rules(Resource):
    path = "rule"
    model = Rule
    schema = RuleSchema
    example = {"name": "Every other Tuesday", "frequency": "WEEKLY", "params": "interval:2;byweekday:TU"}  # noqa: RUF012
    summary = (
        "Recurrence: frequency (DAILY, WEEKLY …) and params (count:10;byweekday:TU,WE), or a whole RRULE in params"
    )
    filters = frozenset({"name", "frequency"})
    ordering = ("id", "name")

    def visible(self, user: User) -> Any:
        if scope.is_superuser(user):
            return None
        manager = user.manager_id
        mine = Rule.user.is_null() | Rule.user.in_(scope.users(user))
        return mine if manager is None else mine | (Rule.user == manager)

    def may_change(self, user: User, row: Base) -> bool:
        return scope.is_superuser(user) or raw(row, "user") == user.id

    def check(self, ctx: Context, change: Change) -> None:
        try:
            parse_rule(change.get("frequency"), change.get("params"))
        except InvalidInput as exc:
            change.errors.add(exc.field, exc.message)
        if change.row is None:
            change.values["user"] = ctx.user.id

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        if change.row is not None and change.changed("frequency", "params"):
            look_again(ctx, row.id)
