"""Sound files that a switch of another user can read, and what is in those it wrote."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

RATE = 8000
LOUD = 300  # mean absolute sample of 20 ms


def readable(folder: Path) -> Path:
    """``folder``, opened to everybody, with those above it that are ours."""
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == Path.home().stat().st_uid and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    folder.chmod(0o777)
    return folder


def tone(path: Path, seconds: float) -> str:
    """A file of 500 Hz."""
    samples = [int(8000 * math.sin(2 * math.pi * 500 * at / RATE)) for at in range(int(seconds * RATE))]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return str(path)


def seconds(path: Path) -> float:
    with wave.open(str(path), "rb") as sound:
        return sound.getnframes() / sound.getframerate()


def loudness(frame: bytes) -> float:
    """The mean absolute sample of 16-bit little-endian audio."""
    samples = struct.unpack(f"<{len(frame) // 2}h", frame)
    return sum(map(abs, samples)) / max(1, len(samples))


def loud_seconds(path: Path) -> float:
    """How long there is sound in a file; of several channels, in any."""
    with wave.open(str(path), "rb") as sound:
        step = sound.getframerate() // 50
        pieces = iter(lambda: sound.readframes(step), b"")
        return sum(loudness(piece) > LOUD for piece in pieces) / 50
