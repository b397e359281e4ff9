"""Trunks that fail in each way a real FreeSWITCH knows, and what an administrator may set for each, over real SIP."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import pytest

from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.store.database import Store
from fs_app.store.models import Alarm, Calendar, CallRequest, Gateway
from tests.freeswitch.counting import legs, most_at_once, most_within
from tests.freeswitch.own_switch import PASSWORD, SIP, OwnSwitch, program, sofia, trunk
from tests.freeswitch.trunk import EVERYBODY, Trunk
from tests.processes import Process, free_port
from tests.product import GOODBYE, Product, running
from tests.rows import make_rows
from tests.sounds import tone, wav

ASK = Section(1, SectionType.RATING, script="Press 1.", timeout=4, branches=(Branch("any", 9),))
PRESSES, SLOW, RINGS_ON, QUIET = "1555000001", "1555000005", "1555000012", "1555000009"
CONFIRMED = AlarmStatus.SUCCESS, AlarmResult.CONFIRMED


@dataclass
class Telephony:
    """A switch with trunks: ``main`` works, ``refuses`` answers 503, ``silent`` says nothing, ``watched`` neither, but
    the switch pings it; the switch could not register with ``unregistered``; at ``closed`` is nobody."""

    switch: OwnSwitch
    main: Trunk
    refuses: Trunk

    def numbers(self, trunk: Trunk, since: int = 0) -> list[str]:
        return [ring.number for ring in trunk.rings()[since:]]


@pytest.fixture(scope="module")
def telephony(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telephony]:
    program()
    home = tmp_path_factory.mktemp("telephony")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf, socket.socket(type=socket.SOCK_DGRAM) as gone:
        deaf.bind(("127.0.0.1", 0))
        gone.bind(("127.0.0.1", 0))
        silent, closed = deaf.getsockname()[1], gone.getsockname()[1]
        gone.close()
        main, refuses = Trunk(home, "main"), Trunk(home, "refuses", EVERYBODY)
        gateways = {
            "main": trunk(main.port),
            "refuses": trunk(refuses.port),
            "silent": trunk(silent),
            "watched": trunk(silent) + '<param name="ping" value="5"/>',
            "unregistered": trunk(silent).replace('"false"', '"true"', 1),
            "closed": trunk(closed),
        }
        own = OwnSwitch(home / "switch", '<context name="public"/>', {}, modules=SIP, more=sofia(gateways))
        try:
            own.start()
            with gevent.Timeout(60, AssertionError("the switch still believes in trunks that do not answer")):
                while "DOWN" not in own.api("sofia status gateway watched"):
                    gevent.sleep(0.2)
            yield Telephony(own, main, refuses)
        finally:
            own.close()
            main.close()
            refuses.close()


@contextmanager
def product(telephony: Telephony, tmp_path: Path, first: str = "main", **fields: Any) -> Iterator[Product]:
    """The product, whose calendar setting uses the gateway ``first`` with these ``fields``."""
    address = f"127.0.0.1:{telephony.switch.port}"
    with running(tmp_path, address, PASSWORD, f"sofia/gateway/{first}/", ASK, GOODBYE, calls_per_second="20") as made:
        change(made, **fields)
        yield made


def change(product: Product, **fields: Any) -> None:
    if fields:
        with product.store.transaction():
            Gateway.update(**fields).where(Gateway.id == product.rows.gateway.id).execute()


def stand_in(product: Product, name: str = "main", **fields: Any) -> None:
    """Another gateway stands in for the first one."""
    now = SystemClock().now()
    with product.store.transaction():
        made = Gateway.create(
            name=f"then {name}", gateways=f"sofia/gateway/{name}/", created_date=now, updated_date=now, **fields
        )
    change(product, failover=made)


def calls(product: Product) -> list[CallRequest]:
    with product.store.reading():
        return list(CallRequest.select().order_by(CallRequest.id))


@pytest.mark.parametrize(
    ("first", "cause"),
    [
        ("refuses", "NORMAL_TEMPORARY_FAILURE"),
        ("closed", "NORMAL_TEMPORARY_FAILURE"),
        ("watched", "GATEWAY_DOWN"),
        ("unregistered", "GATEWAY_DOWN"),
        ("nowhere", "INVALID_GATEWAY"),
    ],
)
def test_the_next_gateway_takes_the_call_at_once(telephony: Telephony, tmp_path: Path, first: str, cause: str) -> None:
    """Each with its own prefixes; together they are one attempt."""
    since, refused = len(telephony.main.rings()), len(telephony.refuses.rings())
    with product(telephony, tmp_path, first, addprefix="77") as made:
        stand_in(made, addprefix="00", removeprefix="1")
        alarm = made.ring(PRESSES, maxretry=0)
        made.until("booked", outcome="answered")
        assert made.alarm(alarm) == CONFIRMED
        failed, answered = calls(made)
    assert (failed.reason, failed.num_attempt, answered.num_attempt) == (cause, 1, 1)
    assert telephony.numbers(telephony.main, since) == ["00555000001"]
    assert telephony.numbers(telephony.refuses, refused) == (["771555000001"] if first == "refuses" else [])
    assert (answered.dialled_at - failed.dialled_at).total_seconds() < 5


def test_a_trunk_without_a_word_is_no_answer_unless_the_switch_pings_it(telephony: Telephony, tmp_path: Path) -> None:
    """Whether the telephone rang, nobody can say: so it is an attempt that counts, and nobody is rung at once."""
    since = len(telephony.main.rings())
    with product(telephony, tmp_path, "silent", gateway_timeouts="2") as made:
        stand_in(made)
        alarm = made.ring(PRESSES, maxretry=1, retry_delay=600)
        made.until("booked", outcome="no_answer")
        assert made.alarm(alarm)[0] is AlarmStatus.RETRY
        with made.store.reading():
            assert (Alarm.get().num_attempt, Alarm.get().reason) == (1, "NO_ANSWER")
    assert telephony.numbers(telephony.main, since) == []


def test_a_gateway_is_tried_again_as_often_as_it_says(telephony: Telephony, tmp_path: Path) -> None:
    refused, since = len(telephony.refuses.rings()), len(telephony.main.rings())
    with product(telephony, tmp_path, "refuses", gateway_retries="2") as made:
        stand_in(made)
        alarm = made.ring(PRESSES, maxretry=0)
        made.until("booked", outcome="answered")
        assert made.alarm(alarm) == CONFIRMED
    assert telephony.numbers(telephony.refuses, refused) == [PRESSES] * 3
    assert telephony.numbers(telephony.main, since) == [PRESSES]


def test_when_no_gateway_is_left_the_attempt_is_not_counted(telephony: Telephony, tmp_path: Path) -> None:
    with product(telephony, tmp_path, "refuses") as made:
        stand_in(made, "closed")
        alarm = made.ring(PRESSES, maxretry=0)
        made.until("booked", outcome="trunk")
        assert made.alarm(alarm)[0] is AlarmStatus.RETRY
        with made.store.reading():
            row = Alarm.get()
        assert row.num_attempt == 0
        assert 20 < (row.due_at - SystemClock().now()).total_seconds() <= 30


@pytest.mark.parametrize(("codecs", "offered"), [("PCMA", "8"), ("PCMU,PCMA", "0 8"), ("PCMA,PCMU", "8 0")])
def test_the_codecs_of_a_gateway_are_what_is_offered(
    telephony: Telephony, tmp_path: Path, codecs: str, offered: str
) -> None:
    with product(telephony, tmp_path, "main", gateway_codecs=codecs) as made:
        made.ring(PRESSES)
        uuid = made.until("answered")
        sdp = telephony.switch.api(f"uuid_getvar {uuid} rtp_local_sdp_str")
        made.until("booked", outcome="answered")
    found = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", sdp)
    assert found is not None, sdp
    assert found[1].split()[: len(offered.split())] == offered.split()
    assert ("0" in found[1].split()) == ("PCMU" in codecs)


def test_the_ring_time_of_a_gateway(telephony: Telephony, tmp_path: Path) -> None:
    with product(telephony, tmp_path, "main", gateway_timeouts="3") as made:
        made.ring(RINGS_ON, maxretry=0)
        made.until("booked", outcome="no_answer")
        (call,) = calls(made)
    assert (call.timeout, call.hangup_cause) == (3, "NO_ANSWER")
    assert 2.0 <= (call.ended_at - call.dialled_at).total_seconds() <= 6.0


def at_work(telephony: Telephony, made: Product, count: int) -> list[Any]:
    """``count`` people who answer and press 1, all due now; the switch's channels, once all are done."""
    numbers = [f"1555{n:04d}01" for n in range(count)]
    for number in numbers:
        made.rows.alarm(made.store, SystemClock().now(), number=number)
    made.store.pool.apply(made.service.doorbell.ring, ("due",))
    uuids: set[str] = set()
    with gevent.Timeout(90):
        while len(uuids) < count:
            uuids |= {uuid for _, what, uuid, said in made.told if what == "booked" and said["outcome"] == "answered"}
            gevent.sleep(0.2)
    return [leg for leg in legs(telephony.switch.log()) if leg.call_uuid in uuids]


