"""What an IVR can do with one call, whatever carries it: the outbound socket, the built-in switch, a test.

Keys. Every digit of the call, from the first moment on, goes into one type-ahead buffer. A digit is taken out by the
``gather`` that returns it and by nothing else, so none is lost between two prompts or to a hang-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from fs_app.errors import InvalidInput
from fs_app.switch.wire import one_line

SOCKET_CLOSED = "SOCKET_CLOSED"  # the cause when we lost the switch rather than the callee

EndedBy = Literal["complete", "terminator", "timeout", "hangup"]


class ChannelHungUp(Exception):
    """The call is over: the one exception that unwinds it. Catch it once, where the call began.

    ``cause`` is FreeSWITCH's hangup cause, or ``SOCKET_CLOSED``.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Played:
    """``interrupted``: a key stopped it, or was already waiting. ``missing``: a file could not be found or played; the
    others were."""

    interrupted: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Gathered:
    """``digits`` without the terminator, possibly empty; ``prompt_failed`` is :attr:`Played.missing` of the prompt."""

    digits: str
    ended_by: EndedBy
    prompt_failed: bool = False


class Channel(Protocol):
    """One call. Its methods block the greenlet that runs the call, and only that one."""

    @property
    def uuid(self) -> str:
        """The channel's Unique-ID: the ``call_uuid`` of the originate."""
        ...

    @property
    def hung_up(self) -> bool:
        """Whether the call, or the connection to it, is over."""
        ...

    def variable(self, name: str) -> str | None:
        """A channel variable as last seen (without its ``variable_`` prefix), or None."""
        ...

    def answer(self) -> None:
        """Answer, unless that has happened. Raises ChannelHungUp."""
        ...

    def play(self, files: Sequence[str]) -> Played:
        """Play files one after the other; any key stops it and stays in the buffer.

        With a digit already waiting nothing is played, also after a hang-up. Raises ChannelHungUp when the call ends
        and no digit waits, InvalidInput for a path that :func:`check_path` refuses.
        """
        ...

    def gather(
        self,
        files: Sequence[str],
        *,
        maximum: int,
        timeout: float,
        minimum: int = 1,
        interdigit: float = 2.0,
        terminators: str = "#",
    ) -> Gathered:
        """Collect up to ``maximum`` digits; see :func:`entry` for when an entry is complete.

        Digits that already wait are used first, and when they are enough nothing is played. Otherwise the files are
        played; a key stops them and counts. Then ``timeout`` seconds are given for the first digit and ``interdigit``
        for each further one. After a hang-up the digits already pressed are still returned, with ``ended_by``
        "hangup" when they are not a complete entry. Raises ChannelHungUp when the call ends and there are none.
        """
        ...

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """End the call, unless it has ended. Raises InvalidInput for what is not a cause."""
        ...


def entry(keys: Sequence[str], *, maximum: int, minimum: int, terminators: str) -> tuple[str, int, EndedBy | None]:
    """What ``keys`` amount to: (digits, how many keys that used up, why it is complete or None).

    With ``maximum`` above 1 a terminator ends the entry once there are ``minimum`` digits; one that comes too early is
    dropped, like a ``#`` pressed by habit before the number. With ``maximum`` 1 there is nothing to terminate: every
    key, ``#`` too, is the answer, so that a wrong key is heard as one instead of as silence.

    >>> entry("12#9", maximum=6, minimum=1, terminators="#")
    ('12', 3, 'terminator')
    """
    digits = ""
    for used, key in enumerate(keys, start=1):
        if maximum > 1 and key in terminators:
            if len(digits) >= minimum:
                return digits, used, "terminator"
            continue
        digits += key
        if len(digits) >= maximum:
            return digits, used, "complete"
    return digits, len(keys), None


def check_gather(maximum: int, minimum: int, timeout: float, interdigit: float) -> None:
    """Raises InvalidInput unless 1 ≤ minimum ≤ maximum and both times, in seconds, are 0 to 300."""
    if not 1 <= minimum <= maximum <= 128:
        raise InvalidInput("maximum", "give 1 to 128 digits, and no fewer than the minimum, which is at least 1")
    for field, seconds in (("timeout", timeout), ("interdigit", interdigit)):
        if not 0 <= seconds <= 300:
            raise InvalidInput(field, "give 0 to 300 seconds")


def check_path(path: str, field: str = "file") -> str:
    """A file (or ``silence_stream://``, ``tone_stream://``) that the switch will play and do nothing else with.

    Spaces are fine. Raises InvalidInput for an empty path, line breaks, ``${`` (expanded by the switch), a leading
    ``{`` (parameters) and ``@@`` (an offset).
    """
    one_line(path, field)
    if not path.strip() or "${" in path or "@@" in path or path.lstrip().startswith("{"):
        raise InvalidInput(field, f"{path[:80]!r} is not a path that can be played")
    return path
