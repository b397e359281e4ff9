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


def until_confirmed(seen: Browser, *, javascript: bool = True) -> None:
    """The page of today shows it by itself; without JavaScript, when it is asked again."""
    seen.follow("Watch it happen")

    def look() -> bool:
        if "confirmed" in seen.driver.find_element("id", "live-reached").text:
            return True
        if not javascript:
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


def test_from_nothing_to_the_first_reminder_without_javascript(product: str, tmp_path: Path) -> None:
    with browser(tmp_path / "profile", javascript=False) as seen:
        seen.sign_in(product, "admin", "admin")
        first_steps(seen)
        until_confirmed(seen, javascript=False)


PAGES = (
    "/today/", "/start/", "/admin/", "/admin/gateway/", "/admin/gateway/add/", "/admin/gateway/1/",
    "/admin/gateway/1/delete/", "/admin/sms-gateway/1/", "/module/survey/", "/module/survey/1/",
    "/module/survey/1/section/1/", "/module/survey/1/section/add/?type=2", "/module/survey/1/try/",
    "/module/survey/1/try/?keys=7,1", "/module/survey/1/compare/", "/module/sealed_survey/1/",
    "/module/calendar_setting/1/", "/module/calendar_user/add/", "/module/calendar/1/", "/module/event/",
    "/module/event/1/", "/module/alarm/", "/module/alarm/1/", "/module/alarm/?status=99",
    "/admin/appointment/alarmrequest/", "/admin/appointment/alarmrequest/1/", "/admin/callrequest/",
    "/module/mail_template/add/", "/module/event/4711/", "/module/calendar/month/", "/module/calendar/week/",
    "/module/calendar/day/", "/module/event/1/repeat/?words=every+day", "/module/event/1/repeat/?words=never",
    "/module/sealed_survey/1/results/", "/module/sms_template/1/", "/module/calendar/move/?event=1&to=2030-01-01",
    "/admin/token/", "/admin/token/1/", "/admin/message/", "/admin/recording/", "/admin/webhook/add/",
    "/module/calendar_user/2/", "/module/dnc_list/add/", "/admin/appointment/alarmrequest/4711/",
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


def test_a_day_at_the_desk(product: str, tmp_path: Path) -> None:
    """What only a browser can show: calls as they happen, dragging, dark and light, nothing out of place anywhere."""
    with browser(tmp_path / "profile") as seen:
        seen.sign_in(product, "admin", "admin")
        prepared(seen)
        live_calls(seen)
        dragging(seen)
        for scheme in ("dark", "light"):
            media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            seen.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            accessible(seen)
        refused = ("/4711/", "?words=never")  # pages that say no: the browser notes that, too
        assert [one for one in seen.complaints() if not any(page in one for page in refused)] == []


def prepared(seen: Browser) -> None:
    """The example survey, sealed, and one appointment that repeats."""
    for path, fields in (
        ("/admin/gateway/add/", {"name": "Line", "gateways": "sofia/gateway/demo/"}),
        ("/admin/sms-gateway/add/", {"name": "Texts"}),
    ):
        seen.open(path)
        for name, value in fields.items():
            seen.put(name, value)
        seen.press("Save")
    seen.open("/start/")
    seen.press("Take the example")
    picture(seen, "survey")
    seen.press("Seal it")
    for path, fields in (
        ("/module/calendar_setting/add/", {"label": "Practice", "callerid": "15550100"}),
        ("/module/calendar_user/add/", {"username": "practice", "password": "practice"}),
        ("/module/calendar/add/", {"name": "Appointments"}),
        ("/module/event/add/", {"title": "Check-up"}),
        ("/module/alarm/add/", {"alarm_phonenumber": "15550100001", "advance_notice": "5"}),
        ("/module/sms_template/add/", {"label": "Short", "sms_text": "See you on {event_date}."}),
        ("/admin/token/add/", {"label": "till"}),
    ):
        seen.open(path)
        for name, value in fields.items():
            seen.put(name, value)
        seen.press("Save")
    seen.open("/module/event/1/repeat/")
    seen.put("words", "every second Tuesday until June")
    seen.press("Show the dates")
    picture(seen, "repeat")
    seen.press("Repeat like this")


def live_calls(seen: Browser) -> None:
    seen.open("/module/sealed_survey/1/")
    seen.find("//summary[.='Call me with it']").click()
    seen.put("number", "15550100002")
    seen.press("Call me")
    told = seen.driver.find_element("css selector", ".live ol")
    for words in ("dialling", "answered", "pressed 2", "ended"):
        seen.until(lambda words=words: words in told.get_attribute("textContent"), words)
    picture(seen, "live")
    seen.until(lambda: "cancelled" in seen.driver.find_element("id", "live-reached").text, "the list below")


def dragging(seen: Browser) -> None:
    seen.open("/module/calendar/month/")
    for _ in range(2):
        if not seen.driver.find_elements("css selector", ".entry.planned"):
            seen.follow("Later")
    picture(seen, "calendar")
    entry = seen.find("//li[contains(@class,'planned')]")
    days = seen.driver.find_elements("css selector", "td[data-day]")
    here = entry.find_element("xpath", "./ancestor::td").get_attribute("data-day")
    other = next(day for day in days if day.get_attribute("data-day") > str(here))
    to = other.get_attribute("data-day")
    # The driver's mouse makes no drag events in a headless browser: they are sent as the browser would send them.
    moves = "const t=new DataTransfer();for(const [e,n] of [[arguments[0],'dragstart'],[arguments[1],'dragover'],"
    moves += "[arguments[1],'drop']])e.dispatchEvent(new DragEvent(n,{dataTransfer:t,bubbles:true,cancelable:true}))"
    seen.driver.execute_script(moves, entry, other)
    seen.until(lambda: "Move “Check-up”?" in seen.text)
    seen.press("Move")
    moved = seen.find(f"//td[@data-day='{to}']//li")
    assert "Check-up" in moved.text
