"""The outbox: what is to be sent into the world, written in the transaction of its cause.

A row that was committed is sent at least once; its idempotency key goes with it each time, so that a receiver that
knows the key takes it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fs_app.store.models import Outbox

SMS = "sms"
MAIL = "mail"
WEBHOOK = "webhook"


def add(
    kind: str,
    idempotency_key: str,
    destination: str,
    payload: Mapping[str, Any],
    expires_at: datetime,
    now: datetime,
    alarm: int | None = None,
    callrequest: int | None = None,
    user: int | None = None,
) -> bool:
    """Write a row, inside the caller's transaction; False when there is one with that key: nothing is changed then.

    It is sent from ``now`` on and tried until ``expires_at`` (both aware). ``alarm``, ``callrequest`` and ``user``
    are ids of rows; ``user`` is the manager it is sent for, or one of its calendar users.

    - ``sms``: ``destination`` is a number; ``payload`` is ``{"text": …}`` and may hold ``sender`` and ``sms_gateway``
      (an id). Without it the gateway is that of the calendar setting of the alarm, the call or the user.
    - ``webhook``: ``destination`` is the URL, ``payload`` the JSON object that is posted.
    - ``mail``: ``destination`` is the address; ``payload`` holds ``subject``, ``text``, ``html``, ``from_email`` and
      ``from_name``.
    """
    added = (
        Outbox.insert(
            kind=kind,
            idempotency_key=idempotency_key,
            destination=destination,
            payload=dict(payload),
            due_at=now,
            expires_at=expires_at,
            alarm=alarm,
            callrequest=callrequest,
            user=user,
            created_date=now,
            updated_date=now,
        )
        .on_conflict(conflict_target=[Outbox.idempotency_key], action="NOTHING")
        .as_rowcount()
        .execute()
    )
    return bool(added)
