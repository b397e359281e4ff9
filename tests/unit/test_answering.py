"""DESIGN's table of who answered and what follows, with every way in which a call can end meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fs_app.domain.calls import Answering, CallContext
from fs_app.domain.enums import AmdBehavior, IvrEnd, SectionType, WhoAnswered
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.errors import PromptError
from fs_app.switch.channel import SOCKET_CLOSED
from ivr.answering import answered, own_words
from ivr.dialogue import Prompt, Recording, Speech
from ivr.runner import run_call, warm_call
from ivr.words import goodbye
from tests.fakes.channel import During, ScriptedChannel
from tests.fakes.journal import MemoryJournal
from tests.unit.test_runner import StillClock
from tests.voices import beep, frames, quiet, talk

PERSON = frames(quiet(300), talk(500), quiet(3000))
MACHINE = frames(quiet(500), talk(6000), quiet(400), beep(500), quiet(1000))
NOBODY = frames(quiet(9000))
MESSAGE = "ab" * 32
ASK = Section(id=1, type=SectionType.RATING, script="Press 1.", branches=(Branch("any", 2),))
THANKS = Section(id=2, type=SectionType.HANGUP, order=2, script="Thank you.", completed=True)
CALL = CallContext("call-1", Survey("reminder", (ASK, THANKS)), {}, "en")
FIRST, LEFT, BYE = "/Press 1..wav", f"/{MESSAGE}.wav", f"/{goodbye('en').text}.wav"
PAUSE = "silence_stream://2000"


class NamedPrompts:
    """Files named by what is in them."""

    def __init__(self, *missing: str) -> None:
        self.missing = missing
        self.made: list[Prompt] = []

    def path(self, prompt: Prompt) -> str:
        path = f"/{prompt.text if isinstance(prompt, Speech) else prompt.sha256}.wav"
        if path in self.missing:
            raise PromptError(f"no {path}")
        return path

    def require(self, prompts: Any) -> None:
        for prompt in prompts:
            self.made.append(prompt)
            self.path(prompt)

    def warm(self, prompts: Any) -> None:
        pass

    def file(self, prompt: Prompt) -> str:
        return self.path(prompt)

    def apology(self, language: str) -> str:
        return "/sorry.wav"


def call(
    behavior: AmdBehavior,
    *script: During,
    message: str | None = MESSAGE,
    prompts: NamedPrompts | None = None,
    broken: str = "",
    variables: dict[str, str] | None = None,
    **parameters: object,
) -> tuple[IvrEnd | None, ScriptedChannel, MemoryJournal]:
    context = replace(CALL, answering=Answering(behavior, message, parameters))
    tape: list[tuple[Any, ...]] = []
    channel = ScriptedChannel(*script, tape=tape)
    channel.variables = variables or {}
    journal = MemoryJournal(context, tape=tape, broken=frozenset(broken.split()))
    end = run_call(channel, journal, prompts or NamedPrompts(), StillClock(), answering=answered)
    return end, channel, journal


@pytest.mark.parametrize("behavior", [AmdBehavior.ALWAYS, AmdBehavior.HUMAN_ONLY])
@pytest.mark.parametrize(("heard", "who"), [(PERSON, WhoAnswered.PERSON), (NOBODY, WhoAnswered.UNKNOWN)])
def test_a_person_or_nobody_knows_who_gets_the_survey(
    behavior: AmdBehavior, heard: tuple[bytes, ...], who: WhoAnswered
) -> None:
    end, channel, journal = call(behavior, During(frames=heard), During(keys="1"))
    assert end is IvrEnd.COMPLETED
    assert [(said, ms > 0 and reason != "") for said, reason, ms in journal.answered] == [(who, True)]
    assert channel.heard[0] == [FIRST]
    assert [a.digits for a in journal.answers] == ["1"]
    assert channel.tape[:4] == [("open_call",), ("answer",), ("listen",), ("who_answered", who)]


def test_for_machines_only_a_person_is_let_go_politely() -> None:
    end, channel, journal = call(AmdBehavior.VOICEMAIL_ONLY, During(frames=PERSON))
    assert end is None
    assert channel.heard == [[BYE]]
    assert channel.tape[-2:] == [("ended", IvrEnd.COMPLETED), ("hangup",)]
    assert journal.messages == 0
    assert journal.sections == []


def test_for_persons_only_a_machine_hears_nothing() -> None:
    end, channel, journal = call(AmdBehavior.HUMAN_ONLY, During(frames=MACHINE))
    assert end is None
    assert channel.heard == []
    assert journal.answered[0][0] is WhoAnswered.MACHINE
    assert channel.tape[-2:] == [("ended", IvrEnd.COMPLETED), ("hangup",)]
    assert journal.messages == 0


@pytest.mark.parametrize("behavior", [AmdBehavior.ALWAYS, AmdBehavior.VOICEMAIL_ONLY])
@pytest.mark.parametrize(("message", "file"), [(MESSAGE, LEFT), (None, FIRST)])
def test_a_machine_gets_the_message_once_after_its_beep(behavior: AmdBehavior, message: str | None, file: str) -> None:
    end, channel, journal = call(behavior, During(frames=MACHINE), message=message)
    assert end is None
    assert channel.heard == [[file], [PAUSE]]
    assert journal.messages == 1
    assert "after a beep" in journal.ends[0][1]
    order = [step for step in channel.tape if step[0] != "hangup"]
    assert order[-4:] == [("play", file), ("message_left",), ("play", PAUSE), ("ended", IvrEnd.COMPLETED)]


def test_without_a_beep_the_message_follows_the_silence() -> None:
    _, _, journal = call(AmdBehavior.ALWAYS, During(frames=frames(talk(6000), quiet(4000))), message_silence=2000)
    assert "2000 ms of silence" in journal.ends[0][1]


def test_the_machine_hangs_up_during_its_greeting() -> None:
    end, channel, journal = call(AmdBehavior.ALWAYS, During(frames=MACHINE[:280], hang_up=True))
    assert end is IvrEnd.HANGUP
    assert (channel.heard, journal.messages) == ([], 0)
    assert journal.answered[0][0] is WhoAnswered.MACHINE


def test_the_machine_hangs_up_during_the_message() -> None:
    end, _, journal = call(AmdBehavior.ALWAYS, During(frames=MACHINE), During(hang_up=True))
    assert (end, journal.messages) == (IvrEnd.HANGUP, 0)


def test_the_machine_hangs_up_after_the_message() -> None:
    _, _, journal = call(AmdBehavior.ALWAYS, During(frames=MACHINE), During(), During(hang_up=True))
    assert journal.messages == 1
    assert journal.ends[0][0] is IvrEnd.COMPLETED


def test_the_callee_hangs_up_before_anything_is_known() -> None:
    end, channel, journal = call(AmdBehavior.ALWAYS, During(frames=PERSON[:20], hang_up=True))
    assert end is IvrEnd.HANGUP
    assert [(who, ms) for who, _, ms in journal.answered] == [(WhoAnswered.UNKNOWN, 400)]
    assert (channel.heard, journal.sections) == ([], [])


def test_a_switch_that_is_lost_leaves_the_end_open() -> None:
    end, _, journal = call(AmdBehavior.ALWAYS, During(frames=MACHINE[:100], hang_up=True, cause=SOCKET_CLOSED))
    assert (end, journal.ends) == (IvrEnd.ERROR, [])


def test_a_key_while_we_listen_is_an_answer_of_a_person() -> None:
    end, channel, journal = call(AmdBehavior.ALWAYS, During(frames=MACHINE, keys="1"))
    assert end is IvrEnd.COMPLETED
    assert [who for who, _, _ in journal.answered] == [WhoAnswered.PERSON]
    assert [a.digits for a in journal.answers] == ["1"]
    assert [FIRST] not in channel.heard


@pytest.mark.parametrize("moment", [1, 2])
def test_a_key_in_the_survey_first_words_answers_them(moment: int) -> None:
    script = [During(frames=MACHINE), During(), During()]
    script[moment] = During(keys="1")
    end, channel, journal = call(AmdBehavior.ALWAYS, *script, message=None)
    assert end is IvrEnd.COMPLETED
    assert [who for who, _, _ in journal.answered] == [WhoAnswered.MACHINE, WhoAnswered.PERSON]
    assert [a.digits for a in journal.answers] == ["1"]
    assert channel.heard.count([FIRST]) == 1


def test_a_key_in_a_message_of_its_own_starts_the_survey() -> None:
    end, channel, journal = call(
        AmdBehavior.ALWAYS, During(frames=MACHINE), During(keys="2"), During(keys="1"), During()
    )
    assert end is IvrEnd.COMPLETED
    assert channel.heard[:2] == [[LEFT], [FIRST]]
    assert [a.digits for a in journal.answers] == ["1"]


def test_a_message_that_cannot_be_played_is_a_fault() -> None:
    end, channel, journal = call(AmdBehavior.ALWAYS, During(frames=MACHINE), During(missing=True))
    assert (end, journal.messages) == (IvrEnd.ERROR, 0)
    assert channel.heard[-1] == ["/sorry.wav"]
    assert journal.ends == [(IvrEnd.ERROR, "the message for the machine could not be played")]


def test_a_goodbye_that_cannot_be_made_is_left_out() -> None:
    _, channel, journal = call(AmdBehavior.VOICEMAIL_ONLY, During(frames=PERSON), prompts=NamedPrompts(BYE))
    assert channel.heard == []
    assert journal.ends[0][0] is IvrEnd.COMPLETED


def test_a_database_that_is_away_ends_the_call_with_a_sentence() -> None:
    end, channel, _ = call(AmdBehavior.ALWAYS, During(frames=PERSON), broken="who_answered")
    assert end is IvrEnd.ERROR
    assert channel.heard == [["/sorry.wav"]]


def test_parameters_that_nobody_should_have_stored_are_not_used() -> None:
    end, _, journal = call(AmdBehavior.ALWAYS, During(frames=PERSON), During(keys="1"), wrong=1)
    assert end is IvrEnd.COMPLETED
    assert journal.answered[0][0] is WhoAnswered.PERSON


def test_parameters_are_used() -> None:
    _, _, journal = call(AmdBehavior.ALWAYS, During(frames=NOBODY), During(keys="1"), initial_silence=1000)
    assert journal.answered == [(WhoAnswered.UNKNOWN, "no speech for 1000 ms", 1000)]


@pytest.mark.parametrize(
    ("word", "who", "left"),
    [
        ("HUMAN", WhoAnswered.PERSON, 0),
        ("machine", WhoAnswered.MACHINE, 1),
        ("answering machine", WhoAnswered.MACHINE, 1),
        ("NOTSURE", WhoAnswered.UNKNOWN, 0),
    ],
)
def test_a_module_of_the_switch_is_believed(word: str, who: WhoAnswered, left: int) -> None:
    _, channel, journal = call(
        AmdBehavior.ALWAYS,
        During(frames=MACHINE),
        During(keys="" if left else "1"),
        variables={"amd_result": word},
        variable="amd_result",
    )
    assert journal.answered == [(who, f"amd_result is {word!r}", 0)]
    assert journal.messages == left
    assert channel.heard[0] == [LEFT if left else FIRST]


def test_a_module_that_says_nothing_is_not_waited_for() -> None:
    _, _, journal = call(AmdBehavior.ALWAYS, During(frames=PERSON), During(keys="1"), variable="amd_result")
    assert journal.answered[0][0] is WhoAnswered.PERSON


def test_without_detection_nothing_is_asked() -> None:
    journal = MemoryJournal(CALL)
    channel = ScriptedChannel(During(keys="1"))
    run_call(channel, journal, NamedPrompts(), StillClock(), answering=answered)
    assert journal.answered == []
    assert ("listen",) not in channel.tape


def test_what_a_machine_is_told_is_made_before_the_call() -> None:
    prompts = NamedPrompts(LEFT)
    context = replace(CALL, answering=Answering(AmdBehavior.ALWAYS, MESSAGE))
    with pytest.raises(PromptError):
        warm_call(context, prompts)
    assert own_words(context) == (Recording(MESSAGE),)
    machines = replace(CALL, answering=Answering(AmdBehavior.VOICEMAIL_ONLY, MESSAGE))
    assert own_words(machines) == (Recording(MESSAGE), goodbye("en"))
    persons = replace(CALL, answering=Answering(AmdBehavior.HUMAN_ONLY, MESSAGE))
    assert own_words(persons) == own_words(CALL) == ()


# The last sound is one that our own ears do not take for a beep.
ODD = frames(quiet(500), talk(6000), quiet(400), talk(400, seed=5), quiet(2500))


@pytest.mark.parametrize("avmd", [True, False])
def test_a_beep_that_only_the_switch_has_heard(avmd: bool) -> None:
    _, channel, journal = call(AmdBehavior.ALWAYS, During(frames=ODD, beep=350), avmd=avmd, message_silence=20_000)
    assert channel.heard[0] == [LEFT]
    assert ("after a beep that mod_avmd heard" in journal.ends[0][1]) is avmd
    assert journal.messages == 1


def test_a_vowel_that_the_switch_took_for_a_beep() -> None:
    """Speech goes on after it, so it was none, and the real one is waited for."""
    _, channel, journal = call(AmdBehavior.ALWAYS, During(frames=MACHINE, beep=220))
    assert channel.heard == [[LEFT], [PAUSE]]
    assert "after a beep, " in journal.ends[0][1]
