"""Prompts as files: what is rendered, once, by whom, and what becomes of every way to fail."""

from __future__ import annotations

import hashlib
import math
import os
import stat
import subprocess
import sys
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.threadpool import ThreadPool
from hypothesis import given
from hypothesis import strategies as st

from fs_app.errors import ConfigError, PromptError
from ivr.dialogue import Prompt, Recording, Speech
from ivr.espeak import RATE, resample
from ivr.prompts import Prompts
from ivr.speech_command import SpeechCommand
from ivr.voices import Voices

NO_RECORDINGS: dict[str, tuple[bytes, str]] = {}

# A speech engine in a few lines: notes what it was asked for, and writes a short WAV.
ENGINE = """
import sys, wave
text = sys.argv[3] if len(sys.argv) > 3 else sys.stdin.read()
with open(sys.argv[1], "a", encoding="utf-8") as log:
    log.write(text + "\\n")
with wave.open(sys.argv[2], "wb") as w:
    w.setnchannels(1); w.setsampwidth(2); w.setframerate(8000); w.writeframes(bytes(320))
"""


class Studio:
    def __init__(self, tmp_path: Path, threads: ThreadPool) -> None:
        self.sounds, self.log, self.threads = tmp_path / "sounds", tmp_path / "asked.txt", threads
        self.recordings: dict[str, tuple[bytes, str]] = {}
        self.fetched: list[str] = []
        self.prompts = self.using(sys.executable, "-c", ENGINE, str(self.log), "{file}")

    def using(self, *template: str, timeout: float = 20.0) -> Prompts:
        return Prompts(self.sounds, Voices(SpeechCommand(template, timeout)), self.load, self.threads)

    def load(self, sha256: str) -> tuple[bytes, str]:
        self.fetched.append(sha256)
        gevent.sleep(0)  # as a store would: others run meanwhile
        return self.recordings[sha256]

    def record(self, content: bytes, extension: str = "wav") -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.recordings[digest] = (content, extension)
        return digest

    def asked(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    threads = ThreadPool(8)
    yield Studio(tmp_path, threads)
    threads.kill()


def wav_bytes(frames: bytes = bytes(320)) -> bytes:
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + bytes([1, 0, 1, 0]) + (8000).to_bytes(4, "little")
    head += (16000).to_bytes(4, "little") + bytes([2, 0, 16, 0]) + b"data" + len(frames).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(frames)).to_bytes(4, "little") + head + frames


# -- speech


def test_words_are_rendered_once(studio: Studio) -> None:
    first = studio.prompts.path(Speech("Hello", "en"))
    again = studio.using(sys.executable, "-c", ENGINE, str(studio.log), "{file}")
    assert studio.prompts.path(Speech("Hello", "en")) == again.path(Speech("Hello", "en")) == first
    assert studio.asked() == ["Hello"]


def test_many_calls_at_once_render_once(studio: Studio) -> None:
    greenlets = [gevent.spawn(studio.prompts.path, Speech("Hello", "en")) for _ in range(20)]
    assert len({greenlet.get() for greenlet in greenlets}) == 1
    assert studio.asked() == ["Hello"]


def test_a_call_that_goes_away_takes_no_words_with_it(studio: Studio) -> None:
    impatient = gevent.spawn(studio.prompts.path, Speech("Hello", "en"))
    gevent.sleep(0)
    waiting = gevent.spawn(studio.prompts.path, Speech("Hello", "en"))
    gevent.sleep(0)
    impatient.kill()
    assert Path(waiting.get()).exists()
    assert studio.asked() == ["Hello"]


def test_each_text_and_language_has_its_own_file(studio: Studio) -> None:
    speeches = [Speech("Hi", "en"), Speech("Hi", "fr"), Speech("i", "enH"), Speech("hi", "en")]
    assert len({studio.prompts.path(speech) for speech in speeches}) == 4


def test_another_command_renders_anew(studio: Studio) -> None:
    other = studio.using(sys.executable, "-c", ENGINE + "#", str(studio.log), "{file}")
    assert other.path(Speech("Hi", "en")) != studio.prompts.path(Speech("Hi", "en"))


