"""Speech engines by name and by language."""

from __future__ import annotations

from pathlib import Path

import pytest

from fs_app.config import load
from fs_app.errors import ConfigError, PromptError
from fs_app.switch.channel import check_path
from ivr.dialogue import Speech
from ivr.prompt_files import PromptFiles
from ivr.speech_command import SpeechCommand
from ivr.voices import SwitchVoice, Voices, voice
from tests.sounds import wav


@pytest.mark.parametrize(
    ("words", "argv"),
    [
        (("flite:slt",), ["flite", "-t", "-v hi", "-o", "/x.wav", "-voice", "slt"]),
        (("flite",), ["flite", "-t", "-v hi", "-o", "/x.wav"]),
        (("espeak-ng",), ["espeak-ng", "--stdin", "-w", "/x.wav", "-v", "fr-ca"]),
        (("espeak-ng:mb-fr1",), ["espeak-ng", "--stdin", "-w", "/x.wav", "-v", "mb-fr1"]),
        (("pico2wave:fr-FR",), ["pico2wave", "-w", "/x.wav", "-l", "fr-FR", "--", "-v hi"]),
        (("piper:/opt/fr.onnx",), ["piper", "--output_file", "/x.wav", "--model", "/opt/fr.onnx"]),
        (("say", "{file}"), ["say", "/x.wav"]),
    ],
)
def test_what_is_run(words: tuple[str, ...], argv: list[str]) -> None:
    command = voice(words)
    assert isinstance(command, SpeechCommand)
    assert command.argv("-v hi", "fr-ca", "/x.wav") == argv


@pytest.mark.parametrize(
    "words", [("nothing",), ("piper",), ("pico2wave",), ("flite:{text}",), ("flite: x",), ("a", "b")]
)
def test_what_could_never_speak(words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        voice(words)


def test_each_language_has_its_engine() -> None:
    voices = Voices.of_settings(("flite",), {"fr": ("espeak-ng",), "pt_BR": ("espeak-ng:pt-br",)})
    assert voices.of("fr_CA") == voices.of("fr") == voice(("espeak-ng",))
    assert voices.of("pt-br") == voice(("espeak-ng:pt-br",))
    assert voices.of("pt") == voices.of("en") == voice(("flite",))
    assert Voices.of_settings(None, {}).of("en") == SpeechCommand()
    with pytest.raises(ConfigError, match=r"FS_APP_VOICES, fr: .*'none'"):
        Voices.of_settings(None, {"fr": ("none",)})


def test_the_switch_speaks_by_itself(tmp_path: Path) -> None:
    voices = Voices.of_settings(None, {"en": ("switch:flite:slt",)})
    assert voices.of("en-gb") == SwitchVoice("flite", "slt")
    source = tmp_path / "words.wav"
    source.write_bytes(wav(bytes(80)))
    files = PromptFiles(tmp_path / "sounds", Voices(SpeechCommand(("cp", str(source), "{file}")), voices.by_language))
    hello = Speech("Hello ${env}, it is\n{3}:30 PM.", "en")
    assert files.existing(hello) == "say:flite:slt:Hello env, it is 3:30 PM."
    check_path(str(files.existing(hello)))
    # Where only files are played, the default makes one.
    assert files.existing(hello, file=True) is None
    made = files.render(hello)
    assert files.existing(hello, file=True) == made
    assert Path(made).read_bytes() == source.read_bytes()
    with pytest.raises(PromptError, match="no words"):
        files.existing(Speech("${}", "en"))
    for wrong in ("switch", "switch:flite", "switch:flite:", "switch:a b:c", "switch:a:b:c|d"):
        with pytest.raises(ConfigError):
            voice((wrong,))


def test_settings(tmp_path: Path) -> None:
    env = {"FS_APP_VOICES": "fr=pico2wave:fr-FR; de = say -o {file} '{language}'", "FS_APP_SOUNDS_LIMIT": "2"}
    settings = load(env)
    assert settings.voices == {"fr": ("pico2wave:fr-FR",), "de": ("say", "-o", "{file}", "{language}")}
    assert settings.sounds_limit == 2 * 1024**2
    file = tmp_path / "a.toml"
    file.write_text('[voices]\nfr = "flite:slt"\nde = ["say", "{file}"]\n', encoding="utf-8")
    assert load({}, str(file)).voices == {"fr": ("flite:slt",), "de": ("say", "{file}")}
    for wrong in ("flite", "french=flite", "fr=", ""):
        with pytest.raises(ConfigError, match="fr=pico2wave"):
            load({"FS_APP_VOICES": wrong})
