"""Short messages over HTTP: what is sent for each kind of service, and what its answer means. And the parameters."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.sending import Declined, Delivered, Refused, Unreached
from fs_app.errors import InvalidInput
from fs_app.notify.sms_http import build, judge
from fs_app.notify.sms_parameters import check_parameters
from fs_app.notify.web import WebAnswer

VALUES = {"to": "+15550100", "from": "Practice", "text": 'Hi "Ann" & {to} 50%\nBye', "key": "k-1"}
KANNEL = {
    "url": "http://127.0.0.1:13013/cgi-bin/sendsms?username=u&password=p&to={to}&from={from}&text={text}"
    "&dlr-url=https%3A%2F%2Fus.example%2Freport%2F%3Fkey%3D{key}%26state%3D%25d",
    "method": "GET",
}
TWILIO_LIKE = {
    "url": "https://api.example/2010-04-01/Accounts/AC1/Messages.json",
    "username": "AC1",
    "password": "secret",
    "body": "To={to}&From={from}&Body={text}",
    "id_path": "sid",
}
CLICKATELL_LIKE = {
    "url": "https://api.example/v1/message",
    "header.Authorization": "token",
    "body_type": "json",
    "body": '{"messages": [{"channel": "sms", "to": "{to}", "content": "{text}", "clientMessageId": "{key}"}]}',
    "id_path": "messages.0.apiMessageId",
}


@pytest.mark.parametrize("parameters", [KANNEL, TWILIO_LIKE, CLICKATELL_LIKE])
def test_the_examples_are_good(parameters: dict[str, Any]) -> None:
    assert check_parameters("http", parameters) == parameters


def test_kannel() -> None:
    method, url, _headers, body = build(KANNEL, VALUES)
    assert (method, body) == ("GET", b"")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (query["to"], query["from"], query["text"]) == (VALUES["to"], VALUES["from"], VALUES["text"])
    assert query["dlr-url"] == "https://us.example/report/?key=k-1&state=%d"


def test_a_form_with_basic_credentials() -> None:
    method, _url, headers, body = build(TWILIO_LIKE, VALUES)
    assert method == "POST"
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"AC1:secret").decode()
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert headers["Idempotency-Key"] == "k-1"
    assert parse_qs(body.decode()) == {"To": ["+15550100"], "From": ["Practice"], "Body": [VALUES["text"]]}


def test_json() -> None:
    _method, _url, headers, body = build(CLICKATELL_LIKE, VALUES)
    assert headers["Authorization"] == "token"
    (message,) = json.loads(body)["messages"]
    assert (message["to"], message["content"]) == (VALUES["to"], VALUES["text"])


@given(st.text(), st.text())
def test_no_value_leaves_its_place(text: str, sender: str) -> None:
    """Whatever a patient's name holds, it is one value where it stands, and never a tag."""
    text = text.encode("utf-8", "replace").decode()
    values = {**VALUES, "text": text, "from": sender.encode("utf-8", "replace").decode()}
    assert json.loads(build(CLICKATELL_LIKE, values)[3])["messages"][0]["content"] == text
    form = parse_qs(build(TWILIO_LIKE, values)[3].decode(), keep_blank_values=True)
    assert (form["Body"], form["From"], form["To"]) == ([text], [values["from"]], [VALUES["to"]])
    query = parse_qs(urlsplit(build(KANNEL, values)[1]).query, keep_blank_values=True)
    assert (query["text"], query["to"]) == ([text], [VALUES["to"]])
    xml = {"url": "https://x.example/", "body_type": "xml", "body": '<sms to="{to}" from="{from}">{text}</sms>'}
    root = ElementTree.fromstring(build(xml, values)[3])
    assert list(root.attrib) == ["to", "from"]
    assert len(root) == 0


@pytest.mark.parametrize(
    ("parameters", "status", "body", "wanted"),
    [
        ({}, 200, "fine", Delivered("")),
        ({}, 202, "0: Accepted for delivery", Delivered("")),
        ({"id_path": "messages.0.id"}, 200, '{"messages": [{"id": "abc"}]}', Delivered("abc")),
        ({"id_path": "messages.0.id"}, 200, '{"messages": []}', Delivered("")),
        ({"id_path": "sid"}, 201, "not json", Delivered("")),
        ({"id_after": "ID:"}, 200, "OK ID: 77-x <b>", Delivered("77-x")),
        ({"success_text": "OK"}, 200, "ERR 105", Declined("not taken: 200 ERR 105")),
        ({"success_status": "250"}, 200, "hm", Declined("refused: 200 hm")),
        ({}, 503, "busy", Unreached("the service is not available: 503 busy")),
        ({}, 429, "slow down", Unreached("the service is not available: 429 slow down")),
        ({"refused_status": "429"}, 429, "never", Refused("refused: 429 never")),
        ({}, 400, "bad number", Refused("refused: 400 bad number")),
        ({}, 401, "who are you", Declined("refused: 401 who are you")),
        ({"refused_text": "invalid"}, 200, "invalid number", Refused("refused: 200 invalid number")),
    ],
)
def test_what_an_answer_means(parameters: dict[str, Any], status: int, body: str, wanted: object) -> None:
    assert judge(parameters, WebAnswer(status, body.encode())) == wanted


@pytest.mark.parametrize(
    ("driver", "parameters", "words"),
    [
        ("pigeon", {}, "one of file, http, smpp"),
        ("http", {}, "needs url"),
        ("http", {"url": "https://{to}.example/"}, "without tags"),
        ("http", {"url": "https://x.example/", "metod": "GET"}, "'metod' is not known"),
        ("http", {"url": "https://x.example/", "method": "DELETE"}, "one of POST, GET, PUT"),
        ("http", {"url": "https://x.example/", "header.Host": "y"}, "not a header that may be set"),
        ("http", {"url": "https://x.example/", "header.X": "a\r\nB: c"}, "one line of ASCII"),
        ("http", {"url": "https://x.example/", "header.X": "{text}"}, "the tag {key} only"),
        ("http", {"url": "https://x.example/", "success_status": "200,abc"}, "status codes"),
        ("http", {"url": "https://x.example/", "id_path": "a..b"}, "a field, or a path"),
        ("smpp", {"host": "smsc.example"}, "needs port, system_id"),
        ("smpp", {"host": "a b", "port": 1, "system_id": "x"}, "a host name or address"),
        ("smpp", {"host": "h", "port": "2775", "system_id": "x"}, "a whole number"),
        ("smpp", {"host": "h", "port": 2775, "system_id": "x", "tls": "yes"}, "true or false"),
        ("file", {"path": "/etc/passwd"}, "'path' is not known"),
        ("file", {"reply_secret": "short"}, "16 to 100"),
        ("file", {"sender": "x\r\n"}, "a number or a short name"),
    ],
)
def test_parameters_that_would_not_work_are_told(driver: str, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as told:
        check_parameters(driver, parameters)
    assert words in told.value.message
