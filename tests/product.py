"""The product around one switch: database, scheduler, outbound server and surveys, as ``fs-app serve`` has them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus, IvrEnd, SectionType
from fs_app.domain.survey import Section, Survey
from fs_app.service import Service
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, SurveyAnswer
from fs_app.switch.gate import Switch
from tests.contract.sounds import readable, tone
from tests.rows import Rows, make_rows

PATIENCE = 45.0  # seconds until a test that waits in vain fails
WORDS = 0.3  # seconds that every sentence takes here
GOODBYE = Section(9, SectionType.HANGUP, order=9, script="Goodbye.", completed=True)


@dataclass
class Product:
    """``told`` is what the service said, with the seconds since the test began."""

    service: Service
    rows: Rows
    sounds: Path
    told: list[tuple[float, str, str, Mapping[str, object]]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _news: Event = field(default_factory=Event)

    @property
    def store(self) -> Store:
        return self.service.store

    @property
    def switch(self) -> Switch:
        return self.service.switches[0]

    def observe(self, what: str, uuid: str, said: Mapping[str, object]) -> None:
        self.told.append((time.monotonic() - self.began, what, uuid, said))
        self._news.set()

    def ring(self, number: str, **fields: Any) -> Alarm:
        """An alarm that is due now, and the bell."""
        alarm = self.rows.alarm(self.store, SystemClock().now(), number=number, **fields)
        self.store.pool.apply(self.service.doorbell.ring, ("due",))
        return alarm

    def until(self, what: str, **details: object) -> str:
        """Wait until the service tells of ``what`` with these details; the call's UUID."""
        found: list[str] = []

        def told() -> bool:
            found[:] = [u for _, w, u, said in self.told if w == what and details.items() <= said.items()]
            return bool(found)

        with self._patience(f"{what} {details}"):
            while not told():
                self._news.clear()
                self._news.wait()
        return found[-1]

    def ask_until(self, condition: Callable[[], bool]) -> None:
        """Ask the switch, again and again, until it says so."""
        with self._patience("what was asked"):
            while not condition():
                self.switch.api("status")

    def press(self, call_uuid: str, keys: str) -> None:
        assert self.switch.api(f"uuid_recv_dtmf {call_uuid} {keys}").startswith("+OK")

    @contextmanager
    def _patience(self, what: str) -> Iterator[None]:
        try:
            with gevent.Timeout(PATIENCE):
                yield
        except gevent.Timeout:
            story = [f"{at:.2f} {name} {dict(said)}" for at, name, _uuid, said in self.told]
            raise AssertionError("\n".join([f"{what} did not happen; this did:", *story])) from None

    # ---- what is on record

    def alarm(self, alarm: Alarm) -> tuple[AlarmStatus, AlarmResult]:
        with self.store.reading():
            row = Alarm.get_by_id(alarm.id)
            return AlarmStatus(row.status), AlarmResult(row.result)

    def call(self, alarm: Alarm) -> CallRequest:
        with self.store.reading():
            found: CallRequest = CallRequest.select().join(AlarmRequest).where(AlarmRequest.alarm == alarm.id).get()
            return found

    def end(self, alarm: Alarm) -> IvrEnd:
        return IvrEnd(self.call(alarm).ivr_end)

    def answers(self, alarm: Alarm) -> list[tuple[int, str, bool, str]]:
        with self.store.reading():
            rows = (
                SurveyAnswer.select()
                .join(CallRequest)
                .join(AlarmRequest)
                .where(AlarmRequest.alarm == alarm.id)
                .order_by(SurveyAnswer.position)
            )
            return [(a.section_id, a.digits, bool(a.valid), a.response) for a in rows]

    def recordings(self) -> list[Path]:
        """Files that the switch has written and the database does not have yet."""
        return sorted((self.sounds / "recordings").iterdir())


@contextmanager
def running(
    tmp_path: Path, esl: str, password: str, gateway: str, *sections: Section, **more: str
) -> Iterator[Product]:
    """The product with a survey of these sections, whose sentences are all one short tone; ``more`` are settings."""
    folder = readable(tmp_path) / "sounds"
    spoken = tone(tmp_path / "spoken.wav", WORDS)
    settings = config.load(
        {
            "FS_APP_DATABASE": f"sqlite:///{tmp_path}/fs-app.sqlite3",
            "FS_APP_ESL": esl,
            "FS_APP_ESL_PASSWORD": password,
            "FS_APP_OUTBOUND": "127.0.0.1:0",
            "FS_APP_SOUNDS": str(folder),
            "FS_APP_SMS_FILE": str(tmp_path / "sms.jsonl"),
            "FS_APP_TTS": f"cp {spoken} {{file}}",
            "FS_APP_TIME_LIMIT": "60",
            **{f"FS_APP_{name.upper()}": value for name, value in more.items()},
        }
    )
    store = Store(settings.database)
    store.migrate()
    rows = make_rows(store, SystemClock().now(), gateway=gateway, survey=Survey("test", sections))
    store.close()
    made: list[Product] = []
    service = Service(
        settings,
        frozenset({"ivr", "scheduler"}),
        observer=lambda what, uuid, said: made[0].observe(what, uuid, said) if made else None,
    )
    made.append(Product(service, rows, folder))
    service.start()
    try:
        assert service.switches[0].wait_up(PATIENCE), service.switches[0].trouble
        yield made[0]
    finally:
        service.stop()
