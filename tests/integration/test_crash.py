"""Killed with SIGKILL at each moment of a call and started again: no key lost, nobody rung twice, all accounted for.

The switch is a process of its own and survives, as FreeSWITCH would. The alarms allow three retries without delay, so
that anything that could ring the callee again would.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fs_app.clock import SystemClock
from fs_app.domain.calls import OriginateRequest
from fs_app.domain.enums import AlarmResult, AlarmStatus
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, SurveyAnswer
from fs_app.switch.dialstring import originate_command
from fs_app.switch.gate import Switch
from scheduler import plan
from tests.processes import Process, free_port
from tests.rows import make_rows

PRESSES_1, RINGS_LONG, PRESSES_AND_HANGS_UP = "15550100001", "15550107777", "15550107778"
CALLEES = {
    RINGS_LONG: {"ring": 18, "actions": [{"press": "1", "at": 2}]},
    PRESSES_AND_HANGS_UP: {"ring": 0.5, "actions": [{"press": "1", "at": 2}, {"hangup": "", "at": 4}]},
}


@dataclass
class World:
    home: Path
    switch: Process
    env: dict[str, str]
    store: Store
    alarm: Alarm | None = None
    servers: list[Process] = field(default_factory=list)

    def due(self, number: str) -> None:
        """An alarm that is due now and may be retried three times at once."""
        clock = SystemClock()
        rows = make_rows(self.store, clock.now())
        self.alarm = rows.alarm(self.store, clock.now(), number=number, maxretry=3, retry_delay=0)

    def serve(self, **env: str) -> Process:
        server = Process(["serve"], {**self.env, **env})
        self.servers.append(server)
        return server

    def dialling(self) -> OriginateRequest:
        """A process claims the call, commits that it dials, and is gone before it has sent the originate it returns."""
        now = SystemClock().now()
        attempts = Attempts(self.store, ZoneInfo("UTC"))
        settings = plan.PlanSettings(self.env["FS_APP_OUTBOUND"])
        lease = timedelta(seconds=1)
        (claim,) = attempts.claim_due(now, 1, lease, lambda due, uuid: plan.decide(due, uuid, now, settings))
        with on_the_switch(self.env) as switch:
            request = replace(claim.dial.request, once=switch.record)
            assert attempts.mark_dialling(claim, switch.name, originate_command(request), now)
        return request

    def settled(self, server: Process) -> Alarm:
        """The alarm once it is booked; no other attempt may follow."""
        server.line("booked")
        assert self.alarm is not None
        with self.store.reading():
            alarm = Alarm.get_by_id(self.alarm.id)
            call = CallRequest.select().order_by(CallRequest.id.desc()).get()
            assert (call.lease_token, call.ended_at is not None) == (None, True)
        assert alarm.status in (AlarmStatus.SUCCESS, AlarmStatus.FAILURE), (alarm.status, alarm.reason)
        assert alarm.due_at is None
        return alarm

    def attempts(self) -> int:
        with self.store.reading():
            return AlarmRequest.select().count()

    def keys(self) -> list[str]:
        with self.store.reading():
            return [a.digits for a in SurveyAnswer.select().order_by(SurveyAnswer.id) if a.valid]

    def times_rung(self) -> int:
        """How often the switch was told to ring a telephone."""
        return sum('"what": "dialled"' in line for line in self.switch.so_far())

    def until_gone(self) -> None:
        """Until the callee's call has ended."""
        self.switch.line('"what": "hangup"')


@contextmanager
def on_the_switch(env: dict[str, str]) -> Iterator[Switch]:
    host, _, port = env["FS_APP_ESL"].rpartition(":")
    switch = Switch(host, int(port), "ClueCon", clock=SystemClock())
    switch.start()
    try:
        assert switch.wait_up(10)
        yield switch
    finally:
        switch.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    callees = tmp_path / "callees.json"
    callees.write_text(json.dumps(CALLEES))
    switch = Process(["simulator", "--port", "0", "--journal", "/dev/stdout", "--callees", str(callees)], {})
    address = switch.line("built-in switch on").split()[-1]
    url = f"sqlite:///{tmp_path}/fs-app.sqlite3"
    store = Store(url)
    store.migrate()
    env = {
        "FS_APP_DATABASE": url,
        "FS_APP_ESL": address,
        "FS_APP_HTTP": "127.0.0.1:0",
        "FS_APP_OUTBOUND": f"127.0.0.1:{free_port()}",
        "FS_APP_SOUNDS": str(tmp_path / "sounds"),
    }
    world = World(tmp_path, switch, env, store)
    yield world
    for process in (*world.servers, switch):
        process.close()
    store.close()


