"""Which calls are next, and whether there is room for them: inside the claim's transaction, and for all schedulers.

Each calendar is a lane. A lane that has been served goes behind all others, so that one with 50,000 calls leaves every
other its turn, and a look costs index look-ups for lanes that can be served, whatever waits elsewhere. Lanes behind a
gateway without room are not looked at, nor is a calendar without room until one of its calls ends.

What is up is counted where it is written down, in the open call requests, and when the next call may start is kept for
each scope: on PostgreSQL under one lock, on SQLite under the write lock. Calls start evenly, 1 / rate apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from peewee import Database, ModelInsert, ModelSelect, ModelUpdate, SqliteDatabase, fn

from fs_app.domain.enums import AlarmMethod
from fs_app.domain.pacing import AHEAD, LEAD, Pacing
from fs_app.store.models import Alarm, Calendar, CallRequest, Gateway, Lane, Pace
from fs_app.store.models import database as proxy
from fs_app.store.prepared import locked, padded, prepared

# Any number will do, as long as every process takes the same.
_ADVISORY_LOCK = 7_310_002
# A calendar without room is looked at again when one of its calls is booked, and now and then in case none is.
BLOCKED = timedelta(seconds=15)
# A row that somebody else holds is free again in a moment.
HELD = timedelta(seconds=0.05)
# Behind those that became due at the same moment.
BEHIND = timedelta(microseconds=1)
# What a claim asks is found by an index, whatever the values are. To plan that each time would cost more than to answer
# it, and the more rows there are the more; and a plan that is kept must be right when a small table has become large.
_BEGIN_CLAIM = (
    "SELECT pg_advisory_xact_lock(%s), "
    "set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)"
)
_ALL = "all"
_MOMENT = Lane.due_at.python_value  # of a value that was calculated


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
            db.execute_sql(_BEGIN_CLAIM, (_ADVISORY_LOCK,))
        self._now = now
        self._limits = pacing.limits
        self._switches = pacing.switches
        self._gateways = {number: (rate, most) for number, rate, most in _gateway_limits.tuples()}
        self._next: dict[str, datetime] = dict(_paces.tuples())
        self._taken: set[str] = set()
        self._held = False
        self._up: Counter[str] = Counter()
        for gateway_id, switch, calls in _calls_up.tuples():
            self._count(gateway_id, switch, calls)

    def take(self, gateway_id: int, due: datetime) -> Turn | None:
        """Leave to start a call through that gateway, when it is ``due`` or later; None when there is no room now.
        :meth:`keep` makes it hold."""
        if self._blocked(_ALL) or self._blocked(_gateway(gateway_id)):
            return None
        switch = self._free_switch()
        if switch is None:
            return None
        scopes = [_ALL, _gateway(gateway_id), *([_switch(switch)] if switch else [])]
        at = max(due, self._now, *(self._next.get(scope, self._now) for scope in scopes))
        for scope in scopes:
            rate, _most = self._limit(scope)
            if rate:
                self._next[scope] = at + timedelta(seconds=1 / rate)
                self._taken.add(scope)
        self._count(gateway_id, switch, 1)
        return Turn(at, switch)

    def keep(self) -> None:
        """Write down which turns were taken, before the commit."""
        _set_pace.run_many((scope, self._next[scope]) for scope in sorted(self._taken))
        self._taken.clear()

    def leave(self, left: Sequence[Leaving]) -> None:
        """:func:`set_lanes`; a lane that stays as it is must not be looked at again at once."""
        self._held |= not set_lanes(left)

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
                head = _head_behind.scalar(gateway_id)
                if head is not None:
                    heads.append(max(head - LEAD, self._opens(_gateway(gateway_id))))
        free = [self._opens(_switch(name)) for name in self._switches if not self._full(_switch(name))]
        if not heads or self._full(_ALL) or (self._switches and not free):
            return None
        look: datetime = max(min(heads), self._opens(_ALL), min(free, default=self._now))
        return max(look, self._now + HELD) if self._held else look

    # ---- one scope

    def _limit(self, scope: str) -> tuple[float, int]:
        """Calls per second and calls at once; 0 is no limit."""
        kind, _, name = scope.partition(" ")
        if kind == _ALL:
            return self._limits.calls_per_second, self._limits.max_calls
        if kind == "switch":
            return self._limits.switch_calls_per_second, self._limits.switch_max_calls
        return self._gateways.get(int(name), (0, 0))

    def _full(self, scope: str) -> bool:
        most = self._limit(scope)[1]
        return bool(most) and self._up[scope] >= most

    def _blocked(self, scope: str) -> bool:
        return self._full(scope) or self._next.get(scope, self._now) > self._now + AHEAD

    def _opens(self, scope: str) -> datetime:
        """LEAD before its next turn: late enough for several calls in one claim, early enough to be late."""
        return max(self._next.get(scope, self._now) - LEAD, self._now)

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


class DueLane(NamedTuple):
    """A lane to be looked at. ``max_concurrent`` (0: no limit) and ``user_id`` are its calendar's."""

    calendar_id: int
    gateway_id: int
    due_at: datetime
    max_concurrent: int
    user_id: int


