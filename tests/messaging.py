"""A practice that sends messages: the API and the scheduler part on one database, and what the other side gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import gevent

from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmStatus
from fs_app.service import Service
from tests.rest_client import Api, new_alarm

PATIENCE = 40.0


class ShiftedClock(SystemClock):
    """The machine's clock, put forward when a test says so."""

    shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift


@dataclass
class Practice:
    """``api`` and ``service`` share one database and one loop."""

    api: Api
    service: Service
    event: dict[str, Any]
    home: Path

    def alarm(self, **fields: Any) -> dict[str, Any]:
        """An alarm that is due now."""
        alarm = new_alarm(self.api, self.event, **fields)
        self.api.in_thread(self.service.doorbell.ring, "due")
        return alarm

    def gateway(self, driver: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The SMS gateway of the practice's setting."""
        values = {"name": driver, "driver": driver, "parameters": parameters}
        gateway = self.api.post("sms-gateway/", values, "root")
        setting = self.api.get("calendar-setting/")["results"][0]
        self.api.patch(path_of(setting), {"sms_gateway": gateway["url"]})
        return gateway

    def got(self, queue: Queue[Any]) -> Any:
        """The next thing that a server got, while the loop turns."""
        return self.api.in_thread(queue.get, True, PATIENCE)

    def later(self, seconds: float) -> None:
        """Some time passes at once."""
        clock = self.service.clock
        assert isinstance(clock, ShiftedClock)
        clock.shift += timedelta(seconds=seconds)
        self.api.in_thread(self.service.doorbell.ring, "due")

    def until(self, alarm: dict[str, Any], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The alarm once it is as wanted."""
        now: dict[str, Any] = {}
        with gevent.Timeout(PATIENCE, AssertionError("not in time")):
            while True:
                now = self.api.get(path_of(alarm))
                if wanted(now):
                    return now
                gevent.sleep(0.02)

    def sms_template(self, text: str = "Hello {name}, see you at {event_time}.") -> str:
        """The URL of a template with these words."""
        return str(self.api.post("sms-template/", {"label": "words", "sms_text": text})["url"])

    def message(self, alarm: dict[str, Any]) -> dict[str, Any]:
        """The one message of the alarm's one attempt."""
        (request,) = self.api.get(f"alarm-request/?alarm={id_of(alarm)}")["results"]
        assert request["callrequest"] is None
        found: dict[str, Any] = self.api.get(path_of({"url": request["message"]}))
        return found


def path_of(row: dict[str, Any]) -> str:
    return str(row["url"]).partition("/rest-api/")[2]


def id_of(row: dict[str, Any]) -> int:
    return int(str(row["url"]).rstrip("/").rpartition("/")[2])


def booked(alarm: dict[str, Any]) -> bool:
    return alarm["status"] in (AlarmStatus.SUCCESS, AlarmStatus.FAILURE)
