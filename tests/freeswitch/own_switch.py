"""A FreeSWITCH of the test's own: its own ports, directories and environment, started and killed at will.

``FS_APP_TEST_FREESWITCH`` names the program, else it is looked for in PATH. It needs mod_python3, built against the
same Python version as the one that runs the tests.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import gevent
import pytest

from fs_app.clock import SystemClock
from fs_app.switch.gate import Switch

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds in which a switch starts or stops
PASSWORD = "of-this-test"
BASIC = (
    "commands",
    "dptools",
    "dialplan_xml",
    "event_socket",
    "loopback",
    "sndfile",
    "tone_stream",
    "console",
    "logfile",
)
EMBEDDING = (*BASIC, "conference", "python3")
SIP = (*BASIC, "sofia", "hash")

CONFIGURATION = """<?xml version="1.0"?>
<document type="freeswitch/xml">
  <section name="configuration">
    <configuration name="modules.conf"><modules>{modules}</modules></configuration>
    <configuration name="switch.conf"><settings>
      <param name="max-sessions" value="200"/><param name="sessions-per-second" value="100"/>
      <param name="loglevel" value="debug"/>
      <param name="rtp-start-port" value="{rtp}"/><param name="rtp-end-port" value="{rtp_end}"/>
    </settings></configuration>
    <configuration name="event_socket.conf"><settings>
      <param name="listen-ip" value="127.0.0.1"/><param name="listen-port" value="{port}"/>
      <param name="password" value="{password}"/><param name="nat-map" value="false"/>
    </settings></configuration>
    <configuration name="acl.conf"><network-lists/></configuration>
    <configuration name="console.conf"><mappings/><settings/></configuration>
    <configuration name="logfile.conf"><settings/><profiles><profile name="default">
      <settings><param name="logfile" value="{home}/log/freeswitch.log"/><param name="uuid" value="true"/></settings>
      <mappings><map name="all" value="debug,info,notice,warning,err,crit,alert"/></mappings>
    </profile></profiles></configuration>
    <configuration name="conference.conf">
      <advertise/><caller-controls><group name="default"/></caller-controls>
      <profiles><profile name="default"><param name="rate" value="8000"/></profile></profiles>
    </configuration>
    {more}
  </section>
  <section name="dialplan">
{contexts}
  </section>
</document>
"""


def sofia(gateways: Mapping[str, str]) -> str:
    """The configuration of one SIP profile, ``external``, on a free port. ``gateways`` are names and what is in them:
    parameters, in XML. The Call-ID of a call that goes out is its UUID."""
    trunks = "".join(f'<gateway name="{name}">{parameters}</gateway>' for name, parameters in gateways.items())
    settings = {
        "sip-ip": "127.0.0.1",
        "sip-port": str(free_udp_port()),
        "rtp-ip": "127.0.0.1",
        "context": "public",
        "dialplan": "XML",
        "dtmf-type": "rfc2833",
        "auth-calls": "false",
        "outbound-codec-prefs": "PCMU,PCMA",
        "inbound-codec-prefs": "PCMU,PCMA",
        "apply-nat-acl": "none",
        "outbound-use-uuid-as-callid": "true",
    }
    made = "".join(f'<param name="{name}" value="{value}"/>' for name, value in settings.items())
    return (
        '<configuration name="sofia.conf"><global_settings><param name="log-level" value="0"/></global_settings>'
        f'<profiles><profile name="external"><gateways>{trunks}</gateways><settings>{made}</settings></profile>'
        "</profiles></configuration>"
    )


def incoming(ports: Mapping[str, int]) -> str:
    """The configuration of a SIP profile for each context, on that port: what calls there arrives in that context."""
    made = "".join(
        f'<profile name="{context}"><settings><param name="sip-ip" value="127.0.0.1"/>'
        f'<param name="rtp-ip" value="127.0.0.1"/><param name="sip-port" value="{port}"/>'
        f'<param name="context" value="{context}"/><param name="dialplan" value="XML"/>'
        '<param name="auth-calls" value="false"/><param name="inbound-codec-prefs" value="PCMA,PCMU"/>'
        '<param name="rfc2833-pt" value="101"/></settings></profile>'
        for context, port in ports.items()
    )
    return f'<configuration name="sofia.conf"><profiles>{made}</profiles></configuration>'


def trunk(port: int) -> str:
    """The parameters of a gateway to 127.0.0.1 at that port, which nobody registers with."""
    return (
        f'<param name="realm" value="127.0.0.1:{port}"/><param name="username" value="x"/>'
        '<param name="password" value="x"/><param name="register" value="false"/>'
        '<param name="caller-id-in-from" value="true"/>'
    )


class OwnSwitch:
    """``contexts`` are whole dialplan contexts, in XML; ``environ`` is what FreeSWITCH sees besides the ordinary;
    ``more`` is configuration, in XML."""

    def __init__(
        self,
        home: Path,
        contexts: str,
        environ: dict[str, str],
        *,
        modules: tuple[str, ...] = EMBEDDING,
        more: str = "",
    ) -> None:
        self.home = home
        self.port = _free_port()
        for name in ("conf", "log", "db", "run", "storage", "recordings"):
            (home / name).mkdir(parents=True)
        rtp = random.randrange(26_100, 31_000, 2)  # below the ports that the kernel gives to anybody
        (home / "conf" / "freeswitch.xml").write_text(
            CONFIGURATION.format(
                modules="".join(f'<load module="mod_{name}"/>' for name in modules),
                port=self.port,
                password=PASSWORD,
                home=home,
                contexts=contexts,
                more=more,
                rtp=rtp,
                rtp_end=rtp + 1_000,
            ),
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


def free_udp_port() -> int:
    """A port that nobody has, over UDP or TCP: mod_sofia takes both. It lies below those that the system hands out by
    itself (from 32768 on), since until the switch is up anybody's outgoing connection might be given one of those."""
    while True:
        port = random.randrange(20_000, 26_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
