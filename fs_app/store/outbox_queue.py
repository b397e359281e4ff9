"""The outbox as its sender sees it: claim what is due under a lease, book how it went, look again.

A message of an alarm is one attempt of it. Between claiming the alarm and sending the message the world may have
changed, and a crash may have put hours between them; so event, window and opt-out are asked again here, as
``mark_dialling`` does for a call.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fs_app.domain.alarms import DueAlarm, Send
from fs_app.domain.enums import AlarmMethod, AlarmStatus, EventStatus, Kind, MessageStatus
from fs_app.domain.sending import (
    Declined,
    Delivered,
    Delivery,
    Message,
    Refused,
    SendVerdict,
    SmsGatewayFacts,
    Unreached,
    after,
    backoff,
)
from fs_app.errors import LeaseLost
from fs_app.store import outbox, reports
from fs_app.store.database import Store
from fs_app.store.due import due_alarm, is_dnc
from fs_app.store.models import Alarm, AlarmRequest, CalendarUserProfile, Event, Outbox, SmsGateway, Webhook

_REASON_MAX = 300


class OutboxQueue:
    """``default_zone`` is the zone of calendars that name none."""

    def __init__(self, store: Store, default_zone: ZoneInfo) -> None:
        self._store = store
        self._zone = default_zone

    def next_due(self, kinds: frozenset[Kind] = frozenset(Kind)) -> datetime | None:
        """When the earliest row of these kinds may be sent, or its lease runs out; None when none waits."""
        with self._store.reading():
            found = []
            for kind in kinds:
                query = Outbox.select(Outbox.due_at).where(Outbox.kind == kind.value, Outbox.due_at.is_null(False))
                row = query.order_by(Outbox.due_at).first()
                if row is not None:
                    found.append(row.due_at)
            return min(found, default=None)

    def claim(self, now: datetime, room: Mapping[Kind, int], lease: timedelta) -> list[Message]:
        """Up to ``room`` messages of each kind that are due at ``now``, each ours until ``now + lease``.

        What must not be sent (any more) is booked instead. On PostgreSQL rows another worker holds are skipped.
        """
        messages = []
        with self._store.transaction():
            for kind, limit in room.items():
                query = (
                    Outbox.select()
                    .where(Outbox.kind == kind.value, Outbox.due_at <= now)
                    .order_by(Outbox.due_at)
                    .limit(limit)
                )
                if not self._store.sqlite:
                    query = query.for_update("FOR UPDATE SKIP LOCKED")  # type: ignore[arg-type]  # a stub gap
                for row in list(query):
                    message = self._claim_one(row, now, lease)
                    if message is not None:
                        messages.append(message)
        return messages

    def book(self, message: Message, delivery: Delivery, now: datetime) -> None:
        """Write down how a sending went, and what follows. Raises LeaseLost when it is no longer ours."""
        with self._store.transaction():
            query = Outbox.select().where(Outbox.id == message.id, Outbox.lease_token == message.token)
            # Locked: a report that comes in between would be overwritten unread.
            row = (query if self._store.sqlite else query.for_update()).first()
            if row is None:
                raise LeaseLost("the lease on this message is no longer ours")
            request = _open_request(row)
            if request is not None:
                self._book_attempt(row, request, delivery, now)
            else:
                self._book_plain(row, delivery, now)
            if row.report and isinstance(delivery, Delivered):  # its report was faster than we
                reports.apply(Outbox.get_by_id(row.id), now, self._zone)
            if isinstance(delivery, Unreached) and row.lane:
                # Its neighbours would wait as long for the same silence, and hold up all others meanwhile.
                Outbox.update(due_at=now + backoff(row.attempts)).where(
                    Outbox.kind == row.kind,
                    Outbox.lane == row.lane,
                    Outbox.due_at < now + backoff(row.attempts),
                    Outbox.lease_token.is_null(),
                ).execute()

    def expire_all(self, now: datetime) -> None:
        """Declare every lease run out: for the one sender of a SQLite database, at its start."""
        with self._store.transaction():
            Outbox.update(due_at=now, lease_expires=now).where(Outbox.lease_token.is_null(False)).execute()

    # ---- inside a transaction

    def _claim_one(self, row: Outbox, now: datetime, lease: timedelta) -> Message | None:
        request = _open_request(row)
        if request is not None and not self._may_go(row, request, now):
            return None
        if now >= row.expires_at and request is None:
            _close(row, MessageStatus.FAILED, now, f"given up: {row.reason or 'never sent in its time'}")
            return None
        manager = outbox.manager_of(row.user_id)
        gateway = None
        if row.kind == Kind.SMS:
            if is_dnc(manager, row.destination):
                _close(row, MessageStatus.FAILED, now, "do not call: the number is on a do-not-call list")
                return None
            gateway = _gateway(row)
        token = uuid.uuid4().hex
        Outbox.update(
            lease_token=token,
            lease_expires=now + lease,
            due_at=now + lease,
            attempts=row.attempts + 1,
            sms_gateway=None if gateway is None else gateway.id,
            updated_date=now,
        ).where(Outbox.id == row.id).execute()
        return Message(
            id=row.id,
            token=token,
            kind=Kind(row.kind),
            key=row.idempotency_key,
            destination=row.destination,
            payload=row.payload,
            attempt=row.attempts + 1,
            gateway=gateway,
            secret=_secret(manager, now) if row.kind == Kind.WEBHOOK else "",
        )

    def _may_go(self, row: Outbox, request: AlarmRequest, now: datetime) -> bool:
        """Whether an alarm's message may (still) be sent now; else what follows is booked."""
        alarm = request.alarm
        due = due_alarm(alarm, self._zone)
        waits = AlarmStatus.RETRY if alarm.num_attempt else AlarmStatus.PENDING
        if due is None or due.event_status is not EventStatus.PENDING:
            self._finish(row, request, due, SendVerdict(waits, "not sent: the event is no longer pending", False), now)
        elif now >= due.policy.event_end:
            reason = "missed: the event had ended before the message could be sent"
            self._finish(row, request, due, SendVerdict(AlarmStatus.FAILURE, reason, False), now)
        elif due.do_not_call and due.method is AlarmMethod.SMS:
            reason = "do not call: the number is on a do-not-call list"
            self._finish(row, request, due, SendVerdict(AlarmStatus.FAILURE, reason, False), now)
        else:
            policy = due.policy
            opening = policy.next_open(now)
            if opening <= now:
                return True
            verdict = SendVerdict(waits, "outside the daily window", False, opening)
            if opening >= policy.event_end:
                reason = "missed: the daily window does not open again before the event ends"
                verdict = SendVerdict(AlarmStatus.FAILURE, reason, False)
            self._finish(row, request, due, verdict, now)
        return False

    def _book_attempt(self, row: Outbox, request: AlarmRequest, delivery: Delivery, now: datetime) -> None:
        due = due_alarm(request.alarm, self._zone)
        if due is None:
            _close(row, MessageStatus.FAILED, now, "its event is gone")
            return
        verdict = after(delivery, row.attempts, due.policy, due.num_attempt, now)
        reference = delivery.reference if isinstance(delivery, Delivered) else ""
        self._finish(row, request, due, verdict, now, reference)

    def _finish(
        self,
        row: Outbox,
        request: AlarmRequest,
        due: DueAlarm | None,
        verdict: SendVerdict,
        now: datetime,
        reference: str = "",
    ) -> None:
        alarm = request.alarm
        if verdict.status is AlarmStatus.SUCCESS:
            state = _taken(row)
        else:
            # Sent once and never booked: nobody knows whether it was taken.
            unclear = verdict.same_key or (row.attempts > 0 and row.lease_token is not None and not verdict.counted)
            again = unclear and verdict.status is not AlarmStatus.FAILURE
            state = MessageStatus.UNCLEAR if again else MessageStatus.FAILED
        _close(row, state, now, verdict.reason, reference)
        AlarmRequest.update(status=verdict.status, reason=verdict.reason[:_REASON_MAX]).where(
            AlarmRequest.id == request.id
        ).execute()
        pending = due is not None and due.event_status is EventStatus.PENDING
        changed = (
            Alarm.update(
                status=verdict.status,
                reason=verdict.reason[:_REASON_MAX],
                due_at=verdict.due_at if pending else None,
                num_attempt=alarm.num_attempt + (1 if verdict.counted else 0),
                updated_date=now,
            )
            .where(Alarm.id == alarm.id, Alarm.status == AlarmStatus.IN_PROCESS)
            .execute()
        )
        if changed and verdict.status is AlarmStatus.FAILURE and due is not None:
            missed = verdict.reason.startswith("missed")
            outbox.tell(alarm, "missed" if missed else "failed", now, reason=verdict.reason)
            if verdict.counted:
                outbox.failure_sms(alarm, due, now)

    def _book_plain(self, row: Outbox, delivery: Delivery, now: datetime) -> None:
        match delivery:
            case Delivered(reference):
                _close(row, _taken(row), now, "", reference)
            case Refused(reason):
                _close(row, MessageStatus.FAILED, now, reason)
            case Declined(reason) | Unreached(reason):
                again = now + backoff(row.attempts)
                if again >= row.expires_at:
                    _close(row, MessageStatus.FAILED, now, f"given up: {reason}")
                    return
                Outbox.update(
                    due_at=again, lease_token=None, lease_expires=None, reason=reason[:_REASON_MAX], updated_date=now
                ).where(Outbox.id == row.id).execute()


