"""The judge on made-up audio: each reason for a decision, and none for a crash. How well it does on voices is measured
in benchmarks/amd.py."""

from __future__ import annotations

import math
import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs_app.domain.amd import LIMITS, AmdParameters
from fs_app.domain.enums import WhoAnswered
from fs_app.errors import InvalidInput
from ivr.amd import Decision, GreetingEnd, Judge
from ivr.hearing import Tones, hear
from tests.voices import RATE, beep, frames, quiet, talk

PERSON, MACHINE, UNKNOWN = WhoAnswered.PERSON, WhoAnswered.MACHINE, WhoAnswered.UNKNOWN


def judged(*parts: bytes, **changes: int) -> Decision | None:
    judge = Judge(AmdParameters.from_mapping(changes))
    for frame in frames(*parts):
        if judge.feed(frame):
            break
    return judge.decision


def noise(ms: int, level: float) -> bytes:
    return quiet(ms, level=level, seed=7)


def tones(ms: int, *frequencies: float) -> bytes:
    """Several at once, as of a line that rings."""
    turn = 2 * math.pi / RATE
    return array(
        "h", (round(sum(2500 * math.sin(hz * turn * n) for hz in frequencies)) for n in range(ms * RATE // 1000))
    ).tobytes()


def noisy(part: bytes, level: float = 250) -> bytes:
    dice = random.Random(3)
    return array("h", (round(s + dice.gauss(0, level)) for s in array("h", part))).tobytes()


def loud(ms: int) -> bytes:
    """Steady, and no noise of a line."""
    return noise(ms, 1500)


@pytest.mark.parametrize(
    ("parts", "who", "earliest", "latest"),
    [
        pytest.param((quiet(400), talk(400), quiet(3000)), PERSON, 1000, 1500, id="hello?"),
        pytest.param((talk(400), quiet(3000)), PERSON, 600, 1100, id="speaks at once"),
        pytest.param((quiet(400), talk(300), quiet(250), talk(400), quiet(3000)), PERSON, 1500, 2300, id="two words"),
        pytest.param((quiet(400), talk(2200), quiet(3000)), PERSON, 3000, 4200, id="a whole sentence"),
        pytest.param((quiet(2500), talk(400), quiet(3000)), PERSON, 3000, 4000, id="slow to answer"),
        pytest.param((noise(400, 60), talk(400), noise(3000, 60)), PERSON, 900, 1600, id="in noise"),
        pytest.param((quiet(400), talk(9000)), MACHINE, 3300, 4200, id="talks on"),
        pytest.param((quiet(900), talk(1500), quiet(300), talk(3000)), MACHINE, 3900, 4800, id="with pauses"),
        pytest.param((quiet(3200), talk(5000)), MACHINE, 6000, 7200, id="begins late"),
        pytest.param((quiet(300), talk(900), quiet(200), beep(500)), MACHINE, 1400, 1900, id="short greeting, beep"),
        pytest.param((quiet(300), beep(330, 950), beep(330, 1400), beep(330, 1800)), MACHINE, 400, 900, id="SIT"),
        pytest.param((quiet(300), beep(3300, 2100)), MACHINE, 400, 700, id="fax"),
        pytest.param((quiet(9000),), UNKNOWN, 4000, 4000, id="silence"),
        pytest.param((noise(9000, 200),), UNKNOWN, 4000, 4000, id="line noise"),
        pytest.param((b"\xff" * 320 * 450,), UNKNOWN, 4000, 4000, id="comfort noise frames of the switch"),
        pytest.param((b"\0" * 320 * 450,), UNKNOWN, 4000, 4000, id="digital silence"),
        pytest.param(
            (quiet(300), beep(80), quiet(500), talk(400), quiet(2000)), PERSON, 1500, 2200, id="after a click"
        ),
        pytest.param(
            (quiet(200), noise(100, 3000), quiet(700), talk(9000)), MACHINE, 4200, 4700, id="a click, then talks"
        ),
        pytest.param((quiet(300), beep(500, 1100), quiet(3000)), MACHINE, 400, 700, id="fax, as one that calls"),
        pytest.param(
            (quiet(300), beep(274, 913.8), beep(274, 1370.6), beep(380, 1776.7)), MACHINE, 400, 900, id="SIT: no such"
        ),
        pytest.param((beep(900, 425), quiet(9000)), UNKNOWN, 6900, 7100, id="a ringing tone says nothing"),
        pytest.param((loud(9000),), MACHINE, 4000, 4000, id="a loud sound that never pauses"),
    ],
)
def test_decisions(parts: tuple[bytes, ...], who: WhoAnswered, earliest: int, latest: int) -> None:
    decision = judged(*parts)
    assert decision is not None
    assert (decision.who, earliest <= decision.ms <= latest) == (who, True), decision


HELLO = (quiet(300), talk(400), quiet(3000))
GREETING = (quiet(300), talk(9000))
# As in ITU-T E.180 supplement 2: the United States, the United Kingdom, Germany, France, Australia, Japan.
US, UK, DE, FR = (440, 480), (400, 450), (425,), (440,)
AU, JP = (400, 425, 450), (400, 416)
RINGING = {
    "us": (tones(2000, *US), quiet(4000), tones(2000, *US), quiet(1000)),
    "uk": 2 * (tones(400, *UK), quiet(200), tones(400, *UK), quiet(2000)),
    "de": (tones(1000, *DE), quiet(4000), tones(1000, *DE), quiet(4000), tones(600, *DE)),
    "fr": (quiet(500), tones(1500, *FR), quiet(3500), tones(1500, *FR), quiet(500)),
    "au": 3 * (tones(400, *AU), quiet(200), tones(400, *AU), quiet(2000)),
    "jp": (tones(1000, *JP), quiet(2000), tones(1000, *JP), quiet(300)),
    "after words": (talk(900), quiet(200), tones(2000, *US), quiet(4000), tones(2000, *US), quiet(500)),
    "a codec begins": (noise(20, 1200), tones(1980, *US), quiet(500)),
    "in noise": tuple(noisy(part) for part in (tones(2000, *US), quiet(4000), tones(2000, *US), quiet(1000))),
}


@pytest.mark.parametrize("rings", RINGING)
@pytest.mark.parametrize(("then", "who", "latest"), [(HELLO, PERSON, 1500), (GREETING, MACHINE, 4200)])
def test_an_exchange_that_answers_and_then_rings(
    rings: str, then: tuple[bytes, ...], who: WhoAnswered, latest: int
) -> None:
    """What counts is who answers the ringing; it takes no longer than without it."""
    rung = sum(len(part) for part in RINGING[rings]) // 16
    decision = judged(*RINGING[rings], *then)
    assert decision is not None
    assert (decision.who, rung < decision.ms <= rung + latest) == (who, True), decision


@pytest.mark.parametrize(("on", "frequencies"), [(500, (425,)), (500, (480, 620)), (250, (480, 620)), (350, UK)])
def test_a_busy_tone_is_nobody(on: int, frequencies: tuple[float, ...]) -> None:
    decision = judged(*(8 * (tones(on, *frequencies), quiet(on))))
    assert decision is not None
    assert decision.who is MACHINE
    assert decision.reason == "a busy tone"


def test_ringing_without_end() -> None:
    decision = judged(*(12 * (tones(2000, *US), quiet(4000))))
    assert decision is not None
    assert (decision.who, "still ringing" in decision.reason) == (UNKNOWN, True)


def test_parameters_change_it() -> None:
    hello = (quiet(400), talk(400), quiet(700), talk(9000))
    assert judged(*hello).who is PERSON  # type: ignore[union-attr]
    assert judged(*hello, silence_after_word=1200).who is MACHINE  # type: ignore[union-attr]
    assert judged(quiet(400), talk(9000), greeting=1500).ms < 2300  # type: ignore[union-attr]
    assert judged(quiet(9000), initial_silence=2000) == Decision(UNKNOWN, "no speech for 2000 ms", 2000)


@pytest.mark.parametrize(
    ("parts", "why", "earliest", "latest"),
    [
        pytest.param((quiet(400), talk(5000), quiet(300), beep(400), quiet(2000)), "beep", 6100, 6500, id="a beep"),
        pytest.param(
            (talk(5000), quiet(300), beep(200), quiet(150), beep(200), quiet(2000)), "beep", 5850, 6300, id="two beeps"
        ),
        pytest.param((talk(5000), quiet(300), beep(700, 440), quiet(2000)), "beep", 6000, 6400, id="a low beep"),
        pytest.param((talk(5000), quiet(5000)), "silence", 7900, 8200, id="none"),
        pytest.param(
            (talk(5000), quiet(2500), talk(3000), quiet(300), beep(400), quiet(900)), "beep", 11_200, 11_600, id="pause"
        ),
        pytest.param((talk(70_000),), "without a beep", 62_000, 64_000, id="never ends"),
        pytest.param(
            (beep(330, 950), beep(330, 1400), beep(330, 1800), quiet(300), talk(4000), quiet(3500)),
            "silence",
            8200,
            8600,
            id="tones first",
        ),
    ],
)
def test_when_the_message_can_be_left(parts: tuple[bytes, ...], why: str, earliest: int, latest: int) -> None:
    rules = AmdParameters()
    judge = Judge(rules)
    end: GreetingEnd | None = None
    ready, ms = None, 0
    for frame in frames(*parts):
        ms += 20
        if end is None:
            end = GreetingEnd(rules, judge) if judge.feed(frame) else None
        elif ready := end.feed(frame):
            break
    assert judge.decision is not None
    assert judge.decision.who is MACHINE
    assert ready is not None
    assert why in ready
    assert earliest <= ms <= latest


@pytest.mark.parametrize("hz", [370, 440, 660, 1000, 1400, 2000, 2500])
@pytest.mark.parametrize("snr", [40, 18])
def test_tones_are_heard_through_noise_at_their_frequency(hz: float, snr: float) -> None:
    dice = random.Random(hz)
    hiss = 5000 / math.sqrt(2) * 10 ** (-snr / 20)
    noisy = array("h", (round(s + dice.gauss(0, hiss)) for s in array("h", beep(400, hz))))
    tones = Tones()
    best = 0
    for frame in frames(noisy.tobytes()):
        tones.feed(hear(frame))
        best = max(best, tones.ms)
        assert tones.ms == 0 or abs(tones.hz - hz) < 25
    assert best >= (380 if snr > 30 else 80)


def test_speech_and_double_tones_are_no_beeps() -> None:
    for sound in (talk(20_000), tones(2000, *US), noise(3000, 2000)):
        found = Tones()
        for frame in frames(sound):
            found.feed(hear(frame))
            assert found.ms < 160


def test_wideband_is_heard_as_narrowband_is() -> None:
    wide = array("h")
    for sample in array("h", quiet(400) + talk(400) + quiet(3000)):
        wide.extend((sample, sample))
    judge = Judge(AmdParameters(), rate=16_000)
    raw = wide.tobytes()
    for at in range(0, len(raw), 640):
        judge.feed(raw[at : at + 640])
    assert judge.decision is not None
    assert judge.decision.who is PERSON


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=700), max_size=60), st.sampled_from([8000, 16_000, 48_000]))
def test_any_bytes_are_judged(pieces: list[bytes], rate: int) -> None:
    judge = Judge(AmdParameters(), rate)
    decisions = {judge.feed(piece) for piece in pieces}
    assert len(decisions - {None}) <= 1
    end = GreetingEnd(AmdParameters(), judge)
    for piece in pieces:
        end.feed(piece)


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_limits_hold_for_every_parameter(name: str) -> None:
    low, high = LIMITS[name]
    assert low <= getattr(AmdParameters(), name) <= high
    for bad in (low - 1, high + 1, low + 0.5, "x", None, True, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match=f"{name} is a whole number"):
            AmdParameters.from_mapping({name: bad})


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_each_parameter_can_be_set_alone(name: str) -> None:
    """Who sets one of a pair need not know the default of the other."""
    for value in (*LIMITS[name], getattr(AmdParameters(), name) + 1):
        made = AmdParameters.from_mapping({name: value})
        assert getattr(made, name) == value
        assert (made.word < made.phrase, made.silence_after_word <= made.silence_after_phrase) == (True, True)
