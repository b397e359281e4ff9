"""A manager's events hook: who may set it, what is posted, what is refused, and how long it is tried."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from threading import Event
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.enums import AlarmStatus, Kind
from fs_app.domain.sending import Declined, Delivered, Message, Refused, Unreached
from fs_app.notify.address import Network
from fs_app.notify.webhook import WebhookSender, is_signed
from fs_app.store import outbox
from fs_app.store.database import Store
from fs_app.store.models import Outbox
from fs_app.store.outbox_queue import OutboxQueue
from tests.messaging import Practice, booked, id_of, path_of
from tests.rest_client import Api
from tests.servers import Authority, Received, web_server

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.1/32"), IPv6Network("::1/128"))


def post(url: str) -> Message:
    return Message(1, "t", Kind.WEBHOOK, "key-1", url, {"event": "result", "alarm": 7}, secret="secret")


def test_a_manager_sets_its_own_hook(sqlite_api: Api) -> None:
    api = sqlite_api
    hook = api.post("webhook/", {"target": "https://practice.example/hook", "events": "result, failed,result"})
    assert (hook["user"], hook["events"], hook["status"]) == ("manager", "result,failed", 1)
    assert len(hook["secret"]) >= 40
    assert list(api.refused("POST", "webhook/", {"target": "https://practice.example/other"})) == ["user"]
    path = path_of(hook)
    assert api.send("GET", path, user="rival").status == 404
    assert api.send("GET", path, user="practice").status == 404
    assert api.patch(path, {"events": ""})["secret"] == hook["secret"]
    fresh = api.send("POST", path + "new_secret/").json()
    assert fresh["secret"] != hook["secret"]
    inside = ("http://127.0.0.1/x", "http://localhost:8080/", "http://10.0.0.1/")
    for target in (*inside, "ftp://x.example/", "https://u:p@x.example/"):
        assert list(api.refused("PATCH", path, {"target": target})) == ["target"]
    assert list(api.refused("PATCH", path, {"events": "answered,eaten"})) == ["events"]
    assert list(api.refused("PATCH", path, {"secret": "mine"})) == ["secret"]


def test_events_are_posted_signed_and_once(practice: Practice) -> None:
    """A failure is told; the key of what is told twice is the same, and its signature holds."""
    with web_server() as office:
        hook = practice.api.post("webhook/", {"target": office.url("/events")})
        practice.gateway("file", {})
        listed = practice.api.post("dnc-list/", {"name": "no"})
        practice.api.post("dnc-contact/", {"dnc_list": listed["url"], "phone_number": "15550100001"})
        alarm = practice.alarm(method=2, sms_template=practice.sms_template(), advance_notice=3600)
        assert practice.until(alarm, booked)["status"] == AlarmStatus.FAILURE
        told = practice.got(office.got)
    body = json.loads(told.body)
    assert (body["event"], body["alarm"]) == ("failed", id_of(alarm))
    assert "do not call" in body["reason"]
    assert body["id"] == told.headers["Idempotency-Key"]
    at = int(practice.service.clock.now().timestamp())
    assert is_signed(told.headers["FS-App-Signature"], hook["secret"], told.body, at)
    assert not is_signed(told.headers["FS-App-Signature"], "another", told.body, at)
    assert not is_signed(told.headers["FS-App-Signature"], hook["secret"], told.body + b" ", at)
    assert not is_signed(told.headers["FS-App-Signature"], hook["secret"], told.body, at + 301)


def test_what_a_receiver_is_told_to_check() -> None:
    """The header as docs/webhooks.md has it."""
    with web_server() as office:
        sender = WebhookSender(LOOPBACK)
        assert isinstance(sender.send(post(office.url("/x?y=1")), NOW), Delivered)
        got = office.got.get(timeout=20)
    when, signed = got.headers["FS-App-Signature"].split(",")
    wanted = hmac.new(b"secret", f"{when[2:]}.".encode() + got.body, hashlib.sha256).hexdigest()
    assert signed == f"v1={wanted}"
    assert when == f"t={int(NOW.timestamp())}"
    assert (got.method, got.path) == ("POST", "/x?y=1")


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (200, {}, Delivered),
        (204, {}, Delivered),
        (302, {"Location": "http://169.254.169.254/latest/meta-data/"}, Declined),
        (410, {}, Refused),
        (500, {}, Declined),
    ],
)
def test_what_the_other_side_answers(status: int, headers: dict[str, str], kind: type) -> None:
    """A redirect is not followed, wherever it leads."""

    def answer(_: Received) -> tuple[int, dict[str, str], bytes]:
        return status, headers, b""

    with web_server(answer) as office:
        assert isinstance(WebhookSender(LOOPBACK).send(post(office.url()), NOW), kind)
        office.got.get(timeout=20)
        assert office.got.empty()


def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked() -> None:
    """DNS rebinding: public when it is checked, loopback when it is asked again. It is never asked again."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) > 1 else ["127.0.0.1"]

    with web_server() as office:
        # Checked as allowed (loopback is, here), and connected to that very address.
        assert isinstance(WebhookSender(LOOPBACK, resolve=resolve).send(post(office.url()), NOW), Delivered)
        assert asked == ["localhost"]
        assert office.got.get(timeout=20).headers["Host"] == f"localhost:{office.port}"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["93.184.216.34", "192.168.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fd00::1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["224.0.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_refused(addresses: list[str]) -> None:
    """Every address of a name is looked at, in every disguise."""
    with web_server() as office:
        sender = WebhookSender(resolve=lambda host, port: addresses)
        delivery = sender.send(post(f"http://rebind.example:{office.port}/"), NOW)
        assert isinstance(delivery, Refused)
        assert "private network" in delivery.reason
        assert office.got.empty()


def test_the_certificate_is_that_of_the_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    with web_server(context=authority.server) as office:
        good = WebhookSender(LOOPBACK, context=authority.client())
        assert isinstance(good.send(post(office.url()), NOW), Delivered)
        other = post(f"https://other.example:{office.port}/")
        found = WebhookSender(LOOPBACK, resolve=lambda *_: ["127.0.0.1"], context=authority.client()).send(other, NOW)
        assert isinstance(found, Declined)
        assert "certificate" in found.reason
        assert not isinstance(WebhookSender(LOOPBACK).send(post(office.url()), NOW), Delivered)


def test_a_server_that_never_answers_is_cut_off() -> None:
    """The bound is on the whole conversation, however it drips."""
    over = Event()

    def answer(_: Received) -> tuple[int, dict[str, str], bytes]:
        over.wait(20)
        return 200, {}, b""

    with web_server(answer) as office:
        delivery = WebhookSender(LOOPBACK, total_seconds=0.5).send(post(office.url()), NOW)
        over.set()
        assert isinstance(delivery, Unreached)


def test_it_is_tried_for_a_day_with_growing_pauses(database_url: str) -> None:
    """The same key each time; given up a day after its cause, with the last reason."""
    store = Store(database_url)
    store.migrate()
    queue = OutboxQueue(store, ZoneInfo("UTC"))
    with store.transaction():
        outbox.add("webhook", "k", "https://x.example/", {"event": "x"}, NOW + outbox.PATIENCE, NOW)
    now, pauses = NOW, []
    while True:
        claimed = queue.claim(now, {Kind.WEBHOOK: 4}, timedelta(minutes=5))
        if not claimed:
            break
        (message,) = claimed
        assert message.key == "k"
        queue.book(message, Declined("answered 500"), now)
        due = queue.next_due()
        if due is None:
            break
        pauses.append((due - now).total_seconds())
        now = due
    assert pauses[:5] == [15, 30, 60, 120, 300]
    assert max(pauses) == 3600
    assert timedelta(hours=22) < now - NOW < timedelta(days=1)
    with store.reading():
        row = Outbox.get()
        assert (row.status, row.reason) == ("failed", "given up: answered 500")
    store.close()
