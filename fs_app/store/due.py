"""Everything that is needed to decide about one alarm, read in the transaction that decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from peewee import JOIN, Model, ModelSelect, fn

from fs_app.domain.alarms import DueAlarm, GatewayFacts, MailWords, RetryPolicy, SettingFacts, SmsWords
from fs_app.domain.enums import AlarmMethod, AlarmStatus, AmdBehavior, EventStatus
from fs_app.domain.phone import is_number
from fs_app.domain.rules import WEEKDAYS
from fs_app.domain.survey_limits import check_language
from fs_app.domain.window import Closed, first_due, load_zone, next_open
from fs_app.errors import InvalidInput
from fs_app.numbers import international, spellings
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    Calendar,
    CalendarSetting,
    CalendarUserProfile,
    DncContact,
    DncList,
    Event,
    Gateway,
    MailTemplate,
    SmsTemplate,
    User,
)
from fs_app.store.prepared import by_id, padded, prepared

M = TypeVar("M", bound=Model)


@prepared
def profile_of(user_id: int) -> ModelSelect[CalendarUserProfile]:
    return CalendarUserProfile.select().where(CalendarUserProfile.user == user_id)


@prepared
def _listed(manager_ids: list[int], numbers: list[str]) -> ModelSelect[DncContact]:
    listed = DncContact.select(DncList.user, DncContact.phone_number).join(DncList)
    return listed.where(DncList.user.in_(manager_ids), DncContact.phone_number.in_(numbers))


class Above(NamedTuple):
    """What is above an alarm. Only the manager (of a manager's own calendar), the profile and what hangs on that can be
    missing."""

    event: Event
    calendar: Calendar
    user: User
    manager: User | None  # whether it is active, no more
    profile: CalendarUserProfile | None
    setting: CalendarSetting | None
    gateway: Gateway | None


_Manager: Any = User.alias()
ABOVE: tuple[Any, ...] = (
    Event,
    Calendar,
    User,
    _Manager.id,
    _Manager.is_active,
    CalendarUserProfile,
    CalendarSetting,
    Gateway,
)
"""What a query selects that :func:`join_above` was given, for :class:`Above`."""


def join_above(query: ModelSelect[M]) -> ModelSelect[M]:
    """The query, in which an event was joined last, with all that is above that."""
    found = query.join(Calendar).join(User)
    found = found.join(_Manager, JOIN.LEFT_OUTER, on=(User.manager == _Manager.id))
    found = found.join(CalendarUserProfile, JOIN.LEFT_OUTER, on=(CalendarUserProfile.user == User.id))
    found = found.join(
        CalendarSetting, JOIN.LEFT_OUTER, on=(CalendarUserProfile.calendar_setting == CalendarSetting.id)
    )
    return found.join(Gateway, JOIN.LEFT_OUTER, on=(CalendarSetting.aleg_gateway == Gateway.id))


def above_all(alarms: Sequence[Alarm]) -> dict[int, Above]:
    """What is above these alarms, by the id of the event."""
    found = _above.joined(padded(sorted({alarm.event_id for alarm in alarms}))) if alarms else []
    return {row[0].id: Above(*row) for row in found}


@prepared
def _above(event_ids: list[int]) -> ModelSelect[Event]:
    return join_above(Event.select(*ABOVE)).where(Event.id.in_(event_ids))


def due_alarm(
    alarm: Alarm, default_zone: ZoneInfo, *, above: Above | None = None, do_not_call: bool | None = None
) -> DueAlarm | None:
    """The facts about an alarm; None when its event is gone. ``default_zone`` is that of calendars that name none.
    ``above`` and ``do_not_call`` are asked for where they are not given: the latter may be False where nobody needs to
    know."""
    above = above or above_all([alarm]).get(alarm.event_id)
    if above is None:
        return None
    row, calendar, user, manager, profile, setting, gateway = above
    zone = zone_of(calendar, default_zone)
    manager_id = None if profile is None else profile.manager_id
    country = setting.country if setting else ""
    if do_not_call is None:
        do_not_call = is_dnc(manager_id, _number(alarm, country), country)
    return DueAlarm(
        alarm_id=alarm.id,
        phone_number=_number(alarm, country),
        num_attempt=alarm.num_attempt,
        policy=RetryPolicy(
            maxretry=alarm.maxretry,
            retry_delay=alarm.retry_delay,
            daily_start=alarm.daily_start,
            daily_stop=alarm.daily_stop,
            zone=zone,
            event_end=row.end,
            require_keypress=bool(setting and setting.require_keypress and not _for_machines(setting)),
            closed=closed_days(calendar),
            retry_delays={**((setting.retry_delays or {}) if setting else {}), **(alarm.retry_delays or {})},
            insistent=alarm.insistent,
        ),
        event_title=row.title,
        event_start=row.start,
        event_status=EventStatus(row.status),
        data=row.data or {},
        setting=None if setting is None or gateway is None else setting_facts(setting, gateway),
        survey_id=alarm.survey_id or (setting.survey_id if setting else None),
        language=_language(row.data, profile),
        calendar_user=_called(user, profile),
        occurrence=row.parent_event_id is not None,
        do_not_call=do_not_call,
        switched_off=not (user if user.manager_id is None else manager or user).is_active,
        method=AlarmMethod(alarm.method),
        email=alarm.alarm_email,
        sms=_sms_words(alarm),
        mail=_mail_words(alarm),
        sms_gateway_id=None if setting is None else setting.sms_gateway_id,
        due_at=alarm.due_at,
    )


def _number(alarm: Alarm, country: str) -> str:
    number: str = alarm.alarm_phonenumber
    return international(number, country) if is_number(number) else number


def _for_machines(setting: CalendarSetting) -> bool:
    return bool(setting.voicemail and setting.amd_behavior == AmdBehavior.VOICEMAIL_ONLY)


def _language(data: dict[str, Any] | None, profile: CalendarUserProfile | None) -> str:
    """``data.language``, else the profile's; what is no language tag is as good as none."""
    for wanted in ((data or {}).get("language"), profile.language if profile else None):
        if isinstance(wanted, str) and wanted.strip():
            try:
                return check_language(wanted.strip())
            except ValueError:
                continue
    return ""


def _called(user: User, profile: CalendarUserProfile | None) -> str:
    """The calendar user as a callee knows it: the person, else the company, else the account."""
    person = f"{user.first_name} {user.last_name}".strip()
    return person or (profile.company_name if profile else None) or str(user.username)


def zone_of(calendar: Calendar, default_zone: ZoneInfo) -> ZoneInfo:
    """Whose clock the calendar follows."""
    return load_zone(calendar.timezone) if calendar.timezone else default_zone


def closed_days(calendar: Calendar) -> Closed:
    """The days on which the calendar is closed."""
    return Closed(
        frozenset(WEEKDAYS.index(day) for day in calendar.closed_weekdays or ()),
        frozenset(map(date.fromisoformat, calendar.closed_dates or ())),
    )


def waiting_until(alarm: Any, event: Any, default_zone: ZoneInfo) -> datetime | None:
    """When the next attempt of an alarm that waits may be made, as its event and its calendar are now; None when there
    is none to make."""
    if event.status != EventStatus.PENDING.value or alarm.status not in (AlarmStatus.PENDING, AlarmStatus.RETRY):
        return None
    zone, closed = zone_of(event.calendar, default_zone), closed_days(event.calendar)
    window = alarm.daily_start, alarm.daily_stop, zone, closed
    due = first_due(alarm.date_start_notice or event.start, alarm.advance_notice, *window)
    if alarm.status == AlarmStatus.RETRY:
        last = AlarmRequest.select(fn.MAX(AlarmRequest.date)).where(AlarmRequest.alarm == alarm.id).scalar()
        if last is not None:
            # A change of the event is no reason to ring again sooner than the retry delay allows.
            due = next_open(max(due, last + timedelta(seconds=alarm.retry_delay)), *window)
    return due


def is_dnc(manager_id: int | None, number: str, country: str = "") -> bool:
    """Whether the number stands on one of the manager's do-not-call lists, in any of its spellings; ``country`` is
    that of numbers written without one."""
    return bool(_on_lists([_may_be_listed(manager_id, number, country)]))


def all_dnc(alarms: Iterable[tuple[Alarm, Above]]) -> set[int]:
    """The ids of those alarms whose number stands on a list of their manager."""
    written: dict[int, _Written] = {}
    for alarm, above in alarms:
        country = above.setting.country if above.setting else ""
        manager_id = above.profile.manager_id if above.profile else None
        with suppress(InvalidInput, ValueError, TypeError):  # it cannot be decided about, and fails for that
            written[alarm.id] = _may_be_listed(manager_id, _number(alarm, country), country)
    found = _on_lists(written.values())
    return {alarm_id for alarm_id, one in written.items() if found & one}


_Written = frozenset[tuple[int, str]]  # the manager, and a number as it may stand on his lists


def _may_be_listed(manager_id: int | None, number: str, country: str) -> _Written:
    if manager_id is None or not number:
        return frozenset()
    return frozenset((manager_id, spelling) for spelling in spellings(number, country))


def _on_lists(written: Iterable[_Written]) -> set[tuple[int, str]]:
    """Which of these stand there."""
    wanted = sorted(frozenset().union(*written))
    if not wanted:
        return set()
    managers, numbers = (sorted(set(column)) for column in zip(*wanted, strict=True))
    return set(_listed.tuples(padded(managers), padded(numbers)))


def setting_facts(row: CalendarSetting, gateway: Gateway) -> SettingFacts:
    """A calendar setting and its gateway, with those that stand in for it."""
    return SettingFacts(
        callerid=row.callerid,
        caller_name=row.caller_name,
        call_timeout=row.call_timeout,
        survey_id=row.survey_id,
        require_keypress=row.require_keypress,
        country=row.country,
        manager_id=row.user_id,
        gateway=_gateway_facts(gateway, frozenset()),
    )


def _gateway_facts(row: Gateway, seen: frozenset[int]) -> GatewayFacts:
    """A gateway and those that stand in for it; one that comes round again is left out."""
    seen |= {row.id}
    following = None if row.failover_id in seen else by_id(Gateway, row.failover_id)
    return GatewayFacts(
        id=row.id,
        name=row.name,
        active=row.status == 1,
        gateways=row.gateways,
        addprefix=row.addprefix,
        removeprefix=row.removeprefix,
        codecs=row.gateway_codecs,
        ring_timeout=_first_number(row.gateway_timeouts),
        retries=_first_number(row.gateway_retries),
        parameters=",".join(filter(None, (row.originate_dial_string, row.addparameter))),
        failover=None if following is None else _gateway_facts(following, seen),
    )


def _first_number(text: str) -> int:
    first = text.split(",")[0].strip()
    return int(first) if first.isdecimal() else 0


def _sms_words(alarm: Any) -> SmsWords | None:
    if alarm.method != AlarmMethod.SMS:
        return None
    row = by_id(SmsTemplate, alarm.sms_template_id)
    return None if row is None else SmsWords(row.sms_text, row.sender_phonenumber)


def _mail_words(alarm: Any) -> MailWords | None:
    if alarm.method != AlarmMethod.MAIL:
        return None
    row = by_id(MailTemplate, alarm.mail_template_id)
    return (
        None
        if row is None
        else MailWords(row.subject, row.message_plaintext, row.message_html, row.from_email, row.from_name)
    )
