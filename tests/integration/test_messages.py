"""Alarms by SMS and mail, from REST to the other side's hands: the scheduler part runs, no switch is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import gevent
import pytest

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmStatus
from fs_app.service import Service
from fs_app.store.database import Store
from tests.rest_client import Api, new_alarm, new_calendar, new_event, new_gateway, new_survey
from tests.servers import Authority, Received, smtp_server, web_server

PATIENCE = 40.0


class ShiftedClock(SystemClock):
    """The machine's clock, put forward when a test says so."""

    shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift


@dataclass
class World:
    """``api`` and ``service`` share one database and one loop."""

    api: Api
    service: Service
    event: dict[str, Any]
    home: Path

    def alarm(self, **fields: Any) -> dict[str, Any]:
        """An alarm that is due now."""
        alarm = new_alarm(self.api, self.event, **fields)
        self.api.in_thread(self.service.doorbell.ring, "due")
        return alarm

    def gateway(self, driver: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The SMS gateway of the practice's setting."""
        values = {"name": driver, "driver": driver, "parameters": parameters}
        gateway = self.api.post("sms-gateway/", values, "root")
        setting = self.api.get("calendar-setting/")["results"][0]
        self.api.patch(path_of(setting), {"sms_gateway": gateway["url"]})
        return gateway

    def got(self, queue: Queue[Any]) -> Any:
        """The next thing that a server got, while the loop turns."""
        return self.api.in_thread(queue.get, True, PATIENCE)

    def later(self, seconds: float) -> None:
        """Some time passes at once."""
        clock = self.service.clock
        assert isinstance(clock, ShiftedClock)
        clock.shift += timedelta(seconds=seconds)
        self.api.in_thread(self.service.doorbell.ring, "due")

    def until(self, alarm: dict[str, Any], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The alarm once it is as wanted."""
        now: dict[str, Any] = {}
        with gevent.Timeout(PATIENCE, AssertionError("not in time")):
            while True:
                now = self.api.get(path_of(alarm))
                if wanted(now):
                    return now
                gevent.sleep(0.02)

    def message(self, alarm: dict[str, Any]) -> dict[str, Any]:
        """The one message of the alarm's one attempt."""
        (request,) = self.api.get(f"alarm-request/?alarm={id_of(alarm)}")["results"]
        assert request["callrequest"] is None
        found: dict[str, Any] = self.api.get(path_of({"url": request["message"]}))
        return found


def path_of(row: dict[str, Any]) -> str:
    return str(row["url"]).partition("/rest-api/")[2]


def id_of(row: dict[str, Any]) -> int:
    return int(str(row["url"]).rstrip("/").rpartition("/")[2])


def booked(alarm: dict[str, Any]) -> bool:
    return alarm["status"] in (AlarmStatus.SUCCESS, AlarmStatus.FAILURE)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def mail_server(request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Any:
    """STARTTLS, and trusted as an operator's own authority would be."""
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    with smtp_server("start", authority, {"desk": "secret"}) as mailbox:
        yield mailbox


@pytest.fixture
def world(database_url: str, tmp_path: Path, mail_server: Any) -> Iterator[World]:
    environ = {
        "FS_APP_DATABASE": database_url,
        "FS_APP_ESL": "127.0.0.1:1",
        "FS_APP_SMS_FILE": str(tmp_path / "sms.jsonl"),
        "FS_APP_SMTP_URL": f"smtp://desk:secret@localhost:{mail_server.port}/?from=desk@practice.example",
        "FS_APP_WEBHOOK_NETWORKS": "127.0.0.1/32,::1/128",
        "FS_APP_TIMEZONE": "Europe/Paris",
    }
    settings = config.load(environ)
    migrated = Store(settings.database)
    migrated.migrate()
    migrated.close()
    service = Service(settings, frozenset({"scheduler"}), clock=ShiftedClock())
    api = Api(service.store)
    api.clock.time = SystemClock().now()
    survey, voice = new_survey(api), new_gateway(api)
    setting = api.post(
        "calendar-setting/", {"label": "practice", "survey": survey["url"], "aleg_gateway": voice["url"]}
    )
    api.patch(f"calendar-user-profile/{api.ids['practice']}/", {"calendar_setting": id_of(setting)})
    start = (api.clock.time + timedelta(hours=1)).isoformat()
    event = new_event(api, new_calendar(api), start=start, data={"name": "Ann & Bob"})
    service.start()
    yield World(api, service, event, tmp_path)
    api.close()
    service.stop()


def sms_template(world: World, text: str = "Hello {name}, see you at {event_time}.") -> str:
    return str(world.api.post("sms-template/", {"label": "words", "sms_text": text})["url"])


def test_an_sms_goes_into_the_file_once(world: World) -> None:
    world.gateway("file", {})
    alarm = world.alarm(method=2, sms_template=sms_template(world), advance_notice=3600)
    now = world.until(alarm, booked)
    assert (now["status"], now["num_attempt"], now["reason"]) == (AlarmStatus.SUCCESS, 1, "")
    (line,) = (world.home / "sms.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["to"] == "+15550100001"
    assert json.loads(line)["text"].startswith("Hello Ann & Bob, see you at ")
    message = world.message(alarm)
    assert (message["kind"], message["status"], message["attempts"]) == ("sms", "sent", 1)
    nested = world.api.get(f"alarm-request/{id_of(world.event)}/get_nested_alarm_request/")
    (attempt,) = (v for k, v in nested[f"event-{id_of(world.event)}"][f"alarm-{id_of(alarm)}"].items() if "-" in k)
    assert (attempt["alarm-callrequest"], attempt["alarm-message"]) == (None, message["url"])
    assert world.api.get(f"event/{id_of(world.event)}/")["notify_count"] == 1


def test_an_sms_over_a_web_service_that_is_busy_at_first(world: World) -> None:
    """Not counted, repeated with the same key, delivered once it takes it."""
    refusals = iter([503])

    def answer(_: Received) -> tuple[int, dict[str, str], bytes]:
        return next(refusals, 202), {}, b'{"messages": [{"id": "abc-1"}]}'

    with web_server(answer) as service:
        world.gateway(
            "http",
            {
                "url": service.url("/messages"),
                "body_type": "json",
                "body": '{"to": "{to}", "text": "{text}", "ref": "{key}"}',
                "header.Authorization": "Bearer x",
                "id_path": "messages.0.id",
            },
        )
        alarm = world.alarm(method="2", sms_template=sms_template(world), advance_notice=3600)
        first = world.got(service.got)
        waiting = world.until(alarm, lambda a: a["status"] == AlarmStatus.RETRY)
        assert waiting["num_attempt"] == 0
        assert "503" in waiting["reason"]
        world.later(20)
        second = world.got(service.got)
        assert world.until(alarm, booked)["status"] == AlarmStatus.SUCCESS
    assert json.loads(first.body) == json.loads(second.body)
    assert json.loads(first.body)["text"].startswith("Hello Ann & Bob")
    assert first.headers["Authorization"] == "Bearer x"
    (sent,) = world.api.get("message/?kind=sms")["results"]
    assert (sent["status"], sent["reference"], sent["attempts"]) == ("sent", "abc-1", 2)


def test_a_number_the_service_refuses_fails_and_tells_whom_it_may_concern(world: World) -> None:
    """No retry; the failure SMS goes to the office through the same gateway."""

    def answer(received: Received) -> tuple[int, dict[str, str], bytes]:
        return (400 if b"15550100001" in received.body else 200), {}, b"no such number"

    with web_server(answer) as service:
        world.gateway("http", {"url": service.url(), "body": "to={to}&text={text}"})
        alarm = world.alarm(
            method=2, sms_template=sms_template(world), advance_notice=3600, phonenumber_sms_failure="+15550777"
        )
        now = world.until(alarm, booked)
        assert (now["status"], now["num_attempt"]) == (AlarmStatus.FAILURE, 1)
        assert "no such number" in now["reason"]
        world.got(service.got)
        failure = world.got(service.got)
        assert failure.body.startswith(b"to=%2B15550777&text=The+reminder+for+%2B15550100001")


def test_a_mail_goes_out_over_tls(world: World, mail_server: Any) -> None:
    template = world.api.post(
        "mail-template/",
        {
            "label": "m",
            "subject": "{name}: {event_title}",
            "from_email": "reception@practice.example",
            "from_name": "Practice",
            "message_plaintext": "Hello {name}",
            "message_html": "<p>Hello {name}</p>",
        },
    )
    alarm = world.alarm(method=3, mail_template=template["url"], alarm_email="ann@example.org", advance_notice=3600)
    envelope, to, mail, over_tls = world.got(mail_server.mails)
    assert (envelope, to, over_tls) == ("desk@practice.example", ["ann@example.org"], True)
    assert (mail["Subject"], mail["From"]) == ("Ann & Bob: Check-up", "Practice <reception@practice.example>")
    assert mail.get_body(("plain",)).get_content().strip() == "Hello Ann & Bob"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Hello Ann &amp; Bob</p>"
    assert world.until(alarm, booked)["status"] == AlarmStatus.SUCCESS
    message = world.message(alarm)
    assert (message["kind"], message["status"], message["reference"]) == ("mail", "sent", mail["Message-ID"])


def test_a_gateway_that_is_missing_is_waited_for(world: World) -> None:
    """What an administrator can mend costs no attempt."""
    alarm = world.alarm(method=2, sms_template=sms_template(world), advance_notice=3600)
    waiting = world.until(alarm, lambda a: a["reason"] != "")
    assert (waiting["status"], waiting["num_attempt"]) == (AlarmStatus.PENDING, 0)
    assert "no SMS gateway" in waiting["reason"]


def test_a_number_that_has_opted_out_gets_no_sms(world: World) -> None:
    world.gateway("file", {})
    listed = world.api.post("dnc-list/", {"name": "no"})
    world.api.post("dnc-contact/", {"dnc_list": listed["url"], "phone_number": "15550100001"})
    alarm = world.alarm(method=2, sms_template=sms_template(world), advance_notice=3600)
    now = world.until(alarm, booked)
    assert now["status"] == AlarmStatus.FAILURE
    assert "do not call" in now["reason"]
    assert not (world.home / "sms.jsonl").exists()


def test_a_template_of_the_manager_is_there_for_the_calendar_user(world: World) -> None:
    world.gateway("file", {})
    url = sms_template(world)
    assert [t["url"] for t in world.api.get("sms-template/", user="practice")["results"]] == [url]
    assert world.api.get("sms-template/", user="other")["count"] == 0
    alarm = world.api.post(
        "alarm/",
        {"event": world.event["url"], "method": 2, "alarm_phonenumber": "15550100001", "sms_template": url},
        "practice",
    )
    assert alarm["sms_template"] == url
    told = world.api.send("PATCH", path_of({"url": url}), "{}", user="practice")
    assert told.status == 403
    assert world.api.get("message/", user="other")["count"] == 0
    empty = world.api.post("sms-template/", {"label": "empty"})
    body = {"event": world.event["url"], "method": 2, "alarm_phonenumber": "15550100001", "sms_template": empty["url"]}
    assert list(world.api.refused("POST", "alarm/", body)) == ["sms_template"]
