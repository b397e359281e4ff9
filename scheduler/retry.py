"""Pure: what follows an attempt that ended. The table is in docs/architecture.md, "Attempts"."""

from __future__ import annotations

from datetime import datetime, timedelta

from fs_app.domain.alarms import NO_KEYPRESS, RetryPolicy, Verdict
from fs_app.domain.calls import CallEnded, CallFacts, OriginateFailed
from fs_app.domain.enums import AlarmStatus, IvrEnd, Outcome, WhoAnswered

TRUNK_BACKOFF = timedelta(seconds=30)

Ending = CallEnded | OriginateFailed | None


def settle(facts: CallFacts, ending: Ending, unanswered: Outcome, *, recovered: bool) -> tuple[Outcome, str]:
    """How the attempt ended, and in words why.

    ``unanswered`` is what the ending's hangup cause means for a call that nobody answered. ``ending`` None: nobody
    saw it end. ``recovered``: the process that dialled is gone, and what happened between is known only from
    ``facts``. A valid key or a completed survey proves that the callee was reached, whatever else is unknown; so does a
    message left on a machine. Without any, a call that a crash cut short is UNKNOWN, and nobody is rung again for it.
    """
    proven = facts.pressed or facts.completed
    machine = facts.who is WhoAnswered.MACHINE
    answered = isinstance(ending, CallEnded) and ending.answered
    if answered or facts.answered_at is not None:
        if proven:
            return Outcome.ANSWERED, "answered"
        if machine and facts.message_left:
            return Outcome.MACHINE, "a message was left on a machine"
        if facts.ivr_started and facts.ivr_end is None:
            return Outcome.UNKNOWN, "interrupted: the survey's process died during the call"
        if not facts.ivr_started and recovered:
            return Outcome.UNKNOWN, "interrupted: answered while the system was restarting"
        if not facts.ivr_started:
            return Outcome.ANSWERED, "answered, but the survey did not start"
        if machine:
            return Outcome.MACHINE, "answered by a machine; no message was left"
        return Outcome.ANSWERED, "answered"
    if ending is None:
        return Outcome.UNKNOWN, "unknown: the switch no longer knows the call"
    if recovered and unanswered is Outcome.TRUNK:
        # Whoever followed the call may have heard the telephone ring: then it is not for free.
        return Outcome.NO_ANSWER, f"{ending.cause}, after it may have rung"
    return unanswered, ending.cause


def after(
    outcome: Outcome, reason: str, facts: CallFacts, policy: RetryPolicy | None, num_attempt: int, now: datetime
) -> Verdict:
    """The verdict on an attempt; ``num_attempt`` counts the attempts before it, ``policy`` None is a single call."""
    insistent = policy is not None and policy.insistent
    ended = outcome.value
    if outcome is Outcome.ANSWERED:
        delivered = facts.ivr_started and facts.ivr_end is not IvrEnd.ERROR and facts.spoken
        needs_key = policy is not None and (policy.require_keypress or insistent)
        if facts.pressed or (delivered and not needs_key):
            return Verdict(outcome, AlarmStatus.SUCCESS, "")
        if delivered:
            reason = "answered, but no key was pressed"
            ended = NO_KEYPRESS
        elif facts.ivr_end is IvrEnd.ERROR:
            reason = "answered, but the survey failed"
        elif facts.ivr_started:
            reason = "answered, but hung up before the first word"
    if outcome is Outcome.MACHINE and facts.message_left and not insistent:
        return Verdict(outcome, AlarmStatus.SUCCESS, reason)
    if outcome in (Outcome.UNKNOWN, Outcome.BAD_NUMBER) or policy is None:
        return Verdict(outcome, AlarmStatus.FAILURE, reason)
    if outcome is Outcome.TRUNK:
        return _again(outcome, reason, policy, TRUNK_BACKOFF, now, counted=False)
    if num_attempt >= policy.maxretry:
        return Verdict(outcome, AlarmStatus.FAILURE, reason)
    return _again(outcome, reason, policy, policy.delay(ended), now, counted=True)


def _again(
    outcome: Outcome, reason: str, policy: RetryPolicy, delay: timedelta, now: datetime, *, counted: bool
) -> Verdict:
    due = policy.next_open(now + delay)
    if due >= policy.event_end:
        return Verdict(outcome, AlarmStatus.FAILURE, f"{reason}; the event ends before another attempt", counted)
    return Verdict(outcome, AlarmStatus.RETRY, reason, counted, due)
