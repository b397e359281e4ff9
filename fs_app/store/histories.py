"""Reading what happened to one alarm."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from peewee import JOIN

from fs_app.domain.enums import AlarmResult, AlarmStatus, MessageStatus, Outcome
from fs_app.domain.history import Attempt, History, Reply
from fs_app.domain.window import first_due
from fs_app.errors import NotFound
from fs_app.store import callbacks
from fs_app.store.database import Store
from fs_app.store.due import due_alarm
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, Outbox, SmsReply, SurveyAnswer


class Histories:
    """``default_zone`` is the zone of calendars that name none."""

    def __init__(self, store: Store, default_zone: ZoneInfo) -> None:
        self._store = store
        self._zone = default_zone

    def of(self, alarm_id: int) -> History:
        """All that is on record about an alarm. Raises NotFound."""
        with self._store.reading():
            alarm: Any = Alarm.get_or_none(Alarm.id == alarm_id)
            due = None if alarm is None else due_alarm(alarm, self._zone)
            if due is None:
                raise NotFound(f"there is no alarm {alarm_id}")
            policy = due.policy
            window = policy.daily_start, policy.daily_stop, policy.zone, policy.closed
            start = alarm.date_start_notice or due.event_start
            return History(
                due=due,
                status=AlarmStatus(alarm.status),
                result=AlarmResult(alarm.result),
                reason=alarm.reason,
                due_at=alarm.due_at,
                planned=first_due(start, alarm.advance_notice, *window),
                advance_notice=alarm.advance_notice,
                num_attempt=alarm.num_attempt,
                master=alarm.event.rule_id is not None,
                attempts=tuple(_attempt(row) for row in _requests(alarm)),
                replies=tuple(
                    Reply(r.created_date, r.sender, r.text, r.meaning)
                    for r in SmsReply.select().where(SmsReply.alarm == alarm).order_by(SmsReply.id)
                ),
            )


def _requests(alarm: Alarm) -> list[AlarmRequest]:
    return list(
        AlarmRequest.select(AlarmRequest, CallRequest, Outbox)
        .join(CallRequest, JOIN.LEFT_OUTER)
        .switch(AlarmRequest)
        .join(Outbox, JOIN.LEFT_OUTER)
        .where(AlarmRequest.alarm == alarm)
        .order_by(AlarmRequest.attempt)
    )


def _attempt(row: Any) -> Attempt:
    if row.callrequest_id is None:
        gone = row.outbox_id is None  # a message that has been swept away
        message = MessageStatus.SENT if gone else MessageStatus(row.outbox.status)
        return Attempt(row.attempt, row.date, row.reason, message=message)
    call = row.callrequest
    answers = SurveyAnswer.select().where(SurveyAnswer.callrequest == call).order_by(SurveyAnswer.position)
    # Why a survey stopped at its own end is nothing that anybody needs to be told.
    expected = call.completed and call.outcome == Outcome.ANSWERED.value
    return Attempt(
        row.attempt,
        row.date,
        "" if expected else row.reason or call.reason,
        outcome=Outcome(call.outcome) if call.outcome else None,
        dialled=call.dialled_at is not None,
        inbound=callbacks.is_callback(call),
        pressed=", ".join(a.digits for a in answers if a.digits),
        seconds=call.duration,
    )
