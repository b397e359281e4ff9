"""Telephone lines: what a codec leaves of 16-bit samples at 8000 Hz.

``mulaw`` (G.711) is computed here. ``amr`` (AMR narrow-band, of mobile telephones) is PyAV's; ``gsm`` (GSM 06.10) needs
sox, and is AMR at its lowest rate where that is missing.
"""

from __future__ import annotations

import shutil
import subprocess
from array import array

import av

RATE = 8000
CODECS = ("linear", "mulaw", "mulaw", "amr", "gsm")  # as often as they are used


def through(codec: str, samples: array[int]) -> array[int]:
    """The samples after encoding and decoding, as many as before."""
    if codec == "linear":
        return samples
    if codec == "mulaw":
        return array("h", map(_MULAW.__getitem__, samples))
    if codec == "gsm" and shutil.which("sox"):
        return _gsm(samples)
    return _amr(samples, 12_200 if codec == "amr" else 4750)


def _mulaw(sample: int) -> int:
    """Through G.711 mu-law and back: 8 bits, 14-bit precision near zero."""
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 15
    value = (((mantissa << 3) + 132) << exponent) - 132
    return -value if sample < 0 else value


_MULAW = array("h", [_mulaw(s) for s in range(32768)] + [_mulaw(s) for s in range(-32768, 0)])


def _gsm(samples: array[int]) -> array[int]:
    raw = ["-t", "raw", "-r", str(RATE), "-e", "signed", "-b", "16", "-c", "1", "-"]
    code = ["-t", "gsm", "-r", str(RATE), "-"]
    done = samples.tobytes()
    for command in (["sox", "-D", *raw, *code], ["sox", "-D", *code, *raw]):
        done = subprocess.run(command, input=done, capture_output=True, check=True).stdout
    return _as_long(array("h", done), len(samples))


def _amr(samples: array[int], bits_a_second: int) -> array[int]:
    encoder = av.CodecContext.create("libopencore_amrnb", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = RATE, "mono", "s16", bits_a_second  # type: ignore[attr-defined]
    decoder = av.CodecContext.create("libopencore_amrnb", "r")
    decoder.sample_rate, decoder.layout = RATE, "mono"  # type: ignore[attr-defined]
    out = array("h")
    for at in range(0, len(samples) - 159, 160):
        frame = av.AudioFrame(format="s16", layout="mono", samples=160)
        frame.sample_rate = RATE
        frame.planes[0].update(samples[at : at + 160].tobytes())
        for packet in encoder.encode(frame):  # type: ignore[attr-defined]
            for heard in decoder.decode(packet):  # type: ignore[attr-defined]
                out.frombytes(bytes(heard.planes[0])[: heard.samples * 2])
    return _as_long(out, len(samples))


def _as_long(samples: array[int], count: int) -> array[int]:
    return samples[:count] + array("h", bytes(2 * max(0, count - len(samples))))
