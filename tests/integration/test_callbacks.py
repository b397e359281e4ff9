"""People who call back: which reminder is theirs, and what hearing it changes, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.alarms import Claim, Decision, DueAlarm, Verdict
from fs_app.domain.calls import Answer
from fs_app.domain.enums import AlarmResult, AlarmStatus, CallStatus, EventStatus, IvrEnd, Outcome
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.journal import CallJournal
from fs_app.store.models import Alarm, AlarmRequest, CalendarSetting, CallRequest, Event
from scheduler import plan
from tests.rows import Rows, make_rows

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)
LEASE = timedelta(seconds=60)
RETRY = NOW + timedelta(minutes=5)
ONE = Answer(position=1, section_id=1, digits="1", valid=True, response="1", result=AlarmResult.CONFIRMED)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    store = Store(database_url)
    store.migrate()
    yield Desk(store)
    store.close()


class Desk:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: Rows = make_rows(store, NOW)
        self.attempts = Attempts(store, ZoneInfo("UTC"))
        self.journal = CallJournal(store)

    def claim(self, number: str = "+33612345678", **event: object) -> tuple[Alarm, Claim]:
        alarm = self.rows.alarm(self.store, NOW, number=number, event=event, retry_delay=300, maxretry=3)

        def decide(due: DueAlarm, call_uuid: str) -> Decision:
            return plan.decide(due, call_uuid, NOW, plan.PlanSettings("127.0.0.1:8084"))

        (claim,) = self.attempts.claim_due(NOW, 10, LEASE, decide)
        return alarm, claim

    def dial(self, number: str = "+33612345678", **event: object) -> tuple[Alarm, Claim]:
        alarm, claim = self.claim(number, **event)
        assert self.attempts.mark_dialling(claim, "switch", "originate …", NOW)
        return alarm, claim

    def miss(self, number: str = "+33612345678", at: datetime = NOW, **event: object) -> Alarm:
        """An alarm whose call nobody answered, to be tried again in five minutes."""
        alarm, claim = self.dial(number, **event)
        self.book(claim)
        return alarm

    def book(self, claim: Claim) -> None:
        verdict = Verdict(Outcome.NO_ANSWER, AlarmStatus.RETRY, "NO_ANSWER", True, RETRY)
        self.attempts.book(claim.call_uuid, claim.token, verdict, None, NOW)

    def call(self, caller: str = "+33612345678", called: str = "15550100") -> str | None:
        call_uuid = str(uuid4())
        context = self.journal.open_callback(caller, called, call_uuid, SOON)
        if context is None:
            return None
        assert context.call_uuid == call_uuid
        assert context.tags["name"] == "Jo"
        assert self.journal.open_call(call_uuid, SOON) == context
        return call_uuid

    def alarm(self, alarm: Alarm) -> Alarm:
        with self.store.reading():
            return Alarm.get_by_id(alarm.id)

    def request(self, call_uuid: str) -> CallRequest:
        with self.store.reading():
            return CallRequest.get(CallRequest.request_uuid == call_uuid)


def test_the_missed_reminder_is_heard_and_confirmed_and_nobody_rings_again(desk: Desk) -> None:
    alarm = desk.miss()
    call = desk.call()
    assert call is not None
    while_up = desk.alarm(alarm)
    assert while_up.due_at == SOON + timedelta(seconds=600)  # nobody is rung while on the line with us
    desk.journal.save_answer(call, ONE, SOON)
    pressed = desk.alarm(alarm)  # at once: the process may die now
    assert (pressed.status, pressed.result, pressed.due_at) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, None)
    desk.journal.ended(call, IvrEnd.COMPLETED, "", SOON + timedelta(seconds=20))
    row = desk.request(call)
    assert (row.status, row.outcome, row.duration, row.reason) == (CallStatus.SUCCESS, "answered", 20, "called back")
    assert row.originate == "inbound from +33612345678 to 15550100"
    assert row.user_id == desk.rows.calendar_user.id  # tenancy: it is seen where the reminder is
    with desk.store.reading():
        attempts = AlarmRequest.select().where(AlarmRequest.alarm == alarm).order_by(AlarmRequest.attempt)
        assert [(a.attempt, a.status) for a in attempts] == [(1, AlarmStatus.RETRY), (2, AlarmStatus.SUCCESS)]
    assert desk.alarm(alarm).num_attempt == 1
    assert desk.attempts.next_due() is None
    assert desk.call() is None  # there is a result: nothing waits any more


@pytest.mark.parametrize(
    ("required", "end", "status"),
    [
        (False, IvrEnd.COMPLETED, AlarmStatus.SUCCESS),
        (True, IvrEnd.COMPLETED, AlarmStatus.RETRY),
        (False, IvrEnd.HANGUP, AlarmStatus.RETRY),
        (False, IvrEnd.ERROR, AlarmStatus.RETRY),
    ],
)
def test_heard_without_a_key(desk: Desk, required: bool, end: IvrEnd, status: AlarmStatus) -> None:
    with desk.store.transaction():
        CalendarSetting.update(require_keypress=required).execute()
    alarm = desk.miss()
    call = desk.call()
    assert call is not None
    desk.journal.ended(call, end, "", SOON)
    after = desk.alarm(alarm)
    due = None if status is AlarmStatus.SUCCESS else SOON + timedelta(seconds=300)
    assert (after.status, after.due_at) == (status, due)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("+33612345678", "0612345678"),
        ("+33612345678", "0033612345678"),
        ("0612345678", "+33612345678"),
        ("+33612345678", "+33 6 12 34 56 78"),
        ("1001", "1001"),
    ],
)
def test_a_number_in_another_form(desk: Desk, stored: str, shown: str) -> None:
    desk.miss(stored)
    assert desk.call(shown) is not None


@pytest.mark.parametrize(
    "shown",
    [
        *("", "anonymous", "Unavailable", "0000000000", "+", "678", "2345678", "0612345679", "33612345678;x=1", "%"),
        *("1 OR 1=1", "'; DROP TABLE alarm; --", "+33612345678\r\n", "+33612345678@evil", "\0", "٣٣٦١٢٣٤٥٦٧٨"),
    ],
)
def test_nobody_else_hears_it(desk: Desk, shown: str) -> None:
    desk.miss()
    assert desk.call(shown) is None


def test_a_caller_id_that_may_be_two_people_hears_nothing(desk: Desk) -> None:
    desk.miss("+33612345678")
    desk.miss("+44612345678")
    assert desk.call("0612345678") is None
    assert desk.call("+44612345678") is not None


@pytest.mark.parametrize(
    "event",
    [{"status": EventStatus.PAUSED}, {"status": EventStatus.COMPLETED}, {"end": SOON - timedelta(seconds=1)}],
)
def test_what_is_over_or_paused_is_not_played(desk: Desk, event: dict[str, object]) -> None:
    alarm = desk.miss()
    with desk.store.transaction():
        Event.update(**event).where(Event.id == alarm.event_id).execute()
    assert desk.call() is None


def test_a_number_that_was_never_rung_has_no_message(desk: Desk) -> None:
    desk.claim()  # claimed, not dialled
    assert desk.call() is None


def test_the_line_that_was_called_decides_then_the_latest(desk: Desk) -> None:
    first = desk.miss()
    with desk.store.transaction():
        CalendarSetting.update(callerid="15550200").execute()
    second = desk.miss()

    def of(called: str) -> int:
        call = desk.call(called=called)
        with desk.store.reading():
            return AlarmRequest.get(AlarmRequest.callrequest == CallRequest.get(request_uuid=call)).alarm_id

    assert of("15550100") == first.id
    assert of("15550200") == second.id
    assert of("the front desk") == second.id


def test_calling_back_while_the_attempt_is_still_under_way(desk: Desk) -> None:
    alarm, claim = desk.dial()
    call = desk.call()
    assert call is not None
    desk.journal.save_answer(call, ONE, SOON)
    desk.journal.ended(call, IvrEnd.COMPLETED, "", SOON)
    assert desk.alarm(alarm).status == AlarmStatus.IN_PROCESS  # its own process still answers for it
    desk.book(claim)
    after = desk.alarm(alarm)
    assert (after.status, after.result, after.due_at) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED, None)
    with desk.store.reading():
        mine = AlarmRequest.get(AlarmRequest.callrequest == CallRequest.get(request_uuid=claim.call_uuid))
    assert (mine.attempt, mine.status) == (1, AlarmStatus.RETRY)  # the attempt keeps its own end


def test_calling_back_between_claim_and_dialling(desk: Desk) -> None:
    alarm = desk.miss()
    with desk.store.transaction():
        Alarm.update(due_at=NOW).where(Alarm.id == alarm.id).execute()
    call = desk.call()
    assert call is not None
    with desk.store.transaction():  # a worker whose clock is far ahead
        Alarm.update(due_at=NOW).where(Alarm.id == alarm.id).execute()

    def decide(due: DueAlarm, call_uuid: str) -> Decision:
        return plan.decide(due, call_uuid, NOW, plan.PlanSettings("127.0.0.1:8084"))

    (claim,) = desk.attempts.claim_due(NOW, 10, LEASE, decide)
    desk.journal.save_answer(call, ONE, SOON)
    assert desk.attempts.mark_dialling(claim, "switch", "originate …", SOON) is False
    desk.attempts.release(claim.call_uuid, claim.token, SOON, "not dialled", SOON)
    after = desk.alarm(alarm)
    assert (after.status, after.due_at) == (AlarmStatus.SUCCESS, None)


@pytest.mark.parametrize("pressed", [False, True])
def test_a_process_that_died_in_a_call_from_outside(desk: Desk, pressed: bool) -> None:
    alarm = desk.miss()
    call = desk.call()
    assert call is not None
    if pressed:
        desk.journal.save_answer(call, ONE, SOON)
    up = SOON + timedelta(seconds=600)
    desk.attempts.close_callbacks(up)
    assert desk.request(call).ended_at is None  # it may still be up
    over = up + timedelta(seconds=15)
    desk.attempts.close_callbacks(over)
    row = desk.request(call)
    assert (row.ended_at, row.reason) == (over, "called back: interrupted: the survey's process died during the call")
    assert row.status == (CallStatus.SUCCESS if pressed else CallStatus.FAILURE)
    after = desk.alarm(alarm)
    expected = (AlarmStatus.SUCCESS, None) if pressed else (AlarmStatus.RETRY, up)
    assert (after.status, after.due_at) == expected
    assert desk.attempts.expired(over) == []
    assert desk.attempts.next_expiry() is None


def test_a_call_that_was_booked_is_not_booked_again(desk: Desk) -> None:
    desk.miss()
    call = desk.call()
    assert call is not None
    desk.journal.ended(call, IvrEnd.COMPLETED, "", SOON)
    before = desk.request(call)
    desk.attempts.close_callbacks(SOON + timedelta(days=1))
    assert desk.request(call).reason == before.reason


def test_the_same_call_asked_for_twice_is_one_call(desk: Desk) -> None:
    alarm = desk.miss()
    again = str(uuid4())
    assert desk.journal.open_callback("+33612345678", "1", again, SOON) is not None
    assert desk.journal.open_callback("+33612345678", "1", again, SOON) is not None
    assert desk.alarm(alarm).sequence == 2


def test_a_call_of_ours_is_never_taken_for_one_to_us(desk: Desk) -> None:
    _alarm, claim = desk.dial()
    assert desk.journal.open_callback("+33612345678", "15550100", claim.call_uuid, SOON) is None
