"""Playing sounds and collecting keys: what the applications that speak and listen are made of."""

from __future__ import annotations

from collections.abc import Callable

from fs_app.simulator.audio import BLOCK, RATE, Sound, open_sounds
from fs_app.simulator.session import Session, Why

PLAYED, BROKEN, MISSING, DOWN = "played", "broken", "missing", "down"
OnDigit = Callable[[str], bool]  # whether this key ends the playing


def play_file(session: Session, path: str, on_digit: OnDigit | None) -> str:
    """Play ``path``: PLAYED, BROKEN (by a key or uuid_break), MISSING or DOWN (hung up).

    Without ``on_digit``, keys stay queued. The journal tells how much of each sound was heard.
    """
    channel = session.channel
    if channel.down:
        return DOWN
    sounds = open_sounds(path, session.variable("sound_prefix") or "")
    if not sounds:
        session.note("heard", file=path, missing=True)
        return MISSING
    channel.fire("PLAYBACK_START", after=[("Playback-File-Path", path)])
    result, position = PLAYED, 0.0
    total = 0.0
    for sound in sounds:
        total += sound.seconds or 0.0
        result, heard = _play_sound(session, sound, on_digit)
        position += heard
        if result is not PLAYED:
            break
    played = int(position * RATE)
    read = int(total * RATE) if result is PLAYED else (played // BLOCK + 1) * BLOCK
    if all(sound.seconds is not None for sound in sounds):
        read = min(read, int(total * RATE))
    channel.set("playback_last_offset_pos", str(played))
    channel.set("playback_seconds", str(read // RATE))
    channel.set("playback_ms", str(read * 1000 // RATE))
    channel.set("playback_samples", str(read))
    status = "break" if result is BROKEN else "done"
    channel.fire("PLAYBACK_STOP", after=[("Playback-File-Path", path), ("Playback-Status", status)])
    return result


def _play_sound(session: Session, sound: Sound, on_digit: OnDigit | None) -> tuple[str, float]:
    heard = 0.0
    result = PLAYED
    while True:
        left = None if sound.seconds is None else max(0.0, sound.seconds - heard)
        why, spent = session.pause(left, digits=on_digit is not None)
        heard += spent
        if why is Why.MESSAGE:
            session.drain()
        elif why is Why.DIGIT and on_digit:
            if on_digit(session.take_digit()):
                result = BROKEN
                break
        elif why is Why.BREAK:
            result = BROKEN
            break
        else:
            result = DOWN if why is Why.HANGUP else PLAYED
            break
    if not sound.name.startswith("silence_stream://"):
        length = sound.seconds
        session.note("heard", file=sound.name, seconds=round(heard, 3), of=length, whole=result is PLAYED)
    return result, heard


def terminator(session: Session) -> OnDigit:
    """Keys in playback_terminators (``any``, ``none``; by default ``*``) end a playback or a recording."""

    def check(key: str) -> bool:
        wanted = session.channel.get("playback_terminators") or "*"
        if wanted.lower() == "any":
            wanted = "1234567890*#"
        if wanted.lower() == "none" or key not in wanted:
            return False
        session.channel.set("playback_terminator_used", key)
        return True

    return check


def collect(session: Session, digits: str, most: int, terminators: str, first: float, following: float) -> tuple[
    str, str, str
]:  # fmt: skip
    """Wait for keys: (digits, the terminator pressed, how it ended: ``success``, ``timeout`` or ``failure``).

    ``first`` seconds for the first key, ``following`` for each after it.
    """
    for at, key in enumerate(digits):
        if key in terminators:
            return digits[:at], key, "success"
    wait = following if digits else first
    while True:
        why, spent = session.pause(wait, digits=True)
        if why is Why.MESSAGE:
            session.drain()
            wait -= spent
        elif why is Why.BREAK:
            wait -= spent
        elif why is Why.DIGIT:
            wait = following
            while key := session.take_digit():
                if key in terminators:
                    return digits, key, "success"
                digits += key
                if len(digits) >= most:
                    return digits, "", "success"
        else:
            return digits, "", "timeout" if why is Why.TIME else "failure"


def read_digits(
    session: Session, least: int, most: int, prompt: str, name: str, timeout: float, terminators: str, following: float
) -> tuple[str, str]:
    """Prompt and collect, as play_and_get_digits does once: (digits, status). Sets read_result and ``name``."""
    channel = session.channel
    channel.set("read_result", None)
    if name:
        channel.set(name, None)
    digits = ""

    def barge_in(key: str) -> bool:
        nonlocal digits
        digits = key
        return True

    if prompt and prompt.lower() != "silence":
        result = play_file(session, prompt, barge_in)
        if result in (MISSING, DOWN):
            return digits, "failure"
    status, used = "success", ""
    if len(digits) < max(least, most):
        digits, used, status = collect(session, digits, most, terminators, timeout, following)
    if used:
        channel.set("read_terminator_used", used)
        at = terminators.find(used)
        if at > 0 and terminators[at - 1] in "+x":
            digits += used
    elif terminators.startswith("="):
        status = "failure"
    if least and len(digits) < least:
        status = "failure"
    channel.set("read_result", status)
    if most == 1 and len(digits) == 1 and digits in terminators:
        digits = ""
    if name and digits:
        channel.set(name, digits)
    return digits, status
