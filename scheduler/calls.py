"""The calls of one scheduler process: dial each claim once, follow it to its end, book it.

One greenlet per live call. What it is made of: following.py waits for the end, settling.py books it, switches.py says
whose turn it is.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import gevent
from gevent.event import Event
from gevent.queue import Queue

from fs_app.clock import Clock
from fs_app.domain.alarms import Claim, Decision, DueAlarm, OpenCall, Route
from fs_app.domain.calls import CallEnded, CallEvent
from fs_app.domain.enums import Outcome
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
from fs_app.store.cases import Held
from fs_app.switch.dialstring import originate_command
from fs_app.switch.hangup import outcome as outcome_of_cause
from fs_app.switch.once import ASKED_WITHIN
from scheduler.following import GRACE, Follower, Inbox, LastWord, Note
from scheduler.observer import Observer, unobserved
from scheduler.settling import Bookkeeper
from scheduler.switches import Switches, SwitchPort

log = logging.getLogger(__name__)

RENDER_BACKOFF = timedelta(seconds=60)
ABSENCE = timedelta(seconds=5)  # of the survey IVR, which somebody is about to start again
_FOREIGN_MAX = 10_000


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
        self._mark_dialling = Gathered(attempts.mark_all_dialling)  # many at once cost little more than one
        self._books = Bookkeeper(attempts, clock, observer)
        self._follower = Follower(attempts, clock, observer)
        self._switches = Switches(switches)
        self._clock = clock
        self._lease = lease
        self._prepare = prepare
        self._changed = changed
        self._observe = observer
        self.decide: Callable[[DueAlarm, str, datetime], Decision] | None = None
        self.limits = Limits()
        self._live: dict[str, tuple[str, Inbox]] = {}  # call UUID -> lease token, inbox
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
        if call.dialled_at is not None and self._switches.named(call.switch) is None and self._may_be_up(call):
            return
        try:
            token = self._attempts.take_over(call, self._clock.now(), self._lease)
        except (LeaseLost, StoreUnavailable) as exc:
            log.info("call %s: not taken over: %s", call.call_uuid, exc)
            return
        self._run(call.call_uuid, token, lambda inbox: self._recover(call, token, inbox))

    def _run(self, call_uuid: str, token: str, work: Callable[[Inbox], None]) -> None:
        inbox: Inbox = Queue()
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

    def _dial(self, claim: Claim, inbox: Inbox) -> list[Claim]:
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
        switch = self._switches.named(claim.switch) if claim.switch else self._switches.next_up()
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
        ending, rang = self._follower.follow(uuid, switch, inbox, request.ring_timeout, request.time_limit)
        unanswered = ending is not None and not (isinstance(ending, CallEnded) and ending.answered)
        if ending is not None and unanswered and outcome_of_cause(ending.cause, answered=False) is Outcome.TRUNK:
            if not rang:
                return self._trunk_failed(claim, ending.cause, ending if isinstance(ending, CallEnded) else None)
            # To ring a telephone again at once, and for ever, is no way out of a bad trunk.
            self._books.book(uuid, token, Outcome.NO_ANSWER, f"{ending.cause}, after it may have rung", None)
            return []
        if ending is None and self._undone(OpenCall(uuid, token, switch.name, now, 0, 0, line)):
            return []
        self._books.settle(uuid, token, inbox, ending, recovered=False)
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
        self._books.book(claim.call_uuid, claim.token, Outcome.TRUNK, reason, ended)
        return []

    def _again(self, now: datetime) -> Callable[[DueAlarm, str], Decision] | None:
        """The decision, to be asked again at the moment of dialling."""
        again = self.decide
        return None if again is None else lambda due, call_uuid: again(due, call_uuid, now)

    def _recover(self, call: OpenCall, token: str, inbox: Inbox) -> None:
        now = self._clock.now()
        if call.dialled_at is None:
            self._attempts.release(call.call_uuid, token, now, "released: its process died before dialling", now)
            return
        ending: LastWord = self._foreign.pop(call.call_uuid, None)
        switch = self._switches.named(call.switch)
        if ending is None and switch is not None:
            inbox.put(Note.RECONCILE)
            ending, _rang = self._follower.follow(call.call_uuid, switch, inbox, call.ring_timeout, call.time_limit)
        if ending is None and self._undone(replace(call, token=token)):
            return
        self._books.settle(call.call_uuid, token, inbox, ending, recovered=True)

    def _undone(self, call: OpenCall) -> bool:
        """Nobody knows what became of an originate: when its switch proves that it was not run, and never will be, the
        claim is given back as if it had never been sent."""
        switch, now = self._switches.named(call.switch), self._clock.now()
        if switch is None or call.dialled_at is None or now - call.dialled_at > ASKED_WITHIN:
            return False
        try:
            if not switch.never_dialled(call.call_uuid, call.originate):
                return False
        except SwitchError as exc:
            log.info("call %s: nobody can say whether it was dialled: %s", call.call_uuid, exc)
            return False
        reason = "not dialled: the switch never got the originate"
        self._books.patiently(call.call_uuid, lambda: self._attempts.undo(call.call_uuid, call.token, reason, now))
        self._observe("undone", call.call_uuid, {"reason": reason})
        return True

    # ---- room and leases

    def pacing(self, without: SwitchPort | None = None) -> Pacing:
        """The limits, and the switches that are up."""
        return self._switches.pacing(self.limits, without)

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


def _drain(inbox: Inbox) -> None:
    while not inbox.empty():
        inbox.get_nowait()