def test_no_more_calls_at_once_than_the_gateway_takes(telephony: Telephony, tmp_path: Path) -> None:
    with product(telephony, tmp_path, "main", maximum_call=2) as made:
        channels = at_work(telephony, made, 5)
    assert len(channels) == 5
    assert most_at_once(channels) == 2


def test_no_more_calls_at_once_than_the_calendar_takes(telephony: Telephony, tmp_path: Path) -> None:
    with product(telephony, tmp_path) as made:
        with made.store.transaction():
            Calendar.update(max_concurrent=1).execute()
        channels = at_work(telephony, made, 3)
    assert len(channels) == 3
    assert most_at_once(channels) == 1


def test_no_more_calls_a_second_than_the_gateway_takes(telephony: Telephony, tmp_path: Path) -> None:
    with product(telephony, tmp_path, "main", calls_per_second=2) as made:
        channels = at_work(telephony, made, 8)
    starts = sorted(leg.since for leg in channels)
    assert starts[-1] - starts[0] >= 3.0  # seven gaps of half a second, less what the first was late
    assert most_within(starts, 2.0) <= 5


def test_without_mod_hash_calls_are_placed_all_the_same(telephony: Telephony, tmp_path: Path) -> None:
    """Unloaded while we are connected: the switch refuses to count, until we no longer ask it to."""
    since = len(telephony.main.rings())
    with product(telephony, tmp_path, "main", gateway_retries="5") as made:
        assert made.switch.record
        try:
            assert telephony.switch.api("unload mod_hash").startswith("+OK")
            alarm = made.ring(PRESSES, maxretry=0)
            made.until("booked", outcome="answered")
            assert made.alarm(alarm) == CONFIRMED
            assert {call.reason for call in calls(made)[:-1]} == {"INVALID_CALL_REFERENCE"}
            assert made.switch.record == ""
        finally:
            assert telephony.switch.api("load mod_hash").startswith("+OK")
    assert telephony.numbers(telephony.main, since) == [PRESSES]


