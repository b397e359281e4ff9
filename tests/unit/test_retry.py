"""What follows an attempt, row by row of the table in docs/architecture.md."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain.alarms import RetryPolicy
from fs_app.domain.calls import CallEnded, CallFacts, OriginateFailed
from fs_app.domain.enums import AlarmStatus, IvrEnd, Outcome, WhoAnswered
from fs_app.domain.window import is_open
from scheduler import retry

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
UUID = "7d44b455-139d-4f12-af39-5008c7879c4d"


def policy(**changes: object) -> RetryPolicy:
    values: dict[str, object] = {
        "maxretry": 2,
        "retry_delay": 300,
        "daily_start": time(0, 0),
        "daily_stop": time(23, 59, 59),
        "zone": ZoneInfo("UTC"),
        "event_end": NOW + timedelta(hours=8),
        "require_keypress": False,
    }
    return RetryPolicy(**{**values, **changes})  # type: ignore[arg-type]


def facts(**changes: object) -> CallFacts:
    values: dict[str, object] = {
        "call_uuid": UUID,
        "dialled_at": NOW,
        "answered_at": None,
        "ivr_started": False,
        "ivr_end": None,
        "completed": False,
        "pressed": False,
    }
    return CallFacts(**{**values, **changes})  # type: ignore[arg-type]


HEARD = {"answered_at": NOW, "ivr_started": True, "ivr_end": IvrEnd.HANGUP}
MACHINE = {"who": WhoAnswered.MACHINE}
ENDED = CallEnded(UUID, NOW, "NORMAL_CLEARING", answered=True, billsec=9)
NEVER_ANSWERED = CallEnded(UUID, NOW, "NO_ANSWER", answered=False, billsec=0)


@pytest.mark.parametrize(
    ("known", "ending", "cause", "recovered", "expected"),
    [
        pytest.param(facts(**HEARD), ENDED, Outcome.NO_ANSWER, False, Outcome.ANSWERED, id="answered"),
        pytest.param(facts(), NEVER_ANSWERED, Outcome.NO_ANSWER, False, Outcome.NO_ANSWER, id="no answer"),
        pytest.param(facts(), OriginateFailed(UUID, "USER_BUSY"), Outcome.BUSY, False, Outcome.BUSY, id="job failed"),
        pytest.param(facts(), None, Outcome.UNKNOWN, True, Outcome.UNKNOWN, id="nobody saw it end"),
        pytest.param(facts(), OriginateFailed(UUID, "GATEWAY_DOWN"), Outcome.TRUNK, False, Outcome.TRUNK, id="trunk"),
        pytest.param(
            facts(), OriginateFailed(UUID, "GATEWAY_DOWN"), Outcome.TRUNK, True, Outcome.NO_ANSWER, id="trunk, unheard"
        ),
        pytest.param(
            facts(answered_at=NOW, ivr_started=True),
            ENDED,
            Outcome.NO_ANSWER,
            True,
            Outcome.UNKNOWN,
            id="killed during a prompt",
        ),
        pytest.param(
            facts(answered_at=NOW, ivr_started=True, pressed=True),
            None,
            Outcome.UNKNOWN,
            True,
            Outcome.ANSWERED,
            id="killed after the key",
        ),
        pytest.param(
            facts(answered_at=NOW, ivr_started=True, ivr_end=IvrEnd.COMPLETED, completed=True),
            None,
            Outcome.UNKNOWN,
            True,
            Outcome.ANSWERED,
            id="killed before the hang-up was booked",
        ),
        pytest.param(facts(**HEARD, **MACHINE), ENDED, Outcome.NO_ANSWER, False, Outcome.MACHINE, id="machine"),
        pytest.param(
            facts(answered_at=NOW, ivr_started=True, **MACHINE),
            ENDED,
            Outcome.NO_ANSWER,
            True,
            Outcome.UNKNOWN,
            id="killed while a machine spoke",
        ),
        pytest.param(
            facts(answered_at=NOW, ivr_started=True, **MACHINE, message_left=True),
            None,
            Outcome.UNKNOWN,
            True,
            Outcome.MACHINE,
            id="killed after the message was left",
        ),
        pytest.param(
            facts(**HEARD, **MACHINE, pressed=True),
            ENDED,
            Outcome.NO_ANSWER,
            False,
            Outcome.ANSWERED,
            id="machines press no keys",
        ),
        pytest.param(facts(), ENDED, Outcome.NO_ANSWER, True, Outcome.UNKNOWN, id="answered while we were restarting"),
        pytest.param(facts(), NEVER_ANSWERED, Outcome.NO_ANSWER, True, Outcome.NO_ANSWER, id="adopted, not answered"),
    ],
)
def test_settle(known: CallFacts, ending: retry.Ending, cause: Outcome, recovered: bool, expected: Outcome) -> None:
    assert retry.settle(known, ending, cause, recovered=recovered)[0] is expected


@pytest.mark.parametrize(
    ("outcome", "known", "rules", "before", "status", "counted"),
    [
        pytest.param(Outcome.ANSWERED, facts(**HEARD), policy(), 0, AlarmStatus.SUCCESS, True, id="answered"),
        pytest.param(
            Outcome.ANSWERED, facts(**HEARD), policy(require_keypress=True), 0, AlarmStatus.RETRY, True, id="no key"
        ),
        pytest.param(
            Outcome.ANSWERED,
            facts(**HEARD, pressed=True),
            policy(require_keypress=True),
            0,
            AlarmStatus.SUCCESS,
            True,
            id="key",
        ),
        pytest.param(Outcome.ANSWERED, facts(answered_at=NOW), policy(), 0, AlarmStatus.RETRY, True, id="no survey"),
        pytest.param(
            Outcome.ANSWERED,
            facts(answered_at=NOW, ivr_started=True, ivr_end=IvrEnd.ERROR),
            policy(),
            2,
            AlarmStatus.FAILURE,
            True,
            id="survey failed, no retry left",
        ),
        pytest.param(
            Outcome.MACHINE,
            facts(**HEARD, **MACHINE, message_left=True),
            policy(require_keypress=True),
            0,
            AlarmStatus.SUCCESS,
            True,
            id="message left on a machine",
        ),
        pytest.param(Outcome.MACHINE, facts(**HEARD, **MACHINE), policy(), 0, AlarmStatus.RETRY, True, id="machine"),
        pytest.param(
            Outcome.MACHINE, facts(**HEARD, **MACHINE), policy(), 2, AlarmStatus.FAILURE, True, id="machine, each time"
        ),
        pytest.param(
            Outcome.ANSWERED,
            facts(**HEARD, spoken=False),
            policy(),
            0,
            AlarmStatus.RETRY,
            True,
            id="hung up before the first word",
        ),
        pytest.param(Outcome.BUSY, facts(), policy(), 0, AlarmStatus.RETRY, True, id="busy"),
        pytest.param(Outcome.BUSY, facts(), policy(), 1, AlarmStatus.RETRY, True, id="last retry"),
        pytest.param(Outcome.BUSY, facts(), policy(), 2, AlarmStatus.FAILURE, True, id="retries used up"),
        pytest.param(Outcome.NO_ANSWER, facts(), policy(maxretry=0), 0, AlarmStatus.FAILURE, True, id="one attempt"),
        pytest.param(Outcome.REJECTED, facts(), policy(), 0, AlarmStatus.RETRY, True, id="rejected"),
        pytest.param(Outcome.BAD_NUMBER, facts(), policy(), 0, AlarmStatus.FAILURE, True, id="bad number"),
        pytest.param(Outcome.TRUNK, facts(), policy(maxretry=0), 0, AlarmStatus.RETRY, False, id="trunk"),
        pytest.param(Outcome.UNKNOWN, facts(), policy(), 0, AlarmStatus.FAILURE, True, id="unknown"),
        pytest.param(Outcome.BUSY, facts(), None, 0, AlarmStatus.FAILURE, True, id="a call by hand"),
        pytest.param(
            Outcome.BUSY,
            facts(),
            policy(event_end=NOW + timedelta(seconds=299)),
            0,
            AlarmStatus.FAILURE,
            True,
            id="the event ends first",
        ),
    ],
)
def test_after(
    outcome: Outcome,
    known: CallFacts,
    rules: RetryPolicy | None,
    before: int,
    status: AlarmStatus,
    counted: bool,
) -> None:
    verdict = retry.after(outcome, outcome.value, known, rules, before, NOW)
    assert (verdict.status, verdict.counted) == (status, counted)
    assert (verdict.due_at is not None) == (status is AlarmStatus.RETRY)
    if status is AlarmStatus.FAILURE:
        assert verdict.reason


@given(
    outcome=st.sampled_from(Outcome),
    before=st.integers(0, 10),
    maxretry=st.integers(0, 10),
    delay=st.integers(0, 200_000),
    opens=st.times(),
    closes=st.times(),
    zone=st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    pressed=st.booleans(),
    started=st.booleans(),
    end=st.sampled_from([None, *IvrEnd]),
    keypress=st.booleans(),
)
def test_no_verdict_calls_outside_the_window_or_too_often(
    outcome: Outcome,
    before: int,
    maxretry: int,
    delay: int,
    opens: time,
    closes: time,
    zone: str,
    pressed: bool,
    started: bool,
    end: IvrEnd | None,
    keypress: bool,
) -> None:
    rules = policy(
        maxretry=maxretry,
        retry_delay=delay,
        daily_start=opens.replace(microsecond=0),
        daily_stop=closes.replace(microsecond=0),
        zone=ZoneInfo(zone),
        require_keypress=keypress,
    )
    known = facts(answered_at=NOW, ivr_started=started, ivr_end=end, pressed=pressed)
    verdict = retry.after(outcome, "why", known, rules, before, NOW)
    if pressed and outcome is Outcome.ANSWERED:
        assert verdict.status is AlarmStatus.SUCCESS
    if verdict.due_at is not None:
        assert verdict.due_at >= NOW
        assert verdict.due_at < rules.event_end
        assert is_open(verdict.due_at, rules.daily_start, rules.daily_stop, rules.zone)
        assert outcome not in (Outcome.UNKNOWN, Outcome.BAD_NUMBER)
        if verdict.counted:
            assert before < maxretry