def insert_message(alarm: Alarm, send: Send, key: str, expires_at: datetime, now: datetime) -> None:
    """Write the attempt and its message, in the transaction that claims the alarm.

    A message of which nobody knows whether it was taken is repeated with its key, as long as it is the same.
    """
    row = (
        Outbox.select()
        .where(
            Outbox.alarm == alarm,
            Outbox.status == MessageStatus.UNCLEAR,
            Outbox.kind == send.kind.value,
            Outbox.destination == send.destination,
        )
        .order_by(Outbox.id.desc())
        .first()
    )
    payload = dict(send.payload)
    if row is not None and row.payload == payload:
        Outbox.update(status=MessageStatus.PENDING, due_at=now, expires_at=expires_at, updated_date=now).where(
            Outbox.id == row.id
        ).execute()
        outbox.touched()
    else:
        user = alarm.event.calendar.user_id
        outbox.add(send.kind.value, key, send.destination, payload, expires_at, now, alarm=alarm.id, user=user)
        row = Outbox.get(Outbox.idempotency_key == key)
    AlarmRequest.create(alarm=alarm, attempt=alarm.sequence + 1, outbox=row, date=now, created_date=now)
    Alarm.update(
        sequence=Alarm.sequence + 1, status=AlarmStatus.IN_PROCESS, reason="", due_at=None, updated_date=now
    ).where(Alarm.id == alarm.id).execute()
    Event.update(notify_count=Event.notify_count + 1).where(Event.id == alarm.event_id).execute()


