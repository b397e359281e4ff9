"""Prompts as files the switch can play: recordings fetched once, words rendered once, both named by their content.

    <sounds>/audio/<sha256 of the bytes>.wav         recordings
    <sounds>/tts/<sha256 of command, language, text>.wav
    <sounds>/apology-<language>.wav                  ready from the start, whatever breaks later

Files appear whole (written beside, then renamed) and are readable by the switch's own user. Several processes may
share the directory.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import gevent
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from fs_app.errors import PromptError
from ivr.dialogue import Prompt, Recording, Speech
from ivr.speech_command import SpeechCommand, is_wav
from ivr.words import base_language

log = logging.getLogger(__name__)

LoadAudio = Callable[[str], tuple[bytes, str]]
"""``load_audio(sha256)`` answers (bytes, file extension); cooperative. Raises KeyError for an unknown recording."""

# What mod_sndfile plays; mp3 needs mod_shout.
EXTENSIONS = ("wav", "au", "aiff", "flac", "ogg", "oga", "gsm", "mp3")
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PACKAGED = Path(__file__).with_name("sounds")
_RENDERERS = 4  # threads of the shared pool that speech may hold at once: a hanging engine must not starve the rest


class Prompts:
    """Turns prompts into paths. Every method is for greenlets; nothing slow happens in the loop.

    ``sounds`` is a directory the switch can read under the same path.
    """

    def __init__(self, sounds: Path, tts: SpeechCommand, load_audio: LoadAudio, threads: ThreadPool) -> None:
        """Makes the directories and puts the apologies into place. Raises PromptError when it cannot."""
        self._sounds = sounds.absolute()
        self._tts = tts
        self._load_audio = load_audio
        self._threads = threads
        self._renderers = BoundedSemaphore(_RENDERERS)
        self._making: dict[str, gevent.Greenlet[..., str | PromptError]] = {}
        self._apologies: dict[str, str] = {}
        try:
            for room in ("audio", "tts"):
                (self._sounds / room).mkdir(parents=True, exist_ok=True)
            for packaged in sorted(_PACKAGED.glob("apology-*.wav")):
                path = str(self._sounds / packaged.name)
                _write_whole(path, packaged.read_bytes())
                self._apologies[packaged.stem.removeprefix("apology-")] = path
        except OSError as error:
            raise PromptError(f"the sounds directory {self._sounds} cannot be written: {error}") from error

    def path(self, prompt: Prompt) -> str:
        """The absolute path of a file with that sound in it, made now if there is none yet.

        Requests for one prompt at one time make it once. Raises PromptError.
        """
        ready = self._existing(prompt)
        if ready is not None:
            return ready
        made = self._make(prompt).get()
        if isinstance(made, PromptError):
            raise PromptError(*made.args) from made
        return made

    def require(self, prompts: Iterable[Prompt]) -> None:
        """Make what is missing of these, all at once. Raises PromptError when one of them cannot be made."""
        for error in self._failures(prompts):
            raise error

    def warm(self, prompts: Iterable[Prompt]) -> None:
        """As :meth:`require`, but failures are only logged; ``path`` will raise them when the sound is needed."""
        for error in self._failures(prompts):
            log.warning("a prompt could not be made ahead of time: %s", error)

    def apology(self, language: str) -> str:
        """The path of "We are sorry. This call cannot be completed. Goodbye.", in English where we lack the language.

        It needs no speech engine, no database and no disk but the one that was there at the start.
        """
        return self._apologies.get(base_language(language)) or self._apologies["en"]

    def _failures(self, prompts: Iterable[Prompt]) -> list[PromptError]:
        failures: list[PromptError] = []
        making = []
        for prompt in prompts:
            try:
                if self._existing(prompt) is None:
                    making.append(self._make(prompt))
            except PromptError as error:
                failures.append(error)
        return failures + [made for made in (greenlet.get() for greenlet in making) if isinstance(made, PromptError)]

    # ---- one prompt

    def _existing(self, prompt: Prompt) -> str | None:
        if isinstance(prompt, Speech):
            candidates = [self._speech_path(prompt)]
        else:
            if not _SHA256.fullmatch(prompt.sha256):
                raise PromptError(f"{prompt.sha256[:80]!r} is not the SHA-256 of a recording")
            candidates = [str(self._sounds / "audio" / f"{prompt.sha256}.{ext}") for ext in EXTENSIONS]
        return next((path for path in candidates if os.path.exists(path)), None)

    def _speech_path(self, speech: Speech) -> str:
        # The parts are told apart by their lengths: no text can pass for another text in another language.
        parts = [*self._tts.template, speech.language, speech.text]
        name = hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass"))
        return str(self._sounds / "tts" / f"{name.hexdigest()}.wav")

    def _make(self, prompt: Prompt) -> gevent.Greenlet[..., str | PromptError]:
        key = repr(prompt)
        making = self._making.get(key)
        if making is None:
            # A greenlet of its own: when the call that asked first is gone, others still get their sound.
            making = self._making[key] = gevent.spawn(self._made, key, prompt)
        return making

    def _made(self, key: str, prompt: Prompt) -> str | PromptError:
        try:
            if isinstance(prompt, Speech):
                with self._renderers:
                    return str(self._threads.apply(_render, (self._tts, prompt, self._speech_path(prompt))))
            return self._fetch(prompt)
        except PromptError as error:
            return error
        except Exception as error:
            log.exception("unexpected failure while making a prompt")
            return PromptError(f"the prompt could not be made: {type(error).__name__}: {error}")
        finally:
            del self._making[key]

    def _fetch(self, recording: Recording) -> str:
        try:
            content, extension = self._load_audio(recording.sha256)
        except KeyError:
            raise PromptError(f"the recording {recording.sha256} is not on file: upload it again") from None
        extension = extension.lower().lstrip(".")
        if extension not in EXTENSIONS:
            raise PromptError(f"a recording of type {extension!r} cannot be played: use one of {', '.join(EXTENSIONS)}")
        path = str(self._sounds / "audio" / f"{recording.sha256}.{extension}")
        self._threads.apply(_store, (recording.sha256, content, extension, path))
        return path


# ---- in native threads


def _render(tts: SpeechCommand, speech: Speech, path: str) -> str:
    if os.path.exists(path):  # another process was quicker
        return path
    beside = os.path.join(os.path.dirname(path), f".{uuid.uuid4().hex}.wav")
    try:
        tts.render(speech.text, speech.language, beside)
        _publish(beside, path)
    except OSError as error:
        raise PromptError(f"the sound could not be written: {error}") from error
    finally:
        if os.path.exists(beside):
            os.unlink(beside)
    return path


def _store(sha256: str, content: bytes, extension: str, path: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PromptError(f"the recording {sha256} is damaged: its bytes no longer match its name; upload it again")
    if extension == "wav" and not is_wav(content[:4096], len(content)):
        raise PromptError(f"the recording {sha256} is not a WAV file with sound in it: upload it again")
    try:
        _write_whole(path, content)
    except OSError as error:
        raise PromptError(f"the recording could not be written: {error}") from error


def _write_whole(path: str, content: bytes) -> None:
    beside = os.path.join(os.path.dirname(path), f".{uuid.uuid4().hex}")
    try:
        with open(beside, "xb") as file:
            file.write(content)
        _publish(beside, path)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)


def _publish(beside: str, path: str) -> None:
    # Whatever umask the engine ran under: the switch, another user, has to read it.
    os.chmod(beside, 0o644)
    os.replace(beside, path)
