"""A headless Chromium for tests, where there is one, driven by mouse or by keyboard alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
PATIENCE = 40.0
_BETWEEN = "does not belong to the document"  # how the driver says that the page was changing under its hands
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium with chromedriver here: the console is not tried in a browser"
)
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--lang=en"),
)


@contextmanager
def browser(home: Path, *, width: int = 1280, height: int = 900, javascript: bool = True) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*_FLAGS, f"--user-data-dir={home}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    if not javascript:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(DRIVER, log_output=subprocess.DEVNULL)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """``by_keyboard`` moves with Tab and acts with Enter and the arrow keys; the mouse is not touched then."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.base = ""
        self.by_keyboard = False

    def open(self, path: str) -> None:
        self.driver.get(self.base + path)

    def sign_in(self, base: str, user: str, password: str) -> None:
        self.base = base
        self.open("/sign-in/")
        self.put("username", user)
        self.put("password", password)
        self.press("Sign in")

    @property
    def text(self) -> str:
        return self.until(lambda: str(self.driver.find_element(By.TAG_NAME, "main").text) or None)

    def until(self, look: Callable[[], Any], what: str = "") -> Any:
        """What ``look`` finds, once it finds something."""

        def found(_driver: Any) -> Any:
            try:
                return look()
            except StaleElementReferenceException:
                return None
            except WebDriverException as exc:
                if _BETWEEN not in str(exc.msg):
                    raise
                return None

        try:
            return WebDriverWait(self.driver, PATIENCE, poll_frequency=0.1).until(found)
        except TimeoutException:
            words = self.driver.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"{what or 'it'} did not come; {self.driver.current_url} says\n{words}") from None

    def find(self, xpath: str) -> WebElement:
        def look() -> WebElement | None:
            found = self.driver.find_elements(By.XPATH, xpath)
            return next((one for one in found if one.is_displayed()), None)

        element: WebElement = self.until(look, xpath)
        return element

    def follow(self, words: str) -> None:
        """A link with these words in the page's content or in the menu."""
        self._go(f"//a[starts-with(normalize-space(),{_quoted(words)})]")

    def press(self, words: str) -> None:
        """A button with these words."""
        self._go(f"//button[starts-with(normalize-space(),{_quoted(words)})]")

    def _go(self, xpath: str) -> None:
        """Act on it, and wait until the page it was on is gone."""
        element = self.find(xpath)
        old = self.driver.find_element(By.TAG_NAME, "html")
        if self.by_keyboard:
            self._reach(element)
            self._type(Keys.ENTER)
        else:
            element.click()
        self.until(lambda: _gone(old))

    def put(self, name: str, value: str) -> None:
        """Fill in one field by its name."""
        element = self.find(f"//*[@name={_quoted(name)}]")
        if self.by_keyboard:
            self._reach(element)
            if element.tag_name == "select":
                words = [o.text for o in Select(element).options]
                at = next(n for n, one in enumerate(words) if one.startswith(value))
                self._type(Keys.HOME, *(Keys.ARROW_DOWN,) * at)
            else:
                actions = webdriver.ActionChains(self.driver)
                actions.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(value).perform()
        elif element.tag_name == "select":
            options = Select(element)
            options.select_by_visible_text(next(o.text for o in options.options if o.text.startswith(value)))
        else:
            element.clear()
            element.send_keys(value)

    def _reach(self, element: WebElement) -> None:
        """Tab there from wherever the focus is."""
        for _ in range(200):
            if self.driver.switch_to.active_element == element:
                return
            self._type(Keys.TAB)
        raise AssertionError(f"the keyboard never reaches {element.get_attribute('outerHTML')}")

    def _type(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def drag(self, what: WebElement, to: WebElement) -> None:
        """By the mouse, as Chromium itself drags: pressed, moved far enough that it takes it for a drag, let go."""
        for one in (to, what):
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", one)
        (x, y), (to_x, to_y) = _middle(what), _middle(to)
        self._mouse("mouseMoved", x, y, buttons=0)
        self._mouse("mousePressed", x, y, button="left", clickCount=1)
        for step in range(1, 11):
            self._mouse("mouseMoved", x + (to_x - x) * step / 10, y + (to_y - y) * step / 10, button="left")
        self._mouse("mouseReleased", to_x, to_y, button="left", clickCount=1)

    def _mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self._cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, **{"buttons": 1, **more})

    def _cdp(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def choose_file(self, name: str, file: Path) -> None:
        """Open the file chooser of that input and choose a file in it."""
        self.find(f"//input[@type='file'][@name={_quoted(name)}]").send_keys(str(file))

    def size(self, width: int, height: int) -> None:
        """Of the page, which a window of the desktop cannot be made as narrow as."""
        self._cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def scheme(self, name: str) -> None:
        """dark or light."""
        self._cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def complaints(self) -> list[str]:
        """What the browser's own log says is wrong: a script that failed, a policy that was broken."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def axe(self) -> list[str]:
        """What axe finds on this page, against WCAG 2.2 AA and its own best practices; [] when there is nothing."""
        script = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self.driver.execute_script(script)
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done)"
        )
        return [
            f"{one['id']}: {one['help']}: "
            + "; ".join(f"{n['html'][:200]} {n['failureSummary']}" for n in one["nodes"])
            for one in found["violations"]
        ]


def _middle(element: WebElement) -> tuple[float, float]:
    """In the window."""
    box = element.parent.execute_script("return arguments[0].getBoundingClientRect().toJSON()", element)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _gone(old: WebElement) -> bool:
    try:
        old.is_enabled()
    except StaleElementReferenceException:
        return True
    return False


def _quoted(words: str) -> str:
    assert "'" not in words
    return f"'{words}'"
