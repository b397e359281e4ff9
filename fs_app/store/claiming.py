"""What one claim does, inside the caller's transaction: which alarms are due, what was decided about each, and what is
written down for it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from peewee import ModelSelect

from fs_app.domain.alarms import Claim, Decision, Dial, DueAlarm, Fail, Send, Wait
from fs_app.domain.enums import AlarmMethod, AlarmStatus
from fs_app.domain.pacing import AHEAD, LEAD, Pacing
from fs_app.errors import InvalidInput
from fs_app.store import calls, lanes, outbox, states
from fs_app.store.due import Above, above_all, all_dnc, due_alarm
from fs_app.store.models import Alarm, Event
from fs_app.store.outbox_queue import insert_message
from fs_app.store.prepared import locked, prepared

log = logging.getLogger(__name__)

Decide = Callable[[DueAlarm, str], Decision]
_WAITING = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)


def decision_on(
    alarm: Alarm, above: Above, do_not_call: bool, call_uuid: str, decide: Decide, default_zone: ZoneInfo
) -> Decision:
    """One row that nobody can decide about must not hold up all others: it fails, and says why."""
    try:
        due = due_alarm(alarm, default_zone, above=above, do_not_call=do_not_call)
        return Fail("its event is gone") if due is None else decide(due, call_uuid)
    except (InvalidInput, ValueError, TypeError, KeyError) as exc:
        log.exception("alarm %s cannot be decided about", alarm.id)
        return Fail(f"cannot be decided: {exc}")


@dataclass(slots=True)
class _Served:
    """A lane in its turn. ``alarms`` None: its calendar has no room."""

    lane: lanes.DueLane
    alarms: list[Alarm] | None
    opens: datetime  # nothing of it is looked at before
    gateway_id: int = field(init=False)  # where its calls go
    looked: int = 0  # how many alarms were dealt with
    over: bool = False

    def __post_init__(self) -> None:
        self.gateway_id = self.lane.gateway_id

    def leaving(self, now: datetime) -> lanes.Leaving:
        """When the lane is due again."""
        at, following = self.opens + lanes.BEHIND, True
        if self.alarms is None:
            at, following = now + lanes.BLOCKED, False
        elif not self.alarms:  # others hold them
            at = now + LEAD + lanes.HELD
        elif not self.looked:  # there was no room for it: it keeps its place
            at, following = self.lane.due_at, False
        return lanes.Leaving(self.lane.calendar_id, self.gateway_id, at, following)


class _Facts:
    """What must be known of several alarms, asked for all of them at once."""

    def __init__(self, alarms: list[Alarm]) -> None:
        self.above = above_all(alarms)
        self.do_not_call = all_dnc((alarm, self.above[alarm.event_id]) for alarm in alarms)


class _New(NamedTuple):
    """A call that is about to be claimed."""

    alarm: Alarm
    dial: Dial
    lane: lanes.DueLane
    turn: lanes.Turn


def _in_turn(served: list[_Served], now: datetime) -> list[tuple[datetime, _Served, Alarm]]:
    """The alarms of several lanes: by when they are due, then round and round."""
    found = [
        (max(alarm.due_at, now), place, at, one, alarm)
        for at, one in enumerate(served)
        for place, alarm in enumerate(one.alarms or ())
    ]
    return [(due, one, alarm) for due, _place, _at, one, alarm in sorted(found, key=itemgetter(0, 1, 2))]


class Claiming:
    """One claim, as of ``now``: of messages that are due, and of calls that are or will be in a moment. On PostgreSQL
    rows that another worker holds are skipped."""

    def __init__(
        self, now: datetime, lease: timedelta, decide: Decide, default_zone: ZoneInfo, new_uuid: Callable[[], uuid.UUID]
    ) -> None:
        self._now = now
        self._until = now + AHEAD
        self._lease = lease
        self._decide = decide
        self._zone = default_zone
        self._new_uuid = new_uuid

    def messages(self, method: AlarmMethod, limit: int) -> None:
        """Up to ``limit`` alarms by SMS or mail: what is to be sent is in the outbox then."""
        alarms = _due.all(method.value, self._now, limit)
        facts = _Facts(alarms)
        for alarm in alarms:
            self._write_down(alarm, self._decision(alarm, facts))

    def calls(self, limit: int, pacing: Pacing) -> tuple[list[Claim], lanes.Room | None]:
        """Up to ``limit`` calls, each in its turn: one of each lane, and again, while there is room; see lanes.py.
        And what room is left; None: no lane was due."""
        claims: list[Claim] = []
        first = lanes.next_claim()
        if first is None or first > self._now:
            return claims, None
        room = lanes.Room(self._now, pacing)
        done: set[int] = set()  # nothing more to be had from these in this claim
        looks = 4 * limit  # alarms that end in no call take time as well
        while len(claims) < limit and looks > 0:
            found = lanes.due_lanes(self._until, room.open_gateways(), limit - len(claims), done)
            if not found:
                break
            share = max((limit - len(claims)) // len(found), 1)
            served = [self._waiting(lane, share) for lane in found]
            claims += self._serve(served, room)
            looks -= sum(max(one.looked, 1) for one in served)
            done.update(one.lane.calendar_id for one in served if not one.looked)
        room.keep()
        return claims, room

    def _waiting(self, lane: lanes.DueLane, share: int) -> _Served:
        """A lane and up to ``share`` of its alarms, as far as its calendar has room."""
        free = lanes.calendar_room(lane)
        if free is not None:
            share = min(share, free)
        alarms = None if share <= 0 else _due_in_lane.all(lane.calendar_id, self._until, share)
        return _Served(lane, alarms, self._now)

    def _serve(self, served: list[_Served], room: lanes.Room) -> list[Claim]:
        """What is due first has the first turn; of what is due now, each lane's first. Lanes go behind all others."""
        new: list[_New] = []
        facts = _Facts([alarm for one in served for alarm in one.alarms or ()])
        for due, one, alarm in _in_turn(served, self._now):
            if one.over:
                continue
            decision = self._decision(alarm, facts)
            if isinstance(decision, Dial):
                one.gateway_id = decision.gateway_id
                turn = room.take(decision.gateway_id, due)
                if turn is None:
                    one.over = True
                    continue
                new.append(_New(alarm, decision, one.lane, turn))
            else:
                self._write_down(alarm, decision)
            one.looked += 1
            if isinstance(decision, Wait) and decision.calendar:
                one.opens, one.over = decision.until, True
        claims = self._take(new)
        room.leave([one.leaving(self._now) for one in served])
        return claims

    def _take(self, new: list[_New]) -> list[Claim]:
        """The attempts and their calls."""
        if not new:
            return []
        rows = [
            calls.new_call(
                one.dial,
                self._now,
                self._lease,
                one.lane.user_id,
                one.alarm.num_attempt + 1,
                one.lane.calendar_id,
                one.turn.switch,
            )
            for one in new
        ]
        alarms = [one.alarm for one in new]
        calls.insert_requests(zip(alarms, calls.insert_calls(rows), strict=True), self._now)
        states.taken(alarms, self._now)
        expires = self._now + self._lease
        return [
            Claim(one.alarm.id, row["lease_token"], expires, one.dial, one.turn.at, one.turn.switch)
            for one, row in zip(new, rows, strict=True)
        ]

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

    def _decision(self, alarm: Alarm, facts: _Facts) -> Decision:
        above, do_not_call = facts.above[alarm.event_id], alarm.id in facts.do_not_call
        return decision_on(alarm, above, do_not_call, str(self._new_uuid()), self._decide, self._zone)


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
