"""A telephone company: one SIPp behind a gateway, whose telephones behave as their numbers say, and who was rung.

The last two digits of a number choose what its telephone does:

==  ================================================================================================
01  rings, answers after a second, presses 1 and waits
02  the same with 2
05  slow: rings for five seconds, then as 01
09  answers and presses nothing
11  busy (486)
12  rings and is never answered; the caller gives up (CANCEL, 487)
13  declines (603)
14  no such number (404)
15  answers and hangs up after a second and a half
16  answers, presses 1 and hangs up
17  a machine: answers, speaks for eight seconds, and waits
==  ================================================================================================

Any other number does as 01, unless the trunk refuses it with 503. SIPp itself writes down every INVITE: its moment,
the number and the Call-ID, which a switch of :func:`tests.freeswitch.own_switch.sofia` makes the call's UUID.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.freeswitch.sipp import RECORDINGS, SDP, free_media_port, listening
from tests.voices import quiet, talk

_HEADERS = """
    [last_Via:]
    [last_From:]
    [last_To:];tag=[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>
"""
_REFUSALS = {"11": "486 Busy Here", "13": "603 Decline", "14": "404 Not Found"}
EVERYBODY = "everybody"


def _reply(status: str, body: str = "    Content-Length: 0\n") -> str:
    return f"<![CDATA[\n    SIP/2.0 {status}{_HEADERS}{body}\n  ]]>"


def _pause(seconds: float) -> str:
    return f'  <pause milliseconds="{round(seconds * 1000)}"/>'


def _play(recording: Path | str) -> str:
    return f'  <nop><action><exec play_pcap_audio="{recording}"/></action></nop>'


def _rings(seconds: float) -> str:
    return f"  <send>{_reply('180 Ringing')}</send>\n{_pause(seconds)}"


def _answers() -> str:
    answer = _reply("200 OK", SDP)
    return f'  <send retrans="500">{answer}</send>\n  <recv request="ACK"/>'


def _waits() -> str:
    return f'  <recv request="BYE"/>\n  <send>{_reply("200 OK")}</send>'


_HANGS_UP = """  <send retrans="500"><![CDATA[
    BYE [$contact] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: [$to];tag=[call_number]
    To: [$from]
    Call-ID: [call_id]
    CSeq: 1 BYE
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="200"/>"""


def _refuses(status: str) -> list[str]:
    return [f"  <send>{_reply(status)}</send>", '  <recv request="ACK"/>']


def _key(key: str) -> str:
    return _play(RECORDINGS / f"dtmf_2833_{key}.pcap")


_GREETING = "greeting.pcap"  # in the folder that SIPp runs in


def recording(samples: bytes) -> bytes:
    """A pcap file of RTP packets with PCMA, 20 ms each, that SIPp can play."""
    made = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    linear = array("h", samples)
    for n, at in enumerate(range(0, len(linear), 160)):
        sound = bytes(map(_a_law, linear[at : at + 160]))
        rtp = struct.pack(">BBHII", 0x80, 8, n & 0xFFFF, n * 160, 0x1234) + sound
        udp = struct.pack(">HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n & 0xFFFF, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1"
        )
        packet = b"\0" * 12 + b"\x08\0" + ip + udp
        made += struct.pack("<IIII", n // 50, n % 50 * 20_000, len(packet), len(packet)) + packet
    return made


def _a_law(sample: int) -> int:
    """ITU-T G.711: sign, three bits of exponent, four of mantissa, every other bit turned over."""
    sign, size = (0x80, sample) if sample >= 0 else (0, -sample - 1)
    size >>= 4  # 12 bits are left
    exponent = max(size.bit_length() - 4, 0)
    mantissa = size >> max(exponent - 1, 0) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


_ACTS: Mapping[str, list[str]] = {
    "01": [_rings(1.0), _answers(), _pause(1.6), _key("1"), _waits()],
    "02": [_rings(1.0), _answers(), _pause(1.6), _key("2"), _waits()],
    "05": [_rings(5.0), _answers(), _pause(1.6), _key("1"), _waits()],
    "09": [_rings(0.5), _answers(), _waits()],
    "15": [_rings(0.5), _answers(), _pause(1.5), _HANGS_UP],
    "16": [_rings(0.5), _answers(), _pause(1.6), _key("1"), _pause(0.6), _HANGS_UP],
    "17": [_rings(1.0), _answers(), _pause(0.3), _play(_GREETING), _waits()],
    "12": [
        f"  <send>{_reply('180 Ringing')}</send>",
        '  <recv request="CANCEL"/>',
        f"  <send>{_reply('200 OK')}</send>",
        # Of the INVITE: SIPp's last_CSeq is the CANCEL's.
        "  <send>"
        + _reply("487 Request Terminated").replace("[last_CSeq:]", "CSeq: [$cseq]").replace("[last_Via:]", "Via:[$via]")
        + "</send>",
        '  <recv request="ACK"/>',
    ],
    **{digits: _refuses(status) for digits, status in _REFUSALS.items()},
}


def script(*refused: str) -> str:
    """The scenario: say who was rung, then go on as the number says. Those ``refused`` get 503."""
    acts = {**_ACTS, **{digits: _refuses("503 Service Unavailable") for digits in refused}}
    lines = [  # SIPp reads a < or > in a regexp as the beginning or end of an element
        '<?xml version="1.0" encoding="ISO-8859-1" ?>',
        '<scenario name="trunk">',
        '  <recv request="INVITE"><action>',
        '    <ereg regexp="([0-9][0-9])@" search_in="hdr" header="To:" assign_to="whole,tail"/>',
        '    <ereg regexp="[^ ].*" search_in="hdr" header="To:" assign_to="to"/>',
        '    <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>',
        '    <ereg regexp="sip:[A-Za-z0-9@:.;=_+-]*" search_in="hdr" header="Contact:" assign_to="contact"/>',
        '    <ereg regexp="[0-9]+ INVITE" search_in="hdr" header="CSeq:" assign_to="cseq"/>',
        '    <ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>',
        '    <gettimeofday assign_to="s,us"/>',
        '    <log message="INVITE [$s] [$us] [$to] [call_id]"/>',
    ]
    for digits in acts:
        lines += [
            f'    <strcmp assign_to="d{digits}" variable="tail" value="{digits}"/>',
            f'    <test assign_to="is{digits}" variable="d{digits}" compare="equal" value="0"/>',
        ]
    lines.append("  </action></recv>")
    otherwise = EVERYBODY if EVERYBODY in refused else "01"
    lines += [f'  <nop next="act{digits}" test="is{digits}"/>' for digits in acts if EVERYBODY not in refused]
    lines.append(f'  <nop next="act{otherwise}"/>')
    for digits, act in acts.items():
        lines += [f'  <label id="act{digits}"/>', *act, '  <nop next="over"/>']
    used = ("whole", "s", "us", *(f"{kind}{digits}" for digits in acts for kind in ("d", "is")))
    lines += ['  <label id="over"/>', "  <nop/>", f'  <Reference variables="{",".join(used)}"/>', "</scenario>"]
    return "\n".join(lines)


@dataclass(frozen=True)
class Ring:
    """One INVITE: ``at`` in seconds since 1970."""

    at: float
    number: str
    call_uuid: str


class Trunk:
    """Starts it; :meth:`close` ends it. ``refused`` are the last digits of numbers that it has no line for, or
    EVERYBODY."""

    def __init__(self, home: Path, name: str, *refused: str) -> None:
        program = shutil.which("sipp")
        if program is None or not RECORDINGS.is_dir():
            pytest.skip("SIPp is missing (Debian: sip-tester): nobody was rung over SIP")
        if os.geteuid() != 0:
            pytest.skip("SIPp plays its recordings over a raw socket, which takes root: nobody was rung over SIP")
        self.name = name
        self.port = free_media_port()
        self._log = home / f"{name}.invites.log"
        scenario = home / f"{name}.xml"
        scenario.write_text(script(*refused))
        (home / _GREETING).write_bytes(recording(quiet(300) + talk(8000) + quiet(500)))
        self._process = subprocess.Popen(
            # In the foreground: one that was sent to the background answered nothing.
            [
                *(program, "-sf", str(scenario), "-nostdin", "-l", "1000", "-trace_logs", "-log_file", str(self._log)),
                *("-i", "127.0.0.1", "-p", str(self.port), "-mi", "127.0.0.1", "-mp", str(free_media_port())),
            ],
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=(home / f"{name}.errors.log").open("wb"),
        )
        try:
            listening(self._process, self.port)
        except BaseException:
            self.close()
            raise

    def rings(self) -> list[Ring]:
        """Every INVITE so far, in order. One that is repeated because nobody heard the answer is the same INVITE."""
        text = self._log.read_text() if self._log.exists() else ""
        found = re.findall(r"^INVITE (\d+)\.\d+ (\d+)\.\d+ <sip:(\S+?)@\S+ (\S+)$", text, re.MULTILINE)
        return [Ring(int(s) + int(us) / 1e6, number, call) for s, us, number, call in found]

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
