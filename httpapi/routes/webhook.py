"""Where a manager's events are posted, and the secret that signs all of its webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fs_app.store.models import User, Webhook
from fs_app.store.outbox import EVENTS
from fs_app.store.outbox_queue import new_secret
from httpapi import scope
from httpapi.context import Context
from httpapi.crud import no_query, read_body, writing
from httpapi.kinds import READ_ONLY, choice, moment, own_url, relation, shown, text
from httpapi.resource import MANAGERS, Action, Change, Resource
from httpapi.routes.alarm import check_public, web_address
from httpapi.routes.gateway import OnOff
from httpapi.schema import Schema
from httpapi.web import Response, json_response


def _events(value: str) -> str:
    names = [name.strip() for name in value.split(",")]
    unknown = [name for name in names if name not in EVENTS]
    if unknown:
        raise ValueError(f"{unknown[0][:40]!r} is no event: give some of {', '.join(EVENTS)}, separated by commas")
    return ",".join(dict.fromkeys(names))


class WebhookSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    target: Annotated[str, text(500, check=web_address)] = ""
    events: Annotated[str, text(200, check=_events)] = ""
    status: Annotated[int, choice(OnOff)] = OnOff.ACTIVE.value
    secret: Annotated[str, shown({"type": "string"}), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Webhooks(Resource):
    path = "webhook"
    model = Webhook
    schema = WebhookSchema
    summary = (
        "One per manager: target is where events are posted (none when empty), events which ones (all when empty), "
        "secret what signs these and url_confirm and url_cancel; POST webhook/<id>/new_secret/ makes another"
    )
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    ordering = ("id", "created_date")
    unique = (("user",),)

    def visible(self, user: User) -> Any:
        return scope.owned(Webhook.user, user)

    def check(self, ctx: Context, change: Change) -> None:
        check_public(ctx, change, "target")
        if change.row is None:
            change.values["secret"] = new_secret()

    def columns(self, change: Change) -> dict[str, Any]:
        return {("url" if name == "target" else name): value for name, value in change.values.items()}

    def computed(self, ctx: Context, rows: list[Any]) -> dict[int, dict[str, Any]]:
        return {row.id: {"target": row.url} for row in rows}

    def actions(self) -> Iterable[Action]:
        return (Action("new_secret", "POST", self._new_secret),)

    def _new_secret(self, ctx: Context, webhook_id: int) -> Response:
        no_query(ctx)
        read_body(ctx, empty=True)
        with writing(ctx):
            row = self.find(ctx, webhook_id)
            Webhook.update(secret=new_secret(), updated_date=ctx.now).where(Webhook.id == row.id).execute()
            shown = self.show(ctx, self.find(ctx, webhook_id))
        return json_response(200, shown)
