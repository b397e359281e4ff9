"""What the originate line becomes on a real switch: the variables read back from the channel are those that were put
in, letter for letter, and nothing else was run."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

import pytest

from fs_app.switch.dialstring import originate_command
from fs_app.switch.gate import Switch
from tests.freeswitch.real import PATIENCE, Calls, request_to

pytestmark = pytest.mark.freeswitch

NAMES = ("Dr Müller (Oslo)", "A & B / C: D + E - F_G.", "&park()", "Ωμέγα 名前", "  spaces  ")


def dump(switch: Switch, call_uuid: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in switch.api(f"uuid_dump {call_uuid}").splitlines())
    return {name: unquote(value) for name, _, value in lines}


@pytest.mark.parametrize("name", NAMES)
def test_variables_read_back_equal(calls: Calls, name: str) -> None:
    request = replace(
        request_to("1009", calls.server),
        caller_id_number="+15550100",
        caller_id_name=name,
        ring_timeout=17,
        time_limit=77,
        codecs=("PCMA", "PCMU"),
    )
    channel = calls.place(request)
    seen = dump(calls.switch, request.call_uuid)
    assert channel.uuid == seen["Unique-ID"] == request.call_uuid
    assert {key: seen.get(f"variable_{key}") for key in EXPECTED} == {
        **EXPECTED,
        "origination_uuid": request.call_uuid,
        "fs_app_call": request.call_uuid,
        "origination_caller_id_name": name.strip(),
    }
    assert seen["variable_socket_host"] == "127.0.0.1"
    assert channel.variable("fs_app_call") == request.call_uuid
    calls.over(request.call_uuid)


EXPECTED = {
    "origination_uuid": "",
    "fs_app": "true",
    "fs_app_call": "",
    "origination_caller_id_number": "+15550100",
    "origination_caller_id_name": "",
    "originate_timeout": "17",
    "ignore_early_media": "true",
    "app_disable_expand_variables": "true",
    "playback_terminators": "any",
    "execute_on_answer": "sched_hangup +77 ALLOTTED_TIMEOUT",
    "absolute_codec_string": "PCMA,PCMU",
}


def test_the_time_limit_ends_the_call(calls: Calls) -> None:
    request = replace(request_to("1009", calls.server), time_limit=1)
    calls.place(request)
    ended = calls.ended(request.call_uuid)
    assert (ended.cause, ended.answered) == ("ALLOTTED_TIMEOUT", True)
    calls.over(request.call_uuid)


def test_text_from_outside_is_not_expanded(calls: Calls) -> None:
    """`app_disable_expand_variables` holds: an application argument with an API call in it stays as it is. (`set`
    expands by itself, whatever the variable says: never give it text from outside.)"""
    request = request_to("1009", calls.server)
    channel = calls.place(request)
    done = channel._session.call_command("log", "INFO ${strftime(%Y)}", block=True, response_timeout=PATIENCE)
    assert done["variable_current_application_data"] == "INFO ${strftime(%Y)}"
    channel._session.call_command("set", "app_disable_expand_variables=false", block=True, response_timeout=PATIENCE)
    done = channel._session.call_command("log", "INFO ${strftime(%Y)}", block=True, response_timeout=PATIENCE)
    assert "${" not in done["variable_current_application_data"]  # so the first finding means something
    calls.over(request.call_uuid)


def test_the_switch_takes_the_line_by_api_too(calls: Calls) -> None:
    """What --dry-run prints is what fs_cli accepts."""
    request = request_to("1011", calls.server)
    assert calls.switch.api(originate_command(request)).strip() == "-ERR USER_BUSY"
