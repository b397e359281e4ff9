from __future__ import annotations

import pytest

from fs_app.errors import SwitchDown
from fs_app.switch.gateway_state import SILENT, gateway_state


def told(state: str, status: str = "UP") -> str:
    """As FreeSWITCH 1.10 writes it, between its rulers."""
    return f"=====\nName    \tp\nPingState\t0/0/0\nState   \t{state}\nStatus  \t{status}\nUptime  \t3s\n=====\n"


@pytest.mark.parametrize(
    ("answer", "tone", "words"),
    [
        (told("NOREG"), "good", "in service"),
        (told("REGED"), "good", "registered"),
        (told("REGED", "UP (ping)"), "good", "registered"),
        (told("NOREG", "DOWN (ping)"), "bad", "down: the far end does not answer"),
        (told("FAIL_WAIT", "DOWN"), "bad", "registration failed, will be tried again"),
        (told("TRYING"), "warn", "registering"),
        (told("SOMETHING_NEW"), "warn", "state SOMETHING_NEW"),
        ("Invalid Gateway!\n", "bad", "unknown to the switch"),
        ("", "bad", "unknown to the switch"),
    ],
)
def test_what_the_switch_says(answer: str, tone: str, words: str) -> None:
    found = gateway_state("sofia/gateway/p/", lambda command: answer)
    assert (found.tone, found.words) == (tone, words)


def test_what_is_asked() -> None:
    asked: list[str] = []
    for dial_string in ("sofia/gateway/p/", "sofia/gateway/external::p/", "loopback/{number}/x", "sofia/gateway/p q/"):
        gateway_state(dial_string, lambda command: asked.append(command) or told("NOREG"))
    assert asked == ["sofia status gateway p", "sofia status gateway external::p"]


def test_a_switch_that_does_not_answer() -> None:
    def ask(command: str) -> str:
        raise SwitchDown("gone")

    assert gateway_state("sofia/gateway/p/", ask).words == SILENT
