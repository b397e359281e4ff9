"""Delivery reports of short messages: what became of one after the service took it.

Each function works inside a transaction of the caller's.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from fs_app.domain.enums import AlarmResult, AlarmStatus, Kind, MessageStatus
from fs_app.domain.replies import Report
from fs_app.domain.sending import Declined, after
from fs_app.store import outbox
from fs_app.store.due import due_alarm
from fs_app.store.models import Alarm, AlarmRequest, Outbox

_OPEN = (MessageStatus.PENDING.value, MessageStatus.UNCLEAR.value)


def find(gateway_id: int, key: str, reference: str) -> Outbox | None:
    """The message a report is about: by our key where the service gives it back, else by the service's own id."""
    about = (Outbox.sms_gateway == gateway_id) & (Outbox.kind == Kind.SMS.value)
    if key:
        found: Outbox | None = Outbox.get_or_none(about, Outbox.idempotency_key == key)
        return found
    if not reference:
        return None
    return Outbox.select().where(about, Outbox.reference == reference).order_by(Outbox.id.desc()).first()  # type: ignore[no-any-return]


def arrived(row: Outbox, report: Report, words: str, now: datetime, zone: ZoneInfo) -> None:
    """A report came. The first that decides holds; a failure after a delivery is another part's, and counts too."""
    if not report or row.report in (report.value, Report.UNDELIVERED.value):
        return
    # Written even while the sending is not booked yet: whoever books it looks here.
    Outbox.update(report=report.value, reason=words[:300], updated_date=now).where(Outbox.id == row.id).execute()
    if row.status not in _OPEN:
        apply(Outbox.get_by_id(row.id), now, zone)


def apply(row: Outbox, now: datetime, zone: ZoneInfo) -> None:
    """Make the report true of a message that was sent, and of its alarm when this was its last attempt.

    A message that did not arrive is an attempt that failed: another follows where the alarm has one left.
    """
    if row.status not in (MessageStatus.SENT.value, MessageStatus.DELIVERED.value):
        return
    arrived_well = row.report == Report.DELIVERED
    state = MessageStatus.DELIVERED if arrived_well else MessageStatus.UNDELIVERED
    Outbox.update(status=state.value, updated_date=now).where(Outbox.id == row.id).execute()
    request = AlarmRequest.get_or_none(AlarmRequest.outbox == row.id, AlarmRequest.status == AlarmStatus.SUCCESS)
    if arrived_well or request is None:
        return
    alarm = request.alarm
    last = alarm.sequence == request.attempt and alarm.status == AlarmStatus.SUCCESS
    due = due_alarm(alarm, zone) if last and alarm.result == AlarmResult.NONE else None
    if due is None:
        return
    failed = Declined(f"not delivered: {row.reason}".rstrip(": "))
    verdict = after(failed, row.attempts, due.policy, _before(alarm), now)
    reason = verdict.reason[:300]
    AlarmRequest.update(status=verdict.status, reason=reason).where(AlarmRequest.id == request.id).execute()
    changed = (
        Alarm.update(status=verdict.status, reason=reason, due_at=verdict.due_at, updated_date=now)
        .where(Alarm.id == alarm.id, Alarm.status == AlarmStatus.SUCCESS, Alarm.sequence == request.attempt)
        .execute()
    )
    if changed and verdict.status is AlarmStatus.FAILURE:
        outbox.tell(alarm, "failed", now, reason=verdict.reason)
        outbox.failure_sms(alarm, due, now)


def _before(alarm: Alarm) -> int:
    """The counted attempts before the last one, which was counted when it was taken."""
    return max(int(alarm.num_attempt) - 1, 0)
