"""A FreeSWITCH of the test's own with the product inside: its callees, its database, its servers."""

from __future__ import annotations

import array
import io
import re
import wave
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import gevent
import pytest

from fs_app.domain.alarms import Claim, Verdict
from fs_app.domain.enums import AlarmStatus, Outcome
from fs_app.domain.survey import Survey
from fs_app.errors import SwitchTimeout
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, SurveyAnswer
from scheduler import plan
from tests.freeswitch.own_switch import EMBEDDING, PASSWORD, ROOT, OwnSwitch, free_udp_port, incoming, program
from tests.processes import Process, free_port
from tests.rows import SURVEY, Rows, make_rows
from tests.sounds import tone, wav
from tests.voices import beep, quiet, talk

PATIENCE = 30.0  # seconds until a test that waits in vain fails
CALLER_ID = "15550100"


def keys(*steps: str) -> str:
    """Actions of a callee: keys, pauses in ms, a file that it plays, ``talk`` for a second and a half, ``hangup``."""
    made = []
    for step in steps:
        if step == "hangup":
            made.append('<action application="hangup"/>')
        elif step.endswith(".wav"):
            made.append(f'<action application="playback" data="HOME/{step}"/>')
        elif step == "talk":
            made.append('<action application="playback" data="tone_stream://%(1500,0,500)"/>')
        elif len(step) > 2 and step.isdecimal():
            made.append(f'<action application="sleep" data="{step}"/>')
        else:
            made.append(f'<action application="send_dtmf" data="{step}"/>')
    return "".join(made)


CASTS = {
    "0001": ("1",),
    "0002": ("2", "1500", "15#"),
    "0003": ("1", "700", "hangup"),  # a key, and gone before the entry was complete
    "0004": ("42#", "1800", "talk", "1"),
    "0005": ("hangup",),
    "0006": ("hello.wav", "3500", "1"),
    "0007": ("machine.wav",),
    "0008": ("2500", "#"),
    "0009": (),
}


def contexts(outbound: int, home: Path) -> str:
    """Our callees, and the dialplan files we ship, each in a context that a trunk's calls would arrive in. What the
    callees hear is in ``home``, a file for each."""
    listens = '<action application="set" data="RECORD_READ_ONLY=true"/><action application="answer"/>'
    extensions = "".join(
        f'<extension name="c{name}"><condition field="destination_number" expression="^1555010{name}$">{listens}'
        f'<action application="record_session" data="{home}/heard-{name}.wav"/>'
        f'<action application="sleep" data="1500"/>{keys(*steps)}'
        f'<action application="sleep" data="60000"/></condition></extension>'
        for name, steps in CASTS.items()
    )
    made = f'<context name="callees">{extensions.replace("HOME", str(home))}</context>'
    for name, file in (("socket", "fs_app_callback.xml"), ("inside", "fs_app_callback_embedded.xml")):
        text = (ROOT / "freeswitch_conf" / "dialplan" / file).read_text(encoding="utf-8")
        extension = re.search(r"<include>(.*)</include>", text, re.DOTALL)
        assert extension is not None
        shipped = extension[1].replace("127.0.0.1:8084", f"127.0.0.1:{outbound}")
        made += f'<context name="{name}">{shipped}</context>'
    return made


