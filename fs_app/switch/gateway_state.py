"""How gateways are, asked of the switch: ``sofia status gateway NAME``, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fs_app.errors import FsAppError

SILENT = "the switch does not answer"
_SOFIA = re.compile(r"sofia/gateway/((?:[A-Za-z0-9_.\-]{1,100}::)?[A-Za-z0-9_.\-]{1,100})/", re.ASCII)
_LINE = re.compile(r"^(State|Status|PingTime|CallsOUT|FailedCallsOUT)\s+(.*?)\s*$", re.MULTILINE)
# mod_sofia's sofia_state_names; NOREG is a gateway that need not register.
_STATES = {
    "NOREG": ("good", "in service"),
    "REGED": ("good", "registered"),
    "TRYING": ("warn", "registering"),
    "REGISTER": ("warn", "registering"),
    "UNREGISTER": ("warn", "signing off"),
    "UNREGED": ("bad", "not registered"),
    "FAILED": ("bad", "registration failed"),
    "FAIL_WAIT": ("bad", "registration failed, will be tried again"),
    "EXPIRED": ("bad", "registration expired"),
    "TIMEOUT": ("bad", "registration not answered"),
    "DOWN": ("bad", "down"),
}


@dataclass(frozen=True, slots=True)
class GatewayState:
    """``tone`` is good, bad, warn, or empty where there is nothing to judge; ``detail`` for the telephone engineer."""

    tone: str
    words: str
    detail: str = ""


def gateway_state(dial_string: str, ask: Callable[[str], str]) -> GatewayState:
    """How one gateway is. ``dial_string`` is a gateway's, such as ``sofia/gateway/provider/``; ``ask`` sends an api
    command and may raise FsAppError.

    >>> gateway_state("sofia/gateway/p/", lambda command: "Name\\tp\\nState\\tREGED\\nStatus\\tUP\\n")
    GatewayState(tone='good', words='registered', detail='State REGED, Status UP')
    """
    found = _SOFIA.match(dial_string)
    if not found:
        return GatewayState("", "not a gateway", "Only gateways of the form sofia/gateway/NAME/ can be asked about.")
    try:
        answer = ask(f"sofia status gateway {found[1]}")
    except FsAppError as exc:
        return GatewayState("warn", SILENT, str(exc))
    facts = dict(_LINE.findall(answer))
    if "State" not in facts:
        return GatewayState("bad", "unknown to the switch", f"No gateway {found[1]}: {answer.strip()[:100]!r}")
    detail = ", ".join(f"{name} {value}" for name, value in facts.items())
    tone, words = _STATES.get(facts["State"], ("warn", f"state {facts['State']}"))
    # A failed registration takes the gateway down as well: that is the better reason.
    if tone == "good" and facts.get("Status", "UP").upper().startswith("DOWN"):
        return GatewayState("bad", "down: the far end does not answer", detail)
    return GatewayState(tone, words, detail)
