"""Templates to HTML: everything is escaped unless a template was written by us."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fs_app import __version__
from httpapi.console import choices, displays
from httpapi.console.displays_all import BY_PATH
from httpapi.console.fields import local
from httpapi.console.menu import menu
from httpapi.console.rest import id_of
from httpapi.web import Response

if TYPE_CHECKING:
    from httpapi.console.view import View

HTML = "text/html; charset=utf-8"
STATIC = {"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8"}
# Notices that an address may ask for; their words are ours, so that a link cannot put its own on our page.
NOTICES = {
    "created": "Saved.",
    "saved": "Changes saved.",
    "deleted": "Deleted.",
    "sealed": "Sealed. Calls can use it now.",
    "copied": "The example is yours now: change what you like.",
    "called": "The call is on its way.",
    "later": "Put off.",
    "cancelled": "Cancelled: nobody will be called.",
    "moved": "Moved.",
    "told": "Done.",
}


def static(name: str) -> bytes:
    return (files("httpapi.console") / "static" / name).read_bytes()


_FINGERPRINTS = {name: hashlib.sha256(static(name)).hexdigest()[:12] for name in STATIC}


def _moment(value: Any, zone: ZoneInfo, now: datetime | None = None) -> Markup:
    """A point in time in words; shorter, given ``now``, for what is near."""
    if not value:
        return Markup("")
    when = local(value, zone)
    words = f"{when:%a %d %b %Y, %H:%M}"
    if now is not None:
        days = (when.date() - now.astimezone(zone).date()).days
        near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get(days)
        words = f"{near}, {when:%H:%M}" if near else words
    return Markup('<time datetime="{}">{}</time>').format(when.isoformat(), words)


def _clock(value: Any, zone: ZoneInfo) -> str:
    return f"{local(value, zone):%H:%M}" if value else ""


def _seconds(value: Any, zone: ZoneInfo) -> str:
    return f"{local(value, zone)::%S}" if value else ""


def _size(seconds: Any) -> str:
    """Seconds in words: ``1 day``, ``90 minutes``."""
    number = int(seconds or 0)
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if number and number % unit == 0:
            count = number // unit
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{number} seconds"


def _address(name: str) -> str:
    return f"/static/{name}?v={_FINGERPRINTS[name]}"


env = Environment(
    loader=PackageLoader("httpapi.console", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
env.filters.update(article=displays.article, moment=_moment, seconds=_seconds, clock=_clock, span=_size, id=id_of)
env.globals.update(
    static=_address,
    word=choices.word,
    tone=lambda words: choices.TONES.get(words, ""),
    displays=BY_PATH,
    label=displays.label,
    version=__version__,
)


def page(view: View, template: str, status: int, values: Mapping[str, Any]) -> Response:
    """An answer made of a template; ``view`` is among its values."""
    done = NOTICES.get(view.query.get("done", ""), "") if view.request.method == "GET" else ""
    text = env.get_template(template).render(
        view=view, menu=menu(view.rest), here=view.request.path, done=done, query=view.query, **values
    )
    return Response(status, text.encode("utf-8", "replace"), {"Content-Type": HTML})


def bare(template: str, status: int, values: Mapping[str, Any]) -> Response:
    """A page for somebody who has not signed in."""
    text = env.get_template(template).render(**values)
    return Response(status, text.encode("utf-8", "replace"), {"Content-Type": HTML})


def today_in(zone: ZoneInfo, now: datetime) -> datetime:
    """Midnight at the start of the day in ``zone``."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
