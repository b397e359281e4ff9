"""The navigation: what this user may reach."""

from __future__ import annotations

from httpapi.console.displays_all import BY_PATH
from httpapi.console.rest import Rest

# (heading, its entries): a path of a resource, or (title, address).
_PLAN: tuple[tuple[str, tuple[str | tuple[str, str], ...]], ...] = (
    ("", (("Today", "/today/"), ("Calendar", "/module/calendar/month/"), ("First steps", "/start/"))),
    ("Appointments", ("event", "alarm", "calendar", "rule")),
    ("Surveys", ("survey-template", "sealed-survey", "audio-files", "sms-template", "mail-template")),
    ("Log", ("alarm-request", "callrequest", "recording", "message")),
    (
        "Settings",
        (
            ("Overview", "/admin/"),
            "calendar-setting",
            "calendar-user",
            "gateway",
            "sms-gateway",
            "user",
            "dnc-list",
            "dnc-contact",
            "token",
            "webhook",
        ),
    ),
)


def menu(rest: Rest) -> list[tuple[str, list[tuple[str, str]]]]:
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for heading, entries in _PLAN:
        shown: list[tuple[str, str]] = []
        for entry in entries:
            if isinstance(entry, tuple):
                if entry[1] != "/start/" or rest.may_read("calendar-setting"):
                    shown.append(entry)
            elif entry in rest.registry and rest.may_read(entry):
                shown.append((BY_PATH[entry].many, BY_PATH[entry].url))
        if shown:
            found.append((heading, shown))
    return found
