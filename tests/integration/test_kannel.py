"""A real Kannel between us and a telephone: what leaves, what its delivery report says, and what is answered.

Kannel's fakesmsc is the network. Nothing of ours but the parameters of docs/messages.md is in between.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from urllib.parse import quote, urlsplit

import pytest

from fs_app.domain.enums import AlarmResult, AlarmStatus
from tests.messaging import Practice, booked, path_of
from tests.processes import free_port

FAKESMSC = Path("/usr/lib/kannel/test/fakesmsc")
BEARERBOX = shutil.which("bearerbox", path="/usr/sbin:/usr/bin")
SMSBOX = shutil.which("smsbox", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(
    not (BEARERBOX and SMSBOX and FAKESMSC.exists()), reason="no Kannel: apt-get install kannel kannel-extras"
)
PATIENCE = 60.0


class Program:
    """A program of Kannel's, and the lines it says."""

    def __init__(self, *command: str) -> None:
        pipe = subprocess.PIPE
        self._popen = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT)
        self.lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for raw in self._popen.stdout:
            self.lines.put(raw.decode("utf-8", "replace").rstrip())

    def line(self, words: str) -> str:
        """The next line with these words. From a native thread."""
        while True:
            line = self.lines.get(timeout=PATIENCE)
            if words in line:
                return line

    def type(self, words: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{words}\n".encode())
        self._popen.stdin.flush()

    def close(self) -> None:
        self._popen.kill()
        self._popen.wait(10)


@dataclass
class Kannel:
    send_port: int
    network_port: int
    programs: list[Program]

    def telephone(self) -> Program:
        """A telephone on the network: it sends what is typed ("from to text …"), and says what it gets."""
        self.programs.append(Program(str(FAKESMSC), "-H", "127.0.0.1", "-r", str(self.network_port), "-v", "0"))
        self.programs[0].line("Fakesmsc client connected")
        return self.programs[-1]


@pytest.fixture
def kannel(practice: Practice, tmp_path: Path) -> Iterator[Kannel]:
    """Kannel, which hands replies to the hook of the gateway ``kannel``, and the gateway."""
    admin, box, send, network = (free_port() for _ in range(4))
    gateway = practice.gateway("http", {"url": "http://127.0.0.1:8080/"})
    reply, report = urlsplit(gateway["reply_url"]), urlsplit(gateway["report_url"])
    told = quote(f"{report.scheme}://{report.netloc}{report.path}?key=", safe="")
    url = (
        f"http://127.0.0.1:{send}/cgi-bin/sendsms?username=u&password=p&to={{to}}&from={{from}}&text={{text}}"
        f"&charset=UTF-8&coding=0&dlr-mask=19&dlr-url={told}{{key}}%26state%3D%25d"
    )
    practice.api.patch(
        path_of(gateway),
        {"parameters": {"url": url, "method": "GET", "sender": "15550199"}},
        "root",
    )
    settings = tmp_path / "kannel.conf"
    settings.write_text(
        f"""
group = core
admin-port = {admin}
admin-password = p
smsbox-port = {box}
box-allow-ip = "127.0.0.1"

group = smsc
smsc = fake
smsc-id = fake
port = {network}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {send}

group = sendsms-user
username = u
password = p
max-messages = 20
concatenation = true

group = sms-service
keyword = default
catch-all = true
omit-empty = true
max-messages = 0
get-url = "{reply.scheme}://{reply.netloc}{reply.path}?from=%p&text=%a&id=%I"
"""
    )
    made = Kannel(send, network, [Program(str(BEARERBOX), "-v", "0", str(settings))])
    try:
        practice.api.in_thread(made.programs[0].line, "Start-up done")
    except Exception:
        made.programs[0].close()
        raise
    made.programs.append(Program(str(SMSBOX), "-v", "0", str(settings)))
    practice.api.in_thread(made.programs[1].line, "Connected to bearerbox")
    yield made
    for program in reversed(made.programs):
        program.close()


def test_out_reported_and_answered(practice: Practice, kannel: Kannel) -> None:
    """The telephone gets the words, Kannel reports their delivery, and the answer confirms the appointment."""
    telephone = practice.api.in_thread(kannel.telephone)
    words = "Hello {name}: 100% sure? Ünï & co"
    alarm = practice.alarm(method=2, sms_template=practice.sms_template(words), advance_notice=3600)
    got = practice.api.in_thread(telephone.line, "Got message")
    assert "Hello Ann & Bob: 100% sure?" in got
    sent = practice.until(alarm, booked)
    assert sent["status"] == AlarmStatus.SUCCESS
    practice.until(alarm, lambda _: practice.message(alarm)["status"] == "delivered")
    telephone.type("15550100001 15550199 text YES")
    confirmed = practice.until(alarm, lambda a: a["result"] != AlarmResult.NONE)
    assert confirmed["result"] == AlarmResult.CONFIRMED


def test_stop_reaches_the_list(practice: Practice, kannel: Kannel) -> None:
    telephone = practice.api.in_thread(kannel.telephone)
    alarm = practice.alarm(method=2, sms_template=practice.sms_template(), advance_notice=3600)
    practice.until(alarm, booked)
    telephone.type("15550100001 15550199 text STOP")
    practice.until(alarm, lambda _: practice.api.get("dnc-contact/")["count"] == 1)
