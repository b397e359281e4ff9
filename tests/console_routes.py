"""Every address of the console, made from its own table of routes: a page that is new there is tried by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

from httpapi.console.displays_all import DISPLAYS
from httpapi.console.routes import console
from httpapi.plugins import Surround
from httpapi.routes import registry

# What stands for a placeholder that is no row of the resource the address belongs to.
_OTHERS = {"<chart>": "outcomes.csv", "<action>": "call_now", "<name>": "console.css"}
SOUNDS = ("/speak/", "/listen/")  # they answer with audio
FILES = (*SOUNDS, ".csv", ".css", "/export/")


def patterns() -> list[str]:
    """As the routes have them, such as ``/module/event/<id>/``."""
    surround = cast("Surround", SimpleNamespace(services=None))
    return [pattern for pattern, _handler in console(surround, registry())]


def first_rows(get: Callable[[str], Any], prefer: Mapping[str, int] | None = None) -> dict[str, int]:
    """By path of a resource, the id of its newest row. ``get`` reads an address below /rest-api/."""
    found: dict[str, int] = {}
    for path in (*(display.path for display in DISPLAYS), "section-template"):
        rows = get(f"{path}/?page_size=1&ordering=-id")["results"]
        if rows:
            found[path] = int(rows[0]["url"].rstrip("/").rsplit("/", 1)[1])
    return {**found, **(prefer or {})}


def owner(pattern: str) -> str:
    """The path of the resource whose row ``<id>`` is in this pattern."""
    of = {display.url: display.path for display in DISPLAYS}
    return of[max((url for url in of if pattern.startswith(url)), key=len)]


def addresses(rows: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """(pattern, address) of every page. Fails for a page of whose kind there is no row, or that nobody could fill."""
    for pattern in patterns():
        address = pattern
        if "<id>" in address:
            path = owner(pattern)
            assert path in rows, f"no row of {path}: {pattern} would not be tried"
            address = address.replace("<id>", str(rows[path]))
        address = address.replace("<section>", str(rows.get("section-template", "<section>")))
        for placeholder, value in _OTHERS.items():
            address = address.replace(placeholder, value)
        assert "<" not in address, f"say in tests/console_routes.py what stands for the placeholder of {pattern}"
        yield pattern, address + _query(pattern, rows)


def _query(pattern: str, rows: Mapping[str, int]) -> str:
    asked: dict[str, object] = {
        "/module/event/<id>/repeat/": {"words": "every second Tuesday until June"},
        "/module/calendar/move/": {"event": rows.get("event"), "to": "2030-01-01"},
        "/module/survey/<id>/section/add/": {"type": 3},
        "/module/survey/<id>/try/": {"keys": "7,1"},
        "/module/survey/speak/": {"words": "Hello"},
    }.get(pattern, {})
    return "?" + urlencode(cast("dict[str, object]", asked)) if asked else ""
