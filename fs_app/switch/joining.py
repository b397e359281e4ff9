"""Joining the callee with others: a transfer to one, a conference with many.

What the switch does by itself: ``origination_cancel_key`` leaves while it rings, ``bridge_terminate_key`` while they
talk, and a leg that was rung for a call never outlives it. Both applications take the keys off the channel as they
come, so their events arrive here in order; should a key come in the instant between two applications, where it does
nothing, what it meant is done from here.
"""

from __future__ import annotations

import logging
import uuid as uuids
from collections.abc import Sequence

from fs_app.domain.enums import Outcome
from fs_app.errors import CommandRejected, InvalidInput
from fs_app.switch.channel import (
    ChannelHungUp,
    Conferenced,
    Transferred,
    check_conference,
    check_path,
    check_transfer,
)
from fs_app.switch.dialstring import BridgeTarget, bridge_argument
from fs_app.switch.hangup import outcome
from fs_app.switch.session import OutboundSession
from fs_app.switch.waiting import watch
from fs_app.switch.wire import Frame

log = logging.getLogger(__name__)

# What rings where nothing is announced: 425 Hz, one second in five, as most of the world's networks do.
RINGING_TONE = "%(1000,4000,425)"
NO_KEY = "none"  # letters are not keys; but the variable must be there, for then keys are taken while it rings
PROFILE = "default"  # of mod_conference

_NOT_REACHED = {Outcome.BUSY: "busy", Outcome.NO_ANSWER: "no_answer", Outcome.REJECTED: "rejected"}


def transfer(
    session: OutboundSession,
    target: BridgeTarget,
    *,
    announcement: Sequence[str],
    confirm: Sequence[str],
    confirm_key: str,
    leave_key: str,
    ring_timeout: float,
) -> Transferred:
    """See :meth:`fs_app.switch.channel.Channel.transfer`."""
    check_transfer(confirm, confirm_key, leave_key, ring_timeout)
    ringing = _ringing(announcement)
    peer = str(uuids.uuid4())
    argument = bridge_argument(
        target, peer=peer, call=session.uuid, ring_timeout=ring_timeout, confirm=confirm, confirm_key=confirm_key
    )
    before = len(session.keys)
    key = leave_key or NO_KEY
    try:
        session.run(
            "multiset",
            f"continue_on_fail=true hangup_after_bridge=false origination_cancel_key={key} bridge_terminate_key={key}",
        )
        session.run("set", f"transfer_ringback={ringing}")
        running = session.run("bridge", argument)
    except CommandRejected as error:
        log.warning("%s: %s", session.uuid, error)
        return Transferred("failed", 0.0, "NONE")
    watch(
        session,
        running,
        stop=lambda: leave_key in session.keys[before:] if leave_key else False,
        end=lambda: session.ask(f"uuid_kill {peer}"),
    )
    pressed = session.keys[before:]
    del session.keys[before:]
    try:
        done: Frame | None = running.get()
        ended = ""
    except ChannelHungUp as end:
        done, ended = session.latest, end.cause
    talked = _talked(done, peer)
    if ended:
        return Transferred("hangup", talked or 0.0, ended)
    assert done is not None
    cause = done.get("variable_bridge_hangup_cause" if talked is not None else "variable_originate_disposition")
    cause = cause or "NORMAL_CLEARING"
    if leave_key and leave_key in pressed:
        return Transferred("left", talked or 0.0, cause)
    if talked is not None:
        return Transferred("bridged", talked, cause)
    return Transferred(_NOT_REACHED.get(outcome(cause, False), "failed"), 0.0, cause)  # type: ignore[arg-type]


def _ringing(announcement: Sequence[str]) -> str:
    for file in announcement:
        check_path(file, "announcement")
        if len(announcement) > 1 and "!" in file:
            raise InvalidInput("announcement", "of several files, none may have a ! in its path")
    if not announcement:
        return RINGING_TONE
    return announcement[0] if len(announcement) == 1 else "file_string://" + "!".join(announcement)


def _talked(frame: Frame | None, peer: str) -> float | None:
    """Seconds since the two were connected; None when they were not."""
    if frame is None or frame.get("variable_last_bridge_to") != peer:
        return None
    since, now = frame.get("Caller-Channel-Bridged-Time", "0"), _microseconds(frame)
    return max(0.0, (now - int(since)) / 1e6) if since.isdecimal() and since != "0" and now else 0.0


def conference(session: OutboundSession, room: str, *, leave_key: str, limit: float) -> Conferenced:
    """See :meth:`fs_app.switch.channel.Channel.conference`."""
    check_conference(room, leave_key, limit)
    before = len(session.keys)
    try:
        # Profiles bind keys of their own, # among them: here only ours leaves, and all others are the callee's noise.
        begun = session.run("set", "conference_controls=none").get()
        running = session.run("conference", f"{room}@{PROFILE}")
    except CommandRejected as error:
        log.warning("%s: %s", session.uuid, error)
        return Conferenced(0.0, "end")

    def leave() -> None:
        member = session.ask(f"uuid_getvar {session.uuid} conference_member_id").strip()
        if member.isdecimal():
            session.ask(f"conference {room} hup {member}")

    watch(
        session,
        running,
        stop=lambda: leave_key in session.keys[before:] if leave_key else False,
        end=leave,
        limit=limit,
    )
    pressed = session.keys[before:]
    del session.keys[before:]
    try:
        done: Frame | None = running.get()
    except ChannelHungUp:
        return Conferenced(_between(begun, session.latest), "hangup")
    return Conferenced(_between(begun, done), "key" if leave_key and leave_key in pressed else "end")


def _between(first: Frame | None, last: Frame | None) -> float:
    """Seconds, by the switch's clock."""
    start, end = _microseconds(first), _microseconds(last)
    return max(0.0, (end - start) / 1e6) if start and end else 0.0


def _microseconds(frame: Frame | None) -> int:
    text = "" if frame is None else frame.get("Event-Date-Timestamp", "")
    return int(text) if text.isdecimal() else 0
