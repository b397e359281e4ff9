"""A practice's day: who must be called, when, and how it must end; put in over REST as an integrator would.

Times are seconds from the beginning of the day, which lasts ``length`` of them.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

from fs_app.domain.enums import AlarmResult, AlarmStatus
from fs_app.store.database import Store
from fs_app.store.models import (
    ApiToken,
    Calendar,
    CalendarSetting,
    CalendarUserProfile,
    DncContact,
    DncList,
    Gateway,
    SmsGateway,
    User,
)
from tests.rows import Rows, make_rows

TOKEN = "of-this-day"
ZONE = "Europe/Paris"
MAIN_MAX, SPARE_MAX, DIALYSIS_MAX, ALTOGETHER_MAX, PER_SECOND = 12, 4, 3, 14, 5
RING_TIME = 8
SPARE_PREFIX = "88"
# How many in a hundred have which telephone; tests.freeswitch.trunk says what each does. 18 is refused by the first
# trunk, 19 by both.
SHARES = {
    **{"01": 30, "02": 8, "05": 7, "09": 6, "11": 10, "12": 6, "13": 5, "14": 5, "15": 5},
    **{"16": 6, "17": 4, "18": 6, "19": 2},
}
PAUSED = "1555999801"
DO_NOT_CALL, CLOSED = "do not call", "closed"
SUCCESS, FAILURE = AlarmStatus.SUCCESS, AlarmStatus.FAILURE


@dataclass(frozen=True)
class Ending:
    """How an alarm ends when nothing of ours dies; ``rings`` is how often its telephone was rung."""

    status: AlarmStatus
    reason: str
    rings: int
    result: AlarmResult = AlarmResult.NONE
    key: str = ""


CONFIRMED = Ending(SUCCESS, "", 1, AlarmResult.CONFIRMED, "1")
ENDINGS = {
    **dict.fromkeys(("01", "05", "16", "18"), CONFIRMED),
    "02": Ending(SUCCESS, "", 1, AlarmResult.CANCELLED, "2"),
    "09": Ending(SUCCESS, "", 1),
    "11": Ending(FAILURE, "USER_BUSY", 2),
    "12": Ending(FAILURE, "NO_ANSWER", 2),
    "13": Ending(FAILURE, "CALL_REJECTED", 2),
    "14": Ending(FAILURE, "UNALLOCATED_NUMBER", 1),
    "15": Ending(SUCCESS, "", 1),
    "17": Ending(FAILURE, "answered by a machine", 2),
    "19": Ending(FAILURE, "NORMAL_TEMPORARY_FAILURE", 0),
}


@dataclass
class Alarm:
    """One that is due in the day. ``opens``: it waits for its window; ``why``: nobody may be rung, and why not.

    One that is due after its window has closed waits for tomorrow's, and is put down as missed then.
    """

    number: str
    at: float
    calendar: str
    opens: float | None = None
    why: str = ""
    id: int = 0

    @property
    def kind(self) -> str:
        return self.number[-2:]

    @property
    def ending(self) -> Ending:
        if self.why == CLOSED:
            return Ending(AlarmStatus.PENDING, "", 0)
        return Ending(FAILURE, self.why, 0) if self.why else ENDINGS[self.kind]


@dataclass
class Day:
    """``began`` is its first moment."""

    alarms: list[Alarm] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    length: float = 0.0
    window: tuple[float, float] = (0.0, 0.0)


def plan(count: int, length: float, seed: int) -> Day:
    """``count`` alarms, at moments and with telephones that follow from ``seed``."""
    chance = random.Random(seed)
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    day = Day(length=length, window=(length * 0.3, length * 0.6))
    opens, closes = day.window
    for n in range(count):
        kind = kinds[n % len(kinds)] if count >= len(kinds) else chance.choice(kinds)
        at = chance.uniform(0, length)
        calendar = "machines" if kind == "17" else "dialysis" if n % 6 == 0 else "surgery"
        alarm = Alarm(f"1555{n:04d}{kind}", at, calendar)
        if n % 10 == 3:
            # Its window is a part of the day: before it the alarm waits, after it there is no other before the event.
            alarm.opens = opens
            if at >= closes:
                alarm.why = CLOSED
            elif kind not in ("01", "02", "09", "15", "16"):
                alarm.opens = None  # not: its retries might not find the window open any more
        elif n % 50 == 7:
            alarm.why = DO_NOT_CALL
        day.alarms.append(alarm)
    chance.shuffle(day.alarms)
    return day


def set_up(store: Store, now: datetime, day: Day) -> Rows:
    """What an administrator has made before the day: trunks, settings, calendars, a do-not-call list, a token."""
    rows = make_rows(store, now, gateway="sofia/gateway/main/")
    with store.transaction():
        written = {"created_date": now, "updated_date": now}
        spare = Gateway.create(
            name="spare", gateways="sofia/gateway/spare/", addprefix=SPARE_PREFIX, maximum_call=SPARE_MAX, **written
        )
        Gateway.update(failover=spare, maximum_call=MAIN_MAX).where(Gateway.id == rows.gateway.id).execute()
        outbox = SmsGateway.create(name="outbox", driver="file", **written)
        CalendarSetting.update(call_timeout=RING_TIME, sms_gateway=outbox).execute()
        Calendar.update(name="surgery", timezone=ZONE).execute()
        fields = {"user": rows.calendar_user, "timezone": ZONE, "created_date": now}
        Calendar.create(name="dialysis", max_concurrent=DIALYSIS_MAX, **fields)
        _machines(rows, outbox, now)
        dnc = DncList.create(user=rows.manager, name="asked us not to", **written)
        for alarm in day.alarms:
            if alarm.why == DO_NOT_CALL:
                DncContact.create(dnc_list=dnc, phone_number=alarm.number, created_date=now)
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        ApiToken.create(user=rows.manager, label="integrator", digest=digest, created_date=now)
    return rows


def _machines(rows: Rows, outbox: SmsGateway, now: datetime) -> None:
    """A calendar user whose calls go to persons only."""
    kept = {k: v for k, v in CalendarSetting.get_by_id(rows.setting.id).__data__.items() if k != "id"}
    setting = CalendarSetting.create(**{**kept, "label": "persons only", "voicemail": True, "amd_behavior": 2})
    user = User.create(username="machines", password="-", manager=rows.manager, created_date=now)
    CalendarUserProfile.create(
        user=user, manager=rows.manager, calendar_setting=setting, created_date=now, updated_date=now
    )
    Calendar.create(name="machines", user=user, timezone=ZONE, created_date=now)


class Client:
    """The REST API as an integrator uses it."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/rest-api/"

    def send(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> Any:
        request = Request(
            self._base + path,
            None if fields is None else json.dumps(fields).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
            method=method,
        )
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)


