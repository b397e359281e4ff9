"""The originate line, built by one pure function that lets nothing through.

FreeSWITCH takes the line apart several times: at spaces, then ``{…}`` at commas, then each variable at ``=``, then the
endpoint at ``|`` and ``,``; each pass removes one level of quotes. So nothing is escaped here by hope: every part is
checked against a whitelist of characters that mean nothing to any pass. docs/originate.md explains each variable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fs_app.domain.calls import OriginateRequest
from fs_app.domain.phone import check_caller_name, normalise_number
from fs_app.errors import InvalidInput
from fs_app.switch.once import count_variable, record_name

RING_TIMEOUT_MAX = 600  # seconds
TIME_LIMIT_MAX = 4 * 3600  # seconds
EMBEDDED = "ivr.embedded"  # the module that mod_python3 runs
SERVERS_MAX = 10  # mod_event_socket reads 50
CONFIRM_TIME = 30  # seconds in which somebody who answers a transfer hears the words and presses the key
# As FreeSWITCH names them, each optionally with @<rate>h and @<ptime>i.
CODECS = frozenset(
    {"PCMU", "PCMA", "G722", "G723", "G729", "GSM", "OPUS", "SPEEX", "ILBC", "AMR", "AMR-WB", "L16"}
    | {"G726-16", "G726-24", "G726-32", "G726-40", "BV16", "BV32", "SILK", "CODEC2", "SIREN", "ISAC"}
)

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?"
_PORT = r"[0-9]{1,5}"
_GATEWAY = re.compile(rf"sofia/gateway/(?:{_NAME}::)?{_NAME}/", re.ASCII)
_ENDPOINTS = (
    re.compile(rf"sofia/gateway/(?:{_NAME}::)?{_NAME}/\{{number\}}", re.ASCII),
    re.compile(rf"sofia/(?!gateway/){_NAME}/\{{number\}}@{_HOST}(?::{_PORT})?", re.ASCII),
    re.compile(rf"loopback/\{{number\}}(?:/{_NAME}){{0,2}}", re.ASCII),
)
_SIP_USER = r"[A-Za-z0-9+_.\-]{1,64}"
_SIP_URI = re.compile(rf"sip:({_SIP_USER}@{_HOST}(?::{_PORT})?)", re.ASCII)
_TARGETS = (
    re.compile(rf"sofia/gateway/(?:{_NAME}::)?{_NAME}/\+?[0-9]{{3,18}}", re.ASCII),
    re.compile(rf"sofia/(?!gateway/){_NAME}/{_SIP_USER}@{_HOST}(?::{_PORT})?", re.ASCII),
    re.compile(rf"loopback/\+?[0-9]{{3,18}}(?:/{_NAME}){{0,2}}", re.ASCII),
)
_KEY = re.compile(r"[0-9*#]", re.ASCII)
# Nothing that any pass over a dial string or file_string:// reads; no colon either, for ":_:" starts a second dial.
_QUOTABLE = re.compile(r"/[\w ./()@&+\-]+")
_HOST_PORT = re.compile(rf"({_HOST}):({_PORT})", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,63}", re.ASCII)
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9_.:/@+\-]{0,128}", re.ASCII)
_RUNS_SOMETHING = re.compile(
    r"(?i)api|exec|.*execute|.*_exec|bridge_pre|.*script|.*hook|.*_on_|.*after_bridge|.*_app\b|.*_app_|transfer_|curl|"
    r"inline|socket|park_|.*_file|record|enable_|.*_cmd"
)
_OURS = re.compile(
    r"(?i)origination_|originate_|fs_app|ignore_early_media|app_disable|playback_term|absolute_codec|.*_timeout_cause|"
    r"call_timeout|leg_|group_confirm|loopback_|instant_ringback|local_var_clobber|fail_on_single|hangup_"
)
_SECRET = re.compile(
    r"(?i)([A-Za-z0-9_\-]*(?:password|passwd|secret|token|auth|api_?key|credential)[A-Za-z0-9_\-]*=)[^,}\s]+"
)
_CODEC = re.compile(r"([A-Za-z0-9\-]{2,10})((?:@[0-9]{1,6}[hik]){0,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class BridgeTarget:
    """Whom a call may be transferred to: an ``endpoint`` without variables, and the caller ID to show there.

    Made by :meth:`number` or :meth:`sip`. Raises InvalidInput, however it is made, for what is not fit for a dial
    string.
    """

    endpoint: str
    caller_id_number: str = ""
    caller_id_name: str = ""

    def __post_init__(self) -> None:
        if not any(form.fullmatch(self.endpoint) for form in _TARGETS):
            raise InvalidInput("target", "not an endpoint that a call may be transferred to")
        if self.caller_id_number:
            normalise_number(self.caller_id_number, "caller_id_number")
        check_caller_name(self.caller_id_name, "caller_id_name")

    @classmethod
    def number(cls, gateway: str, number: str, *, caller_id_number: str = "", caller_id_name: str = "") -> BridgeTarget:
        """A telephone number, through a gateway's prefix or pattern (:func:`check_gateway`). Raises InvalidInput."""
        return cls(dial_string(gateway, number), caller_id_number, caller_id_name)

    @classmethod
    def sip(
        cls,
        uri: str,
        *,
        allowed: frozenset[str],
        profile: str = "external",
        caller_id_number: str = "",
        caller_id_name: str = "",
    ) -> BridgeTarget:
        """``sip:user@host[:port]``, if it is among those that an administrator ``allowed``, by a profile of mod_sofia.

        Raises InvalidInput.
        """
        return cls(f"sofia/{profile}/{check_sip_uri(uri, allowed=allowed)}", caller_id_number, caller_id_name)


