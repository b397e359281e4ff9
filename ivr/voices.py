"""Which engine speaks which language: the drivers, by the names that settings use.

espeak              the built-in voice (python -m ivr.espeak), all its languages
flite:slt           flite, by voice; without one, its default
espeak-ng:fr        espeak-ng as a program; without a voice, the language is the voice
pico2wave:fr-FR     SVOX Pico, by its language
piper:/path/x.onnx  Piper, by its model
a command           anything else: a program and its arguments, with {file}, {language} and perhaps {text}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fs_app.domain.survey import language_tag
from fs_app.errors import ConfigError, InvalidInput, PromptError
from fs_app.switch.channel import speech_path
from ivr.speech_command import DEFAULT_TEMPLATE, SpeechCommand

# Where a program would take a text that begins with "-" for an option, the text goes to standard input or after "--".
_PROGRAMS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "flite": (("flite", "-t", "{text}", "-o", "{file}"), ("-voice", "{voice}")),
    "espeak-ng": (("espeak-ng", "--stdin", "-w", "{file}"), ("-v", "{voice}")),
    "pico2wave": (("pico2wave", "-w", "{file}"), ("-l", "{voice}")),
    "piper": (("piper", "--output_file", "{file}"), ("--model", "{voice}")),
}
_TRAILING = {"pico2wave": ("--", "{text}")}
_DEFAULT_VOICE = {"espeak-ng": "{language}"}
_NEEDS_VOICE = {"pico2wave": "a language, such as pico2wave:fr-FR", "piper": "a model, such as piper:/opt/fr.onnx"}
_VOICE = re.compile(r"[A-Za-z0-9_./+\-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SwitchVoice:
    """A speech engine inside the switch (mod_flite, mod_unimrcp …): nothing is rendered here, the switch speaks."""

    engine: str
    voice: str

    def path(self, text: str) -> str:
        """What is played instead of a file. Raises PromptError for a text without words."""
        try:
            return speech_path(self.engine, self.voice, text)
        except InvalidInput as error:
            raise PromptError(f"the switch cannot speak this: {error}") from None


Voice = SpeechCommand | SwitchVoice


@dataclass(frozen=True, slots=True)
class Voices:
    """The engine of each language: its own, else that of the language it is a kind of, else the default.

    >>> voices = Voices.of_settings(None, {"fr": ("flite",)})
    >>> voices.of("fr-CA").template[0], voices.of("en") == voices.default
    ('flite', True)
    """

    default: Voice = field(default_factory=SpeechCommand)
    by_language: Mapping[str, Voice] = field(default_factory=dict)

    def of(self, language: str) -> Voice:
        tag = language_tag(language)
        return self.by_language.get(tag) or self.by_language.get(tag.split("-")[0]) or self.default

    def rendering(self, language: str) -> SpeechCommand:
        """The engine that makes files in that language: where the switch speaks it, the default or built-in one."""
        for chosen in (self.of(language), self.default):
            if isinstance(chosen, SpeechCommand):
                return chosen
        return SpeechCommand()

    @staticmethod
    def of_settings(default: tuple[str, ...] | None, by_language: Mapping[str, tuple[str, ...]]) -> Voices:
        """From the settings ``tts`` and ``voices``. Raises ConfigError naming the one that cannot work."""
        own = SpeechCommand() if default is None else _named("FS_APP_TTS", default)
        voices = {language_tag(tag): _named(f"FS_APP_VOICES, {tag}", words) for tag, words in by_language.items()}
        return Voices(own, voices)


def voice(words: tuple[str, ...]) -> Voice:
    """The driver of a setting, a list of words. Raises ConfigError.

    >>> voice(("pico2wave:fr-FR",)).template
    ('pico2wave', '-w', '{file}', '-l', 'fr-FR', '--', '{text}')
    """
    if len(words) != 1:
        return SpeechCommand(words)
    name, _, own = words[0].partition(":")
    if name == "espeak" and not own:
        return SpeechCommand(DEFAULT_TEMPLATE)
    if name == "switch":
        return _switch_voice(own)
    if name not in _PROGRAMS:
        names = ", ".join(("espeak", *_PROGRAMS, "switch"))
        raise ConfigError(f"{words[0]!r} is no speech engine: give one of {names}, or a command with {{file}}")
    own = own or _DEFAULT_VOICE.get(name, "")
    if not own and name in _NEEDS_VOICE:
        raise ConfigError(f"{name} needs {_NEEDS_VOICE[name]}")
    if own and own != "{language}" and not _VOICE.fullmatch(own):
        raise ConfigError(f"{own!r} is no voice of {name}")
    program, option = _PROGRAMS[name]
    chosen = tuple(part.replace("{voice}", own) for part in option) if own else ()
    return SpeechCommand((*program, *chosen, *_TRAILING.get(name, ())))


def _switch_voice(name: str) -> SwitchVoice:
    engine, _, own = name.partition(":")
    try:
        speech_path(engine, own, "Hello")
    except InvalidInput:
        raise ConfigError(
            f"switch:{name} is no engine and voice of the switch: write it like switch:flite:slt"
        ) from None
    return SwitchVoice(engine, own)


def _named(setting: str, words: tuple[str, ...]) -> Voice:
    try:
        return voice(words)
    except ConfigError as exc:
        raise ConfigError(f"{setting}: {exc}") from None
