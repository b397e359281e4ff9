"""A copy of what decides when whom to call: for a rehearsal, which must touch nothing of the original."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from peewee import Model

from fs_app.domain.enums import AlarmStatus
from fs_app.store.database import Store
from fs_app.store.models import (
    Alarm,
    AudioBlob,
    AudioFile,
    Calendar,
    CalendarSetting,
    CalendarUserProfile,
    DncContact,
    DncList,
    Event,
    Gateway,
    MailTemplate,
    Rule,
    SealedSurvey,
    SmsGateway,
    SmsTemplate,
    User,
)

_OPEN = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)
_CHUNK = 100  # rows of one INSERT
# What nobody decides by stays behind: credentials, recordings, what callees pressed.
_LEFT_OUT: dict[str, dict[str, Any]] = {
    "users": {"password": "-"},
    "audio_blob": {"content": b""},
    "sealed_survey": {"template": None},
    "sms_gateway": {"parameters": None},
}
_ORDER: tuple[type[Model], ...] = (
    *(User, Gateway, SmsGateway, AudioBlob, AudioFile, SealedSurvey, MailTemplate, SmsTemplate, DncList, DncContact),
    *(CalendarSetting, CalendarUserProfile, Calendar, Rule, Event, Alarm),
)


def copy_schedule(source: Store, path: Path, now: datetime) -> Store:
    """Copy what waits at ``now`` into a new SQLite database at ``path``, in one consistent view of ``source``.

    ``source`` is closed: a process has one Store at a time, and the copy is it from here on. Attempts that are under
    way are not in the copy.
    """
    with source.reading():
        rows = {model: [_reduced(row) for row in _waiting(model, now)] for model in _ORDER}
    source.close()
    copy = Store(f"sqlite:///{path}")
    copy.migrate()
    with copy.connected():
        copy.db.execute_sql("PRAGMA synchronous = OFF")  # nobody mourns it
        copy.db.execute_sql("CREATE INDEX alarm_ended ON alarm (updated_date) WHERE status = 3")
    with copy.transaction():
        copy.db.execute_sql("PRAGMA defer_foreign_keys = ON")
        Rule.delete().execute()  # a new database ships with some; the copy has its own
        for model, found in rows.items():
            for start in range(0, len(found), _CHUNK):
                model.insert_many(found[start : start + _CHUNK]).execute()
    return copy


def _waiting(model: type[Model], now: datetime) -> Any:
    query = model.select()
    current = (Event.end > now) | Event.rule.is_null(False) | Event.parent_event.is_null(False)
    if model is Event:
        return query.where(current)
    if model is Alarm:
        waits = Alarm.status.in_(_OPEN) | Event.rule.is_null(False)
        return query.join(Event).where(current, waits)
    return query


def _reduced(row: Model) -> dict[str, Any]:
    return {**row.__data__, **_LEFT_OUT.get(row._meta.table_name, {})}
