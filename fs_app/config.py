"""One frozen settings object, from a TOML file and FS_APP_* variables; a variable wins over the file.

docs/configuration.md is the list for people; a test holds it against the fields here.
"""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from fs_app.domain.pacing import Limits
from fs_app.domain.smtp_url import SmtpServer, parse_smtp_url
from fs_app.domain.survey_limits import check_language
from fs_app.domain.window import load_zone
from fs_app.errors import ConfigError, InvalidInput

PREFIX = "FS_APP_"
# Not settings: where the settings are, and what the tests use to find a real switch.
_NOT_SETTINGS = re.compile(r"FS_APP_(CONFIG|TEST_.*)")
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}", re.ASCII)
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port; port 0 takes any free one when listening."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def socket_list(addresses: Iterable[Address]) -> str:
    """Addresses as the switch's ``socket`` application takes them: it tries one after the other."""
    return "|".join(map(str, addresses))


def _address(value: object) -> Address:
    host, colon, port = str(value).rpartition(":")
    if not colon or not _HOST.fullmatch(host) or not port.isdecimal() or int(port) > 65_535:
        raise ValueError("must be host:port, such as 127.0.0.1:8000")
    return Address(host, int(port))


def _addresses(value: object) -> tuple[Address, ...]:
    items = value if isinstance(value, list) else str(value).split(",")
    found = tuple(_address(str(item).strip()) for item in items)
    if not all(address.port for address in found):
        raise ValueError("must name a port that somebody listens on, not 0")
    if len(set(found)) != len(found):
        raise ValueError("names the same address twice")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("must be a text that is not empty")
    return value


def _database(value: object) -> str:
    url = _text(value)
    if not re.match(r"(sqlite:///.|postgres(ql)?://)", url):
        raise ValueError("must be sqlite:///path or postgresql://user@host/name")
    return url


def _zone(value: object) -> ZoneInfo:
    try:
        return load_zone(str(value))
    except InvalidInput as exc:
        raise ValueError(exc.message) from None


def _directory(value: object) -> Path:
    return Path(_text(value)).expanduser().absolute()


def _number(least: float, most: float) -> Callable[[object], float]:
    def convert(value: object) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = float("nan")
        if isinstance(value, bool) or not least <= number <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return number

    return convert


def _seconds(least: float, most: float) -> Callable[[object], timedelta]:
    number = _number(least, most)
    return lambda value: timedelta(seconds=number(value))


def _whole(least: int, most: int) -> Callable[[object], int]:
    number = _number(least, most)

    def convert(value: object) -> int:
        found = number(value)
        if found != int(found):
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(found)

    return convert


def _command(value: object) -> tuple[str, ...]:
    try:
        words = value if isinstance(value, list) else shlex.split(str(value))
    except ValueError:
        words = []  # a quotation that does not close
    if not words or not all(isinstance(w, str) for w in words):
        raise ValueError("must be a command, such as: flite -voice slt -t {text} -o {file}")
    return tuple(words)


def _commands(value: object) -> Mapping[str, tuple[str, ...]]:
    """A table of languages and commands; in a variable, ``fr=pico2wave:fr-FR; de=espeak-ng``."""
    wanted = "must be languages and their engines, such as: fr=pico2wave:fr-FR; de=espeak-ng"
    if isinstance(value, Mapping):
        pairs = [(str(tag), command) for tag, command in value.items()]
    else:
        split = (entry.partition("=") for entry in str(value).split(";") if entry.strip())
        pairs = [(tag.strip(), command) for tag, _, command in split]
    found = {}
    for tag, command in pairs:
        try:
            found[check_language(tag)] = _command(command)
        except ValueError:
            raise ValueError(f"{tag!r}: {wanted}") from None
    if not found:
        raise ValueError(wanted)
    return MappingProxyType(found)


def _mebibytes(value: object) -> int:
    return int(_number(1, 1024**2)(value) * 1024**2)


def _smtp(value: object) -> SmtpServer:
    try:
        return parse_smtp_url(str(value))
    except InvalidInput as exc:
        raise ValueError(exc.message) from None


def _networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    items = value if isinstance(value, list) else str(value).split(",")
    try:
        return tuple(ip_network(str(item).strip()) for item in items)
    except ValueError:
        raise ValueError("must be networks such as 10.1.0.0/16, separated by commas") from None


