"""Pure: what to do about a due alarm now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fs_app.domain.alarms import Decision, Dial, DueAlarm, Fail, GatewayFacts, SettingFacts, Wait
from fs_app.domain.calls import OriginateRequest
from fs_app.domain.enums import EventStatus
from fs_app.domain.phone import normalise_number
from fs_app.domain.window import next_open
from fs_app.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """``outbound`` is host:port of the outbound-socket server as the switch reaches it; ``time_limit`` caps an
    answered call, in seconds."""

    outbound: str
    time_limit: int = 600


def decide(due: DueAlarm, call_uuid: str, now: datetime, settings: PlanSettings) -> Decision:
    """Dial, fail with the reason on record, or wait for the window.

    The order matters: what can never be called fails before what cannot be called yet waits.
    """
    policy = due.policy
    if due.event_status is not EventStatus.PENDING:
        return Fail("event is not pending")
    if now >= policy.event_end:
        return Fail("missed: the event had ended before the call could be placed")
    if due.do_not_call:
        return Fail("do not call: the number is on a do-not-call list")
    if due.setting is None:
        return Fail("no calendar setting: assign one to the calendar user's profile")
    if due.survey_id is None:
        return Fail("no survey: set one on the alarm or on the calendar setting")
    gateway = due.setting.gateway
    if not gateway.active:
        return Fail(f"gateway {gateway.name} is switched off")
    opening = next_open(now, policy.daily_start, policy.daily_stop, policy.zone)
    if opening > now:
        if opening >= policy.event_end:
            return Fail("missed: the daily window does not open again before the event ends")
        return Wait(opening, "outside the daily window")
    try:
        return dial(due.setting, due.phone_number, due.survey_id, call_uuid, settings, tags(due), due.language)
    except InvalidInput as exc:
        return Fail(str(exc))


def dial(
    setting: SettingFacts,
    phone_number: str,
    survey_id: int,
    call_uuid: str,
    settings: PlanSettings,
    tags: Mapping[str, str],
    language: str,
) -> Dial:
    """The call itself: number, caller ID, ring time and gateway as the calendar setting says. Raises InvalidInput."""
    gateway = setting.gateway
    request = OriginateRequest(
        call_uuid=call_uuid,
        number=dialled_number(phone_number, gateway),
        gateway=gateway.gateways,
        outbound=settings.outbound,
        caller_id_number=setting.callerid,
        caller_id_name=setting.caller_name,
        ring_timeout=setting.call_timeout,
        time_limit=settings.time_limit,
        codecs=tuple(c.strip() for c in gateway.codecs.split(",") if c.strip()),
    )
    return Dial(request, survey_id, gateway.id, tags, language)


def dialled_number(number: str, gateway: GatewayFacts) -> str:
    """The number as this gateway wants it: ``removeprefix`` taken off once, ``addprefix`` put on.

    Raises InvalidInput when what results is not a number.
    """
    plain = normalise_number(number, "alarm_phonenumber")
    if gateway.removeprefix and plain.startswith(gateway.removeprefix):
        plain = plain[len(gateway.removeprefix) :]
    return normalise_number(gateway.addprefix + plain, "alarm_phonenumber")


def tags(due: DueAlarm) -> dict[str, str]:
    """What ``{tags}`` in the survey's words become: ``event.data``, and built in, in the calendar's zone and for this
    very occurrence, ``event_title``, ``event_date``, ``event_time`` and ``phone_number``."""
    start = due.event_start.astimezone(due.policy.zone)
    built_in = {
        "event_title": due.event_title,
        "event_date": f"{start:%A} {start.day} {start:%B} {start.year}",
        "event_time": f"{start:%H:%M}",
        "phone_number": due.phone_number,
    }
    return built_in | {name: str(value) for name, value in due.data.items()}
