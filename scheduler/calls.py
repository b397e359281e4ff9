"""The calls of one scheduler process: dial each claim once, follow it to its end, book it.

One greenlet per live call. It waits on its own inbox, never on the clock alone; a deadline only asks the switch
whether the call still exists.
"""

from __future__ import annotations

import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol

import gevent
from gevent.event import Event
from gevent.queue import Empty, Queue

from fs_app.clock import Clock
from fs_app.domain.alarms import Claim, Decision, DueAlarm, OpenCall, RetryPolicy, Route, Verdict
from fs_app.domain.calls import (
    CallAnswered,
    CallEnded,
    CallEvent,
    CallFacts,
    CallRinging,
    OriginateFailed,
    OriginateRequest,
)
from fs_app.domain.enums import AlarmStatus, Outcome
from fs_app.domain.pacing import Limits, Pacing
from fs_app.errors import (
    CommandRejected,
    FsAppError,
    LeaseLost,
    NoSurveyServer,
    PromptError,
    StoreUnavailable,
    SwitchDown,
    SwitchError,
)
from fs_app.gathered import Gathered
from fs_app.store.attempts import Attempts, Dialling
from fs_app.store.booking import Ending, Judge, Settled
from fs_app.store.cases import Held
from fs_app.switch.dialstring import originate_command
from fs_app.switch.hangup import outcome as outcome_of_cause
from fs_app.switch.once import ASKED_WITHIN
from scheduler import retry

log = logging.getLogger(__name__)

# A ring or talk time that the switch enforces itself gets this much longer before we ask what became of the call.
GRACE = 15.0
# How long a booked-to-be call waits for the IVR to say why it stopped; the two learn of a hang-up at the same moment.
IVR_GRACE = 3.0
# A call is gone when the switch denies it twice, this long apart: a job just accepted has no channel yet.
DENIAL_PAUSE = 2.0
# How long a failed job waits for its channel, which says more: the SIP answer, and whether it rang.
LAST_WORD = 1.0
# How long after the answer the survey has to start. A call whose socket breaks before it is parked is held by nobody:
# whoever answered would listen to silence until the time limit.
SURVEY_PATIENCE = 15.0
RENDER_BACKOFF = timedelta(seconds=60)
ABSENCE = timedelta(seconds=5)  # of the survey IVR, which somebody is about to start again
STORE_PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)  # seconds between attempts to book while the database is away
_FOREIGN_MAX = 10_000


class SwitchPort(Protocol):
    """What the scheduler needs of one FreeSWITCH; fs_app.switch.gate.Switch is one."""

    @property
    def name(self) -> str: ...
    @property
    def up(self) -> bool: ...
    def wait_up(self, timeout: float | None) -> bool: ...
    @property
    def record(self) -> str: ...
    def originate(self, request: OriginateRequest) -> None: ...
    def never_dialled(self, call_uuid: str, line: str) -> bool: ...
    def exists(self, call_uuid: str) -> bool: ...
    def hangup(self, call_uuid: str) -> bool: ...


class Observer(Protocol):
    """Told what happens, for the demo's story and later the console. Must not block."""

    def __call__(self, what: str, call_uuid: str, details: Mapping[str, object]) -> None: ...


def unobserved(what: str, call_uuid: str, details: Mapping[str, object]) -> None:
    """The observer of those who need none."""


class Note(Enum):
    """What a call's inbox holds besides the switch's events."""

    IVR_ENDED = auto()
    RECONCILE = auto()  # ask the switch whether the call still exists


