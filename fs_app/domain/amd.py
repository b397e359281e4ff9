"""How the judge of person or machine decides: its parameters, as a calendar setting may change them; and what a
detection module of the switch says in its own words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from fs_app.domain.enums import WhoAnswered
from fs_app.errors import InvalidInput

# Name -> lowest and highest value that makes sense; all are in milliseconds.
LIMITS: Mapping[str, tuple[int, int]] = {
    "initial_silence": (1000, 20_000),
    "silence_after_word": (200, 3000),
    "silence_after_phrase": (200, 5000),
    "word": (100, 2000),
    "phrase": (200, 5000),
    "greeting": (1000, 20_000),
    "total": (1500, 30_000),
    "message_silence": (500, 20_000),
    "message_wait": (1000, 300_000),
}


FLAGS = ("avmd", "silence_is_machine")
_VARIABLE = re.compile(r"[A-Za-z0-9_.\-]{1,64}", re.ASCII)
_PERSON = frozenset({"person", "human", "hum", "live"})
_MACHINE = frozenset({"machine", "amd", "mach", "voicemail", "answering_machine", "fax", "beep", "tone", "sit"})


def in_other_words(word: str) -> WhoAnswered:
    """What a detection module of the switch says, in the words of the known ones; anything else is unknown.

    >>> in_other_words("HUMAN")
    <WhoAnswered.PERSON: 'person'>
    """
    word = word.strip().lower().replace("-", "_").replace(" ", "_")
    if word in _PERSON:
        return WhoAnswered.PERSON
    return WhoAnswered.MACHINE if word in _MACHINE else WhoAnswered.UNKNOWN


@dataclass(frozen=True, slots=True)
class AmdParameters:
    """Times in milliseconds. docs/amd.md says what each does, and how the defaults were chosen.

    ``initial_silence``: nobody speaks for so long after the answer: unknown. ``silence_after_word`` after speech no
    longer than ``word``, and ``silence_after_phrase`` after speech of ``phrase`` or more, mean that somebody waits for
    an answer: a person; in between it is in proportion. Speech of ``greeting`` without such a silence: a machine.
    ``total``: no decision in so long: unknown. With a machine, ``message_silence`` ends its greeting where no beep
    comes, and after ``message_wait`` the message is left whatever the machine does. ``variable``: a channel variable
    of the switch's own detection module; where it is set, it decides. ``avmd``: whether the switch's mod_avmd, where
    it is loaded, looks for the machine's beep, too. ``silence_is_machine``: who says nothing for ``initial_silence``
    is a machine instead of unknown.
    """

    initial_silence: int = 4000
    silence_after_word: int = 660
    silence_after_phrase: int = 1300
    word: int = 900
    phrase: int = 1100
    greeting: int = 3200
    total: int = 8000
    message_silence: int = 3000
    message_wait: int = 60_000
    variable: str = ""
    avmd: bool = True
    silence_is_machine: bool = False

    @staticmethod
    def from_mapping(values: Mapping[str, object], field: str = "amd_parameters") -> AmdParameters:
        """Those given, and the defaults for the others, as far as they go together.

        Raises InvalidInput for an unknown name, a ``variable`` that is no name, a flag that is not true or false,
        a value that is not a whole number within :data:`LIMITS`, a ``phrase`` that is not longer than a ``word``, and a
        ``silence_after_phrase`` shorter than ``silence_after_word``.
        """
        checked: dict[str, Any] = {}
        variable = values.get("variable", "")
        if not isinstance(variable, str) or not (variable == "" or _VARIABLE.fullmatch(variable)):
            raise InvalidInput(field, "variable is the name of a channel variable, such as amd_result")
        for name in FLAGS:
            if name in values:
                if not isinstance(values[name], bool):
                    raise InvalidInput(field, f"{name} is true or false")
                checked[name] = values[name]
        for name, value in values.items():
            if name == "variable" or name in FLAGS:
                continue
            if name not in LIMITS:
                raise InvalidInput(
                    field, f"there is no {str(name)[:40]!r}; there are {', '.join((*LIMITS, *FLAGS))} and variable"
                )
            low, high = LIMITS[name]
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not number or value != int(value) or not low <= value <= high:  # type: ignore[call-overload,operator]
                raise InvalidInput(field, f"{name} is a whole number of milliseconds from {low} to {high}")
            checked[name] = int(value)  # type: ignore[call-overload]
        made = AmdParameters(**checked, variable=variable)
        # Who sets one of a pair must not have to know the default of the other.
        if "phrase" not in values:
            made = replace(made, phrase=max(made.phrase, made.word + 200))
        elif "word" not in values:
            made = replace(made, word=min(made.word, max(LIMITS["word"][0], made.phrase - 200)))
        if "silence_after_phrase" not in values:
            made = replace(made, silence_after_phrase=max(made.silence_after_phrase, made.silence_after_word))
        elif "silence_after_word" not in values:
            made = replace(made, silence_after_word=min(made.silence_after_word, made.silence_after_phrase))
        if made.phrase <= made.word:
            raise InvalidInput(field, f"phrase ({made.phrase}) is longer than word ({made.word})")
        if made.silence_after_phrase < made.silence_after_word:
            raise InvalidInput(field, "silence_after_phrase is no shorter than silence_after_word")
        return made


assert {*LIMITS, *FLAGS, "variable"} == {f.name for f in fields(AmdParameters)}
