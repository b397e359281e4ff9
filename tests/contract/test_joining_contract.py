"""Transfers and conferences as the product does them: on the built-in switch and on a real one, the same tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest

from fs_app.switch.channel import Conferenced, Transferred
from fs_app.switch.dialstring import BridgeTarget
from tests.contract.sounds import readable, tone
from tests.freeswitch.real import PATIENCE, Calls, request_to


def target(number: str, context: str = "fs_app_parties", **more: str) -> BridgeTarget:
    return BridgeTarget.number(f"loopback/{{number}}/{context}", number, **more)


def call(calls: Calls, number: str = "1009") -> tuple[str, Any]:
    request = request_to(number, calls.server)
    return request.call_uuid, calls.place(request)


def peers(calls: Calls, call_uuid: str) -> list[str]:
    """The legs that were rung for the call and are still up."""
    lines = calls.switch.api("show channels").splitlines()
    found = [line.split(",")[0] for line in lines if line.count("-") > 3]
    return [leg for leg in found if variable(calls, leg, "fs_app_transfer") == call_uuid]


def variable(calls: Calls, call_uuid: str, name: str) -> str:
    return calls.switch.api(f"uuid_getvar {call_uuid} {name}").strip()


def until(condition: Callable[[], bool]) -> None:
    """Ask the switch until it says so."""
    with gevent.Timeout(PATIENCE):
        while not condition():
            pass


def gone(calls: Calls, call_uuid: str) -> None:
    """No leg of the call is left, not even a moment later."""
    until(lambda: not peers(calls, call_uuid))


def connected(calls: Calls, call_uuid: str) -> str:
    """Wait until the call is bridged; the other leg."""
    until(lambda: variable(calls, call_uuid, "bridge_uuid") != "_undef_")
    return variable(calls, call_uuid, "bridge_uuid")


def test_they_talk_and_the_other_side_hangs_up(calls: Calls) -> None:
    call_uuid, channel = call(calls)
    done = channel.transfer(target("2101", caller_id_number="+15550199", caller_id_name="Dr Müller (Oslo)"))
    assert (done.outcome, done.cause) == ("bridged", "NORMAL_CLEARING")
    assert 0.8 < done.seconds < 2.0
    assert channel.play(["silence_stream://100"]).missing is False  # we have the callee back
    calls.over(call_uuid)
    gone(calls, call_uuid)


@pytest.mark.parametrize(
    ("number", "outcome", "cause"),
    [
        ("1011", "busy", "USER_BUSY"),
        ("1012", "no_answer", "NO_ANSWER"),
        ("1013", "rejected", "CALL_REJECTED"),
        ("1014", "failed", "UNALLOCATED_NUMBER"),
    ],
)
def test_nobody_to_talk_to(calls: Calls, number: str, outcome: Any, cause: str) -> None:
    call_uuid, channel = call(calls)
    assert channel.transfer(target(number, "callees"), ring_timeout=1) == Transferred(outcome, 0.0, cause)
    assert channel.gather(["silence_stream://50"], maximum=1, timeout=0.1).ended_by == "timeout"
    calls.over(call_uuid)


def test_a_gateway_that_does_not_exist(calls: Calls) -> None:
    call_uuid, channel = call(calls)
    done = channel.transfer(BridgeTarget.number("sofia/gateway/no-such-gateway/", "15550100"))
    assert done == Transferred("failed", 0.0, "INVALID_GATEWAY")
    calls.over(call_uuid)


@pytest.mark.parametrize("when", ["ringing", "talking"])
def test_the_callee_leaves(calls: Calls, when: str) -> None:
    call_uuid, channel = call(calls)
    number, context = ("1012", "callees") if when == "ringing" else ("2105", "fs_app_parties")
    talking = gevent.spawn(channel.transfer, target(number, context))
    if when == "talking":
        connected(calls, call_uuid)
    else:
        until(lambda: bool(peers(calls, call_uuid)))
    calls.press(call_uuid, "5*")
    done = talking.get(timeout=PATIENCE)
    assert done.outcome == "left"
    assert channel.gather([], maximum=1, timeout=0.2).digits == ""  # neither 5 nor * were answers
    gone(calls, call_uuid)
    calls.over(call_uuid)


def test_a_leave_key_that_came_too_early_still_leaves(calls: Calls) -> None:
    """Pressed in the instant in which no application runs: the switch did nothing with it."""
    call_uuid, channel = call(calls)
    talking = gevent.spawn(channel.transfer, target("2105"))
    gevent.sleep(0)  # the greenlet has begun, its first order is on its way
    channel._session.keys.append("*")
    assert talking.get(timeout=PATIENCE).outcome == "left"
    gone(calls, call_uuid)
    calls.over(call_uuid)


def test_the_callee_hangs_up_and_the_other_leg_goes_too(calls: Calls) -> None:
    call_uuid, channel = call(calls)
    talking = gevent.spawn(channel.transfer, target("2105"))
    connected(calls, call_uuid)
    assert calls.switch.hangup(call_uuid, "NORMAL_CLEARING")
    assert talking.get(timeout=PATIENCE).outcome == "hangup"
    gone(calls, call_uuid)
    calls.over(call_uuid)


def test_a_hangup_while_it_rings_stops_the_ringing(calls: Calls) -> None:
    call_uuid, channel = call(calls)
    talking = gevent.spawn(channel.transfer, target("1012", "callees"))
    until(lambda: bool(peers(calls, call_uuid)))
    assert calls.switch.hangup(call_uuid, "NORMAL_CLEARING")
    assert talking.get(timeout=PATIENCE) == Transferred("hangup", 0.0, "NORMAL_CLEARING")
    gone(calls, call_uuid)
    calls.over(call_uuid)


def test_who_confirms_is_connected(calls: Calls, tmp_path: Path) -> None:
    words = tone(readable(tmp_path) / "press one.wav", 0.5)
    announcement = tone(tmp_path / "please hold.wav", 0.4)
    call_uuid, channel = call(calls)
    done = channel.transfer(
        target("2102"), announcement=[announcement, announcement], confirm=[words, words], confirm_key="1"
    )
    assert done.outcome == "bridged"
    assert 1.0 < done.seconds < 2.5
    calls.over(call_uuid)


def test_who_presses_another_key_is_not_connected(calls: Calls, tmp_path: Path) -> None:
    words = tone(readable(tmp_path) / "press nine.wav", 0.5)
    call_uuid, channel = call(calls)
    done = channel.transfer(target("2102"), confirm=[words], confirm_key="9")
    assert (done.outcome, done.seconds) == ("no_answer", 0.0)
    calls.over(call_uuid)


def test_words_to_confirm_that_cannot_be_played(calls: Calls) -> None:
    call_uuid, channel = call(calls)
    done = channel.transfer(target("2102"), confirm=["/nonexistent/a.wav"], confirm_key="1")
    assert done.outcome == "failed"
    calls.over(call_uuid)


def test_an_announcement_that_cannot_be_played_does_not_matter(calls: Calls) -> None:
    call_uuid, channel = call(calls)
    assert channel.transfer(target("2101"), announcement=["/nonexistent/a.wav"]).outcome == "bridged"
    calls.over(call_uuid)


def test_a_conference_is_left_by_its_key_and_by_its_limit(calls: Calls) -> None:
    room = f"room-{uuid.uuid4()}"
    call_uuid, channel = call(calls)
    inside = gevent.spawn(channel.conference, room, limit=60)
    until(lambda: calls.switch.api(f"conference {room} list count").strip() == "1")
    calls.press(call_uuid, "12#")
    done = inside.get(timeout=PATIENCE)
    assert done.left_by == "key"
    assert channel.gather([], maximum=1, timeout=0.2).digits == ""
    done = channel.conference(room, limit=1)
    assert done.left_by == "end"
    assert 0.9 < done.seconds < 2
    assert channel.play(["silence_stream://50"]).missing is False
    inside = gevent.spawn(channel.conference, room, limit=60)
    until(lambda: calls.switch.api(f"conference {room} list count").strip() == "1")
    assert calls.switch.hangup(call_uuid, "NORMAL_CLEARING")
    done = inside.get(timeout=PATIENCE)
    assert isinstance(done, Conferenced)
    assert done.left_by == "hangup"
    calls.over(call_uuid)
