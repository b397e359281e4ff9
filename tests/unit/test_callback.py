"""Calls that come to the IVR: whose they are, and what those hear for whom nothing waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from fs_app.domain.calls import CallContext
from fs_app.domain.enums import IvrEnd, SectionType
from fs_app.domain.survey import Section, Survey
from fs_app.errors import StoreUnavailable, SwitchError
from ivr.callback import CALL, LANGUAGE, take_call
from ivr.dialogue import Prompt, Speech
from tests.fakes.channel import During, ScriptedChannel
from tests.fakes.journal import MemoryJournal

NOW = datetime(2030, 5, 1, 9, 0, tzinfo=UTC)
SURVEY = Survey("reminder", (Section(id=1, type=SectionType.HANGUP, script="Hello.", completed=True),))
CONTEXT = CallContext("call-1", SURVEY, {}, "en", time_limit=321)


class StillClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Named:
    """Prompts whose paths are what they say."""

    def path(self, prompt: Prompt) -> str:
        assert isinstance(prompt, Speech)
        return f"/{prompt.text}"

    def require(self, prompts: Iterable[Prompt]) -> None: ...

    def warm(self, prompts: Iterable[Prompt]) -> None: ...

    def file(self, prompt: Prompt) -> str:
        return self.path(prompt)

    def apology(self, language: str) -> str:
        return f"/apology-{language}"

    def no_message(self, language: str) -> str:
        return f"/no-message-{language}"


class Desk(MemoryJournal):
    """Knows one caller, and the reminder that waits for them."""

    asked = 0

    def open_callback(
        self, caller_number: str, called_number: str, call_uuid: str, now: datetime
    ) -> CallContext | None:
        self.asked += 1
        self._write("open_callback", now)
        assert (called_number, call_uuid, now) == ("15550100", "call-1", NOW)
        return CONTEXT if caller_number == "33612345678" else None


def channel(caller: str = "33612345678", *script: During, **variables: str) -> ScriptedChannel:
    made = ScriptedChannel(*script)
    made.caller_number, made.called_number, made.variables = caller, "15550100", variables
    return made


def take(call: ScriptedChannel, broken: str = "") -> tuple[IvrEnd | None, Desk]:
    desk = Desk(CONTEXT, broken=frozenset(broken.split()))
    return take_call(call, desk, Named(), StillClock()), desk


def test_a_call_of_ours_runs_its_survey_and_nobody_is_looked_up() -> None:
    call = channel("33612345678", **{CALL: "call-1"})
    end, desk = take(call)
    assert (end, desk.asked) == (IvrEnd.COMPLETED, 0)
    assert call.heard == [["/Hello."]]
    assert not any(what[0] == "hangup_after" for what in call.tape)  # its originate has seen to that


def test_who_calls_back_hears_the_reminder_within_its_time() -> None:
    call = channel()
    end, desk = take(call)
    assert (end, desk.ends) == (IvrEnd.COMPLETED, [(IvrEnd.COMPLETED, "section 1 hangs up")])
    assert call.tape[0] == ("hangup_after", 321)
    assert call.heard == [["/Hello."]]
    assert call.hung_up


@pytest.mark.parametrize(("variables", "language"), [({}, "en"), ({LANGUAGE: "fr"}, "fr")])
def test_a_stranger_hears_one_sentence(variables: dict[str, str], language: str) -> None:
    call = channel("", **variables)
    end, desk = take(call)
    assert (end, desk.ends) == (None, [])
    assert call.tape == [("answer",), ("play", f"/no-message-{language}"), ("hangup",)]


def test_a_stranger_who_hangs_up() -> None:
    end, _desk = take(channel("", During(hang_up=True)))
    assert end is None


def test_the_database_is_away() -> None:
    call = channel()
    end, desk = take(call, broken="open_callback")
    assert (end, desk.ends) == (IvrEnd.ERROR, [])
    assert call.tape == [("answer",), ("play", "/apology-en"), ("hangup",)]


def test_a_caller_who_is_gone_before_we_look() -> None:
    call = channel()
    call.hung_up, call.cause = True, "ORIGINATOR_CANCEL"
    end, desk = take(call)
    assert end is IvrEnd.HANGUP
    assert desk.ends == [(IvrEnd.HANGUP, "hung up before the end of the survey (ORIGINATOR_CANCEL)")]


def test_a_call_that_cannot_be_limited_is_heard_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    call = channel()

    def refuse(seconds: int) -> None:
        raise SwitchError("no such application")

    monkeypatch.setattr(call, "hangup_after", refuse)
    assert take(call)[0] is IvrEnd.COMPLETED


def test_a_channel_that_breaks_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    call = channel("")

    def broken() -> None:
        raise StoreUnavailable("anything")

    monkeypatch.setattr(call, "answer", broken)
    monkeypatch.setattr(call, "hangup", broken)
    assert take(call)[0] is None
