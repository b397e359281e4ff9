"""Real voices out of games and of what children learn with: people who speak lines, name pictures and read letters.

Each reader takes the files where Debian's packages put them; none of their audio is kept here.
"""

from __future__ import annotations

import io
import random
import struct
from array import array
from collections.abc import Iterable
from pathlib import Path

import av
from _amd_rnc import PACKED, unpack
from _amd_voices import RATE, Clip, Voice, at_speed, seconds, trimmed

FISH = Path("/usr/share/games/fillets-ng/sound")
POTATO = Path("/usr/share/ktuberling/sounds")
STAMPS = Path("/usr/share/tuxpaint/stamps")
LETTERS = Path("/usr/share/klettres")
QUEEN = Path("/usr/share/scummvm/flight-of-the-amazon-queen/queen.1c")
SKY = Path("/usr/share/scummvm/beneath-a-steel-sky")
_LINES = 260  # of one voice; more would only take time
_HEAD, _ENTRY = 15, 21  # bytes of QUEEN's table: before it, and of one line's name, place and length
_SPOKEN = range(50_000, 57_000)  # numbers of SKY's files that are lines
_SKY_RATE = 11_025  # Hz


def actors(language: str, words: tuple[str, ...]) -> Voice:
    """Fish Fillets' sentences, and single words of KTuberling's people; every clip has its own microphone."""
    dice = random.Random(language)
    lines = [p for p in sorted(FISH.glob(f"*/{language}/*.ogg")) if 6000 < p.stat().st_size < 120_000]
    said = [trimmed(decode(str(p))) for p in dice.sample(lines, min(150, len(lines)))]
    names = [p for spoken in words for p in sorted((POTATO / spoken).glob("*.ogg"))]
    return _sorted(f"actors {language}", said, [trimmed(decode(str(p))) for p in dice.sample(names, 60)])


def pictures(language: str, letters: str) -> Voice:
    """What Tux Paint says of its pictures, and letters and syllables of KLettres in a language of that sound."""
    said = _chosen(STAMPS.rglob(f"*_desc_{language}.ogg"), 220)
    return _sorted(f"pictures {language}", said, _chosen((LETTERS / letters).rglob("*.ogg"), 40))


def cast(part: int, parts: int) -> Voice:
    """One of ``parts`` shares of the lines of Flight of the Amazon Queen, in order, of everybody but its hero."""
    return _queen("P", part, parts, f"cast {part}")


def hero() -> Voice:
    """The hero of that game."""
    return _queen("J", 0, 1, "hero")


def _queen(speaker: str, part: int, parts: int, name: str) -> Voice:
    """A line's name ends in the letter of who speaks it, a digit and SB; the lines are MP3."""
    data = QUEEN.read_bytes()
    places = []
    for at in range(_HEAD, _HEAD + _ENTRY * struct.unpack(">H", data[13:15])[0], _ENTRY):
        line = data[at : at + 12].rstrip(b"\0").decode("latin-1")
        place, size = struct.unpack(">II", data[at + 13 : at + _ENTRY])
        if line.endswith(".SB") and line[-5] == speaker and size > 1500:
            places.append((place, size))
    share = len(places) // parts
    some = places[part * share : (part + 1) * share]
    random.Random(part).shuffle(some)
    said = [trimmed(decode(io.BytesIO(data[place : place + size]))) for place, size in some[:_LINES]]
    return _sorted(name, said, [])


def sky(part: int, parts: int) -> Voice:
    """One of ``parts`` shares of the lines of Beneath a Steel Sky, by their numbers: 8-bit samples, packed."""
    table, data = (SKY / "sky.dnr").read_bytes(), (SKY / "sky.dsk").read_bytes()
    places = []
    for at in range(4, len(table) - 7, 8):
        number, where, size = struct.unpack("<H3s3s", table[at : at + 8])
        place = (int.from_bytes(where, "little") & 0x7FFFFF) << 4
        header = place + 22
        if number in _SPOKEN and data[header : header + 4] == PACKED:
            places.append((number, header, place + (int.from_bytes(size, "little") & 0x3FFFFF)))
    places.sort()
    share = len(places) // parts
    some = places[part * share : (part + 1) * share]
    random.Random(part).shuffle(some)
    said = [trimmed(_at_8_bits(unpack(data[begin:end]))) for _, begin, end in some[:_LINES]]
    return _sorted(f"sky {part}", said, [])


def _at_8_bits(samples: bytes) -> Clip:
    return at_speed([(b - 128) * 200.0 for b in samples], _SKY_RATE / RATE)


def decode(file: str | io.BytesIO) -> Clip:
    """Samples at 8000 Hz of anything that PyAV reads; nothing where it cannot."""
    out = array("h")
    try:
        with av.open(file, "r", metadata_errors="ignore") as container:
            down = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in container.decode(audio=0):
                for part in down.resample(frame):
                    out.frombytes(bytes(part.planes[0])[: part.samples * 2])
    except av.error.FFmpegError:
        return array("h")
    return out


def _chosen(paths: Iterable[Path], count: int) -> list[Clip]:
    found = sorted(paths)
    random.Random(1).shuffle(found)
    return [trimmed(decode(str(p))) for p in found[:count]]


def _sorted(name: str, said: list[Clip], single: list[Clip]) -> Voice:
    """By their length: words, phrases, and greetings, some of which are three phrases."""
    phrases = [c for c in said if 1.2 <= seconds(c) <= 2.8]
    greetings = [[c] for c in said if seconds(c) >= 4]
    greetings += [[a, b, c] for a, b, c in zip(phrases[::3], phrases[1::3], phrases[2::3], strict=False)]
    return Voice(name, [c for c in single + said if 0.2 < seconds(c) <= 1.1], phrases, greetings)
