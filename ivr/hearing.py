"""What a frame of telephone audio sounds like: its level, and whether it is a tone, of one frequency or of the two of
a ringing line. Pure, and cheap.

The frequency of a tone in white noise follows from each sample and the sum of its neighbours, which is 2 cos(w) times
as large (the reformed Pisarenko harmonic decomposer: H. C. So and K. W. Chan, IEEE Transactions on Signal Processing
52(4), 2004). The share of the frame's power at that frequency then says whether it is a tone.

The tones of call progress lie between 400 and 500 Hz, one or several at once (ITU-T E.180 supplement 2 lists them by
country); those of North America that say "busy" at 480 and 620 Hz. Within 20 ms nothing tells 440 and 480 Hz from one
tone that swells, so the share of the power is taken in the space of both.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections import deque
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
# The frequency that the decomposer sees, and those whose space is looked at: with three, what swells is in it.
_PROGRESS = ((380.0, 515.0, (400.0, 440.0, 480.0)), (515.0, 600.0, (480.0, 620.0)))


@dataclass(frozen=True, slots=True)
class Sound:
    """One frame. ``level`` in dB over a power of one (full scale is 90); ``tone`` in Hz, 0 when it is not a tone;
    ``progress``: it is of the frequencies of call progress, one or two, and nothing else."""

    level: float
    tone: float
    progress: bool = False


def hear(frame: bytes, rate: int = RATE) -> Sound:
    """Measure a frame of 16-bit linear mono, little-endian. A trailing odd byte is ignored; no samples are silence."""
    samples: Sequence[int] = _samples(frame, rate)
    count = len(samples)
    if count < 16:
        return Sound(0.0, 0.0)
    offset = sum(samples) / count
    power = sum(map(mul, samples, samples)) / count - offset * offset
    level = 10 * math.log10(power + 1)
    return Sound(level, *(_tones(samples, offset) if level > _AUDIBLE else (0.0, False)))


def _samples(frame: bytes, rate: int) -> Sequence[int]:
    samples = array("h", frame[: len(frame) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    step = max(1, rate // RATE)
    if step == 1:
        return samples
    # A mean of neighbours is filter enough for a measurement.
    return [sum(group) // step for group in zip(*(samples[k::step] for k in range(step)), strict=False)]


def _tones(samples: Sequence[int], offset: float) -> tuple[float, bool]:
    """The frequency of a pure tone, else 0; and whether it is one of call progress, or two."""
    if abs(offset) > 8:
        middle = round(offset)
        samples = [s - middle for s in samples]
    inner = samples[1:-1]
    around = list(map(add, samples, samples[2:]))
    energy = sum(map(mul, inner, inner))
    if not (a := sum(map(mul, around, inner))):
        return 0.0, False
    b = sum(map(mul, around, around)) - 2 * energy
    cosine = (b + math.sqrt(b * b + 8 * a * a)) / (4 * a)
    if not -1 < cosine < 1:
        return 0.0, False
    hz = math.acos(cosine) * RATE / (2 * math.pi)
    if not _LOWEST <= hz <= _HIGHEST:
        return 0.0, False
    real, imaginary = (sum(map(mul, inner, part)) for part in _wave(round(hz / _GRID), len(inner)))
    pure = 2 * (real * real + imaginary * imaginary) >= _PURE * len(inner) * energy
    progress = any(
        low <= hz < high and sum(sum(map(mul, inner, part)) ** 2 for part in _space(pair, len(inner))) >= _PURE * energy
        for low, high, pair in _PROGRESS
    )
    return hz if pure else 0.0, progress


@lru_cache(maxsize=1024)
def _wave(step: int, count: int) -> tuple[array[float], array[float]]:
    """A cosine and a sine of ``step`` times the grid's frequency."""
    turn = 2 * math.pi * step * _GRID / RATE
    return array("d", (math.cos(turn * n) for n in range(count))), array(
        "d", (math.sin(turn * n) for n in range(count))
    )


@lru_cache(maxsize=16)
def _space(frequencies: tuple[float, ...], count: int) -> list[array[float]]:
    """Orthonormal vectors that span the waves of these frequencies, at any phase."""
    found: list[array[float]] = []
    for hz in frequencies:
        for wave in (math.cos, math.sin):
            vector = [wave(2 * math.pi * hz * n / RATE) for n in range(count)]
            for other in found:
                along = sum(map(mul, vector, other))
                vector = [v - along * o for v, o in zip(vector, other, strict=True)]
            length = math.sqrt(sum(map(mul, vector, vector)))
            found.append(array("d", (v / length for v in vector)))
    return found


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


class Progress:
    """Follows the tones of call progress: ``ms`` of the present one, 0 until it has lasted :data:`CERTAIN`.

    They begin out of silence; a note of the same pitch in a piece of music does not. ``since`` is how long the last
    one has been over, in ms. ``busy``: four came quickly one after the other, as no ringing tone does: nobody is there.
    """

    CERTAIN = 220  # ms; the shortest such tone lasts 250, and no vowel stays so pure for so long

    def __init__(self) -> None:
        self.ms = 0
        self.since = 1_000_000
        self.busy = False
        self._lasted = self._gap = self._quick = self._paused = 0
        self._recent: deque[float] = deque(maxlen=_BEFORE)  # levels of the frames before it

    def feed(self, sound: Sound) -> None:
        """The next frame. Where two tones fade into each other, a frame or two may be anything."""
        self.since = 0 if self.ms else self.since + FRAME_MS
        self._gap = 0 if sound.progress else self._gap + FRAME_MS
        if self._gap > _LAPSE:
            self._lasted = 0
        elif sound.progress and not self._lasted:
            out_of_silence = len(self._recent) <= _START or min(self._recent) < sound.level - _RISE
            self._lasted, self._paused = FRAME_MS if out_of_silence else 0, self.since
        elif self._lasted:
            self._lasted += FRAME_MS
        if not self._lasted:
            self._recent.append(sound.level)
        if self._lasted == self.CERTAIN:
            self._quick = self._quick + 1 if self._paused <= _BUSY else 0
            self.busy = self._quick >= 3
        self.ms = self._lasted if self._lasted >= self.CERTAIN else 0


_LAPSE = 40  # ms
_BEFORE = 5  # frames: the last of them may have some of the tone already
_RISE = 10.0  # dB
_START = 1  # frames: the call begins within a tone, and a codec needs a moment for its first one
_BUSY = 700  # ms between the tones of "busy" and "congestion"; ringing tones come in pairs at most
