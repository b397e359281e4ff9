"""What the scheduler reads about a due alarm, and what its decisions look like.

Decisions are values: the pure modules of the scheduler return them, the store writes them down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from fs_app.domain.calls import OriginateRequest
from fs_app.domain.enums import AlarmMethod, AlarmStatus, EventStatus, Kind, Outcome
from fs_app.domain.tags import EVENT_TIMES
from fs_app.domain.window import NEVER, Closed, next_open


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    id: int
    name: str
    active: bool
    gateways: str
    addprefix: str = ""
    removeprefix: str = ""
    codecs: str = ""
    ring_timeout: int = 0  # seconds; caps the setting's; 0: it stands
    retries: int = 0  # how often a trunk fault is followed by another try here before the next gateway
    parameters: str = ""  # channel variables, name=value,name=value
    failover: GatewayFacts | None = None


@dataclass(frozen=True, slots=True)
class SettingFacts:
    """Of the calendar setting: ``call_timeout`` is the ring time in seconds."""

    callerid: str
    caller_name: str
    call_timeout: int
    survey_id: int
    gateway: GatewayFacts
    require_keypress: bool = False
    country: str = ""  # of numbers written without one
    manager_id: int | None = None  # whose setting it is


NO_KEYPRESS = "no_keypress"  # answered, but the key that was asked for did not come
# After which outcomes an attempt may follow whose delay can be set.
RETRY_DELAYS = ("busy", "no_answer", "rejected", "machine", NO_KEYPRESS)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What decides whether and when another attempt follows. Delays in seconds.

    ``require_keypress`` is False for calls that are for machines only: none of them will press a key.
    ``retry_delays`` says otherwise than ``retry_delay`` for single outcomes, by their names, and for ``no_keypress``.
    ``insistent``: only the key (the code, where the alarm has one) is success, whoever or whatever answered.
    """

    maxretry: int
    retry_delay: int
    daily_start: time
    daily_stop: time
    zone: ZoneInfo
    event_end: datetime
    require_keypress: bool = False
    closed: Closed = NEVER
    retry_delays: Mapping[str, int] = field(default_factory=dict)
    insistent: bool = False

    def next_open(self, moment: datetime) -> datetime:
        """``moment`` itself when calls may be made then, else when they may next; aware, UTC."""
        return next_open(moment, self.daily_start, self.daily_stop, self.zone, self.closed)

    def delay(self, after: str) -> timedelta:
        """How long to wait after an attempt that ended so."""
        return timedelta(seconds=self.retry_delays.get(after, self.retry_delay))


@dataclass(frozen=True, slots=True)
class SmsWords:
    """Of a template. ``sender`` is a number; empty: the gateway's own."""

    text: str
    sender: str = ""


@dataclass(frozen=True, slots=True)
class MailWords:
    """Of a template. Empty ``from_email``: the configured sender."""

    subject: str
    text: str
    html: str = ""
    from_email: str = ""
    from_name: str = ""


@dataclass(frozen=True, slots=True)
class DueAlarm:
    """A claimed row and all that is needed to decide about it. ``num_attempt`` counts the attempts before this one."""

    alarm_id: int
    phone_number: str
    num_attempt: int
    policy: RetryPolicy
    event_title: str
    event_start: datetime
    event_status: EventStatus
    data: Mapping[str, object]
    setting: SettingFacts | None
    survey_id: int | None  # the alarm's own, else the setting's
    language: str = ""  # data.language, else the profile's; empty: the survey's own
    calendar_user: str = ""  # as people are told it
    occurrence: bool = False  # of a recurring event
    do_not_call: bool = False
    switched_off: bool = False  # the manager is
    method: AlarmMethod = AlarmMethod.CALL
    email: str = ""
    sms: SmsWords | None = None
    mail: MailWords | None = None
    sms_gateway_id: int | None = None  # the setting's
    due_at: datetime | None = None  # while it waits: it may be decided about a moment before


def tags(due: DueAlarm) -> dict[str, str]:
    """What ``{tags}`` are filled from besides the event's times: its data, its title and its calendar user.

    An occurrence inherits its data: a date or time of the event in there is that of the event it was written for, so
    those built in win. Everywhere else data wins.
    """
    data = {name: _text(value) for name, value in due.data.items()}
    if due.occurrence:
        data = {name: value for name, value in data.items() if name not in EVENT_TIMES}
    return {"event_title": due.event_title, "calendar_user": due.calendar_user} | data


def _text(value: object) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Route:
    """A gateway and the originate through it."""

    gateway_id: int
    request: OriginateRequest


@dataclass(frozen=True, slots=True)
class Dial:
    """Call now. ``further`` is what to try, in order, each time the trunk is at fault: same or next gateways."""

    request: OriginateRequest
    survey_id: int
    gateway_id: int
    tags: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    further: tuple[Route, ...] = ()
    user_id: int | None = None  # whose call it is, where no alarm says so


@dataclass(frozen=True, slots=True)
class Send:
    """Send now, by way of the outbox; see fs_app.store.outbox.add for what the payload holds."""

    kind: Kind
    destination: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Fail:
    """Never call: the alarm ends as FAILURE for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet. ``calendar``: what is waited for holds up every call of the calendar."""

    until: datetime
    reason: str
    calendar: bool = False


Decision = Dial | Send | Fail | Wait


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to place one call, until ``lease_expires`` and while ``token`` is on the row. ``alarm_id`` None is a
    call that somebody asked for directly."""

    alarm_id: int | None
    token: str
    lease_expires: datetime
    dial: Dial
    not_before: datetime | None = None  # its turn, where calls are paced
    switch: str = ""  # that has room for it; empty: any

    @property
    def call_uuid(self) -> str:
        return self.dial.request.call_uuid


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that some process had claimed and whose lease has run out: recovery decides about it."""

    call_uuid: str
    token: str
    switch: str
    dialled_at: datetime | None
    ring_timeout: int
    time_limit: int
    originate: str = ""  # the line that was about to be sent


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an ended attempt makes of its alarm. ``due_at`` is set exactly when another attempt follows."""

    outcome: Outcome
    status: AlarmStatus
    reason: str
    counted: bool = True
    due_at: datetime | None = None