def next_claim() -> datetime | None:
    """When a claim may find something that is due; one index look-up, and no lock."""
    found: datetime | None = _head.scalar()
    return None if found is None else found - LEAD


def due_lanes(until: datetime, gateways: list[int], limit: int, without: set[int]) -> list[DueLane]:
    """Up to ``limit`` lanes with calls through one of these gateways that are due ``until`` then, the longest unserved
    first."""
    found: list[DueLane] = []
    for gateway_id in gateways:
        found.extend(map(DueLane._make, _due_behind.tuples(gateway_id, until, limit + len(without))))
    found = [lane for lane in found if lane.calendar_id not in without]
    return sorted(found, key=lambda lane: (lane.due_at, lane.calendar_id))[:limit]


def calendar_room(lane: DueLane) -> int | None:
    """How many more calls the calendar may have up; None: no limit."""
    if not lane.max_concurrent:
        return None
    return lane.max_concurrent - int(_calendar_up.scalar(lane.calendar_id))


class Leaving(NamedTuple):
    """A lane that is left: where its last calls went, and when it is due again: ``at``; with ``following`` when its
    next call is, but not before ``at``."""

    calendar_id: int
    gateway_id: int
    at: datetime
    following: bool


def set_lanes(left: Sequence[Leaving]) -> bool:
    """Leave these lanes. False: somebody is just writing alarms of one, and that stays as it is, or they would be
    forgotten (PostgreSQL)."""
    db: Database = proxy.obj
    if not isinstance(db, SqliteDatabase):
        calendars, gateways, ats, following = zip(*left, strict=True)
        wanted = [list(calendars), list(gateways), [Lane.due_at.db_value(at) for at in ats], list(following)]
        return all(done for (done,) in db.execute_sql(_SET_LANES, wanted).fetchall())
    firsts = _next_in_lanes.tuples(padded([one.calendar_id for one in left if one.following]))
    first = {calendar_id: _MOMENT(due) for calendar_id, due in firsts if due is not None}
    for one in left:
        due: datetime | None = one.at
        if one.following:
            due = max(first[one.calendar_id], one.at) if one.calendar_id in first else None
        _set_lane.run(one.calendar_id, one.gateway_id, due)
    return True


def call_ended(calendar_id: int | None, now: datetime) -> None:
    """A call of the calendar is no longer up: if that is what its lane waits for, it is looked at now."""
    if calendar_id is not None:
        _look_now.run(calendar_id, now, now + BLOCKED)


def hold(calendar_ids: Iterable[int | None]) -> None:
    """Lock these lanes, before several are written: everybody does so in the same order."""
    if wanted := sorted({calendar_id for calendar_id in calendar_ids if calendar_id is not None}):
        _hold.tuples(padded(wanted))