def _one_of(*choices: str) -> Callable[[object], str]:
    def convert(value: object) -> str:
        if str(value) not in choices:
            raise ValueError(f"must be {' or '.join(choices)}")
        return str(value)

    return convert


def _log_level(value: object) -> str:
    if str(value).lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return str(value).lower()


def _setting(default: Any, convert: Callable[[object], Any], factory: Callable[[], Any] | None = None) -> Any:
    metadata = {"convert": convert}
    return field(default_factory=factory, metadata=metadata) if factory else field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. The name of a field is its key in the TOML file; FS_APP_ and the name in capitals
    is its variable."""

    database: str = _setting("sqlite:///fs-app.sqlite3", _database)
    http: Address = _setting(Address("127.0.0.1", 8000), _address)
    http_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting((), _networks)
    password_strength: int = _setting(0, _whole(0, 4))
    esl: tuple[Address, ...] = _setting((Address("127.0.0.1", 8021),), _addresses)
    esl_password: str = _setting("ClueCon", _text)
    ivr: str = _setting("socket", _one_of("socket", "embedded"))
    outbound: Address = _setting(Address("127.0.0.1", 8084), _address)
    outbound_advertise: tuple[Address, ...] = _setting((), _addresses)
    timezone: ZoneInfo = _setting(ZoneInfo("UTC"), _zone)
    sounds: Path = _setting(Path("fs-app-sounds").absolute(), _directory)
    sounds_limit: int = _setting(1024**3, _mebibytes)
    tts: tuple[str, ...] | None = _setting(None, _command)
    voices: Mapping[str, tuple[str, ...]] = _setting(None, _commands, factory=lambda: MappingProxyType({}))
    lease: timedelta = _setting(timedelta(seconds=60), _seconds(2, 3600))
    time_limit: int = _setting(600, _whole(10, 14_400))
    calls_per_second: float = _setting(20.0, _number(0.01, 1000))
    max_calls: int = _setting(200, _whole(1, 10_000))
    switch_calls_per_second: float = _setting(25.0, _number(0.01, 1000))
    switch_max_calls: int = _setting(900, _whole(1, 10_000))
    sms_file: Path = _setting(Path("fs-app-sms.jsonl").absolute(), _directory)
    smtp_url: SmtpServer | None = _setting(None, _smtp)
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = _setting((), _networks)
    log_level: str = _setting("info", _log_level)

    @property
    def survey_servers(self) -> tuple[Address, ...]:
        """Where the switch reaches the survey IVR, in the order in which it shall try."""
        return self.outbound_advertise or (self.outbound,)

    @property
    def limits(self) -> Limits:
        """How many calls may be started and be up."""
        return Limits(self.calls_per_second, self.max_calls, self.switch_calls_per_second, self.switch_max_calls)


def load(environ: Mapping[str, str] | None = None, config: str | None = None) -> Settings:
    """The settings from ``config`` (else FS_APP_CONFIG) and ``environ`` (default: the process's).

    Raises ConfigError: one sentence naming the setting and what it may be.
    """
    env = os.environ if environ is None else environ
    path = config or env.get("FS_APP_CONFIG")
    raw: dict[str, tuple[str, object]] = {}  # field -> (what the user calls it, value)
    known = {f.name: f for f in fields(Settings)}
    if path:
        for key, value in _read_toml(Path(path)).items():
            if key not in known:
                raise ConfigError(f"{key} in {path}: no such setting; there are {', '.join(known)}")
            raw[key] = (f"{key} in {path}", value)
    for name, text in env.items():
        if not name.startswith(PREFIX) or _NOT_SETTINGS.fullmatch(name):
            continue
        key = name.removeprefix(PREFIX).lower()
        if key not in known:
            raise ConfigError(f"{name}: no such setting; there are {', '.join(PREFIX + k.upper() for k in known)}")
        raw[key] = (name, text)
    values: dict[str, Any] = {}
    for key, (label, value) in raw.items():
        try:
            values[key] = known[key].metadata["convert"](value)
        except ValueError as exc:
            raise ConfigError(f"{label}: {exc}") from None
    settings = Settings(**values)
    if settings.outbound.host in ("0.0.0.0", "::") and not settings.outbound_advertise:  # noqa: S104
        raise ConfigError(
            "FS_APP_OUTBOUND: listens on every address; say in FS_APP_OUTBOUND_ADVERTISE which one the switch uses"
        )
    return settings


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: is not TOML: {exc}") from None
