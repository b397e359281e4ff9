"""The argument of ``bridge``: whom a call is transferred to, and nobody and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fs_app.errors import InvalidInput
from fs_app.switch.dialstring import BridgeTarget, bridge_argument, check_sip_uri
from tests.unit.test_dialstring import NASTY, UUID, take_apart

PEER = "0f6d4a5e-90d0-4bd1-8a3d-0e5e4a7c9b11"
SIP = "sip:reception@pbx.example.org:5070"
TARGET = BridgeTarget.number("sofia/gateway/provider/", "+1 555 0100", caller_id_number="123456", caller_id_name="Ann")


def read(argument: str) -> tuple[dict[str, str], list[str]]:
    """(variables, legs), by the reader of whole originate lines; bridge itself does not split at spaces."""
    quoted = argument.replace(" ", "_")
    variables, legs, words = take_apart(f"originate {quoted} &park()")
    assert words == ["&park()"]
    return variables, legs


def test_the_whole_argument() -> None:
    assert bridge_argument(TARGET, peer=PEER, call=UUID, ring_timeout=20) == (
        f"{{origination_uuid={PEER},fs_app_transfer={UUID},origination_caller_id_number=123456,"
        "origination_caller_id_name='Ann',ignore_early_media=true,instant_ringback=true,"
        "app_disable_expand_variables=true,rtp_timer_name=soft,loopback_bowout=false,originate_timeout=20}"
        "sofia/gateway/provider/+15550100"
    )


def test_with_a_key_to_confirm() -> None:
    argument = bridge_argument(
        TARGET, peer=PEER, call=UUID, ring_timeout=19.5, confirm=["/a b/ü.wav", "/c.wav"], confirm_key="1"
    )
    variables, _ = read(argument)
    assert variables["group_confirm_key"] == "1"
    assert variables["leg_timeout"] == "20"
    assert variables["group_confirm_timeout"] == "30"
    assert variables["originate_timeout"] == "55"
    assert "group_confirm_file='file_string:///a b/ü.wav!/c.wav'" in argument
    assert "group_confirm_file" not in bridge_argument(TARGET, peer=PEER, call=UUID, ring_timeout=9, confirm_key="1")


@given(NASTY, NASTY, NASTY, NASTY, st.lists(st.builds("/{}".format, NASTY), max_size=2))
@example("555", "555", "a:_:loopback/9/x", "1", ["/a.wav"])
@example("555", "555", "x", "1", ["/a.wav',api_on_answer='system x"])
@example("555", "555", "x", "exec", ["/system rm"])
def test_nothing_breaks_out(number: str, caller: str, name: str, key: str, confirm: list[str]) -> None:
    try:
        target = BridgeTarget.number("sofia/gateway/provider/", number, caller_id_number=caller, caller_id_name=name)
        argument = bridge_argument(target, peer=PEER, call=UUID, ring_timeout=20, confirm=confirm, confirm_key=key)
    except InvalidInput:
        return
    variables, legs = read(argument)
    assert len(legs) == 1
    assert legs[0].startswith("sofia/gateway/provider/")
    assert legs[0].removeprefix("sofia/gateway/provider/").lstrip("+").isdecimal()
    assert set(variables) <= {
        "origination_uuid", "fs_app_transfer", "origination_caller_id_number", "origination_caller_id_name",
        "ignore_early_media", "instant_ringback", "app_disable_expand_variables", "rtp_timer_name", "loopback_bowout",
        "originate_timeout", "leg_timeout", "group_confirm_timeout", "group_confirm_key", "group_confirm_file",
    }  # fmt: skip
    assert variables.get("group_confirm_key", "1") in set("0123456789*#")


@given(NASTY)
@example("loopback/1/x,loopback/2/x")
@example("sofia/gateway/a/1|sofia/gateway/b/2")
@example("sofia/external/a@b@c")
@example("user/1000")
@example("{a=b}loopback/1009/x")
@example("loopback/1009/x\n")
def test_an_endpoint_is_checked_however_it_is_made(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="target"):
        BridgeTarget(endpoint)


def test_a_sip_uri_that_an_administrator_allowed() -> None:
    target = BridgeTarget.sip(SIP, allowed=frozenset({SIP}), profile="internal")
    assert target.endpoint == "sofia/internal/reception@pbx.example.org:5070"
    with pytest.raises(InvalidInput, match="allowed"):
        BridgeTarget.sip(SIP, allowed=frozenset())
    for bad in ("sips:a@b", "sip:a", "sip:@b", "sip:a@b;transport=tcp", "sip:a b@c", "sip:a@b:99999999", SIP + "\n"):
        with pytest.raises(InvalidInput, match="phonenumber"):
            check_sip_uri(bad, allowed=frozenset({bad}))
    with pytest.raises(InvalidInput):
        BridgeTarget.sip(SIP, allowed=frozenset({SIP}), profile="gateway/x")


@pytest.mark.parametrize("seconds", [0.0, 601])
def test_a_ring_time_out_of_bounds(seconds: float) -> None:
    if seconds:
        with pytest.raises(InvalidInput, match="ring_timeout"):
            bridge_argument(TARGET, peer=PEER, call=UUID, ring_timeout=seconds)
    else:
        assert "originate_timeout=1}" in bridge_argument(TARGET, peer=PEER, call=UUID, ring_timeout=seconds)
