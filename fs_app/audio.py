"""Uploaded recordings become what the switch plays best: WAV, 8000 Hz, mono, 16-bit.

Trunks carry narrowband speech; a file that already is narrowband costs FreeSWITCH no resampling on any call, and sounds
better than what its quick resampler would make of it. Recordings that are too quiet are raised.

The bytes come from outside and are decoded by FFmpeg's libraries: in a process of its own, with limits on memory and
time, so that a hostile file can end nothing but its own conversion.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
import wave

from fs_app.errors import InvalidInput

RATE = 8000  # samples a second
SECONDS_MAX = 600
BYTES_MAX = 20 * 1024 * 1024  # of an upload
_TIMEOUT = 60.0  # s, by the clock; the process limits its own computing time too
_AT_ONCE = threading.BoundedSemaphore(2)  # conversions; others wait their turn

_WANTED = "give a recording as wav, mp3, m4a, aac, ogg, opus, flac, webm, aiff, au or amr"
# First bytes -> the one demuxer that may look at the rest. FFmpeg is never left to guess: some of its formats are lists
# of other files and addresses.
_KINDS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"(RIFF|RF64)....WAVE", re.DOTALL), "wav"),
    (re.compile(rb"OggS"), "ogg"),
    (re.compile(rb"fLaC"), "flac"),
    (re.compile(rb"....ftyp", re.DOTALL), "mov"),
    (re.compile(rb"\x1aE\xdf\xa3"), "matroska"),
    (re.compile(rb"FORM....AIF[FC]", re.DOTALL), "aiff"),
    (re.compile(rb"\.snd"), "au"),
    (re.compile(rb"#!AMR"), "amr"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "aac"),
    (re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]"), "mp3"),
)


def to_wav(content: bytes, field: str = "audio_file") -> bytes:
    """``content``, a recording in any common format, as RIFF/WAVE with 16-bit PCM, mono, 8000 samples a second.

    The same bytes always give the same bytes, and what this returns comes back unchanged: a recording that already is
    narrowband PCM keeps its samples and its level. Others get a peak of -3 dB below full scale where they were below
    -6 dB, raised by 12 dB at most.

    Blocks while another process works, for up to a minute: never call it in the loop. Raises InvalidInput naming
    ``field`` when it is not audio, holds no sound, or is longer than 10 minutes or larger than 20 MiB.
    """
    if len(content) > BYTES_MAX:
        raise InvalidInput(field, f"has {len(content)} bytes: at most {BYTES_MAX}; mp3 or ogg takes less room")
    samples = _narrowband(content)
    if samples is None:
        samples = _decoded(content, field)
    if not samples:
        raise InvalidInput(field, f"holds no sound: {_WANTED}")
    if len(samples) > SECONDS_MAX * RATE * 2:
        raise InvalidInput(field, too_long())
    return _wave(samples)


def too_long() -> str:
    return f"is longer than {SECONDS_MAX // 60} minutes: nobody listens that long; cut it"


def _narrowband(content: bytes) -> bytes | None:
    """The samples of a file that needs no conversion; None for all others."""
    try:
        with wave.open(io.BytesIO(content)) as sound:
            if (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) != (1, 2, RATE):
                return None
            samples: bytes = sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, ValueError, ZeroDivisionError, RuntimeError):
        return None
    return samples[: len(samples) // 2 * 2]


def _wave(samples: bytes) -> bytes:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples)
    return sound.getvalue()


def _decoded(content: bytes, field: str) -> bytes:
    kind = next((kind for start, kind in _KINDS if start.match(content)), None)
    if kind is None:
        raise InvalidInput(field, f"is not audio, or of no format known here: {_WANTED}")
    # Our settings hold passwords; a decoder needs none of them.
    env = {name: value for name, value in os.environ.items() if not name.startswith("FS_APP_")}
    command = [sys.executable, "-m", "fs_app.audio_decode", kind]
    try:
        with _AT_ONCE:
            done = subprocess.run(  # noqa: S603  # nothing of the sender's is in the arguments
                command, input=content, capture_output=True, timeout=_TIMEOUT, env=env, check=False
            )
    except subprocess.TimeoutExpired:
        raise InvalidInput(field, f"could not be read within {_TIMEOUT:g} s: {_WANTED}") from None
    if done.returncode == 0:
        return done.stdout
    # 3 is a refusal in our words; anything else is a decoder that fell over the file.
    said = done.stderr.decode("utf-8", "replace").strip() if done.returncode == 3 else f"cannot be read: {_WANTED}"
    raise InvalidInput(field, said)
