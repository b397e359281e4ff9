"""``fs-app demo``: the main job by the seed's steps, over our own REST API, told as it happens.

The database and the sounds live in a directory of this run's own. The REST client runs in a native thread, like any
other client it knows nothing but the API.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus, Role
from fs_app.errors import FsAppError, SwitchDown
from fs_app.loop_caller import stop_on_signals
from fs_app.passwords import hash_password
from fs_app.service import Service
from fs_app.simulator.server import Simulator
from fs_app.store.database import Store
from fs_app.store.models import User

ADMIN, PASSWORD = "admin", "admin"
DELAY = timedelta(seconds=4)  # from the last REST call to the originate
PATIENCE = 90.0  # seconds until the demo gives up
CONNECT_TIMEOUT = 10.0
GREETING = (
    "Hello {name}. This is a reminder of your appointment with Doctor {doctor}, on {event_date} at {event_time}. "
    "Press 1 to confirm, 2 to cancel, or 3 to choose another time."
)


def run_demo(
    environ: Mapping[str, str], *, real_switch: bool, gateway: str | None, number: str, once: bool, empty: bool = False
) -> int:
    """Run it; the exit code. With ``once`` it is 0 only when the alarm reads SUCCESS and CONFIRMED over REST. With
    ``empty`` nothing is shown: there is a user and a switch, and the console leads through the rest."""
    home = Path(tempfile.mkdtemp(prefix="fs-app-demo-"))
    if real_switch:
        home.chmod(0o755)  # the switch, another user perhaps, plays files from here
    story = _Story()
    simulator: Simulator | None = None
    settings_env = {
        **environ,
        "FS_APP_DATABASE": f"sqlite:///{home}/fs-app.sqlite3",
        "FS_APP_SOUNDS": str(home / "sounds"),
        "FS_APP_SMS_FILE": str(home / "sms.jsonl"),
        "FS_APP_OUTBOUND": "127.0.0.1:0",
    }
    if not real_switch:
        simulator = Simulator(clock=SystemClock(), on_event=story.on_callee)
        simulator.start()
        settings_env["FS_APP_ESL"] = f"127.0.0.1:{simulator.port}"
        settings_env["FS_APP_ESL_PASSWORD"] = "ClueCon"  # noqa: S105 - FreeSWITCH's well-known default, on loopback
    settings = config.load(settings_env)
    _first_user(settings.database)
    service = Service(settings, observer=story.on_service)
    service.start()
    try:
        for switch in service.switches:
            if not switch.wait_up(CONNECT_TIMEOUT):
                raise SwitchDown(f"the switch at {switch.name} did not answer within {CONNECT_TIMEOUT:g} s")
        assert service.http is not None
        base = f"http://{settings.http.host}:{service.http.port}/rest-api/"
        pattern = gateway or ("loopback/{number}/fs_app_callees" if real_switch else "sofia/gateway/demo/")
        kind = "FreeSWITCH" if real_switch else "the built-in switch"
        story.say(f"fs-app on {base}, calling through {kind} at {settings.esl[0]}")
        console = base.removesuffix("rest-api/")
        if empty:
            stop = stop_on_signals()  # before it is said: whoever reads it may press at once
            story.say(f"Open {console} and sign in as {ADMIN} with the password {PASSWORD}.")
            story.say("Serving until Ctrl-C.")
            return service.run_forever(stop)
        client = _Client(base)
        threads = ThreadPool(1)
        event, alarm = threads.apply(_book_appointment, (client, pattern, number, story))
        story.say(f"The call is due in {DELAY.seconds} seconds.")
        ended = story.booked.wait(PATIENCE)
        good = bool(ended) and threads.apply(_read_back, (client, event, alarm, story))
        if once:
            return 0 if good else 1
        story.say(f"Look at it yourself: open {console} and sign in as {ADMIN} with the password {PASSWORD}, or")
        for path in (f"alarm/{alarm}/", f"alarm-request/{event}/get_nested_alarm_request/", "callrequest/"):
            story.say(f"  curl -u {ADMIN}:{PASSWORD} {base}{path}")
        stop = stop_on_signals()  # before it is said: whoever reads it may press at once
        story.say("Serving until Ctrl-C.")
        return service.run_forever(stop)
    finally:
        if once:
            service.stop()
        if simulator is not None:
            simulator.stop()
        shutil.rmtree(home, ignore_errors=True)


def _first_user(database: str) -> None:
    store = Store(database)
    store.migrate()
    with store.transaction():
        User.create(
            username=ADMIN,
            password=hash_password(PASSWORD),
            role=Role.SUPERUSER.value,
            created_date=SystemClock().now(),
        )
    store.close()


# ---- the client


class _Client:
    def __init__(self, base: str) -> None:
        self.base = base
        self._auth = "Basic " + base64.b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON. ``path`` is relative to the API's root, or a URL that the API gave."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            path if path.startswith("http") else self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._auth, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as exc:
            detail = exc.read().decode("utf-8", "replace")
            raise FsAppError(f"{method} {path}: {exc.code} {detail}") from exc

    def create(self, path: str, **body: Any) -> str:
        """The URL of the new object."""
        return str(self.call("POST", path, body)["url"])


def _id(url: str) -> int:
    return int(url.rstrip("/").rsplit("/", 1)[1])


def _book_appointment(client: _Client, gateway: str, number: str, story: _Story) -> tuple[int, int]:
    """The seed's nine steps; ids of the event and its alarm."""
    step = story.step
    voice = client.create("gateway/", name="demo", gateways=gateway)
    sms = client.create("sms-gateway/", name="demo")
    step(1, f"a voice gateway ({gateway}) and an SMS gateway")
    survey = client.create("survey-template/", name="Appointment reminder")
    ask = client.create(
        "section-template/",
        survey=survey,
        type=3,
        order=1,
        question="Will you come?",
        script=GREETING,
        rating_laps=3,
        retries=1,
        timeout=8,
    )
    for order, (key, name, words) in enumerate(
        (
            ("1", "Confirmed", "Thank you. Your appointment is confirmed. Goodbye."),
            ("2", "Cancelled", "Your appointment is cancelled. Goodbye."),
            ("3", "Another time", "Thank you. We will call you to find another time. Goodbye."),
        ),
        start=2,
    ):
        thanks = client.create(
            "section-template/",
            survey=survey,
            type=1,
            order=order,
            question=name,
            script=words,
            completed=True,
        )
        client.create("branching-template/", section=ask, keys=key, goto=thanks)
    step(2, "an IVR survey: a rating question, and words for each answer")
    sealed = str(client.call("POST", f"{survey}seal/", {})["url"])
    step(3, "the survey is sealed")
    setting = client.create(
        "calendar-setting/",
        label="Practice",
        callerid="15550100",
        caller_name="Dr. Adams",
        call_timeout=30,
        survey=sealed,
        aleg_gateway=voice,
        sms_gateway=sms,
    )
    step(4, "calendar settings: caller ID 15550100 (Dr. Adams), ring time 30 s")
    user = client.create("calendar-user/", username="practice", password="practice", email="desk@practice.example")  # noqa: S106
    client.call("PATCH", f"calendar-user-profile/{_id(user)}/", {"calendar_setting": _id(setting)})
    step(5, "a calendar user with these settings")
    calendar = client.create("calendar/", name="Appointments", user=user, max_concurrent="1")
    step(6, "a calendar")
    tomorrow = SystemClock().now() + timedelta(days=1) + DELAY
    event = client.create(
        "event/",
        title="Check-up",
        start=tomorrow.isoformat(),
        creator=user,
        calendar=calendar,
        data={"name": "Jo", "doctor": "Adams"},
    )
    step(7, f"an event: check-up on {tomorrow:%A %d %B at %H:%M} UTC")
    alarm = client.create(
        "alarm/", event=event, method=1, alarm_phonenumber=number, advance_notice=24 * 3600, maxretry=1, retry_delay=60
    )
    step(8, f"an alarm: call {number} 24 hours before")
    return _id(event), _id(alarm)


