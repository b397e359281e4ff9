"""Which calls are next, and whether there is room for them: inside the claim's transaction, and for all schedulers.

Each calendar is a lane. A lane that has been served goes behind all others, so that one with 50,000 calls leaves every
other its turn, and a look costs index look-ups for lanes that can be served, whatever waits elsewhere. Lanes behind a
gateway without room are not looked at, nor is a calendar without room until one of its calls ends.

What is up is counted where it is written down, in the open call requests, and when the next call may start is kept for
each scope: on PostgreSQL under one lock, on SQLite under the write lock. Calls start evenly, 1 / rate apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import Database, SqliteDatabase, fn

from fs_app.domain.enums import AlarmMethod
from fs_app.domain.pacing import AHEAD, Pacing
from fs_app.store.models import Alarm, CallRequest, Gateway, Lane, Pace
from fs_app.store.models import database as proxy

# Any number will do, as long as every process takes the same.
_ADVISORY_LOCK = 7_310_002
# A calendar without room is looked at again when one of its calls is booked, and now and then in case none is.
BLOCKED = timedelta(seconds=15)
# A row that somebody else holds is free again in a moment.
HELD = timedelta(seconds=0.05)
# Behind those that became due at the same moment.
BEHIND = timedelta(microseconds=1)
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to start one call, not before ``at``, on ``switch`` (empty: any)."""

    at: datetime
    switch: str


def _gateway(gateway_id: int) -> str:
    return f"gateway {gateway_id}"


def _switch(name: str) -> str:
    return f"switch {name}"


class Room:
    """What is up and what may start, as of ``now``. ``lock``: nobody else may start calls until the commit."""

    def __init__(self, now: datetime, pacing: Pacing, *, lock: bool = True) -> None:
        db: Database = proxy.obj
        if lock and not isinstance(db, SqliteDatabase):
            db.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        self._now = now
        self._limits = pacing.limits
        self._switches = pacing.switches
        self._gateways = {row.id: row for row in Gateway.select()}
        self._next: dict[str, datetime] = {row.scope: row.next_at for row in Pace.select()}
        self._up: Counter[str] = Counter()
        where = CallRequest.gateway, CallRequest.switch
        query = CallRequest.select(*where, fn.COUNT(CallRequest.id)).where(CallRequest.lease_token.is_null(False))
        rows: Any = query.group_by(*where).tuples()
        for gateway_id, switch, calls in rows:
            self._count(gateway_id, switch, calls)

    def take(self, gateway_id: int) -> Turn | None:
        """Leave to start a call through that gateway; None when there is no room now."""
        if self._blocked(_ALL) or self._blocked(_gateway(gateway_id)):
            return None
        switch = self._free_switch()
        if switch is None:
            return None
        scopes = [_ALL, _gateway(gateway_id), *([_switch(switch)] if switch else [])]
        at = max(self._now, *(self._next.get(scope, self._now) for scope in scopes))
        for scope in scopes:
            rate, _most = self._limit(scope)
            if rate:
                self._next[scope] = at + timedelta(seconds=1 / rate)
                Pace.insert(scope=scope, next_at=self._next[scope]).on_conflict(
                    conflict_target=[Pace.scope], update={Pace.next_at: self._next[scope]}
                ).execute()
        self._count(gateway_id, switch, 1)
        return Turn(at, switch)

    def open_gateways(self) -> list[int]:
        """Gateways that have room, and 0: lanes of which nobody knows where they go must be looked at."""
        if self._blocked(_ALL) or self._free_switch() is None:
            return []
        return [0, *(id for id in self._gateways if not self._blocked(_gateway(id)))]

    def next_look(self) -> datetime | None:
        """When a claim may find something to do. None: not before a call ends."""
        heads: list[datetime] = []
        for gateway_id in (0, *self._gateways):
            if not self._full(_gateway(gateway_id)):
                waiting = (Lane.gateway_id == gateway_id) & Lane.due_at.is_null(False)
                head = Lane.select(fn.MIN(Lane.due_at)).where(waiting).scalar()
                if head is not None:
                    heads.append(max(head, self._opens(_gateway(gateway_id))))
        free = [self._opens(_switch(name)) for name in self._switches if not self._full(_switch(name))]
        if not heads or self._full(_ALL) or (self._switches and not free):
            return None
        look: datetime = max(min(heads), self._opens(_ALL), min(free, default=self._now))
        return look

    # ---- one scope

    def _limit(self, scope: str) -> tuple[float, int]:
        """Calls per second and calls at once; 0 is no limit."""
        kind, _, name = scope.partition(" ")
        if kind == _ALL:
            return self._limits.calls_per_second, self._limits.max_calls
        if kind == "switch":
            return self._limits.switch_calls_per_second, self._limits.switch_max_calls
        row = self._gateways.get(int(name))
        return (0, 0) if row is None else (row.calls_per_second, row.maximum_call)

    def _full(self, scope: str) -> bool:
        most = self._limit(scope)[1]
        return bool(most) and self._up[scope] >= most

    def _blocked(self, scope: str) -> bool:
        return self._full(scope) or self._next.get(scope, self._now) > self._now + AHEAD

    def _opens(self, scope: str) -> datetime:
        """Half of AHEAD before its next turn: late enough for several calls in one claim, early enough to be late."""
        return max(self._next.get(scope, self._now) - AHEAD / 2, self._now)

    def _free_switch(self) -> str | None:
        """The switch with the earliest turn, then the fewest calls; empty when nobody has named any."""
        free = [name for name in self._switches if not self._blocked(_switch(name))]
        if not self._switches:
            return ""
        return min(free, key=lambda n: (self._next.get(_switch(n), self._now), self._up[_switch(n)]), default=None)

    def _count(self, gateway_id: int | None, switch: str, calls: int) -> None:
        self._up[_ALL] += calls
        self._up[_gateway(gateway_id or 0)] += calls
        self._up[_switch(switch)] += calls


