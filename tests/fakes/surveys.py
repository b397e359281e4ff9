"""Surveys of every shape, for property tests."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from fs_app.domain.enums import AlarmResult, SectionType
from fs_app.domain.lint import lint
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.domain.ways import KEYED, valid_keys

SCRIPTS = ("Hello {name}.", "Press a key.", "{unknown}")
AUDIO = "ab" * 32


@st.composite
def sections(draw: st.DrawFn, section_id: int, count: int) -> Section:
    kind = draw(st.sampled_from(sorted(SectionType)))
    keys = draw(st.dictionaries(st.sampled_from("0123456789"), st.just("meaning"), min_size=1, max_size=4))
    section = Section(
        id=section_id,
        type=kind,
        order=section_id,
        question=draw(st.sampled_from(("", "How was it?"))),
        script=draw(st.sampled_from(SCRIPTS)),
        audio=draw(st.sampled_from((None, AUDIO))),
        invalid_audio=draw(st.sampled_from((None, AUDIO))),
        retries=draw(st.integers(0, 3)),
        keys=keys if kind is SectionType.MULTI_CHOICE else {},
        rating_laps=draw(st.integers(1, 12)),
        number_digits=draw(st.integers(1, 4)),
        validate_number=draw(st.booleans()),
        max_number=draw(st.sampled_from((1, 25, 100, 99999))),
        phonenumber=draw(st.sampled_from(("", "+15550100", "sip:desk@pbx.example.org"))),
        confirm_key=draw(st.sampled_from(("", "1"))),
        conference="room",
        sms_text=draw(st.sampled_from(("See you {day}.", "{unknown}"))),
        completed=draw(st.booleans()),
    )
    valid = valid_keys(section)
    if kind is SectionType.CAPTURE_DIGITS:
        valid = ("0", "1")
    if kind in KEYED:
        exits: list[str] = [*valid, "any", "invalid", "timeout"]
    else:
        exits = [] if kind is SectionType.HANGUP else ["0", "timeout"]
    goto = st.one_of(st.none(), st.integers(1, count))
    chosen = draw(st.lists(st.sampled_from(exits), unique=True, max_size=5)) if exits else []
    results = st.dictionaries(st.sampled_from(valid), st.sampled_from(AlarmResult)) if valid else st.just({})
    return replace(
        section,
        branches=tuple(Branch(key, draw(goto)) for key in chosen),
        results=draw(st.one_of(st.none(), results)),
    )


@st.composite
def raw_surveys(draw: st.DrawFn) -> Survey:
    """Well-formed sections, joined anyhow."""
    count = draw(st.integers(1, 5))
    return Survey("any", tuple(draw(sections(n, count)) for n in range(1, count + 1)))


def _without_unreachable(survey: Survey) -> Survey:
    lost = {f.section_id for f in lint(survey) if f.code == "unreachable"}
    return replace(survey, sections=tuple(s for s in survey.sections if s.id not in lost))


def good_surveys() -> st.SearchStrategy[Survey]:
    """Surveys that lint accepts."""
    return (
        raw_surveys()
        .map(_without_unreachable)
        .filter(lambda survey: not any(f.severity == "error" for f in lint(survey)))
    )
