"""A rehearsal: the scheduler itself, on a copy of the data and a clock that jumps from one due time to the next.

Nobody is called and nothing is sent; each call ends as the rehearsal was told to assume.
"""

from __future__ import annotations

import heapq
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gevent.event import Event

from fs_app.config import Settings, socket_list
from fs_app.domain.alarms import Claim, Decision, DueAlarm, OpenCall
from fs_app.domain.calls import CallFacts
from fs_app.domain.enums import AlarmMethod, AlarmResult, AlarmStatus, IvrEnd, Kind, Outcome, WhoAnswered
from fs_app.domain.pacing import Limits, Pacing
from fs_app.domain.sending import Delivered
from fs_app.domain.window import load_zone, to_utc
from fs_app.errors import InvalidInput, LeaseLost
from fs_app.store.attempts import Attempts
from fs_app.store.copying import copy_schedule
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest
from fs_app.store.occurrences import Occurrences
from fs_app.store.outbox_queue import OutboxQueue
from fs_app.switch.dialstring import originate_command
from scheduler import retry
from scheduler.loop import Scheduler
from scheduler.plan import PlanSettings

OUTCOMES = {
    "answered": Outcome.ANSWERED,
    "no-answer": Outcome.NO_ANSWER,
    "busy": Outcome.BUSY,
    "rejected": Outcome.REJECTED,
    "machine": Outcome.MACHINE,
}
_TALK = timedelta(seconds=30)  # an assumed conversation
_REFUSAL = timedelta(seconds=2)  # until a busy line or a rejection is heard of
_STILL = timedelta(milliseconds=10)  # the clock's step when a look changed nothing
_FOREVER = timedelta(days=3650)  # leases are for processes that die
_ROOM = {Kind.SMS: 100, Kind.MAIL: 100, Kind.WEBHOOK: 100}


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Something that would happen at ``at`` (aware, in the zone of its calendar). ``what`` is ``call``, ``sms``,
    ``mail`` or ``none``: the alarm ends without another attempt. ``attempt`` counts from 1."""

    at: datetime
    what: str
    alarm: int
    event: str
    to: str
    attempt: int
    reason: str = ""


def line(one: Rehearsed, *, as_json: bool) -> str:
    """One line of the list."""
    if as_json:
        return json.dumps({**asdict(one), "at": one.at.isoformat()}, ensure_ascii=False)
    when = f"{one.at:%a %Y-%m-%d %H:%M:%S %Z}"
    if one.what == "none":
        return f"{when}  ends  alarm {one.alarm} “{one.event}”: {one.reason}"
    return f"{when}  {one.what:<4}  {one.to}  alarm {one.alarm} “{one.event}”, attempt {one.attempt}"


def parse_until(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The end of a rehearsal: a date (to its end) or a time, on the clock of ``zone`` unless it has an offset.

    Raises InvalidInput.
    """
    wanted = "give a date or time after now and within ten years, such as 2026-03-10 or 2026-03-10T18:00"
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("--until", wanted) from None
    if re.fullmatch(r"\d{4}-?\d\d-?\d\d", text.strip()):
        found += timedelta(days=1)
    end = found.astimezone(UTC) if found.tzinfo is not None else to_utc(found, zone)
    if not now < end < now + _FOREVER:
        raise InvalidInput("--until", wanted)
    return end


