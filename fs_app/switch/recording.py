"""Recording the callee: the ``record`` application, which writes the file, finds the silence and obeys a key."""

from __future__ import annotations

import logging
import math
from typing import cast

from fs_app.errors import CommandRejected
from fs_app.switch.channel import ChannelHungUp, Recorded, check_record
from fs_app.switch.session import OutboundSession
from fs_app.switch.waiting import watch
from fs_app.switch.wire import Frame

log = logging.getLogger(__name__)

SILENCE_LEVEL = 200  # mean absolute sample, of 32767, below which a frame is silence: -44 dB, above noise on a line
HANGUP_WAIT = 2.0  # seconds in which the switch closes the file after a hang-up and says so
_ALL_KEYS = "0123456789*#"


def record(session: OutboundSession, path: str, *, limit: float, silence: float, terminators: str) -> Recorded:
    """See :meth:`fs_app.switch.channel.Channel.record`."""
    check_record(path, limit, silence, terminators)
    del session.keys[:]
    wanted = _ALL_KEYS if terminators == "any" else terminators
    # Comfort noise keeps RTP flowing and fills what a callee with silence suppression does not send. The length of an
    # earlier recording goes, so that none means none.
    settings = f"record_waste_resources=true record_fill_cng=true playback_terminators={terminators or 'none'}"
    arguments = f"{path} {math.ceil(limit) + 1}"
    if silence:
        arguments += f" {SILENCE_LEVEL} {max(1, round(silence))}"
    try:
        session.run("unset", "record_ms")
        session.run("multiset", settings)
        running = session.run("record", arguments)
    except CommandRejected as error:
        log.warning("%s: %s", session.uuid, error)
        return Recorded(0.0, "limit", failed=True)
    late = watch(
        session,
        running,
        stop=lambda: any(key in wanted for key in session.keys),
        end=lambda: session.ask(f"uuid_break {session.uuid}"),
        limit=limit,
    )
    try:
        done = cast(Frame, running.get())
    except ChannelHungUp as end:
        # The file is complete only when the application is: the events of the end say so.
        session.over.wait(HANGUP_WAIT)
        length = session.variable("record_ms")
        # A file that cannot be opened makes the switch hang up.
        failed = length is None and end.cause == "DESTINATION_OUT_OF_ORDER"
        return Recorded(_seconds(length), "hangup", failed=failed)
    if terminators != "any":
        session.run("set", "playback_terminators=any")
    at = next((at for at, key in enumerate(session.keys) if key in wanted), None)
    key = "" if at is None else session.keys[at]
    del session.keys[: None if at is None else at + 1]
    seconds = _seconds(done.get("variable_record_ms"))
    if key:
        return Recorded(seconds, "key", key)
    if done.get("variable_silence_hits_exhausted") == "true":
        return Recorded(seconds, "silence")
    if not late:
        log.warning("%s: recording ended early", session.uuid)  # a full disk, or an operator's uuid_break
    return Recorded(seconds, "limit", failed=done.get("variable_record_ms") is None)


def _seconds(milliseconds: str | None) -> float:
    return int(milliseconds) / 1000 if milliseconds and milliseconds.isdecimal() else 0.0
