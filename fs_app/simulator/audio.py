"""How long a sound lasts, and what a recording looks like. The headers of files are read; nothing is decoded."""

from __future__ import annotations

import math
import re
import struct
import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

RATE = 8000  # samples a second on every simulated line
_PERIOD = RATE // 200
BLOCK = 16384  # samples the switch reads from a file at once; playback_samples counts whole blocks


@dataclass(frozen=True, slots=True)
class Sound:
    """``seconds`` is None for one without end."""

    name: str
    seconds: float | None


def open_sounds(path: str, prefix: str) -> list[Sound]:
    """What a playback argument stands for; empty when the switch could not open it ("FILE NOT FOUND").

    ``silence_stream://ms``, ``tone_stream://%(on,off,hz…)``, ``file_string://a!b`` and files, absolute or below
    ``prefix`` (the variable sound_prefix).
    """
    if path.startswith("{"):
        path = path.partition("}")[2]
    scheme, mark, rest = path.partition("://")
    if not mark:
        sound = _file(path, prefix)
        return [sound] if sound else []
    if scheme == "file_string":
        return [sound for part in rest.split("!") for sound in open_sounds(part, prefix)]
    if scheme == "silence_stream":
        milliseconds = re.match(r"-?\d+", rest)
        if not milliseconds:
            return []
        length = int(milliseconds.group())
        return [Sound(path, None if length < 0 else length / 1000)]
    if scheme == "tone_stream":
        return [Sound(path, _tones(rest))]
    return []


def _tones(spec: str) -> float | None:
    loops = re.search(r"loops=(-?\d+)", spec)
    repeat = int(loops.group(1)) if loops else 1
    if repeat < 0:
        return None
    each = sum(int(on) + int(off) for on, off in re.findall(r"%\((\d+),(\d+)", spec))
    inner = re.search(r"[lL]=(\d+)", spec)
    return each * (int(inner.group(1)) if inner else 1) * repeat / 1000


def _file(path: str, prefix: str) -> Sound | None:
    where = Path(path if path.startswith("/") or not prefix else f"{prefix}/{path}")
    if not where.is_absolute() or not where.is_file():
        return None
    if where.suffix in (".raw", ".sln", ".L16"):
        return Sound(path, where.stat().st_size / 2 / RATE)
    if where.suffix in (".PCMU", ".PCMA"):
        return Sound(path, where.stat().st_size / RATE)
    seconds = wav_seconds(where)
    return None if seconds is None else Sound(path, seconds)


def wav_seconds(path: Path) -> float | None:
    """The length of a RIFF WAVE file by its header; None when it is not one."""
    try:
        with path.open("rb") as file:
            riff = file.read(12)
            if riff[:4] != b"RIFF" or riff[8:12] != b"WAVE":
                return None
            bytes_per_second = 0
            while len(head := file.read(8)) == 8:
                kind, size = struct.unpack("<4sI", head)
                if kind == b"fmt ":
                    body = file.read(size + size % 2)
                    bytes_per_second = struct.unpack_from("<I", body, 8)[0]
                elif kind == b"data":
                    left = path.stat().st_size - file.tell()
                    return min(size, left) / bytes_per_second if bytes_per_second else None
                else:
                    file.seek(size + size % 2, 1)
    except (OSError, struct.error):
        return None
    return None


def write_recording(path: Path, seconds: float, talk: list[tuple[float, float]]) -> int:
    """A mono 16-bit WAVE file: silence, with a 200 Hz hum where the callee talked (from, to, in seconds).

    Returns its size in bytes. Raises OSError when it cannot be written.
    """
    samples = array("h", bytes(2 * int(seconds * RATE)))
    period = array("h", (int(6000 * math.sin(2 * math.pi * at / _PERIOD)) for at in range(_PERIOD)))
    for start, end in talk:
        first, last = max(0, int(start * RATE)), min(len(samples), int(end * RATE))
        if last > first:
            samples[first:last] = (period * ((last - first) // _PERIOD + 1))[: last - first]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path.stat().st_size