def check_sip_uri(uri: str, *, allowed: frozenset[str], field: str = "phonenumber") -> str:
    """``user@host[:port]`` of a SIP URI that is one of ``allowed``. Raises InvalidInput naming ``field``."""
    match = _SIP_URI.fullmatch(uri)
    if not match:
        raise InvalidInput(field, "not a SIP URI: give one like sip:reception@pbx.example.org:5060")
    if uri not in allowed:
        raise InvalidInput(field, "this SIP URI is not among those that the administrator allowed")
    return match[1]


def originate_command(request: OriginateRequest) -> str:
    """The line to give to ``bgapi``, to ``api``, or to paste into fs_cli: ``originate {…}endpoint &socket(…)``, or
    ``&python(…)``.

    Raises InvalidInput naming the first field of the request that is not fit for it.
    """
    uuid = check_uuid(request.call_uuid, "call_uuid")
    variables = [
        f"origination_uuid={uuid}",
        "fs_app=true",
        f"fs_app_call={uuid}",
        *_caller_id(request.caller_id_number, request.caller_id_name),
        f"originate_timeout={_seconds(request.ring_timeout, RING_TIMEOUT_MAX, 'ring_timeout')}",
        "ignore_early_media=true",
        "app_disable_expand_variables=true",
        # Without it a prompt waits for RTP of the callee, who may send none while silent.
        "rtp_timer_name=soft",
        "playback_terminators=any",
        f"execute_on_answer='sched_hangup {limit_argument(request.time_limit)}'",
    ]
    variables += [f"{name}={value}" for name, value in check_variables(request.variables)]
    if request.once:
        if not record_name(request.once):
            raise InvalidInput("once", "not the name of a switch's record")
        variables.append(count_variable(request.once, uuid))
    if request.codecs:
        # The pass at spaces takes the backslashes off, the pass at commas the quotes that they leave.
        variables.append(rf"absolute_codec_string=\'{','.join(map(check_codec, request.codecs))}\'")
    endpoint = dial_string(request.gateway, request.number)
    return f"originate {{{','.join(variables)}}}{endpoint} &{application(request.outbound)}"


def masked(line: str) -> str:
    """An originate line to show to people: what a variable's name says is secret is not told.

    >>> masked("originate {sip_auth_password=x,fs_app=true}sofia/gateway/p/15550100 &park")
    'originate {sip_auth_password=********,fs_app=true}sofia/gateway/p/15550100 &park'
    """
    return _SECRET.sub(r"\1********", line)


def application(outbound: str) -> str:
    """What runs the survey of an answered call: the outbound socket at ``outbound`` (host:port, or several separated
    by ``|`` of which the first that takes the connection does it), or, when that is empty, the script inside the
    switch. Raises InvalidInput."""
    if not outbound:
        return f"python({EMBEDDED})"
    servers = outbound.split("|")
    if len(servers) > SERVERS_MAX:
        raise InvalidInput("outbound", f"names more than {SERVERS_MAX} servers")
    return f"socket('{'|'.join(map(check_host_port, servers))} async full')"


def bridge_argument(
    target: BridgeTarget,
    *,
    peer: str,
    call: str,
    ring_timeout: float,
    confirm: Sequence[str] = (),
    confirm_key: str = "",
) -> str:
    """The argument of ``bridge``: one leg with the UUID ``peer``, rung for the call ``call``.

    With a ``confirm_key`` the switch plays ``confirm`` to the one who answers and connects only when the key comes
    within :data:`CONFIRM_TIME`. Raises InvalidInput for what is not fit: paths in ``confirm`` are absolute, of letters,
    digits, spaces and ``. _ - / ( ) @ & +``.
    """
    ring = max(1, math.ceil(ring_timeout))
    _seconds(ring, RING_TIMEOUT_MAX, "ring_timeout")
    variables = [
        f"origination_uuid={check_uuid(peer, 'peer')}",
        f"fs_app_transfer={check_uuid(call, 'call')}",
        *_caller_id(target.caller_id_number, target.caller_id_name),
        "ignore_early_media=true",
        # The callee hears our announcement from the first moment, not from when the far end says that it rings.
        "instant_ringback=true",
        "app_disable_expand_variables=true",
        "rtp_timer_name=soft",
        # A loopback leg that steps aside would take the call out of our hands.
        "loopback_bowout=false",
    ]
    if confirm_key:
        if not _KEY.fullmatch(confirm_key):
            raise InvalidInput("confirm_key", "give one key: 0 to 9, * or #")
        for file in confirm:
            if not _QUOTABLE.fullmatch(file):
                raise InvalidInput("confirm", f"{file[:80]!r} is not a path that can stand in a dial string")
        files = confirm[0] if len(confirm) == 1 else "file_string://" + "!".join(confirm)
        variables += [
            f"originate_timeout={ring + CONFIRM_TIME + 5}",
            f"leg_timeout={ring}",
            f"group_confirm_timeout={CONFIRM_TIME}",
            f"group_confirm_key={confirm_key}",
            *([f"group_confirm_file='{files}'"] if confirm else []),
        ]
    else:
        variables.append(f"originate_timeout={ring}")
    return f"{{{','.join(variables)}}}{target.endpoint}"