def _open_request(row: Outbox) -> AlarmRequest | None:
    found: AlarmRequest | None = AlarmRequest.get_or_none(
        AlarmRequest.outbox == row.id, AlarmRequest.status == AlarmStatus.IN_PROCESS
    )
    return found


def _taken(row: Outbox) -> MessageStatus:
    """What a message is once the other side has taken it: only a webhook has arrived with that."""
    return MessageStatus.DELIVERED if row.kind == Kind.WEBHOOK else MessageStatus.SENT


def _close(row: Outbox, status: MessageStatus, now: datetime, reason: str, reference: str = "") -> None:
    Outbox.update(
        status=status.value,
        due_at=None,
        lease_token=None,
        lease_expires=None,
        reason=reason[:_REASON_MAX],
        reference=reference[:_REASON_MAX],
        updated_date=now,
    ).where(Outbox.id == row.id).execute()


def _gateway(row: Outbox) -> SmsGatewayFacts | None:
    gateway_id = row.payload.get("sms_gateway")
    if gateway_id is None:
        user_id = row.user_id
        if row.alarm is not None:
            user_id = row.alarm.event.calendar.user_id
        elif row.callrequest is not None:
            user_id = row.callrequest.user_id
        profile = CalendarUserProfile.get_or_none(CalendarUserProfile.user == user_id)
        setting = None if profile is None else profile.calendar_setting
        gateway_id = None if setting is None else setting.sms_gateway_id
    gateway = (
        None if gateway_id is None else SmsGateway.get_or_none(SmsGateway.id == gateway_id, SmsGateway.status == 1)
    )
    return (
        None if gateway is None else SmsGatewayFacts(gateway.id, gateway.name, gateway.driver, gateway.parameters or {})
    )


def _secret(manager: int | None, now: datetime) -> str:
    """What signs a manager's webhooks; made when first needed."""
    if manager is None:
        return ""
    fresh = {"user": manager, "secret": new_secret(), "created_date": now, "updated_date": now}
    Webhook.insert(**fresh).on_conflict(conflict_target=[Webhook.user], action="NOTHING").execute()
    return str(Webhook.get(Webhook.user == manager).secret)


def new_secret() -> str:
    """256 random bits, in text."""
    return secrets.token_urlsafe(32)
