"""``bridge``: connect the call to a second callee, as a transfer to the secretary does."""

from __future__ import annotations

from contextlib import suppress

import gevent

from fs_app.simulator.dial import Outcome, dial
from fs_app.simulator.expand import is_true
from fs_app.simulator.parse import atoi
from fs_app.simulator.playing import MISSING, play_file
from fs_app.simulator.session import Session, Why

# What DIALSTATUS says, in the words of another switch that dialplans were ported from.
_DIALSTATUS = {
    "SUCCESS": "SUCCESS",
    "USER_BUSY": "BUSY",
    "NO_ANSWER": "NOANSWER",
    "NO_USER_RESPONSE": "NOANSWER",
    "ORIGINATOR_CANCEL": "CANCEL",
    "NORMAL_CIRCUIT_CONGESTION": "CONGESTION",
    "CALL_REJECTED": "DONTCALL",
}


class _TooLate(Exception):
    pass


_CONFIRM_READ = 5.0  # seconds for the key, after each time the words have been played


def bridge(session: Session, argument: str) -> None:
    """Ends when either side hangs up, or the caller presses a key of bridge_terminate_key; while it rings,
    origination_cancel_key ends it. A failed one ends the call with its cause unless continue_on_fail is true."""
    channel = session.channel
    channel.set("originate_disposition", "failure")
    outcome = _originate(session, argument)
    if outcome is None:
        return
    channel.set("originate_disposition", outcome.cause)
    channel.set("DIALSTATUS", _DIALSTATUS.get(outcome.cause, outcome.cause))
    if outcome.session is None:
        channel.set("originate_failed_cause", outcome.cause)
        if not is_true(channel.get("continue_on_fail")):
            session.hangup(outcome.cause)
        return
    _connect(session, outcome.session)
    if is_true(channel.get("hangup_after_bridge")):
        session.hangup("NORMAL_CLEARING")


def _originate(session: Session, argument: str) -> Outcome | None:
    """Ring, and have it confirmed where that is asked; None when the caller hung up meanwhile."""
    channel = session.channel
    profile = channel.profile
    trying = session.core.spawn(_answered_and_confirmed, session, argument, profile.caller_name, profile.caller_number)
    trying.link(lambda _: session.interrupt(flush=False))
    ringback = channel.get("transfer_ringback") or channel.get("ringback")
    if ringback:
        session.note("ringback", file=ringback)
    cancel = channel.get("origination_cancel_key") or ""
    while not trying.ready():
        why, _ = session.pause(None, digits=bool(cancel))
        if why is Why.MESSAGE:
            session.drain()
        elif why is Why.DIGIT and session.take_digit() == cancel[0]:
            trying.kill()
            return Outcome(None, "NO_ANSWER")
        elif why is Why.HANGUP:
            trying.kill()
            return None
    return trying.get() if isinstance(trying.value, Outcome) else None


def _answered_and_confirmed(session: Session, argument: str, caller_name: str, caller_number: str) -> Outcome:
    """A leg that nobody takes over is hung up, also when this greenlet is killed."""
    outcome = dial(session.core, argument, caller_name=caller_name, caller_number=caller_number)
    other = outcome.session
    if other is None:
        return outcome
    try:
        cause = _confirm(other)
    except gevent.GreenletExit:
        other.hangup("ORIGINATOR_CANCEL")
        session.core.spawn(other.finish)
        raise
    if cause:
        other.hangup(cause)
        session.core.spawn(other.finish)
        return Outcome(None, other.channel.cause)
    return outcome


def _confirm(other: Session) -> str:
    """``group_confirm_key``: the cause why not, or ""."""
    key, file = other.channel.get("group_confirm_key"), other.channel.get("group_confirm_file")
    if not key:
        return ""
    wait = atoi(other.channel.get("group_confirm_read_timeout") or "") / 1000 or _CONFIRM_READ
    left = float(atoi(other.channel.get("group_confirm_timeout") or "") or 60)
    with gevent.Timeout(other.core.real(left), _TooLate), suppress(_TooLate):
        while not other.channel.down:
            pressed: list[str] = []

            def take(digit: str, pressed: list[str] = pressed) -> bool:
                pressed.append(digit)
                return True

            if file and play_file(other, file, take) == MISSING:
                return "DESTINATION_OUT_OF_ORDER"
            if not pressed and other.pause(wait, digits=True)[0] is Why.DIGIT:
                pressed.append(other.take_digit())
            if pressed and pressed[0] == key:
                for name in ("group_confirm_key", "group_confirm_file", "group_confirm_read_timeout"):
                    other.channel.set(name, None)
                return ""
    return other.channel.cause or "ALLOTTED_TIMEOUT"


def _connect(session: Session, other: Session) -> None:
    """Both talk until one of them ends it."""
    channel = session.channel
    other.channel.hit_dialplan = True
    other.channel.flip_caller_id()
    other.channel.enter("CS_EXCHANGE_MEDIA")
    channel.set("originated_legs", f"{other.channel.uuid};Outbound Call;{other.channel.profile.callee_number}")
    channel.set("originate_causes", f"{other.channel.uuid};NONE")
    channel.profile.bridged = other.channel.profile.bridged = channel.now()
    channel.other, channel.other_type = other.channel, "originatee"
    channel.set("signal_bond", other.channel.uuid)
    legs = [("Bridge-A-Unique-ID", channel.uuid), ("Bridge-B-Unique-ID", other.channel.uuid)]
    channel.fire("CHANNEL_BRIDGE", before=legs)
    session.note("bridged", to=other.number)
    channel.set("last_bridge_to", other.channel.uuid)
    channel.set("bridge_channel", other.channel.name)
    channel.set("bridge_uuid", other.channel.uuid)
    channel.set("last_bridge_role", "originator")
    other.on_down.append(lambda ours: session.interrupt(flush=False))
    ends = channel.get("bridge_terminate_key") or ""
    while not other.channel.down:
        why, _ = session.pause(None, digits=True)  # a break means that the other one has gone, or nothing at all
        if why is Why.MESSAGE:
            session.drain()
        elif why is Why.HANGUP or (why is Why.DIGIT and session.take_digit() in ends):
            break
    session.forget_digits()
    other.hangup(channel.cause or "NORMAL_CLEARING")
    channel.set("bridge_hangup_cause", other.channel.cause)
    channel.fire("CHANNEL_UNBRIDGE", before=legs)
    session.core.spawn(other.finish)
