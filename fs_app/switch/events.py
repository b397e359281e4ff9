"""Pure translation of the switch's events into the product's (:mod:`fs_app.domain.calls`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from fs_app.domain.calls import CallAnswered, CallEnded, CallEvent, CallRinging, OriginateFailed
from fs_app.errors import ProtocolError
from fs_app.switch.wire import Frame

# What each connection asks the switch for; both filters must stand, or everybody's calls come in.
SUBSCRIPTION = (
    "event plain CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB",
    "filter variable_fs_app true",
    "filter Event-Name BACKGROUND_JOB",
)

_PROTOCOL = re.compile(r"[a-z0-9]{1,10}:[0-9]{1,5}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def call_event(frame: Frame) -> CallEvent | None:
    """What ``frame`` says about a call of ours, or None.

    Only the A-leg counts. On loopback the B-leg inherits every variable, so a leg is ours when its own Unique-ID is
    the one we chose (``origination_uuid``, repeated in ``fs_app_call``). A BACKGROUND_JOB counts when it is an
    originate of this product's and failed; its ``Job-UUID`` is the call's.

    Raises ProtocolError when an event of ours has no readable time.
    """
    name = frame.get("Event-Name")
    if name == "BACKGROUND_JOB":
        return _job(frame)
    uuid = frame.get("Unique-ID")
    if not uuid or frame.get("variable_fs_app") != "true":
        return None
    if uuid not in (frame.get("variable_origination_uuid"), frame.get("variable_fs_app_call")):
        return None
    if name in ("CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA"):
        return CallRinging(uuid, _at(frame), media=name == "CHANNEL_PROGRESS_MEDIA")
    if name == "CHANNEL_ANSWER":
        return CallAnswered(uuid, _at(frame))
    if name == "CHANNEL_HANGUP_COMPLETE":
        return CallEnded(
            uuid,
            _at(frame),
            cause=frame.get("Hangup-Cause", "NONE"),
            answered=frame.get("Caller-Channel-Answered-Time", "0") not in ("", "0"),
            billsec=_whole(frame.get("variable_billsec", "0"), "variable_billsec"),
            rang_at=_progress(frame),
            protocol_cause=_protocol_cause(frame),
        )
    return None


def _job(frame: Frame) -> OriginateFailed | None:
    uuid = frame.get("Job-UUID")
    if not uuid or frame.get("Job-Command") != "originate" or "fs_app=true" not in frame.get("Job-Command-Arg", ""):
        return None
    words = frame.body.strip()
    if words.startswith("-ERR"):
        return OriginateFailed(uuid, words[4:].strip() or "NONE")
    if words.startswith("-USAGE"):
        return OriginateFailed(uuid, "USAGE")
    return None


def _progress(frame: Frame) -> datetime | None:
    """When the far end said that it rings; early media alone is no ringing. None when it never did."""
    given = frame.get("Caller-Channel-Progress-Time", "0")
    return None if given in ("", "0") else _moment(given, "Caller-Channel-Progress-Time")


def _protocol_cause(frame: Frame) -> str:
    """``sip:486`` and the like; what is not of that form is not believed."""
    given = frame.get("variable_proto_specific_hangup_cause", "")
    return given if _PROTOCOL.fullmatch(given) else ""


def _at(frame: Frame) -> datetime:
    """When the event was fired: microseconds of Unix time on the wire, aware UTC here."""
    return _moment(frame.get("Event-Date-Timestamp", ""), "Event-Date-Timestamp")


def _moment(text: str, name: str) -> datetime:
    microseconds = _whole(text, name)
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise ProtocolError(f"{name} lies beyond the calendar") from None


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ProtocolError(f"{name} is not a whole number: {text[:40]!r}")
    return int(text)
