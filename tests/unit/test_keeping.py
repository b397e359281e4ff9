"""A database that goes away in mid-call: what is kept, in which order it is written, and what the call is told."""

from __future__ import annotations

from datetime import UTC, datetime

import gevent
import pytest

from fs_app.domain.calls import Answer, CallContext, OptOut
from fs_app.domain.enums import IvrEnd, WhoAnswered
from fs_app.domain.survey import Survey
from fs_app.errors import StoreUnavailable
from ivr.keeping import KeepingJournal
from tests.fakes.journal import MemoryJournal

NOW = datetime(2030, 5, 1, 9, 0, tzinfo=UTC)
LATER = datetime(2030, 5, 1, 9, 1, tzinfo=UTC)
ONE, TWO = Answer(1, 1, "1", True, "1"), Answer(2, 2, "2", True, "2")
EVERYTHING = frozenset({"save_answer", "reached", "ended", "who_answered", "message_left"})


class Journal(MemoryJournal):
    def open_callback(self, *_: object) -> CallContext | None:
        return None


@pytest.fixture
def journal() -> Journal:
    return Journal(CallContext("call-1", Survey("s", ()), {}, "en"))


@pytest.fixture
def keeper(journal: Journal) -> KeepingJournal:
    return KeepingJournal(journal, pauses=(0.001,))


def until_empty(keeper: KeepingJournal) -> None:
    with gevent.Timeout(10):
        while len(keeper):
            gevent.sleep(0.001)


def test_while_the_database_answers_it_is_not_there(keeper: KeepingJournal, journal: Journal) -> None:
    assert keeper.open_call("call-1", NOW) is not None
    keeper.save_answer("call-1", ONE, NOW, [OptOut("+15550100")])
    keeper.reached("call-1", 1, True, NOW)
    keeper.ended("call-1", IvrEnd.COMPLETED, "done", NOW)
    assert (journal.answers, journal.effects) == ([ONE], [OptOut("+15550100")])
    assert (journal.sections, journal.ends) == ([(1, True)], [(IvrEnd.COMPLETED, "done")])
    assert len(keeper) == 0


def test_what_was_pressed_is_written_when_it_is_back(keeper: KeepingJournal, journal: Journal) -> None:
    journal.broken = EVERYTHING
    with pytest.raises(StoreUnavailable):
        keeper.save_answer("call-1", ONE, NOW, [OptOut("+15550100")])
    with pytest.raises(StoreUnavailable):
        keeper.reached("call-1", 2, False, NOW)
    keeper.ended("call-1", IvrEnd.ERROR, "the database does not answer", LATER)  # over: nobody is to apologise
    assert len(keeper) == 3
    gevent.sleep(0.01)
    assert journal.tape == []
    journal.broken = frozenset()
    until_empty(keeper)
    assert [entry[0] for entry in journal.tape] == ["save_answer", "reached", "ended"]
    assert (journal.answers, journal.effects) == ([ONE], [OptOut("+15550100")])
    assert journal.times == {NOW, LATER}  # of when it happened


def test_nothing_overtakes_what_waits(keeper: KeepingJournal, journal: Journal) -> None:
    journal.broken = EVERYTHING
    with pytest.raises(StoreUnavailable):
        keeper.save_answer("call-1", ONE, NOW)
    journal.broken = frozenset()
    with pytest.raises(StoreUnavailable):
        keeper.save_answer("call-1", TWO, NOW)  # back in this moment; but the first answer is not written yet
    until_empty(keeper)
    assert journal.answers == [ONE, TWO]


def test_other_calls_do_not_wait(keeper: KeepingJournal, journal: Journal) -> None:
    journal.broken = EVERYTHING
    with pytest.raises(StoreUnavailable):
        keeper.save_answer("call-1", ONE, NOW)
    journal.broken = frozenset()
    keeper.save_answer("call-2", TWO, NOW)
    assert journal.answers == [TWO]
    until_empty(keeper)
    assert journal.answers == [TWO, ONE]


def test_what_can_never_be_written_does_not_hold_up_the_rest(
    keeper: KeepingJournal, journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal.broken = EVERYTHING
    with pytest.raises(StoreUnavailable):
        keeper.who_answered("call-1", WhoAnswered.PERSON, "a word", 900, NOW)
    keeper.ended("call-1", IvrEnd.HANGUP, "gone", NOW)
    journal.broken = frozenset()
    monkeypatch.setattr(journal, "who_answered", lambda *_: 1 / 0)
    until_empty(keeper)
    assert journal.ends == [(IvrEnd.HANGUP, "gone")]
    assert "cannot be put on record: person answered" in caplog.text


def test_what_a_stopping_process_has_not_written_is_in_its_log(
    keeper: KeepingJournal, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.broken = EVERYTHING
    with pytest.raises(StoreUnavailable):
        keeper.save_answer("call-1", ONE, NOW)
    keeper.stop()
    assert "call-1: never put on record: answer 1 in section 1: '1'" in caplog.text
    assert len(keeper) == 0
