"""A day of alarms on a real FreeSWITCH, in minutes: telephones that answer, press, refuse, ring on or are machines, on
two SIP trunks; the switch is killed in the middle and started again, and so is ``fs-app serve``. Then it is counted
from three sides: the database, the telephones' own record of INVITEs, and the log of the switch.

    FS_APP_TEST_FREESWITCH=/usr/bin/freeswitch FS_APP_TEST_DAY_ALARMS=400 pytest -s tests/freeswitch/test_day_real.py

docs/proof.md has the counts of such runs.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, Queue

import pytest

from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, SurveyAnswer
from tests.freeswitch import day as days
from tests.freeswitch.counting import legs, most_at_once, most_within
from tests.freeswitch.own_switch import PASSWORD, SIP, OwnSwitch, program, sofia, trunk
from tests.freeswitch.trunk import Ring, Trunk
from tests.processes import Process, free_port
from tests.sounds import tone, wav

ALARMS = int(os.environ.get("FS_APP_TEST_DAY_ALARMS", "100"))
SEED = int(os.environ.get("FS_APP_TEST_SOAK_SEED", "1"))
LENGTH = ALARMS * 0.7  # seconds of the day
SILENCE = 3.0  # seconds without a word from the server, after which the record is looked at
LEASE = 6


@dataclass
class Site:
    """Two trunks, a switch and a server, on one database."""

    home: Path
    url: str

    def __post_init__(self) -> None:
        self.store = Store(self.url)
        self.store.migrate()
        self.main = Trunk(self.home, "main", "18", "19")
        self.spare = Trunk(self.home, "spare", "19")
        gateways = {"main": trunk(self.main.port), "spare": trunk(self.spare.port)}
        self.switch = OwnSwitch(self.home / "switch", '<context name="public"/>', {}, modules=SIP, more=sofia(gateways))
        speech = self.home / "speech.wav"
        speech.write_bytes(wav(tone(seconds=1.0, rate=8000, channels=1), rate=8000, channels=1))
        self.http = free_port()
        self.sms = self.home / "sms.jsonl"
        self.env = {
            "FS_APP_DATABASE": self.url,
            "FS_APP_ESL": f"127.0.0.1:{self.switch.port}",
            "FS_APP_ESL_PASSWORD": PASSWORD,
            "FS_APP_HTTP": f"127.0.0.1:{self.http}",
            "FS_APP_OUTBOUND": f"127.0.0.1:{free_port()}",
            "FS_APP_SOUNDS": str(self.home / "sounds"),
            "FS_APP_SMS_FILE": str(self.sms),
            "FS_APP_TTS": f"cp {speech} {{file}}",
            "FS_APP_LEASE": str(LEASE),
            "FS_APP_TIME_LIMIT": "60",
            "FS_APP_CALLS_PER_SECOND": str(days.PER_SECOND),
            "FS_APP_MAX_CALLS": str(days.ALTOGETHER_MAX),
        }
        self.said: Queue[str] = Queue()
        self.servers: list[Process] = []
        self.deaths: dict[str, tuple[float, float]] = {}  # what died: when, and when it was back

    def start_switch(self) -> None:
        self.switch.start()
        self.switch.switch.stop()  # nobody here would read its events

    def serve(self) -> None:
        self.servers.append(Process(["serve"], self.env, news=self.said))
        self.servers[-1].line("outbound socket on")

    def kill_switch(self) -> None:
        died = now()
        self.switch.kill()
        self.start_switch()
        self.deaths["switch"] = died, now()

    def kill_server(self) -> None:
        died = now()
        self.servers[-1].kill()
        self.serve()
        self.deaths["server"] = died, now()

    def rings(self) -> list[Ring]:
        return sorted(self.main.rings() + self.spare.rings(), key=lambda ring: ring.at)

    def close(self) -> None:
        for part in (*self.servers, self.switch, self.main, self.spare):
            part.close()
        self.store.close()


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    program()
    made = Site(tmp_path, database_url)
    try:
        yield made
    finally:
        made.close()


def now() -> float:
    return datetime.now(UTC).timestamp()


def open_alarms(store: Store) -> int:
    """Those that are not over, but for those that wait for tomorrow."""
    with store.reading():
        waiting = Alarm.select().where(Alarm.due_at < SystemClock().now() + timedelta(hours=1))
        calls = CallRequest.select().where(CallRequest.lease_token.is_null(False))
        return int(waiting.count() + calls.count())


@pytest.mark.timeout(150 + 2 * LENGTH)
def test_every_alarm_of_the_day_is_accounted_for(site: Site) -> None:
    day = days.plan(ALARMS, LENGTH, SEED)
    days.set_up(site.store, SystemClock().now(), day)
    site.start_switch()
    site.serve()
    client = days.Client(site.http)
    days.write_down(day, client, site.store)
    series = days.write_down_series(day, client, site.store, "MINUTELY", 2)

    dialled = 0
    while True:
        try:
            line = site.said.get(timeout=SILENCE)
        except Empty:
            if now() > day.began.timestamp() + LENGTH and open_alarms(site.store) == 0:
                break
            continue
        dialled += ": originate " in line
        if "switch" not in site.deaths and dialled >= ALARMS * 0.4:
            site.kill_switch()
        if "server" not in site.deaths and dialled >= ALARMS * 0.8:
            site.kill_server()
    assert set(site.deaths) == {"switch", "server"}
    site.servers[-1].signal(signal.SIGTERM)
    assert site.servers[-1].wait() == 0
    count(site, day, series)


def count(site: Site, day: days.Day, series: str) -> None:
    rings, channels = site.rings(), legs(site.switch.log())
    with site.store.reading():
        alarms = {row.alarm_phonenumber: row for row in Alarm.select()}
        calls = {row.request_uuid: row for row in CallRequest.select()}
        attempts = Counter(row.alarm_id for row in AlarmRequest.select())
        keys = {(row.callrequest.phone_number, row.digits) for row in SurveyAnswer.select().where(SurveyAnswer.valid)}
        again = list(Alarm.select().where(Alarm.alarm_phonenumber == series))
    cut = {uuid for uuid, call in calls.items() if call.dialled_at and touched(call, site.deaths)}

    # The telephones against the database: each call rang once, and none that is not on record.
    rung = Counter(ring.call_uuid for ring in rings)
    assert {uuid: n for uuid, n in rung.items() if n > 1} == {}
    assert {ring.call_uuid for ring in rings if ring.call_uuid not in calls} == set()
    for ring in rings:
        assert plain(ring.number) == plain(calls[ring.call_uuid].phone_number)
        assert calls[ring.call_uuid].dialled_at.timestamp() <= ring.at + 0.01
    unrung = {uuid for uuid, call in calls.items() if call.dialled_at and uuid not in rung}
    assert unrung <= cut, f"{unrung - cut} dialled, but no telephone was rung, and nothing had died"

    # The switch against the telephones.
    assert {leg.call_uuid for leg in channels} >= set(rung)
    assert {leg.call_uuid for leg in channels} - set(rung) <= cut

    # Caps, as the switch saw them.
    died = site.deaths["switch"][0]
    by_trunk = {name: [leg for leg in channels if leg.number.startswith(days.SPARE_PREFIX) == (name == "spare")]
                for name in ("main", "spare")}  # fmt: skip
    numbers = {alarm.number for alarm in day.alarms if alarm.calendar == "dialysis"}
    dialysis = [leg for leg in channels if plain(leg.number) in numbers]
    caps = {
        "altogether": (most_at_once(channels, died), days.ALTOGETHER_MAX),
        "main": (most_at_once(by_trunk["main"], died), days.MAIN_MAX),
        "spare": (most_at_once(by_trunk["spare"], died), days.SPARE_MAX),
        "dialysis": (most_at_once(dialysis, died), days.DIALYSIS_MAX),
        # Evenly spaced; but a start is late while the machine is busy, here by up to a second.
        "in ten seconds": (most_within([leg.since for leg in channels], 10.0), 11 * days.PER_SECOND + 1),
    }
    assert {name: cap for name, cap in caps.items() if cap[0] > cap[1]} == {}

    # Every alarm: as it would have ended anyway, or cut short by a death that its calls were up in.
    refused = {call.request_uuid for call in calls.values() if call.hangup_cause == "NORMAL_TEMPORARY_FAILURE"}
    reached = Counter(plain(ring.number) for ring in rings if ring.call_uuid not in refused)
    cut_numbers = {plain(calls[uuid].phone_number) for uuid in cut}
    pressed = {plain(number): key for number, key in keys}
    endings: Counter[str] = Counter()
    for alarm in day.alarms:
        row, wanted, n = alarms[alarm.number], alarm.ending, reached[alarm.number]
        told = (alarm, AlarmStatus(row.status).name, row.reason, n, pressed.get(alarm.number))
        if alarm.number not in cut_numbers:
            assert (row.status, row.result, n) == (wanted.status, wanted.result, wanted.rings), told
            assert row.reason.startswith(wanted.reason), told
            assert pressed.get(alarm.number, "") == wanted.key, told
        assert row.status == wanted.status or row.status in (AlarmStatus.SUCCESS, AlarmStatus.FAILURE), told
        assert row.due_at is None or wanted.status == AlarmStatus.PENDING, told
        assert n <= 2, told  # maxretry is 1
        assert (alarm.number in pressed) == (row.result != AlarmResult.NONE), told
        if alarm.opens is not None:
            moments = [ring.at - day.began.timestamp() for ring in rings if plain(ring.number) == alarm.number]
            assert all(day.window[0] - 1.0 <= at <= day.window[1] + 1.0 for at in moments), told  # in whole seconds
        endings[f"{AlarmStatus(row.status).name} {row.reason}".strip()] += 1
    if series not in cut_numbers:
        assert [(row.status, row.result) for row in again if row.due_at is None] == [
            (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED)
        ] * 2
    assert reached[series] == 2
    assert reached[days.PAUSED] == 0

    failed = [alarm for alarm in day.alarms if alarms[alarm.number].status == AlarmStatus.FAILURE]
    sent = [json.loads(line) for line in site.sms.read_text().splitlines()] if site.sms.exists() else []
    tried = [alarm for alarm in failed if attempts[alarms[alarm.number].id]]
    assert len(sent) == len(tried), "one message for each alarm whose attempts were in vain"
    print(
        f"\n{len(day.alarms)} alarms in {LENGTH:g} s, {sum(attempts.values())} attempts, {len(calls)} calls on record, "
        f"{len(rings)} INVITEs at the telephones, {len(channels)} channels at the switch, {len(keys)} keys, "
        f"{len(sent)} messages, {len(cut)} calls cut short by a death, {len(unrung)} of them not rung\n"
        f"at once (most, allowed): {caps}\n{dict(endings)}"
    )


def touched(call: CallRequest, deaths: dict[str, tuple[float, float]]) -> bool:
    """Whether the call was up, or about to be, when something died."""
    since = call.dialled_at.timestamp()
    until = call.ended_at.timestamp() if call.ended_at else float("inf")
    return any(since <= back and until >= died for died, back in deaths.values())


def plain(number: str) -> str:
    """As it was before the second trunk's prefix."""
    return number.removeprefix(days.SPARE_PREFIX)