def test_killed_between_the_claim_and_the_originate(world: World) -> None:
    """The claim is committed, nothing is dialled: the reminder is not lost, and goes out once."""
    world.due(PRESSES_1)
    stuck = world.serve(FS_APP_TTS=f'{sys.executable} -c "import signal; signal.pause()" {{file}}')
    stuck.line("claimed")
    stuck.kill()
    assert world.times_rung() == 0
    alarm = world.settled(world.serve())
    assert (alarm.status, alarm.result) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED)
    assert (world.times_rung(), world.attempts(), alarm.num_attempt) == (1, 1, 1)


def test_killed_between_the_commit_and_the_originate(world: World) -> None:
    """Everything says that the telephone may be ringing. The switch knows that it got no command, and refuses it should
    it come: so the reminder goes out."""
    world.due(PRESSES_1)
    request = world.dialling()
    server = world.serve()
    server.line("not dialled: the switch never got the originate")
    alarm = world.settled(server)
    assert (alarm.status, alarm.result, world.keys()) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, ["1"])
    assert (world.times_rung(), world.attempts(), alarm.num_attempt) == (1, 1, 1)
    with on_the_switch(world.env) as late:
        late.originate(request)  # it was in the network all the time
        late.api("status")
    world.switch.line('"what": "hangup"', "INVALID_CALL_REFERENCE")
    assert world.times_rung() == 1


def test_killed_while_the_originate_is_on_the_wire(world: World) -> None:
    """The switch gets the command only after we are dead. It rings once, and the new process speaks."""
    world.due(PRESSES_1)
    first = world.serve()
    first.line("claimed")
    # The switch stands still while the words are made: what is sent to it then waits in its socket.
    world.switch.signal(signal.SIGSTOP)
    first.line("originate not confirmed")
    first.kill()
    second = world.serve()
    second.line("outbound socket on")
    world.switch.signal(signal.SIGCONT)
    alarm = world.settled(second)
    assert (world.times_rung(), world.attempts()) == (1, 1)
    assert (alarm.status, alarm.result, world.keys()) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, ["1"])


def test_killed_while_it_rings_and_back_before_the_answer(world: World) -> None:
    world.due(RINGS_LONG)
    first = world.serve()
    first.line("ringing")
    first.kill()
    alarm = world.settled(world.serve())
    assert (alarm.status, alarm.result, world.keys()) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, ["1"])
    assert (world.times_rung(), world.attempts()) == (1, 1)


def test_killed_while_it_rings_and_back_after_the_call_is_gone(world: World) -> None:
    """Nobody can say what the callee made of it: booked as unknown, and the callee left in peace."""
    world.due(PRESSES_1)
    first = world.serve()
    first.line("ringing")
    first.kill()
    world.until_gone()
    alarm = world.settled(world.serve())
    assert (alarm.status, alarm.num_attempt) == (AlarmStatus.FAILURE, 1)
    assert "unknown" in alarm.reason
    assert (world.times_rung(), world.attempts()) == (1, 1)


def test_killed_during_a_prompt(world: World) -> None:
    world.due(PRESSES_1)
    first = world.serve()
    first.line("words", "press 1 to confirm")
    first.kill()
    alarm = world.settled(world.serve())
    assert (alarm.status, alarm.result, world.keys()) == (AlarmStatus.FAILURE, AlarmResult.NONE, [])
    assert "interrupted" in alarm.reason
    assert (world.times_rung(), world.attempts()) == (1, 1)


def test_killed_right_after_the_key(world: World) -> None:
    world.due(PRESSES_1)
    first = world.serve()
    first.line("key", "digits=1")
    first.kill()
    alarm = world.settled(world.serve())
    assert (alarm.status, alarm.result, world.keys()) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, ["1"])
    assert (world.times_rung(), world.attempts(), alarm.num_attempt) == (1, 1, 1)


def test_killed_before_the_hang_up_is_booked(world: World) -> None:
    """The callee presses and hangs up soon; from the key on the database takes no more writes from us."""
    world.due(PRESSES_AND_HANGS_UP)
    first = world.serve()
    first.line("key", "digits=1")
    lock = sqlite3.connect(world.home / "fs-app.sqlite3", timeout=20, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    world.until_gone()
    first.kill()
    lock.execute("ROLLBACK")
    lock.close()
    with world.store.reading():
        assert CallRequest.get().ended_at is None
    alarm = world.settled(world.serve())
    assert (alarm.status, alarm.result, world.keys()) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, ["1"])
    assert (world.times_rung(), world.attempts(), alarm.num_attempt) == (1, 1, 1)


def test_a_second_scheduler_on_one_sqlite_file_is_refused(world: World) -> None:
    world.serve().line("switch", "is up")
    second = world.serve()
    assert second.wait() == 1
    assert any("another scheduler" in line for line in second.said)


def test_sigterm_ends_it_cleanly(world: World) -> None:
    server = world.serve()
    server.line("switch", "is up")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
