"""What a hundred judgements at once cost, and how late they make everything else in the loop.

    python benchmarks/_amd_load.py CALLS SECONDS

A process of its own sends each call's audio to the UDP socket that the product listens on, a frame every 20 ms; here
run the product's own frames and judge, told never to decide, so that no call ever drops out. Beside them a greenlet
asks to be woken every 5 ms and notes how much this process has computed meanwhile: at most so much is a timer, or a key
of another call, late because of the judging, however busy the machine is with other things. Prints one line of JSON.
"""

from __future__ import annotations

import json
import math
import re
import socket
import subprocess
import sys
import time
from array import array
from typing import Any, cast

import gevent
import gevent.event

from fs_app.domain.amd import AmdParameters
from fs_app.switch.listening import UdpFrames
from fs_app.switch.session import OutboundSession
from ivr.amd import Judge

ENDLESS = AmdParameters(initial_silence=20_000, greeting=20_000, total=30_000, silence_after_word=3000)
PORT = re.compile(rb"remote-port: (\d+)")


class Call:
    """As much of a session as its frames need."""

    uuid = "benchmark"
    hangup_cause = None

    def __init__(self) -> None:
        self.news = gevent.event.Event()
        self.sock = self
        self.port = 0

    def getpeername(self) -> tuple[str, int]:
        return "127.0.0.1", 0

    def variable(self, name: str) -> str | None:
        return None

    def request(self, packet: bytes) -> None:
        found = PORT.search(packet)
        assert found is not None
        self.port = int(found.group(1))


def send(ports: list[int], seconds: float) -> None:
    """Vowels that rise and fall, with short breaks: the dearest to judge."""
    samples = array("h")
    for n in range(16_000):
        loud = 3000 * max(0.0, math.sin(math.pi * n / 1600)) ** 0.5
        samples.append(round(loud * sum(math.sin(2 * math.pi * 140 * k * n / 8000) / k for k in (1, 2, 3, 5))))
    raw = samples.tobytes()
    frames = [raw[at : at + 320] for at in range(0, len(raw), 320)]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    begun = time.monotonic()
    for n in range(round(seconds * 50)):
        time.sleep(max(0.0, begun + n * 0.02 - time.monotonic()))
        for k, port in enumerate(ports):
            sock.sendto(frames[(n + 7 * k) % len(frames)], ("127.0.0.1", port))


def listen(call: Call, heard: list[int]) -> None:
    judge = Judge(ENDLESS)
    with UdpFrames(cast(OutboundSession, call), "127.0.0.1").open() as frames:
        while (frame := frames.next(30)) is not None:
            judge.feed(frame)
            heard[0] += 1


def lateness(into: list[float]) -> None:
    while True:
        used = time.process_time()
        gevent.sleep(0.005)
        into.append((time.process_time() - used) * 1000)


def measure(calls: int, seconds: float) -> dict[str, Any]:
    heard, late = [0], list[float]()
    sessions = [Call() for _ in range(calls)]
    listeners = [gevent.spawn(listen, session, heard) for session in sessions]
    gevent.sleep(0.2)
    ports = ",".join(str(session.port) for session in sessions)
    sender = subprocess.Popen([sys.executable, __file__, "send", ports, str(seconds)])
    gevent.sleep(1.0)  # its start is not what is measured
    watch, used, since = gevent.spawn(lateness, late), time.process_time(), time.monotonic()
    frames = heard[0]
    gevent.sleep(seconds - 2)
    used, took, frames = time.process_time() - used, time.monotonic() - since, heard[0] - frames
    watch.kill()
    sender.kill()
    sender.wait()
    gevent.killall(listeners)
    late.sort()
    return {
        "calls": calls,
        "core": used / took,
        "frames": frames,
        "frame_us": used / max(1, frames) * 1e6,
        "late_ms": [late[int(len(late) * q)] for q in (0.5, 0.95, 0.99)],
    }


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send([int(port) for port in sys.argv[2].split(",") if port], float(sys.argv[3]))
    else:
        print(json.dumps(measure(int(sys.argv[1]), float(sys.argv[2]))))
