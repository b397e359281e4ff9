"""Alarms by SMS and mail, from REST to the other side's hands: the scheduler part runs, no switch is needed."""

from __future__ import annotations

import json
from typing import Any

from fs_app.domain.enums import AlarmStatus
from tests.messaging import Practice, booked, id_of, path_of
from tests.servers import Received, web_server


def test_an_sms_goes_into_the_file_once(practice: Practice) -> None:
    practice.gateway("file", {})
    alarm = practice.alarm(method=2, sms_template=practice.sms_template(), advance_notice=3600)
    now = practice.until(alarm, booked)
    assert (now["status"], now["num_attempt"], now["reason"]) == (AlarmStatus.SUCCESS, 1, "")
    (line,) = (practice.home / "sms.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["to"] == "+15550100001"
    assert json.loads(line)["text"].startswith("Hello Ann & Bob, see you at ")
    message = practice.message(alarm)
    assert (message["kind"], message["status"], message["attempts"]) == ("sms", "sent", 1)
    nested = practice.api.get(f"alarm-request/{id_of(practice.event)}/get_nested_alarm_request/")
    (attempt,) = (v for k, v in nested[f"event-{id_of(practice.event)}"][f"alarm-{id_of(alarm)}"].items() if "-" in k)
    assert (attempt["alarm-callrequest"], attempt["alarm-message"]) == (None, message["url"])
    assert practice.api.get(f"event/{id_of(practice.event)}/")["notify_count"] == 1


def test_an_sms_over_a_web_service_that_is_busy_at_first(practice: Practice) -> None:
    """Not counted, repeated with the same key, delivered once it takes it."""
    refusals = iter([503])

    def answer(_: Received) -> tuple[int, dict[str, str], bytes]:
        return next(refusals, 202), {}, b'{"messages": [{"id": "abc-1"}]}'

    with web_server(answer) as service:
        practice.gateway(
            "http",
            {
                "url": service.url("/messages"),
                "body_type": "json",
                "body": '{"to": "{to}", "text": "{text}", "ref": "{key}"}',
                "header.Authorization": "Bearer x",
                "id_path": "messages.0.id",
            },
        )
        alarm = practice.alarm(method="2", sms_template=practice.sms_template(), advance_notice=3600)
        first = practice.got(service.got)
        waiting = practice.until(alarm, lambda a: a["status"] == AlarmStatus.RETRY)
        assert waiting["num_attempt"] == 0
        assert "503" in waiting["reason"]
        practice.later(20)
        second = practice.got(service.got)
        assert practice.until(alarm, booked)["status"] == AlarmStatus.SUCCESS
    assert json.loads(first.body) == json.loads(second.body)
    assert json.loads(first.body)["text"].startswith("Hello Ann & Bob")
    assert first.headers["Authorization"] == "Bearer x"
    (sent,) = practice.api.get("message/?kind=sms")["results"]
    assert (sent["status"], sent["reference"], sent["attempts"]) == ("sent", "abc-1", 2)


def test_a_number_the_service_refuses_fails_and_tells_whom_it_may_concern(practice: Practice) -> None:
    """No retry; the failure SMS goes to the office through the same gateway."""

    def answer(received: Received) -> tuple[int, dict[str, str], bytes]:
        return (400 if b"15550100001" in received.body else 200), {}, b"no such number"

    with web_server(answer) as service:
        practice.gateway("http", {"url": service.url(), "body": "to={to}&text={text}"})
        alarm = practice.alarm(
            method=2, sms_template=practice.sms_template(), advance_notice=3600, phonenumber_sms_failure="+15550777"
        )
        now = practice.until(alarm, booked)
        assert (now["status"], now["num_attempt"]) == (AlarmStatus.FAILURE, 1)
        assert "no such number" in now["reason"]
        practice.got(service.got)
        failure = practice.got(service.got)
        assert failure.body.startswith(b"to=%2B15550777&text=The+reminder+for+%2B15550100001")


def test_a_mail_goes_out_over_tls(practice: Practice, mail_server: Any) -> None:
    template = practice.api.post(
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
    alarm = practice.alarm(method=3, mail_template=template["url"], alarm_email="ann@example.org", advance_notice=3600)
    envelope, to, mail, over_tls = practice.got(mail_server.mails)
    assert (envelope, to, over_tls) == ("desk@practice.example", ["ann@example.org"], True)
    assert (mail["Subject"], mail["From"]) == ("Ann & Bob: Check-up", "Practice <reception@practice.example>")
    assert mail.get_body(("plain",)).get_content().strip() == "Hello Ann & Bob"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Hello Ann &amp; Bob</p>"
    assert practice.until(alarm, booked)["status"] == AlarmStatus.SUCCESS
    message = practice.message(alarm)
    assert (message["kind"], message["status"], message["reference"]) == ("mail", "sent", mail["Message-ID"])


def test_a_gateway_that_is_missing_is_waited_for(practice: Practice) -> None:
    """What an administrator can mend costs no attempt."""
    alarm = practice.alarm(method=2, sms_template=practice.sms_template(), advance_notice=3600)
    waiting = practice.until(alarm, lambda a: a["reason"] != "")
    assert (waiting["status"], waiting["num_attempt"]) == (AlarmStatus.PENDING, 0)
    assert "no SMS gateway" in waiting["reason"]


def test_a_number_that_has_opted_out_gets_no_sms(practice: Practice) -> None:
    practice.gateway("file", {})
    listed = practice.api.post("dnc-list/", {"name": "no"})
    practice.api.post("dnc-contact/", {"dnc_list": listed["url"], "phone_number": "15550100001"})
    alarm = practice.alarm(method=2, sms_template=practice.sms_template(), advance_notice=3600)
    now = practice.until(alarm, booked)
    assert now["status"] == AlarmStatus.FAILURE
    assert "do not call" in now["reason"]
    assert not (practice.home / "sms.jsonl").exists()


def test_a_template_of_the_manager_is_there_for_the_calendar_user(practice: Practice) -> None:
    practice.gateway("file", {})
    url = practice.sms_template()
    assert [t["url"] for t in practice.api.get("sms-template/", user="practice")["results"]] == [url]
    assert practice.api.get("sms-template/", user="other")["count"] == 0
    alarm = practice.api.post(
        "alarm/",
        {"event": practice.event["url"], "method": 2, "alarm_phonenumber": "15550100001", "sms_template": url},
        "practice",
    )
    assert alarm["sms_template"] == url
    told = practice.api.send("PATCH", path_of({"url": url}), "{}", user="practice")
    assert told.status == 403
    assert practice.api.get("message/", user="other")["count"] == 0
    empty = practice.api.post("sms-template/", {"label": "empty"})
    body = {
        "event": practice.event["url"],
        "method": 2,
        "alarm_phonenumber": "15550100001",
        "sms_template": empty["url"],
    }
    assert list(practice.api.refused("POST", "alarm/", body)) == ["sms_template"]
