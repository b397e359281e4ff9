"""Values for words in braces while nobody is called: those of the newest event that has any, beside made-up ones."""

from __future__ import annotations

from fs_app.domain.tags import BUILT_IN, names
from httpapi.console.view import View

_MADE_UP = {
    "event_title": "Check-up",
    "event_date": "Tuesday 3 March",
    "event_day": "Tuesday",
    "event_time": "9:30",
    "event_at": "Tuesday 3 March at 9:30",
    "phone_number": "+15550100001",
    "calendar_user": "practice",
}


def tags(view: View, *texts: str) -> dict[str, str]:
    """A tag of ``texts`` that nothing fills stands for itself, in words."""
    events = view.rest.list("event", {"ordering": "-id", "page_size": 20})["results"]
    data: dict[str, object] = next((event["data"] for event in events if event["data"]), {})
    used = {name for text in texts for name in names(text)}
    named = {name: name.replace("_", " ") for name in BUILT_IN | used}
    return {**named, **_MADE_UP, **{name: str(value) for name, value in data.items()}}
