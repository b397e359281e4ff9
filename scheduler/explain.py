"""Pure: why an alarm was called, or was not, and what happens next, in plain sentences.

What happened is read from the record; what happens next is asked of the same decision that the scheduler takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from zoneinfo import ZoneInfo

from fs_app.domain.alarms import Dial, DueAlarm, Fail, Send, Wait
from fs_app.domain.enums import AlarmMethod, AlarmResult, AlarmStatus, EventStatus, MessageStatus, Outcome
from fs_app.domain.history import Attempt, Explanation, History, Told
from scheduler.plan import MENDING, PlanSettings, decide

_STEPS_MAX = 20  # decisions looked ahead
_METHOD = {AlarmMethod.CALL: "call", AlarmMethod.SMS: "short message", AlarmMethod.MAIL: "mail"}
_ALL_DAY = (time(0, 0), time(23, 59, 59))
_RESULT = {
    AlarmResult.CONFIRMED: "The appointment is confirmed.",
    AlarmResult.CANCELLED: "The appointment is cancelled.",
    AlarmResult.RESCHEDULED: "Another time was asked for.",
}
_OUTCOME = {
    Outcome.ANSWERED: "was answered",
    Outcome.MACHINE: "was answered by a machine",
    Outcome.BUSY: "found the line busy",
    Outcome.NO_ANSWER: "was not answered",
    Outcome.REJECTED: "was rejected by the callee",
    Outcome.BAD_NUMBER: "failed: there is no such number",
    Outcome.TRUNK: "did not get through: the gateway or the switch could not place it, and it does not count",
    Outcome.UNKNOWN: "ended unseen, so the callee may have been reached, and is not rung again",
}
_MESSAGE = {
    MessageStatus.PENDING: "is on its way",
    MessageStatus.SENT: "was taken by the service; whether it arrived is not known",
    MessageStatus.DELIVERED: "was delivered",
    MessageStatus.UNDELIVERED: "did not arrive",
    MessageStatus.FAILED: "was not taken",
    MessageStatus.UNCLEAR: "may or may not have been taken, and is repeated as the same message",
}


def explain(history: History, now: datetime, settings: PlanSettings, pace: str) -> Explanation:
    """The whole story of one alarm. ``pace`` says in words how fast calls are placed."""
    zone = history.due.policy.zone
    trace = [
        *_plan(history, zone),
        *(_attempt(attempt, history, zone) for attempt in history.attempts),
        *(
            Told(r.at, f"{_when(r.at, zone)}: {r.sender} answered “{r.text}”, understood as {r.meaning}.")
            for r in history.replies
        ),
    ]
    if history.result is not AlarmResult.NONE:
        trace.append(Told(None, _RESULT[history.result]))
    words, at = _next(history, now, settings, pace)
    return Explanation(tuple(trace), words, at)


def _plan(history: History, zone: ZoneInfo) -> Iterator[Told]:
    due = history.due
    policy = due.policy
    whom = due.email if due.method is AlarmMethod.MAIL else due.phone_number
    yield Told(
        None,
        f"A {_METHOD[due.method]} to {whom or 'nobody'} about “{due.event_title}”, which starts"
        f" {_when(due.event_start, zone)} and ends {_when(policy.event_end, zone)}.",
    )
    hours = f"between {policy.daily_start:%H:%M} and {policy.daily_stop:%H:%M}"
    if (policy.daily_start, policy.daily_stop) == _ALL_DAY:
        hours = "at any time"
    yield Told(
        history.planned,
        f"It was planned for {_when(history.planned, zone)}: {_span(history.advance_notice)} before the notice,"
        f" {hours} of the day{_closed(history)}, by the clock of {zone.key}.",
    )
    again = "1 retry" if policy.maxretry == 1 else f"{policy.maxretry} retries, {_span(policy.retry_delay)} apart,"
    retries = f"Up to {again} may follow." if policy.maxretry else "No retry follows."
    counted = "1 attempt has" if history.num_attempt == 1 else f"{history.num_attempt} attempts have"
    yield Told(None, f"{retries} {counted} counted so far.")


def _attempt(attempt: Attempt, history: History, zone: ZoneInfo) -> Told:
    when = _when(attempt.at, zone)
    reason = f" ({attempt.reason})" if attempt.reason else ""
    if attempt.message is not None:
        return Told(attempt.at, f"{when}: attempt {attempt.number}, the message {_MESSAGE[attempt.message]}{reason}.")
    if attempt.inbound:
        return Told(attempt.at, f"{when}: the callee called back{reason}.")
    if attempt.outcome is None:
        doing = "is being dialled" if attempt.dialled else "is about to be dialled"
        return Told(attempt.at, f"{when}: attempt {attempt.number}, the call {doing}.")
    pressed = f", pressed {attempt.pressed}" if attempt.pressed else ""
    talked = f" for {_span(attempt.seconds)}" if attempt.outcome is Outcome.ANSWERED and attempt.seconds else ""
    words = f"{_OUTCOME[attempt.outcome]}{talked}{pressed}{reason}"
    return Told(attempt.at, f"{when}: attempt {attempt.number}, the call {words}.")


def _next(history: History, now: datetime, settings: PlanSettings, pace: str) -> tuple[str, datetime | None]:
    due = history.due
    zone = due.policy.zone
    if history.status is AlarmStatus.SUCCESS:
        return "It has succeeded: nothing more will be done.", None
    if history.status is AlarmStatus.FAILURE:
        return f"It has failed ({history.reason or 'no reason on record'}): nothing more will be done.", None
    if history.status is AlarmStatus.IN_PROCESS:
        return "An attempt is under way: what follows depends on how it ends.", None
    if due.event_status is EventStatus.PAUSED:
        return "The event is paused: nothing is done until it is set back to pending.", None
    if due.event_status is EventStatus.COMPLETED:
        return "The event is marked as completed: nothing more will be done unless it is set back to pending.", None
    if history.due_at is None:
        series = ": the event is a series, and each of its occurrences has a reminder of its own"
        return f"No attempt is planned{series if history.master else ''}.", None
    return _ahead(due, max(history.due_at, now), now, settings, pace, zone, history.reason)


def _ahead(
    due: DueAlarm,
    at: datetime,
    now: datetime,
    settings: PlanSettings,
    pace: str,
    zone: ZoneInfo,
    on_record: str,
) -> tuple[str, datetime | None]:
    """What the scheduler will decide at ``at``, and where that is to wait, what it will decide then."""
    waits: list[str] = []
    for _ in range(_STEPS_MAX):
        decision = decide(due, "", at, settings)
        after = f" It waits: {'; '.join(waits)}." if waits else f" It waits: {on_record}." if on_record else ""
        match decision:
            case Dial():
                return f"It will be called {_soon(at, now, zone)}, {pace}.{after}", at
            case Send():
                return f"The message will be sent {_soon(at, now, zone)}.{after}", at
            case Fail(reason):
                return f"It will fail {_soon(at, now, zone)}: {reason}.{after}", at
            case Wait(until, reason) if until - at <= MENDING:
                again = _span(int(MENDING.total_seconds()))
                ends = _when(due.policy.event_end, zone)
                words = f"It cannot go out as things stand: {reason}. It is looked at again every {again} until {ends}."
                return words, until
            case Wait(until, reason):
                waits.append(reason)
                at = until
    return "It waits, and nobody can say for how long.", None


def _soon(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    return "now" if at <= now else f"on {_when(at, zone)}"


def _closed(history: History) -> str:
    closed = history.due.policy.closed
    days = [
        ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")[d]
        for d in sorted(closed.weekdays)
    ]
    dates = [f"{d.isoformat()}" for d in sorted(closed.dates) if d >= history.planned.date()][:5]
    return f", never on {', '.join([*days, *dates])}" if days or dates else ""


def _when(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B} {local.year} at {local:%H:%M:%S}"


def _span(seconds: int) -> str:
    """
    >>> [_span(n) for n in (0, 1, 90, 3600, 86400)]
    ['0 seconds', '1 second', '90 seconds', '1 hour', '1 day']
    """
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds and seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