def test_the_switch_may_read_what_was_made(studio: Studio) -> None:
    before = os.umask(0o077)
    try:
        path = studio.prompts.path(Speech("Hello", "en"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644


def test_nothing_is_left_beside_the_files(studio: Studio) -> None:
    studio.prompts.path(Speech("Hello", "en"))
    with pytest.raises(PromptError):
        studio.using("false", "{file}").path(Speech("Hello", "en"))
    assert len(list((studio.sounds / "tts").iterdir())) == 1


def test_warming_renders_ahead_and_forgives(studio: Studio) -> None:
    wanted: list[Prompt] = [
        Speech("a", "en"),
        Recording("ab" * 32),
        Recording("../x"),
        Speech("b", "en"),
        Speech("a", "en"),
    ]
    studio.prompts.warm(wanted)
    assert sorted(studio.asked()) == ["a", "b"]
    with pytest.raises(PromptError):
        studio.prompts.require(wanted)
    studio.prompts.require([Speech("a", "en")])


@pytest.mark.parametrize(
    "text", ["$(touch pwned)", "; touch pwned", "-o /etc/passwd", "{file} {language}", "a\nb", "é 漢 \ud800"]
)
def test_text_is_one_argument_and_only_text(studio: Studio, text: str) -> None:
    command = SpeechCommand(("flite", "-t", "{text}", "-o", "{file}"))
    assert command.argv(text, "en", "/x.wav") == ["flite", "-t", text, "-o", "/x.wav"]


def test_text_as_an_argument_reaches_the_command(studio: Studio) -> None:
    prompts = studio.using(sys.executable, "-c", ENGINE, str(studio.log), "{file}", "{text}")
    prompts.path(Speech("$(id) {file} `id` 'x' \"y\"", "en"))
    assert studio.asked() == ["$(id) {file} `id` 'x' \"y\""]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (("false", "{file}"), "the speech command false failed (exit code 1): it said nothing"),
        (("sh", "-c", "echo one >&2; echo two >&2; exit 7", "{file}"), "failed (exit code 7): two"),
        (("true", "{file}"), "wrote no file"),
        (("sh", "-c", 'echo hello > "$0"', "{file}"), "not a WAV file"),
        (("no-such-engine", "{file}"), "could not be run"),
    ],
)
def test_a_command_that_fails(studio: Studio, template: tuple[str, ...], message: str) -> None:
    with pytest.raises(PromptError) as caught:
        studio.using(*template).path(Speech("Hello", "en"))
    assert message in str(caught.value)


def test_a_command_that_hangs_is_stopped(studio: Studio) -> None:
    stuck = studio.using("sh", "-c", "while :; do :; done", "{file}", timeout=0.2)
    with pytest.raises(PromptError, match=r"did not finish within 0\.2 s"):
        stuck.path(Speech("Hello", "en"))


@pytest.mark.parametrize("language", ["", "-o", "en;id", "../en", "english", "en en"])
def test_a_language_is_a_tag(studio: Studio, language: str) -> None:
    with pytest.raises(PromptError, match="not a language tag"):
        studio.prompts.path(Speech("Hello", language))


def test_our_passwords_are_not_the_engines_business(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FS_APP_ESL_PASSWORD", "secret")
    spy = studio.using("sh", "-c", 'echo "got [$FS_APP_ESL_PASSWORD]" >&2; exit 1', "{file}")
    with pytest.raises(PromptError, match=r"got \[\]"):
        spy.path(Speech("Hello", "en"))


@pytest.mark.parametrize("template", [(), ("{file}",), ("flite", "-t", "{text}")])
def test_a_command_that_could_never_work(template: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        SpeechCommand(template)


# -- recordings


def test_a_recording_is_fetched_once(studio: Studio) -> None:
    digest = studio.record(wav_bytes())
    greenlets = [gevent.spawn(studio.prompts.path, Recording(digest)) for _ in range(5)]
    (path,) = {greenlet.get() for greenlet in greenlets}
    assert path == str(studio.sounds / "audio" / f"{digest}.wav") == studio.prompts.path(Recording(digest))
    assert Path(path).read_bytes() == wav_bytes()
    assert studio.fetched == [digest]


def test_a_recording_keeps_its_format(studio: Studio) -> None:
    digest = studio.record(b"OggS and so on", "OGG")
    assert studio.prompts.path(Recording(digest)) == studio.prompts.path(Recording(digest))
    assert studio.prompts.path(Recording(digest)).endswith(f"{digest}.ogg")
    assert studio.fetched == [digest]


def test_recordings_that_cannot_be_played(studio: Studio) -> None:
    damaged = studio.record(wav_bytes())
    studio.recordings[damaged] = (wav_bytes(b"\1" * 320), "wav")
    wrong = [
        damaged,
        studio.record(b"not sound"),
        studio.record(b"MZ", "exe"),
        studio.record(wav_bytes(b"")),
        "cd" * 32,
    ]
    for digest in wrong:
        with pytest.raises(PromptError, match=r"upload it again|cannot be played"):
            studio.prompts.path(Recording(digest))
    assert list((studio.sounds / "audio").iterdir()) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "AB" * 32, "ab" * 31, "ab" * 32 + "\n"])
