"""The words of a real row: whose language, whose zone, and whose date when the event recurs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.calls import CallContext
from fs_app.domain.survey import Survey, Translation
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.journal import CallJournal
from fs_app.store.models import Calendar, CalendarUserProfile, Event, User
from ivr import engine
from scheduler import plan
from tests.rows import SURVEY, Rows, make_rows

NOW = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
WHEN = "{name}: {event_at}, {calendar_user}, {event_end_time}, {phone_number}."
WORDS = replace(
    SURVEY,
    sections=(
        replace(SURVEY.sections[0], script=WHEN, translations={"fr": Translation(script=WHEN)}),
        SURVEY.sections[1],
    ),
)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def rows(store: Store) -> Rows:
    return make_rows(store, NOW, survey=WORDS)


def called(store: Store, now: datetime = NOW) -> CallContext:
    """The one due alarm, claimed and answered."""
    attempts = Attempts(store, TOKYO)
    settings = plan.PlanSettings("127.0.0.1:8084")
    (claim,) = attempts.claim_due(
        now, 10, timedelta(seconds=60), lambda due, uuid: plan.decide(due, uuid, now, settings)
    )
    context = CallJournal(store, TOKYO).open_call(claim.call_uuid, now)
    assert context is not None
    return context


def heard(context: CallContext) -> tuple[str, str]:
    command = engine.start(context).command
    assert not isinstance(command, engine.HangUp)
    (words,) = command.prompts
    assert isinstance(words, engine.Speech)
    return words.language, words.text


def change(store: Store, model: Any, **columns: Any) -> None:
    with store.transaction():
        model.update(**columns).execute()


def test_all_that_is_built_in_in_the_configured_zone(store: Store, rows: Rows) -> None:
    change(store, User, first_name="Ada", last_name="Ray")
    rows.alarm(store, NOW)
    assert heard(called(store)) == (
        "en",
        "Jo: Monday, March second at eleven PM, Ada Ray, midnight,"
        " one, five five five, zero one zero, zero zero zero one.",
    )


@pytest.mark.parametrize(
    ("data", "profile", "language"),
    [
        ("fr", "en", "fr"),
        (None, "fr_CA", "fr-ca"),
        ("", "fr", "fr"),
        ("klingonese!", "fr", "fr"),
        (12, "fr", "fr"),
        ("en", "fr", "en"),
        (None, None, "en"),
        ("de", "fr", "en"),  # asked for, and the survey has it not
    ],
)
def test_whose_language(store: Store, rows: Rows, data: object, profile: str | None, language: str) -> None:
    change(store, CalendarUserProfile, language=profile)
    rows.alarm(store, NOW, event={"data": {"name": "Jo", "language": data}})
    assert heard(called(store))[0] == language


def test_spoken_in_the_calendars_zone_and_the_events_language(store: Store, rows: Rows) -> None:
    change(store, Calendar, timezone="Europe/Paris")
    rows.alarm(store, NOW, event={"data": {"name": "Jo", "language": "fr"}})
    assert heard(called(store))[1].startswith("Jo: lundi deux mars à quinze heures, practice, seize heures")


def test_an_occurrence_says_its_own_date_whatever_it_inherited(store: Store, rows: Rows) -> None:
    stale = {"name": "Jo", "event_at": "last week", "event_end_time": "late"}
    with store.transaction():
        master = Event.create(
            title="Check-up",
            start=NOW - timedelta(days=7),
            end=NOW - timedelta(days=6),
            creator=rows.calendar_user,
            calendar=rows.calendar,
            created_on=NOW,
        )
    rows.alarm(store, NOW, event={"data": stale, "parent_event": master})
    assert heard(called(store))[1].startswith("Jo: Monday, March second at eleven PM, practice, midnight")


def test_an_event_that_does_not_recur_says_what_its_data_says(store: Store, rows: Rows) -> None:
    rows.alarm(store, NOW, event={"data": {"name": "Jo", "event_at": "after lunch"}})
    assert heard(called(store))[1].startswith("Jo: after lunch, practice")


def test_the_survey_is_the_same_after_sealing(store: Store, rows: Rows) -> None:
    assert Survey.from_json(rows.survey.content) == WORDS
