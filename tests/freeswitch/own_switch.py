"""A FreeSWITCH of the test's own: its own ports, directories and environment, started and killed at will.

``FS_APP_TEST_FREESWITCH`` names the program, else it is looked for in PATH. It needs mod_python3, built against the
same Python version as the one that runs the tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
from pathlib import Path
from typing import IO

import gevent
import pytest

from fs_app.clock import SystemClock
from fs_app.switch.gate import Switch

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds in which a switch starts or stops
PASSWORD = "of-this-test"
MODULES = (
    *("commands", "dptools", "dialplan_xml", "event_socket", "loopback", "sndfile", "tone_stream", "console"),
    *("logfile", "conference", "python3"),
)

CONFIGURATION = """<?xml version="1.0"?>
<document type="freeswitch/xml">
  <section name="configuration">
    <configuration name="modules.conf"><modules>{modules}</modules></configuration>
    <configuration name="switch.conf"><settings>
      <param name="max-sessions" value="200"/><param name="sessions-per-second" value="100"/>
      <param name="loglevel" value="debug"/>
    </settings></configuration>
    <configuration name="event_socket.conf"><settings>
      <param name="listen-ip" value="127.0.0.1"/><param name="listen-port" value="{port}"/>
      <param name="password" value="{password}"/><param name="nat-map" value="false"/>
    </settings></configuration>
    <configuration name="acl.conf"><network-lists/></configuration>
    <configuration name="console.conf"><mappings/><settings/></configuration>
    <configuration name="logfile.conf"><settings/><profiles><profile name="default">
      <settings><param name="logfile" value="{home}/log/freeswitch.log"/></settings>
      <mappings><map name="all" value="debug,info,notice,warning,err,crit,alert"/></mappings>
    </profile></profiles></configuration>
    <configuration name="conference.conf">
      <advertise/><caller-controls><group name="default"/></caller-controls>
      <profiles><profile name="default"><param name="rate" value="8000"/></profile></profiles>
    </configuration>
  </section>
  <section name="dialplan">
{contexts}
  </section>
</document>
"""


class OwnSwitch:
    """``contexts`` are whole dialplan contexts, in XML; ``environ`` is what FreeSWITCH sees besides the ordinary."""

    def __init__(self, home: Path, contexts: str, environ: dict[str, str]) -> None:
        self.home = home
        self.port = _free_port()
        for name in ("conf", "log", "db", "run", "storage", "recordings"):
            (home / name).mkdir(parents=True)
        modules = "".join(f'<load module="mod_{name}"/>' for name in MODULES)
        (home / "conf" / "freeswitch.xml").write_text(
            CONFIGURATION.format(modules=modules, port=self.port, password=PASSWORD, home=home, contexts=contexts),
            encoding="utf-8",
        )
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FS_APP_")}
        packages = sysconfig.get_paths()["purelib"]
        self._environ = {**inherited, "PYTHONPATH": f"{ROOT}:{packages}", **environ}
        self._console: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.switch = Switch("127.0.0.1", self.port, PASSWORD, clock=SystemClock())

    def start(self) -> None:
        """Start it and wait until its event socket answers."""
        places = [(f"-{name}", str(self.home / name)) for name in ("conf", "log", "db", "run", "storage", "recordings")]
        self._console = (self.home / "console.log").open("ab")
        self._process = subprocess.Popen(
            [program(), "-nonat", "-nf", "-nc", "-np", *(word for place in places for word in place)],
            env=self._environ,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
        )
        self.switch.start()
        if not self.switch.wait_up(PATIENCE):
            said = (self.home / "console.log").read_text(errors="replace")[-2000:]
            self.close()
            pytest.fail(f"FreeSWITCH did not start: {self.switch.trouble}\n{said}")

    def api(self, words: str) -> str:
        return self.switch.api(words)

    def log(self) -> str:
        """All that it has logged."""
        return (self.home / "log" / "freeswitch.log").read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        with gevent.Timeout(PATIENCE, AssertionError("FreeSWITCH did not stop")):
            while self._process.poll() is None:
                gevent.sleep(0.05)
        return int(self._process.returncode)

    def close(self) -> None:
        self.switch.stop()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(PATIENCE)
        if self._console is not None:
            self._console.close()


def program() -> str:
    """The FreeSWITCH to start; without one the test is skipped."""
    found = os.environ.get("FS_APP_TEST_FREESWITCH") or shutil.which("freeswitch")
    if not found:
        pytest.skip("no FreeSWITCH to start: set FS_APP_TEST_FREESWITCH=/path/to/bin/freeswitch to run this")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
