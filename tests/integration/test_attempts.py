"""At most once: claims, leases and bookings, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.alarms import Claim, Decision, DueAlarm, Fail, Verdict, Wait
from fs_app.domain.calls import Answer, CallEnded
from fs_app.domain.enums import AlarmMethod, AlarmResult, AlarmStatus, CallStatus, EventStatus, IvrEnd, Outcome
from fs_app.domain.pacing import AHEAD, LEAD
from fs_app.errors import LeaseLost
from fs_app.store.attempts import Attempts, Dialling
from fs_app.store.booking import Ending, Judge
from fs_app.store.cases import Held
from fs_app.store.database import Store
from fs_app.store.journal import CallJournal
from fs_app.store.models import (
    MODELS,
    Alarm,
    AlarmRequest,
    Calendar,
    CallRequest,
    DncContact,
    DncList,
    Event,
    Gateway,
    Outbox,
    SurveyAnswer,
)
from scheduler import plan
from tests.rows import Rows, make_rows

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SETTINGS = plan.PlanSettings("127.0.0.1:8084")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def rows(store: Store) -> Rows:
    return make_rows(store, NOW)


@pytest.fixture
def attempts(store: Store) -> Attempts:
    return Attempts(store, ZoneInfo("UTC"))


def decide(due: DueAlarm, call_uuid: str) -> Decision:
    return plan.decide(due, call_uuid, NOW, SETTINGS)


def claim_one(attempts: Attempts) -> Claim:
    (claim,) = attempts.claim_due(NOW, 10, LEASE, decide)
    return claim


def reload(store: Store, alarm: Alarm) -> Alarm:
    with store.reading():
        return Alarm.get_by_id(alarm.id)


def test_the_models_are_the_schema(store: Store) -> None:
    with store.reading():
        for model in MODELS:
            meta = model._meta
            columns = {c.name: c for c in store.db.get_columns(meta.table_name)}
            fields = {f.column_name: f for f in meta.sorted_fields}
            assert columns.keys() == fields.keys(), meta.table_name
            for name, column in columns.items():
                if not column.primary_key:  # SQLite reports those as nullable
                    assert column.null == fields[name].null, f"{meta.table_name}.{name}"


def test_a_claim_is_on_record_before_anything_is_dialled(store: Store, rows: Rows, attempts: Attempts) -> None:
    alarm = rows.alarm(store, NOW)
    assert attempts.next_due() == NOW
    claim = claim_one(attempts)
    assert attempts.next_due() is None
    assert attempts.claim_due(NOW, 10, LEASE, decide) == []
    with store.reading():
        request = AlarmRequest.get(AlarmRequest.alarm == alarm)
        call = request.callrequest
    assert (request.attempt, request.status) == (1, AlarmStatus.IN_PROCESS)
    assert call.request_uuid == claim.call_uuid
    assert (call.lease_token, call.lease_expires) == (claim.token, NOW + LEASE)
    assert (call.callerid, call.caller_name, call.timeout) == ("15550100", "Dr. Adams", 20)
    assert call.user_id == rows.calendar_user.id
    assert call.dialled_at is None
    assert reload(store, alarm).status == AlarmStatus.IN_PROCESS


def test_what_is_not_due_is_not_claimed(store: Store, rows: Rows, attempts: Attempts) -> None:
    rows.alarm(store, NOW, due_at=NOW + AHEAD + timedelta(microseconds=1))
    rows.alarm(store, NOW, due_at=None)
    assert attempts.claim_due(NOW, 10, LEASE, decide) == []
    assert attempts.next_due() == NOW + AHEAD + timedelta(microseconds=1)


def test_a_call_is_claimed_a_moment_before_it_is_due_and_waits_for_that(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    due = NOW + LEAD, NOW + AHEAD
    for at in due:
        rows.alarm(store, NOW, due_at=at)
    assert attempts.next_call(NOW) == NOW  # and what comes soon after is claimed with it
    assert [claim.not_before for claim in attempts.claim_due(NOW, 10, LEASE, decide)] == list(due)


def test_a_message_is_not_sent_before_it_is_due(store: Store, rows: Rows, attempts: Attempts) -> None:
    rows.alarm(store, NOW, due_at=NOW + timedelta(microseconds=1), method=AlarmMethod.SMS)
    attempts.claim_due(NOW, 10, LEASE, decide)
    with store.reading():
        assert not Outbox.select().exists()


def test_a_window_that_opens_in_a_moment_is_open_when_it_is_due(store: Store, rows: Rows, attempts: Attempts) -> None:
    before = NOW - LEAD
    alarm = rows.alarm(store, before, due_at=NOW, daily_start=NOW.time(), daily_stop=time(23, 59))

    def decide_before(due: DueAlarm, call_uuid: str) -> Decision:
        return plan.decide(due, call_uuid, before, SETTINGS)

    (claim,) = attempts.claim_due(before, 10, LEASE, decide_before)
    assert (claim.alarm_id, claim.not_before) == (alarm.id, NOW)
    # Whoever would dial too early finds it closed.
    assert not attempts.mark_dialling(claim, "fs1", "originate", before, decide_before)
    assert attempts.mark_dialling(claim, "fs1", "originate", NOW, decide)


def test_many_workers_claim_each_alarm_once(store: Store, rows: Rows, attempts: Attempts) -> None:
    for number in range(40):
        rows.alarm(store, NOW, number=f"1555010{number:04d}")
    claims: list[Claim] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        while found := attempts.claim_due(NOW, 3, LEASE, decide):
            claims.extend(found)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(claims) == 40
    assert len({c.alarm_id for c in claims}) == 40
    assert len({c.call_uuid for c in claims}) == 40


def test_decisions_to_fail_or_wait_are_on_record(store: Store, rows: Rows, attempts: Attempts) -> None:
    failing, waiting = rows.alarm(store, NOW, number="1555011"), rows.alarm(store, NOW, number="1555012")
    later = NOW + timedelta(hours=1)

    def other(due: DueAlarm, call_uuid: str) -> Decision:
        return Fail("no") if due.alarm_id == failing.id else Wait(later, "not yet")

    assert attempts.claim_due(NOW, 10, LEASE, other) == []
    failed, waits = reload(store, failing), reload(store, waiting)
    assert (failed.status, failed.reason, failed.due_at) == (AlarmStatus.FAILURE, "no", None)
    assert (waits.status, waits.reason, waits.due_at) == (AlarmStatus.PENDING, "not yet", later)


def test_a_row_that_cannot_be_decided_about_does_not_hold_up_the_others(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    broken, fine = rows.alarm(store, NOW, number="1555011"), rows.alarm(store, NOW, number="1555012")
    with store.transaction():
        elsewhere = Calendar.create(name="x", user=rows.calendar_user, timezone="Mars/Olympus", created_date=NOW)
        Event.update(calendar=elsewhere).where(Event.id == broken.event_id).execute()
    assert [c.alarm_id for c in attempts.claim_due(NOW, 10, LEASE, decide)] == [fine.id]
    failed = reload(store, broken)
    assert (failed.status, failed.due_at) == (AlarmStatus.FAILURE, None)
    assert "IANA" in failed.reason


def test_a_number_on_a_list_of_the_manager_is_not_called(store: Store, rows: Rows, attempts: Attempts) -> None:
    alarm = rows.alarm(store, NOW)
    with store.transaction():
        listed = DncList.create(user=rows.manager, name="opted out", created_date=NOW, updated_date=NOW)
        DncContact.create(dnc_list=listed, phone_number="15550100001", created_date=NOW)
    assert attempts.claim_due(NOW, 10, LEASE, decide) == []
    assert "do not call" in reload(store, alarm).reason


def test_a_paused_event_is_not_dialled_even_under_a_claim(store: Store, rows: Rows, attempts: Attempts) -> None:
    alarm = rows.alarm(store, NOW)
    claim = claim_one(attempts)
    with store.transaction():
        Event.update(status=EventStatus.PAUSED).where(Event.id == alarm.event_id).execute()
    assert attempts.mark_dialling(claim, "fs1:8021", "originate …", NOW) is False
    attempts.release(claim.call_uuid, claim.token, NOW, "paused", NOW)
    released = reload(store, alarm)
    assert (released.status, released.due_at, released.num_attempt) == (AlarmStatus.PENDING, None, 0)


def test_a_deleted_alarm_is_not_dialled(store: Store, rows: Rows, attempts: Attempts) -> None:
    alarm = rows.alarm(store, NOW)
    claim = claim_one(attempts)
    with store.transaction():
        Event.delete().where(Event.id == alarm.event_id).execute()
    assert attempts.mark_dialling(claim, "fs1:8021", "originate …", NOW) is False
    attempts.release(claim.call_uuid, claim.token, NOW, "deleted", NOW)


def test_a_released_claim_goes_back_without_counting(store: Store, rows: Rows, attempts: Attempts) -> None:
    alarm = rows.alarm(store, NOW)
    first = claim_one(attempts)
    attempts.release(first.call_uuid, first.token, NOW, "no switch", NOW)
    assert reload(store, alarm).num_attempt == 0
    second = claim_one(attempts)
    assert second.call_uuid != first.call_uuid
    with store.reading():
        assert AlarmRequest.select().where(AlarmRequest.alarm == alarm).count() == 1
        aborted = CallRequest.get(CallRequest.request_uuid == first.call_uuid)
    assert (aborted.status, aborted.lease_token) == (CallStatus.ABORT, None)


def test_a_dialled_claim_cannot_be_released(store: Store, rows: Rows, attempts: Attempts) -> None:
    rows.alarm(store, NOW)
    claim = claim_one(attempts)
    assert attempts.mark_dialling(claim, "fs1:8021", "originate …", NOW)
    with pytest.raises(LeaseLost):
        attempts.release(claim.call_uuid, claim.token, NOW, "", NOW)
    with pytest.raises(LeaseLost):  # nor dialled a second time
        attempts.mark_dialling(claim, "fs1:8021", "originate …", NOW)


def test_a_lease_lives_until_its_expiry_and_is_taken_over_once(store: Store, rows: Rows, attempts: Attempts) -> None:
    rows.alarm(store, NOW)
    claim = claim_one(attempts)
    attempts.mark_dialling(claim, "fs1:8021", "originate …", NOW)
    assert attempts.next_expiry() == NOW + LEASE
    assert attempts.expired(NOW + LEASE - timedelta(microseconds=1)) == []
    (open_call,) = attempts.expired(NOW + LEASE)
    assert (open_call.call_uuid, open_call.switch) == (claim.call_uuid, "fs1:8021")
    token = attempts.take_over(open_call, NOW + LEASE, LEASE)
    assert token != claim.token
    with pytest.raises(LeaseLost):
        attempts.take_over(open_call, NOW + LEASE, LEASE)
    done = Verdict(Outcome.ANSWERED, AlarmStatus.SUCCESS, "")
    with pytest.raises(LeaseLost):
        attempts.book(claim.call_uuid, claim.token, done, None, NOW)
    attempts.book(claim.call_uuid, token, done, None, NOW)


def test_an_extended_lease_does_not_expire(store: Store, rows: Rows, attempts: Attempts) -> None:
    rows.alarm(store, NOW)
    claim = claim_one(attempts)
    attempts.extend([claim.token], NOW + timedelta(seconds=30), LEASE)
    assert attempts.expired(NOW + LEASE) == []
    attempts.expire_all(NOW + LEASE)
    assert len(attempts.expired(NOW + LEASE)) == 1


def test_a_keypress_is_on_record_at_once_and_decides_the_result(store: Store, rows: Rows, attempts: Attempts) -> None:
    alarm = rows.alarm(store, NOW)
    claim = claim_one(attempts)
    attempts.mark_dialling(claim, "fs1:8021", "originate …", NOW)
    journal = CallJournal(store)
    context = journal.open_call(claim.call_uuid, NOW)
    assert context is not None
    assert context.survey.name == "reminder"
    assert context.tags["name"] == "Jo"
    assert context.answers == ()
    answer = Answer(1, 1, "1", True, "1", AlarmResult.CONFIRMED)
    journal.save_answer(claim.call_uuid, answer, NOW)
    journal.save_answer(claim.call_uuid, answer, NOW)  # the same again changes nothing
    assert reload(store, alarm).result == AlarmResult.CONFIRMED
    facts = attempts.facts(claim.call_uuid)
    assert facts is not None
    assert (facts.pressed, facts.ivr_started, facts.ivr_end, facts.result) == (True, True, None, AlarmResult.CONFIRMED)
    again = journal.open_call(claim.call_uuid, NOW)
    assert again is not None
    assert again.answers == (answer,)
    journal.reached(claim.call_uuid, 2, True, NOW)
    journal.ended(claim.call_uuid, IvrEnd.COMPLETED, "", NOW)
    ended = CallEnded(claim.call_uuid, NOW, "NORMAL_CLEARING", True, 12)
    attempts.book(claim.call_uuid, claim.token, Verdict(Outcome.ANSWERED, AlarmStatus.SUCCESS, ""), ended, NOW)
    booked = reload(store, alarm)
    assert (booked.status, booked.num_attempt, booked.due_at) == (AlarmStatus.SUCCESS, 1, None)
    with store.reading():
        request = AlarmRequest.get(AlarmRequest.alarm == alarm)
        call = request.callrequest
        assert SurveyAnswer.select().count() == 1
    assert (request.status, request.duration, request.callstatus) == (AlarmStatus.SUCCESS, 12, 0)
    assert (call.hangup_cause, call.outcome, call.last_section) == ("NORMAL_CLEARING", "answered", 2)
    assert (call.lease_token, call.completed) == (None, True)
    assert journal.open_call(claim.call_uuid, NOW) is None  # a booked call does not start again


def test_another_answer_at_a_taken_position_is_an_error(store: Store, rows: Rows, attempts: Attempts) -> None:
    rows.alarm(store, NOW)
    claim = claim_one(attempts)
    journal = CallJournal(store)
    journal.save_answer(claim.call_uuid, Answer(1, 1, "1", True), NOW)
    with pytest.raises(Exception, match=r"(?i)unique"):
        journal.save_answer(claim.call_uuid, Answer(1, 1, "2", True), NOW)


def test_an_uncounted_attempt_is_tried_again_as_a_new_one(store: Store, rows: Rows, attempts: Attempts) -> None:
    alarm = rows.alarm(store, NOW)
    claim = claim_one(attempts)
    attempts.mark_dialling(claim, "fs1:8021", "originate …", NOW)
    verdict = Verdict(Outcome.TRUNK, AlarmStatus.RETRY, "GATEWAY_DOWN", counted=False, due_at=NOW)
    attempts.book(claim.call_uuid, claim.token, verdict, None, NOW)
    assert (reload(store, alarm).num_attempt, reload(store, alarm).status) == (0, AlarmStatus.RETRY)
    claim_one(attempts)
    with store.reading():
        requests = AlarmRequest.select().where(AlarmRequest.alarm == alarm).order_by(AlarmRequest.attempt)
        assert [(r.attempt, r.callrequest.num_attempt, r.callstatus) for r in requests] == [(1, 1, 5), (2, 1, 0)]


def test_a_call_dialled_by_hand_is_booked_by_its_survey(store: Store, rows: Rows, attempts: Attempts) -> None:
    """What `fs-app originate --dry-run` printed was pasted into fs_cli."""
    setting = attempts.setting(rows.setting.id)
    dial = plan.dial(setting, "15550100", rows.survey.id, "7d44b455-139d-4f12-af39-5008c7879c4d", SETTINGS, {}, "")
    attempts.register(dial, "originate …", NOW)
    assert attempts.expired(NOW + timedelta(days=1)) == []
    journal = CallJournal(store)
    assert journal.open_call(dial.request.call_uuid, NOW) is not None
    journal.save_answer(dial.request.call_uuid, Answer(1, 1, "1", True, "1", AlarmResult.CONFIRMED), NOW)
    journal.ended(dial.request.call_uuid, IvrEnd.COMPLETED, "", NOW)
    with store.reading():
        call = CallRequest.get()
    assert (call.status, call.outcome, call.result) == (CallStatus.SUCCESS, "answered", AlarmResult.CONFIRMED)
    assert call.ended_at == NOW
    assert journal.open_call(dial.request.call_uuid, NOW) is None  # the line works once


def test_a_lease_that_is_gone_keeps_no_other_call_from_being_dialled(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    for _ in range(3):
        rows.alarm(store, NOW, due_at=NOW)
    claims = attempts.claim_due(NOW, 10, LEASE, decide)
    lost = replace(claims[1], token="somebody else's")
    answers = attempts.mark_all_dialling(
        [Dialling(one, "fs1", "originate", NOW, decide) for one in (claims[0], lost, claims[2])]
    )
    assert answers[0] is True
    assert isinstance(answers[1], LeaseLost)
    assert answers[2] is True
    with store.reading():
        dialled = {call.request_uuid for call in CallRequest.select() if call.dialled_at is not None}
    assert dialled == {claims[0].call_uuid, claims[2].call_uuid}


def test_calls_that_are_over_are_booked_together_and_each_for_itself(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    for _ in range(5):
        rows.alarm(store, NOW, due_at=NOW, maxretry=1)
    busy, answered, lost, broken, waiting = attempts.claim_due(NOW, 10, LEASE, decide)

    def broken_judge(*_facts: object) -> Verdict | None:
        raise RuntimeError("a fault of ours")

    def says(*verdict: Any) -> Judge:
        return lambda _facts, _policy, _attempts: Verdict(*verdict)

    retry = says(Outcome.BUSY, AlarmStatus.RETRY, "busy", True, NOW + timedelta(minutes=5))
    success = says(Outcome.ANSWERED, AlarmStatus.SUCCESS, "")
    heard = CallEnded(answered.call_uuid, NOW, "NORMAL_CLEARING", True, 7)
    answers = attempts.settle_all(
        [
            Ending(busy.call_uuid, busy.token, retry, None),
            Ending(answered.call_uuid, answered.token, success, heard),
            Ending(lost.call_uuid, "somebody else's", success, None),
            Ending(broken.call_uuid, broken.token, broken_judge, None),
            Ending(waiting.call_uuid, waiting.token, lambda *_facts: None, None),
            Ending("nobody's", "-", success, None),
        ],
        NOW,
    )
    assert attempts.settle("nobody's", "-", success, None, NOW) is None
    assert [type(answer) for answer in answers] == [tuple, tuple, LeaseLost, RuntimeError, type(None), type(None)]
    with store.reading():
        alarms = {alarm.id: alarm for alarm in Alarm.select()}
        gateway = Gateway.get()
        open_ = {call.request_uuid for call in CallRequest.select() if call.lease_token is not None}
    assert (alarms[busy.alarm_id].status, alarms[answered.alarm_id].status) == (AlarmStatus.RETRY, AlarmStatus.SUCCESS)
    assert (gateway.count_call, gateway.secondused) == (2, 7)
    assert open_ == {lost.call_uuid, broken.call_uuid, waiting.call_uuid}


def test_a_call_whose_event_is_being_written_keeps_no_other_waiting(
    store: Store, rows: Rows, attempts: Attempts
) -> None:
    if store.sqlite:
        pytest.skip("SQLite has one writer: a commit comes before or after")
    for _ in range(3):
        rows.alarm(store, NOW, due_at=NOW)
    claims = attempts.claim_due(NOW, 10, LEASE, decide)
    some = [Dialling(one, "fs1", "originate", NOW, decide) for one in claims]
    verdict = Verdict(Outcome.BUSY, AlarmStatus.FAILURE, "busy")
    ends = [Ending(one.call_uuid, one.token, lambda *_facts: verdict, None) for one in claims]
    with ThreadPoolExecutor() as other:
        with store.transaction():
            held = Alarm.get_by_id(claims[1].alarm_id).event_id
            Event.update(title="written").where(Event.id == held).execute()
            answers = other.submit(attempts.mark_all_dialling, some).result(10)
            assert [type(answer) for answer in answers] == [bool, Held, bool]
            settled = other.submit(attempts.settle_all, [ends[0], ends[1]], NOW).result(10)
            assert [type(answer) for answer in settled] == [tuple, Held]
            alone = other.submit(attempts.mark_dialling, *some[1])
        assert alone.result(10) is True
    assert attempts.settle(*ends[1], NOW) is not None
