"""What a call can do besides talking and listening to keys: record, transfer, confer. A command in, its reply out.

Whatever happened before a hang-up is still a reply; where nothing did, the hang-up is raised (ChannelHungUp).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress

from fs_app.domain.calls import CallContext
from fs_app.domain.phone import is_sip_uri
from fs_app.errors import InvalidInput
from fs_app.switch import channel as wire
from fs_app.switch.channel import SOCKET_CLOSED, Channel, ChannelHungUp
from fs_app.switch.dialstring import BridgeTarget
from ivr.dialogue import (
    ConferenceOver,
    JoinConference,
    MessageRecorded,
    RecordMessage,
    Reply,
    TransferCall,
    TransferOver,
)

log = logging.getLogger(__name__)

BEEP = "tone_stream://%(300,0,1000)"  # says when to speak: 300 ms of 1000 Hz
SPOKEN = 0.5  # seconds; a shorter recording holds no message
CONFERENCE_LIMIT = 4 * 3600  # seconds; the call's own time limit usually comes first
_ALL_KEYS = 128  # as many as a channel gives at once


class Fault(Exception):
    """A fault of ours that ends the call; the message is the reason that is booked."""


def drain(channel: Channel) -> None:
    """Drop the keys that wait. Raises ChannelHungUp when the call is over and none did."""
    channel.gather([], maximum=_ALL_KEYS, timeout=0, interdigit=0, terminators="")


def record_message(channel: Channel, command: RecordMessage, path: str) -> Reply:
    """Beep and record into ``path``; a file in which nothing was said is removed. Raises Fault and ChannelHungUp."""
    drain(channel)  # keys that hurried the question would silence the beep
    channel.play([BEEP])
    made = channel.record(path, limit=command.limit, silence=command.silence)
    if made.failed:
        raise Fault(f"the switch could not write the recording {path}: see that its user may write there")
    heard = made.seconds - (command.silence if made.ended_by == "silence" else 0)
    if heard < SPOKEN:
        with suppress(OSError):
            os.unlink(path)
        if made.ended_by == "hangup":
            raise ChannelHungUp(cause_of(channel))
    return MessageRecorded(path, round(made.seconds), heard >= SPOKEN, made.key)


def transfer_call(
    channel: Channel,
    command: TransferCall,
    call: CallContext,
    announcement: Sequence[str],
    confirm: Sequence[str],
) -> Reply:
    """Ring, connect, come back. A target that cannot be dialled is one where nobody was. Raises ChannelHungUp."""
    try:
        target = _target(command.target, call)
    except InvalidInput as error:
        log.error("call %s: no transfer to %r: %s", call.call_uuid, command.target, error)
        return TransferOver("failed")
    done = channel.transfer(
        target,
        announcement=announcement,
        confirm=confirm,
        confirm_key=command.confirm_key,
        leave_key=command.leave_key,
        ring_timeout=call.ring_timeout,
    )
    log.info("call %s: transfer to %s: %s (%s)", call.call_uuid, command.target, done.outcome, done.cause)
    if done.outcome == "bridged" or done.seconds > 0:
        return TransferOver("connected", round(done.seconds))
    return _nobody(done)


def join_conference(channel: Channel, command: JoinConference) -> Reply:
    """Join and come back. Raises ChannelHungUp."""
    done = channel.conference(command.room, leave_key=command.leave_key, limit=CONFERENCE_LIMIT)
    if done.left_by == "hangup" and not done.seconds:
        raise ChannelHungUp(cause_of(channel))
    return ConferenceOver(done.left_by == "key" or done.seconds > 0, round(done.seconds))


def _target(target: str, call: CallContext) -> BridgeTarget:
    name, number = call.caller_id_name, call.caller_id_number
    if is_sip_uri(target):
        # Only an administrator can have written it into the survey, and a sealed survey never changes.
        allowed = frozenset({target})
        return BridgeTarget.sip(target, allowed=allowed, caller_id_number=number, caller_id_name=name)
    return BridgeTarget.number(call.gateway, target, caller_id_number=number, caller_id_name=name)


def _nobody(done: wire.Transferred) -> TransferOver:
    match done.outcome:
        case "busy" | "rejected" | "failed" | "left":
            return TransferOver(done.outcome)
        case "no_answer":
            return TransferOver("no answer")
    if done.cause == SOCKET_CLOSED:
        raise ChannelHungUp(SOCKET_CLOSED)
    return TransferOver("left")  # by hanging up


def cause_of(channel: Channel) -> str:
    """Why the channel, which is found hung up, was hung up: only its exception says."""
    try:
        drain(channel)
        drain(channel)
    except ChannelHungUp as hung_up:
        return hung_up.cause
    return "NORMAL_UNSPECIFIED"
