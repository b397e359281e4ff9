"""The simulator's encoder and parser, against recorded conversations and against the switch's oddities."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.simulator import encode
from fs_app.simulator.parse import Packet, PacketReader

TRANSCRIPTS = sorted((Path(__file__).parent.parent / "transcripts").glob("*.jsonl"))


def frames(path: Path, sender: str) -> list[str]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line["frame"] for line in lines if "frame" in line and line["from"] == sender]


def pairs(block: str) -> encode.Headers:
    """Split into lines first, decode after."""
    fields = [line.split(": ", 1) for line in block.split("\n") if line]
    return [(name, "" if value == "_undef_" else unquote(value)) for name, value in fields]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_every_recorded_event_encodes_to_the_same_bytes(path: Path) -> None:
    events = [frame for frame in frames(path, "freeswitch") if "Event-Name: " in frame]
    assert events
    for frame in events:
        if frame.startswith("Content-Length: "):
            content = frame.split("\n\n", 1)[1]
            block, _, body = content.partition("\n\n")
            headers = pairs(block)
            if body:
                assert headers.pop() == ("Content-Length", str(len(body.encode())))
            assert encode.event_frame(headers, body) == frame.encode()
        else:  # the answer to connect has no frame around it
            assert encode.event_plain(pairs(frame)) == frame.encode()


def test_recorded_replies_and_notices_are_written_alike() -> None:
    press = frames(next(path for path in TRANSCRIPTS if path.stem == "press-outbound"), "freeswitch")
    uuid, name = "7d44b455-139d-4f12-af39-5008c7879c4d", "loopback/11-a"
    assert encode.command_reply("+OK will linger 10 seconds").decode() in press
    assert encode.linger_notice(uuid, name, 10).decode() in press
    assert encode.disconnect_notice(uuid).decode() in press
    inbound = frames(next(path for path in TRANSCRIPTS if path.stem == "press-inbound"), "freeswitch")
    job = "2364f29f-5b50-446b-b28f-6cc05bde5d6e"
    assert encode.auth_request().decode() == inbound[0]
    assert encode.command_reply(f"+OK Job-UUID: {job}", [("Job-UUID", job)]).decode() in inbound
    assert encode.disconnect_notice().decode() == inbound[-1]


def test_encoding_does_not_encode_twice() -> None:
    assert encode.percent_encode("%0A") == "%0A"
    assert encode.percent_encode("%0a") == "%250a"
    assert encode.percent_encode("100%") == "100%25"
    assert encode.percent_encode("%4") == "%254"
    assert encode.event_plain([("A", "")]) == b"A: _undef_\n\n"


@given(st.text())
def test_an_encoded_value_stays_on_its_line(value: str) -> None:
    coded = encode.percent_encode(value)
    assert coded.isascii()
    assert not set(coded) & set("\r\n :<>")
    assert unquote(coded, errors="surrogateescape") == unquote(value, errors="surrogateescape")


def test_json_events_hold_the_body_and_the_last_of_two_values() -> None:
    event = json.loads(encode.event_json([("A", "1 %41"), ("A", "2\n")], "+OK é"))
    assert event == {"A": "2\n", "Content-Length": "6", "_body": "+OK é"}


def packets(data: bytes, size: int) -> list[Packet]:
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    reader = PacketReader(lambda: chunks.pop(0) if chunks else b"")
    found = []
    while (packet := reader.read()) is not None:
        found.append(packet)
    return found


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_recorded_commands_are_understood_however_they_are_cut(path: Path, size: int) -> None:
    sent = frames(path, "app")
    found = packets("".join(sent).encode(), size)
    assert [packet.command for packet in found] == [frame.split("\n")[0] for frame in sent]
    for frame, packet in zip(sent, found, strict=True):
        assert packet.body == frame.split("\n\n", 1)[1]


def test_line_feeds_before_a_command_are_nothing() -> None:
    assert [p.command for p in packets(b"\n\n\nexit\n\n\n", 3)] == ["exit"]


def test_a_carriage_return_spoils_the_packet() -> None:
    (packet,) = packets(b"sendmsg\ncall-command: execute\nexecute-app-name: a\rb\nevent-uuid: u\n\n", 100)
    assert packet.headers == {"event-uuid": "u"}


def test_a_body_may_hold_anything_and_the_next_packet_follows_it() -> None:
    found = packets(b"sendmsg\ncontent-length: 6\n\na\n\nb\r\nexit\n\n", 2)
    assert [(p.command, p.body) for p in found] == [("sendmsg", "a\n\nb\r\n"), ("exit", "")]


def test_an_unfinished_packet_is_none() -> None:
    assert packets(b"exit\n", 1) == []
    assert packets(b"sendmsg\ncontent-length: 9\n\nabc", 1) == []
