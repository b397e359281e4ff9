"""Short messages that are answered, and delivery reports: over HTTP, as the service behind a gateway tells us."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from fs_app.domain.enums import AlarmResult, AlarmStatus
from fs_app.store.models import SmsReply, Webhook
from tests.messaging import Practice, booked, id_of, path_of
from tests.rest_client import Answer
from tests.servers import web_server

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def hook(practice: Practice, url: str, fields: dict[str, str]) -> Answer:
    return practice.api.send("POST", urlsplit(url).path, urlencode(fields), FORM, user=None)


def sent(practice: Practice, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(gateway, alarm) of a reminder that has left."""
    gateway = practice.gateway("file", {})
    alarm = practice.alarm(method=2, sms_template=practice.sms_template(), advance_notice=3600, **fields)
    practice.until(alarm, booked)
    return gateway, alarm


def now(practice: Practice, alarm: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = practice.api.get(path_of(alarm))
    return found


@pytest.mark.parametrize(
    ("text", "result"), [("1", AlarmResult.CONFIRMED), ("Yes!", AlarmResult.CONFIRMED), ("2", AlarmResult.CANCELLED)]
)
def test_a_reply_sets_the_result(practice: Practice, text: str, result: AlarmResult) -> None:
    gateway, alarm = sent(practice)
    answer = hook(practice, gateway["reply_url"], {"from": "15550100001", "text": text, "id": "m1"})
    assert (answer.status, answer.body) == (200, b"")
    assert now(practice, alarm)["result"] == result


def test_a_repeated_reply_changes_nothing(practice: Practice) -> None:
    """YES, then NO, then the service repeats YES: the NO stands. The hook is told each change once, signed."""
    with web_server() as office:
        gateway, alarm = sent(practice, url_confirm=office.url("/yes"), url_cancel=office.url("/no"))
        for text, message_id in (("YES", "a"), ("YES", "b"), ("NO", "c"), ("YES", "a"), ("YES", "a")):
            fields = {"from": "+15550100001", "text": text, "id": message_id}
            assert hook(practice, gateway["reply_url"], fields).status == 200
        assert now(practice, alarm)["result"] == AlarmResult.CANCELLED
        told = [practice.got(office.got) for _ in range(2)]
    assert sorted(t.path for t in told) == ["/no", "/yes"]
    with practice.service.store.reading():
        assert SmsReply.select().count() == 3
        secret = Webhook.get().secret
    for one in told:
        when, signed = (part.partition("=")[2] for part in one.headers["FS-App-Signature"].split(","))
        wanted = hmac.new(secret.encode(), f"{when}.".encode() + one.body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(signed, wanted)
        assert json.loads(one.body)["alarm"] == id_of(alarm)


def test_stop_opts_out_and_start_takes_it_back(practice: Practice) -> None:
    gateway, _alarm = sent(practice)
    hook(practice, gateway["reply_url"], {"From": "15550100001", "Body": "Stop", "MessageSid": "s1"})
    (contact,) = practice.api.get("dnc-contact/")["results"]
    assert contact["phone_number"] == "+15550100001"
    assert practice.api.get("dnc-list/")["results"][0]["name"] == "Opted out by telephone"
    assert practice.api.get("dnc-contact/", user="rival")["count"] == 0
    again = practice.alarm(method=2, sms_template=practice.sms_template(), advance_notice=3600)
    told = practice.until(again, booked)
    assert (told["status"], "do not call" in told["reason"]) == (AlarmStatus.FAILURE, True)
    hook(practice, gateway["reply_url"], {"From": "15550100001", "Body": "START", "MessageSid": "s2"})
    assert practice.api.get("dnc-contact/")["count"] == 0


def test_words_in_the_callers_language_and_json_from_the_service(practice: Practice) -> None:
    practice.api.patch(f"calendar-user-profile/{practice.api.ids['practice']}/", {"language": "fr"})
    gateway, alarm = sent(practice)
    practice.api.patch(
        path_of(gateway),
        {"parameters": {"reply_from": "data.0.who", "reply_text": "data.0.said", "reply_id": "data.0.n"}},
        "root",
    )
    body = json.dumps({"data": [{"who": "0015550100001", "said": "Oui, merci", "n": 17}]})
    answer = practice.api.send("POST", urlsplit(gateway["reply_url"]).path, body, user=None)
    assert answer.status == 200
    assert now(practice, alarm)["result"] == AlarmResult.CONFIRMED


def test_a_reply_after_the_event_sets_nothing(practice: Practice) -> None:
    gateway, alarm = sent(practice)
    practice.api.clock.advance(4 * 3600)
    hook(practice, gateway["reply_url"], {"from": "15550100001", "text": "1", "id": "late"})
    assert now(practice, alarm)["result"] == AlarmResult.NONE


@pytest.mark.parametrize(
    ("path", "fields", "status", "word"),
    [
        ("reply_url", {"text": "1", "id": "x"}, 400, "reply_from"),
        ("reply_url", {"from": "15550100001", "text": "1"}, 400, "reply_id"),
        ("reply_url", {"from": "100@evil", "text": "1", "id": "x"}, 400, "reply_from"),
        ("report_url", {"state": "delivered"}, 400, "report_id"),
        ("report_url", {"id": "unknown", "state": "delivered"}, 404, "detail"),
        ("report_url", {"id": "x"}, 400, "report_state"),
    ],
)
def test_what_cannot_be_read_is_told(
    practice: Practice, path: str, fields: dict[str, str], status: int, word: str
) -> None:
    gateway = practice.gateway("file", {})
    answer = hook(practice, gateway[path], fields)
    assert (answer.status, list(answer.json())) == (status, [word])


def test_without_the_secret_there_is_nothing(practice: Practice) -> None:
    gateway = practice.gateway("file", {})
    path = urlsplit(gateway["reply_url"]).path
    fields = urlencode({"from": "15550100001", "text": "STOP", "id": "x"})
    for wrong in (path.replace(path.split("/")[4], "x" * 43), path.replace("/hooks/sms/1/", "/hooks/sms/99/")):
        assert practice.api.send("POST", wrong, fields, FORM, user=None).status == 404
    assert practice.api.get(path_of(gateway))["reply_url"] is None  # a manager does not see it


def test_a_report_makes_the_state_real(practice: Practice) -> None:
    gateway, alarm = sent(practice)
    key = practice.message(alarm)["idempotency_key"]
    assert hook(practice, gateway["report_url"], {"key": key, "status": "8"}).status == 200
    assert practice.message(alarm)["status"] == "sent"
    assert hook(practice, gateway["report_url"], {"key": key, "status": "1"}).status == 200
    assert practice.message(alarm)["status"] == "delivered"
    assert now(practice, alarm)["status"] == AlarmStatus.SUCCESS


def test_a_message_that_did_not_arrive_is_tried_again_while_there_are_retries(practice: Practice) -> None:
    """Then the alarm fails, and the failure SMS goes out. A report that is repeated counts once."""
    gateway, alarm = sent(practice, maxretry=1, retry_delay=0, phonenumber_sms_failure="+15550777")
    (first,) = practice.api.get("message/")["results"]
    report = {"key": first["idempotency_key"], "status": "failed"}
    for _ in range(2):
        assert hook(practice, gateway["report_url"], report).status == 200
    practice.until(alarm, lambda a: a["num_attempt"] == 2 and booked(a))
    second = practice.api.get("message/?ordering=-id")["results"][0]
    assert second["idempotency_key"] != first["idempotency_key"]
    hook(practice, gateway["report_url"], {"key": second["idempotency_key"], "status": "undelivered"})
    failed = practice.until(alarm, lambda a: a["status"] == AlarmStatus.FAILURE)
    assert (failed["num_attempt"], failed["reason"]) == (2, "not delivered: undelivered")
    file = practice.home / "sms.jsonl"
    practice.until(alarm, lambda _: len(file.read_text().splitlines()) == 3)
    assert json.loads(file.read_text().splitlines()[2])["to"] == "+15550777"
