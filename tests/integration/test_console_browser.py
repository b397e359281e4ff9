"""The console in a real browser, against the running product and the built-in switch.

``FS_APP_SCREENSHOTS=docs/screenshots`` keeps pictures of it there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="the console is tried in a browser with selenium: pip install 'fs-app[test]'")

from tests.browser import Browser, browser, needs_browser
from tests.processes import Process

pytestmark = [needs_browser, pytest.mark.timeout(300)]
SCREENSHOTS = os.environ.get("FS_APP_SCREENSHOTS", "")


@pytest.fixture
def product() -> Iterator[str]:
    """An empty installation with the built-in switch, as ``fs-app demo --empty`` starts it; its address."""
    process = Process(["demo", "--empty", "--http", "127.0.0.1:0"], {})
    try:
        found = re.search(r"http://[0-9.:]+", process.line("Open http://"))
        assert found
        yield found.group(0)
    finally:
        process.close()


def picture(seen: Browser, name: str) -> None:
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        seen.driver.save_screenshot(str(Path(SCREENSHOTS) / f"{name}.png"))


def first_steps(seen: Browser) -> None:
    """The seed's process flow, each step as the page of first steps offers it."""
    seen.follow("First steps")
    picture(seen, "first-steps")
    seen.follow("Add the telephone gateway")
    seen.put("name", "Line")
    seen.put("gateways", "sofia/gateway/demo/")
    seen.press("Save")
    seen.follow("Add the SMS gateway")
    seen.put("name", "Texts")
    seen.press("Save")
    seen.follow("Write a survey")
    seen.put("name", "Reminder")
    seen.press("Save")
    seen.put("type", "Play a message")
    seen.press("Add")
    seen.put("question", "Thanks")
    seen.put("script", "Thank you. Goodbye.")
    seen.press("Save")
    seen.put("type", "Ask for a digit")
    seen.press("Add")
    seen.put("question", "Will you come?")
    seen.put("script", "Hello. Press 1 to confirm, 2 to cancel.")
    seen.put("rating_laps", "2")
    seen.put("way_1", "Thanks")
    seen.put("way_any", "Thanks")
    seen.press("Save")
    assert "is never reached" in seen.text or "never" in seen.text  # the order is wrong: the message comes first
    seen.follow("Thanks")
    seen.find("//summary[.='More']").click() if not seen.by_keyboard else _unfold(seen)
    seen.put("order", "9")
    seen.press("Save")
    seen.press("Seal it")
    for name in ("Add a setting", "Add a calendar user", "Add a calendar", "Add an event"):
        seen.follow(name)
        if name == "Add a setting":
            seen.put("label", "Practice")
            seen.put("callerid", "15550100")
        elif name == "Add a calendar user":
            seen.put("username", "practice")
            seen.put("password", "practice")
        elif name == "Add a calendar":
            seen.put("name", "Appointments")
        else:
            seen.put("title", "Check-up")
        seen.press("Save")
    seen.follow("Add an alarm")
    seen.put("alarm_phonenumber", "15550100001")
    seen.put("advance_notice", "5")
    seen.press("Save")
    assert "next" in seen.text


def _unfold(seen: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    seen._reach(seen.find("//summary[.='More']"))
    seen._type(Keys.ENTER)


def until_confirmed(seen: Browser) -> None:
    seen.follow("Watch it happen")

    def look() -> bool:
        if "confirmed" in seen.text:
            return True
        seen.driver.refresh()
        return False

    seen.until(look)
    picture(seen, "today")
    seen.follow("Alarm requests")
    assert "answered" in seen.text
    seen.follow(seen.find("//main//tbody//th/a").text)
    story = seen.text
    assert "Pressed 1" in story
    assert "confirmed" in story
    seen.follow("First steps")
    assert "All nine steps are done" in seen.text


@pytest.mark.parametrize("by_keyboard", [False, True], ids=["mouse", "keyboard"])
def test_from_nothing_to_the_first_reminder(product: str, tmp_path: Path, by_keyboard: bool) -> None:
    with browser(tmp_path / "profile") as seen:
        seen.by_keyboard = by_keyboard
        seen.sign_in(product, "admin", "admin")
        first_steps(seen)
        until_confirmed(seen)
        assert seen.complaints() == []
        if not by_keyboard:
            accessible(seen)


def test_from_nothing_to_the_first_reminder_without_javascript(product: str, tmp_path: Path) -> None:
    with browser(tmp_path / "profile", javascript=False) as seen:
        seen.sign_in(product, "admin", "admin")
        first_steps(seen)
        until_confirmed(seen)


PAGES = (
    "/today/", "/start/", "/admin/", "/admin/gateway/", "/admin/gateway/add/", "/admin/gateway/1/",
    "/admin/gateway/1/delete/", "/admin/sms-gateway/1/", "/module/survey/", "/module/survey/1/",
    "/module/survey/1/section/1/", "/module/survey/1/section/add/?type=2", "/module/survey/1/try/",
    "/module/survey/1/try/?keys=7,1", "/module/survey/1/compare/", "/module/sealed_survey/1/",
    "/module/calendar_setting/1/", "/module/calendar_user/add/", "/module/calendar/1/", "/module/event/",
    "/module/event/1/", "/module/alarm/", "/module/alarm/1/", "/module/alarm/?status=99",
    "/admin/appointment/alarmrequest/", "/admin/appointment/alarmrequest/1/", "/admin/callrequest/",
    "/module/mail_template/add/", "/module/event/4711/",
)  # fmt: skip


def accessible(seen: Browser) -> None:
    """No page has a violation, on a desk and on a telephone."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        seen.open(page)
        if wrong := seen.axe():
            found[page] = wrong
    seen.driver.set_window_size(390, 800)
    for page in ("/today/", "/start/", "/module/survey/1/", "/module/event/1/", "/module/alarm/"):
        seen.open(page)
        if wrong := seen.axe():
            found[page + " (telephone)"] = wrong
        wide = seen.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            found[page + " (telephone)"] = [f"is {wide} pixels wider than the screen"]
    assert found == {}
