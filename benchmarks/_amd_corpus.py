"""Answered calls made of real recordings and rendered voices, for the benchmark of person or machine.

Real voices: Debian's Asterisk prompts, found where the packages put them. None of their audio is kept here.

    apt-get install --no-install-recommends asterisk-core-sounds-{en,es,fr,it,ru}-wav \\
        asterisk-prompt-it-menardi-wav asterisk-moh-opsound-wav flite

Rendered voices: espeak-ng (``pip install 'fs-app[voice]'``) in every language of the texts, flite in English.
A call is the audio from the moment of answering: silence, speech, silence and what follows, at a speed, a level, in
noise, through a telephone line. All from one seed: two runs make the same calls.
"""

from __future__ import annotations

import itertools
import math
import random
import shutil
import subprocess
import sys
import tempfile
import wave
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from pathlib import Path

from _amd_texts import FIT_LANGUAGES, REPORT_LANGUAGES, TEXTS

RATE = 8000
SOUNDS = Path("/usr/share/asterisk/sounds")
MUSIC = Path("/usr/share/asterisk/moh")
FIT_VOICES = ("en_US_f_Allison", "fr_CA_f_June")
REPORT_VOICES = ("es_MX_f_Allison", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU", "it_IT_f_Menardi")
_HEARD = 9.0  # seconds of each call; the judges decide in less
Clip = Sequence[float]


@dataclass(frozen=True)
class Call:
    """``frames`` of 20 ms, 16-bit linear. ``kind`` says how it was made, for the tables."""

    who: str  # person | machine
    kind: str
    voice: str
    frames: list[bytes]


@dataclass
class Voice:
    """Clips of one voice: words and phrases as answers, and lists of clips that make greetings."""

    name: str
    words: list[Clip]
    phrases: list[Clip]
    greetings: list[list[Clip]]


# ---- clips


def read_wav(path: Path) -> Clip:
    """Samples at 8000 Hz; higher rates are averaged down when they are a multiple, else interpolated."""
    with wave.open(str(path)) as file:
        samples = array("h", file.readframes(file.getnframes()))
        rate, channels = file.getframerate(), file.getnchannels()
    if sys.byteorder == "big":
        samples.byteswap()
    return at_speed(_lowered(samples[::channels], rate), rate / RATE)


def _lowered(samples: Sequence[float], rate: int) -> Sequence[float]:
    """A moving mean before taking fewer samples."""
    for _ in range(max(0, round(rate / RATE) - 1)):
        samples = [(a + b) / 2 for a, b in itertools.pairwise(samples)]
    return samples


def at_speed(clip: Clip, speed: float) -> Clip:
    """Faster (and higher) for ``speed`` above one, by linear interpolation."""
    if abs(speed - 1) < 0.001:
        return list(clip)
    out = []
    for n in range(int((len(clip) - 1) / speed)):
        whole = int(n * speed)
        part = n * speed - whole
        out.append(clip[whole] * (1 - part) + clip[whole + 1] * part)
    return out


def trimmed(clip: Clip) -> Clip:
    """Without the silence at both ends: what is 34 dB below the loudest 20 ms."""
    powers = [sum(map(mul, f, f)) for f in (clip[n : n + 160] for n in range(0, len(clip) - 159, 160))]
    if not powers:
        return []
    loud = [n for n, power in enumerate(powers) if power > max(powers) / 2500]
    return clip[loud[0] * 160 : (loud[-1] + 1) * 160]


def seconds(clip: Clip) -> float:
    return len(clip) / RATE


def tone(hz: float, length: float, level: float = 5000) -> Clip:
    return [level * math.sin(2 * math.pi * hz * n / RATE) for n in range(int(length * RATE))]


# ---- voices


def real_voice(name: str) -> Voice | None:
    """A recorded voice, or None where its package is not installed."""
    folder = SOUNDS / name
    if not folder.is_dir():
        return None
    clips = {p.stem: trimmed(read_wav(p)) for p in sorted(folder.glob("*.wav"))}
    short = sorted((folder / "phonetic").glob("*.wav"))
    digits = [trimmed(read_wav(folder / "digits" / f"{n}.wav")) for n in range(1, 10)]
    names = [trimmed(read_wav(p)) for p in short[:12]]
    noises = ("beep", "tone", "monkeys", "silence", "confbridge")
    speech = {k: c for k, c in clips.items() if not any(noise in k for noise in noises)}
    asks = ("hello", "vm-goodbye", "goodbye", "auth-thankyou", "sorry", "im-sorry", "vm-sorry", "transfer", "calling")
    # One-syllable and two-syllable digits stand for "Yes?", names for surnames: what people say when they answer.
    words = [speech[k] for k in asks if k in speech and 0.2 < seconds(speech[k]) <= 1.1] + digits + names[:6]
    words += [speech["hello"]] * 6 if "hello" in speech else []
    phrases = [c for c in speech.values() if 1.2 <= seconds(c) <= 2.6]
    greetings: list[list[Clip]] = []
    intro = [speech[k] for k in ("vm-intro",) if k in speech]
    for k in ("vm-isunavail", "vm-isonphone"):
        if {"vm-theperson", k} <= speech.keys():
            greetings.append([speech["vm-theperson"], *digits[:3], speech[k], *intro])
    for k in ("vm-nobodyavail", "vm-leavemsg", "all-circuits-busy-now", "cannot-complete-as-dialed", "tt-allbusy"):
        if k in speech:
            greetings.append([speech[k], *intro])
    greetings += [[c] for k, c in speech.items() if seconds(c) >= 4.5][:25]
    if "hello" in speech and intro:
        greetings += [[speech["hello"], *intro], [speech["hello"], speech["vm-nobodyavail"]]]
    return Voice(name, words, phrases, greetings)


def rendered_voice(language: str) -> Voice:
    """espeak-ng's voice of that language. Raises ImportError or ivr.espeak.EspeakError where there is none."""
    from ivr.espeak import resample, synthesize

    def say(text: str) -> Clip:
        return trimmed(resample(*synthesize(text, language)))

    home, work, machine = TEXTS[language]
    return Voice(
        f"espeak {language}", [say(t) for t in home], [say(t) for t in work], [[say(t) for t in g] for g in machine]
    )


def flite_voice(name: str) -> Voice | None:
    """One of flite's English voices, or None without flite."""
    if shutil.which("flite") is None:
        return None

    def say(text: str) -> Clip:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "words.wav"
            subprocess.run(["flite", "-voice", name, "-t", text, "-o", str(path)], check=True)
            return trimmed(read_wav(path))

    home, work, machine = TEXTS["en"]
    return Voice(
        f"flite {name}", [say(t) for t in home], [say(t) for t in work], [[say(t) for t in g] for g in machine]
    )


def fit_voices() -> list[Voice]:
    found = [real_voice(name) for name in FIT_VOICES] + [flite_voice(name) for name in ("slt", "rms")]
    return [v for v in found if v is not None] + [rendered_voice(language) for language in FIT_LANGUAGES]


def report_voices() -> list[Voice]:
    """Other languages and other speakers than those of :func:`fit_voices`."""
    found = [real_voice(name) for name in REPORT_VOICES] + [flite_voice("awb")]
    return [v for v in found if v is not None] + [rendered_voice(language) for language in REPORT_LANGUAGES]


# ---- calls


class Maker:
    """Makes calls of one set of voices; ``seed`` decides everything."""

    def __init__(self, voices: list[Voice], seed: int) -> None:
        self._voices = voices
        self._dice = random.Random(seed)
        self._noises = {name: self._noise(name) for name in ("hiss", "rumble", "babble", "hum")}
        self._music = [read_wav(p)[RATE * 5 : RATE * 25] for p in sorted(MUSIC.glob("*.wav"))[:3]]
        self._kinds: dict[str, list[tuple[str, float]]] = {
            "person": [("word", 68), ("two words", 10), ("phrase", 16), ("silent", 3), ("slow to answer", 3)],
            "machine": [("greeting", 82), ("short greeting", 6), ("tones first", 4), ("music", 3), ("word, then", 5)],
        }

    def calls(self, count: int) -> Iterator[Call]:
        """``count`` persons and as many machines."""
        for who in ("person", "machine"):
            kinds, weights = zip(*self._kinds[who], strict=True)
            for n in range(count):
                voice = self._voices[n % len(self._voices)]
                kind = self._dice.choices(kinds, weights)[0]
                clip = self._person(voice, kind) if who == "person" else self._machine(voice, kind)
                yield Call(who, kind, voice.name, self._line(clip))

    def _log(self, median: float, spread: float, low: float, high: float) -> float:
        return min(high, max(low, self._dice.lognormvariate(math.log(median), spread)))

    def _person(self, voice: Voice, kind: str) -> list[float]:
        dice = self._dice
        speed = dice.uniform(0.9, 1.15)
        before = self._log(0.4, 0.5, 0.06, 1.6)
        if kind == "silent":
            return []
        if kind == "slow to answer":
            before = dice.uniform(1.6, 3.2)
        said = list(at_speed(dice.choice(voice.phrases if kind == "phrase" else voice.words), speed))
        if kind == "two words":
            said += _silence(dice.uniform(0.1, 0.4)) + list(at_speed(dice.choice(voice.words), speed))
        again = list(at_speed(dice.choice(voice.words), speed))
        return _silence(before) + said + _silence(dice.uniform(1.8, 4)) + again

    def _machine(self, voice: Voice, kind: str) -> list[float]:
        dice = self._dice
        speed = dice.uniform(0.9, 1.15)
        clip = _silence(self._log(0.7, 0.6, 0.06, 2.4))
        if kind == "tones first":
            clip += [s for hz in (950, 1400, 1800) for s in tone(hz, 0.33)] + _silence(0.3)
        if kind == "music" and self._music:
            music = dice.choice(self._music)
            start = dice.randrange(len(music) - 8 * RATE)
            return clip + list(music[start : start + 8 * RATE])
        if kind == "short greeting":
            clip += at_speed(dice.choice(voice.phrases), speed)
            return clip + _silence(dice.uniform(0.1, 0.7)) + list(tone(dice.choice([440, 850, 1000, 1400]), 0.5))
        if kind == "word, then":
            clip += at_speed(dice.choice(voice.words), speed)
            clip += _silence(self._log(0.3, 0.4, 0.05, 0.8))
        for part in dice.choice(voice.greetings):
            clip += at_speed(part, speed)
            clip += _silence(self._log(0.38, 0.45, 0.05, 1.2))
        return clip + _silence(dice.uniform(0.2, 1.2)) + list(tone(dice.choice([440, 850, 1000, 1400]), 0.6))

    def _line(self, clip: list[float]) -> list[bytes]:
        """Level, noise and codec: what arrives of the clip, in frames."""
        dice = self._dice
        length = int(_HEARD * RATE)
        clip = (clip + _silence(_HEARD))[:length]
        loud = sorted(sum(map(mul, f, f)) / 160 for f in (clip[n : n + 160] for n in range(0, length, 160)))
        active = math.sqrt(loud[-max(3, len(loud) // 12)]) or 1000.0
        wanted = 32768 * 10 ** (dice.uniform(-34, -14) / 20)  # of the loud frames
        gain = wanted / max(active, 50.0)
        noise = self._noises[dice.choice(list(self._noises))]
        amount = wanted * 10 ** (-dice.triangular(12, 48, 34) / 20)
        start = dice.randrange(len(noise) - length)
        out = [max(-32600.0, min(32600.0, s * gain + n * amount)) for s, n in zip(clip, noise[start:], strict=False)]
        codec = dice.choice(["mulaw", "mulaw", "linear", "narrow"])
        if codec == "narrow":
            out = _narrow(out)
        whole = array("h", map(round, out))
        if codec != "linear":
            whole = array("h", map(_MULAW.__getitem__, whole))
        raw = whole.tobytes()
        return [raw[n : n + 320] for n in range(0, len(raw) - 319, 320)]

    def _noise(self, name: str) -> Clip:
        """Twenty seconds of it, at a power of one."""
        dice, length = self._dice, int(20 * RATE)
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


def _narrow(samples: Sequence[float]) -> list[float]:
    """Roughly what a mobile codec leaves: 300 to 3000 Hz, one pole on each side."""
    out, low, kept, before = [], 0.0, 0.0, 0.0
    for sample in samples:
        kept = 0.8 * (kept + sample - before)
        before = sample
        low += 0.85 * (kept - low)
        out.append(max(-32600.0, min(32600.0, low)))
    return out


def _mulaw(sample: int) -> int:
    """Through G.711 mu-law and back: 8 bits, 14-bit precision near zero."""
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 15
    value = (((mantissa << 3) + 132) << exponent) - 132
    return -value if sample < 0 else value


_MULAW = array("h", [_mulaw(s) for s in range(32768)] + [_mulaw(s) for s in range(-32768, 0)])
