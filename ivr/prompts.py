"""Prompts for greenlets: a path for each, made once however many ask, without ever stopping the loop.

The files themselves, and how they are made, are in ivr/prompt_files.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import gevent
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from fs_app.errors import PromptError
from ivr.dialogue import Prompt, Recording, Speech
from ivr.prompt_files import IN_USE, LIMIT, PromptFiles, missing_recording
from ivr.voices import Voices

log = logging.getLogger(__name__)

LoadAudio = Callable[[str], tuple[bytes, str]]
"""``load_audio(sha256)`` answers (bytes, file extension); cooperative. Raises KeyError for an unknown recording."""

_RENDERERS = 4  # threads of the shared pool that speech may hold at once: a hanging engine must not starve the rest


class Prompts:
    """Turns prompts into paths. Every method is for greenlets; nothing slow happens in the loop.

    ``sounds`` is a directory the switch can read under the same path; ``limit`` is how many bytes it may
    hold, ``in_use`` for how many seconds after its last use a file stays whatever the limit.
    """

    def __init__(
        self,
        sounds: Path,
        voices: Voices,
        load_audio: LoadAudio,
        threads: ThreadPool,
        *,
        limit: int = LIMIT,
        in_use: float = IN_USE,
    ) -> None:
        """Makes the directories and puts the apologies into place. Raises PromptError when it cannot."""
        self._files = PromptFiles(sounds, voices, limit=limit, in_use=in_use)
        self._load_audio = load_audio
        self._threads = threads
        self._renderers = BoundedSemaphore(_RENDERERS)
        self._making: dict[str, gevent.Greenlet[..., str | PromptError]] = {}

    def path(self, prompt: Prompt) -> str:
        """The absolute path of a file with that sound in it, made now if there is none yet.

        Requests for one prompt at one time make it once. Raises PromptError.
        """
        return self._found(prompt, file=False)

    def file(self, prompt: Prompt) -> str:
        """The same as a file on disk, even where the switch itself would speak. Raises PromptError."""
        return self._found(prompt, file=True)

    def _found(self, prompt: Prompt, *, file: bool) -> str:
        ready = self._files.existing(prompt, file=file)
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

    def recording(self, name: str) -> str:
        """Where the switch writes a recording: see :meth:`PromptFiles.recording`."""
        return self._files.recording(name)

    def apology(self, language: str) -> str:
        """The path of the apology, which needs nothing that could break: see :meth:`PromptFiles.apology`."""
        return self._files.apology(language)

    def no_message(self, language: str) -> str:
        """The path of what callers hear for whom nothing waits: see :meth:`PromptFiles.no_message`."""
        return self._files.no_message(language)

    def _failures(self, prompts: Iterable[Prompt]) -> list[PromptError]:
        failures: list[PromptError] = []
        making = []
        for prompt in prompts:
            try:
                if self._files.existing(prompt) is None:
                    making.append(self._make(prompt))
            except PromptError as error:
                failures.append(error)
        return failures + [made for made in (greenlet.get() for greenlet in making) if isinstance(made, PromptError)]

    # ---- one prompt

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
                    return str(self._threads.apply(self._files.render, (prompt,)))
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
            raise missing_recording(recording.sha256) from None
        return str(self._threads.apply(self._files.keep, (recording, content, extension)))