class VirtualClock:
    """Stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self._start = now
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - self._start).total_seconds()


@dataclass(frozen=True, slots=True)
class _Switch:
    """One that is always up and never asked."""

    name: str
    up: bool = True


class _Calls:
    """What LiveCalls is to the scheduler. Each call ends by itself, as assumed."""

    def __init__(self, attempts: Attempts, clock: VirtualClock, outcome: Outcome, switches: tuple[str, ...]) -> None:
        self.decide: Callable[[DueAlarm, str, datetime], Decision] | None = None
        self.limits = Limits()
        self.placed: list[tuple[datetime, Claim]] = []
        self._attempts = attempts
        self._clock = clock
        self._outcome = outcome
        self._switches = switches
        self._up: list[tuple[datetime, int, Claim]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._up)

    def place(self, claim: Claim) -> None:
        request, again = claim.dial.request, self.decide
        now = max(self._clock.now(), claim.not_before or self._clock.now())
        recheck = None if again is None else lambda due, call_uuid: again(due, call_uuid, now)
        if not self._attempts.mark_dialling(claim, claim.switch, originate_command(request), now, recheck):
            self._attempts.release(claim.call_uuid, claim.token, now, "things changed after the claim", now)
            return
        self._count += 1
        lasts = {
            Outcome.ANSWERED: _TALK,
            Outcome.MACHINE: _TALK,
            Outcome.NO_ANSWER: timedelta(seconds=request.ring_timeout),
        }
        heapq.heappush(self._up, (now + lasts.get(self._outcome, _REFUSAL), self._count, claim))
        self.placed.append((now, claim))

    def adopt(self, call: OpenCall) -> None:
        """Nobody dies in a rehearsal."""

    def pacing(self) -> Pacing:
        return Pacing(self.limits, self._switches)

    def next_end(self) -> datetime | None:
        return self._up[0][0] if self._up else None

    def end(self, now: datetime) -> bool:
        """Book the calls that have ended by ``now``; whether there were any."""
        some = False
        while self._up and self._up[0][0] <= now:
            _at, _number, claim = heapq.heappop(self._up)
            some = True
            found = self._attempts.policy(claim.call_uuid)
            policy, num_attempt = found if found is not None else (None, 0)
            verdict = retry.after(
                self._outcome, self._outcome.value.replace("_", " "), self._facts(claim), policy, num_attempt, now
            )
            try:
                self._attempts.book(claim.call_uuid, claim.token, verdict, None, now)
            except LeaseLost:  # its event has been deleted by its own end
                continue
        return some

    def _facts(self, claim: Claim) -> CallFacts:
        reached = self._outcome in (Outcome.ANSWERED, Outcome.MACHINE)
        person = self._outcome is Outcome.ANSWERED
        return CallFacts(
            call_uuid=claim.call_uuid,
            dialled_at=self._clock.now(),
            answered_at=self._clock.now() if reached else None,
            ivr_started=reached,
            ivr_end=IvrEnd.COMPLETED if reached else None,
            completed=person,
            pressed=person,
            result=AlarmResult.NONE,
            who=WhoAnswered.PERSON if person else WhoAnswered.MACHINE if reached else WhoAnswered.UNKNOWN,
            message_left=False,
            spoken=reached,
        )


def rehearse(settings: Settings, now: datetime, until: datetime, outcome: Outcome) -> Iterator[Rehearsed]:
    """Every attempt from ``now`` to ``until``, in order, and every alarm that ends without one.

    The original is read once, at the beginning, and never written. Raises StoreUnavailable.
    """
    source = Store(settings.database)
    source.check_schema()
    with tempfile.TemporaryDirectory(prefix="fs-app-rehearsal-") as home:
        copy = copy_schedule(source, Path(home) / "copy.sqlite3", now)
        try:
            yield from _Rehearsal(copy, settings, now, outcome).run(until)
        finally:
            copy.close()


class _Rehearsal:
    def __init__(self, store: Store, settings: Settings, now: datetime, outcome: Outcome) -> None:
        self._store = store
        self._zone = settings.timezone
        self._clock = VirtualClock(now)
        attempts = Attempts(store, settings.timezone)
        switches = [_Switch(str(address)) for address in settings.esl]
        self._calls = _Calls(attempts, self._clock, outcome, tuple(switch.name for switch in switches))
        self._outbox = OutboxQueue(store, settings.timezone)
        self._ended: set[int] = set()
        self._scheduler = Scheduler(
            attempts,
            Occurrences(store, settings.timezone),
            self._calls,
            switches,
            self._clock,
            PlanSettings(socket_list(settings.survey_servers), settings.time_limit),
            bell=Event(),
            lease=_FOREVER,
            limits=settings.limits,
            sole=True,
            spawn=lambda work, *arguments: work(*arguments),
        )

    def run(self, until: datetime) -> Iterator[Rehearsed]:
        while (now := self._clock.time) <= until:
            ended = self._calls.end(now)
            wake = self._scheduler.tick(now)
            seen = [*self._called(), *self._sent(now), *self._failed(now)]
            yield from seen
            following = [at for at in (wake, self._calls.next_end(), self._outbox.next_due()) if at is not None]
            if not following:
                return
            step = timedelta() if seen or ended else _STILL
            self._clock.time = max(min(following), now + step)

    def _called(self) -> Iterator[Rehearsed]:
        placed, self._calls.placed = self._calls.placed, []
        for at, claim in sorted(placed, key=lambda one: one[0]):
            if claim.alarm_id is not None:
                yield self._line(at, "call", claim.alarm_id, claim.dial.request.number)

    def _sent(self, now: datetime) -> Iterator[Rehearsed]:
        for message in self._outbox.claim(now, _ROOM, _FOREVER):
            with self._store.reading():
                request = AlarmRequest.get_or_none(
                    AlarmRequest.outbox == message.id, AlarmRequest.status == AlarmStatus.IN_PROCESS
                )
                alarm = Alarm.select().join(AlarmRequest).where(AlarmRequest.outbox == message.id).first()
            self._outbox.book(message, Delivered(), now)
            if request is not None and alarm is not None:
                yield self._line(now, message.kind.value, alarm.id, message.destination)

    def _failed(self, now: datetime) -> Iterator[Rehearsed]:
        """Alarms that have come to their end without success."""
        with self._store.reading():
            query = Alarm.select(Alarm.id).where(Alarm.status == AlarmStatus.FAILURE, Alarm.updated_date >= now)
            failed = [row.id for row in query]
        for alarm_id in failed:
            if alarm_id not in self._ended:
                self._ended.add(alarm_id)
                yield self._line(now, "none", alarm_id, "")

    def _line(self, now: datetime, what: str, alarm_id: int, to: str) -> Rehearsed:
        with self._store.reading():
            alarm = Alarm.get_by_id(alarm_id)
            event, name = alarm.event, alarm.event.calendar.timezone
            zone = load_zone(name) if name else self._zone
            to = to or (alarm.alarm_email if alarm.method == AlarmMethod.MAIL else alarm.alarm_phonenumber)
            reason = alarm.reason if what == "none" else ""
            return Rehearsed(now.astimezone(zone), what, alarm_id, event.title, to, alarm.sequence, reason)
