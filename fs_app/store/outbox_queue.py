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

from peewee import ModelInsert, ModelSelect, ModelUpdate

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
from fs_app.store import calls, outbox, reports, states
from fs_app.store.database import Store
from fs_app.store.due import due_alarm, is_dnc
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    Calendar,
    CalendarSetting,
    CalendarUserProfile,
    CallRequest,
    Event,
    Outbox,
    SmsGateway,
    Webhook,
)
from fs_app.store.prepared import by_id, locked, prepared

_REASON_MAX = 300


class OutboxQueue:
    """``default_zone`` is the zone of calendars that name none."""

    def __init__(self, store: Store, default_zone: ZoneInfo) -> None:
        self._store = store
        self._zone = default_zone

    def next_due(self, kinds: frozenset[Kind] = frozenset(Kind)) -> datetime | None:
        """When the earliest row of these kinds may be sent, or its lease runs out; None when none waits."""
        with self._store.reading():
            heads = (_head.scalar(kind.value) for kind in kinds)
            return min((head for head in heads if head is not None), default=None)

    def claim(self, now: datetime, room: Mapping[Kind, int], lease: timedelta) -> list[Message]:
        """Up to ``room`` messages of each kind that are due at ``now``, each ours until ``now + lease``.

        What must not be sent (any more) is booked instead. On PostgreSQL rows another worker holds are skipped.
        """
        messages = []
        with self._store.transaction():
            for kind, limit in room.items():
                for row in _due.all(kind.value, now, limit):
                    message = self._claim_one(row, now, lease)
                    if message is not None:
                        messages.append(message)
        return messages

    def book(self, message: Message, delivery: Delivery, now: datetime) -> None:
        """Write down how a sending went, and what follows. Raises LeaseLost when it is no longer ours."""
        with self._store.transaction():
            # Locked: a report that comes in between would be overwritten unread.
            row = _under_lease.first(message.id, message.token)
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
                _postpone.run(row.kind, row.lane, now + backoff(row.attempts))

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
        _take.run(row.id, token, now + lease, None if gateway is None else gateway.id, now)
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
        alarm = _alarm(request)
        due = due_alarm(alarm, self._zone)
        waits = states.waits(alarm)
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
        due = due_alarm(_alarm(request), self._zone)
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
        alarm = _alarm(request)
        if verdict.status is AlarmStatus.SUCCESS:
            state = _taken(row)
        else:
            # Sent once and never booked: nobody knows whether it was taken.
            unclear = verdict.same_key or (row.attempts > 0 and row.lease_token is not None and not verdict.counted)
            again = unclear and verdict.status is not AlarmStatus.FAILURE
            state = MessageStatus.UNCLEAR if again else MessageStatus.FAILED
        _close(row, state, now, verdict.reason, reference)
        reason = verdict.reason[:_REASON_MAX]
        _close_request.run(request.id, verdict.status, reason)
        pending = due is not None and due.event_status is EventStatus.PENDING
        due_at = verdict.due_at if pending else None
        changed = _close_alarm.run(alarm.id, verdict.status, reason, due_at, int(verdict.counted), now)
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
                _again.run(row.id, again, reason[:_REASON_MAX], now)


def insert_message(alarm: Alarm, send: Send, key: str, now: datetime) -> None:
    """Write the attempt and its message, in the transaction that claims the alarm.

    A message of which nobody knows whether it was taken is repeated with its key, as long as it is the same.
    """
    ((end, user),) = _event_of.tuples(alarm.event_id)
    row = _unclear.first(alarm.id, send.kind.value, send.destination)
    payload = dict(send.payload)
    if row is not None and row.payload == payload:
        _revive.run(row.id, end, now)
        outbox.touched()
        message: int = row.id
    else:
        outbox.add(send.kind.value, key, send.destination, payload, end, now, alarm=alarm.id, user=user)
        message = _by_key.scalar(key)
    calls.insert_message_request(alarm, message, now)
    states.taken([alarm], now)


def _open_request(row: Outbox) -> AlarmRequest | None:
    return _open_request_of.first(row.id)


def _alarm(request: AlarmRequest) -> Alarm:
    alarm = by_id(Alarm, request.alarm_id)
    assert alarm is not None  # its requests go with it
    return alarm


def _taken(row: Outbox) -> MessageStatus:
    """What a message is once the other side has taken it: only a webhook has arrived with that."""
    return MessageStatus.DELIVERED if row.kind == Kind.WEBHOOK else MessageStatus.SENT


def _close(row: Outbox, status: MessageStatus, now: datetime, reason: str, reference: str = "") -> None:
    _end.run(row.id, status.value, reason[:_REASON_MAX], reference[:_REASON_MAX], now)


def _gateway(row: Outbox) -> SmsGatewayFacts | None:
    gateway_id = row.payload.get("sms_gateway")
    if gateway_id is None:
        gateway_id = _gateway_of_user.scalar(_user(row))
    gateway = by_id(SmsGateway, gateway_id)
    if gateway is None or gateway.status != 1:
        return None
    return SmsGatewayFacts(gateway.id, gateway.name, gateway.driver, gateway.parameters or {})


