"""Answers to short messages: whose they are, and what they change. Each is taken once, by the service's own id."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from peewee import IntegrityError

from fs_app.domain.enums import AlarmMethod, AlarmResult, AlarmStatus, EventStatus, Kind
from fs_app.domain.phone import SUBSCRIBER_MIN, same_subscriber, subscriber
from fs_app.domain.replies import RESULTS, TEXT_MAX, Meaning, Report, meaning
from fs_app.numbers import spellings
from fs_app.store import outbox, reports
from fs_app.store.database import Store
from fs_app.store.effects import OPT_OUTS
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    CalendarUserProfile,
    DncContact,
    DncList,
    Event,
    Outbox,
    SmsGateway,
    SmsReply,
)

MEMORY = timedelta(days=90)  # for how long a message can be answered
_WAITING = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)


class Taken(NamedTuple):
    """What was made of a reply. ``due``: something may be due now, or no longer."""

    meaning: Meaning
    alarm_id: int | None
    repeated: bool


class Replies:
    """``default_zone`` is the zone of calendars that name none."""

    def __init__(self, store: Store, default_zone: ZoneInfo) -> None:
        self._store = store
        self._zone = default_zone

    def parameters(self, gateway_id: int) -> Mapping[str, object] | None:
        """Those of an SMS gateway; None when there is none."""
        with self._store.reading():
            row = SmsGateway.get_or_none(SmsGateway.id == gateway_id)
            return None if row is None else dict(row.parameters or {})

    def reply(
        self, gateway_id: int, sender: str, text: str, message_id: str, own: Mapping[Meaning, str], now: datetime
    ) -> Taken:
        """Somebody answered. ``own`` are the gateway's words; ``sender`` is a normalised number.

        It is about the last alarm whose message went to that number through that gateway while its event has not
        ended. STOP puts the number on the list of every manager a message to it was sent for; START takes it off.
        """
        try:
            with self._store.transaction():
                return self._reply(gateway_id, sender, text[:TEXT_MAX], message_id, own, now)
        except IntegrityError:
            with self._store.reading():
                known = SmsReply.get_or_none(SmsReply.sms_gateway == gateway_id, SmsReply.message_id == message_id)
                if known is None:
                    raise
                return Taken(Meaning(known.meaning), known.alarm_id, True)

    def report(self, gateway_id: int, key: str, reference: str, report: Report, words: str, now: datetime) -> bool:
        """A delivery report came. False when no message of that gateway is known by that key or reference."""
        with self._store.transaction():
            row = reports.find(gateway_id, key, reference)
            if row is None:
                return False
            if not self._store.sqlite:
                row = Outbox.select().where(Outbox.id == row.id).for_update().get()
            reports.arrived(row, report, words, now, self._zone)
            return True

    # ---- inside a transaction

    def _reply(
        self, gateway_id: int, sender: str, text: str, message_id: str, own: Mapping[Meaning, str], now: datetime
    ) -> Taken:
        sent = self._sent_to(gateway_id, sender, now)
        alarm = self._alarm(sent, now)
        found = meaning(text, _language(alarm, sent), own)
        row = SmsReply.create(
            sms_gateway=gateway_id,
            message_id=message_id,
            sender=sender,
            text=text,
            meaning=found.value,
            alarm=alarm,
            created_date=now,
        )
        result = RESULTS.get(found)
        if found in (Meaning.STOP, Meaning.START):
            numbers = {m.destination for m in sent} or {sender}
            for manager in {outbox.manager_of(m.user_id) for m in sent} - {None}:
                _listed(manager, numbers, found is Meaning.STOP, now)
        elif result is not None and alarm is not None:
            self._answered(alarm, result, row.id, now)
        return Taken(found, None if alarm is None else alarm.id, False)

    def _sent_to(self, gateway_id: int, sender: str, now: datetime) -> list[Outbox]:
        """Messages to that number, newest first. Networks may write it otherwise than we do; a number that may be two
        of those we wrote to is nobody's."""
        about = (Outbox.sms_gateway == gateway_id) & (Outbox.created_date > now - MEMORY)
        newest = Outbox.id.desc()
        exact = list(Outbox.select().where(about, Outbox.destination.in_(spellings(sender))).order_by(newest))
        tail = subscriber(sender)[-SUBSCRIBER_MIN:]
        if exact or len(tail) < SUBSCRIBER_MIN:
            return exact
        rows = Outbox.select().where(about, Outbox.destination.endswith(tail)).order_by(newest)
        close = [row for row in rows if same_subscriber(row.destination, sender)]
        return close if len({subscriber(row.destination) for row in close}) == 1 else []

    def _alarm(self, sent: list[Outbox], now: datetime) -> Alarm | None:
        query = (
            Alarm.select()
            .join(AlarmRequest)
            .switch(Alarm)
            .join(Event)
            .where(
                AlarmRequest.outbox.in_([row.id for row in sent if row.kind == Kind.SMS]),
                Alarm.method == AlarmMethod.SMS,
                Event.end > now,
                Event.status != EventStatus.PAUSED,
            )
            .order_by(AlarmRequest.id.desc())
        )
        found: Alarm | None = query.first() if sent else None
        if found is not None and not self._store.sqlite:
            found = Alarm.select().where(Alarm.id == found.id).for_update().get()
        return found

    def _answered(self, alarm: Alarm, result: AlarmResult, reply: int, now: datetime) -> None:
        if alarm.result == result:
            return
        Alarm.update(result=result, updated_date=now).where(Alarm.id == alarm.id).execute()
        # Whoever answers has the message: no other attempt is needed.
        Alarm.update(status=AlarmStatus.SUCCESS, due_at=None, reason="answered").where(
            Alarm.id == alarm.id, Alarm.status.in_(_WAITING)
        ).execute()
        outbox.tell_result(Alarm.get_by_id(alarm.id), result, now, reply=reply)


def _language(alarm: Alarm | None, sent: list[Outbox]) -> str:
    user = alarm.event.calendar.user_id if alarm is not None else next((m.user_id for m in sent), None)
    profile = None if user is None else CalendarUserProfile.get_or_none(CalendarUserProfile.user == user)
    return "" if profile is None else profile.language or ""


def _listed(manager: int | None, numbers: set[str], out: bool, now: datetime) -> None:
    """Put numbers on the manager's list of those who opted out, or take them off it."""
    mine = DncList.get_or_none(DncList.user == manager, DncList.name == OPT_OUTS)
    if mine is None and out:
        mine = DncList.create(user=manager, name=OPT_OUTS, created_date=now, updated_date=now)
    for number in numbers if mine is not None else ():
        if out:
            DncContact.insert(dnc_list=mine, phone_number=number, created_date=now).on_conflict(
                conflict_target=[DncContact.dnc_list, DncContact.phone_number], action="NOTHING"
            ).execute()
        else:
            DncContact.delete().where(DncContact.dnc_list == mine, DncContact.phone_number == number).execute()
