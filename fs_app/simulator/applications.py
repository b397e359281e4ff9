"""The dialplan applications that a call may run, as far as reminders and surveys need them.

An application returns when it is done; its result is in channel variables, as on the switch.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from fs_app.simulator.audio import RATE, write_recording
from fs_app.simulator.core import Application
from fs_app.simulator.dialstring import split
from fs_app.simulator.expand import expand, is_true
from fs_app.simulator.parse import atoi
from fs_app.simulator.playing import BROKEN, DOWN, MISSING, PLAYED, play_file, read_digits, terminator
from fs_app.simulator.session import Session, Why


def playback(session: Session, argument: str) -> None:
    session.channel.set("playback_terminator_used", None)
    result = play_file(session, argument.partition("@@")[0], terminator(session))
    response = {PLAYED: "FILE PLAYED", BROKEN: "FILE PLAYED", MISSING: "FILE NOT FOUND", DOWN: "PLAYBACK ERROR"}
    session.channel.set("current_application_response", response[result])


def play_and_get_digits(session: Session, argument: str) -> None:
    words = split(argument, " ", 11) + [""] * 11
    least = max(0, atoi(words[0]))
    most = max(least, atoi(words[1]))
    tries = atoi(words[2])
    timeout = max(1.0, (atoi(words[3]) if words[3] else 1000) / 1000)
    terminators = words[4] or "#"
    prompt, bad_input, name, pattern = words[5], words[6], words[7], words[8]
    following = atoi(words[9]) / 1000 or timeout
    channel = session.channel
    if pattern and name:
        channel.set(f"{name}_invalid", None)
    while not channel.down and tries > 0:
        digits, status = read_digits(session, least, most, prompt, name, timeout, terminators, following)
        if status == "timeout" and len(digits) >= least:
            status = "success"
        if not least and not digits and channel.get("read_terminator_used"):
            return
        if status == "success" and digits:
            if not pattern or _matches(pattern, digits):
                return
            if name:
                channel.set(name, None)
                channel.set(f"{name}_invalid", digits)
        if channel.down:
            break
        if bad_input:
            play_file(session, bad_input, None)
        tries -= 1
    if words[10] and not channel.down:
        # A transfer to the dialplan; there is none here, so the call ends as one to an unknown extension would.
        session.note("command", command="transfer", arguments=words[10])
        session.hangup("NO_ROUTE_DESTINATION")


def read(session: Session, argument: str) -> None:
    """``min max prompt variable timeout_ms terminators``."""
    words = split(argument, " ", 7) + [""] * 7
    least = max(0, atoi(words[0]))
    most = max(least, atoi(words[1]))
    timeout = (atoi(words[4]) or 1000) / 1000
    read_digits(session, least, most, words[2], words[3], timeout, words[5] or "#", timeout)


def _matches(pattern: str, digits: str) -> bool:
    try:
        return re.search(pattern, digits) is not None
    except re.error:
        return False


def sleep(session: Session, argument: str) -> None:
    """Milliseconds. A key ends it early and stays queued, unless sleep_eat_digits is true."""
    left = atoi(argument) / 1000
    eats = is_true(session.channel.get("sleep_eat_digits"))
    while left > 0:
        why, spent = session.pause(left, digits=True)
        left -= spent
        if why is Why.MESSAGE:
            session.drain()
        elif why is Why.DIGIT and eats:
            session.take_digit()
        else:
            return


def record(session: Session, argument: str) -> None:
    """``path [limit seconds] [threshold] [seconds of silence that end it]``."""
    words = split(argument, " ", 4) + [""] * 4
    channel = session.channel
    channel.set("playback_terminator_used", None)
    limit, threshold = atoi(words[1].lstrip("+")), atoi(words[2])
    silence = float(atoi(words[3]) or 3) if threshold else None
    path = Path(words[0])
    if not path.is_absolute() or not path.parent.is_dir():
        session.hangup("DESTINATION_OUT_OF_ORDER")
        return
    try:
        path.touch()  # there from the start; what is in it, at the end
    except OSError:
        session.hangup("DESTINATION_OUT_OF_ORDER")
        return
    channel.set("silence_hits_exhausted", "false")
    channel.fire("RECORD_START", after=[("Record-File-Path", words[0])])
    stops = terminator(session)
    began, length, exhausted = session.seconds(), 0.0, False
    while True:
        quiet_until = None if silence is None else max(began, session.talked_until()) + silence
        ends = [end for end in (quiet_until, began + limit if limit else None) if end is not None]
        now = session.seconds()
        if ends and now >= min(ends):
            exhausted = now >= (quiet_until or math.inf)
            break
        why, _ = session.pause(min(ends) - now if ends else None, digits=True)
        if why is Why.MESSAGE:
            session.drain()
        elif (why is Why.DIGIT and stops(session.take_digit())) or why in (Why.HANGUP, Why.BREAK):
            break
    length = session.seconds() - began
    if limit:
        length = min(length, float(limit))
    try:
        size = write_recording(path, session.sound(began, int(length * RATE)))
    except OSError:
        session.hangup("DESTINATION_OUT_OF_ORDER")
        return
    session.forget_digits()  # whatever was pressed behind the key that ended it
    if exhausted:
        channel.set("silence_hits_exhausted", "true")
    milliseconds = int(length * 1000)
    channel.set("record_record_file_size", str(size))
    channel.set("record_file_size", str(size))
    channel.set("record_seconds", str(milliseconds // 1000))
    channel.set("record_ms", str(milliseconds))
    channel.set("record_samples", str(milliseconds * RATE // 1000))
    for codec in ("read_codec", "read_rate"):  # recording changed the codec and changes it back
        channel.set(codec, channel.get(codec))
    session.note("recorded", file=words[0], seconds=round(length, 3))
    channel.fire("RECORD_STOP", after=[("Record-File-Path", words[0])])


def set_variable(session: Session, argument: str) -> None:
    """``name=value``. It expands its value itself: app_disable_expand_variables does not keep it from that."""
    name, equals, value = argument.partition("=")
    if not equals and "," in argument:
        name, _, value = argument.partition(",")
    if name:
        session.channel.set(name.strip(), expand(value, session.variable, session.call_api))


def multiset(session: Session, argument: str) -> None:
    delimiter = " "
    if argument.startswith("^^") and len(argument) > 3:
        delimiter, argument = argument[2], argument[3:]
    for item in split(argument, delimiter):
        set_variable(session, item)


def unset(session: Session, argument: str) -> None:
    session.channel.set(argument.strip(), None)


def export(session: Session, argument: str) -> None:
    set_variable(session, argument.removeprefix("nolocal:"))
    name = argument.partition("=")[0]
    known = [item for item in (session.channel.get("export_vars") or "").split(",") if item]
    session.channel.set("export_vars", ",".join([*known, name] if name not in known else known))


def hangup(session: Session, argument: str) -> None:
    session.hangup(argument.strip() or "NORMAL_CLEARING", by="us")


def sched_hangup(session: Session, argument: str) -> None:
    """``+seconds [cause]``."""
    seconds, _, cause = argument.strip().partition(" ")
    session.core.later(atoi(seconds.lstrip("+")), session.hangup, cause.strip() or "ALLOTTED_TIMEOUT")


def park(session: Session, argument: str) -> None:
    session.park()


def nothing(session: Session, argument: str) -> None:
    """An application that only matters to audio, logs or dialplans."""


def limit(session: Session, argument: str) -> None:
    """``hash realm id max/interval [!cause]``: the first ``max`` in so many seconds come through."""
    backend, realm, name, rate, *over = [*argument.split(" "), "", "", "", ""][:5]
    most, _, interval = rate.partition("/")
    if backend != "hash" or not interval:
        raise NotImplementedError(f"limit {argument}: the built-in switch only knows rates of mod_hash")
    core = session.core
    now = int(core.clock.now().timestamp())
    since, count = core.limits.get(f"{realm}_{name}", (0, 0))
    since, count = (now, 1) if since <= now - atoi(interval) else (since, count + 1)
    core.limits[f"{realm}_{name}"] = since, count
    if count > atoi(most) and over[0].startswith("!"):
        session.hangup(over[0][1:])


APPLICATIONS: dict[str, Application] = {
    "answer": nothing,
    "pre_answer": nothing,
    "ring_ready": nothing,
    "log": nothing,
    "start_dtmf": nothing,
    "stop_dtmf": nothing,
    "flush_dtmf": lambda session, argument: session.forget_digits(),
    "playback": playback,
    "play_and_get_digits": play_and_get_digits,
    "read": read,
    "sleep": sleep,
    "record": record,
    "set": set_variable,
    "multiset": multiset,
    "unset": unset,
    "export": export,
    "hangup": hangup,
    "limit": limit,
    "park": park,
    "sched_hangup": sched_hangup,
}
