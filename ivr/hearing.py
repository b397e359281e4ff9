"""What a frame of telephone audio sounds like: its level, and whether it is a pure tone. Pure, and cheap.

The frequency of a tone in white noise follows from each sample and the sum of its neighbours, which is 2 cos(w) times
as large (the reformed Pisarenko harmonic decomposer: H. C. So and K. W. Chan, IEEE Transactions on Signal Processing
52(4), 2004). The share of the frame's power at that frequency then says whether it is a tone.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import add, mul

RATE = 8000  # Hz at which levels and tones are measured
FRAME_MS = 20
_LOWEST, _HIGHEST = 350.0, 2600.0  # Hz; lower ones are hard to tell from a hummed vowel
_PURE = 0.88  # of the power is at one frequency: a tone 9 dB above everything else
_GRID = 5  # Hz between the frequencies that are tried
_AUDIBLE = 40.0  # dB; fainter tones are crosstalk


@dataclass(frozen=True, slots=True)
class Sound:
    """One frame. ``level`` in dB over a power of one (full scale is 90); ``tone`` in Hz, 0 when it is not a tone."""

    level: float
    tone: float


def hear(frame: bytes, rate: int = RATE) -> Sound:
    """Measure a frame of 16-bit linear mono, little-endian. A trailing odd byte is ignored; no samples are silence."""
    samples: Sequence[int] = _samples(frame, rate)
    count = len(samples)
    if count < 16:
        return Sound(0.0, 0.0)
    offset = sum(samples) / count
    power = sum(map(mul, samples, samples)) / count - offset * offset
    level = 10 * math.log10(power + 1)
    return Sound(level, _tone(samples, offset) if level > _AUDIBLE else 0.0)


def _samples(frame: bytes, rate: int) -> Sequence[int]:
    samples = array("h", frame[: len(frame) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    step = max(1, rate // RATE)
    if step == 1:
        return samples
    # A mean of neighbours is filter enough for a measurement.
    return [sum(group) // step for group in zip(*(samples[k::step] for k in range(step)), strict=False)]


def _tone(samples: Sequence[int], offset: float) -> float:
    """The frequency of a pure tone, else 0."""
    if abs(offset) > 8:
        middle = round(offset)
        samples = [s - middle for s in samples]
    inner = samples[1:-1]
    around = list(map(add, samples, samples[2:]))
    energy = sum(map(mul, inner, inner))
    if not (a := sum(map(mul, around, inner))):
        return 0.0
    b = sum(map(mul, around, around)) - 2 * energy
    cosine = (b + math.sqrt(b * b + 8 * a * a)) / (4 * a)
    if not -1 < cosine < 1:
        return 0.0
    hz = math.acos(cosine) * RATE / (2 * math.pi)
    if not _LOWEST <= hz <= _HIGHEST:
        return 0.0
    real, imaginary = (sum(map(mul, inner, part)) for part in _wave(round(hz / _GRID), len(inner)))
    return hz if 2 * (real * real + imaginary * imaginary) >= _PURE * len(inner) * energy else 0.0


@lru_cache(maxsize=1024)
def _wave(step: int, count: int) -> tuple[array[float], array[float]]:
    """A cosine and a sine of ``step`` times the grid's frequency."""
    turn = 2 * math.pi * step * _GRID / RATE
    return array("d", (math.cos(turn * n) for n in range(count))), array(
        "d", (math.sin(turn * n) for n in range(count))
    )


class Tones:
    """Follows tones through the frames: ``ms`` is how long the present one has lasted, 0 when there is none.

    A tone keeps its frequency within 1.5 % and its level within 3 dB; speech and song do not, for long.
    """

    def __init__(self) -> None:
        self.ms = 0
        self.hz = 0.0
        self._level = 0.0

    def feed(self, sound: Sound) -> None:
        """The next frame."""
        same = (
            self.ms > 0
            and sound.tone > 0
            and abs(sound.tone - self.hz) <= 0.015 * self.hz
            and abs(sound.level - self._level) <= 3
        )
        if same:
            self.ms += FRAME_MS
        elif sound.tone > 0:
            self.ms, self.hz, self._level = FRAME_MS, sound.tone, sound.level
        else:
            self.ms = 0
