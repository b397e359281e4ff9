"""The originate line against a reader that takes it apart as FreeSWITCH does: whatever is put in, either it is refused
or exactly the intended variables, one leg and one application come out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fs_app.domain.calls import OriginateRequest
from fs_app.errors import InvalidInput
from fs_app.switch.dialstring import check_gateway, masked, originate_command
from fs_app.switch.once import record_of

UUID = "7d44b455-139d-4f12-af39-5008c7879c4d"
REQUEST = OriginateRequest(
    call_uuid=UUID,
    number="+15550100",
    gateway="sofia/gateway/provider/",
    outbound="127.0.0.1:8084",
    caller_id_number="123456",
    caller_id_name="Dr Müller (Oslo)",
    ring_timeout=45,
    time_limit=600,
    codecs=("PCMA", "OPUS@48000h@20i"),
)
NASTY = st.text(alphabet=st.sampled_from("1205 +,|'\"\\{}[]()<>^=:;&$@%\n\r\0\tnrsaüÖ٣߀½/.-_#*")) | st.text()


def split(text: str, delimiter: str) -> list[str]:
    """One pass: split where the delimiter is neither quoted nor escaped, then take one level of quoting off."""
    parts, part, quoted, at = [], "", False, 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            part += text[at : at + 2]
            at += 2
            continue
        if char == "'" and (quoted or delimiter == " " or "'" in text[at + 1 :]):
            quoted = not quoted
        if char == delimiter and not quoted:
            parts.append(part)
            part = ""
        else:
            part += char
        at += 1
    return [unquoted(p, delimiter) for p in [*parts, part] if p or delimiter != " "]


def unquoted(text: str, delimiter: str) -> str:
    out, quoted, at = "", False, 0
    text = text.strip(" ")
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if char == "\\" and following in ("'", '"', "\\", *("" if delimiter == " " else delimiter)):
            out += following
            at += 2
        elif char == "\\" and following in ("n", "r", "t", "s"):
            out += {"n": "\n", "r": "\r", "t": "\t", "s": " "}[following]
            at += 2
        elif char == "'" and (quoted or "'" in text[at + 1 :]):
            quoted = not quoted
            at += 1
        else:
            out += char
            at += 1
    return out


def take_apart(line: str) -> tuple[dict[str, str], list[str], list[str]]:
    """(variables, legs, the words after the endpoint) of an originate line."""
    assert not set(line) & set("\r\n\0")
    assert ":_:" not in line  # the first split of all, blind to every quote
    command, _, rest = line.partition(" ")
    assert command == "originate"
    endpoint, *words = split(rest, " ")
    assert endpoint.startswith("{")
    inside, _, legs = endpoint[1:].partition("}")
    assert not inside.startswith("^^")
    pairs = [split(variable, "=") for variable in split(inside, ",")]
    assert all(len(pair) == 2 for pair in pairs)
    assert len({name for name, _ in pairs}) == len(pairs)
    assert not set(legs) & set("{}[]<>'\"\\ &$%\t")
    return {pair[0]: pair[1] for pair in pairs}, [leg for a in legs.split("|") for leg in a.split(",")], words


def expected(request: OriginateRequest, number: str, caller: str) -> dict[str, str]:
    variables = {
        "origination_uuid": request.call_uuid,
        "fs_app": "true",
        "fs_app_call": request.call_uuid,
        "origination_caller_id_number": caller,
        "origination_caller_id_name": request.caller_id_name.strip(" "),
        "originate_timeout": str(request.ring_timeout),
        "ignore_early_media": "true",
        "app_disable_expand_variables": "true",
        "rtp_timer_name": "soft",
        "playback_terminators": "any",
        "execute_on_answer": f"sched_hangup +{request.time_limit} ALLOTTED_TIMEOUT",
        "absolute_codec_string": ",".join(request.codecs),
    }
    return {name: value for name, value in variables.items() if value}


def digits(text: str) -> str:
    return "".join(c for c in text if c in "+0123456789")


def test_the_whole_line() -> None:
    """To be read, and pasted into fs_cli."""
    assert originate_command(REQUEST) == (
        f"originate {{origination_uuid={UUID},fs_app=true,fs_app_call={UUID},"
        "origination_caller_id_number=123456,origination_caller_id_name='Dr Müller (Oslo)',originate_timeout=45,"
        "ignore_early_media=true,app_disable_expand_variables=true,rtp_timer_name=soft,playback_terminators=any,"
        "execute_on_answer='sched_hangup +600 ALLOTTED_TIMEOUT',"
        r"absolute_codec_string=\'PCMA,OPUS@48000h@20i\'}"
        "sofia/gateway/provider/+15550100 &socket('127.0.0.1:8084 async full')"
    )


def test_a_survey_inside_the_switch() -> None:
    line = originate_command(replace(REQUEST, outbound=""))
    assert line.endswith("sofia/gateway/provider/+15550100 &python(ivr.embedded)")
    assert take_apart(line)[0] == expected(REQUEST, "+15550100", "123456")


def test_the_switch_runs_it_once() -> None:
    line = originate_command(replace(REQUEST, once="fs_app_0123456789ab"))
    variables, legs, words = take_apart(line)
    counted = f"limit hash fs_app_0123456789ab {UUID} 1/7200 !INVALID_CALL_REFERENCE"
    assert variables == {**expected(REQUEST, "+15550100", "123456"), "execute_on_originate": counted}
    assert (legs, words) == (["sofia/gateway/provider/+15550100"], ["&socket(127.0.0.1:8084 async full)"])
    assert record_of(line) == "fs_app_0123456789ab"
    assert record_of(originate_command(REQUEST)) == ""


def test_several_survey_servers() -> None:
    line = originate_command(replace(REQUEST, outbound="10.0.0.1:8084|ivr.example.org:8085"))
    assert line.endswith("sofia/gateway/provider/+15550100 &socket('10.0.0.1:8084|ivr.example.org:8085 async full')")
    variables, legs, words = take_apart(line)
    assert (variables, legs) == (expected(REQUEST, "+15550100", "123456"), ["sofia/gateway/provider/+15550100"])
    assert words == ["&socket(10.0.0.1:8084|ivr.example.org:8085 async full)"]


def test_it_reads_back() -> None:
    variables, legs, words = take_apart(originate_command(REQUEST))
    assert variables == expected(REQUEST, "+15550100", "123456")
    assert legs == ["sofia/gateway/provider/+15550100"]
    assert words == ["&socket(127.0.0.1:8084 async full)"]


def test_the_reader_sees_an_attack() -> None:
    """The test's own reader would notice: these are the ways out that are known to work on the switch."""
    line = originate_command(REQUEST)
    assert take_apart(line.replace("+15550100", "1 &park"))[2][0] == "&park"
    assert len(take_apart(line.replace("+15550100", "1|loopback/2"))[1]) == 2
    assert "api_on_answer" in take_apart(line.replace("'Dr Müller (Oslo)'", "a,api_on_answer=b"))[0]


