"""Scheduler, switch and IVR together in one loop, on the built-in switch, which misbehaves as told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.pywsgi import WSGIServer
from gevent.queue import Queue

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus, Kind
from fs_app.domain.sending import Message, Refused
from fs_app.notify.webhook import WebhookSender
from fs_app.service import Service
from fs_app.simulator.callees import Callee, HangUp, Press
from fs_app.simulator.misbehave import Misbehaviour
from fs_app.simulator.server import Simulator
from fs_app.store.database import Store
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    CalendarSetting,
    CallRequest,
    Outbox,
    SmsGateway,
    SurveyAnswer,
)
from tests.rows import Rows, make_rows

PATIENCE = 30.0
CALLEES = {
    "15550000001": Callee(actions=(Press("1", at=0.2),)),
    "15550000002": Callee(actions=(Press("1", at=1.0),)),
    "15550000003": Callee(actions=(Press("1", at=0.3), HangUp(at=0.3))),
    "15550000004": Callee(),
}


@dataclass
class World:
    switch: Simulator
    service: Service
    rows: Rows
    happened: Queue[tuple[str, str, Mapping[str, object]]]
    rung: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.service.store

    def due(self, number: str, **fields: Any) -> Alarm:
        return self.rows.alarm(self.store, SystemClock().now(), number=number, **fields)

    def until(self, what: str, **details: object) -> Mapping[str, object]:
        """Wait until the service tells of ``what`` with these details."""
        with gevent.Timeout(PATIENCE, AssertionError(f"{what} {details} did not happen")):
            while True:
                name, _uuid, said = self.happened.get()
                if name == what and all(said.get(k) == v for k, v in details.items()):
                    return said

    def alarm(self, alarm: Alarm) -> Alarm:
        with self.store.reading():
            return Alarm.get_by_id(alarm.id)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    happened: Queue[tuple[str, str, Mapping[str, object]]] = Queue()
    rung: list[str] = []
    switch = Simulator(
        clock=SystemClock(),
        callees=CALLEES,
        on_event=lambda what, line: rung.append(line["number"]) if what == "dialled" else None,
    )
    switch.start()
    environ = {
        "FS_APP_DATABASE": f"sqlite:///{tmp_path}/fs-app.sqlite3",
        "FS_APP_ESL": f"127.0.0.1:{switch.port}",
        "FS_APP_OUTBOUND": "127.0.0.1:0",
        "FS_APP_SOUNDS": str(tmp_path / "sounds"),
        "FS_APP_SMS_FILE": str(tmp_path / "sms.jsonl"),
        "FS_APP_WEBHOOK_NETWORKS": "127.0.0.1/32",
    }
    settings = config.load(environ)
    store = Store(settings.database)
    store.migrate()
    rows = make_rows(store, SystemClock().now())
    store.close()
    service = Service(
        settings, frozenset({"ivr", "scheduler"}), observer=lambda what, uuid, said: happened.put((what, uuid, said))
    )
    world = World(switch, service, rows, happened, rung)
    yield world
    service.stop()
    switch.stop()


def start(world: World) -> None:
    world.service.start()
    assert world.service.switches[0].wait_up(PATIENCE)


def test_a_new_alarm_is_dialled_when_the_bell_rings(world: World) -> None:
    start(world)
    alarm = world.due("15550000001")
    world.store.pool.apply(world.service.doorbell.ring, ("due",))
    assert world.until("booked")["status"] == "SUCCESS"
    booked = world.alarm(alarm)
    assert (booked.status, booked.result) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED)


def test_a_key_pressed_in_the_instant_of_hanging_up_is_on_record(world: World) -> None:
    alarm = world.due("15550000003")
    start(world)
    world.until("booked")
    assert world.alarm(alarm).result == AlarmResult.CONFIRMED
    with world.store.reading():
        assert [a.digits for a in SurveyAnswer.select()] == ["1"]


@pytest.mark.parametrize("reorder", [False, True])
def test_busy_is_booked_once_whichever_event_comes_first(world: World, reorder: bool) -> None:
    world.switch.misbehaviour = Misbehaviour(reorder_hangup=reorder)
    alarm = world.due("15550000011", maxretry=1, retry_delay=3600)
    start(world)
    assert world.until("booked")["outcome"] == "busy"
    booked = world.alarm(alarm)
    assert (booked.status, booked.num_attempt, booked.reason) == (AlarmStatus.RETRY, 1, "USER_BUSY")
    assert world.rung == ["15550000011"]


def test_a_dead_gateway_costs_no_attempt(world: World) -> None:
    world.switch.gateway_down("test")
    alarm = world.due("15550000001")
    start(world)
    assert world.until("booked")["outcome"] == "trunk"
    booked = world.alarm(alarm)
    assert (booked.status, booked.num_attempt) == (AlarmStatus.RETRY, 0)
    assert booked.due_at is not None


def test_bytes_one_by_one_change_nothing(world: World) -> None:
    world.switch.misbehaviour = Misbehaviour(fragment=True)
    alarm = world.due("15550000001")
    start(world)
    world.until("booked")
    assert world.alarm(alarm).result == AlarmResult.CONFIRMED


def test_a_lost_event_socket_loses_no_key_and_rings_nobody_again(world: World) -> None:
    """The connection by which we hear of hang-ups dies in the call and comes back: the call is asked after."""
    alarm = world.due("15550000002", maxretry=3, retry_delay=0)
    start(world)
    world.until("answered")
    world.switch.die()
    world.until("survey ended")
    world.switch.revive()
    world.until("booked")
    booked = world.alarm(alarm)
    assert (booked.status, booked.result, booked.due_at) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, None)
    assert world.rung == ["15550000002"]


def test_while_the_switch_is_down_nothing_is_claimed(world: World) -> None:
    alarm = world.due("15550000001")
    world.switch.die()
    world.service.start()
    assert not world.service.switches[0].wait_up(0.1)
    assert world.alarm(alarm).status == AlarmStatus.PENDING
    with world.store.reading():
        assert AlarmRequest.select().count() == 0
    world.switch.revive()
    world.until("booked")
    assert world.alarm(alarm).status == AlarmStatus.SUCCESS


def test_an_application_that_never_completes_does_not_hold_the_call(world: World) -> None:
    """Its completion is dropped; the key still stops it and counts."""
    world.switch.misbehaviour = Misbehaviour(drop_completion="playback")
    alarm = world.due("15550000001")
    start(world)
    world.until("key", digits="1")
    assert world.alarm(alarm).result == AlarmResult.CONFIRMED


def test_fifty_calls_at_once(world: World) -> None:
    for n in range(50):
        world.due(f"1555100{n:02d}0001")
    start(world)
    for _ in range(50):
        assert world.until("booked")["result"] == "CONFIRMED"
    with world.store.reading():
        assert CallRequest.select().count() == 50
        assert Alarm.select().where(Alarm.status == AlarmStatus.SUCCESS).count() == 50
    assert len(world.rung) == len(set(world.rung)) == 50


def test_the_failure_sms_and_the_confirmation_hook_go_out(world: World, tmp_path: Path) -> None:
    """A busy callee's office gets a short message; a confirmed alarm is posted, signed, to its URL."""
    posted: Queue[tuple[Mapping[str, str], bytes]] = Queue()

    def receive(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        posted.put((environ, environ["wsgi.input"].read()))
        start_response("204 No Content", [])
        return []

    receiver = WSGIServer(("127.0.0.1", 0), receive, log=None)
    receiver.start()
    store = world.store
    with store.transaction():
        now = SystemClock().now()
        sms = SmsGateway.create(name="file", created_date=now, updated_date=now)
        CalendarSetting.update(sms_gateway=sms).execute()
    busy = world.due("15550000011", phonenumber_sms_failure="15550777")
    world.due("15550000001", url_confirm=f"http://127.0.0.1:{receiver.server_port}/confirmed")
    start(world)
    environ, body = posted.get(timeout=PATIENCE)
    receiver.stop()
    told = json.loads(body)
    assert told["id"] == environ["HTTP_IDEMPOTENCY_KEY"]
    assert environ["HTTP_FS_APP_SIGNATURE"].startswith("t=")
    assert told["event"].endswith("confirmed")
    with gevent.Timeout(PATIENCE):
        while True:
            with store.reading():
                sent = Outbox.get_or_none(Outbox.kind == "sms", Outbox.status == "sent")
            if sent is not None:
                break
            gevent.idle()
    (line,) = (tmp_path / "sms.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["to"] == "15550777"
    assert world.alarm(busy).status == AlarmStatus.FAILURE


def test_a_hook_into_the_machine_is_refused_unless_allowed(world: World) -> None:
    sender = WebhookSender()
    message = Message(1, "t", Kind.WEBHOOK, "k", "http://127.0.0.1:1/x", {"event": "x"}, secret="s")
    assert isinstance(sender.send(message, SystemClock().now()), Refused)
