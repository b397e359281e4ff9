"""Answered calls made of voices, for the benchmark of person or machine.

A call is the audio from the moment of answering: silence, speech, silence and what follows, at a speed, a level, in
noise, through a telephone codec. All from one seed: two runs make the same calls.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from operator import mul

from _amd_line import CODECS, through
from _amd_voices import MUSIC, RATE, Clip, Voice, at_speed, read_wav, seconds, tone

_HEARD = 9.0  # seconds of each call after it has rung; the judges decide in less
# Ringing tones: frequencies in Hz, then seconds on and off (ITU-T E.180 supplement 2).
_RINGING: list[tuple[tuple[float, ...], tuple[float, ...]]] = [
    ((440, 480), (2, 4)),
    ((400, 450), (0.4, 0.2, 0.4, 2)),
    ((425,), (1, 4)),
    ((425,), (1.5, 3)),
]


@dataclass(frozen=True)
class Call:
    """``frames`` of 20 ms, 16-bit linear. ``kind`` says how it was made, ``line`` through what, for the tables.

    ``rung`` ms of it were a ringing tone after the answer; times count from there.
    """

    who: str  # person | machine
    kind: str
    voice: str
    line: str
    frames: list[bytes]
    rung: int = 0


KINDS: dict[str, dict[str, int]] = {
    "person": {
        "word": 68,  # "Hello?", a name, "Yes?"
        "two words": 8,  # "Hello? … Hello?", "Yes … Smith"
        "again": 2,  # "Hello? …… Hello?", after a second of waiting
        "phrase": 8,  # "Doctor Miller's office, good morning, this is Ann."
        "two phrases": 2,  # a company's whole welcome, by a person
        "after a noise": 3,  # a knock or a rustle of the handset, then a word
        "after a cough": 1,
        "talk behind": 3,  # a television, or others in the room, all the while
        "ringing first": 1,  # an exchange that answers, and only then rings
        "slow to answer": 3,
        "silent": 3,
    },
    "machine": {
        "greeting": 71,
        "short greeting": 7,  # "Leave a message." and a beep
        "word, then": 6,  # "Hello. … You have reached"
        "late": 5,  # two to four seconds of silence before the greeting
        "tones first": 4,  # "the number you have dialled", behind its three tones
        "ringing first": 1,
        "music": 3,
        "fax": 3,
    },
}


class Maker:
    """Makes calls of one set of voices; ``seed`` decides everything."""

    def __init__(self, voices: list[Voice], seed: int) -> None:
        self._voices = voices
        self._dice = random.Random(seed)
        self._noises = {name: self._noise(name) for name in ("hiss", "rumble", "babble", "hum")}
        self._music = [read_wav(p)[RATE * 5 : RATE * 25] for p in sorted(MUSIC.glob("*.wav"))[:3]]

    def calls(self, count: int) -> Iterator[Call]:
        """``count`` persons and as many machines."""
        for who in ("person", "machine"):
            for n in range(count):
                voice = self._voices[n % len(self._voices)]
                kind = self._dice.choices(list(KINDS[who]), list(KINDS[who].values()))[0]
                rings = self._ringing() if kind == "ringing first" else []
                clip = self._person(voice, kind) if who == "person" else self._machine(voice, kind)
                line, frames = self._line(rings, clip)
                yield Call(who, kind, voice.name, line, frames, round(seconds(rings) * 1000))

    def _log(self, median: float, spread: float, low: float, high: float) -> float:
        return min(high, max(low, self._dice.lognormvariate(math.log(median), spread)))

    def _person(self, voice: Voice, kind: str) -> list[float]:
        dice = self._dice
        speed = dice.uniform(0.9, 1.15)
        before = _silence(self._log(0.4, 0.5, 0.06, 1.6))
        if kind == "silent":
            return []
        if kind == "slow to answer":
            before = _silence(dice.uniform(1.6, 3.2))
        if kind == "after a noise":
            for _ in range(dice.randint(1, 3)):
                before += self._knock() + _silence(dice.uniform(0.05, 0.4))
        if kind == "after a cough":
            before += self._cough() + _silence(dice.uniform(0.1, 0.6))
        phrase = kind in ("phrase", "two phrases")
        said = list(at_speed(dice.choice(voice.phrases if phrase else voice.words), speed))
        if kind in ("two words", "two phrases"):
            second = dice.choice(voice.phrases if phrase else voice.words)
            said += _silence(dice.uniform(0.08, 0.5)) + list(at_speed(second, speed))
        waits = _silence(dice.uniform(0.8, 1.5) if kind == "again" else dice.uniform(1.8, 4))
        again = said if kind == "again" else list(at_speed(dice.choice(voice.words), speed))
        clip = before + said + waits + again
        return self._behind(clip) if kind == "talk behind" else clip

    def _machine(self, voice: Voice, kind: str) -> list[float]:
        dice = self._dice
        speed = dice.uniform(0.9, 1.15)
        clip = _silence(dice.uniform(2, 4) if kind == "late" else self._log(0.7, 0.6, 0.06, 2.0))
        beep = list(tone(dice.choice([440, 850, 1000, 1400]), dice.uniform(0.2, 0.9)))
        if kind == "fax":  # CED, as an answering fax sends it; some begin with a ring tone of their own
            return clip + list(tone(2100, 3.3)) + _silence(0.1)
        if kind == "tones first":
            clip += [s for hz in (950, 1400, 1800) for s in tone(hz, 0.33)] + _silence(0.3)
        if kind == "music" and self._music:
            music = dice.choice(self._music)
            start = dice.randrange(len(music) - 8 * RATE)
            return clip + list(music[start : start + 8 * RATE])
        if kind == "short greeting":
            clip += at_speed(dice.choice(voice.phrases), speed)
            return clip + _silence(dice.uniform(0.1, 0.7)) + beep
        if kind == "word, then":
            clip += at_speed(dice.choice(voice.words), speed)
            clip += _silence(self._log(0.22, 0.45, 0.05, 0.7))
        for part in dice.choice(voice.greetings):
            clip += at_speed(part, speed)
            clip += _silence(self._log(0.28, 0.45, 0.05, 1.0))
        return clip + _silence(dice.uniform(0.2, 1.2)) + beep

    def _knock(self) -> list[float]:
        """A short noise that dies away."""
        dice, length = self._dice, self._dice.uniform(0.02, 0.15)
        return [dice.gauss(0, 2500) * math.exp(-4 * n / (length * RATE)) for n in range(int(length * RATE))]

    def _cough(self) -> list[float]:
        """One or two bursts of noise, as long as syllables."""
        dice, out = self._dice, list[float]()
        for _ in range(dice.randint(1, 2)):
            length, kept = int(dice.uniform(0.12, 0.3) * RATE), 0.0
            for n in range(length):
                kept = 0.7 * kept + dice.gauss(0, 2500)
                out.append(kept * math.sin(math.pi * n / length) ** 0.3)
            out += _silence(dice.uniform(0.03, 0.15))
        return out

    def _behind(self, clip: list[float]) -> list[float]:
        """Somebody else, farther away, who talks all the while: 14 to 26 dB fainter."""
        dice, talk = self._dice, list[float]()
        while len(talk) < _HEARD * RATE:
            for part in dice.choice(dice.choice(self._voices).greetings):
                talk += list(part) + _silence(dice.uniform(0.1, 0.4))
        share = 10 ** (-dice.uniform(14, 26) / 20)
        clip = clip + _silence(_HEARD)
        return [a + share * b for a, b in zip(clip, talk, strict=False)]

    def _ringing(self) -> list[float]:
        """One or two rings, and part of the pause behind them."""
        dice, out = self._dice, list[float]()
        frequencies, cadence = dice.choice(_RINGING)
        for _ in range(dice.randint(1, 2)):
            for on, off in zip(cadence[::2], cadence[1::2], strict=True):
                rings = [tone(hz, on, 1500) for hz in frequencies]
                out += [sum(parts) for parts in zip(*rings, strict=True)] + _silence(off)
        return out[: len(out) - int(dice.uniform(0, 0.8) * cadence[-1] * RATE)]

    def _line(self, rings: list[float], clip: list[float]) -> tuple[str, list[bytes]]:
        """Level, noise and codec, and what arrives of the clip, in frames."""
        dice = self._dice
        length = int(_HEARD * RATE)
        clip = (clip + _silence(_HEARD))[:length]
        powers = sorted(sum(map(mul, f, f)) / 160 for f in (clip[n : n + 160] for n in range(0, length, 160)))
        # Of what is heard, not of the whole: else those who say little would be the louder ones.
        heard = [power for power in powers if power > powers[-3] / 300]
        active = math.sqrt(heard[len(heard) * 3 // 4]) if heard else 1000.0
        loudness = dice.uniform(-34, -14)
        wanted = 32768 * 10 ** (loudness / 20)  # of the loud frames
        gain = wanted / max(active, 50.0)
        kind = dice.choice(list(self._noises))
        noise, above = self._noises[kind], dice.triangular(12, 48, 34)
        amount = wanted * 10 ** (-above / 20)
        clip = rings + clip
        start = dice.randrange(len(noise) - len(clip))
        out = [max(-32600.0, min(32600.0, s * gain + n * amount)) for s, n in zip(clip, noise[start:], strict=False)]
        codec = dice.choice(CODECS)
        raw = through(codec, array("h", map(round, out))).tobytes()
        line = f"{kind} {above // 12 * 12:.0f} dB below, {loudness // 7 * 7:.0f} dBFS, {codec}"
        return line, [raw[n : n + 320] for n in range(0, len(raw) - 319, 320)]

    def _noise(self, name: str) -> Clip:
        """Thirty seconds of it, at a power of one."""
        dice, length = self._dice, int(30 * RATE)
        made: list[float]
        if name == "hum":
            made = [
                math.sin(n * math.pi / 80) + 0.5 * math.sin(n * math.pi * 3 / 80) + dice.gauss(0, 0.4)
                for n in range(length)
            ]
        elif name == "babble":
            made = [0.0] * length
            for _ in range(6):
                voice = dice.choice(self._voices)
                line: list[float] = []
                while len(line) < length:
                    line += dice.choice(dice.choice(voice.greetings))
                power = math.sqrt(sum(map(mul, line, line)) / len(line)) or 1
                made = [a + b / power for a, b in zip(made, line, strict=False)]
        else:
            made, kept = [], 0.0
            share = 0.0 if name == "hiss" else 0.9
            for _ in range(length):
                kept = kept * share + dice.gauss(0, 1)
                made.append(kept)
        power = math.sqrt(sum(map(mul, made, made)) / length)
        return [s / power for s in made]


def _silence(length: float) -> list[float]:
    return [0.0] * int(length * RATE)
