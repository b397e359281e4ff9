"""The files behind the prompts: where each lies, how it is made, and the apologies that are always there.

    <sounds>/audio/<sha256 of the bytes>.wav         recordings
    <sounds>/tts/<sha256 of command, language, text>.wav
    <sounds>/apology-<language>.wav                  ready from the start, whatever breaks later
    <sounds>/no-message-<language>.wav               for callers for whom nothing waits; as ready
    <sounds>/recordings/<name>.wav                   written by the switch, until the database has it

Files appear whole (written beside, then renamed) and are readable by the switch's own user. Several processes may
share the directory. Everything here blocks its thread and knows of no loop: it also serves inside FreeSWITCH.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from pathlib import Path

from fs_app.errors import PromptError
from ivr.dialogue import Prompt, Recording, Speech
from ivr.sound_cache import SoundCache
from ivr.speech_command import is_wav
from ivr.voices import SwitchVoice, Voices
from ivr.words import base_language

# What mod_sndfile plays; mp3 needs mod_shout.
EXTENSIONS = ("wav", "au", "aiff", "flac", "ogg", "oga", "gsm", "mp3")
LIMIT = 1024**3  # bytes
IN_USE = 4 * 3600.0 + 600  # seconds; no call is longer than FS_APP_TIME_LIMIT can be
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RECORDABLE = re.compile(r"(/[A-Za-z0-9_.\-]+)+", re.ASCII)  # what the switch's record application takes
_PACKAGED = Path(__file__).with_name("sounds")


class PromptFiles:
    """``sounds`` is a directory the switch can read under the same path."""

    def __init__(self, sounds: Path, voices: Voices, *, limit: int = LIMIT, in_use: float = IN_USE) -> None:
        """Makes the directories and puts the apologies into place. Raises PromptError when it cannot.

        ``limit`` is in bytes, ``in_use`` in seconds: see ivr.sound_cache.
        """
        self._sounds = sounds.absolute()
        self._voices = voices
        self._cache = SoundCache([self._sounds / "audio", self._sounds / "tts"], limit, in_use)
        self._ready: dict[str, str] = {}  # name -> path of what is in place from the start
        try:
            for room in ("audio", "tts"):
                (self._sounds / room).mkdir(parents=True, exist_ok=True)
            _make_recordings(self._sounds / "recordings")
            for packaged in sorted(_PACKAGED.glob("*.wav")):
                path = str(self._sounds / packaged.name)
                _write_whole(path, packaged.read_bytes())
                self._ready[packaged.stem] = path
        except OSError as error:
            raise PromptError(f"the sounds directory {self._sounds} cannot be written: {error}") from error

    def apology(self, language: str) -> str:
        """The path of "We are sorry. This call cannot be completed. Goodbye.", in English where we lack the language.

        It needs no speech engine, no database and no disk but the one that was there at the start.
        """
        return self._in_place("apology", language)

    def no_message(self, language: str) -> str:
        """The path of "Thank you for calling. There is no message waiting for this number. Goodbye."; as the apology
        it needs nothing that could break."""
        return self._in_place("no-message", language)

    def _in_place(self, name: str, language: str) -> str:
        return self._ready.get(f"{name}-{base_language(language)}") or self._ready[f"{name}-en"]

    def recording(self, name: str) -> str:
        """The absolute path of a recording still to be made. Raises PromptError where the switch could not write it."""
        path = str(self._sounds / "recordings" / f"{name}.wav")
        if not _RECORDABLE.fullmatch(path):
            raise PromptError(
                f"{path} cannot be recorded into: FS_APP_SOUNDS must be a path of letters, digits, . _ - and /"
            )
        return path

    def existing(self, prompt: Prompt, *, file: bool = False) -> str | None:
        """The absolute path where the prompt lies ready, or None. Raises PromptError for what cannot be one.

        What the switch's own engine speaks is always ready, as a path for ``Channel.play`` alone; ``file`` wants one
        that can be played everywhere.
        """
        if isinstance(prompt, Speech):
            voice = self._voices.of(prompt.language)
            if isinstance(voice, SwitchVoice) and not file:
                return voice.path(prompt.text)
            candidates = [self._speech_path(prompt)]
        else:
            if not _SHA256.fullmatch(prompt.sha256):
                raise PromptError(f"{prompt.sha256[:80]!r} is not the SHA-256 of a recording")
            candidates = [str(self._sounds / "audio" / f"{prompt.sha256}.{ext}") for ext in EXTENSIONS]
        return next((path for path in candidates if self._cache.use(path)), None)

    def render(self, speech: Speech) -> str:
        """Have the words spoken into their file, unless they are there. Raises PromptError."""
        path = self._speech_path(speech)
        if self._cache.use(path):  # another process was quicker
            return path
        beside = os.path.join(os.path.dirname(path), f".{uuid.uuid4().hex}.wav")
        try:
            self._voices.rendering(speech.language).render(speech.text, speech.language, beside)
            _publish(beside, path)
        except OSError as error:
            raise PromptError(f"the sound could not be written: {error}") from error
        finally:
            if os.path.exists(beside):
                os.unlink(beside)
        self._cache.added(path)
        return path

    def keep(self, recording: Recording, content: bytes, extension: str) -> str:
        """Put a recording into its file, if it is what it says it is. Raises PromptError."""
        sha256 = recording.sha256
        extension = extension.lower().lstrip(".")
        if extension not in EXTENSIONS:
            raise PromptError(f"a recording of type {extension!r} cannot be played: use one of {', '.join(EXTENSIONS)}")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise PromptError(f"the recording {sha256} is damaged: its bytes no longer match its name; upload it again")
        if extension == "wav" and not is_wav(content[:4096], len(content)):
            raise PromptError(f"the recording {sha256} is not a WAV file with sound in it: upload it again")
        path = str(self._sounds / "audio" / f"{sha256}.{extension}")
        try:
            _write_whole(path, content)
        except OSError as error:
            raise PromptError(f"the recording could not be written: {error}") from error
        self._cache.added(path)
        return path

    def _speech_path(self, speech: Speech) -> str:
        # The parts are told apart by their lengths: no text can pass for another text in another language.
        parts = [*self._voices.rendering(speech.language).voice, speech.language, speech.text]
        name = hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass"))
        return str(self._sounds / "tts" / f"{name.hexdigest()}.wav")


def _make_recordings(folder: Path) -> None:
    """The folder into which the switch, another user, writes: nobody but its owner lists it or takes files out."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(0o1733)  # whatever umask we run under


def missing_recording(sha256: str) -> PromptError:
    """What to raise for a recording that is not on file."""
    return PromptError(f"the recording {sha256} is not on file: upload it again")


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
