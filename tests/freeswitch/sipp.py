"""A callee that is a telephone: SIPp behind a gateway, who answers and presses keys by RFC 2833 at set times.

The switch needs a gateway ``sipp2`` to 127.0.0.1:5091 (FS_APP_TEST_SIPP_GATEWAY and FS_APP_TEST_SIPP_PORT name others).
SIPp and its recordings come from Debian's ``sip-tester``; it plays them over a raw socket, which takes root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest

GATEWAY = os.environ.get("FS_APP_TEST_SIPP_GATEWAY", "sipp2")
PORT = int(os.environ.get("FS_APP_TEST_SIPP_PORT", "5091"))
RECORDINGS = Path("/usr/share/sip-tester")
SPEECH = "speech"  # in place of a key: eight seconds of it
_NAMES = {"#": "dtmf_2833_pound", "*": "dtmf_2833_star", SPEECH: "g711a"}

# What a party of ours can hear and send: A-law, and keys by RFC 2833.
SDP = """    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=callee 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 8 101
    a=rtpmap:8 PCMA/8000
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15
"""

_ANSWER = """
  <recv request="INVITE" crlf="true"/>
  <send><![CDATA[
    SIP/2.0 180 Ringing
    [last_Via:]
    [last_From:]
    [last_To:];tag=[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port];transport=[transport]>
    Content-Length: 0

  ]]></send>
  <pause milliseconds="500"/>
  <send retrans="500"><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:];tag=[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port];transport=[transport]>
    SDP

  ]]></send>
  <recv request="ACK" crlf="true"/>
""".replace("    SDP\n", SDP)
_BYE = """
  <recv request="BYE"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port];transport=[transport]>
    Content-Length: 0

  ]]></send>
"""


def scenario(does: Sequence[tuple[float, str]]) -> str:
    """Ring for half a second, answer, then in order: wait so many seconds and press that key (or speak), and at last
    wait for the BYE.

    The recordings bring their own sequence numbers: a key is only heard after a lower one, in the order 0 to 9, *, #.
    """
    steps = []
    for wait, what in does:
        recording = RECORDINGS / f"{_NAMES.get(what, f'dtmf_2833_{what}')}.pcap"
        steps.append(f'  <pause milliseconds="{round(wait * 1000)}"/>')
        steps.append(f'  <nop><action><exec play_pcap_audio="{recording}"/></action></nop>')
    return "\n".join(
        [
            '<?xml version="1.0" encoding="ISO-8859-1" ?>',
            '<scenario name="callee">',
            _ANSWER,
            *steps,
            _BYE,
            "</scenario>",
        ]
    )


@contextmanager
def callees(folder: Path, *does: tuple[float, str]) -> Iterator[None]:
    """Telephones behind the gateway, as many as are rung at once, as long as the ``with`` lasts."""
    program = shutil.which("sipp")
    if program is None or not RECORDINGS.is_dir():
        pytest.skip("SIPp is missing (Debian: sip-tester): no key was pressed over RTP")
    if os.geteuid() != 0:
        pytest.skip("SIPp plays its recordings over a raw socket, which takes root: no key was pressed over RTP")
    script = folder / "callee.xml"
    script.write_text(scenario(does))
    media = free_media_port()
    # In the foreground: one that was sent to the background answered nothing.
    command = [program, "-sf", str(script), "-i", "127.0.0.1", "-p", str(PORT), "-mi", "127.0.0.1", "-mp", str(media)]
    process = subprocess.Popen(
        [*command, "-nostdin", "-timeout", "90"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        listening(process, PORT)
        yield
    finally:
        process.kill()
        process.communicate()


def listening(process: subprocess.Popen[Any], port: int) -> None:
    """Wait until SIPp has its port: while it is free, we can have it."""
    with gevent.Timeout(10):
        while True:
            if process.poll() is not None:
                pytest.fail(f"SIPp did not start on port {port}: {str(process.communicate()[1])[-300:]}")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return
            gevent.sleep(0.05)


def free_media_port() -> int:
    """An even port, as RTP has it."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port % 2 == 0:
            return port
