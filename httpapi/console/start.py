"""First steps: the nine steps from an empty installation to the first reminder, each done or next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fs_app.domain.enums import AlarmStatus
from httpapi.console.view import View
from httpapi.web import Response


@dataclass(frozen=True)
class Step:
    number: int
    title: str
    why: str
    done: bool
    address: str
    button: str
    see: str  # where what is there already can be looked at
    example: bool = False  # an example may be taken over instead


def steps(view: View) -> list[Step]:
    """What is there already, asked of the API as this user sees it."""
    rest = view.rest

    some = rest.some
    ready = some("calendar-user-profile") and any(
        profile["calendar_setting"] for profile in rest.list("calendar-user-profile", {"page_size": 50})["results"]
    )
    lines = some("gateway") and some("sms-gateway")
    gateway = "/admin/sms-gateway/add/" if some("gateway") else "/admin/gateway/add/"
    reached = some("alarm-request", status=AlarmStatus.SUCCESS.value)
    more = "?onward=/start/"
    return [
        Step(1, "Telephone and SMS gateway", "How calls and text messages leave the building.", lines, gateway + more,
             "Add the SMS gateway" if some("gateway") else "Add the telephone gateway", "/admin/gateway/"),
        Step(2, "Survey", "What a callee hears, and which keys count.", some("survey-template"),
             "/module/survey/add/", "Write a survey", "/module/survey/", example=True),
        Step(3, "Seal it", "Calls play sealed surveys only: what was heard can never change afterwards.",
             some("sealed-survey"), "/module/survey/", "Seal your survey", "/module/sealed_survey/"),
        Step(4, "Calendar setting", "The number shown to callees, the gateway and the survey.",
             some("calendar-setting"),
             "/module/calendar_setting/add/" + more, "Add a setting", "/module/calendar_setting/"),
        Step(5, "Calendar user", "Whose appointments these are: a doctor, a desk.", ready,
             "/module/calendar_user/add/" + more, "Add a calendar user", "/module/calendar_user/"),
        Step(6, "Calendar", "It holds the appointments of one calendar user.", some("calendar"),
             "/module/calendar/add/" + more, "Add a calendar", "/module/calendar/"),
        Step(7, "Event", "An appointment.", some("event"), "/module/event/add/" + more, "Add an event",
             "/module/event/"),
        Step(8, "Alarm", "Whom to call about it, and when.", some("alarm"), "/module/alarm/add/" + more,
             "Add an alarm", "/module/alarm/"),
        Step(9, "Result", "Watch the call. If you do not want to wait for it, press “Call now” there.", reached,
             "/today/", "Watch it happen", "/admin/appointment/alarmrequest/"),
    ]  # fmt: skip


def start(view: View, _arguments: Mapping[str, str]) -> Response:
    if not view.manages:
        return view.go("/today/")
    found = steps(view)
    return view.page("start.html", steps=found, next=next((step for step in found if not step.done), None))
