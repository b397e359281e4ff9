"""What an IVR can do with one call, whatever carries it: the outbound socket, the built-in switch, a test.

Keys. Every digit of the call, from the first moment on, goes into one type-ahead buffer. A digit is taken out by the
``gather`` that returns it and by nothing else, so none is lost between two prompts or to a hang-up. Only keys that were
pressed into a recording, a transfer or a conference are not answers to anything, and go no further.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from fs_app.errors import InvalidInput
from fs_app.switch.dialstring import BridgeTarget
from fs_app.switch.wire import one_line

SOCKET_CLOSED = "SOCKET_CLOSED"  # the cause when we lost the switch rather than the callee

_KEYS = re.compile(r"[0-9*#]*", re.ASCII)
_ROOM = re.compile(r"[A-Za-z0-9_\-]{1,64}", re.ASCII)
_RECORDING = re.compile(r"(?:/[A-Za-z0-9_.\-]+)+\.wav", re.ASCII)

_ENGINE = re.compile(r"[A-Za-z0-9_./\-]{1,64}", re.ASCII)
_SPEECH = re.compile(r"say:([A-Za-z0-9_./\-]+):([A-Za-z0-9_./\-]+):(.+)", re.ASCII)

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


@dataclass(frozen=True, slots=True)
class Recorded:
    """``seconds`` is the length of the file, with the silence that ended it. ``key`` is the one that did.

    ``failed``: the switch could not write the file; nothing else of it is true then.
    """

    seconds: float
    ended_by: Literal["key", "silence", "limit", "hangup"]
    key: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Transferred:
    """``seconds`` of talking, 0 when there was none. ``cause`` is FreeSWITCH's, of the other side.

    "bridged": they talked, the other side hung up, and we have the callee back. "left": the callee left it with the
    leave key, while it rang or while they talked. "hangup": the callee hung up. The others: nobody to talk to.
    """

    outcome: Literal["bridged", "busy", "no_answer", "rejected", "failed", "left", "hangup"]
    seconds: float
    cause: str


@dataclass(frozen=True, slots=True)
class Conferenced:
    """``seconds`` in the room. "key": left by the leave key. "end": the limit, or the room was closed or would not
    have the callee. "hangup": the callee hung up."""

    seconds: float
    left_by: Literal["key", "end", "hangup"]


class Frames(Protocol):
    """The callee's audio: frames of 20 ms, 16-bit linear mono, little-endian, ``rate`` samples a second."""

    @property
    def rate(self) -> int: ...

    @property
    def beeps(self) -> int:
        """How many beeps the switch has found by itself since :meth:`find_beeps`."""
        ...

    def find_beeps(self) -> None:
        """Have the switch look for beeps too, as long as this is open, where it can (mod_avmd); else nothing."""
        ...

    def next(self, timeout: float) -> bytes | None:
        """The next frame; None when none came within ``timeout`` seconds or the call is over."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Frames until the call is over, or none came for a second."""
        ...


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

    @property
    def caller_number(self) -> str:
        """Who calls, as the network shows it: anything at all, "" when it shows nothing."""
        ...

    @property
    def called_number(self) -> str:
        """The number that was called, as it reached the dialplan; "" when there is none."""
        ...

    def answer(self) -> None:
        """Answer, unless that has happened. Raises ChannelHungUp."""
        ...

    def play(self, files: Sequence[str]) -> Played:
        """Play files one after the other; any key stops it and stays in the buffer.

        A file may also be words for the switch's own speech engine, of :func:`speech_path`.

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

    def record(self, path: str, *, limit: float, silence: float, terminators: str = "any") -> Recorded:
        """Record the callee into the WAV file ``path``, which the switch writes.

        It ends with a key of ``terminators`` ("any": each), after ``silence`` seconds without sound (0: never), after
        ``limit`` seconds, or with the call: what was said until then is kept. Whole seconds count. Keys that wait when
        it begins only hurried the prompt: they are dropped, as are those that end nothing. (Of keys that reach the
        switch within the same 20 ms it drops those behind the one that ends it; fingers are not that quick.)

        Raises ChannelHungUp when the call was over before, InvalidInput for a path or times that are not fit.
        """
        ...

    def transfer(
        self,
        target: BridgeTarget,
        *,
        announcement: Sequence[str] = (),
        confirm: Sequence[str] = (),
        confirm_key: str = "",
        leave_key: str = "*",
        ring_timeout: float = 30,
    ) -> Transferred:
        """Connect the callee with somebody else until one of the two hangs up or the callee presses ``leave_key``.

        The files of ``announcement`` are what the callee hears while it rings, again and again; without any it is a
        ringing tone. With a ``confirm_key`` the one who answers hears ``confirm`` and must press that key within
        a few seconds, or counts as "no_answer"; meanwhile the callee goes on hearing the announcement. The other side
        never outlives the callee.

        Raises ChannelHungUp when the call was over before, InvalidInput for a file, key or time that is not fit.
        """
        ...

    def conference(self, room: str, *, leave_key: str = "#", limit: float) -> Conferenced:
        """Into the conference ``room`` for at most ``limit`` seconds, or until ``leave_key``.

        Raises ChannelHungUp when the call was over before, InvalidInput for a room not of 1 to 64 letters, digits,
        ``_`` and ``-``, or a key or time that is not fit.
        """
        ...

    def listen(self) -> AbstractContextManager[Frames]:
        """The callee's audio, from the answer until something first plays, as long as the ``with`` lasts.

        Whatever runs on the channel (a prompt, waiting for a key) ends the audio for the rest of the call: listen
        before anything else, and afterwards no frame comes. Keys are taken in meanwhile. An unanswered call is
        answered. Raises ChannelHungUp when the call was over before.
        """
        ...

    def hangup_after(self, seconds: int) -> None:
        """Have the switch end the call in so many seconds, whatever becomes of us. Raises ChannelHungUp."""
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


def speech_path(engine: str, voice: str, text: str) -> str:
    """What ``play`` takes for words that the switch's own speech engine is to speak.

    >>> speech_path("flite", "slt", "It is ${time}.")
    'say:flite:slt:It is time.'

    Raises InvalidInput for what is no engine, voice or text.
    """
    for field, name in (("engine", engine), ("voice", voice)):
        if not _ENGINE.fullmatch(name):
            raise InvalidInput(field, f"{name[:80]!r} is no name of a speech engine's: letters, digits, . _ - and /")
    words = " ".join(re.sub(r"[${}@]", "", text).split())
    if not words:
        raise InvalidInput("text", "holds no words")
    return f"say:{engine}:{voice}:{words}"


def spoken(file: str) -> tuple[Mapping[str, str], str]:
    """The channel variables that a file of ``play`` needs, and what the switch then plays.

    >>> spoken("say:flite:slt:It is time.")
    ({'tts_engine': 'flite', 'tts_voice': 'slt'}, 'say:It is time.')
    """
    speech = _SPEECH.fullmatch(file)
    if speech is None:
        return {}, file
    return {"tts_engine": speech[1], "tts_voice": speech[2]}, f"say:{speech[3]}"


def check_record(path: str, limit: float, silence: float, terminators: str) -> None:
    """Raises InvalidInput unless ``path`` is an absolute ``.wav`` without spaces, braces or other signs that mean
    something to the switch, ``limit`` is 1 to 3600 s, ``silence`` 0 to 60 s, and ``terminators`` are keys or "any"."""
    one_line(path, "path")
    if not _RECORDING.fullmatch(path) or "/../" in path:
        raise InvalidInput("path", f"{path[:80]!r} is not a file to record into: give /folder/name.wav without spaces")
    if not 1 <= limit <= 3600:
        raise InvalidInput("limit", "give 1 to 3600 seconds")
    if not 0 <= silence <= 60:
        raise InvalidInput("silence", "give 0 to 60 seconds, 0 for never")
    if terminators != "any" and not _KEYS.fullmatch(terminators):
        raise InvalidInput("terminators", 'give keys out of 0123456789*#, or "any"')


def check_transfer(confirm: Sequence[str], confirm_key: str, leave_key: str, ring_timeout: float) -> None:
    """Raises InvalidInput unless the keys are one of 0-9, ``*``, ``#`` or empty, words to confirm come with a key, and
    the ring time is 1 to 600 s."""
    for field, key in (("confirm_key", confirm_key), ("leave_key", leave_key)):
        if key and (len(key) > 1 or not _KEYS.fullmatch(key)):
            raise InvalidInput(field, "give one key: 0 to 9, * or #")
    if confirm and not confirm_key:
        raise InvalidInput("confirm_key", "needed where there are words to confirm")
    if not 1 <= ring_timeout <= 600:
        raise InvalidInput("ring_timeout", "give 1 to 600 seconds")


def check_conference(room: str, leave_key: str, limit: float) -> None:
    """Raises InvalidInput unless the room is 1 to 64 letters, digits, ``_`` and ``-``, the key is one key or empty, and
    the limit 1 to 86400 s."""
    if not _ROOM.fullmatch(room):
        raise InvalidInput("conference", "give a room name of 1 to 64 letters, digits, _ and -")
    if leave_key and (len(leave_key) > 1 or not _KEYS.fullmatch(leave_key)):
        raise InvalidInput("leave_key", "give one key: 0 to 9, * or #")
    if not 1 <= limit <= 86400:
        raise InvalidInput("limit", "give 1 to 86400 seconds")
