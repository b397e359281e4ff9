"""Voices for the benchmark of person or machine: real recordings and rendered ones. None of their audio is kept here.

Real voices: Debian's Asterisk prompts, found where the packages put them.

    apt-get install --no-install-recommends asterisk-core-sounds-{en,es,fr,it,ru}-wav \\
        asterisk-prompt-it-menardi-wav asterisk-moh-opsound-wav flite sox

Rendered voices: espeak-ng (``pip install 'fs-app[voice]'``) in every language of the texts, flite in English.
"""

from __future__ import annotations

import itertools
import math
import shutil
import subprocess
import sys
import tempfile
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from pathlib import Path

from _amd_texts import FIT_LANGUAGES, REPORT_LANGUAGES, TEXTS

RATE = 8000
SOUNDS = Path("/usr/share/asterisk/sounds")
MUSIC = Path("/usr/share/asterisk/moh")
FIT_VOICES = ("en_US_f_Allison", "fr_CA_f_June")
REPORT_VOICES = ("es_MX_f_Allison", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU", "it_IT_f_Menardi")
Clip = Sequence[float]


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
    return prompts_voice(folder, name) if folder.is_dir() else None


def prompts_voice(folder: Path, name: str) -> Voice:
    """A set of Asterisk's prompts, as .wav or .gsm files (these need sox)."""
    clips = _clips(folder)
    digits = [clip for name, clip in _clips(folder / "digits").items() if name in "123456789"]
    names = list(_clips(folder / "phonetic").values())[:12]
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


def _clips(folder: Path) -> dict[str, Clip]:
    found = {p.stem: trimmed(_read_gsm(p)) for p in sorted(folder.glob("*.gsm"))}
    return found | {p.stem: trimmed(read_wav(p)) for p in sorted(folder.glob("*.wav"))}


def _read_gsm(path: Path) -> Clip:
    raw = ["-t", "raw", "-r", str(RATE), "-e", "signed", "-b", "16", "-c", "1", "-"]
    done = subprocess.run(["sox", "-D", str(path), *raw], capture_output=True, check=True)
    return array("h", done.stdout)


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
