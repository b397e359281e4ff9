"""The console on a real FreeSWITCH: gateways as the switch sees them, a test call, and a call as it happens."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest

from fs_app.switch.gateway_state import GatewayState, gateway_state
from tests.freeswitch.own_switch import SIP, OwnSwitch, free_udp_port, sofia, trunk
from tests.freeswitch.sipp import GATEWAY, callees
from tests.processes import Process

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(300)]

NUMBER = "15550100001"


@contextmanager
def registrar(status: str) -> Iterator[int]:
    """A SIP server that answers every request so, at this port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                asked, whom = server.recvfrom(65_535)
                if not asked:
                    return
                kept = re.findall(rb"(?mi)^(?:via|from|call-id|cseq|contact)\s*:.*?\r\n", asked)
                to = re.findall(rb"(?mi)^to\s*:.*(?=\r\n)", asked)
                lines = [f"SIP/2.0 {status}\r\n".encode(), *kept, *(one + b";tag=here\r\n" for one in to)]
                server.sendto(b"".join([*lines, b"Expires: 3600\r\nContent-Length: 0\r\n\r\n"]), whom)

        port = int(server.getsockname()[1])
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield port
        server.sendto(b"", ("127.0.0.1", port))
        thread.join(10)


def signing_in(port: int, more: str = "") -> str:
    return (
        f'<param name="realm" value="127.0.0.1:{port}"/><param name="username" value="x"/>'
        f'<param name="password" value="x"/><param name="register" value="true"/>{more}'
    )


def test_gateways_as_the_switch_sees_them(tmp_path: Path) -> None:
    """In service, registered, refused, down, and one that it does not know."""
    pinged = '<param name="ping" value="5"/><param name="ping-min" value="1"/>'
    with registrar("200 OK") as good, registrar("403 Forbidden") as bad:
        gateways = {
            "plain": trunk(good),
            "registered": signing_in(good),
            "refused": signing_in(bad),
            "dead": trunk(free_udp_port()) + pinged,
        }
        switch = OwnSwitch(
            tmp_path / "switch", '<context name="public"/>', {}, modules=SIP, more=sofia(gateways)
        )  # fmt: skip
        switch.start()
        try:
            wanted = {
                "plain": ("good", "in service"),
                "registered": ("good", "registered"),
                "refused": ("bad", "registration failed"),
                "dead": ("bad", "down"),
                "nobody": ("bad", "unknown to the switch"),
            }
            states: dict[str, GatewayState] = {}

            def seen() -> bool:
                states.update({name: gateway_state(f"sofia/gateway/{name}/", switch.api) for name in wanted})
                return all(
                    states[name].tone == tone and states[name].words.startswith(words)
                    for name, (tone, words) in wanted.items()
                )

            with gevent.Timeout(90, False):
                while not seen():
                    gevent.sleep(0.2)
            assert seen(), states
            full = gateway_state("sofia/gateway/external::registered/", switch.api)
            assert full.words == "registered"
        finally:
            switch.close()


@pytest.fixture
def product(tmp_path: Path) -> Iterator[str]:
    """An empty installation beside the switch of the tests; its address."""
    address = os.environ.get("FS_APP_TEST_ESL", "")
    if not address:
        pytest.skip("FS_APP_TEST_ESL is unset: nothing was tested against a real FreeSWITCH")
    password = os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon")
    arguments = ["demo", "--empty", "--esl", address, "--esl-password", password, "--http", "127.0.0.1:0"]
    process = Process(arguments, {})
    try:
        found = re.search(r"http://[0-9.:]+", process.line("Open http://"))
        assert found
        yield found.group(0)
    finally:
        process.close()


def test_a_day_at_the_desk(product: str, tmp_path: Path) -> None:
    """A test call, a call now, a snooze and a cancellation, watched as they happen, and what the log tells of it."""
    pytest.importorskip("selenium", reason="the console is tried in a browser with selenium")
    from tests.browser import CHROMIUM, DRIVER, browser

    if not (CHROMIUM and DRIVER):
        pytest.skip("no chromium with chromedriver here: the console is not tried in a browser")
    with callees(tmp_path, (4.0, "1")), browser(tmp_path / "profile") as seen:
        seen.sign_in(product, "admin", "admin")
        seen.open("/start/")
        seen.follow("Add the telephone gateway")
        seen.put("name", "Line")
        seen.put("gateways", f"sofia/gateway/{GATEWAY}/")
        seen.press("Save")
        seen.follow("Add the SMS gateway")
        seen.put("name", "Texts")
        seen.press("Save")
        seen.press("Take the example")
        seen.press("Seal it")
        for link, fields in (
            ("Add a setting", {"label": "Practice", "callerid": "15550100"}),
            ("Add a calendar user", {"username": "practice", "password": "practice"}),
            ("Add a calendar", {"name": "Appointments"}),
        ):
            seen.follow(link)
            for name, value in fields.items():
                seen.put(name, value)
            seen.press("Save")
        seen.open("/admin/gateway/add/")
        seen.put("name", "Wrong")
        seen.put("gateways", "sofia/gateway/nobody/")
        seen.press("Save")
        assert "in service" in seen.text
        assert "unknown to the switch" in seen.text
        seen.open("/admin/gateway/1/")
        assert "State NOREG" in seen.text
        seen.put("number", NUMBER)
        seen.press("Call")
        log = seen.driver.find_element("css selector", ".live ol")
        for words in ("ringing", "answered", "at “Will you come?”", "pressed 1 (confirmed)", "ended"):
            seen.until(lambda words=words: words in log.get_attribute("textContent"), words)
        seen.until(lambda: "confirmed" in seen.driver.find_element("id", "live-reached").text)
        for when in ("2031-03-03T09:00", "2031-03-04T09:00"):
            seen.open("/module/event/add/")
            seen.put("title", "Check-up")
            seen.driver.execute_script("document.querySelector('[name=start]').value = arguments[0]", when)
            seen.press("Save")
            seen.follow("Add an alarm")
            seen.put("alarm_phonenumber", NUMBER)
            seen.press("Save")
            assert "Next:" in seen.text
        seen.press("1 hour later")
        assert "Put off" in seen.text
        seen.press("Cancel it")
        assert "nobody will be called" in seen.text
        seen.open("/module/alarm/2/")
        seen.press("Call now")
        seen.open("/today/")
        seen.until(lambda: seen.driver.find_element("id", "live-reached").text.count("confirmed") == 2)
        seen.open("/admin/appointment/alarmrequest/1/")
        for words in ("Dialled", "It rang", "Answered", "Heard “Will you come?”", "Pressed 1", "NORMAL_CLEARING"):
            assert words in seen.text, words
        assert f"}}sofia/gateway/{GATEWAY}/{NUMBER} &socket(" in seen.text
        seen.open("/module/sealed_survey/1/results/")
        assert "100 %" in seen.text
        assert seen.complaints() == []
