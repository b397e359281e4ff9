"""Settings at a glance: what is set up, and how the parts of the product are."""

from __future__ import annotations

from collections.abc import Mapping

from httpapi.console import companions
from httpapi.console.displays_all import BY_PATH
from httpapi.console.view import View
from httpapi.web import Response

_SHOWN = (
    "gateway", "sms-gateway", "calendar-setting", "calendar-user", "calendar", "user", "rule", "survey-template",
    "sealed-survey", "audio-files", "sms-template", "mail-template", "dnc-list", "dnc-contact", "token",
)  # fmt: skip


def overview(view: View, _arguments: Mapping[str, str]) -> Response:
    known = [BY_PATH[path] for path in _SHOWN if path in view.rest.registry and view.rest.may_read(path)]
    counts = [(display, view.rest.list(display.path, {"page_size": 1})["count"]) for display in known]
    health = sorted(view.services.health().items()) if view.manages else []
    gateways = view.rest.list("gateway", {"page_size": 25})["results"] if view.rest.may_read("gateway") else []
    states = companions.gateway_states(view, gateways)
    told = [(row, states.get(str(row["gateways"]), ())) for row in gateways]
    return view.page("admin.html", counts=counts, health=health, gateways=told)
