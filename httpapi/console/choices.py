"""Words for the closed sets of numbers that the API speaks in."""

from __future__ import annotations

from collections.abc import Mapping

from fs_app.domain.enums import CALLSTATUS_CODE, Outcome

_ALARM_STATUS = {1: "waiting", 2: "calling now", 3: "failed", 4: "will try again", 5: "done"}
_RESULT = {0: "no answer yet", 1: "confirmed", 2: "cancelled", 3: "another time"}
_ON_OFF = {1: "in use", 0: "switched off"}
OUTCOMES: Mapping[str, str] = {
    "answered": "answered",
    "machine": "a machine answered",
    "busy": "busy",
    "no_answer": "not answered",
    "rejected": "call rejected",
    "bad_number": "no such number",
    "trunk": "line or gateway fault",
    "unknown": "nobody can say",
    "": "",
}
_CALLSTATUS = {code: OUTCOMES.get(str(outcome.value), str(outcome.value)) for outcome, code in CALLSTATUS_CODE.items()}
SECTION_TYPES: Mapping[int, str] = {
    1: "Play a message",
    2: "Multiple choice",
    3: "Ask for a digit",
    4: "Ask for a number",
    5: "Record a message",
    6: "Transfer the call",
    7: "Hang up",
    8: "Join a conference",
    9: "Never call again",
    10: "Send an SMS",
}

WORDS: Mapping[tuple[str, str], Mapping[int, str]] = {
    ("event", "status"): {1: "planned", 2: "over", 3: "paused"},
    ("alarm", "status"): _ALARM_STATUS,
    ("alarm", "result"): _RESULT,
    ("alarm", "method"): {1: "call", 2: "SMS", 3: "e-mail"},
    ("alarm-request", "status"): _ALARM_STATUS,
    ("alarm-request", "callstatus"): _CALLSTATUS,
    ("callrequest", "status"): {1: "waiting", 2: "failed", 4: "done", 5: "not placed", 8: "calling now"},
    ("callrequest", "result"): _RESULT,
    ("gateway", "status"): _ON_OFF,
    ("sms-gateway", "status"): _ON_OFF,
    ("calendar-setting", "amd_behavior"): {
        1: "play the survey all the same",
        2: "hang up and try again",
        3: "leave a message; people get none",
    },
    ("section-template", "type"): SECTION_TYPES,
}

# For colours: what is good, what needs a look, what is under way.
TONES: Mapping[str, str] = {
    "done": "good",
    "confirmed": "good",
    "answered": "good",
    "in use": "good",
    "failed": "bad",
    "cancelled": "bad",
    "switched off": "bad",
    "calling now": "live",
    "will try again": "warn",
    "another time": "warn",
    "paused": "warn",
}


def word(path: str, name: str, value: object) -> str:
    """``value`` of this field in words; itself when there are none for it."""
    if (path, name) == ("callrequest", "disposition"):
        return OUTCOMES.get(str(value), str(value))
    known = WORDS.get((path, name))
    if known is not None and isinstance(value, int):
        return known.get(value, str(value))
    return str(value)


def outcome_word(outcome: Outcome) -> str:
    return OUTCOMES.get(outcome.value, outcome.value)
