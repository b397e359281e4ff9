"""A call to a number of one's own, now: with one sealed survey, or through one gateway.

It is an event and an alarm like any other, so it obeys everything that reminders obey and stands in the same log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.kinds import show_moment
from httpapi.plugins import row_id
from httpapi.web import Response

_LENGTH = timedelta(hours=1)


def with_survey(view: View, arguments: Mapping[str, str]) -> Response:
    """POST from the page of a sealed survey."""
    sealed = row_id(arguments)
    values = view.rest.get("sealed-survey", sealed)
    calendar = id_of(view.field("calendar") or None)
    if calendar is None:
        raise ApiError(400, {"detail": "Choose a calendar: its calendar user's setting says how the call is made."})
    return _call(view, calendar, f"Test call: {values['name']}", {"survey": values["url"]})


def through_gateway(view: View, arguments: Mapping[str, str]) -> Response:
    """POST from the page of a gateway: the first calendar that calls through it is used."""
    gateway = row_id(arguments)
    name = view.rest.get("gateway", gateway)["name"]
    for setting in view.rest.list("calendar-setting", {"aleg_gateway": gateway, "page_size": 50})["results"]:
        asked = {"calendar_setting": id_of(setting["url"]), "page_size": 50}
        for profile in view.rest.list("calendar-user-profile", asked)["results"]:
            for calendar in view.rest.list("calendar", {"user": profile["user"], "page_size": 1})["results"]:
                return _call(view, id_of(calendar["url"]) or 0, f"Test call: {name}", {})
    detail = "No calendar calls through this gateway yet: give a calendar user a setting that names it, and a calendar."
    raise ApiError(409, {"detail": detail})


def _call(view: View, calendar: int, title: str, more: Mapping[str, Any]) -> Response:
    owner = view.rest.get("calendar", calendar)["user"]
    event = {
        "title": title[:250],
        "start": show_moment(view.now),
        "end": show_moment(view.now + _LENGTH),
        "calendar": calendar,
        "creator": owner,
    }
    made = id_of(view.rest.create("event", event)["url"]) or 0
    try:
        view.rest.create("alarm", {"event": made, "alarm_phonenumber": view.field("number"), **more})
    except ApiError:
        view.rest.delete("event", made)
        raise
    return view.go("/today/", "called")
