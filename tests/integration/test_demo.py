"""``fs-app demo`` as a newcomer runs it, and on a real switch where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.processes import Process


@pytest.fixture
def demo() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        process.close()


def test_demo_once_ends_well_only_when_rest_says_so(demo: list[Process]) -> None:
    demo.append(Process(["demo", "--once", "--http", "127.0.0.1:0"], {}))
    told = demo[0]
    for words in ("originate", "answered", "words      Hello Jo", "presses 1", "key        1, result CONFIRMED"):
        told.line(words)
    told.line("alarm 1: status 5 (SUCCESS), result 1 (CONFIRMED)")
    assert told.wait() == 0


def test_demo_once_fails_when_the_callee_does_not_confirm(demo: list[Process]) -> None:
    demo.append(Process(["demo", "--once", "--http", "127.0.0.1:0", "--number", "15550100002"], {}))
    demo[0].line("result 2 (CANCELLED)")
    assert demo[0].wait() == 1


def test_demo_keeps_serving_until_it_is_stopped(demo: list[Process]) -> None:
    demo.append(Process(["demo", "--http", "127.0.0.1:0"], {}))
    demo[0].line("curl -u admin:admin http://127.0.0.1:")
    demo[0].line("Serving until Ctrl-C.")
    demo[0].signal(2)
    assert demo[0].wait() == 0


def test_a_demo_without_a_switch_says_so(demo: list[Process]) -> None:
    demo.append(Process(["demo", "--once", "--http", "127.0.0.1:0", "--esl", "127.0.0.1:1"], {}))
    demo[0].line("127.0.0.1:1 did not answer")
    assert demo[0].wait() == 1


@pytest.mark.freeswitch
@pytest.mark.parametrize(
    "gateway", ["loopback/{number}/fs_app_callees", pytest.param("sip", id="a SIPp callee with RFC 2833 keys")]
)
def test_demo_on_a_real_freeswitch(demo: list[Process], gateway: str) -> None:
    if gateway == "sip":
        gateway = os.environ.get("FS_APP_TEST_SIP_GATEWAY", "")
        if not gateway:
            pytest.skip("FS_APP_TEST_SIP_GATEWAY names no gateway with a callee that presses 1")
    esl, password = os.environ["FS_APP_TEST_ESL"], os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon")
    args = ["demo", "--once", "--http", "127.0.0.1:0", "--esl", esl, "--esl-password", password, "--gateway", gateway]
    demo.append(Process(args, {}))
    demo[0].line("key        1, result CONFIRMED")
    demo[0].line("alarm 1: status 5 (SUCCESS), result 1 (CONFIRMED)")
    assert demo[0].wait() == 0
