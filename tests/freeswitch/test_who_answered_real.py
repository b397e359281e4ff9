"""Persons and machines on a real switch: what is decided about real voices, and what a callee's recorder takes.

Beside the switch it needs the context ``fs_app_greets`` (fs_app_greets.xml), and a folder that both can write, which is
the switch's temp_dir. The voices are those of Debian's asterisk-core-sounds-en-wav; SIPp sends them over RTP.
"""

from __future__ import annotations

import hashlib
import math
import os
import random
import shutil
import socket
import struct
import subprocess
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.queue import Queue

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmStatus, AmdBehavior
from fs_app.service import Service
from fs_app.store.database import Store
from fs_app.store.models import AlarmRequest, AudioBlob, AudioFile, CalendarSetting, CallRequest, Gateway
from tests.contract.sounds import LOUD, loudness, readable
from tests.freeswitch.own_switch import free_udp_port
from tests.rows import Rows, make_rows
from tests.voices import RATE, beep, quiet, talk

pytestmark = pytest.mark.freeswitch

PATIENCE = 60.0
VOICES = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
GREETING = ("vm-theperson", "digits/4", "digits/2", "digits/7", "vm-isunavail", "vm-intro")
FIRST_WORDS = "silence_stream://"


def voice(*names: str) -> bytes:
    """Recorded words, 16 bits at 8000 Hz, with short pauses between them."""
    if not VOICES.is_dir():
        pytest.skip("asterisk-core-sounds-en-wav is not installed: no real voice was judged on a real switch")
    parts = []
    for name in names:
        with wave.open(str(VOICES / f"{name}.wav")) as sound:
            assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
            parts.append(sound.readframes(sound.getnframes()))
    return quiet(150).join(parts)


def warble(ms: int) -> bytes:
    """A tone of 1000 Hz that goes up and down by 30 Hz, six times a second."""
    turns = (
        1000 * t + 30 / 6 * math.sin(2 * math.pi * 6 * t) / (2 * math.pi) for t in (n / RATE for n in range(ms * 8))
    )
    return array("h", (round(5000 * math.sin(2 * math.pi * turn)) for turn in turns)).tobytes()


def write(path: Path, *parts: bytes) -> bytes:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(b"".join(parts))
    path.chmod(0o644)
    return path.read_bytes()