def limit_argument(seconds: int, field: str = "time_limit") -> str:
    """The argument of ``sched_hangup`` that ends a call in so many seconds. Raises InvalidInput naming ``field``."""
    return f"+{_seconds(seconds, TIME_LIMIT_MAX, field)} ALLOTTED_TIMEOUT"


def dial_string(gateway: str, number: str) -> str:
    """The endpoint: the gateway's prefix or pattern with the number in its place.

    >>> dial_string("sofia/gateway/provider/", "+1 555 0100")
    'sofia/gateway/provider/+15550100'

    Raises InvalidInput.
    """
    return check_gateway(gateway).replace("{number}", normalise_number(number, "number"))


def check_gateway(text: str, field: str = "gateway") -> str:
    """The pattern of a gateway, holding ``{number}`` exactly once; a prefix gets it appended.

    Raises InvalidInput naming ``field`` unless it is ``sofia/gateway/<name>/``, ``sofia/<profile>/{number}@host:port``
    or ``loopback/{number}/<context>``.
    """
    pattern = text + "{number}" if _GATEWAY.fullmatch(text) else text
    if not any(form.fullmatch(pattern) for form in _ENDPOINTS):
        raise InvalidInput(
            field,
            "not a dial string: give sofia/gateway/NAME/, sofia/PROFILE/{number}@HOST:PORT"
            " or loopback/{number}/CONTEXT",
        )
    return pattern


def check_codec(text: str, field: str = "codecs") -> str:
    """One codec, as in ``PCMA`` or ``OPUS@48000h@20i``. Raises InvalidInput naming ``field``."""
    match = _CODEC.fullmatch(text)
    if not match or match[1].upper() not in CODECS:
        raise InvalidInput(field, f"{text[:40]!r} is not a codec known here: give names like PCMA, PCMU or G722")
    return text


def check_variables(variables: Sequence[tuple[str, str]], field: str = "variables") -> tuple[tuple[str, str], ...]:
    """Channel variables for the originate line: ``sip_h_X-Account``, ``media_timeout`` and the like.

    Raises InvalidInput naming ``field`` for what is not a plain name and value, for variables that run something on the
    switch, and for those that this product sets itself.
    """
    for name, value in variables:
        if not _VARIABLE.fullmatch(name) or not _VARIABLE_VALUE.fullmatch(value) or ":_:" in value:
            raise InvalidInput(field, f"{name[:40]}={value[:40]} is not name=value of letters, digits and _.:/@+-")
        if _RUNS_SOMETHING.match(name):
            raise InvalidInput(field, f"{name[:40]} would run a command on the switch: leave it out")
        if _OURS.match(name):
            raise InvalidInput(field, f"{name[:40]} is set by this product itself: leave it out")
    return tuple(variables)


def check_host_port(text: str, field: str = "outbound") -> str:
    """host:port of a socket, as the switch reaches it. Raises InvalidInput naming ``field``."""
    match = _HOST_PORT.fullmatch(text)
    if not match or not 0 < int(match[2]) < 65536:
        raise InvalidInput(field, "not HOST:PORT: give one like 127.0.0.1:8084")
    return text


def check_uuid(text: str, field: str) -> str:
    """A UUID in its usual form with dashes. Raises InvalidInput naming ``field``."""
    if not _UUID.fullmatch(text):
        raise InvalidInput(field, "not a UUID: give one like 1b4e28ba-2fa1-41d2-883f-0016d3cca427")
    return text


def _caller_id(number: str, name: str) -> list[str]:
    found = []
    if number:
        found.append(f"origination_caller_id_number={normalise_number(number, 'caller_id_number')}")
    name = check_caller_name(name, "caller_id_name")
    if name:
        found.append(f"origination_caller_id_name='{name}'")
    return found


def _seconds(value: int, most: int, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidInput(field, f"give whole seconds from 1 to {most}")
    return value