class LiveCalls:
    """``limits`` and ``decide`` are set by the loop; the decision is asked for again at the moment of dialling.
    ``prepare(call_uuid)`` renders the first words before dialling and raises PromptError; what it returns, if anything,
    is the ``outbound`` of the request, for some of the servers may not listen just now. ``changed()`` is called when
    a call ends, so that the loop can use the room. ``lease`` is prolonged at half its length."""

    def __init__(
        self,
        attempts: Attempts,
        switches: Sequence[SwitchPort],
        clock: Clock,
        *,
        lease: timedelta,
        prepare: Callable[[str], str | None],
        changed: Callable[[], None],
        observer: Observer = unobserved,
    ) -> None:
        self._attempts = attempts
        # Both are short, and many of them at once cost little more than one.
        self._mark_dialling = Gathered(attempts.mark_all_dialling)
        self._settle_call = Gathered(self._settle_some)
        self._switches = switches
        self._clock = clock
        self._lease = lease
        self._prepare = prepare
        self._changed = changed
        self._observe = observer
        self.decide: Callable[[DueAlarm, str, datetime], Decision] | None = None
        self.limits = Limits()
        self._turn = 0
        self._live: dict[str, tuple[str, Queue[CallEvent | Note]]] = {}  # call UUID -> lease token, inbox
        self._foreign: OrderedDict[str, CallEnded] = OrderedDict()
        self._some_live = Event()
        self._heartbeat = gevent.spawn(self._extend_leases)

    def __len__(self) -> int:
        return len(self._live)

    # ---- what comes in

    def on_event(self, event: CallEvent) -> None:
        """Any switch's event. Those of calls that are not ours (yet) are remembered: their owner may be dead."""
        live = self._live.get(event.uuid)
        if live is not None:
            live[1].put(event)
        elif isinstance(event, CallEnded):
            self._foreign[event.uuid] = event
            if len(self._foreign) > _FOREIGN_MAX:
                self._foreign.popitem(last=False)

    def on_ivr_ended(self, call_uuid: str) -> None:
        """The IVR has written down why it stopped."""
        live = self._live.get(call_uuid)
        if live is not None:
            live[1].put(Note.IVR_ENDED)

    def on_switch_up(self, name: str) -> None:
        """A connection came (back): events may have been missed, so every call asks the switch about itself."""
        for _token, inbox in list(self._live.values()):
            inbox.put(Note.RECONCILE)

    def stop(self) -> None:
        """Stop following. Live calls go on at the switch; whoever runs next recovers them."""
        self._heartbeat.kill()

    # ---- one call

    def place(self, claim: Claim) -> None:
        """Dial a claim and see it through, by other gateways where the trunk is at fault. Runs in its own greenlet;
        never raises."""
        todo: list[Claim] = [claim]
        while todo:
            one = todo.pop()
            self._run(one.call_uuid, one.token, lambda inbox: todo.extend(self._dial(one, inbox)))  # noqa: B023

    def adopt(self, call: OpenCall) -> None:
        """Take over a call whose process is gone. Runs in its own greenlet; never raises.

        A call that this process follows itself is left alone, and so is one on a switch that only others know, as
        long as it can still be up: asking the wrong switch would book a ringing call as gone.
        """
        if call.call_uuid in self._live:
            return
        if call.dialled_at is not None and self._switch(call.switch) is None and self._may_be_up(call):
            return
        try:
            token = self._attempts.take_over(call, self._clock.now(), self._lease)
        except (LeaseLost, StoreUnavailable) as exc:
            log.info("call %s: not taken over: %s", call.call_uuid, exc)
            return
        self._run(call.call_uuid, token, lambda inbox: self._recover(call, token, inbox))

    def _run(self, call_uuid: str, token: str, work: Callable[[Queue[CallEvent | Note]], None]) -> None:
        inbox: Queue[CallEvent | Note] = Queue()
        self._live[call_uuid] = (token, inbox)
        self._some_live.set()
        try:
            work(inbox)
        except LeaseLost as exc:
            log.warning("call %s: %s", call_uuid, exc)
        except FsAppError as exc:
            # The lease runs out and recovery books the attempt; nothing is dialled again meanwhile.
            log.error("call %s: left to recovery: %s", call_uuid, exc)
        except Exception:
            log.exception("call %s: left to recovery", call_uuid)
        finally:
            if self._live.get(call_uuid, ("", None))[0] == token:
                del self._live[call_uuid]
            if not self._live:
                self._some_live.clear()
            self._changed()

    def _dial(self, claim: Claim, inbox: Queue[CallEvent | Note]) -> list[Claim]:
        """One originate and its end. Returns the claim of the next gateway, if that is what follows."""
        request = claim.dial.request
        uuid, token = claim.call_uuid, claim.token
        self._observe("claimed", uuid, {"alarm": claim.alarm_id, "number": request.number})
        try:
            request = replace(request, outbound=self._prepare(uuid) or request.outbound)
        except PromptError as exc:
            until = self._clock.now() + (ABSENCE if isinstance(exc, NoSurveyServer) else RENDER_BACKOFF)
            self._attempts.release(uuid, token, until, f"not dialled: {exc}", self._clock.now())
            log.error("call %s: not dialled: %s", uuid, exc)
            return []
        if claim.not_before is not None:
            gevent.sleep(max((claim.not_before - self._clock.now()).total_seconds(), 0.0))
        switch = self._switch(claim.switch) if claim.switch else self._next_switch()
        if switch is None or not switch.up:
            self._attempts.release(uuid, token, self._clock.now(), "not dialled: no switch is up", self._clock.now())
            return []
        request = replace(request, once=switch.record)
        line = originate_command(request)
        now = self._clock.now()
        if not self._may_dial(Dialling(claim, switch.name, line, now, self._again(now))):
            self._attempts.release(uuid, token, now, "not dialled: things changed after the claim", now)
            return []
        _drain(inbox)  # questions from before there was a call to ask about
        self._observe("originate", uuid, {"line": line, "number": request.number, "switch": switch.name})
        try:
            switch.originate(request)
        except (SwitchDown, CommandRejected) as exc:  # nothing was written, or it was declined: nobody was rung
            return self._trunk_failed(claim, str(exc), None, switch)
        except SwitchError as exc:  # the switch may or may not have got it: ask, never send again
            log.warning("call %s: originate not confirmed: %s", uuid, exc)
            inbox.put(Note.RECONCILE)
        ending, rang = self._follow(uuid, switch, inbox, request.ring_timeout, request.time_limit)
        unanswered = ending is not None and not (isinstance(ending, CallEnded) and ending.answered)
        if ending is not None and unanswered and outcome_of_cause(ending.cause, answered=False) is Outcome.TRUNK:
            if not rang:
                return self._trunk_failed(claim, ending.cause, ending if isinstance(ending, CallEnded) else None)
            # To ring a telephone again at once, and for ever, is no way out of a bad trunk.
            self._book(uuid, token, Outcome.NO_ANSWER, f"{ending.cause}, after it may have rung", None)
            return []
        if ending is None and self._undone(OpenCall(uuid, token, switch.name, now, 0, 0, line)):
            return []
        self._settle(uuid, token, inbox, ending, recovered=False)
        return []

    def _may_dial(self, call: Dialling) -> bool:
        try:
            return self._mark_dialling(call)
        except Held:
            return self._attempts.mark_dialling(*call)

    def _trunk_failed(
        self, claim: Claim, reason: str, ended: CallEnded | None, refused: SwitchPort | None = None
    ) -> list[Claim]:
        """Nobody was rung: the next gateway at once, else a short back-off. ``refused`` is a switch that did not even
        take the command: another one may, by the same gateway."""
        now = self._clock.now()
        if refused is not None:
            same = Route(claim.dial.gateway_id, claim.dial.request)
            claim = replace(claim, dial=replace(claim.dial, further=(same, *claim.dial.further)))
        pacing = self.pacing(without=refused)
        if pacing.switches and claim.dial.further:
            following = self._attempts.fail_over(claim, reason, ended, now, self._lease, self._again(now), pacing)
            if following is not None:
                self._observe("failover", claim.call_uuid, {"reason": reason, "next": following.call_uuid})
                return [following]
        self._book(claim.call_uuid, claim.token, Outcome.TRUNK, reason, ended)
        return []

    def _again(self, now: datetime) -> Callable[[DueAlarm, str], Decision] | None:
        """The decision, to be asked again at the moment of dialling."""
        again = self.decide
        return None if again is None else lambda due, call_uuid: again(due, call_uuid, now)

    def _recover(self, call: OpenCall, token: str, inbox: Queue[CallEvent | Note]) -> None:
        now = self._clock.now()
        if call.dialled_at is None:
            self._attempts.release(call.call_uuid, token, now, "released: its process died before dialling", now)
            return
        ending: CallEnded | OriginateFailed | None = self._foreign.pop(call.call_uuid, None)
        switch = self._switch(call.switch)
        if ending is None and switch is not None:
            inbox.put(Note.RECONCILE)
            ending, _rang = self._follow(call.call_uuid, switch, inbox, call.ring_timeout, call.time_limit)
        if ending is None and self._undone(replace(call, token=token)):
            return
        self._settle(call.call_uuid, token, inbox, ending, recovered=True)

    def _undone(self, call: OpenCall) -> bool:
        """Nobody knows what became of an originate: when its switch proves that it was not run, and never will be, the
        claim is given back as if it had never been sent."""
        switch, now = self._switch(call.switch), self._clock.now()
        if switch is None or call.dialled_at is None or now - call.dialled_at > ASKED_WITHIN:
            return False
        try:
            if not switch.never_dialled(call.call_uuid, call.originate):
                return False
        except SwitchError as exc:
            log.info("call %s: nobody can say whether it was dialled: %s", call.call_uuid, exc)
            return False
        reason = "not dialled: the switch never got the originate"
        self._patiently(call.call_uuid, lambda: self._attempts.undo(call.call_uuid, call.token, reason, now))
        self._observe("undone", call.call_uuid, {"reason": reason})
        return True

    def _follow(
        self, uuid: str, switch: SwitchPort, inbox: Queue[CallEvent | Note], ring_timeout: int, time_limit: int
    ) -> tuple[CallEnded | OriginateFailed | None, bool]:
        """Wait for the end; and whether the telephone may have rung. None: the switch does not know the call (any
        more) and nobody saw it end."""
        rang = False
        failed: OriginateFailed | None = None
        limit = ring_timeout + GRACE
        wait, denials = limit, 0
        over = self._clock.monotonic() + ring_timeout + time_limit + GRACE
        heard_by = self._clock.monotonic() + limit - 1  # past the ring time whatever is up was answered
        while True:
            try:
                event: CallEvent | Note = inbox.get(timeout=wait)
            except Empty:
                event = Note.RECONCILE
            if failed is not None and isinstance(event, Note):
                return failed, rang
            wait = limit if failed is None else LAST_WORD
            match event:
                case OriginateFailed(cause=cause) if outcome_of_cause(cause, answered=False) is not Outcome.TRUNK:
                    failed, wait = event, LAST_WORD
                case CallEnded() | OriginateFailed():  # where the trunk is at fault, the next one is tried at once
                    return event, rang
                case CallRinging(media=media):
                    rang = rang or not media
                    self._observe("ringing", uuid, {})
                case CallAnswered(at=at):
                    rang, wait, limit = True, SURVEY_PATIENCE, time_limit + GRACE
                    heard_by = self._clock.monotonic() + SURVEY_PATIENCE - 1
                    try:
                        self._attempts.mark_answered(uuid, at)
                    except StoreUnavailable as exc:  # the IVR writes it down as well, and the end will tell
                        log.warning("call %s: the answer is not on record yet: %s", uuid, exc)
                    self._observe("answered", uuid, {})
                case Note.RECONCILE:
                    rang = True  # for all we know: what we were not told while the connection was down is lost
                    # The switch enforces both limits: past them no call is up, even if it never answers again.
                    if not switch.wait_up(max(over - self._clock.monotonic(), 0.0)):
                        return None, rang
                    try:
                        denials = 0 if switch.exists(uuid) else denials + 1
                    except SwitchError:
                        denials = 0
                    if denials == 2:
                        return None, rang
                    if denials:
                        wait = DENIAL_PAUSE  # its end, or its beginning, may still be on the way to us
                    elif self._clock.monotonic() >= heard_by:
                        self._end_silence(uuid, switch)

    def _end_silence(self, uuid: str, switch: SwitchPort) -> None:
        """Hang an answered call up whose survey has not started by now."""
        try:
            facts = self._attempts.facts(uuid)
            if facts is not None and not facts.ivr_started:
                log.warning("call %s: its survey has not started: hung up", uuid)
                switch.hangup(uuid)
        except (StoreUnavailable, SwitchError) as exc:
            log.warning("call %s: nobody can say whether its survey has started: %s", uuid, exc)

    def _settle(
        self,
        uuid: str,
        token: str,
        inbox: Queue[CallEvent | Note],
        ending: CallEnded | OriginateFailed | None,
        *,
        recovered: bool,
    ) -> None:
        self._patiently(uuid, lambda: self._settle_now(uuid, token, inbox, ending, recovered=recovered))

    def _patiently(self, uuid: str, book: Callable[[], None]) -> None:
        """Book an end. While the database is away it is kept and tried again: forgetting it would turn a busy line
        into an unknown end, which is never redialled."""
        pauses = itertools.chain(STORE_PAUSES, itertools.repeat(STORE_PAUSES[-1]))
        while True:
            try:
                book()
                return
            except StoreUnavailable as exc:
                log.warning("call %s: not booked yet: %s", uuid, exc)
                gevent.sleep(next(pauses))

    def _settle_now(
        self,
        uuid: str,
        token: str,
        inbox: Queue[CallEvent | Note],
        ending: CallEnded | OriginateFailed | None,
        *,
        recovered: bool,
    ) -> None:
        unanswered = Outcome.UNKNOWN if ending is None else outcome_of_cause(ending.cause, answered=False)
        patient = True

        def judge(facts: CallFacts, policy: RetryPolicy | None, num_attempt: int) -> Verdict | None:
            if patient and facts.ivr_started and facts.ivr_end is None:
                return None  # it is about to say why it stopped
            outcome, reason = retry.settle(facts, ending, unanswered, recovered=recovered)
            return retry.after(outcome, reason, facts, policy, num_attempt, self._clock.now())

        ended = ending if isinstance(ending, CallEnded) else None
        if not self._judge(uuid, token, judge, ended):
            gevent.with_timeout(IVR_GRACE, _await_ivr, inbox, timeout_value=None)
            patient = False
            self._judge(uuid, token, judge, ended)

    def _book(self, uuid: str, token: str, outcome: Outcome, reason: str, ended: CallEnded | None) -> None:
        """Book an outcome that is known whatever the record says."""
        now = self._clock.now()
        self._judge(uuid, token, lambda facts, policy, n: retry.after(outcome, reason, facts, policy, n, now), ended)

    def _judge(self, uuid: str, token: str, judge: Judge, ended: CallEnded | None) -> bool:
        """Whether the judgement was booked."""
        ending = Ending(uuid, token, judge, ended)
        try:
            booked = self._settle_call(ending)
        except Held:
            booked = self._attempts.settle(*ending, self._clock.now())
        if booked is None:
            return False
        facts, verdict = booked
        self._observe(
            "booked",
            uuid,
            {
                "outcome": verdict.outcome.value,
                "status": AlarmStatus(verdict.status).name,
                "result": facts.result.name,
                "reason": verdict.reason,
                "next": verdict.due_at,
            },
        )
        return True

    def _settle_some(self, endings: Sequence[Ending]) -> Sequence[Settled | Exception | None]:
        return self._attempts.settle_all(endings, self._clock.now())

    # ---- leases and switches

    def pacing(self, without: SwitchPort | None = None) -> Pacing:
        """The limits, and the switches that are up."""
        return Pacing(self.limits, tuple(s.name for s in self._switches if s.up and s is not without))

    def _next_switch(self) -> SwitchPort | None:
        up = [s for s in self._switches if s.up]
        if not up:
            return None
        self._turn += 1
        return up[self._turn % len(up)]

    def _switch(self, name: str) -> SwitchPort | None:
        return next((s for s in self._switches if s.name == name), None)

    def _may_be_up(self, call: OpenCall) -> bool:
        if call.dialled_at is None:
            return False
        longest = timedelta(seconds=call.ring_timeout + call.time_limit + GRACE)
        return self._clock.now() < call.dialled_at + longest

    def _extend_leases(self) -> None:
        pause = self._lease.total_seconds() / 2
        while True:
            self._some_live.wait()
            gevent.sleep(pause)
            tokens = [token for token, _inbox in self._live.values()]
            if not tokens:
                continue
            try:
                self._attempts.extend(tokens, self._clock.now(), self._lease)
            except StoreUnavailable as exc:
                log.warning("leases not prolonged: %s", exc)
            except Exception:  # a heartbeat that stops would have every live call taken for dead
                log.exception("leases not prolonged")


def _drain(inbox: Queue[CallEvent | Note]) -> None:
    while not inbox.empty():
        inbox.get_nowait()


def _await_ivr(inbox: Queue[CallEvent | Note]) -> None:
    while inbox.get() is not Note.IVR_ENDED:
        pass