class World:
    """A switch, a database and whatever servers the test starts."""

    def __init__(self, home: Path, url: str, env: Mapping[str, str]) -> None:
        self.home = home
        self.store = Store(url)
        self.store.migrate()
        self.now = datetime.now(UTC)
        self.rows: Rows | None = None
        self.attempts = Attempts(self.store, ZoneInfo("UTC"))
        speech = home / "speech.wav"
        speech.write_bytes(wav(tone(seconds=0.4, rate=8000, channels=1), rate=8000, channels=1))
        for name, said in {"hello": [talk(500)], "machine": [talk(5000), quiet(300), beep(500), quiet(20_000)]}.items():
            (home / f"{name}.wav").write_bytes(wav(b"".join(said), rate=8000, channels=1))
        outbound = free_port()
        self.env = {
            "FS_APP_DATABASE": url,
            "FS_APP_SOUNDS": str(home / "sounds"),
            "FS_APP_TTS": f"cp {speech} {{file}}",
            "FS_APP_HTTP": "127.0.0.1:0",
            "FS_APP_OUTBOUND": f"127.0.0.1:{outbound}",
            "FS_APP_ESL_PASSWORD": PASSWORD,
            **env,
        }
        self.sip = {context: free_udp_port() for context in ("socket", "inside")}
        self.switch = OwnSwitch(
            home / "switch",
            contexts(outbound, home),
            self.env,
            modules=(*EMBEDDING, "sofia", "flite"),
            more=incoming(self.sip),
        )
        self.env["FS_APP_ESL"] = f"127.0.0.1:{self.switch.port}"
        self.servers: list[Process] = []

    def survey(self, survey: Survey = SURVEY) -> None:
        self.rows = make_rows(self.store, self.now, gateway="loopback/{number}/callees", survey=survey)

    def alarm(self, callee: str = "0001", **fields: Any) -> Alarm:
        """One that is due, and may be retried at once."""
        if self.rows is None:
            self.survey()
        assert self.rows is not None
        return self.rows.alarm(
            self.store, self.now, **{"number": f"1555010{callee}", "maxretry": 3, "retry_delay": 0, **fields}
        )

    def claim(self, **fields: Any) -> tuple[Alarm, Claim]:
        """An alarm whose call is about to be placed by the test itself."""
        alarm = self.alarm(**fields)
        settings = plan.PlanSettings("")
        (claim,) = self.attempts.claim_due(
            self.now, 10, timedelta(minutes=5), lambda due, uuid: plan.decide(due, uuid, self.now, settings)
        )
        assert self.attempts.mark_dialling(claim, "own", "originate", self.now)
        return alarm, claim

    def place(self, **fields: Any) -> str:
        """Place a call by hand, and wait until its survey has ended; its UUID."""
        _alarm, claim = self.claim(**fields)
        self.switch.switch.originate(claim.dial.request)
        self.until(lambda: self.request(claim.call_uuid).ivr_end != "")
        return claim.call_uuid

    def missed(self, **fields: Any) -> Alarm:
        """An alarm whose first call nobody answered; the next one is due in an hour."""
        alarm, claim = self.claim(**fields)
        later = self.now + timedelta(minutes=50)
        verdict = Verdict(Outcome.NO_ANSWER, AlarmStatus.RETRY, "NO_ANSWER", True, later)
        self.attempts.book(claim.call_uuid, claim.token, verdict, None, self.now)
        return alarm

    def call_in(self, context: str, caller: str, keys: str = "", after_ms: int = 1500) -> str:
        """Somebody calls us, presses keys after a while, and stays until we hang up."""
        uuid = str(uuid4())
        actions = f"sleep:{after_ms}," + (f"send_dtmf:{keys}," if keys else "") + "sleep:20000"
        said = self.switch.api(
            f"bgapi originate {{origination_uuid={uuid},origination_caller_id_number={caller},"
            f"loopback_bowout=false}}loopback/{CALLER_ID}/{context} '{actions}' inline"
        )
        assert said.startswith("+OK"), said
        return uuid

    def serve(self, **env: str) -> Process:
        server = Process(["serve"], {**self.env, **env})
        self.servers.append(server)
        server.line("outbound socket on")
        return server

    # ---- what is on record

    def request(self, call: str) -> CallRequest:
        with self.store.reading():
            return CallRequest.get(CallRequest.request_uuid == call)

    def calls(self, alarm: Alarm) -> list[CallRequest]:
        with self.store.reading():
            rows = AlarmRequest.select().where(AlarmRequest.alarm == alarm).order_by(AlarmRequest.attempt)
            return [row.callrequest for row in rows]

    def again(self, alarm: Alarm) -> Alarm:
        with self.store.reading():
            return Alarm.get_by_id(alarm.id)

    def keys(self) -> list[tuple[int, str, bool]]:
        with self.store.reading():
            rows = SurveyAnswer.select().order_by(SurveyAnswer.id)
            return [(row.section_id, row.digits, row.valid) for row in rows]

    def until(self, true: Callable[[], object]) -> None:
        """Nothing on the switch's side rings a bell for a test: look, a few times a second."""
        with gevent.Timeout(PATIENCE, AssertionError("waited in vain")):
            while not true():
                gevent.sleep(0.1)

    def quiet(self) -> None:
        """Until no call is up."""
        self.until(lambda: "0 total" in self.switch.api("show channels"))

    def close(self) -> None:
        for server in self.servers:
            server.close()
        self.switch.close()
        self.store.close()


def loudest(recording: bytes) -> int:
    """The largest sample of a WAV file of 16 bits."""
    with wave.open(io.BytesIO(recording)) as wav_file:
        return max(map(abs, array.array("h", wav_file.readframes(wav_file.getnframes()))))


def loaded(switch: OwnSwitch) -> str:
    """What ``python ivr.embedded`` answers. The first time it imports the product, slowly on a busy machine."""
    with gevent.Timeout(PATIENCE, AssertionError("mod_python3 did not load the product in time")):
        while True:
            try:
                return switch.api("python ivr.embedded")
            except SwitchTimeout:
                continue


def worlds(home: Path, url: str, env: Mapping[str, str] | None = None) -> Iterator[World]:
    """One, started; skipped, loudly, where the switch cannot load the product. ``env`` adds to its settings."""
    program()
    world = World(home, url, env or {})
    try:
        world.switch.start()
        said = loaded(world.switch)
        if not said.startswith("+OK"):
            if "No module named" in said or "not found" in said or "no reply" in said:
                pytest.skip(f"mod_python3 of this FreeSWITCH cannot load the product: {said[:300]}\n")
            pytest.fail(said)
        yield world
    finally:
        world.close()
