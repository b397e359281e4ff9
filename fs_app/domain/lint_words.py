"""What lint says of the words of a section, in all its languages: what is missing, and tags that nothing fills.

Each finding is (severity, code, clause); the clause goes on from the section's name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Literal

from fs_app.domain import tags
from fs_app.domain.enums import SectionType
from fs_app.domain.survey import Section, Translation, language_tag
from fs_app.domain.ways import KEYED

Found = Iterator[tuple[Literal["error", "warning"], str, str]]
_SPEAKING = KEYED | {SectionType.PLAY_MESSAGE, SectionType.RECORD_MESSAGE}


def words(section: Section, languages: Collection[str], data_names: Collection[str] | None) -> Found:
    """``languages`` are those that the survey has words in somewhere; ``data_names`` what events carry, None when
    nobody knows."""
    if section.type in _SPEAKING and section.audio is None and not section.script.strip():
        yield "error", "no-words", "has nothing to say: give it a script or an audio file"
    texts = list(_texts(section))
    for language, translation in section.translations.items():
        texts += [(f" ({language})", text) for _, text in _texts(translation)]
    used: dict[str, None] = {}
    for where, text in texts:
        for problem in tags.problems(text):
            yield "error", "bad-tag", problem.replace("in its text", f"in its text{where}")
        used.update(dict.fromkeys(tags.names(text)))
    for name in used:
        yield from _filled(name, data_names)
    if section.audio is not None or section.script.strip():
        for language in languages:
            if section.in_language(language) is None:
                yield (
                    "warning",
                    "untranslated",
                    f"has no words in {language!r}, as others have, so a callee hears it in the survey's own language:"
                    " translate it",
                )


def languages_of(sections: Iterable[Section]) -> tuple[str, ...]:
    """The languages that any section is heard in besides the survey's own."""
    found = {
        language_tag(tag)
        for section in sections
        for tag in section.translations
        if section.in_language(tag) is not None
    }
    return tuple(sorted(found))


def _texts(words: Section | Translation) -> list[tuple[str, str]]:
    return [("", text) for text in (words.script, words.confirm_script, words.sms_text) if text]


def _filled(name: str, data_names: Collection[str] | None) -> Found:
    if name in tags.BUILT_IN or (data_names is not None and name in data_names):
        return
    near = get_close_matches(name, tags.BUILT_IN, n=1, cutoff=0.85)
    if near:
        yield "warning", "unfilled-tag", f"uses {{{name}}}, which is not built in: is {{{near[0]}}} meant?"
    elif data_names is not None:
        yield (
            "warning",
            "unfilled-tag",
            f"uses {{{name}}}, which is neither built in nor in the data of any recent event: it becomes nothing",
        )