def gateways_in_use() -> dict[int, int]:
    """How many calls are up through each gateway."""
    return {gateway_id: calls for gateway_id, calls in _gateways_up.tuples() if gateway_id is not None}


# ---- statements

_SET_LANES = (
    "SELECT fs_app_set_lane(lane, gateway, due_at, following) "
    "FROM unnest(%s::int[], %s::int[], %s::timestamp[], %s::bool[]) AS wanted (lane, gateway, due_at, following)"
)
_OPEN = CallRequest.lease_token.is_null(False)
_CALLS = fn.COUNT(CallRequest.id)


@prepared
def _gateway_limits() -> ModelSelect[Gateway]:
    return Gateway.select(Gateway.id, Gateway.calls_per_second, Gateway.maximum_call)


@prepared
def _paces() -> ModelSelect[Pace]:
    return Pace.select(Pace.scope, Pace.next_at)


@prepared
def _set_pace(scope: str, next_at: datetime) -> ModelInsert:
    later = {Pace.next_at: next_at}
    return Pace.insert(scope=scope, next_at=next_at).on_conflict(conflict_target=[Pace.scope], update=later)


@prepared
def _calls_up() -> ModelSelect[CallRequest]:
    where = CallRequest.gateway, CallRequest.switch
    return CallRequest.select(*where, _CALLS).where(_OPEN).group_by(*where)


@prepared
def _gateways_up() -> ModelSelect[CallRequest]:
    return CallRequest.select(CallRequest.gateway, _CALLS).where(_OPEN).group_by(CallRequest.gateway)


@prepared
def _calendar_up(calendar_id: int) -> ModelSelect[CallRequest]:
    return CallRequest.select(_CALLS).where(_OPEN, CallRequest.calendar_id == calendar_id)


@prepared
def _head() -> ModelSelect[Lane]:
    return Lane.select(fn.MIN(Lane.due_at)).where(Lane.due_at.is_null(False))


@prepared
def _head_behind(gateway_id: int) -> ModelSelect[Lane]:
    return Lane.select(fn.MIN(Lane.due_at)).where(Lane.gateway_id == gateway_id, Lane.due_at.is_null(False))


@prepared
def _due_behind(gateway_id: int, until: datetime, limit: int) -> ModelSelect[Lane]:
    columns = Lane.calendar, Lane.gateway_id, Lane.due_at, Calendar.max_concurrent, Calendar.user
    due = Lane.select(*columns).join(Calendar).where(Lane.gateway_id == gateway_id, Lane.due_at <= until)
    return due.order_by(Lane.due_at, Lane.calendar).limit(limit)


@prepared
def _set_lane(calendar_id: int, gateway_id: int, due_at: datetime | None) -> ModelUpdate:
    return Lane.update(gateway_id=gateway_id, due_at=due_at).where(Lane.calendar == calendar_id)


@prepared
def _look_now(calendar_id: int, now: datetime, until: datetime) -> ModelUpdate:
    limited = Calendar.select(Calendar.id).where(Calendar.id == calendar_id, Calendar.max_concurrent > 0)
    waits = Lane.calendar == calendar_id, Lane.due_at > now, Lane.due_at <= until
    return Lane.update(due_at=now).where(*waits, fn.EXISTS(limited))


@prepared
def _hold(calendar_ids: list[int]) -> ModelSelect[Lane]:
    return locked(Lane.select(Lane.calendar).where(Lane.calendar.in_(calendar_ids)).order_by(Lane.calendar))


@prepared
def _next_in_lanes(calendar_ids: list[int]) -> ModelSelect[Lane]:
    waiting = Alarm.select(fn.MIN(Alarm.due_at)).where(Alarm.method == AlarmMethod.CALL, Alarm.lane == Lane.calendar)
    first = waiting.where(Alarm.due_at.is_null(False))
    return Lane.select(Lane.calendar, first).where(Lane.calendar.in_(calendar_ids))
