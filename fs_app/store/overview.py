"""How things stand, in a few numbers for people."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from fs_app.store import migrate
from fs_app.store.database import Store
from fs_app.store.models import Alarm, CallRequest


class Overview(NamedTuple):
    """``waiting`` alarms to be placed or sent, the first of them at ``next_due``; ``open_calls`` are claimed or up."""

    schema: int
    waiting: int
    next_due: datetime | None
    open_calls: int


def overview(store: Store, now: datetime) -> Overview:
    """Raises StoreUnavailable."""
    with store.reading():
        waiting = Alarm.select().where(Alarm.due_at.is_null(False))
        first = waiting.order_by(Alarm.due_at).first()
        calls = CallRequest.select().where(CallRequest.ended_at.is_null(), CallRequest.call_time <= now)
        return Overview(migrate.version(store.db), waiting.count(), first and first.due_at, calls.count())
