"""``bridge``: connect the call to a second callee, as a transfer to the secretary does."""

from __future__ import annotations

from typing import Any

import gevent

from fs_app.simulator.dial import dial
from fs_app.simulator.expand import is_true
from fs_app.simulator.session import Session, Why

# What DIALSTATUS says, in the words of another switch that dialplans were ported from.
_DIALSTATUS = {
    "SUCCESS": "SUCCESS",
    "USER_BUSY": "BUSY",
    "NO_ANSWER": "NOANSWER",
    "NO_USER_RESPONSE": "NOANSWER",
    "ORIGINATOR_CANCEL": "CANCEL",
    "NORMAL_CIRCUIT_CONGESTION": "CONGESTION",
}


def bridge(session: Session, argument: str) -> None:
    """Ends when either side hangs up. A failed one ends the call with its cause unless continue_on_fail is true."""
    channel = session.channel
    core = session.core
    trying = core.spawn(
        dial, core, argument, caller_name=channel.profile.caller_name, caller_number=channel.profile.caller_number
    )
    channel.set("originate_disposition", "failure")
    either: list[Any] = [trying, session.over]
    gevent.wait(either, count=1)
    if not trying.ready():
        trying.kill()
        return
    outcome = trying.get()
    channel.set("originate_disposition", outcome.cause)
    channel.set("DIALSTATUS", _DIALSTATUS.get(outcome.cause, outcome.cause))
    other: Session | None = outcome.session
    if other is None:
        if not is_true(channel.get("continue_on_fail")):
            session.hangup(outcome.cause)
        return
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
    while not other.channel.down:
        why, _ = session.pause(None)
        if why is Why.MESSAGE:
            session.drain()
        elif why in (Why.HANGUP, Why.BREAK):
            break
    other.hangup(channel.cause or "NORMAL_CLEARING")
    channel.set("bridge_hangup_cause", other.channel.cause)
    channel.fire("CHANNEL_UNBRIDGE", before=legs)
    core.spawn(other.finish)
    if is_true(channel.get("hangup_after_bridge")):
        session.hangup("NORMAL_CLEARING")
