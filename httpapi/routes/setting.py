"""Calendar settings: caller ID, gateway and survey of the calls made for a calendar user."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.amd import LIMITS, AmdParameters
from fs_app.domain.enums import AmdBehavior
from fs_app.domain.phone import check_caller_name, normalise_number
from fs_app.numbers import check_country
from fs_app.store.models import CalendarSetting, User
from httpapi import scope
from httpapi.context import Context
from httpapi.kinds import READ_ONLY, boolean, choice, integer, json_object, moment, own_url, relation, text
from httpapi.resource import MANAGERS, Change, Resource
from httpapi.retry_delays import RETRY_DELAYS_WORDS, check_retry_delays
from httpapi.schema import Schema

_AMD = (
    f"an object of numbers of milliseconds, any of {', '.join(LIMITS)}, and of variable, the name of a channel "
    "variable that a detection module of the switch sets, avmd and silence_is_machine (true or false); null: the "
    "defaults"
)


def _amd_parameters(given: dict[str, Any]) -> dict[str, Any]:
    AmdParameters.from_mapping(given)
    return given


class CalendarSettingSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    user: Annotated[int, relation("user", shown_as="username", by_username=True)] = 0
    label: Annotated[str, text(80, blank=False)]
    callerid: Annotated[str, text(80, check=normalise_number)] = ""
    caller_name: Annotated[str, text(80, check=check_caller_name)] = ""
    call_timeout: Annotated[int, integer(5, 600)] = 60
    survey: Annotated[int, relation("sealed-survey")]
    aleg_gateway: Annotated[int, relation("gateway")]
    sms_gateway: Annotated[int | None, relation("sms-gateway")] = None
    voicemail: Annotated[bool, boolean()] = False
    amd_behavior: Annotated[int, choice(AmdBehavior)] = AmdBehavior.ALWAYS.value
    voicemail_audiofile: Annotated[int | None, relation("audio-files")] = None
    amd_parameters: Annotated[dict[str, Any] | None, json_object(_amd_parameters, _AMD)] = None
    require_keypress: Annotated[bool, boolean()] = False
    retry_delays: Annotated[dict[str, Any] | None, json_object(check_retry_delays, RETRY_DELAYS_WORDS)] = None
    country: Annotated[str, text(2, check=check_country)] = ""
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class CalendarSettings(Resource):
    path = "calendar-setting"
    model = CalendarSetting
    schema = CalendarSettingSchema
    example = {"label": "practice", "callerid": "15550100", "caller_name": "Dr. Adams", "call_timeout": 30}  # noqa: RUF012
    summary = "Caller ID, gateway, ring time (s) and survey of the calls made for a calendar user"
    readers = MANAGERS
    writers = MANAGERS
    owner = "user"
    filters = frozenset({"label", "user", "survey", "aleg_gateway"})
    ordering = ("id", "label", "created_date")

    def visible(self, user: User) -> Any:
        return scope.owned(CalendarSetting.user, user)

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        ctx.wake = True
