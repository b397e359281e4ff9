"""Whatever people upload becomes narrowband WAV, or is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fs_app.audio import BYTES_MAX, RATE, SECONDS_MAX, to_wav
from fs_app.audio_decode import Refused, decode
from fs_app.errors import InvalidInput
from tests.sounds import encoded, level, narrowband, tone, wav

TONE = tone()
FORMATS = [
    ("mp3", "libmp3lame"),
    ("ogg", "libopus"),
    ("flac", "flac"),
    ("ipod", "aac"),
    ("ipod", "alac"),
    ("adts", "aac"),
    ("webm", "libopus"),
    ("aiff", "pcm_s16be"),
    ("au", "pcm_s16be"),
    ("wav", "pcm_mulaw"),
]


@pytest.mark.parametrize(("container", "codec"), FORMATS)
def test_common_formats_are_converted(container: str, codec: str) -> None:
    samples = narrowband(to_wav(encoded(TONE, container, codec)))
    assert 0.45 * RATE <= len(samples) <= 0.6 * RATE
    assert level(samples, 1000) > 0.5  # from 0.3: raised to -3 dB


def test_what_is_returned_comes_back_unchanged() -> None:
    made = to_wav(wav(TONE))
    assert to_wav(made) == made
    assert to_wav(wav(TONE)) == made


def test_narrowband_keeps_its_samples_and_loses_the_rest() -> None:
    plain = wav(tone(level=0.01, rate=8000, channels=1), rate=8000, channels=1)
    tagged = plain + b"LIST\x0e\0\0\0INFOIART\2\0\0\0me"
    assert to_wav(plain) == plain
    assert to_wav(tagged) == plain


def test_quiet_is_raised_and_loud_is_left() -> None:
    loud, quiet, faint = (narrowband(to_wav(wav(tone(level=v, channels=1), channels=1))) for v in (0.8, 0.25, 0.01))
    assert level(loud, 1000) == pytest.approx(0.8, abs=0.03)
    assert level(quiet, 1000) == pytest.approx(0.7, abs=0.03)
    assert level(faint, 1000) == pytest.approx(0.04, abs=0.003)


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_speech_passes(hertz: int) -> None:
    assert level(narrowband(to_wav(wav(tone(hertz, level=0.6)))), hertz) > 0.55


@pytest.mark.parametrize("hertz", [4600, 5000, 7000])
def test_nothing_is_folded_down_from_above_the_band(hertz: int) -> None:
    mixed = bytes(wav(tone(hertz, level=0.9)))
    assert level(narrowband(to_wav(mixed)), 8000 - hertz) < 0.001


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not audio"),
        (b"hello", "is not audio"),
        (b"%PDF-1.4", "is not audio"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "is not audio"),
        (b"ID3\x04mp3", "cannot be read"),
        (b"RIFF\0\0\0\0WAVE", "cannot be read"),
        (wav(TONE)[:20], "cannot be read"),
        (b"\0\0\0 ftypM4A " + b"x" * 1000, "cannot be read"),
        (b"fLaC" + b"\xff" * 5000, "cannot be read"),
        (wav(b""), "holds no sound"),
        (wav(b"", rate=8000, channels=1), "holds no sound"),
        (wav(bytes(2 * (SECONDS_MAX * 8000 + 1)), rate=8000, channels=1), "longer than 10 minutes"),
        (bytes(BYTES_MAX + 1), "at most"),
    ],
)
def test_what_is_no_recording_is_refused_with_a_reason(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        to_wav(content, "greeting")
    assert caught.value.field == "greeting"


def test_a_small_file_that_unpacks_to_hours_is_refused() -> None:
    bomb = encoded(bytes(4 * 8000 * (SECONDS_MAX + 30)), "flac", "flac", rate=8000)
    assert len(bomb) < 200_000
    with pytest.raises(InvalidInput, match="longer than 10 minutes"):
        to_wav(bomb)


def test_pictures_are_not_sound() -> None:
    with pytest.raises(Refused, match=r"holds no sound|cannot be read"):
        decode(wav(TONE), "png_pipe")


_MP3 = encoded(TONE, "mp3", "libmp3lame")
_FLAC = encoded(TONE, "flac", "flac")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), which=st.sampled_from([(_MP3, "mp3"), (_FLAC, "flac")]))
def test_damage_is_survived_or_refused(data: st.DataObject, which: tuple[bytes, str]) -> None:
    content, kind = bytearray(which[0]), which[1]
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=60)):
        content[at] = data.draw(st.integers(0, 255))
    try:
        assert len(decode(bytes(content), kind)) % 2 == 0
    except Refused:
        pass
