"""Made-up audio of a callee: 16-bit linear at 8000 Hz, in frames of 20 ms."""

from __future__ import annotations

import math
import random
from array import array

RATE = 8000
FRAME = 320  # bytes


def talk(ms: int, level: float = 3000, seed: int = 1) -> bytes:
    """Voiced syllables of 180 ms with short closures between them, pitch and loudness going up and down."""
    dice = random.Random(seed)
    samples = array("h")
    phase = 0.0
    while len(samples) < ms * RATE // 1000:
        pitch, loud = dice.uniform(100, 220), level * dice.uniform(0.5, 1.0)
        for at in range(RATE * 180 // 1000):
            phase += 2 * math.pi * pitch / RATE
            shape = math.sin(math.pi * at / (RATE * 0.18)) ** 0.5
            wave = sum(math.sin(n * phase) / n for n in (1, 2, 3, 5, 7))
            samples.append(round(loud * shape * wave + dice.gauss(0, level / 40)))
        samples.extend([0] * (RATE * 30 // 1000))
    return samples[: ms * RATE // 1000].tobytes()


def quiet(ms: int, level: float = 3, seed: int = 2) -> bytes:
    """A line on which nobody speaks."""
    dice = random.Random(seed)
    return array("h", (round(dice.gauss(0, level)) for _ in range(ms * RATE // 1000))).tobytes()


def beep(ms: int, hz: float = 1000, level: float = 5000) -> bytes:
    return array(
        "h", (round(level * math.sin(2 * math.pi * hz * n / RATE)) for n in range(ms * RATE // 1000))
    ).tobytes()


def frames(*parts: bytes) -> tuple[bytes, ...]:
    """One after the other."""
    whole = b"".join(parts)
    return tuple(whole[at : at + FRAME] for at in range(0, len(whole) - FRAME + 1, FRAME))
