"""The sounds that are kept: the latest ones, up to a size, and all that a call may be playing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ivr.dialogue import Speech
from ivr.prompt_files import PromptFiles
from ivr.sound_cache import SoundCache
from ivr.speech_command import SpeechCommand
from ivr.voices import Voices
from tests.sounds import wav

KIB = 1024


def sound(room: Path, name: str, age: float, size: int = KIB) -> Path:
    path = room / name
    path.write_bytes(bytes(size))
    now = path.stat().st_mtime
    os.utime(path, (now - age, now - age))
    return path


def left(room: Path) -> set[str]:
    return {path.name for path in room.iterdir()}


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = SoundCache([tmp_path], limit=10 * KIB, in_use=60)
    for n in range(10):
        sound(tmp_path, f"{n}.wav", age=1000 - n)
    assert cache.use(str(tmp_path / "0.wav"))
    cache.added(str(sound(tmp_path, "new.wav", age=0)))
    assert left(tmp_path) == {"0.wav", "new.wav", *(f"{n}.wav" for n in range(3, 10))}


def test_what_a_call_may_be_playing_stays_whatever_the_limit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = SoundCache([tmp_path], limit=2 * KIB, in_use=600)
    for n in range(5):
        sound(tmp_path, f"{n}.wav", age=500)
    cache.added(str(sound(tmp_path, "new.wav", age=0)))
    assert len(left(tmp_path)) == 6
    assert "FS_APP_SOUNDS_LIMIT" in caplog.text


def test_a_file_being_written_stays_and_an_abandoned_one_goes(tmp_path: Path) -> None:
    cache = SoundCache([tmp_path], limit=2 * KIB, in_use=60)
    sound(tmp_path, ".fresh.wav", age=900)
    sound(tmp_path, ".old.wav", age=9000)
    sound(tmp_path, "old.wav", age=800)
    cache.added(str(sound(tmp_path, "new.wav", age=0)))
    assert left(tmp_path) == {".fresh.wav", "new.wav"}


def test_both_rooms_count(tmp_path: Path) -> None:
    rooms = [tmp_path / "a", tmp_path / "b"]
    for room in rooms:
        room.mkdir()
        sound(room, "old.wav", age=1000)
    SoundCache(rooms, limit=2 * KIB, in_use=60).added(str(sound(rooms[0], "new.wav", age=0)))
    assert left(rooms[0]) | left(rooms[1]) == {"new.wav"}


def test_what_others_add_is_found_out(tmp_path: Path) -> None:
    cache = SoundCache([tmp_path], limit=20 * KIB, in_use=60)
    cache.added(str(sound(tmp_path, "first.wav", age=1000, size=1)))
    for n in range(200):  # another process, which never looks
        sound(tmp_path, f"other-{n}.wav", age=1000)
    for n in range(102):
        cache.added(str(sound(tmp_path, f"mine-{n}.wav", age=0, size=1)))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20 * KIB


def test_a_file_that_is_not_there_is_not_used(tmp_path: Path) -> None:
    cache = SoundCache([tmp_path], limit=KIB, in_use=60)
    assert not cache.use(str(tmp_path / "none.wav"))
    cache.added(str(tmp_path / "none.wav"))  # gone before it was counted: nothing to do


def test_speech_that_went_is_spoken_again(tmp_path: Path) -> None:
    source = tmp_path / "words.wav"
    source.write_bytes(wav(bytes(8000)))
    voices = Voices(SpeechCommand(("cp", str(source), "{file}")))
    files = PromptFiles(tmp_path / "sounds", voices, limit=20_000, in_use=0.0)
    paths = [files.render(Speech(f"number {n}", "en")) for n in range(6)]
    assert len(left(tmp_path / "sounds" / "tts")) <= 2
    assert files.existing(Speech("number 0", "en")) is None
    assert files.render(Speech("number 0", "en")) == paths[0]
    assert Path(paths[0]).exists()


def test_another_engine_for_a_language_speaks_anew(tmp_path: Path) -> None:
    source = tmp_path / "words.wav"
    source.write_bytes(wav(bytes(80)))
    copy = SpeechCommand(("cp", str(source), "{file}"))
    other = SpeechCommand(("cp", "--", str(source), "{file}"))
    first = PromptFiles(tmp_path / "sounds", Voices(copy)).render(Speech("hi", "fr"))
    files = PromptFiles(tmp_path / "sounds", Voices(copy, {"fr": other}))
    assert files.existing(Speech("hi", "fr")) is None
    assert files.render(Speech("hi", "fr")) != first
    assert files.existing(Speech("hi", "en")) is None
