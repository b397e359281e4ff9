"""Recordings made here, in the formats people upload."""

from __future__ import annotations

import io
import math
import wave
from array import array

import av


def tone(
    hertz: float = 1000, seconds: float = 0.5, *, rate: int = 44_100, level: float = 0.3, channels: int = 2
) -> bytes:
    """A sine as interleaved 16-bit samples."""
    samples: array[int] = array("h")
    for n in range(int(rate * seconds)):
        samples.extend([round(32767 * level * math.sin(2 * math.pi * hertz * n / rate))] * channels)
    return samples.tobytes()


def wav(samples: bytes, *, rate: int = 44_100, channels: int = 2) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples)
    return made.getvalue()


def encoded(samples: bytes, container: str, codec: str, *, rate: int = 44_100) -> bytes:
    """Stereo ``samples`` in another format; opus is always made at 48000."""
    made = io.BytesIO()
    with av.open(made, "w", format=container) as out:
        stream = out.add_stream(codec, rate=48_000 if codec == "libopus" else rate)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame(format="s16", layout="stereo", samples=len(samples) // 4)
        frame.planes[0].update(samples)
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or None
        to = av.AudioResampler(format=stream.format, layout="stereo", rate=stream.rate, frame_size=size)
        stream.layout = "stereo"
        for part in to.resample(frame) + to.resample(None):
            part.pts = None
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return made.getvalue()


def narrowband(content: bytes) -> array[int]:
    """The samples of a WAV with 16-bit mono at 8000 Hz; anything else fails."""
    with wave.open(io.BytesIO(content)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
        return array("h", sound.readframes(sound.getnframes()))


def level(samples: array[int], hertz: float) -> float:
    """How loud one pitch is, as a share of full scale."""
    turns = [2 * math.pi * hertz * n / 8000 for n in range(len(samples))]
    real = sum(s * math.cos(t) for s, t in zip(samples, turns, strict=True))
    imaginary = sum(s * math.sin(t) for s, t in zip(samples, turns, strict=True))
    return 2 * math.hypot(real, imaginary) / len(samples) / 32767
