"""python-ESL, FreeSWITCH's own client library, for the debugging commands: a second opinion on what the switch says.

It is written in C, blocks its thread and knows nothing of gevent: use it in a process without calls, or in a native
thread (``gevent.get_hub().threadpool``). The extra ``esl`` installs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType, TracebackType
from typing import Any

from fs_app.errors import ConfigError, SwitchDown
from fs_app.switch.wire import one_line


class NativeEsl:
    """One authenticated connection of python-ESL's. A context manager; not to be shared between threads."""

    def __init__(self, host: str, port: int, password: str) -> None:
        """Connects, blocking. Raises ConfigError when python-ESL is not installed, SwitchDown when the switch does not
        answer or does not take the password (the library does not say which)."""
        self._connection: Any = _library().ESLconnection(host, str(port), one_line(password, "password"))
        if not self._connection.connected():
            raise SwitchDown(f"{host}:{port} does not answer, or does not take the password")

    def __enter__(self) -> NativeEsl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def api(self, command: str) -> str:
        """The answer to one API command, as fs_cli would print it. Raises InvalidInput for a line break in it,
        SwitchDown when the connection ends."""
        name, _, arguments = one_line(command, "command").partition(" ")
        return str(self._kept(self._connection.api(name, arguments)).getBody() or "")

    def events(self, names: Sequence[str] = ("ALL",), *, patience: float = 1.0) -> Iterator[dict[str, str] | None]:
        """Events as dicts of decoded headers, with the body under ``_body``; None after each ``patience`` seconds
        without one, so that the caller can stop. Raises SwitchDown when the connection ends."""
        self._kept(self._connection.events("plain", one_line(" ".join(names), "events")))
        while True:
            event = self._connection.recvEventTimed(max(1, round(patience * 1000)))
            if event is None:
                self._alive()
                yield None
            elif event.getType() != "SERVER_DISCONNECTED":
                yield _headers(event)
            else:
                raise SwitchDown("the switch closed the connection")

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self._connection.disconnect()

    def _kept(self, event: Any) -> Any:
        if event is None:
            self._alive()
            raise SwitchDown("the switch did not answer")
        return event

    def _alive(self) -> None:
        if not self._connection.connected():
            raise SwitchDown("the switch closed the connection")


def _headers(event: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    name = event.firstHeader()
    while name:
        found.setdefault(name, event.getHeader(name) or "")
        name = event.nextHeader()
    if event.getBody():
        found["_body"] = event.getBody()
    return found


def _library() -> ModuleType:
    try:
        import ESL
    except ImportError:
        raise ConfigError(
            "python-ESL is not installed: pip install 'swig==3.0.12' wheel setuptools,"
            " then pip install --no-build-isolation python-ESL"
        ) from None
    library: ModuleType = ESL
    return library
