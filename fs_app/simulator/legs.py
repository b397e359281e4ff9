"""The legs of an originate: which callee an address means, and the first events of a new session."""

from __future__ import annotations

from fs_app.simulator.callees import Callee, choose
from fs_app.simulator.channel import Channel, Profile
from fs_app.simulator.core import Core, new_uuid
from fs_app.simulator.dialstring import Leg
from fs_app.simulator.expand import is_true
from fs_app.simulator.session import Session


def make_leg(core: Core, leg: Leg, variables: dict[str, str]) -> tuple[Session, Callee] | str:
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
    channel.fire("CHANNEL_UUID", before=[("Old-Unique-ID", new_uuid())])
    channel.fire("CHANNEL_OUTGOING")
    channel.enter("CS_INIT")
    channel.state = "CS_ROUTING"
    channel.fire("CHANNEL_CREATE")
    channel.fire("CHANNEL_ORIGINATE")
    deed = channel.get("execute_on_originate")
    if deed:  # before anything leaves the switch
        session.execute(*deed.partition(" ")[::2])
        if channel.down:
            session.finish()
            return channel.cause
    if leg.endpoint == "null":
        return session, Callee(ring=0)
    session.note("dialled", address=f"{leg.endpoint}/{leg.address}", caller=profile.caller_number)
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
    if leg.endpoint == "null":
        return "", f"null/{address}", ""
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
