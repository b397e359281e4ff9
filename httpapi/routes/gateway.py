"""How calls and short messages leave: kept by superusers, read by managers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Annotated, Any

from fs_app.errors import InvalidInput
from fs_app.notify.sms_parameters import check_parameters, is_secret
from fs_app.store.lanes import gateways_in_use
from fs_app.store.models import Gateway, SmsGateway, User
from fs_app.store.outbox_queue import new_secret
from fs_app.switch.dialstring import check_codec, check_gateway, check_variables
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.kinds import READ_ONLY, choice, clean_text, integer, json_object, matching, moment, own_url, relation, text
from httpapi.kinds import shown as shown_only
from httpapi.resource import MANAGERS, SUPERUSERS, Change, Resource
from httpapi.schema import Schema
from httpapi.web import hook_path

_DIGITS = matching(r"\+?[0-9]*", "digits, with or without a leading +")
_PREFIXES = matching(r"\+?[0-9]+(,\+?[0-9]+)*", "digits, or several prefixes separated by commas")
_NUMBERS = matching(r"[0-9]+(,[0-9]+)*", "numbers separated by commas")


class OnOff(IntEnum):
    INACTIVE = 0
    ACTIVE = 1


def _dial_string(value: str) -> str:
    """The gate that every originate passes: what it would refuse then is refused now."""
    try:
        check_gateway(value)
    except InvalidInput as exc:
        raise ValueError(exc.message) from None
    return value


def _codecs(value: str) -> str:
    for part in value.split(","):
        try:
            check_codec(part.strip())
        except InvalidInput as exc:
            raise ValueError(exc.message) from None
    return value


def _parameters(value: str) -> str:
    """Channel variables, by the gate that every originate passes."""
    found = []
    for part in value.split(","):
        name, equals, what = part.partition("=")
        if not equals:
            raise ValueError(f"{part[:50]!r} is not name=value: separate channel variables by commas, without spaces")
        found.append((name, what))
    check_variables(found)
    return value


class GatewaySchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    name: Annotated[str, text(90, blank=False)]
    status: Annotated[int, choice(OnOff)] = OnOff.ACTIVE.value
    description: Annotated[str, text(2000, multiline=True)] = ""
    addprefix: Annotated[str, text(60, check=_DIGITS)] = ""
    removeprefix: Annotated[str, text(60, check=_PREFIXES)] = ""
    gateways: Annotated[str, text(500, blank=False, check=_dial_string)]
    gateway_codecs: Annotated[str, text(500, check=_codecs)] = ""
    gateway_timeouts: Annotated[str, text(500, check=_NUMBERS)] = ""
    gateway_retries: Annotated[str, text(500, check=_NUMBERS)] = ""
    originate_dial_string: Annotated[str, text(500, check=_parameters)] = ""
    addparameter: Annotated[str, text(500, check=_parameters)] = ""
    failover: Annotated[int | None, relation("gateway")] = None
    maximum_call: Annotated[int, integer(0, 100_000)] = 0
    calls_per_second: Annotated[int, integer(0, 10_000)] = 0
    secondused: Annotated[int, shown_only({"type": "integer"}), READ_ONLY]
    count_call: Annotated[int, shown_only({"type": "integer"}), READ_ONLY]
    count_in_use: Annotated[int, shown_only({"type": "integer"}), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class Gateways(Resource):
    path = "gateway"
    model = Gateway
    schema = GatewaySchema
    example = {"name": "provider", "gateways": "sofia/gateway/provider/"}  # noqa: RUF012
    summary = "Telephone gateways: where an originate goes"
    volatile = frozenset({"secondused", "count_call", "count_in_use"})
    readers = MANAGERS
    writers = SUPERUSERS
    filters = frozenset({"name", "status"})
    ordering = ("id", "name", "created_date")
    unique = (("name",),)

    def visible(self, user: User) -> Any:
        return None

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        up = gateways_in_use()
        return {row.id: {"count_in_use": up.get(row.id, 0)} for row in rows}

    def check(self, ctx: Context, change: Change) -> None:
        if change.row is not None and change.values.get("failover") == change.row.id:
            change.errors.add("failover", "is this gateway itself: name another one")

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        ctx.wake = True


HIDDEN = "********"  # shown instead of a secret; given back, it leaves the secret as it is


def _driver_parameters(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > 50:
        raise ValueError(f"has {len(value)} entries: at most 50")
    for name, one in value.items():
        clean_text(name, 100, False)
        if isinstance(one, str):
            clean_text(one, 2000, True)
        elif one is not None and not isinstance(one, int | float):
            raise ValueError(f"{name!r} is not a string, a number or a boolean")
    return value


class SmsGatewaySchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    name: Annotated[str, text(90, blank=False)]
    driver: Annotated[str, text(60, blank=False)] = "file"
    parameters: Annotated[dict[str, Any] | None, json_object(_driver_parameters, "an object of plain values")] = None
    status: Annotated[int, choice(OnOff)] = OnOff.ACTIVE.value
    reply_url: Annotated[str | None, shown_only({"type": "string"}), READ_ONLY]
    report_url: Annotated[str | None, shown_only({"type": "string"}), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class SmsGateways(Resource):
    path = "sms-gateway"
    model = SmsGateway
    schema = SmsGatewaySchema
    example = {"name": "to a file", "driver": "file"}  # noqa: RUF012
    summary = "Gateways for short messages: driver is file, http or smpp, parameters what it takes (docs/messages.md)"
    readers = MANAGERS
    writers = SUPERUSERS
    filters = frozenset({"name", "status"})
    ordering = ("id", "name", "created_date")
    unique = (("name",),)

    def visible(self, user: User) -> Any:
        return None

    def check(self, ctx: Context, change: Change) -> None:
        given = dict(change.get("parameters") or {})
        before = {} if change.row is None else raw(change.row, "parameters") or {}
        for name, value in given.items():
            if value == HIDDEN and is_secret(name) and name in before:
                given[name] = before[name]
        given.setdefault("reply_secret", before.get("reply_secret") or new_secret())
        try:
            change.values["parameters"] = check_parameters(change.get("driver"), given)
        except InvalidInput as exc:
            change.errors.add(exc.field, exc.message)

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        ctx.wake = True  # what waited for a gateway that works can go

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        # A driver's parameters hold the operator's credentials: managers choose a gateway, they do not read those.
        if not scope.is_superuser(ctx.user):
            return {row.id: {"parameters": None, "reply_url": None, "report_url": None} for row in rows}
        found = {}
        for row in rows:
            parameters = raw(row, "parameters") or {}
            hook = f"{ctx.request.scheme}://{ctx.request.host}" + hook_path(row.id, str(parameters.get("reply_secret")))
            found[row.id] = {
                "parameters": _shown(parameters),
                "reply_url": f"{hook}reply/" if parameters.get("reply_secret") else None,
                "report_url": f"{hook}report/" if parameters.get("reply_secret") else None,
            }
        return found


def _shown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: HIDDEN if is_secret(name) and value else value for name, value in parameters.items()}
