"""How long a sound lasts, what a callee sounds like, and what a recording of it looks like."""

from __future__ import annotations

import math
import re
import struct
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fs_app.errors import ConfigError

RATE = 8000  # samples a second on every simulated line
_PERIOD = RATE // 200
_HUM = array("h", (int(6000 * math.sin(2 * math.pi * at / _PERIOD)) for at in range(_PERIOD)))
LOUD = 200  # the mean absolute sample from which a frame is not silence
BLOCK = 16384  # samples the switch reads from a file at once; playback_samples counts whole blocks


@dataclass(frozen=True, slots=True)
class Sound:
    """``seconds`` is None for one without end."""

    name: str
    seconds: float | None


def open_sounds(path: str, prefix: str) -> list[Sound]:
    """What a playback argument stands for; empty when the switch could not open it ("FILE NOT FOUND").

    ``say:words``, ``silence_stream://ms``, ``tone_stream://%(on,off,hz…)``, ``file_string://a!b`` and files, absolute
    or below ``prefix`` (the variable sound_prefix).
    """
    if path.startswith("{"):
        path = path.partition("}")[2]
    if path.startswith("say:") and not path.startswith(
        "say://"
    ):  # the switch's own speech engine: about fifteen characters a second
        return [Sound(path, len(path) / 15)]
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


def voice(
    talks: Sequence[tuple[float, float]], recording: tuple[float, array[int]] | None, start: float, count: int
) -> array[int]:
    """What a callee says in ``count`` samples from ``start`` on: a 200 Hz hum where it talks (from, to), else what its
    ``recording`` (since when, samples) holds then, else silence. All times in seconds on one scale."""
    samples = array("h", bytes(2 * count))
    for since, until in talks:
        first, last = max(0, int((since - start) * RATE)), min(count, int((until - start) * RATE))
        if last > first:
            phase = (int(start * RATE) + first) % _PERIOD
            hum = _HUM[phase:] + _HUM * ((last - first) // _PERIOD + 1)
            samples[first:last] = hum[: last - first]
    if recording is not None:
        since, said = recording
        skip = round((start - since) * RATE)
        first, last = max(0, -skip), min(count, len(said) - skip)
        if last > first:
            samples[first:last] = said[first + skip : last + skip]
    return samples


def read_recording(path: str) -> array[int]:
    """The samples of a WAVE file of 8000 Hz, 16 bits, mono. Raises ConfigError for anything else."""
    try:
        with wave.open(path, "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
                raise ConfigError(f"{path}: a callee's audio must be mono, of 16 bits and 8000 Hz")
            return array("h", file.readframes(file.getnframes()))
    except (OSError, EOFError, wave.Error) as error:
        raise ConfigError(f"{path}: {error}") from error


def loud_parts(samples: array[int]) -> list[tuple[float, float]]:
    """Where there is sound (from, to, in seconds), by 20 ms with a mean absolute sample of 200 or more."""
    step, parts = RATE // 50, list[tuple[float, float]]()
    for at in range(0, len(samples), step):
        piece = samples[at : at + step]
        if sum(map(abs, piece)) / len(piece) >= LOUD:
            since = parts.pop()[0] if parts and parts[-1][1] == at / RATE else at / RATE
            parts.append((since, (at + step) / RATE))
    return parts


def write_recording(path: Path, samples: array[int]) -> int:
    """A mono 16-bit WAVE file. Returns its size in bytes. Raises OSError when it cannot be written."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path.stat().st_size
