"""Originate: make the legs a dial string names, let their callees' phones ring, and say what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import gevent
from gevent.queue import Empty, SimpleQueue

from fs_app.simulator.audio import read_recording
from fs_app.simulator.callees import Callee, HangUp, Press, Talk
from fs_app.simulator.core import FRAME, Core
from fs_app.simulator.dialstring import DialError, DialString, Leg, read_dialstring
from fs_app.simulator.expand import is_true
from fs_app.simulator.legs import make_leg
from fs_app.simulator.parse import atoi
from fs_app.simulator.session import Session


@dataclass(frozen=True, slots=True)
class Outcome:
    """``session`` answered, or nobody did because of ``cause``."""

    session: Session | None
    cause: str = "SUCCESS"


def dial(
    core: Core,
    text: str,
    *,
    timeout: int | None = None,
    caller_name: str | None = None,
    caller_number: str | None = None,
    inherited: dict[str, str] | None = None,
) -> Outcome:
    """Ring what ``text`` names until one answers; blocks its greenlet meanwhile. ``timeout`` in seconds, else 60."""
    if ":_:" in text:
        # Split before anything else is read, whatever quotes say.
        parts = [(core, part, timeout, caller_name, caller_number, inherited) for part in text.split(":_:")]
        return _first(core, parts)
    try:
        plan = read_dialstring(text)
    except DialError:
        return Outcome(None, "DESTINATION_OUT_OF_ORDER")
    variables = {**(inherited or {}), **plan.variables}
    if caller_name:
        variables.setdefault("origination_caller_id_name", caller_name)
    if caller_number:
        variables.setdefault("origination_caller_id_number", caller_number)
    seconds = atoi(variables.get("originate_timeout", "")) or timeout or 60
    each = atoi(variables.get("leg_timeout", ""))
    late = "ALLOTTED_TIMEOUT" if 0 < each < seconds else "NO_ANSWER"
    seconds = min(seconds, each or seconds)
    outcome = Outcome(None, "NORMAL_CLEARING")
    for group in plan.groups:
        outcome, at_once = _ring_group(core, plan, group, variables, seconds, late)
        if outcome.session or outcome.cause == "NO_ANSWER" or _ends(variables, outcome.cause, at_once):
            break
    return outcome


def _first(
    core: Core, parts: list[tuple[Core, str, int | None, str | None, str | None, dict[str, str] | None]]
) -> Outcome:
    """Dial strings that ring side by side; the first answer wins, else the last failure counts."""
    trying = [
        core.spawn(dial, c, text, timeout=timeout, caller_name=name, caller_number=number, inherited=inherited)
        for c, text, timeout, name, number, inherited in parts
    ]
    outcome = Outcome(None, "NORMAL_CLEARING")
    try:
        for one in gevent.iwait(trying):
            outcome = one.get()
            if outcome.session:
                break
    finally:
        gevent.killall([one for one in trying if not one.ready()], block=False)
    return outcome


def _ends(variables: dict[str, str], cause: str, at_once: bool) -> bool:
    """fail_on_single_reject: whether this cause keeps the switch from trying the next alternative."""
    rule = variables.get("fail_on_single_reject", "")
    if not rule:
        return False
    if is_true(rule):
        return at_once
    return (cause.lower() in rule.lower()) != rule.startswith("!")


def _ring_group(
    core: Core, plan: DialString, group: tuple[Leg, ...], variables: dict[str, str], seconds: int, late: str
) -> tuple[Outcome, bool]:
    """Legs that ring together, ``seconds`` at most, or it ends with the cause ``late``; also whether it failed before
    any of them rang.

    What the scripts say first happens first, however late this process is: a telephone that is to be answered sooner
    than ``seconds`` is answered on a machine, too, that had no time for us in between.
    """
    news: SimpleQueue[tuple[str, Session]] = SimpleQueue()
    ringing: dict[Session, float] = {}  # for how long each rings
    cause = "NORMAL_CLEARING"
    for leg in group:
        made = make_leg(core, leg, variables)
        if isinstance(made, str):
            cause = made
            continue
        session, script = made
        ringing[session] = script.rings()
        core.spawn(_ring, session, script, news)
    at_once = not ringing
    over = core.clock.monotonic() + core.real(seconds)
    try:
        while ringing:
            soon = min(ringing.values()) < seconds
            verdict, session = news.get(timeout=None if soon else max(over - core.clock.monotonic(), 0.0))
            if verdict == "answered" and not session.channel.down:
                for other in ringing:
                    if other is not session:
                        _abandon(core, other, "LOSE_RACE")
                return Outcome(session), False
            if verdict == "answered":
                core.spawn(session.finish)  # killed before we could take it
            del ringing[session]
            cause = session.channel.cause
    except Empty:
        cause = late
        for session in ringing:
            _abandon(core, session, cause)
    except gevent.GreenletExit:
        for session in ringing:
            _abandon(core, session, "ORIGINATOR_CANCEL")
        raise
    return Outcome(None, cause), at_once


def _abandon(core: Core, session: Session, cause: str) -> None:
    """We stop ringing somebody. The session ends in a greenlet of its own, as its thread would."""
    session.abandoned = True
    session.hangup(cause)
    if core.misbehaviour.reorder_hangup:
        session.finish()
    else:
        core.later(FRAME, session.finish)


def _ring(session: Session, script: Callee, news: SimpleQueue[tuple[str, Session]]) -> None:
    """A callee's phone, up to the answer or the refusal."""
    core = session.core
    rings = script.rings()
    if rings > 0:
        session.note("ringing")
        for leg in session.legs():
            leg.progress()
        if session.over.wait(None if rings == math.inf else core.real(rings)):
            return _lost(session, news)
    if session.channel.down:
        return _lost(session, news)
    if script.answer:
        if script.ring <= 0:
            session.note("ringing")
        _answer(session)
        news.put(("answered", session))
        core.spawn(_act, session, script)
        return None
    session.hangup(script.cause, by="callee")
    if core.misbehaviour.reorder_hangup:
        core.later(FRAME, session.finish)
    else:
        session.finish()
    news.put(("failed", session))
    return None


def _lost(session: Session, news: SimpleQueue[tuple[str, Session]]) -> None:
    """Somebody else ended it: we gave up (``_abandon`` finishes it) or it was killed (nobody else will)."""
    if not session.abandoned:
        session.finish()
    news.put(("failed", session))


def _answer(session: Session) -> None:
    session.note("answered")
    for leg in session.legs():
        leg.hit_dialplan = leg is session.peer
        leg.answer()
    channel = session.channel
    deed = channel.get("execute_on_answer")
    if deed:
        name, _, argument = deed.replace("::", " ", 1).partition(" ")
        session.execute(name, argument)
    deed = channel.get("api_on_answer")
    if deed:
        name, _, argument = deed.partition(" ")
        session.call_api(name, argument)


def _act(session: Session, script: Callee) -> None:
    """What the callee does once the call is up."""
    core = session.core
    spent = 0.0
    if script.audio:
        session.plays(read_recording(script.audio))
    for action in script.in_order():
        if action.at > spent:
            if session.over.wait(core.real(action.at - spent)):
                return
            spent = action.at
        if session.channel.down:
            return
        if isinstance(action, Press):
            for key in action.keys:
                session.note("pressed", digit=key)
                session.press(key)
        elif isinstance(action, Talk):
            session.talk(action.seconds)
        elif isinstance(action, HangUp):
            session.wait_taken()
            session.hangup(action.cause, by="callee")
