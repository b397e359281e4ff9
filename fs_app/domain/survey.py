"""A survey as the engine runs it and as sealing freezes it: sections and the branches between them.

A sealed survey is this value written as canonical JSON; its content hash is the SHA-256 of that JSON, in which every
recording is named by the SHA-256 of its bytes. Two surveys with one hash play the same words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from fs_app.domain.enums import AlarmResult, SectionType

# Keys of a branch besides digits.
ANY, INVALID, TIMEOUT = "any", "invalid", "timeout"


@dataclass(frozen=True, slots=True)
class Branch:
    """One way out of a section. ``keys`` is digits (``"1"``, ``"25"``), ``any``, ``invalid`` or ``timeout``."""

    keys: str
    goto: int | None = None  # id of the next section; None hangs up


@dataclass(frozen=True, slots=True)
class Translation:
    """A section's words and recordings in another language; see :meth:`Section.in_language` for what is left empty."""

    script: str = ""
    audio: str | None = None
    invalid_audio: str | None = None
    confirm_script: str = ""
    sms_text: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One IVR node. ``id`` is unique in its survey and never reused: answers refer to it for ever.

    ``audio`` and ``invalid_audio`` are SHA-256 hex digests of recordings; where one is None the text is spoken.
    ``timeout`` is in seconds, after the prompt has ended. ``retries`` is how often the prompt is repeated after a
    wrong or missing key, beyond the first time.
    """

    id: int
    type: SectionType
    order: int = 1
    question: str = ""
    script: str = ""
    audio: str | None = None
    invalid_audio: str | None = None
    retries: int = 0
    timeout: int = 5
    keys: Mapping[str, str] = field(default_factory=dict)  # multi-choice: digit -> its meaning in reports
    rating_laps: int = 9
    validate_number: bool = False
    number_digits: int = 2
    min_number: int = 0
    max_number: int = 100
    phonenumber: str = ""
    confirm_script: str = ""
    confirm_key: str = ""
    conference: str = ""
    sms_text: str = ""
    completed: bool = False  # reaching this section completes the survey
    results: Mapping[str, AlarmResult] | None = None  # digits -> result; None: the type's own rule
    record_seconds: int = 60  # a recording's greatest length
    record_silence: int = 3  # seconds of silence that end a recording
    translations: Mapping[str, Translation] = field(default_factory=dict)  # language tag -> words
    branches: tuple[Branch, ...] = ()

    def translation(self, language: str) -> tuple[str, Translation] | None:
        """The words nearest to that language, and the tag to speak them as; None when none are of its kind.

        ``pt-br`` is served by ``pt-br``, else ``pt`` (in its own accent), else another ``pt-…`` (in that one's).
        """
        wanted = language_tag(language)
        base = wanted.split("-")[0]
        known = {language_tag(tag): words for tag, words in sorted(self.translations.items())}
        for tag in (wanted, base):
            if tag in known:
                return wanted, known[tag]
        return next(((tag, words) for tag, words in known.items() if tag.split("-")[0] == base), None)

    def in_language(self, language: str) -> tuple[Section, str] | None:
        """The section as it is heard in that language, and the tag of the voice; None without words or audio in it.

        A translated script is spoken even where the section's own words are a recording. Its own recording for wrong
        keys does not come along: the engine has those words in many languages. Other words that are left empty are the
        section's own.
        """
        found = self.translation(language)
        if found is None or not (found[1].script.strip() or found[1].audio):
            return None
        tag, words = found
        heard = replace(
            self,
            script=words.script,
            audio=words.audio,
            invalid_audio=words.invalid_audio,
            confirm_script=words.confirm_script or self.confirm_script,
            sms_text=words.sms_text or self.sms_text,
        )
        return heard, tag

    def audio_hashes(self) -> frozenset[str]:
        """Every recording the section can play, in any language."""
        words: tuple[Section | Translation, ...] = (self, *self.translations.values())
        return frozenset(digest for w in words for digest in (w.audio, w.invalid_audio) if digest is not None)


def language_tag(text: str) -> str:
    """``"pt-br"`` of ``"pt_BR"``: one spelling for comparing."""
    return text.strip().replace("_", "-").lower()


@dataclass(frozen=True, slots=True)
class Survey:
    name: str
    sections: tuple[Section, ...]
    description: str = ""
    tts_language: str = "en"

    def section(self, section_id: int) -> Section:
        """The section with that id. Raises KeyError when there is none."""
        for section in self.sections:
            if section.id == section_id:
                return section
        raise KeyError(section_id)

    def heard(self, section: Section, wanted: str) -> tuple[Section, str]:
        """A section as a callee who wants that language hears it, and the language that is.

        Words are never read in a voice of another language: without a translation, they stay in the survey's own.
        ``en-GB`` is a voice for ``en``.
        """
        own, asked = language_tag(self.tts_language), language_tag(wanted)
        translated = section.in_language(wanted) if asked else None
        if translated is not None:
            return translated
        same = asked.split("-")[0] == own.split("-")[0]
        return section, wanted if same and "-" in asked else self.tts_language

    def first(self) -> Section:
        """Where the call starts: the lowest ``order``, then the lowest id. Raises ValueError on an empty survey."""
        if not self.sections:
            raise ValueError("a survey without sections has no first one")
        return min(self.sections, key=lambda s: (s.order, s.id))

    def audio_hashes(self) -> frozenset[str]:
        """Every recording the survey can play."""
        return frozenset(digest for section in self.sections for digest in section.audio_hashes())

    def to_json(self) -> str:
        """Canonical: one survey value has exactly one text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def content_hash(self) -> str:
        return hashlib.sha256(self.to_json().encode("utf-8")).hexdigest()

    @staticmethod
    def from_json(text: str) -> Survey:
        """The inverse of :meth:`to_json`. Unknown fields are an error (TypeError): nothing is silently dropped."""
        raw: dict[str, Any] = json.loads(text)
        sections = tuple(_section(s) for s in raw.pop("sections"))
        return Survey(sections=sections, **raw)


def _section(raw: dict[str, Any]) -> Section:
    unknown = raw.keys() - {f.name for f in fields(Section)}
    if unknown:
        raise TypeError(f"a section has no field {', '.join(sorted(unknown))}")
    results = raw.get("results")
    return Section(
        **{
            **raw,
            "type": SectionType(raw["type"]),
            "branches": tuple(Branch(**b) for b in raw.get("branches", ())),
            "translations": {k: Translation(**v) for k, v in raw.get("translations", {}).items()},
            "results": None if results is None else {k: AlarmResult(v) for k, v in results.items()},
        }
    )
