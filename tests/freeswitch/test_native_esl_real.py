"""python-ESL against a real switch, where both are there."""

from __future__ import annotations

import os

import pytest

from fs_app.errors import InvalidInput, SwitchDown
from fs_app.switch.native_esl import NativeEsl

pytestmark = pytest.mark.freeswitch


@pytest.fixture
def address() -> tuple[str, int, str]:
    pytest.importorskip("ESL", reason="python-ESL is not installed (the extra esl)")
    host, _, port = os.environ["FS_APP_TEST_ESL"].rpartition(":")
    return host, int(port), os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon")


def test_api_and_events(address: tuple[str, int, str]) -> None:
    with NativeEsl(*address) as esl:
        assert esl.api("status").startswith("UP ")
        assert esl.api("uuid_exists nobody") == "false"
        with pytest.raises(InvalidInput):
            esl.api("status\n\napi version")
        events = esl.events(["API"], patience=0.01)
        assert next(events) is None
        with NativeEsl(*address) as other:
            other.api("status")
        heard = (event for _, event in zip(range(500), events, strict=False) if event is not None)
        assert any(event["Event-Name"] == "API" and event["API-Command"] == "status" for event in heard)


def test_a_wrong_password(address: tuple[str, int, str]) -> None:
    with pytest.raises(SwitchDown):
        NativeEsl(address[0], address[1], "not the password")
