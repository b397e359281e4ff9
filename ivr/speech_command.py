"""The command that turns words into a WAV file: flite, pico2wave, piper …, or our own ``python -m ivr.espeak``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from fs_app.errors import ConfigError, PromptError


def _python() -> str:
    """The interpreter of this version and environment. Inside FreeSWITCH ``sys.executable`` is any python3 in PATH."""
    found = Path(sys.prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    return str(found) if found.exists() else sys.executable


DEFAULT_TEMPLATE = (_python(), "-m", "ivr.espeak", "--language", "{language}", "--output", "{file}")

_PLACEHOLDER = re.compile(r"\{(text|language|file)\}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class SpeechCommand:
    """A list of arguments holding ``{file}`` and perhaps ``{language}`` and ``{text}``; never a shell line.

    Without ``{text}`` the words go to standard input, in UTF-8. ``timeout`` is in seconds.

    >>> SpeechCommand(("flite", "-t", "{text}", "-o", "{file}")).argv("Hello {file}", "en", "/tmp/x.wav")
    ['flite', '-t', 'Hello {file}', '-o', '/tmp/x.wav']

    Raises ConfigError when the list could never work.
    """

    template: tuple[str, ...] = field(default=DEFAULT_TEMPLATE)
    timeout: float = 20.0

    def __post_init__(self) -> None:
        if not self.template or _PLACEHOLDER.search(self.template[0]):
            raise ConfigError("the speech command must start with the program to run")
        if not any("{file}" in part for part in self.template):
            raise ConfigError("the speech command must hold {file}, the path of the WAV file to write")

    @property
    def voice(self) -> tuple[str, ...]:
        """What makes two commands speak alike: the words of the list. The built-in voice is one, whoever's Python
        runs it, so that what the scheduler has made is found inside FreeSWITCH."""
        return self.template[1:] if self.template == DEFAULT_TEMPLATE else self.template

    def argv(self, text: str, language: str, file: str) -> list[str]:
        """The arguments. What stands in the text is never looked at again."""
        values = {"text": text, "language": language, "file": file}
        return [_PLACEHOLDER.sub(lambda m: values[m.group(1)], part) for part in self.template]

    def render(self, text: str, language: str, file: str) -> None:
        """Run the command and check that ``file`` is a WAV with sound in it. Blocks: call it in a native thread.

        Raises PromptError with the last line of the command's stderr.
        """
        if not _LANGUAGE.fullmatch(language):
            raise PromptError(f"{language!r} is not a language tag: write it like en, en-us, es, fr or de")
        text = text.replace("\0", " ")
        words = None if any("{text}" in part for part in self.template) else text.encode("utf-8", "replace")
        # Our own settings hold passwords; a speech engine needs none of them.
        env = {name: value for name, value in os.environ.items() if not name.startswith("FS_APP_")}
        program = self.template[0]
        try:
            # The standard subprocess, in a native thread: gevent's forks the whole server in the loop, and its SIGCHLD
            # handler would take exit codes away from this one. Nothing in this process may use it.
            # The arguments are a list built by the administrator's template: no shell ever sees the text.
            done = subprocess.run(  # noqa: S603
                self.argv(text, language, file),
                input=b"" if words is None else words,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=self.timeout,
                env=env,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PromptError(f"the speech command {program} did not finish within {self.timeout:g} s") from None
        except (OSError, ValueError) as error:
            raise PromptError(f"the speech command {program} could not be run: {error}") from error
        if done.returncode != 0:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            said = lines[-1].strip() if lines else "it said nothing"
            raise PromptError(f"the speech command {program} failed (exit code {done.returncode}): {said}")
        try:
            with open(file, "rb") as made:
                content = made.read(4096)
                size = os.fstat(made.fileno()).st_size
        except OSError:
            raise PromptError(f"the speech command {program} wrote no file") from None
        if not is_wav(content, size):
            raise PromptError(f"the speech command {program} wrote something that is not a WAV file with sound in it")


def spoken(command: SpeechCommand, text: str, language: str) -> bytes:
    """WAVE bytes of ``text``, kept nowhere: for listening to words before anybody is called. Blocks.

    Raises PromptError.
    """
    with tempfile.TemporaryDirectory(prefix="fs-app-speech-") as home:
        file = os.path.join(home, "words.wav")
        command.render(text, language, file)
        with open(file, "rb") as made:
            return made.read()


def is_wav(head: bytes, size: int) -> bool:
    """Whether a file of ``size`` bytes that starts with ``head`` is a WAV holding samples."""
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return False
    data = head.find(b"data", 12)
    return data >= 0 and data + 8 < size
