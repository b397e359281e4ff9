"""The wire format, against every recorded conversation and against what nobody well-meaning would send."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.errors import InvalidInput, ProtocolError
from fs_app.switch.wire import MAX_BODY, MAX_HEAD, Frame, FrameParser, command, execute, sendmsg
from tests.fakes.esl_peer import TRANSCRIPTS, events, pieces, plain, transcript

NAMES = sorted(path.name for path in TRANSCRIPTS.glob("*.jsonl"))


def block(frame: bytes) -> dict[str, str]:
    """The headers of a recorded frame, read the slow and obvious way."""
    head, _, body = frame.decode().partition("\n\n")
    text = body.partition("\n\n")[0] if "Content-Type: text/event-plain" in head else head
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(": ")
        found.setdefault(name, unquote(value))
    return found


def inner_body(frame: bytes) -> str:
    head, _, body = frame.decode().partition("\n\n")
    return body.partition("\n\n")[2] if "Content-Type: text/event-plain" in head else body


def check(frames: list[Frame], recorded: list[bytes]) -> None:
    assert len(frames) == len(recorded)
    for frame, raw in zip(frames, recorded, strict=True):
        assert frame.headers == block(raw)
        for name, value in block(raw).items():
            assert frame[name] == value
        assert frame.body == inner_body(raw)


def test_there_are_transcripts() -> None:
    assert len(NAMES) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_every_transcript_whole(name: str) -> None:
    recorded = transcript(name)
    check(FrameParser().feed(b"".join(recorded)), recorded)


@pytest.mark.parametrize("name", NAMES)
def test_every_transcript_byte_by_byte(name: str) -> None:
    recorded = transcript(name)
    parser = FrameParser()
    check([frame for byte in pieces(b"".join(recorded), 1) for frame in parser.feed(byte)], recorded)


@given(st.lists(st.integers(1, 9000), max_size=40))
def test_any_cut_gives_the_same_frames(sizes: list[int]) -> None:
    recorded = transcript("hangup-inbound.jsonl")
    data, parser, frames = b"".join(recorded), FrameParser(), []
    for size in sizes:
        frames += parser.feed(data[:size])
        data = data[size:]
    check(frames + parser.feed(data), recorded)


def test_a_frame_is_there_with_its_last_byte_and_not_before() -> None:
    (frame,) = events("busy-inbound.jsonl", "BACKGROUND_JOB")
    parser = FrameParser()
    assert parser.feed(frame[:-1]) == []
    assert [f.body for f in parser.feed(frame[-1:])] == ["-ERR USER_BUSY\n"]


def test_lengths_are_bytes_not_characters() -> None:
    words = "-ERR Müller ☎\n"
    raw = plain("BACKGROUND_JOB", {"Job-UUID": "1"}, words)
    assert [f.body for f in FrameParser().feed(raw + raw)] == [words, words]


def test_a_hostile_value_forges_no_header() -> None:
    (frame,) = FrameParser().feed(plain("DTMF", {"Caller-Caller-ID-Name": "X\nUnique-ID: forged", "Unique-ID": "real"}))
    assert frame["Unique-ID"] == "real"
    assert frame["Caller-Caller-ID-Name"] == "X\nUnique-ID: forged"
    assert set(frame.headers) == {"Event-Name", "Caller-Caller-ID-Name", "Unique-ID"}


def test_an_inner_body_forges_no_header() -> None:
    (frame,) = FrameParser().feed(plain("BACKGROUND_JOB", {"Job-UUID": "1"}, "Unique-ID: forged\nReply-Text: x\n\n"))
    assert "Unique-ID" not in frame
    assert frame.get("Reply-Text") is None
    assert frame.body == "Unique-ID: forged\nReply-Text: x\n\n"


def test_a_name_within_another_is_not_found() -> None:
    (frame,) = FrameParser().feed(plain("X", {"Other-Leg-Unique-ID": "b-leg", "Note": "Unique-ID: c"}))
    assert frame.get("Unique-ID") is None
    assert frame.get("Unique-ID", "none") == "none"


def test_the_first_of_duplicates_and_bytes_that_are_not_utf_8() -> None:
    inner = b"Event-Name: X\nA: 1\nA: 2\nB: \xff%fe\n\n"
    (frame,) = FrameParser().feed(b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(inner) + inner)
    assert frame["A"] == "1"
    assert frame["B"] == "\ufffd\ufffd"
    with pytest.raises(KeyError):
        frame["C"]


@given(st.dictionaries(st.from_regex(r"H-[A-Za-z-]{0,20}", fullmatch=True), st.text(), max_size=8), st.text())
def test_whatever_is_in_an_event_comes_out(headers: dict[str, str], body: str) -> None:
    raw, parser = plain("X", headers, body), FrameParser()
    for frame in [*FrameParser().feed(raw * 2), *(f for piece in pieces(raw, 7) for f in parser.feed(piece))]:
        assert frame.headers.items() >= headers.items()
        assert {name: frame[name] for name in headers} == headers
        assert frame.body == body


@pytest.mark.parametrize("length", ["-1", "+5", "1_0", "five", "", "99999999999999999999999", str(MAX_BODY + 1)])
def test_a_bad_length_is_an_error_at_once(length: str) -> None:
    with pytest.raises(ProtocolError):
        FrameParser().feed(f"Content-Type: api/response\nContent-Length: {length}\n\n".encode())


def test_frames_before_an_error_are_delivered_and_the_error_stays() -> None:
    parser = FrameParser()
    good = b"Content-Type: auth/request\n\n"
    assert [f.content_type for f in parser.feed(good + b"HTTP/1.1 400 Bad Request\n\n")] == ["auth/request"]
    for data in (b"", good):
        with pytest.raises(ProtocolError, match="without Content-Type"):
            parser.feed(data)


def test_a_head_without_end_is_bounded() -> None:
    parser = FrameParser()
    for _ in range(MAX_HEAD // 65536):
        assert parser.feed(b"x" * 65536) == []
    with pytest.raises(ProtocolError):
        parser.feed(b"x")


def test_the_largest_body_in_small_pieces_passes() -> None:
    head, parser = f"Content-Type: api/response\nContent-Length: {MAX_BODY}\n\n".encode(), FrameParser()
    frames = [f for piece in pieces(head + b"y" * MAX_BODY, 65536) for f in parser.feed(piece)]
    assert [len(f.body) for f in frames] == [MAX_BODY]


@pytest.mark.parametrize("name", [n for n in NAMES if "outbound" in n])
def test_execute_writes_what_the_recorded_client_wrote(name: str) -> None:
    recorded = [f for f in transcript(name, "app") if f.startswith(b"sendmsg")]
    assert recorded
    for raw in recorded:
        head, _, body = raw.decode().partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.split("\n")[1:])
        assert execute(headers["execute-app-name"], body, headers["event-uuid"]) == raw


def test_commands() -> None:
    assert command("event plain ALL") == b"event plain ALL\n\n"
    assert command("bgapi status", {"Job-UUID": "1"}) == b"bgapi status\nJob-UUID: 1\n\n"
    assert sendmsg({"call-command": "hangup"}, uuid="u") == b"sendmsg u\ncall-command: hangup\n\n"
    assert execute("playback", "/a sound/hallö.wav", "u").endswith(b"content-length: 19\n\n/a sound/hall\xc3\xb6.wav")


@given(st.text(), st.sampled_from("\r\n\0"), st.text())
def test_no_builder_takes_a_second_line(before: str, bad: str, after: str) -> None:
    text = before + bad + after
    builders: list[Callable[[], bytes]] = [
        lambda: command("api " + text),
        lambda: command("bgapi x", {"Job-UUID": text}),
        lambda: command("bgapi x", {"A" + text: "v"}),
        lambda: execute("playback", text, "u"),
        lambda: execute("play" + text, "x", "u"),
        lambda: execute("playback", "x", text),
        lambda: sendmsg({"call-command": "hangup"}, uuid="u" + text),
    ]
    for build in builders:
        with pytest.raises(InvalidInput):
            build()


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidInput):
        command("api \ud800")
    with pytest.raises(InvalidInput):
        command("")
