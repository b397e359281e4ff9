"""Why an alarm was called, or not, and when next; and the rehearsal of what is to come."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fs_app import config
from fs_app.cli import main
from fs_app.domain.alarms import Verdict
from fs_app.domain.enums import AlarmStatus, EventStatus, Outcome
from fs_app.explain import Explainer
from fs_app.rehearse import Rehearsed, rehearse
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.models import Alarm, Calendar, DncContact, DncList, Event, Gateway, Rule
from scheduler.plan import PlanSettings, decide
from tests.rest_client import Api, new_alarm, new_calendar, new_event
from tests.rows import Rows, make_rows

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday


class World:
    def __init__(self, url: str) -> None:
        self.settings = config.load({"FS_APP_DATABASE": url, "FS_APP_TIMEZONE": "Europe/Paris"})
        self.store = Store(url)
        self.store.migrate()
        self.rows: Rows = make_rows(self.store, NOW)

    def told(self, alarm: Alarm, now: datetime = NOW) -> str:
        return Explainer(self.store, self.settings)(alarm.id, now).text

    def attempt(self, alarm: Alarm, outcome: Outcome, verdict: dict[str, Any], at: datetime = NOW) -> None:
        """One call of the alarm, claimed, dialled and booked."""
        attempts = Attempts(self.store, self.settings.timezone)
        plan = PlanSettings("127.0.0.1:8084")
        (claim,) = attempts.claim_due(at, 10, timedelta(minutes=1), lambda due, uuid: decide(due, uuid, at, plan))
        assert claim.alarm_id == alarm.id
        assert attempts.mark_dialling(claim, "switch", "originate", at)
        attempts.book(claim.call_uuid, claim.token, Verdict(outcome, **verdict), None, at + timedelta(seconds=20))


@pytest.fixture
def world(database_url: str) -> Any:
    made = World(database_url)
    yield made
    made.store.close()


def test_what_will_happen(world: World) -> None:
    alarm = world.rows.alarm(world.store, NOW, due_at=NOW + timedelta(minutes=30), maxretry=2, retry_delay=900)
    told = world.told(alarm)
    assert "A call to 15550100001 about “Check-up”, which starts Monday 2 March 2026 at 11:00:00" in told
    assert "Up to 2 retries, 15 minutes apart, may follow." in told
    assert "It will be called on Monday 2 March 2026 at 10:30:00, as soon as the pace allows" in told


def test_a_window_that_is_closed_and_a_day_that_is_closed(world: World) -> None:
    with world.store.transaction():
        Calendar.update(closed_weekdays=["TU"]).execute()
    later = {"start": NOW + timedelta(days=4), "end": NOW + timedelta(days=5)}
    window = {"daily_start": datetime(2026, 1, 1, 8).time(), "daily_stop": datetime(2026, 1, 1, 9, 30).time()}
    alarm = world.rows.alarm(world.store, NOW, event=later, **window)
    told = world.told(alarm, NOW)
    # 09:00 UTC is 10:00 in Paris: the window is over, Tuesday is closed.
    assert "It will be called on Wednesday 4 March 2026 at 08:00:00" in told
    assert "It waits: outside the daily window" in told
    assert "never on Tuesdays" in told


def test_attempts_are_told_with_their_outcomes(world: World) -> None:
    alarm = world.rows.alarm(world.store, NOW, maxretry=1, retry_delay=600)
    again = {"status": AlarmStatus.RETRY, "reason": "USER_BUSY", "due_at": NOW + timedelta(minutes=10)}
    world.attempt(alarm, Outcome.BUSY, again)
    told = world.told(alarm, NOW + timedelta(minutes=1))
    assert "Monday 2 March 2026 at 10:00:00: attempt 1, the call found the line busy (USER_BUSY)." in told
    assert "1 attempt has counted so far" in told
    assert "It will be called on Monday 2 March 2026 at 10:10:00" in told
    last = {"status": AlarmStatus.FAILURE, "reason": "NO_ANSWER"}
    world.attempt(alarm, Outcome.NO_ANSWER, last, NOW + timedelta(minutes=10))
    told = world.told(alarm, NOW + timedelta(hours=1))
    assert "attempt 2, the call was not answered (NO_ANSWER)" in told
    assert told.endswith("It has failed (NO_ANSWER): nothing more will be done.")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("paused", "The event is paused"),
        ("dnc", "It will fail now: do not call: the number is on a do-not-call list"),
        ("gateway", "gateway test is switched off. It is looked at again every 1 minute until"),
        ("over", "It will fail now: missed"),
        ("success", "It has succeeded"),
    ],
)
def test_why_not(world: World, what: str, words: str) -> None:
    alarm = world.rows.alarm(world.store, NOW)
    with world.store.transaction():
        if what == "paused":
            Event.update(status=EventStatus.PAUSED).execute()
        elif what == "dnc":
            row = DncList.create(user=world.rows.manager, name="no", created_date=NOW, updated_date=NOW)
            DncContact.create(dnc_list=row, phone_number="+15550100001", created_date=NOW)
        elif what == "gateway":
            Gateway.update(status=0).execute()
        elif what == "success":
            Alarm.update(status=AlarmStatus.SUCCESS, due_at=None).execute()
    assert words in world.told(alarm, NOW + timedelta(days=1) if what == "over" else NOW)


def test_over_rest_and_on_the_command_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite3"
    settings = config.load({"FS_APP_DATABASE": url})
    store = Store(url)
    store.migrate()
    api = Api(store, explain=Explainer(store, settings))
    event = new_event(api, new_calendar(api))
    alarm = new_alarm(api, event)
    path = alarm["url"].partition("/rest-api/")[2] + "explain/"
    told = api.get(path, user="practice")
    assert told["alarm"] == alarm["url"]
    assert "no calendar setting" in told["next"]
    assert told["next_date"] == "2026-03-10T08:01:00Z"
    assert told["text"].splitlines()[-1] == told["next"]
    assert api.send("GET", path, user="rival").status == 404
    api.close()
    store.close()
    done = CliRunner().invoke(main, ["explain", "1"], env={"FS_APP_DATABASE": url})
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == told["trace"][0]["words"]
    assert CliRunner().invoke(main, ["explain", "99"], env={"FS_APP_DATABASE": url}).exit_code == 1


# ---- rehearsal


def rehearsed(world: World, until: timedelta, outcome: Outcome = Outcome.ANSWERED) -> list[Rehearsed]:
    return list(rehearse(world.settings, NOW, NOW + until, outcome))


def digest(url: str) -> str:
    """Every row of a database."""
    store = Store(url)
    found = hashlib.sha256()
    with store.reading():
        for model in (Alarm, Event, Calendar, Rule):
            for row in model.select().order_by(model.id).tuples():
                found.update(repr(row).encode())
    store.close()
    return found.hexdigest()


def test_a_retry_follows_a_window_and_a_clock_change(world: World) -> None:
    """Every day at 09:00 in Paris, through the night the clocks go forward; nobody answers, so each is tried twice."""
    first = datetime(2026, 3, 28, 8, 0, tzinfo=UTC)
    with world.store.transaction():
        rule = Rule.create(name="daily", frequency="DAILY", params="count:3")
        Calendar.update(timezone="Europe/Paris").execute()
    event = {"start": first, "end": first + timedelta(hours=1), "rule": rule, "next_child_at": NOW}
    alarm = world.rows.alarm(
        world.store,
        NOW,
        event=event,
        due_at=first - timedelta(hours=1),
        advance_notice=3600,
        maxretry=1,
        retry_delay=60,
    )
    url = world.settings.database
    before = digest(url)
    world.store.close()
    found = rehearsed(world, timedelta(days=60), Outcome.NO_ANSWER)
    calls = [(f"{one.at:%m-%d %H:%M %z}", one.attempt) for one in found if one.what == "call"]
    assert calls == [
        ("03-28 08:00 +0100", 1),
        ("03-28 08:01 +0100", 2),
        ("03-29 08:00 +0200", 1),
        ("03-29 08:01 +0200", 2),
        ("03-30 08:00 +0200", 1),
        ("03-30 08:01 +0200", 2),
    ]
    assert [one.reason for one in found if one.what == "none"] == ["no answer"] * 3
    assert digest(url) == before
    world.store = Store(url)
    with world.store.reading():
        assert Alarm.select().where(Alarm.id == alarm.id, Alarm.status == AlarmStatus.PENDING).exists()


def test_pacing_holds(world: World) -> None:
    for n in range(50):
        world.rows.alarm(world.store, NOW, number=f"1555010{n:04d}")
    world.store.close()
    world.settings = config.load({"FS_APP_DATABASE": world.settings.database, "FS_APP_CALLS_PER_SECOND": "2"})
    found = rehearsed(world, timedelta(hours=1))
    assert len(found) == len({one.alarm for one in found}) == 50
    spread = (found[-1].at - found[0].at).total_seconds()
    assert 23.0 <= spread <= 25.0
    world.store = Store(world.settings.database)


def test_the_command_lists_and_counts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite3"
    world = World(url)
    from fs_app.clock import SystemClock

    now = SystemClock().now()
    world.rows.alarm(world.store, now)
    world.store.close()
    env = {"FS_APP_DATABASE": url}
    until = (now + timedelta(hours=2)).isoformat()
    done = CliRunner().invoke(main, ["rehearse", "--until", until, "--json"], env=env)
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["what"] for line in done.output.splitlines()] == ["call"]
    done = CliRunner().invoke(main, ["rehearse", "--until", until, "--outcome", "busy"], env=env)
    assert done.output.splitlines()[-1] == "1 calls, 0 short messages, 0 mails; 1 alarms would end without success"
    assert CliRunner().invoke(main, ["rehearse", "--until", "yesterday"], env=env).exit_code == 1
