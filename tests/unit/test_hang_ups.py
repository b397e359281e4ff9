"""A hang-up at each moment that a call has, in a survey with a section of every type: nothing pressed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gevent.threadpool import ThreadPool

from fs_app.domain.enums import IvrEnd, SectionType
from fs_app.domain.survey import Branch, Section
from tests.fakes.channel import During
from tests.fakes.journal import MemoryJournal
from tests.unit.test_runner import World, with_sections

ASKING = (SectionType.MULTI_CHOICE, SectionType.RATING, SectionType.CAPTURE_DIGITS)
ORDER = [kind for kind in SectionType if kind is not SectionType.HANGUP]


def section(number: int, kind: SectionType) -> Section:
    return Section(
        id=number,
        type=kind,
        order=number,
        script=f"Words {number}.",
        branches=(Branch("any" if kind in ASKING else "0", number + 1),),
        keys={"1": "yes"} if kind is SectionType.MULTI_CHOICE else {},
        number_digits=2 if kind is SectionType.CAPTURE_DIGITS else None,
        phonenumber="15550199" if kind is SectionType.CALL_TRANSFER else "",
        conference="room" if kind is SectionType.CONFERENCE else "",
        sms_text="Dear patient" if kind is SectionType.SMS else "",
    )


SECTIONS = [section(at, kind) for at, kind in enumerate(ORDER, start=1)]
LAST = Section(id=len(SECTIONS) + 1, type=SectionType.HANGUP, order=99, script="Goodbye.", completed=True)
CONTEXT = replace(with_sections(*SECTIONS, LAST), gateway="loopback/{number}/there")
KEYS = {"gather": "1", "conference": "#"}
CHANNEL = ("play", "gather", "record", "transfer", "conference")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    threads = ThreadPool(4)
    yield World(tmp_path, threads)
    threads.kill()


def moments(world: World) -> list[str]:
    """What the channel is asked for in a whole call: found by going there, one step further each time."""
    found: list[str] = []
    while True:
        world.tape.clear()
        end, _, _ = world.call(*(During(KEYS.get(step, "")) for step in found), During(hang_up=True), context=CONTEXT)
        steps = [entry[0] for entry in world.tape if entry[0] in CHANNEL]
        if end is IvrEnd.COMPLETED and len(steps) <= len(found):
            return found
        found = steps[: len(found) + 1]


def answers(journal: MemoryJournal) -> list[tuple[int, str, bool]]:
    return [(a.section_id, a.digits, a.valid) for a in journal.answers]


def test_a_hang_up_at_each_moment(world: World) -> None:
    steps = moments(world)
    assert set(steps) == set(CHANNEL)
    script = [During(KEYS.get(step, "")) for step in steps]
    _, _, whole = world.call(*script, context=CONTEXT)
    assert len(answers(whole)) >= len(ORDER) - 1
    for at, step in enumerate(steps):
        end, channel, journal = world.call(*script[:at], During(hang_up=True), context=CONTEXT)
        assert end in (IvrEnd.HANGUP, IvrEnd.COMPLETED), (at, step)
        assert [e for e, _ in journal.ends] == [end]
        assert channel.hung_up
        # What was said before is there, in its order, and nothing was made up: no key is a missing key.
        told = [answer for answer in answers(journal) if answer[1]]
        assert told == [answer for answer in answers(whole) if answer[1]][: len(told)]
        assert len(told) >= sum(s == "gather" for s in steps[:at])


def test_a_key_with_the_hang_up_at_each_moment(world: World) -> None:
    steps = moments(world)
    script = [During(KEYS.get(step, "")) for step in steps]
    for at, step in enumerate(steps):
        _, _, before = world.call(*script[:at], During(hang_up=True), context=CONTEXT)
        end, _, journal = world.call(*script[:at], During("1", hang_up=True), context=CONTEXT)
        assert [e for e, _ in journal.ends] == [end]
        told = [answer for answer in answers(journal) if answer[1]]
        known = [answer for answer in answers(before) if answer[1]]
        assert told[: len(known)] == known
        if step == "gather":
            assert len(told) > sum(s == "gather" for s in steps[:at]), (at, step)
