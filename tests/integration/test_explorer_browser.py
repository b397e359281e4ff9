"""The explorer in a real browser: sign in, read and make something by clicking, under its own content policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium", reason="the explorer is tried in a browser with selenium: pip install 'fs-app[test]'")

from tests.browser import Browser, browser, needs_browser
from tests.rest_client import Api

pytestmark = [needs_browser, pytest.mark.timeout(300)]


def test_calls_are_tried_for_real(sqlite_api: Api, tmp_path: Path) -> None:
    api = sqlite_api
    before = api.get("rule/")["count"]

    def clicks() -> tuple[list[dict[str, Any]], list[str]]:
        with browser(tmp_path / "browser") as seen:
            seen.base = api.base.removesuffix("/rest-api/")
            seen.open("/rest-api/")
            authorise(seen, "manager", "manager")
            shown = [tried(seen, "rule", "rule.list")]
            filled = json.dumps({"name": "Every other day", "frequency": "DAILY", "params": "interval:2"})
            shown.append(tried(seen, "rule", "rule.create", lambda: fill_body(seen, filled)))
            loaded = seen.driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
            return shown, [*seen.complaints(), *(one for one in loaded if not one.startswith((seen.base, "data:")))]

    (listed, made), complaints = api.in_thread(clicks)
    # No broken policy, nothing from another site. Whoever has no session is told so, which the browser writes down.
    assert [one for one in complaints if "rest-api/session/ - Failed" not in one] == []
    assert (listed["status"], listed["body"]["count"]) == ("200", before)
    assert (made["status"], made["body"]["name"]) == ("201", "Every other day")
    assert api.get("rule/")["count"] == before + 1
    assert api.get(made["body"]["url"].partition("/rest-api/")[2])["params"] == "interval:2"


def authorise(seen: Browser, user: str, password: str) -> None:
    seen.find("//button[contains(@class,'authorize')]").click()
    form = "//div[contains(@class,'auth-container')][.//input[@type='password']]"
    seen.find(f"{form}//input[@type='text']").send_keys(user)
    seen.find(f"{form}//input[@type='password']").send_keys(password)
    seen.find(f"{form}//button[contains(@class,'authorize')]").click()
    seen.find(f"{form.replace('[.//input', '[not(.//input').replace(']]', '])]')}//button[.='Logout']")
    seen.find("//div[contains(@class,'modal-ux')]//button[contains(@class,'btn-done') or .='Close']").click()


def tried(seen: Browser, tag: str, operation: str, fill: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Unfold an operation, execute it; status and body of the answer as the page shows them."""
    escaped = operation.replace(".", "\\.")  # as the page writes it into its ids
    block = f"//div[@id='operations-{tag}-{escaped}']"
    if not seen.driver.find_elements("xpath", block):
        seen.find(f"//*[@id='operations-tag-{tag}']").click()
    seen.find(f"{block}//button[contains(@class,'opblock-summary-control')]").click()
    seen.find(f"{block}//button[contains(@class,'execute')]")
    fill()
    seen.find(f"{block}//button[contains(@class,'execute')]").click()
    answer = f"{block}//table[contains(@class,'live-responses-table')]//tbody/tr[contains(@class,'response')]"
    status = seen.find(f"{answer}//td[contains(@class,'response-col_status')]").text.split()[0]
    words = seen.find(f"{answer}//*[contains(@class,'highlight-code')]//code").get_attribute("textContent")
    return {"status": status, "body": json.loads(words or "null")}


def fill_body(seen: Browser, text: str) -> None:
    from selenium.webdriver.common.keys import Keys

    area = seen.find("//textarea[contains(@class,'body-param__text')]")
    area.send_keys(Keys.CONTROL, "a")
    area.send_keys(text)
