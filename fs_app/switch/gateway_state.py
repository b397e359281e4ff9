"""How a gateway is, asked of the switch: ``sofia status gateway NAME``, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Callable

from fs_app.errors import FsAppError

_SOFIA = re.compile(r"sofia/gateway/([A-Za-z0-9_.\-]{1,100})/", re.ASCII)
_LINE = re.compile(r"^(State|Status|PingTime|CallsOUT|FailedCallsOUT)\s+(.*?)\s*$", re.MULTILINE)


def gateway_words(dial_string: str, ask: Callable[[str], str]) -> str:
    """One sentence. ``dial_string`` is a gateway's, such as ``sofia/gateway/provider/``; ``ask`` sends an api command.

    >>> gateway_words("sofia/gateway/p/", lambda command: "Name\\tp\\nState\\tREGED\\nStatus\\tUP\\n")
    'The switch says: State REGED, Status UP.'
    """
    found = _SOFIA.match(dial_string)
    if not found:
        return "Only gateways of the form sofia/gateway/NAME/ can be asked about."
    try:
        answer = ask(f"sofia status gateway {found[1]}")
    except FsAppError as exc:
        return f"The switch cannot be asked: {exc}."
    facts = _LINE.findall(answer)
    if not facts:
        return f"The switch does not know a gateway named {found[1]}: it says {answer.strip()[:100]!r}."
    return "The switch says: " + ", ".join(f"{name} {value}" for name, value in facts) + "."
