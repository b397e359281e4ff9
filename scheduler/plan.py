"""Pure: what to do about a due alarm now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from fs_app.domain.alarms import Decision, Dial, DueAlarm, Fail, GatewayFacts, Route, Send, SettingFacts, Wait, tags
from fs_app.domain.calls import OriginateRequest
from fs_app.domain.enums import AlarmMethod, EventStatus, Kind
from fs_app.domain.phone import normalise_number, through_gateway
from fs_app.domain.tags import clean, fill
from fs_app.errors import InvalidInput
from fs_app.words import Values, of_alarm, written

# What an administrator can put right is waited for, and looked at again this much later, until the event is over.
MENDING = timedelta(seconds=60)
FURTHER_MAX = 10  # further originates under one attempt


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """``outbound`` is host:port of the outbound-socket server as the switch reaches it, or several separated by ``|``,
    or empty when surveys run inside the switch; ``time_limit`` caps an answered call, in seconds."""

    outbound: str
    time_limit: int = 600


def decide(due: DueAlarm, call_uuid: str, now: datetime, settings: PlanSettings) -> Decision:
    """Dial, fail with the reason on record, or wait for the window: as of ``now``, or of the moment at which the alarm
    is due where that is still to come.

    The order matters: what can never be called fails before what cannot be called yet waits. A setting that is missing
    or switched off is no reason to give up while the event is still ahead.
    """
    policy = due.policy
    now = now if due.due_at is None else max(now, due.due_at)
    if due.event_status is not EventStatus.PENDING:
        return Fail("event is not pending")
    if now >= policy.event_end:
        return Fail("missed: the event had ended before the call could be placed")
    if due.do_not_call and due.method is not AlarmMethod.MAIL:
        return Fail("do not call: the number is on a do-not-call list")
    if due.switched_off:
        return Wait(now + MENDING, "the manager is switched off: a superuser can set is_active again", True)
    if due.setting is None and due.method is not AlarmMethod.MAIL:
        return Wait(now + MENDING, "no calendar setting: assign one to the calendar user's profile", True)
    if due.method is AlarmMethod.CALL and due.setting is not None:
        if due.survey_id is None:
            return Wait(now + MENDING, "no survey: set one on the alarm or on the calendar setting")
        if not any(gateway.active for gateway in gateways(due.setting)):
            return Wait(now + MENDING, f"gateway {due.setting.gateway.name} is switched off", calendar=True)
    if due.method is AlarmMethod.SMS and due.sms_gateway_id is None:
        return Wait(now + MENDING, "no SMS gateway: set one on the calendar setting")
    opening = policy.next_open(now)
    if opening > now:
        if opening >= policy.event_end:
            return Fail("missed: the daily window does not open again before the event ends")
        return Wait(opening, "outside the daily window")
    try:
        if due.method is AlarmMethod.SMS:
            return sms(due, now)
        if due.method is AlarmMethod.MAIL:
            return mail(due, now)
        assert due.setting is not None  # seen to above
        assert due.survey_id is not None
        return dial(due.setting, due.phone_number, due.survey_id, call_uuid, settings, tags(due), due.language)
    except InvalidInput as exc:
        return Fail(str(exc))


def sms(due: DueAlarm, now: datetime) -> Decision:
    """The short message of an alarm. Raises InvalidInput."""
    if due.sms is None:
        return Fail("no SMS template: set one on the alarm")
    number = normalise_number(due.phone_number, "alarm_phonenumber")
    text = fill(due.sms.text, _written(due, now)).strip()
    if not text:
        return Fail("the SMS template holds no words")
    return Send(Kind.SMS, number, {"text": text, "sender": due.sms.sender, "sms_gateway": due.sms_gateway_id})


def mail(due: DueAlarm, now: datetime) -> Decision:
    """The mail of an alarm: tag values are text, in its HTML part too."""
    if due.mail is None:
        return Fail("no mail template: set one on the alarm")
    if not due.email:
        return Fail("no address: set alarm_email on the alarm")
    words, values = due.mail, _written(due, now)
    payload = {
        "subject": fill(words.subject, values),
        "text": fill(words.text, values),
        "html": fill(words.html, _Escaped(values)),
        "from_email": words.from_email,
        "from_name": words.from_name,
    }
    return Send(Kind.MAIL, due.email, payload)


def _written(due: DueAlarm, now: datetime) -> Values:
    return written(of_alarm(due, now), due.language or "en")


class _Escaped(Mapping[str, str]):
    """Values as text of an HTML page, formats included."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def __getitem__(self, key: str) -> str:
        return escape(clean(self._values[key]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


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
    routes: list[Route] = []
    for gateway in [one for one in gateways(setting) if one.active] or [setting.gateway]:
        try:
            found = _route(setting, gateway, phone_number, call_uuid, settings)
        except InvalidInput:
            if not routes:
                raise
            continue  # only this gateway cannot take the number
        routes += [found] * (1 + gateway.retries)
    first, *further = routes
    return Dial(first.request, survey_id, first.gateway_id, tags, language, tuple(further[:FURTHER_MAX]))


def gateways(setting: SettingFacts) -> Iterator[GatewayFacts]:
    """The setting's gateway and those that stand in for it, in order."""
    gateway: GatewayFacts | None = setting.gateway
    while gateway is not None:
        yield gateway
        gateway = gateway.failover


def _route(
    setting: SettingFacts, gateway: GatewayFacts, phone_number: str, call_uuid: str, settings: PlanSettings
) -> Route:
    parameters = (part.partition("=") for part in gateway.parameters.split(",") if part.strip())
    request = OriginateRequest(
        call_uuid=call_uuid,
        number=dialled_number(phone_number, gateway),
        gateway=gateway.gateways,
        outbound=settings.outbound,
        caller_id_number=setting.callerid,
        caller_id_name=setting.caller_name,
        ring_timeout=min(setting.call_timeout, gateway.ring_timeout or setting.call_timeout),
        time_limit=settings.time_limit,
        codecs=tuple(c.strip() for c in gateway.codecs.split(",") if c.strip()),
        variables=tuple((name.strip(), value) for name, _, value in parameters),
    )
    return Route(gateway.id, request)


def dialled_number(number: str, gateway: GatewayFacts) -> str:
    """The number as this gateway wants it. Raises InvalidInput when what results is not a number."""
    return through_gateway(number, gateway.addprefix, gateway.removeprefix, "alarm_phonenumber")
