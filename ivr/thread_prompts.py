"""Prompts for native threads, where there is no loop: the same files, made in threads of their own."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future

from fs_app.errors import PromptError
from ivr.dialogue import Prompt, Speech
from ivr.prompt_files import PromptFiles, missing_recording

log = logging.getLogger(__name__)


class ThreadPrompts:
    """Turns prompts into paths. ``makers`` runs what is slow; ``load_audio`` is the journal's, and may block."""

    def __init__(self, files: PromptFiles, load_audio: Callable[[str], tuple[bytes, str]], makers: Executor) -> None:
        self._files = files
        self._load_audio = load_audio
        self._makers = makers
        self._lock = threading.Lock()
        self._making: dict[Prompt, Future[str]] = {}
        self.apology = files.apology
        self.no_message = files.no_message
        self.recording = files.recording

    def path(self, prompt: Prompt) -> str:
        """The file with that sound, made now if there is none. Raises PromptError."""
        return self._files.existing(prompt) or _result(self._make(prompt))

    def file(self, prompt: Prompt) -> str:
        """The same as a file on disk, even where the switch itself would speak. Raises PromptError."""
        return self._files.existing(prompt, file=True) or _result(self._make(prompt))

    def require(self, prompts: Iterable[Prompt]) -> None:
        """Make what is missing of these, all at once. Raises PromptError when one of them cannot be made."""
        for made in [self._make(prompt) for prompt in prompts if self._files.existing(prompt) is None]:
            _result(made)

    def warm(self, prompts: Iterable[Prompt]) -> None:
        """Start to make what is missing of these, and return at once; ``path`` finds them, or raises their failure."""
        for prompt in prompts:
            try:
                if self._files.existing(prompt) is None:
                    self._make(prompt).add_done_callback(_log_failure)
            except PromptError as error:
                log.warning("a prompt could not be made ahead of time: %s", error)

    def _make(self, prompt: Prompt) -> Future[str]:
        with self._lock:
            making = self._making.get(prompt)
            if making is None:
                making = self._making[prompt] = self._makers.submit(self._made, prompt)
                making.add_done_callback(lambda _made: self._forget(prompt))
            return making

    def _forget(self, prompt: Prompt) -> None:
        self._making.pop(prompt, None)

    def _made(self, prompt: Prompt) -> str:
        try:
            if isinstance(prompt, Speech):
                return self._files.render(prompt)
            try:
                content, extension = self._load_audio(prompt.sha256)
            except KeyError:
                raise missing_recording(prompt.sha256) from None
            return self._files.keep(prompt, content, extension)
        except PromptError:
            raise
        except Exception as error:
            log.exception("unexpected failure while making a prompt")
            raise PromptError(f"the prompt could not be made: {type(error).__name__}: {error}") from error


def _result(made: Future[str]) -> str:
    error = made.exception()
    if error is not None:
        # An error of this call's own: the other may be raised in several calls, and its traceback would grow.
        raise PromptError(*error.args) from error
    return made.result()


def _log_failure(made: Future[str]) -> None:
    error = made.exception()
    if error is not None:
        log.warning("a prompt could not be made ahead of time: %s", error)


def ordinary_priority() -> None:
    """For the threads that make sounds: what they start must never compete with the switch's media threads, whose
    real-time priority they would inherit (Linux keeps both values by thread)."""
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, max(0, os.getpriority(os.PRIO_PROCESS, 0)))
    except OSError as error:
        log.info("speech keeps the switch's priority: %s", error)