def _user(row: Outbox) -> int | None:
    """Whose setting knows the gateway of a message: the alarm's, the call's or its own user."""
    if row.alarm_id is not None:
        alarm = by_id(Alarm, row.alarm_id)
        return None if alarm is None else _event_of.tuples(alarm.event_id)[0][1]
    call = by_id(CallRequest, row.callrequest_id)
    return row.user_id if call is None else call.user_id


def _secret(manager: int | None, now: datetime) -> str:
    """What signs a manager's webhooks; made when first needed."""
    if manager is None:
        return ""
    if not _secret_of.exists(manager):
        _first_secret.run(manager, new_secret(), now)
    return str(_secret_of.scalar(manager))


def new_secret() -> str:
    """256 random bits, in text."""
    return secrets.token_urlsafe(32)


# ---- statements


@prepared
def _head(kind: str) -> ModelSelect[Outbox]:
    waiting = Outbox.select(Outbox.due_at).where(Outbox.kind == kind, Outbox.due_at.is_null(False))
    return waiting.order_by(Outbox.due_at).limit(1)


@prepared
def _due(kind: str, now: datetime, limit: int) -> ModelSelect[Outbox]:
    due = Outbox.select().where(Outbox.kind == kind, Outbox.due_at <= now)
    return locked(due.order_by(Outbox.due_at).limit(limit), skip=True)


@prepared
def _under_lease(message_id: int, token: str) -> ModelSelect[Outbox]:
    return locked(Outbox.select().where(Outbox.id == message_id, Outbox.lease_token == token))


@prepared
def _take(message_id: int, token: str, until: datetime, gateway_id: int | None, now: datetime) -> ModelUpdate:
    return Outbox.update(
        lease_token=token,
        lease_expires=until,
        due_at=until,
        attempts=Outbox.attempts + 1,
        sms_gateway=gateway_id,
        updated_date=now,
    ).where(Outbox.id == message_id)


@prepared
def _again(message_id: int, due_at: datetime, reason: str, now: datetime) -> ModelUpdate:
    free = Outbox.update(due_at=due_at, lease_token=None, lease_expires=None, reason=reason, updated_date=now)
    return free.where(Outbox.id == message_id)


@prepared
def _end(message_id: int, status: str, reason: str, reference: str, now: datetime) -> ModelUpdate:
    return Outbox.update(
        status=status,
        due_at=None,
        lease_token=None,
        lease_expires=None,
        reason=reason,
        reference=reference,
        updated_date=now,
    ).where(Outbox.id == message_id)


@prepared
def _postpone(kind: str, lane: str, until: datetime) -> ModelUpdate:
    neighbours = Outbox.kind == kind, Outbox.lane == lane, Outbox.due_at < until, Outbox.lease_token.is_null()
    return Outbox.update(due_at=until).where(*neighbours)


@prepared
def _unclear(alarm_id: int, kind: str, destination: str) -> ModelSelect[Outbox]:
    same = Outbox.kind == kind, Outbox.destination == destination
    found = Outbox.select().where(Outbox.alarm == alarm_id, Outbox.status == MessageStatus.UNCLEAR, *same)
    return found.order_by(Outbox.id.desc()).limit(1)


@prepared
def _revive(message_id: int, expires_at: datetime, now: datetime) -> ModelUpdate:
    pending = Outbox.update(status=MessageStatus.PENDING, due_at=now, expires_at=expires_at, updated_date=now)
    return pending.where(Outbox.id == message_id)


@prepared
def _by_key(key: str) -> ModelSelect[Outbox]:
    return Outbox.select(Outbox.id).where(Outbox.idempotency_key == key)


@prepared
def _open_request_of(message_id: int) -> ModelSelect[AlarmRequest]:
    open_ = AlarmRequest.status == AlarmStatus.IN_PROCESS
    return AlarmRequest.select().where(AlarmRequest.outbox == message_id, open_).limit(1)


@prepared
def _close_request(request_id: int, status: int, reason: str) -> ModelUpdate:
    return AlarmRequest.update(status=status, reason=reason).where(AlarmRequest.id == request_id)


@prepared
def _close_alarm(
    alarm_id: int, status: int, reason: str, due_at: datetime | None, counted: int, now: datetime
) -> ModelUpdate:
    attempts = Alarm.num_attempt + counted
    return Alarm.update(status=status, reason=reason, due_at=due_at, num_attempt=attempts, updated_date=now).where(
        Alarm.id == alarm_id, Alarm.status == AlarmStatus.IN_PROCESS
    )


@prepared
def _event_of(event_id: int) -> ModelSelect[Event]:
    return Event.select(Event.end, Calendar.user).join(Calendar).where(Event.id == event_id)


@prepared
def _gateway_of_user(user_id: int | None) -> ModelSelect[CalendarUserProfile]:
    setting = CalendarUserProfile.select(CalendarSetting.sms_gateway).join(CalendarSetting)
    return setting.where(CalendarUserProfile.user == user_id)


@prepared
def _secret_of(manager: int) -> ModelSelect[Webhook]:
    return Webhook.select(Webhook.secret).where(Webhook.user == manager)


@prepared
def _first_secret(manager: int, secret: str, now: datetime) -> ModelInsert:
    made = Webhook.insert(user=manager, secret=secret, created_date=now, updated_date=now)
    return made.on_conflict(conflict_target=[Webhook.user], action="NOTHING")