def test_a_record_that_was_lost_proves_nothing(telephony: Telephony, tmp_path: Path) -> None:
    """An originate that was run, and a module that forgets it: nobody may take it for one that was not."""
    with product(telephony, tmp_path) as made:
        made.ring(PRESSES)
        uuid = made.until("booked", outcome="answered")
        (call,) = calls(made)
        assert made.switch.never_dialled(uuid, call.originate) is False
        assert telephony.switch.api("reload mod_hash").startswith("+OK")
        assert made.switch.never_dialled(uuid, call.originate) is False


@dataclass
class Parts:
    """Processes of their own on one database: a scheduler, and survey servers that come and go."""

    store: Store
    env: dict[str, str]
    processes: list[Process]

    def start(self, part: str, **env: str) -> Process:
        self.processes.append(Process(["serve", "--only", part], {**self.env, **env}))
        return self.processes[-1]


@pytest.fixture
def parts(telephony: Telephony, tmp_path: Path) -> Iterator[Parts]:
    url = f"sqlite:///{tmp_path}/fs-app.sqlite3"
    store = Store(url)
    store.migrate()
    speech = tmp_path / "speech.wav"
    speech.write_bytes(wav(tone(seconds=0.4, rate=8000, channels=1), rate=8000, channels=1))
    env = {
        "FS_APP_DATABASE": url,
        "FS_APP_ESL": f"127.0.0.1:{telephony.switch.port}",
        "FS_APP_ESL_PASSWORD": PASSWORD,
        "FS_APP_SOUNDS": str(tmp_path / "sounds"),
        "FS_APP_TTS": f"cp {speech} {{file}}",
    }
    made = Parts(store, env, [])
    yield made
    for process in reversed(made.processes):
        process.close()
    store.close()


def test_an_ivr_that_is_not_there_is_waited_for_a_few_seconds(telephony: Telephony, parts: Parts) -> None:
    """And nobody is rung for silence meanwhile."""
    since = len(telephony.main.rings())
    survey = Survey("test", (ASK, GOODBYE))
    rows = make_rows(parts.store, SystemClock().now(), gateway="sofia/gateway/main/", survey=survey)
    rows.alarm(parts.store, SystemClock().now(), number=PRESSES)
    parts.env["FS_APP_OUTBOUND"] = f"127.0.0.1:{free_port()}"
    scheduler = parts.start("scheduler")
    scheduler.line("no survey IVR listens")
    scheduler.line("no survey IVR listens", patience=20)  # the shorter wait, not the minute of a broken voice
    assert telephony.numbers(telephony.main, since) == []
    parts.start("ivr").line("outbound socket on")
    scheduler.line("booked", "result=CONFIRMED", patience=30)
    assert telephony.numbers(telephony.main, since) == [PRESSES]


def test_the_ivr_dies_while_the_telephone_rings(telephony: Telephony, parts: Parts) -> None:
    """The switch hands the call to the other one."""
    survey = Survey("test", (ASK, GOODBYE))
    rows = make_rows(parts.store, SystemClock().now(), gateway="sofia/gateway/main/", survey=survey)
    rows.alarm(parts.store, SystemClock().now(), number=SLOW)
    first, second = (f"127.0.0.1:{free_port()}" for _ in range(2))
    parts.env["FS_APP_OUTBOUND_ADVERTISE"] = f"{first},{second}"
    near, other = parts.start("ivr", FS_APP_OUTBOUND=first), parts.start("ivr", FS_APP_OUTBOUND=second)
    near.line("outbound socket on")
    other.line("outbound socket on")
    scheduler = parts.start("scheduler")
    assert f"&socket('{first}|{second} async full')" in scheduler.line(": originate ")
    scheduler.line("ringing")
    near.kill()
    other.line("key", "digits=1")
    scheduler.line("booked", "result=CONFIRMED")
