"""Decode one recording: ``python -m fs_app.audio_decode KIND``, the file on stdin, narrowband PCM on stdout.

A process of its own, started by fs_app.audio, because what it reads is hostile until it has been read. It exits with 3
and one line on stderr when it refuses the file.
"""

from __future__ import annotations

import io
import resource
import sys
from array import array

import av

from fs_app.audio import RATE, SECONDS_MAX, too_long

_CPU_SECONDS = 30
_MEMORY = 2 * 1024**3  # bytes of address space: FFmpeg's libraries alone reserve some hundred MiB
_QUIET, _TARGET, _GAIN_MAX = 0.5012, 0.7079, 3.981  # -6 dB and -3 dB of full scale; +12 dB
_BAD_SHARE = 0.1  # of all packets that may be damaged
_SEVERAL = 1 << 16


class Refused(Exception):
    """The message is one sentence for whoever uploaded the file, without the name of the field."""


def decode(content: bytes, kind: str) -> bytes:
    """16-bit little-endian samples, mono, 8000 a second, of ``content``, read as FFmpeg's format ``kind``.

    Raises Refused.
    """
    samples: array[float] = array("f")
    good = bad = 0
    try:
        with av.open(io.BytesIO(content), mode="r", format=kind) as container:
            if not container.streams.audio:
                raise Refused("holds no sound: it has no audio track")
            # Packets of pictures (cover art, video) are read past, never decoded.
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                    good += 1
                except av.InvalidDataError:
                    bad += 1
                    continue
                for frame in frames:
                    for part in resampler.resample(frame):
                        samples.frombytes(bytes(part.planes[0])[: part.samples * 4])
                if len(samples) > SECONDS_MAX * RATE:
                    raise Refused(too_long())
            for part in resampler.resample(None):
                samples.frombytes(bytes(part.planes[0])[: part.samples * 4])
    except (av.FFmpegError, ValueError, MemoryError, IndexError) as exc:
        raise Refused(f"cannot be read as {kind}: {_words(exc)}; export it again, as wav or mp3") from None
    if not samples:
        raise Refused("holds no sound: record it again")
    if bad > (good + bad) * _BAD_SHARE:
        raise Refused(f"is damaged: {bad} of its {good + bad} parts cannot be read; export it again")
    return _level(samples)


def _level(samples: array[float]) -> bytes:
    """As 16-bit samples, with a gain that suits a telephone."""
    peak = max(max(samples), -min(samples))
    if not peak < 1e6:
        raise Refused("is damaged: its samples are no numbers; export it again")
    gain = 1.0
    if peak > 1.0:
        gain = 0.98 / peak
    elif 0 < peak < _QUIET:
        gain = min(_TARGET / peak, _GAIN_MAX)
    scale = 32767 * gain
    made: array[int] = array("h")
    for start in range(0, len(samples), _SEVERAL):
        made.extend([round(value * scale) for value in samples[start : start + _SEVERAL]])
    if sys.byteorder == "big":
        made.byteswap()
    return made.tobytes()


def _words(exc: BaseException) -> str:
    return str(getattr(exc, "strerror", None) or exc or type(exc).__name__).lower()[:100]


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it has nothing to write but to its pipe
    av.logging.set_level(None)
    try:
        made = decode(sys.stdin.buffer.read(), sys.argv[1])
    except Refused as exc:
        print(exc, file=sys.stderr)
        return 3
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
