"""One call by hand: what ``fs-app originate`` prints or places."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from fs_app.clock import SystemClock
from fs_app.config import Settings, socket_list
from fs_app.domain.alarms import Dial
from fs_app.errors import FsAppError, InvalidInput, SwitchDown
from fs_app.numbers import international
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.switch.dialstring import originate_command
from fs_app.switch.gate import Switch
from scheduler import plan
from scheduler.calls import LiveCalls
from scheduler.observer import Observer

CONNECT_TIMEOUT = 5.0  # seconds


def plan_call(store: Store, settings: Settings, number: str, setting_id: int, survey_id: int | None) -> Dial:
    """What would be dialled. Raises NotFound and InvalidInput, both saying what would be right."""
    attempts = Attempts(store, settings.timezone)
    setting = attempts.setting(setting_id)
    survey = survey_id or setting.survey_id
    if not attempts.has_survey(survey):
        raise InvalidInput("--survey", f"there is no sealed survey {survey}")
    inside = settings.ivr == "embedded"
    if not inside and not all(address.port for address in settings.survey_servers):
        raise InvalidInput("FS_APP_OUTBOUND", "must name the port that the running server listens on, not 0")
    rules = plan.PlanSettings("" if inside else socket_list(settings.survey_servers), settings.time_limit)
    number = international(number, setting.country, "number")
    if attempts.opted_out(setting.manager_id, number):
        raise InvalidInput("number", "is on a do-not-call list of the manager whose calendar setting this is")
    dial = plan.dial(setting, number, survey, str(uuid.uuid4()), rules, {}, "")
    originate_command(dial.request)
    return replace(dial, user_id=setting.manager_id)


def place_call(store: Store, settings: Settings, dial: Dial, observer: Observer) -> str:
    """Place the call, follow it to its end and return its outcome. The survey is run by the server that listens on
    FS_APP_OUTBOUND. Raises SwitchDown when the switch does not answer."""
    clock = SystemClock()
    address = settings.esl[0]
    switch = Switch(address.host, address.port, settings.esl_password, clock=clock)
    attempts = store.off_loop(Attempts(store, settings.timezone))
    outcome: list[str] = []

    def watch(what: str, call_uuid: str, details: Mapping[str, object]) -> None:
        observer(what, call_uuid, details)
        if what == "booked":
            outcome.append(str(details["outcome"]))

    lease: timedelta = settings.lease
    calls = LiveCalls(
        attempts,
        [switch],
        clock,
        lease=lease,
        prepare=lambda _uuid: "",
        changed=lambda: None,
        observer=watch,
    )
    switch.subscribe(calls.on_event)
    switch.start()
    try:
        if not switch.wait_up(CONNECT_TIMEOUT):
            raise SwitchDown(f"{switch.name} did not answer within {CONNECT_TIMEOUT:g} s")
        calls.place(attempts.claim_direct(dial, clock.now(), lease))
    finally:
        calls.stop()
        switch.stop()
    if not outcome:
        raise FsAppError("the call was not booked; look at the log above")
    return outcome[0]