def write_down(day: Day, client: Client, store: Store) -> None:
    """Every appointment, over REST. The day begins when the last one might have been written."""
    with store.reading():
        calendars = {row.name: row for row in Calendar.select()}
    day.began = datetime.now(UTC) + timedelta(seconds=5 + len(day.alarms) * 0.1)
    zone = ZoneInfo(ZONE)

    def wall(at: float) -> str:
        return (day.began + timedelta(seconds=at)).astimezone(zone).strftime("%H:%M:%S")

    def moment(at: float) -> str:
        return (day.began + timedelta(seconds=at)).isoformat()

    for alarm in day.alarms:
        calendar = calendars[alarm.calendar]
        start = alarm.at + (50.0 if alarm.kind == "19" else 3600.0)
        event = client.send(
            "POST",
            "event/",
            {
                "title": "Check-up",
                "start": moment(start),
                "end": moment(start + 5.0),
                "calendar": calendar.id,
                "creator": calendar.user_id,
                "data": {"name": "Jo"},
            },
        )
        fields: dict[str, Any] = {
            "event": event["url"],
            "alarm_phonenumber": alarm.number,
            "date_start_notice": moment(alarm.at),
            "maxretry": 1,
            "retry_delay": 4,
            "phonenumber_sms_failure": "15550000000",
        }
        if alarm.opens is not None:
            fields |= {"daily_start": wall(day.window[0]), "daily_stop": wall(day.window[1])}
        made = client.send("POST", "alarm/", fields)
        alarm.id = int(made["url"].rstrip("/").rpartition("/")[2])


def write_down_series(day: Day, client: Client, store: Store, every: str, count: int) -> str:
    """An appointment that recurs ``count`` times; its number, which presses 1 each time. That of PAUSED is paused."""
    number = "1555999901"
    with store.reading():
        calendar = Calendar.get(Calendar.name == "surgery")
    rule = client.send("POST", "rule/", {"name": "again", "frequency": every, "params": f"count:{count}"})
    start = day.began + timedelta(seconds=15)
    for phone, fields in ((number, {"rule": rule["url"]}), (PAUSED, {"status": 3})):
        event = client.send(
            "POST",
            "event/",
            {
                "title": "Dressing",
                "start": start.isoformat(),
                "end": (start + timedelta(seconds=50)).isoformat(),
                "calendar": calendar.id,
                "creator": calendar.user_id,
                "data": {"name": "Jo"},
                **fields,
            },
        )
        client.send("POST", "alarm/", {"event": event["url"], "alarm_phonenumber": phone})
    return number
