"""Our own processes under test: started for real, watched through their output, killed for real."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

PATIENCE = 90.0  # seconds that a line may take to come; a claim given back waits for 60


class Process:
    """A command of ours. :meth:`line` waits for what it says; nothing here sleeps."""

    def __init__(self, args: list[str], env: Mapping[str, str]) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FS_APP_")}
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "fs_app", *args],
            env={**inherited, **env, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._popen.stdout is not None
        self._fd = self._popen.stdout.fileno()
        self._pending = b""
        self.said: list[str] = []

    def line(self, *words: str, patience: float = PATIENCE) -> str:
        """The next line that holds all ``words``. Fails with everything said so far when none comes."""
        return self.matching(lambda text: all(w in text for w in words), f"{words}", patience)

    def matching(self, wanted: Callable[[str], bool], name: str = "such a line", patience: float = PATIENCE) -> str:
        deadline = time.monotonic() + patience
        while True:
            while b"\n" in self._pending:
                raw, self._pending = self._pending.split(b"\n", 1)
                text = raw.decode("utf-8", "replace")
                self.said.append(text)
                if wanted(text):
                    return text
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                raise AssertionError(f"{name} was not said within {patience:g} s:\n" + "\n".join(self.said))
            data = os.read(self._fd, 65_536)
            if not data:
                raise AssertionError(f"ended before it said {name}:\n" + "\n".join(self.said))
            self._pending += data

    def so_far(self) -> list[str]:
        """Every line said up to now."""
        while select.select([self._fd], [], [], 0)[0] and (data := os.read(self._fd, 65_536)):
            self._pending += data
        *lines, self._pending = self._pending.split(b"\n")
        self.said += [line.decode("utf-8", "replace") for line in lines]
        return self.said

    def kill(self) -> None:
        """SIGKILL: no goodbye, no clean-up."""
        self.signal(signal.SIGKILL)
        self._popen.wait(10)

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit code, once it has ended by itself; reads what it still says."""
        while data := os.read(self._fd, 65_536):
            self._pending += data
        self.said += self._pending.decode("utf-8", "replace").splitlines()
        self._pending = b""
        return self._popen.wait(patience)

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
