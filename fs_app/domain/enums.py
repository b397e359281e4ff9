"""Closed sets. The integers are the reference system's and go over REST; the strings are ours and go to the log."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Role(StrEnum):
    """Who a user is, and so whose data it sees."""

    SUPERUSER = "superuser"  # sees all
    MANAGER = "manager"  # sees its own calendar users and what hangs below them
    CALENDAR_USER = "calendar_user"  # sees its own calendars, events and alarms


class EventStatus(IntEnum):
    PENDING = 1
    COMPLETED = 2
    PAUSED = 3


class AlarmMethod(IntEnum):
    CALL = 1
    SMS = 2
    MAIL = 3


class Kind(StrEnum):
    """Of a message of the outbox."""

    SMS = "sms"
    MAIL = "mail"
    WEBHOOK = "webhook"


class MessageStatus(StrEnum):
    """Of a message of the outbox. PENDING -> SENT -> DELIVERED | UNDELIVERED, where the service reports; a webhook is
    DELIVERED when it was answered."""

    PENDING = "pending"
    SENT = "sent"  # the service took it
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"  # not taken, and not tried again
    UNCLEAR = "unclear"  # it may have been taken; its alarm repeats it with the same key


class AlarmStatus(IntEnum):
    """PENDING -> IN_PROCESS -> SUCCESS | FAILURE | RETRY; RETRY -> IN_PROCESS; IN_PROCESS -> PENDING when a claim is
    released undialled; PENDING | RETRY -> FAILURE when missed."""

    PENDING = 1
    IN_PROCESS = 2
    FAILURE = 3
    RETRY = 4
    SUCCESS = 5


class AlarmResult(IntEnum):
    NONE = 0
    CONFIRMED = 1
    CANCELLED = 2
    RESCHEDULED = 3


class CallStatus(IntEnum):
    """Of a call request. PENDING -> CALLING -> SUCCESS | FAILURE; PENDING -> ABORT when released undialled."""

    PENDING = 1
    FAILURE = 2
    SUCCESS = 4
    ABORT = 5
    CALLING = 8


class AmdBehavior(IntEnum):
    ALWAYS = 1
    HUMAN_ONLY = 2
    VOICEMAIL_ONLY = 3


class SectionType(IntEnum):
    PLAY_MESSAGE = 1
    MULTI_CHOICE = 2
    RATING = 3
    CAPTURE_DIGITS = 4
    RECORD_MESSAGE = 5
    CALL_TRANSFER = 6
    HANGUP = 7
    CONFERENCE = 8
    DNC = 9
    SMS = 10


class Outcome(StrEnum):
    """How one attempt ended; the rows of DESIGN's table of attempts."""

    ANSWERED = "answered"  # by a person, or by anything when detection is off
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    BAD_NUMBER = "bad_number"
    TRUNK = "trunk"  # the fault is the gateway's or the switch's, not the callee's
    UNKNOWN = "unknown"  # nobody can say whether it rang


# The wire form of an outcome in `callstatus`: 0 is "nothing wrong with the call", as the seed shows it.
CALLSTATUS_CODE: dict[Outcome, int] = {
    Outcome.ANSWERED: 0,
    Outcome.BUSY: 1,
    Outcome.NO_ANSWER: 2,
    Outcome.REJECTED: 3,
    Outcome.BAD_NUMBER: 4,
    Outcome.TRUNK: 5,
    Outcome.UNKNOWN: 6,
    Outcome.MACHINE: 7,
}


class WhoAnswered(StrEnum):
    PERSON = "person"
    MACHINE = "machine"
    UNKNOWN = "unknown"


class IvrEnd(StrEnum):
    """Why the survey stopped running in a call."""

    COMPLETED = "completed"  # the survey came to its own end
    HANGUP = "hangup"  # the callee hung up first
    ERROR = "error"  # a fault of ours; the callee heard the apology
