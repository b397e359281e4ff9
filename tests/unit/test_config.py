"""Settings: the file, the environment, and one sentence for each mistake."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from fs_app import config
from fs_app.config import Address, Settings
from fs_app.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == [f.name for f in fields(Settings)]


def test_the_documented_example_is_accepted(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    path = tmp_path / "fs-app.toml"
    path.write_text(example.group(1), encoding="utf-8")
    settings = config.load({}, str(path))
    assert settings.timezone.key == "Europe/Paris"
    assert settings.sounds == Path("/var/lib/fs-app/sounds")


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "fs-app.toml"
    path.write_text('http = "127.0.0.1:1"\nlease = 5\nesl = ["a:1", "b:2"]\ntts = ["say", "{file}"]\n')
    settings = config.load({"FS_APP_CONFIG": str(path), "FS_APP_HTTP": "0.0.0.0:2"})
    assert settings.http == Address("0.0.0.0", 2)
    assert settings.lease == timedelta(seconds=5)
    assert settings.esl == (Address("a", 1), Address("b", 2))
    assert settings.tts == ("say", "{file}")


def test_the_defaults_are_those_of_a_stock_freeswitch() -> None:
    settings = config.load({})
    assert settings.esl == (Address("127.0.0.1", 8021),)
    assert settings.esl_password == "ClueCon"
    assert settings.outbound == Address("127.0.0.1", 8084)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HTTP", "8000", "must be host:port"),
        ("HTTP", "localhost:99999", "must be host:port"),
        ("HTTP", "local host:80", "must be host:port"),
        ("ESL", "a:1,a:1", "twice"),
        ("DATABASE", "mysql://x/y", "sqlite:///path or postgresql://"),
        ("TIMEZONE", "Mars/Olympus", "IANA"),
        ("TIMEZONE", "../etc/passwd", "IANA"),
        ("LEASE", "soon", "a number from 2 to 3600"),
        ("LEASE", "nan", "a number from 2 to 3600"),
        ("MAX_CALLS", "1.5", "a whole number"),
        ("LOG_LEVEL", "loud", "one of debug, info"),
        ("ESL_PASSWORD", "", "not empty"),
        ("TTS", "", "must be a command"),
        ("TTS", "say 'it", "must be a command"),
        ("ESL", "127.0.0.1:0", "not 0"),
        ("OUTBOUND", "0.0.0.0:8084", "FS_APP_OUTBOUND_ADVERTISE"),
        ("COLOUR", "red", "no such setting"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load({f"FS_APP_{name}": value})
    message = str(caught.value)
    assert f"FS_APP_{name}" in message
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["http = ", "colour = 1", "lease = true", "http = 80"])
def test_a_wrong_file_names_itself(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fs-app.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        config.load({}, str(path))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load({}, str(tmp_path / "none.toml"))