def test_a_recording_is_named_by_its_hash_only(studio: Studio, name: str) -> None:
    with pytest.raises(PromptError, match="not the SHA-256"):
        studio.prompts.path(Recording(name))


# -- the apology


@pytest.mark.parametrize(
    ("language", "spoken"), [("en", "en"), ("fr-BE", "fr"), ("DE_at", "de"), ("es", "es"), ("pl", "en")]
)
def test_the_apology_needs_no_engine(studio: Studio, language: str, spoken: str) -> None:
    path = studio.using("no-such-engine", "{file}").apology(language)
    assert path == str(studio.sounds / f"apology-{spoken}.wav")
    with wave.open(path) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 8000)
        assert wav.getnframes() > 2 * 8000


def test_a_sounds_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PromptError, match="cannot be written"):
        Prompts(tmp_path / "file" / "sounds", Voices(), NO_RECORDINGS.__getitem__, ThreadPool(1))


# -- the embedded voice, for real


def loudness(path: str) -> float:
    with wave.open(path) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 8000)
        samples = array("h", wav.readframes(wav.getnframes()))
    return math.sqrt(sum(s * s for s in samples) / len(samples))


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "You have an appointment tomorrow."), ("en-us", "Hello"), ("fr", "À demain."), ("de", "Schönen Tag.")],
)
def test_the_default_command_speaks(studio: Studio, language: str, text: str) -> None:
    spoken = Prompts(studio.sounds, Voices(), studio.load, studio.threads).path(Speech(text, language))
    assert loudness(spoken) > 500


def test_the_default_command_does_not_obey_the_text(studio: Studio) -> None:
    prompts = Prompts(studio.sounds, Voices(), studio.load, studio.threads)
    paths = [prompts.path(Speech(text, "en")) for text in ("one <break time='9s'/> two", "one two")]
    long, short = (os.path.getsize(path) for path in paths)
    assert long - short < 9 * 16000


@pytest.mark.parametrize(("language", "words"), [("xx", "no voice for 'xx'"), ("../en", "not a language tag")])
def test_a_language_without_a_voice(tmp_path: Path, language: str, words: str) -> None:
    argv = [sys.executable, "-m", "ivr.espeak", "--language", language, "--output", str(tmp_path / "x.wav")]
    done = subprocess.run(argv, input=b"Hello", capture_output=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert not (tmp_path / "x.wav").exists()


def test_without_the_package_it_says_what_to_install(tmp_path: Path) -> None:
    # A directory of that name without the package's contents comes first on the path.
    (tmp_path / "espeakng_loader.py").write_text("raise ImportError('not here')")
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    argv = [sys.executable, "-P", "-m", "ivr.espeak", "--output", str(tmp_path / "x.wav")]
    env = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(argv, input=b"Hello", capture_output=True, check=False, env=env)
    assert done.returncode == 2
    assert done.stderr.decode() == "espeak-ng is not installed: pip install 'fs-app[voice]'\n"


def sine(hertz: float, rate: int = 22050, count: int = 3000) -> list[int]:
    return [round(10000 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(count)]


def rms(samples: list[int]) -> float:
    return math.sqrt(sum(s * s for s in samples) / len(samples))


@pytest.mark.parametrize("hertz", [100, 440, 1000, 3000])
def test_what_a_telephone_carries_stays(hertz: float) -> None:
    assert rms(list(resample(sine(hertz), 22050))[60:-60]) == pytest.approx(10000 / math.sqrt(2), rel=0.02)


@pytest.mark.parametrize("hertz", [4500, 5000, 7000, 10000])
def test_what_it_cannot_carry_does_not_come_back_as_noise(hertz: float) -> None:
    assert rms(list(resample(sine(hertz), 22050))[60:-60]) < 30  # 47 dB down


@given(st.lists(st.integers(-32768, 32767), max_size=400))
def test_resampling_keeps_length_and_range(samples: list[int]) -> None:
    assert len(resample(samples, 22050)) == len(samples) * RATE // 22050
    assert list(resample(samples, RATE)) == samples