def first_due() -> datetime | None:
    """When the first lane is due; one index look-up, and no lock."""
    found: datetime | None = Lane.select(fn.MIN(Lane.due_at)).where(Lane.due_at.is_null(False)).scalar()
    return found


def due_lanes(now: datetime, gateways: list[int], limit: int, without: set[int]) -> list[Lane]:
    """Up to ``limit`` lanes with due calls through one of these gateways, the longest unserved first."""
    found: list[Lane] = []
    for gateway_id in gateways:
        query = Lane.select().where(Lane.gateway_id == gateway_id, Lane.due_at <= now + BEHIND)
        found.extend(query.order_by(Lane.due_at, Lane.calendar).limit(limit + len(without)))
    found = [lane for lane in found if lane.calendar_id not in without]
    return sorted(found, key=lambda lane: (lane.due_at, lane.calendar_id))[:limit]


def calendar_room(calendar: Any) -> int | None:
    """How many more calls the calendar may have up; None: no limit."""
    if not calendar.max_concurrent:
        return None
    up = CallRequest.select().where(CallRequest.lease_token.is_null(False), CallRequest.calendar_id == calendar.id)
    return int(calendar.max_concurrent - up.count())


def next_in_lane(calendar_id: int) -> datetime | None:
    """When the lane's first waiting call is due."""
    query = Alarm.select(fn.MIN(Alarm.due_at)).where(Alarm.method == AlarmMethod.CALL, Alarm.lane == calendar_id)
    found: datetime | None = query.where(Alarm.due_at.is_null(False)).scalar()
    return found


def set_lane(calendar_id: int, gateway_id: int, due_at: datetime | None) -> None:
    Lane.update(gateway_id=gateway_id, due_at=due_at).where(Lane.calendar == calendar_id).execute()


def call_ended(calendar_id: int | None, now: datetime) -> None:
    """A call of the calendar is no longer up: if that is what its lane waits for, it is looked at now."""
    if calendar_id is not None:
        waits = (Lane.calendar == calendar_id) & (Lane.due_at > now) & (Lane.due_at <= now + BLOCKED)
        Lane.update(due_at=now).where(waits).execute()


def gateways_in_use() -> dict[int, int]:
    """How many calls are up through each gateway."""
    query = CallRequest.select(CallRequest.gateway, fn.COUNT(CallRequest.id))
    rows: Any = query.where(CallRequest.lease_token.is_null(False)).group_by(CallRequest.gateway).tuples()
    return {row[0]: row[1] for row in rows if row[0] is not None}
