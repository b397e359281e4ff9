"""What the callee really hears while a transfer rings: recorded on a real switch."""

from __future__ import annotations

from pathlib import Path

import gevent
import pytest

from tests.contract.sounds import loud_seconds, readable, tone
from tests.contract.test_joining_contract import call, connected, target
from tests.freeswitch.real import PATIENCE, Calls

pytestmark = pytest.mark.freeswitch


def test_the_announcement_is_heard_while_it_rings(calls: Calls, tmp_path: Path) -> None:
    """Recorded at the callee's end: the tone of the file, again and again, over a second of ringing."""
    announcement = tone(readable(tmp_path) / "hold.wav", 0.3)
    heard = readable(tmp_path) / "heard.wav"
    call_uuid, channel = call(calls)
    calls.switch.api(f"uuid_setvar {call_uuid} RECORD_WRITE_ONLY true")
    calls.switch.api(f"uuid_record {call_uuid} start {heard}")
    talking = gevent.spawn(channel.transfer, target("2103"), announcement=[announcement])
    connected(calls, call_uuid)
    calls.switch.api(f"uuid_record {call_uuid} stop {heard}")
    calls.press(call_uuid, "*")
    assert talking.get(timeout=PATIENCE).outcome == "left"
    calls.over(call_uuid)
    assert loud_seconds(heard) > 0.7
