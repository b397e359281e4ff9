"""The console in a real browser, against the running product and the built-in switch.

``FS_APP_SCREENSHOTS=docs/screenshots`` keeps pictures of it there.
"""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium", reason="the console is tried in a browser with selenium: pip install 'fs-app[test]'")

from tests.browser import Browser, browser, needs_browser
from tests.console_routes import FILES, addresses, first_rows
from tests.processes import Process
from tests.rest_client import basic
from tests.sounds import tone, wav

pytestmark = [needs_browser, pytest.mark.timeout(600)]
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


# Beside the table of routes: what says no, and lists that find nothing.
REFUSED = (
    "/module/event/4711/", "/nowhere/", "/sign-out/", "/module/event/1/repeat/?words=never", "/module/alarm/?status=99",
    "/admin/appointment/alarmrequest/?ordering=nonsense", "/admin/appointment/alarmrequest/4711/",
)  # fmt: skip
NARROW, WIDE = (390, 800), (1280, 900)


def accessible(seen: Browser, pages: list[str], size: tuple[int, int], scheme: str) -> dict[str, list[str]]:
    """What is wrong with each page: what axe finds, and what does not fit the screen."""
    seen.scheme(scheme)
    seen.size(*size)
    found: dict[str, list[str]] = {}
    for page in pages:
        seen.open(page)
        wrong = seen.axe()
        wide = seen.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            wrong.append(f"is {wide} pixels wider than the screen")
        if wrong:
            found[f"{page} ({scheme}, {size[0]} wide)"] = wrong
    return found