@given(st.builds(replace, st.just(REQUEST), number=NASTY, caller_id_number=NASTY, caller_id_name=NASTY))
@example(replace(REQUEST, number="1001 &system(x)"))
@example(replace(REQUEST, number="٣٣٣٣"))
@example(replace(REQUEST, number="1001@example.com"))
@example(replace(REQUEST, caller_id_name="a\\"))
@example(replace(REQUEST, caller_id_name="x%0AUnique-ID: forged"))
@example(replace(REQUEST, caller_id_name="', api_on_answer='system x"))
@example(replace(REQUEST, caller_id_name="a\u2028b"))
@example(replace(REQUEST, caller_id_name="a:_:loopback/1009/callees"))
@example(replace(REQUEST, caller_id_name="   ", caller_id_number=""))
def test_numbers_and_names_cannot_break_out(request: OriginateRequest) -> None:
    try:
        line = originate_command(request)
    except InvalidInput as error:
        assert error.field in ("number", "caller_id_number", "caller_id_name")  # noqa: PT017  # either end is right
        return
    variables, legs, words = take_apart(line)
    number, caller = digits(request.number), digits(request.caller_id_number)
    assert variables == expected(request, number, caller)
    assert legs == [f"sofia/gateway/provider/{number}"]
    assert words == ["&socket(127.0.0.1:8084 async full)"]


@given(st.from_regex(r"\+?[0-9]{3,18}", fullmatch=True).filter(str.isascii), st.text("AZaz09 .:()&/+-_äß"))
def test_good_numbers_and_names_pass(number: str, name: str) -> None:
    request = replace(REQUEST, number=number, caller_id_name=name[:60].replace(":_:", ""))
    assume(":_:" not in request.caller_id_name)
    assert take_apart(originate_command(request))[0] == expected(request, number, "123456")


