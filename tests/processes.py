"""Our own processes under test: started for real, watched through their output, killed for real.

A thread reads what each says as it says it: a process whose pipe is full stops in the middle of a log line, and its
calls with it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from queue import Queue

PATIENCE = 90.0  # seconds that a line may take to come; a claim given back waits for 60


class Process:
    """A command of ours. :meth:`line` waits for what it says; nothing here sleeps. ``news`` gets every line, too."""

    def __init__(self, args: list[str], env: Mapping[str, str], news: Queue[str] | None = None) -> None:
        self._told = news
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FS_APP_")}
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "fs_app", *args],
            env={**inherited, **env, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.said: list[str] = []
        self._news = threading.Condition()
        self._seen = 0  # lines that :meth:`matching` has been past
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for raw in self._popen.stdout:
            with self._news:
                self.said.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()
            if self._told is not None:
                self._told.put(self.said[-1])
        with self._news:
            self._ended = True
            self._news.notify_all()

    def line(self, *words: str, patience: float = PATIENCE) -> str:
        """The next line that holds all ``words``. Fails with everything said so far when none comes."""
        return self.matching(lambda text: all(w in text for w in words), f"{words}", patience)

    def matching(self, wanted: Callable[[str], bool], name: str = "such a line", patience: float = PATIENCE) -> str:
        deadline = time.monotonic() + patience
        with self._news:
            while True:
                while self._seen < len(self.said):
                    self._seen += 1
                    if wanted(self.said[self._seen - 1]):
                        return self.said[self._seen - 1]
                if self._ended:
                    raise AssertionError(f"ended before it said {name}:\n" + "\n".join(self.said))
                if not self._news.wait(max(deadline - time.monotonic(), 0.0)) and time.monotonic() >= deadline:
                    raise AssertionError(f"{name} was not said within {patience:g} s:\n" + "\n".join(self.said))

    def so_far(self) -> list[str]:
        """Every line said up to now."""
        with self._news:
            return list(self.said)

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """SIGKILL: no goodbye, no clean-up."""
        self.signal(signal.SIGKILL)
        self._popen.wait(10)

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit code, once it has ended by itself; all it said is then in ``said``."""
        code = self._popen.wait(patience)
        self._reader.join(patience)
        return code

    def close(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait(10)
        if self._popen.stdout is not None:
            self._popen.stdout.close()


def free_port() -> int:
    """A port that nobody listens on. For the outbound socket of a server that is killed and started again: the calls
    that are up know its number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