def _read_back(client: _Client, event: int, alarm: int, story: _Story) -> bool:
    story.step(9, "the result, read back over REST")
    log = client.call("GET", f"alarm-request/{event}/get_nested_alarm_request/")
    story.say(json.dumps(log, indent=2))
    seen = client.call("GET", f"alarm/{alarm}/")
    status, result = AlarmStatus(seen["status"]), AlarmResult(seen["result"])
    story.say(f"alarm {alarm}: status {status.value} ({status.name}), result {result.value} ({result.name})")
    return status is AlarmStatus.SUCCESS and result is AlarmResult.CONFIRMED


# ---- the story


class _Story:
    """Tells each thing once, in the order in which it happens."""

    def __init__(self) -> None:
        self.booked: AsyncResult[bool] = AsyncResult()
        self._clock = SystemClock()
        self._began: float | None = None

    def say(self, text: str) -> None:
        click.echo(text)
        sys.stdout.flush()

    def step(self, number: int, text: str) -> None:
        self.say(f"  {number}. {text}")

    def _tell(self, text: str) -> None:
        if self._began is None:
            self._began = self._clock.monotonic()
        self.say(f"  {self._clock.monotonic() - self._began:6.2f} s  {text}")

    def on_service(self, what: str, call_uuid: str, details: Mapping[str, object]) -> None:
        match what:
            case "originate":
                self._tell(f"originate  {details['line']}")
            case "ringing":
                self._tell("ringing")
            case "answered":
                self._tell("answered")
            case "words":
                self._tell(f"words      {details['words']}")
            case "key":
                digits = details["digits"] or "(none)"
                result = details["result"]
                meaning = f", result {result.name}" if isinstance(result, AlarmResult) else ""
                self._tell(f"key        {digits}{meaning}  (on record)")
            case "survey ended":
                self._tell(f"survey     {details['end']}")
            case "booked":
                self._tell(f"booked     {details['outcome']}: alarm {details['status']}, result {details['result']}")
                self.booked.set(True)

    def on_callee(self, what: str, details: Mapping[str, object]) -> None:
        if what == "pressed":
            self._tell(f"callee     presses {details.get('digit', details.get('digits', ''))}")
        elif what == "hangup":
            self._tell(f"hang-up    {details.get('cause', '')}")