def rest(product: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """A row made over REST, or read."""
    headers = {"Authorization": basic("admin", "admin"), "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(f"{product}/rest-api/{path}", data, headers)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def one_of_each(seen: Browser, product: str) -> None:
    """Whatever else has a page: by REST, since its form is tried elsewhere; and a recorded answer, by a call."""
    blocked = rest(product, "dnc-list/", {"name": "No"})["url"]
    rest(product, "dnc-contact/", {"dnc_list": blocked, "phone_number": "15550100099"})
    rest(product, "mail-template/", {"label": "Mail", "subject": "See you", "message_plaintext": "On {event_date}."})
    rest(product, "webhook/", {"target": "https://example.org/told"})
    text = rest(product, "sms-template/?page_size=1")["results"][0]["url"]
    event = rest(product, "event/1/")["url"]
    rest(product, "alarm/", {"event": event, "method": 2, "alarm_phonenumber": "15550100001", "sms_template": text,
                             "advance_notice": 10**7})  # fmt: skip
    survey = rest(product, "survey-template/", {"name": "Message"})["url"]
    say = {"survey": survey, "type": 5, "order": 1, "question": "Tell us", "script": "Speak.", "record_seconds": 2}
    rest(product, "section-template/", say)
    sealed = rest(product, f"{survey.partition('/rest-api/')[2]}seal/", {})
    seen.open(f"/module/sealed_survey/{sealed['url'].rstrip('/').rsplit('/', 1)[1]}/")
    seen.find("//summary[.='Call me with it']").click()
    seen.put("number", "15550100001")
    seen.press("Call me")
    seen.until(lambda: rest(product, "recording/")["count"] and rest(product, "message/")["count"], "a recording")


def every_page(product: str) -> list[str]:
    """By the table of routes, for the newest row of each kind."""

    def get(path: str) -> Any:
        return rest(product, path)

    rows = first_rows(get, {"event": 1, "survey-template": 1, "section-template": 1, "sealed-survey": 1})
    found = [address for _, address in addresses(rows) if not address.partition("?")[0].endswith(FILES)]
    at = get(f"event/{rows['event']}/")["start"]
    return [f"{one}?at={at}" if one.endswith("/occurrence/") else one for one in found if one != "/"]


def test_a_day_at_the_desk(product: str, tmp_path: Path) -> None:
    """What only a browser can show: calls as they happen, files, dragging, nothing out of place on any page."""
    with browser(tmp_path / "profile") as seen:
        seen.sign_in(product, "admin", "admin")
        prepared(seen)
        live_calls(seen)
        recordings(seen, tmp_path)
        dragging(seen)
        one_of_each(seen, product)
        assert [one for one in seen.complaints() if "/module/audio/add/" not in one] == []  # the refused letter
        pages = every_page(product)
        assert len(pages) > 90
        for name in ("today", "survey", "calendar", "results"):
            pictures(seen, name)
        found = accessible(seen, [*pages, *REFUSED], WIDE, "light")
        found |= accessible(seen, [*pages, *REFUSED], NARROW, "dark")  # colours do not depend on the width
        found |= errors(seen)
        assert found == {}
        noted = [one for one in seen.complaints() if "status of 4" not in one]  # the browser notes each refusal, too
        assert noted == []


def errors(seen: Browser) -> dict[str, list[str]]:
    """The pages of 403, 409 and 429, and those for whoever has not signed in."""
    found = {}

    def look(what: str, words: str) -> None:
        assert words in seen.driver.find_element("tag name", "body").text, what
        if wrong := seen.axe():
            found[what] = wrong

    seen.size(*WIDE)
    seen.open("/admin/gateway/1/delete/")
    seen.press("Delete")
    look("409", "in use")
    seen.open("/module/survey/add/")
    seen.driver.execute_script("document.querySelector('main [name=csrf]').value = 'forged'")
    seen.put("name", "forged")
    seen.press("Save")
    look("403", "not allowed")
    seen.open("/today/")
    seen.press("Sign out")
    look("sign in", "Sign in")
    for _ in range(12):
        seen.put("username", "admin")
        seen.put("password", "wrong")
        seen.press("Sign in")
        if "do not belong together" not in seen.driver.find_element("tag name", "body").text:
            break
    look("429", "many")
    return found


def pictures(seen: Browser, name: str) -> None:
    """For the documentation, light and dark, on a desk and on a telephone."""
    page = {"today": "/today/", "survey": "/module/survey/1/", "calendar": "/module/calendar/month/"}.get(name)
    for size, scheme in ((WIDE, "dark"), (NARROW, "light")) if SCREENSHOTS else ():
        seen.size(*size)
        seen.scheme(scheme)
        seen.open(page or "/module/sealed_survey/1/results/")
        picture(seen, f"{name}-{'telephone' if size == NARROW else scheme}")
    seen.size(*WIDE)
    seen.scheme("light")


def recordings(seen: Browser, folder: Path) -> None:
    """A sound is uploaded, listened to and played by a section; a file that is no sound is refused with a word why."""
    wrong, right = folder / "letter.txt", folder / "hello.wav"
    wrong.write_text("Dear Sir or Madam,")
    right.write_bytes(wav(tone(440, 0.5)))
    seen.open("/module/audio/add/?onward=/module/survey/1/section/1/")
    seen.put("name", "Greeting")
    seen.choose_file("audio_file", wrong)
    seen.press("Save")
    assert "this is not audio" in seen.find("//*[contains(@class,'problem')]").text.lower()
    assert seen.find("//*[@name='name']").get_attribute("value") == "Greeting"
    seen.choose_file("audio_file", right)
    seen.press("Save")
    assert seen.driver.current_url.partition("?")[0].endswith("/module/survey/1/section/1/")
    seen.put("audiofile", "Greeting")
    seen.press("Save")
    seen.open("/module/survey/1/section/1/")
    for player in ("listen-sound", "listen-words"):
        seconds = seen.driver.execute_async_script(
            "const [name, done] = arguments; const a = document.querySelector(`[aria-labelledby=${name}]`);"
            "a.addEventListener('loadedmetadata', () => done(a.duration)); a.addEventListener('error', () => done(0));"
            "a.preload = 'metadata'; a.load()",
            player,
        )
        assert seconds > 0.3, player
    seen.put("audiofile", "—")
    seen.press("Save")


def test_a_calendar_user_sees_only_its_own(product: str, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as seen:
        seen.sign_in(product, "admin", "admin")
        prepared(seen)
        seen.press("Sign out")
        seen.sign_in(product, "practice", "practice")
        menu = seen.driver.find_element("tag name", "nav").text
        assert "Events" in menu
        for absent in ("Surveys", "Telephone gateways", "Managers", "First steps"):
            assert absent not in menu, absent
        seen.follow("Events")
        assert "Check-up" in seen.text
        seen.follow("Add an event")
        seen.put("title", "Second look")
        seen.press("Save")
        seen.follow("Add an alarm")
        seen.put("alarm_phonenumber", "15550100002")
        seen.press("Save")
        seen.follow("Today")
        seen.until(lambda: "cancelled" in seen.driver.find_element("id", "live-reached").text)
        seen.open("/module/survey/1/")
        assert "nothing here" in seen.text


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
    """Today listens in one window before the call is made in another: who listens later has missed some."""
    seen.open("/today/")
    seen.until(lambda: not any(one.is_displayed() for one in seen.driver.find_elements("css selector", ".no-live")))
    desk = seen.driver.current_window_handle
    seen.driver.switch_to.new_window("tab")
    seen.open("/module/sealed_survey/1/")
    seen.find("//summary[.='Call me with it']").click()
    seen.put("number", "15550100002")
    seen.press("Call me")
    seen.driver.close()
    seen.driver.switch_to.window(desk)
    told = seen.driver.find_element("css selector", ".live ol")
    # "about to be dialled" or "dialling": either may be over before anybody looks at the call.
    for words in ("diall", "ringing", "answered", "at “Will you come?”", "pressed 2 (cancelled)", "ended"):
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
    seen.drag(entry, other)
    seen.until(lambda: "Move “Check-up”?" in seen.text)
    seen.press("Move")
    moved = seen.find(f"//td[@data-day='{to}']//li")
    assert "Check-up" in moved.text
