"""Calls with their attempts, their alarms and all that is above those, read by one statement: each call is looked at so
before it is dialled and when it is over, and on PostgreSQL each statement is a round trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from peewee import ModelSelect

from fs_app.domain.enums import EventStatus
from fs_app.store import callbacks
from fs_app.store.due import ABOVE, Above, join_above
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, Event
from fs_app.store.prepared import locked, padded, prepared


class Case(NamedTuple):
    """The alarm of a call, with what was read in the same moment."""

    alarm: Alarm
    above: Above

    @property
    def pending(self) -> bool:
        """Whether the event is."""
        return bool(self.above.event.status == EventStatus.PENDING)

    def was_heard(self, call_uuid: str) -> bool:
        """Whether the alarm's reminder was heard in a call that came to us since that call of ours was claimed."""
        # Such a call is an attempt as well: where ours is the only one, nobody need be asked.
        return bool(self.alarm.sequence != 1) and callbacks.was_heard(self.alarm.id, call_uuid)


class Held(Exception):
    """Somebody is writing the event of this call: whoever is alone can wait for that, and should not keep others."""


def cases_of(call_uuids: Sequence[str]) -> dict[str, Case]:
    """The cases of calls, by the UUID of the call; without those of calls by hand, and those that do not exist.

    On PostgreSQL the events are locked, so that whoever pauses or resumes one comes before or after this whole
    transaction, and not in between, where each would leave the alarm to the other; they are locked before the alarms,
    as everybody does. Of several calls those whose event is locked already are left out, too: see :class:`Held`.
    """
    if not call_uuids:
        return {}
    found = _case.joined(*call_uuids) if len(call_uuids) == 1 else _cases.joined(padded(call_uuids))
    return {call.request_uuid: _case_of(*rest) for call, *rest in found}


def calls_and_cases(call_uuids: Sequence[str]) -> dict[str, tuple[CallRequest, Case]]:
    """:func:`cases_of`, each with the call itself."""
    one = len(call_uuids) == 1
    found = _call_and_case.joined(*call_uuids) if one else _calls_and_cases.joined(padded(call_uuids))
    return {call.request_uuid: (call, _case_of(*rest)) for call, *rest in found}


def _case_of(alarm: Alarm, *above: Any) -> Case:
    return Case(alarm, Above(*above))


_CASE = Alarm, *ABOVE


def _joined(*selected: Any) -> ModelSelect[AlarmRequest]:
    return join_above(AlarmRequest.select(*selected).join(CallRequest).switch(AlarmRequest).join(Alarm).join(Event))


@prepared
def _case(call_uuid: str) -> ModelSelect[AlarmRequest]:
    found = _joined(CallRequest.request_uuid, *_CASE).where(CallRequest.request_uuid == call_uuid)
    return locked(found, of=[Event])


@prepared
def _cases(call_uuids: list[str]) -> ModelSelect[AlarmRequest]:
    found = _joined(CallRequest.request_uuid, *_CASE).where(CallRequest.request_uuid.in_(call_uuids))
    return locked(found, of=[Event], skip=True)


@prepared
def _call_and_case(call_uuid: str) -> ModelSelect[AlarmRequest]:
    return locked(_joined(CallRequest, *_CASE).where(CallRequest.request_uuid == call_uuid), of=[Event])


@prepared
def _calls_and_cases(call_uuids: list[str]) -> ModelSelect[AlarmRequest]:
    found = _joined(CallRequest, *_CASE).where(CallRequest.request_uuid.in_(call_uuids))
    return locked(found, of=[Event], skip=True)
