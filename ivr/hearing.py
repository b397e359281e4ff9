"""What a frame of telephone audio sounds like: its level, and whether it is a pure tone. Pure, and cheap.

A pure tone of frequency f keeps ``x[n-1] + x[n+1] = 2 cos(2 pi f / rate) x[n]`` (the recurrence of the cosine). The
factor is found by least squares; what is left over, against what white noise would leave, says how pure the tone is.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

RATE = 8000  # Hz at which levels and tones are measured
FRAME_MS = 20
_LOWEST, _HIGHEST = 350.0, 2600.0  # Hz; lower ones are hard to tell from a hummed vowel
_IMPURE = 0.012  # leftover, as a share of what white noise of the same power leaves: -19 dB
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
    around = sum(map(mul, inner, samples[:-2])) + sum(map(mul, inner, samples[2:]))
    energy = sum(map(mul, inner, inner))
    if energy == 0:
        return 0.0
    factor = around / energy
    if not -2 < factor < 2:
        return 0.0
    hz = math.acos(factor / 2) * RATE / (2 * math.pi)
    if not _LOWEST <= hz <= _HIGHEST:
        return 0.0
    first, second, before, last = samples[0], samples[1], samples[-2], samples[-1]
    # Both neighbours' power: that of the inner samples, but for the two at each end.
    power = 2 * energy + first * first - before * before + last * last - second * second
    power += 2 * sum(map(mul, samples[:-2], samples[2:]))
    left = power - factor * around
    return hz if left <= _IMPURE * (2 + factor * factor) * energy else 0.0


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