class World:
    """Scheduler and IVR on the real switch; callees with recordings."""

    def __init__(self, folder: Path) -> None:
        self.happened: Queue[str] = Queue()
        address = os.environ["FS_APP_TEST_ESL"]
        environ = {
            "FS_APP_DATABASE": f"sqlite:///{folder}/calls.sqlite3",
            "FS_APP_ESL": address,
            "FS_APP_ESL_PASSWORD": os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon"),
            "FS_APP_OUTBOUND": "127.0.0.1:0",
            "FS_APP_SOUNDS": str(folder / "sounds"),
        }
        settings = config.load(environ)
        store = Store(settings.database)
        store.migrate()
        now = SystemClock().now()
        self.rows: Rows = make_rows(store, now, gateway="loopback/{number}/fs_app_greets")
        content = write(folder / "message.wav", quiet(100), talk(2000))
        digest = hashlib.sha256(content).hexdigest()
        with store.transaction():
            blob = AudioBlob.create(sha256=digest, content=content, extension="wav")
            self.file = AudioFile.create(user=self.rows.manager, name="m", blob=blob, created_date=now)
        store.close()
        self.service = Service(
            settings, frozenset({"ivr", "scheduler"}), observer=lambda what, uuid, said: self.happened.put(what)
        )
        self.service.start()
        assert self.service.switches[0].wait_up(PATIENCE)
        self.shared = Path(self.service.switches[0].api("global_getvar temp_dir").strip()) / "fs_app_test"
        self.shared.mkdir(mode=0o777, exist_ok=True)
        self.shared.chmod(0o777)
        readable(folder / "sounds")
        self._files: list[Path] = []

    def callee(self, *parts: bytes) -> str:
        """A number whose callee plays that."""
        number = f"27{random.SystemRandom().randrange(10**8):08d}"
        self._files += [self.shared / f"{number}.wav", self._recording(number)]
        write(self._files[-2], *parts)
        return number

    def heard(self, number: str) -> Path:
        """What that callee has heard, from its answer on. The file is whole when its channel is gone, which may be
        a moment after the call was booked."""
        with gevent.Timeout(PATIENCE, AssertionError(f"the channel of {number} did not end")):
            while not self.service.switches[0].api(f"show channels like {number}").strip().startswith("0 total"):
                gevent.sleep(0.05)
        return self._recording(number)

    def _recording(self, number: str) -> Path:
        return self.shared / f"{number}-heard.wav"

    def call(self, behavior: AmdBehavior, *numbers: str, **fields: Any) -> list[AlarmRequest]:
        """The attempts to call these numbers, all at once, once they are booked."""
        store = self.service.store
        with store.transaction():
            setting = {"voicemail": True, "amd_behavior": behavior, "voicemail_audiofile": self.file, **fields}
            CalendarSetting.update(**setting).execute()
        now = SystemClock().now()
        alarms = [self.rows.alarm(store, now, number=n, maxretry=1, retry_delay=600) for n in numbers]
        store.pool.apply(self.service.doorbell.ring, ("due",))
        with gevent.Timeout(PATIENCE):
            for _ in alarms:
                while self.happened.get() != "booked":
                    pass
        with store.reading():
            return [AlarmRequest.get(AlarmRequest.alarm == alarm.id) for alarm in alarms]

    def close(self) -> None:
        self.service.stop()
        for file in self._files:
            file.unlink(missing_ok=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def loud_from(path: Path) -> float:
    """When the first sound of half a second begins, in seconds."""
    with wave.open(str(path)) as sound:
        pieces = iter(lambda: sound.readframes(RATE // 50), b"")
        loud = [loudness(piece) > LOUD for piece in pieces]
    return next(at for at in range(len(loud)) if sum(loud[at : at + 25]) >= 20) / 50


def loud_seconds(path: Path) -> float:
    with wave.open(str(path)) as sound:
        pieces = iter(lambda: sound.readframes(RATE // 50), b"")
        return sum(loudness(piece) > LOUD for piece in pieces) / 50


def test_real_voices_are_told_apart_and_the_message_is_left_after_the_beep(world: World) -> None:
    greeting = quiet(700) + voice(*GREETING) + quiet(400)
    signal = greeting + beep(500, 1000)
    machine = world.callee(signal, quiet(15_000))
    persons = [
        world.callee(quiet(400), voice("hello"), quiet(9000)),
        world.callee(quiet(600), voice("digits/7"), quiet(9000)),
    ]
    first, *others = world.call(AmdBehavior.ALWAYS, machine, *persons)
    call: CallRequest = first.callrequest
    assert (call.amd_status, call.message_left, first.callstatus) == ("machine", True, 7), call.amd_reason
    assert "after a beep" in call.reason
    over = len(signal) / 2 / RATE
    begun = loud_from(world.heard(machine))
    assert over <= begun <= over + 1.0
    assert 1.4 <= loud_seconds(world.heard(machine)) <= 2.1  # once, and nothing else
    for attempt in others:
        call = attempt.callrequest
        assert (call.amd_status, call.message_left, attempt.callstatus) == ("person", False, 0), call.amd_reason
        assert call.amd_ms <= 2300
        # The survey's words begin within half a second of the decision.
        assert loud_from(world.heard(call.phone_number)) <= call.amd_ms / 1000 + 0.8


def test_persons_only_and_machines_only(world: World) -> None:
    greeting = quiet(700) + voice(*GREETING) + quiet(400) + beep(500) + quiet(9000)
    hello = quiet(400) + voice("hello") + quiet(9000)
    machine, person = world.callee(greeting), world.callee(hello)
    first, second = world.call(AmdBehavior.HUMAN_ONLY, machine, person)
    assert (first.callrequest.amd_status, first.status) == ("machine", AlarmStatus.RETRY)
    assert loud_seconds(world.heard(machine)) == 0
    assert (second.callrequest.amd_status, second.status) == ("person", AlarmStatus.SUCCESS)
    machine, person = world.callee(greeting), world.callee(hello)
    first, second = world.call(AmdBehavior.VOICEMAIL_ONLY, machine, person)
    assert (first.callrequest.message_left, first.status) == (True, AlarmStatus.SUCCESS)
    assert (second.callrequest.message_left, second.status) == (False, AlarmStatus.SUCCESS)
    assert second.callrequest.last_section is None
    assert loud_seconds(world.heard(person)) > 0.5  # a polite word


@pytest.mark.parametrize("avmd", [True, False])
def test_a_beep_that_the_switch_finds_before_us(world: World, avmd: bool) -> None:
    """It warbles, which our own ears do not take. mod_avmd hears it while the audio goes on coming to us."""
    if world.service.switches[0].api("module_exists mod_avmd").strip() != "true":
        pytest.skip("mod_avmd is not loaded: its beeps were not heard")
    signal = quiet(700) + voice(*GREETING) + quiet(400) + warble(600)
    machine = world.callee(signal, quiet(15_000))
    [attempt] = world.call(AmdBehavior.ALWAYS, machine, amd_parameters={"avmd": avmd})
    call: CallRequest = attempt.callrequest
    assert (call.amd_status, call.message_left, attempt.callstatus) == ("machine", True, 7), call.amd_reason
    assert ("a beep that mod_avmd heard" in call.reason) is avmd, call.reason
    begun = loud_from(world.heard(machine)) - len(signal) / 2 / RATE
    assert (0.3 if avmd else 2.4) <= begun <= (1.6 if avmd else 4.5)
    assert 1.4 <= loud_seconds(world.heard(machine)) <= 2.1  # once, and nothing else


# ---- over SIP and RTP

MULAW_BIAS = 132


def mulaw(samples: array[int]) -> bytes:
    """G.711."""
    out = bytearray()
    for sample in samples:
        magnitude = min(abs(sample), 32635) + MULAW_BIAS
        exponent = magnitude.bit_length() - 8
        mantissa = (magnitude >> (exponent + 3)) & 15
        out.append(~((0x80 if sample < 0 else 0) | (exponent << 4) | mantissa) & 0xFF)
    return bytes(out)


def rtp_capture(path: Path, pcm: bytes) -> None:
    """A capture file of RTP packets of 20 ms, as SIPp sends them."""
    coded = mulaw(array("h", pcm))
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n, at in enumerate(range(0, len(coded) - 159, 160)):
            rtp = struct.pack(">BBHII", 0x80, 0, n & 0xFFFF, at, 0x1234) + coded[at : at + 160]
            udp = struct.pack(">HHHH", 4000, 4000, 8 + len(rtp), 0) + rtp
            head = struct.pack(
                ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n & 0xFFFF, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1"
            )
            frame = b"\0" * 12 + b"\x08\0" + head + udp
            file.write(struct.pack("<IIII", n // 50, n % 50 * 20_000, len(frame), len(frame)) + frame)


SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="a callee that plays">
  <recv request="INVITE"/>
  <send><![CDATA[
    SIP/2.0 180 Ringing
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPp[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port]>
    Content-Length: 0
  ]]></send>
  <send retrans="500"><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPp[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port]>
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=- 1 1 IN IP[local_ip_type] [local_ip]
    s=-
    c=IN IP[media_ip_type] [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 0
    a=rtpmap:0 PCMU/8000
  ]]></send>
  <recv request="ACK"/>
  <nop><action><exec play_pcap_audio="AUDIO"/></action></nop>
  <recv request="BYE" timeout="60000"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0
  ]]></send>
</scenario>
"""


def is_free(port: int) -> bool:
    """Whether nobody listens there yet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Any]:
    """Starts a SIPp callee that plays; its gateway is FS_APP_TEST_SIPP (name=port, default sipp2=5091)."""
    if shutil.which("sipp") is None:
        pytest.skip("SIPp (sip-tester) is not installed: no voice was judged over RTP")
    running: list[subprocess.Popen[bytes]] = []

    def start(pcm: bytes) -> str:
        name, _, port = os.environ.get("FS_APP_TEST_SIPP", "sipp2=5091").partition("=")
        capture, scenario = tmp_path / "audio.pcap", tmp_path / "callee.xml"
        rtp_capture(capture, pcm)
        scenario.write_text(SCENARIO.replace("AUDIO", str(capture)))
        command = [
            "sipp",
            "-sf",
            str(scenario),
            "-i",
            "127.0.0.1",
            "-p",
            port,
            "-m",
            "1",
            "-nostdin",
            "-mp",
            str(free_udp_port()),
        ]
        running.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        with gevent.Timeout(PATIENCE):
            while is_free(int(port)):
                gevent.sleep(0.05)
        return f"sofia/gateway/{name}/"

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("who", ["person", "machine"])
def test_real_voices_over_rtp(world: World, sipp: Any, who: str) -> None:
    said = quiet(500) + (voice("hello") if who == "person" else voice(*GREETING) + quiet(400) + beep(500))
    gateway = sipp(said + quiet(12_000))
    with world.service.store.transaction():
        Gateway.update(gateways=gateway).execute()
    [attempt] = world.call(AmdBehavior.ALWAYS, "15550100001")
    call = attempt.callrequest
    assert call.amd_status == who, (call.amd_reason, call.reason)
    assert call.message_left is (who == "machine")
