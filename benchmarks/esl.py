"""How fast the event socket is read and answered here, by greenswitch and by python-ESL, in one run on one machine.

    python benchmarks/esl.py [--events 20000] [--rounds 5] [--connects 40]

(a) Events a second delivered to a handler that reads three headers: recorded events, repeated, over TCP on the
loopback, written by a process of its own. (b) From TCP connect to `connect` received by the connecting peer, for
either outbound-socket server, each in a process of its own; the moments of connecting are spread at random, since a
server that polls is otherwise always met at the same point of its round. Medians of alternating rounds. Always exits
0: the ratios are for reading, and CI machines are not for measuring.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

RECORDING = Path(__file__).parent.parent / "tests" / "transcripts" / "press-outbound.jsonl"
HEADERS = ("Event-Name", "Unique-ID", "Event-Date-Timestamp")
CHUNK = 1 << 20  # bytes a write of the feeder
WANTED = {"events": 4.0, "connect": 50.0}


def recorded() -> list[bytes]:
    frames = [json.loads(line).get("frame", "").encode() for line in RECORDING.read_text().splitlines()]
    return [f for f in frames if b"Content-Type: text/event-plain" in f.partition(b"\n\n")[0]]


# Processes at the far end


def feed(count: int) -> None:
    """A switch that authenticates anybody and sends so many events to each connection."""
    frames = recorded()
    one_round = b"".join(frames)
    rounds, rest = divmod(count, len(frames))
    block = one_round * max(1, CHUNK // len(one_round))
    listener = listening()
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=send_events, args=(sock, frames, block, rounds, rest), daemon=True).start()


def send_events(sock: socket.socket, frames: list[bytes], block: bytes, rounds: int, rest: int) -> None:
    one_round = sum(map(len, frames))
    with sock:
        sock.sendall(b"Content-Type: auth/request\n\n")
        read_command(sock)
        sock.sendall(b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")
        read_command(sock)
        sock.sendall(b"Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n")
        view = memoryview(block)
        try:
            while rounds > 0:
                take = min(rounds, len(block) // one_round)
                sock.sendall(view[: take * one_round])
                rounds -= take
            sock.sendall(b"".join(frames[:rest]))
            sock.recv(1)  # until the consumer has had enough
        except OSError:
            pass


def read_command(sock: socket.socket) -> None:
    data = b""
    while not data.endswith(b"\n\n"):
        piece = sock.recv(4096)
        if not piece:
            return
        data += piece


def listening() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    return listener


def serve_ours() -> None:
    from fs_app.switch.outbound import OutboundServer

    server = OutboundServer("127.0.0.1", 0, lambda channel: None)
    server.start()
    print(server.bound_port, flush=True)
    server._stopping.wait()


def serve_greenswitch() -> None:
    import greenswitch

    with socket.create_server(("127.0.0.1", 0)) as free:  # it cannot choose a free port by itself
        port = free.getsockname()[1]
    server = greenswitch.OutboundESLServer("127.0.0.1", port, application=lambda session: None)
    print(port, flush=True)
    server.listen()


class Process:
    """This file again, in another role; it prints the port it listens on."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, __file__, *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


# (a)


def consume_ours(port: int, count: int) -> float:
    import gevent.event

    from fs_app.switch.inbound import InboundConnection
    from fs_app.switch.wire import Frame

    done, seen = gevent.event.Event(), 0
    first, second, third = HEADERS

    def handler(event: Frame) -> None:
        nonlocal seen
        event.get(first), event.get(second), event.get(third)
        seen += 1
        if seen == count:
            done.set()

    client = InboundConnection("127.0.0.1", port, "pw")
    client.connect()
    client.register_handle("*", handler)
    began = time.perf_counter()
    client.send("event plain ALL")
    assert done.wait(120)
    took = time.perf_counter() - began
    client.lost("measured")
    return count / took


def consume_greenswitch(port: int, count: int) -> float:
    import gevent.event
    import greenswitch

    done, seen = gevent.event.Event(), 0
    first, second, third = HEADERS

    def handler(event: greenswitch.esl.ESLEvent) -> None:
        nonlocal seen
        event.headers.get(first), event.headers.get(second), event.headers.get(third)
        seen += 1
        if seen == count:
            done.set()

    client = greenswitch.InboundESL("127.0.0.1", port, "pw")
    client.connect()
    client.register_handle("*", handler)
    began = time.perf_counter()
    client.send("event plain ALL")
    assert done.wait(120)
    took = time.perf_counter() - began
    client.sock.shutdown(socket.SHUT_RDWR)
    return count / took


def consume_python_esl(port: int, count: int) -> float:
    import ESL

    first, second, third = HEADERS
    client = ESL.ESLconnection("127.0.0.1", str(port), "pw")
    assert client.connected()
    began = time.perf_counter()
    client.events("plain", "ALL")
    for _ in range(count):
        event = client.recvEvent()
        event.getHeader(first), event.getHeader(second), event.getHeader(third)
    took = time.perf_counter() - began
    client.disconnect()
    return count / took


def measure_events(count: int, rounds: int) -> dict[str, float]:
    consumers: dict[str, Callable[[int, int], float]] = {"fs-app": consume_ours, "greenswitch": consume_greenswitch}
    try:
        import ESL  # noqa: F401

        consumers["python-ESL"] = consume_python_esl
    except ImportError:
        print("!! python-ESL IS NOT INSTALLED, so the comparison with it is missing: see docs/dependencies.md\n")
    results: dict[str, list[float]] = {name: [] for name in consumers}
    with Process("--role", "feed", "--events", str(count)) as feeder:
        for _ in range(rounds):
            for name, consume in consumers.items():
                results[name].append(consume(feeder.port, count))
    return {name: statistics.median(rates) for name, rates in results.items()}


# (b)


def measure_connect(times: int) -> dict[str, float]:
    chance = random.Random(1)
    results: dict[str, list[float]] = {"fs-app": [], "greenswitch": []}
    with Process("--role", "ours") as ours, Process("--role", "greenswitch") as theirs:
        for _ in range(times):
            for name, port in (("fs-app", ours.port), ("greenswitch", theirs.port)):
                time.sleep(chance.uniform(0, 0.1))
                began = time.perf_counter()
                with socket.create_connection(("127.0.0.1", port), 5) as sock:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    data = b""
                    while not data.startswith(b"connect\n\n"):
                        data += sock.recv(64)
                    results[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in results.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connects", type=int, default=40)
    parser.add_argument("--role", choices=("feed", "ours", "greenswitch"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "feed":
        return feed(options.events)
    if options.role == "ours":
        return serve_ours()
    if options.role == "greenswitch":
        return serve_greenswitch()
    logging.disable()
    size = statistics.mean(map(len, recorded()))
    print(f"(a) events a second to a handler reading {', '.join(HEADERS)}")
    print(f"    {options.events} recorded events of {size:.0f} bytes, median of {options.rounds} rounds\n")
    rates = measure_events(options.events, options.rounds)
    for name, rate in rates.items():
        print(f"    {name:<12} {rate:>10,.0f} /s   fs-app is {rates['fs-app'] / rate:5.1f} times as fast")
    print(f"    wanted: {WANTED['events']:g} times python-ESL\n")
    print(f"(b) TCP connect to `connect` received, median of {options.connects}\n")
    seconds = measure_connect(options.connects)
    for name, took in seconds.items():
        print(f"    {name:<12} {took * 1000:>10.3f} ms   fs-app is {took / seconds['fs-app']:5.1f} times as fast")
    print(f"    wanted: {WANTED['connect']:g} times greenswitch")
    return None


if __name__ == "__main__":
    main()