@given(NASTY, NASTY, st.lists(NASTY, min_size=1, max_size=3), NASTY)
@example("sofia/gateway/a/,loopback/1", "h:1", ["PCMA"], UUID)
@example("{x=y}sofia/gateway/a/", "h:1' inline", ["PCMA,PCMU"], UUID + "\n")
def test_administrators_fields_cannot_break_out_either(gateway: str, outbound: str, codecs: list[str], u: str) -> None:
    for field, change in (
        ("gateway", {"gateway": gateway}),
        ("outbound", {"outbound": outbound}),
        ("codecs", {"codecs": tuple(codecs)}),
        ("call_uuid", {"call_uuid": u}),
    ):
        fields: dict[str, Any] = change
        request = replace(REQUEST, **fields)
        try:
            line = originate_command(request)
        except InvalidInput as error:
            assert error.field == field  # noqa: PT017
            continue
        variables, legs, words = take_apart(line)
        assert variables == expected(request, "+15550100", "123456")
        assert (len(legs), len(words)) == (1, 1)


@pytest.mark.parametrize(
    ("gateway", "endpoint"),
    [
        ("sofia/gateway/provider/", "sofia/gateway/provider/+15550100"),
        ("sofia/gateway/external::sip.example.com/", "sofia/gateway/external::sip.example.com/+15550100"),
        ("sofia/gateway/provider/{number}", "sofia/gateway/provider/+15550100"),
        ("sofia/external/{number}@192.0.2.7:5080", "sofia/external/+15550100@192.0.2.7:5080"),
        ("loopback/{number}/callees", "loopback/+15550100/callees"),
        ("loopback/{number}/callees/xml", "loopback/+15550100/callees/xml"),
    ],
)
def test_gateways(gateway: str, endpoint: str) -> None:
    assert take_apart(originate_command(replace(REQUEST, gateway=gateway)))[1] == [endpoint]


@pytest.mark.parametrize(
    "gateway",
    [
        "",
        "loopback/1001/callees",
        "loopback/{number}{number}/callees",
        "sofia/gateway/provider",
        "sofia/gateway/a b/",
        "sofia/gateway/{number}@elsewhere.example",
        "sofia/external/{number}@a,b",
        "sofia/external/{number}@host:5060|loopback/1",
        "{x=1}sofia/gateway/a/",
        "[x=1]sofia/gateway/a/",
        "sofia/gateway/a/\n",
        "user/{number}",
        "sofia/gateway/${gw}/",
    ],
)
def test_not_gateways(gateway: str) -> None:
    with pytest.raises(InvalidInput, match=r"^gateway: "):
        check_gateway(gateway)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ring_timeout", 0),
        ("ring_timeout", 601),
        ("ring_timeout", True),
        ("time_limit", -1),
        ("time_limit", 10**9),
        ("outbound", "127.0.0.1"),
        ("outbound", "127.0.0.1:0"),
        ("outbound", "127.0.0.1:65536"),
        ("outbound", "127.0.0.1:80 sync"),
        ("outbound", "127.0.0.1:80|"),
        ("outbound", "127.0.0.1:80|127.0.0.1"),
        ("outbound", "|".join(f"127.0.0.1:{port}" for port in range(1, 12))),
        ("once", "fs_app"),
        ("once", "fs_app_0123456789ab x"),
        ("codecs", ("PCMA,PCMU",)),
        ("codecs", ("EVIL",)),
        ("call_uuid", "1234"),
        ("number", ""),
        ("caller_id_number", "anonymous"),
        ("caller_id_name", "x" * 61),
    ],
)
def test_the_field_at_fault_is_named(field: str, value: object) -> None:
    change: dict[str, Any] = {field: value}
    with pytest.raises(InvalidInput, match=rf"^{field}: ") as caught:
        originate_command(replace(REQUEST, **change))
    assert caught.value.field == field


def test_what_is_not_given_is_not_set() -> None:
    bare = OriginateRequest(UUID, "5550100", "loopback/{number}/callees", "127.0.0.1:8084")
    variables = take_apart(originate_command(bare))[0]
    assert not variables.keys() & {
        "origination_caller_id_number",
        "origination_caller_id_name",
        "absolute_codec_string",
    }
    assert variables["originate_timeout"] == "60"


def test_people_are_shown_no_secrets() -> None:
    secret = (("sip_auth_password", "hush"), ("sip_h_X-Apikey", "k1"), ("sip_h_X-Token", "k2"))
    request = replace(REQUEST, variables=(*secret, ("sip_h_X-Account", "77")))
    shown = masked(originate_command(request))
    assert not any(value in shown for value in ("hush", "k1", "k2"))
    assert "sip_h_X-Account=77" in shown
    bare = originate_command(replace(REQUEST, variables=()))
    assert masked(bare) == bare
