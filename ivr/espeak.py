"""Text on stdin to a WAV file, with the espeak-ng library of PyPI's ``espeakng_loader``: the default speech command.

    echo "See you tomorrow." | python -m ivr.espeak --language en --output /tmp/words.wav

espeak-ng is GPL: this file is only ever run as a process of its own, never imported by the server. The output is
16-bit PCM, mono, 8000 Hz, brought down from the library's 22050 Hz through a low-pass, so that the switch need not
resample on every call.
"""

from __future__ import annotations

import ctypes
import math
import os
import re
import sys
import wave
from array import array
from collections.abc import Sequence
from operator import mul
from pathlib import Path

RATE = 8000
_TAPS = 96  # about 50 dB down above 4 kHz when the pass band ends at 3.3 kHz
_CUTOFF = 3650.0  # Hz, where the low-pass is 6 dB down
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", re.ASCII)

# espeak-ng/speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakError(Exception):
    """The message is one sentence for the operator."""


def synthesize(text: str, language: str) -> tuple[array[int], int]:
    """Samples (16-bit, mono) and their rate in Hz. Raises EspeakError."""
    name = language.replace("_", "-")
    if not _LANGUAGE.fullmatch(name):
        raise EspeakError(f"{language!r} is not a language tag: write it like en, en-us, es, fr or de")
    try:
        import espeakng_loader
    except ImportError:
        raise EspeakError("espeak-ng is not installed: pip install 'fs-app[voice]'") from None
    try:
        lib = ctypes.CDLL(espeakng_loader.get_library_path())
        # The library wants the directory that holds espeak-ng-data.
        data = os.fsencode(Path(espeakng_loader.get_data_path()).parent)
    except (OSError, RuntimeError) as error:
        raise EspeakError(f"espeak-ng could not be loaded ({error}): pip install 'fs-app[voice]'") from None
    rate = int(lib.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, _INITIALIZE_DONT_EXIT))
    if rate <= 0:
        raise EspeakError("espeak-ng found no voice data: pip install --force-reinstall espeakng-loader")
    # A region without a voice of its own speaks as its language does (fr-ca as fr); never as another language.
    wanted = dict.fromkeys((name.lower(), name.lower().split("-")[0]))
    if all(lib.espeak_SetVoiceByName(voice.encode("ascii")) != 0 for voice in wanted):
        raise EspeakError(f"espeak-ng has no voice for {language!r}: use a tag such as en, en-us, es, fr or de")
    samples: array[int] = array("h")

    def collect(chunk: ctypes._Pointer[ctypes.c_short] | None, count: int, _events: int | None) -> int:
        if chunk and count > 0:
            samples.frombytes(ctypes.string_at(chunk, count * 2))
        return 0

    callback = _Callback(collect)  # must outlive the synthesis
    lib.espeak_SetSynthCallback(callback)
    # Plain characters, not SSML and not [[phonemes]]: what a name contains is spoken, never obeyed.
    raw = text.replace("\0", " ").encode("utf-8", "replace")
    size = ctypes.c_size_t(len(raw) + 1)
    if lib.espeak_Synth(raw, size, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None) != 0:
        raise EspeakError("espeak-ng refused the text")
    lib.espeak_Synchronize()
    if not samples:
        raise EspeakError("espeak-ng made no sound of this text: is there a word in it?")
    return samples, rate


def resample(samples: Sequence[int], rate: int, target: int = RATE) -> array[int]:
    """Bring 16-bit samples down from ``rate`` to ``target`` Hz through a Hann-windowed sinc low-pass."""
    if rate == target:
        return array("h", samples)
    common = math.gcd(rate, target)
    up, down = target // common, rate // common
    kernels = [_kernel(phase / up, rate) for phase in range(up)]
    half = _TAPS // 2
    padded = [0] * half + list(samples) + [0] * (half + 1)
    out = array("h")
    for n in range(len(samples) * up // down):
        whole, phase = divmod(n * down, up)
        # The kernel's middle lies on input position whole + phase / up.
        value = round(sum(map(mul, kernels[phase], padded[whole + 1 : whole + 1 + _TAPS])))
        out.append(-32768 if value < -32768 else 32767 if value > 32767 else value)
    return out


def _kernel(fraction: float, rate: int) -> list[float]:
    """The low-pass as seen from a point ``fraction`` of a sample after the one at index ``_TAPS // 2 - 1``."""
    half = _TAPS // 2
    taps = []
    for index in range(_TAPS):
        distance = index - (half - 1) - fraction
        angle = 2 * math.pi * _CUTOFF / rate * distance
        sinc = 1.0 if distance == 0 else math.sin(angle) / angle
        taps.append(sinc * (0.5 + 0.5 * math.cos(math.pi * distance / half)))
    total = sum(taps)
    return [tap / total for tap in taps]


def write_wav(path: str, samples: array[int], rate: int = RATE) -> None:
    """A mono 16-bit PCM WAV file."""
    if sys.byteorder == "big":
        samples = array("h", samples)
        samples.byteswap()
    with wave.open(path, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(samples.tobytes())


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 2 with one sentence on stderr."""
    # By hand: argparse alone would take a good part of the time that a sentence may cost.
    args = list(sys.argv[1:] if argv is None else argv)
    options = dict(zip(args[::2], args[1::2], strict=False))
    if len(args) % 2 or not {"--output"} <= options.keys() <= {"--output", "--language"}:
        print("usage: python -m ivr.espeak --language TAG --output FILE, with the text on stdin", file=sys.stderr)
        return 2
    try:
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
        samples, rate = synthesize(text, options.get("--language", "en"))
        write_wav(options["--output"], resample(samples, rate))
    except (EspeakError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
