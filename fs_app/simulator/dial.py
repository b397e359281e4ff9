"""Originate: make the legs a dial string names, let their callees' phones ring, and say what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import gevent
from gevent.queue import Empty, SimpleQueue

from fs_app.simulator.callees import Callee, HangUp, Press, Talk, choose
from fs_app.simulator.channel import Channel, Profile
from fs_app.simulator.core import FRAME, Core, new_uuid
from fs_app.simulator.dialstring import DialError, DialString, Leg, read_dialstring
from fs_app.simulator.expand import is_true
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
    outcome = Outcome(None, "NORMAL_CLEARING")
    for group in plan.groups:
        outcome, at_once = _ring_group(core, plan, group, variables, seconds)
        if outcome.session or outcome.cause == "NO_ANSWER" or _ends(variables, outcome.cause, at_once):
            break
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
    core: Core, plan: DialString, group: tuple[Leg, ...], variables: dict[str, str], seconds: int
) -> tuple[Outcome, bool]:
    """Legs that ring together; also whether it failed before any of them did."""
    news: SimpleQueue[tuple[str, Session]] = SimpleQueue()
    ringing: list[Session] = []
    cause = "NORMAL_CLEARING"
    for leg in group:
        made = _make_leg(core, leg, variables)
        if isinstance(made, str):
            cause = made
            continue
        session, script = made
        ringing.append(session)
        core.spawn(_ring, session, script, news)
    at_once = not ringing
    try:
        with gevent.Timeout(core.real(seconds), Empty):
            while ringing:
                verdict, session = news.get()
                if verdict == "answered" and not session.channel.down:
                    for other in ringing:
                        if other is not session:
                            _abandon(core, other, "LOSE_RACE")
                    return Outcome(session), False
                if verdict == "answered":
                    core.spawn(session.finish)  # killed before we could take it
                ringing.remove(session)
                cause = session.channel.cause
    except Empty:
        cause = "NO_ANSWER"
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
    if script.ring > 0 or (not script.answer and not script.cause):
        session.note("ringing")
        for leg in session.legs():
            leg.progress()
        patience = None if not script.answer and not script.cause else core.real(script.ring)
        if session.over.wait(patience):
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


# ---------------------------------------------------------------------- legs


def _make_leg(core: Core, leg: Leg, variables: dict[str, str]) -> tuple[Session, Callee] | str:
    """A new session with its first events, or the cause why there is none."""
    number, name, problem = _address(core, leg)
    if problem:
        return problem
    if not core.admit():
        return "DESTINATION_OUT_OF_ORDER"
    # {} wins over [] but for what names and identifies the leg, unless local_var_clobber says otherwise.
    clobber = is_true(variables.get("local_var_clobber"))
    own = {**variables, **leg.variables} if clobber else {**leg.variables, **variables}
    wanted = leg.variables.get("origination_uuid") or own.get("origination_uuid", "")
    # The switch does not refuse a UUID that is taken: it rings all the same, under a UUID of its own.
    uuid = wanted if wanted and wanted not in core.sessions else new_uuid()
    loopback = leg.endpoint == "loopback"
    profile = Profile(
        caller_name=leg.variables.get("origination_caller_id_name") or own.get("origination_caller_id_name", ""),
        caller_number=leg.variables.get("origination_caller_id_number")
        or own.get("origination_caller_id_number", "0000000000"),
        destination=number,
        source="mod_loopback" if loopback else "src/switch_ivr_originate.c",
        context=_context(leg) if loopback else "default",
        dialplan="xml" if loopback else "",
        network="" if loopback else "127.0.0.1",
    )
    profile.orig_name, profile.orig_number = profile.caller_name, profile.caller_number
    profile.callee_number = leg.address.rpartition("/")[2]
    channel = Channel(core.bus, uuid, name, "outbound", profile, codec="L16" if loopback else "PCMU")
    profile.created = channel.now()
    session = Session(core, channel, number)
    core.sessions[uuid] = session
    early = "false" if is_true(own.get("ignore_early_media")) else "true"
    _first_variables(core, channel, leg, own, early)
    if loopback:
        session.peer = _make_peer(core, session, own)
        channel.set("other_loopback_leg_uuid", session.peer.uuid)
        channel.set("loopback_leg", "A")
        core.sessions[session.peer.uuid] = session
    session.note("dialled", address=f"{leg.endpoint}/{leg.address}", caller=profile.caller_number)
    channel.fire("CHANNEL_UUID", before=[("Old-Unique-ID", new_uuid())])
    channel.fire("CHANNEL_OUTGOING")
    channel.enter("CS_INIT")
    channel.state = "CS_ROUTING"
    channel.fire("CHANNEL_CREATE")
    channel.fire("CHANNEL_ORIGINATE")
    channel.enter("CS_ROUTING")
    channel.enter("CS_CONSUME_MEDIA")
    if session.peer:
        _start_peer(session.peer)
    return session, choose(number, core.callees)


def _context(leg: Leg) -> str:
    parts = leg.address.split("/")
    return parts[1] if len(parts) > 1 else "default"


def _address(core: Core, leg: Leg) -> tuple[str, str, str]:
    """(number, channel name, cause why not)."""
    address = leg.address
    if leg.endpoint == "loopback":
        number = address.partition("/")[0]
        return number, f"loopback/{number}-a", ""
    if leg.endpoint == "user":
        return address.partition("@")[0], f"sofia/internal/{address}", ""
    if leg.endpoint == "error":
        return "", "", address.upper() or "NORMAL_CLEARING"
    if leg.endpoint != "sofia":
        return "", "", "CHAN_NOT_IMPLEMENTED"
    profile, _, rest = address.partition("/")
    if profile == "gateway":
        gateway, _, target = rest.partition("/")
        if core.gateways is not None and gateway not in core.gateways:
            return "", "", "INVALID_GATEWAY"
        if gateway in core.gateways_down:
            return "", "", "GATEWAY_DOWN"
        return target.partition("@")[0], f"sofia/external/{target}", ""
    if not rest:
        return "", "", "INVALID_URL"
    return rest.removeprefix("sip:").partition("@")[0], f"sofia/{profile}/{rest}", ""


def _first_variables(core: Core, channel: Channel, leg: Leg, own: dict[str, str], early: str) -> None:
    channel.set("direction", "outbound")
    channel.set("is_outbound", "true")
    if leg.endpoint == "loopback":
        channel.set("session_id", core.next_session_id())
        for way in ("read", "write"):
            channel.set(f"{way}_codec", channel.codec)
            channel.set(f"{way}_rate", "8000")
        channel.set("channel_name", channel.name)
        channel.set("uuid", channel.uuid)
        channel.set("call_uuid", channel.uuid)
    else:
        channel.set("uuid", channel.uuid)
        channel.set("call_uuid", channel.uuid)
        channel.set("session_id", core.next_session_id())
        if leg.address.startswith("gateway/"):
            channel.set("sip_gateway_name", leg.address.split("/")[1])
            channel.set("sip_profile_name", "gateway")
        channel.set("channel_name", channel.name)
        target = channel.name.partition("/")[2].partition("/")[2]
        url = target if "@" in target else f"{target}@127.0.0.1"
        channel.set("sip_destination_url", f"sip:{url.removeprefix('sip:')}")
    for name, value in own.items():
        channel.set(name, value)
    channel.set("originate_early_media", early)
    channel.set("originate_endpoint", leg.endpoint)
    if leg.endpoint != "loopback":
        channel.set("sip_call_id", new_uuid())
        for way in ("read", "write"):
            channel.set(f"{way}_codec", channel.codec)
            channel.set(f"{way}_rate", "8000")


def _make_peer(core: Core, session: Session, own: dict[str, str]) -> Channel:
    """The far end of a loopback: a leg with the same variables, which filters by variable find too."""
    near = session.channel
    p = near.profile
    profile = Profile(p.caller_name, p.caller_number, p.destination, p.source, p.context, p.dialplan)
    profile.orig_name, profile.orig_number = p.caller_name, p.caller_number
    profile.callee_number, profile.created = p.callee_number, p.created
    peer = Channel(core.bus, new_uuid(), near.name.removesuffix("-a") + "-b", "inbound", profile)
    peer.set("direction", "inbound")
    peer.set("uuid", peer.uuid)
    peer.set("session_id", core.next_session_id())
    peer.set("channel_name", peer.name)
    for way in ("read", "write"):
        peer.set(f"{way}_codec", peer.codec)
        peer.set(f"{way}_rate", "8000")
    for name, value in own.items():
        peer.set(name, value)
    peer.set("other_loopback_leg_uuid", near.uuid)
    peer.set("loopback_leg", "B")
    peer.set("call_uuid", peer.uuid)
    return peer


def _start_peer(peer: Channel) -> None:
    peer.enter("CS_INIT")
    peer.state = "CS_ROUTING"
    peer.fire("CHANNEL_CREATE")
    peer.running = "CS_ROUTING"
    peer.hit_dialplan = True
    peer.set_call_state("RINGING", 2)
    peer.enter("CS_ROUTING")
    peer.enter("CS_EXECUTE")
