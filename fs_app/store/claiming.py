"""What one claim does, inside the caller's transaction: which alarms are due, what was decided about each, and what is
written down for it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from peewee import ModelSelect

from fs_app.domain.alarms import Claim, Decision, Dial, DueAlarm, Fail, Send, Wait
from fs_app.domain.enums import AlarmMethod, AlarmStatus
from fs_app.domain.pacing import Pacing
from fs_app.errors import InvalidInput
from fs_app.store import calls, lanes, outbox, states
from fs_app.store.due import due_alarm
from fs_app.store.models import Alarm, Event
from fs_app.store.outbox_queue import insert_message
from fs_app.store.prepared import locked, prepared

log = logging.getLogger(__name__)

Decide = Callable[[DueAlarm, str], Decision]
_WAITING = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)


def decision_on(alarm: Alarm, call_uuid: str, decide: Decide, default_zone: ZoneInfo) -> Decision:
    """One row that nobody can decide about must not hold up all others: it fails, and says why."""
    try:
        due = due_alarm(alarm, default_zone)
        return Fail("its event is gone") if due is None else decide(due, call_uuid)
    except (InvalidInput, ValueError, TypeError, KeyError) as exc:
        log.exception("alarm %s cannot be decided about", alarm.id)
        return Fail(f"cannot be decided: {exc}")


class Claiming:
    """One claim, as of ``now``. On PostgreSQL rows that another worker holds are skipped."""

    def __init__(
        self, now: datetime, lease: timedelta, decide: Decide, default_zone: ZoneInfo, new_uuid: Callable[[], uuid.UUID]
    ) -> None:
        self._now = now
        self._lease = lease
        self._decide = decide
        self._zone = default_zone
        self._new_uuid = new_uuid

    def messages(self, method: AlarmMethod, limit: int) -> None:
        """Up to ``limit`` alarms by SMS or mail: what is to be sent is in the outbox then."""
        for alarm in _due.all(method.value, self._now, limit):
            self._write_down(alarm, self._decision(alarm))

    def calls(self, limit: int, pacing: Pacing) -> tuple[list[Claim], lanes.Room | None]:
        """Up to ``limit`` calls, each in its turn: one of each lane, and again, while there is room; see lanes.py.
        And what room is left; None: no lane was due."""
        claims: list[Claim] = []
        head = lanes.first_due()
        if head is None or head > self._now + lanes.BEHIND:
            return claims, None
        room = lanes.Room(self._now, pacing)
        done: set[int] = set()  # nothing more to be had from these in this claim
        looks = 4 * limit  # alarms that end in no call take time as well
        while len(claims) < limit and looks > 0:
            found = lanes.due_lanes(self._now, room.open_gateways(), limit - len(claims), done)
            if not found:
                break
            share = max((limit - len(claims)) // len(found), 1)
            for lane in found:
                served, looked = self._serve(lane, room, share)
                claims += served
                looks -= max(looked, 1)
                if looked == 0:
                    done.add(lane.calendar_id)
        room.keep()
        return claims, room

    def _serve(self, lane: lanes.DueLane, room: lanes.Room, share: int) -> tuple[list[Claim], int]:
        """Up to ``share`` calls of a lane, and how many of its alarms were dealt with; it goes behind all others."""
        claims: list[Claim] = []
        now, looked, gateway_id, opens = self._now, 0, lane.gateway_id, self._now
        free = lanes.calendar_room(lane)
        if free is not None and free <= 0:
            room.leave(lane.calendar_id, gateway_id, now + lanes.BLOCKED)
            return claims, 0
        due = _due_in_lane.all(lane.calendar_id, now, share if free is None else min(share, free))
        for alarm in due:
            decision = self._decision(alarm)
            if isinstance(decision, Dial):
                gateway_id = decision.gateway_id
                turn = room.take(gateway_id)
                if turn is None:
                    break
                claims.append(self._take(alarm, decision, lane, turn))
            else:
                self._write_down(alarm, decision)
            looked += 1
            if isinstance(decision, Wait) and decision.calendar:
                opens = decision.until
                break
        if due and not looked:  # there was no room for it: it keeps its place
            room.leave(lane.calendar_id, gateway_id, lane.due_at)
            return claims, 0
        behind = opens + lanes.BEHIND if due else now + lanes.HELD
        room.leave(lane.calendar_id, gateway_id, behind, following=True)
        return claims, looked

    def _take(self, alarm: Alarm, dial: Dial, lane: lanes.DueLane, turn: lanes.Turn) -> Claim:
        """The attempt and its call."""
        call, token = calls.insert_call(
            dial,
            self._now,
            self._lease,
            lane.user_id,
            alarm.num_attempt + 1,
            calendar_id=lane.calendar_id,
            switch=turn.switch,
        )
        calls.insert_request(alarm, self._now, call=call)
        states.taken(alarm, self._now)
        return Claim(alarm.id, token, self._now + self._lease, dial, turn.at, turn.switch)

    def _write_down(self, alarm: Alarm, decision: Decision) -> None:
        """What is no call."""
        match decision:
            case Send():
                insert_message(alarm, decision, str(self._new_uuid()), self._now)
            case Wait(until, reason):
                states.becomes(alarm, alarm.status, self._now, reason, until)
            case Fail(reason):
                states.becomes(alarm, AlarmStatus.FAILURE, self._now, reason)
                outbox.tell(alarm, "missed" if reason.startswith("missed") else "failed", self._now, reason=reason)

    def _decision(self, alarm: Alarm) -> Decision:
        return decision_on(alarm, str(self._new_uuid()), self._decide, self._zone)


# ---- statements. Alarms are locked with their events.


@prepared
def _due(method: int, now: datetime, limit: int) -> ModelSelect[Alarm]:
    due = Alarm.select().join(Event).where(Alarm.method == method, Alarm.due_at <= now, Alarm.status.in_(_WAITING))
    return locked(due.order_by(Alarm.due_at).limit(limit), skip=True)


@prepared
def _due_in_lane(calendar_id: int, now: datetime, limit: int) -> ModelSelect[Alarm]:
    lane = Alarm.select().join(Event).where(Alarm.method == AlarmMethod.CALL, Alarm.lane == calendar_id)
    due = lane.where(Alarm.due_at <= now, Alarm.status.in_(_WAITING))
    return locked(due.order_by(Alarm.due_at).limit(limit), skip=True)
