"""What passes between the scheduler, the switch and the IVR about one call.

A call is known everywhere by one UUID, chosen and stored before dialling; it is the A-leg's ``origination_uuid`` and
the ``Job-UUID`` of its originate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fs_app.domain.enums import AlarmResult, AmdBehavior, IvrEnd, WhoAnswered
from fs_app.domain.survey import Survey


@dataclass(frozen=True, slots=True)
class OriginateRequest:
    """Everything the originate line is built from.

    ``gateway`` is a dial-string prefix (``sofia/gateway/provider/``) or a pattern holding ``{number}`` once
    (``loopback/{number}/callees``). Timeouts are in seconds: ``ring_timeout`` until somebody answers, ``time_limit``
    for the whole answered call. ``outbound`` is host:port of the outbound-socket server as the switch reaches it, or
    several separated by ``|``, of which the first that takes the connection is it; empty when the survey runs inside
    the switch.
    """

    call_uuid: str
    number: str
    gateway: str
    outbound: str
    caller_id_number: str = ""
    caller_id_name: str = ""
    ring_timeout: int = 60
    time_limit: int = 600
    codecs: tuple[str, ...] = ()
    once: str = ""  # of the switch's record of what it has run (fs_app.switch.once); empty: it keeps none
    variables: tuple[tuple[str, str], ...] = ()  # channel variables that an administrator asked for


@dataclass(frozen=True, slots=True)
class CallRinging:
    """``media``: early media came, which may be a network's announcement as well as a ringing telephone."""

    uuid: str
    at: datetime
    media: bool = False


@dataclass(frozen=True, slots=True)
class CallAnswered:
    uuid: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The channel is gone. ``answered`` comes from its answer time, never from the cause."""

    uuid: str
    at: datetime
    cause: str  # FreeSWITCH hangup cause, e.g. NORMAL_CLEARING
    answered: bool
    billsec: int  # whole seconds between answer and hang-up
    rang_at: datetime | None = None  # when the far end said that it rings
    protocol_cause: str = ""  # the reason as the network gave it, e.g. sip:486


@dataclass(frozen=True, slots=True)
class OriginateFailed:
    """The originate command ended with -ERR; no channel need ever have existed."""

    uuid: str
    cause: str


CallEvent = CallRinging | CallAnswered | CallEnded | OriginateFailed


@dataclass(frozen=True, slots=True)
class Answer:
    """One key entry (or none) in one section. Revisiting a section appends; ``position`` counts from 1 in a call."""

    position: int
    section_id: int
    digits: str  # as pressed; empty when nothing was
    valid: bool  # the section took it
    response: str = ""  # what it means in reports
    result: AlarmResult | None = None  # what it makes of the alarm, if anything
    recording: str | None = None  # SHA-256 of what was recorded, kept by the journal
    recording_seconds: int = 0


@dataclass(frozen=True, slots=True)
class SendSms:
    """A text message to be sent because of what happened; ``key`` is the same for the same cause, so that it goes out
    once. ``number`` has passed the gate."""

    number: str
    text: str
    key: str


@dataclass(frozen=True, slots=True)
class OptOut:
    """This number is never to be called again by anyone of the call's manager."""

    number: str


@dataclass(frozen=True, slots=True)
class KeepRecording:
    """The WAV file that the switch wrote: its bytes are kept with the answer, the file goes."""

    path: str


Effect = SendSms | OptOut | KeepRecording
"""What an answer brings about; done in the transaction that saves the answer, or not at all."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What to do about answering machines in this call; ``parameters`` are those of fs_app.domain.amd, by name.

    ``message`` is the SHA-256 of the recording to leave; None: the survey's first words.
    """

    behavior: AmdBehavior
    message: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallContext:
    """What the IVR needs to speak to one callee, read once when the call connects.

    ``tags`` fill ``{name}`` in texts. ``answers`` are those already on record (after a reconnect).
    """

    call_uuid: str
    survey: Survey
    tags: Mapping[str, str]
    language: str
    answers: tuple[Answer, ...] = ()
    zone: str = "UTC"  # IANA name of the calendar's zone, for spoken times
    event_start: datetime | None = None
    event_end: datetime | None = None
    called_at: datetime | None = None  # when the call was claimed: what is "this year" to the callee
    phone_number: str = ""  # the callee's, as the alarm has it
    answering: Answering | None = None  # None: detection is off
    phonenumber_transfer: str = ""  # a rescheduled result transfers there
    gateway: str = ""  # dial-string prefix or pattern of the call's gateway, for a transfer
    addprefix: str = ""  # of that gateway, as for the call itself
    removeprefix: str = ""
    caller_id_number: str = ""
    caller_id_name: str = ""
    time_limit: int = 600  # seconds that the call may last
    ring_timeout: int = 60  # seconds that a transfer rings: as long as the call itself did
    manager_id: int | None = None  # for whom the call is made: keeps conference rooms apart


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is on record about one attempt, for deciding its outcome; read in the transaction that books it."""

    call_uuid: str
    dialled_at: datetime | None  # set in a commit of its own just before the originate is sent
    answered_at: datetime | None
    ivr_started: bool
    ivr_end: IvrEnd | None
    completed: bool
    pressed: bool  # at least one valid key
    result: AlarmResult = AlarmResult.NONE
    who: WhoAnswered = WhoAnswered.UNKNOWN
    message_left: bool = False  # on a machine, to its end
    spoken: bool = True  # the callee was there when the first word was due
