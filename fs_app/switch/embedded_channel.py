"""A :class:`~fs_app.switch.channel.Channel` over the ``session`` of mod_python3, in the call's own thread.

Keys come from the session's input callback alone, while something plays; between two plays the switch keeps them in
the channel's queue. ``playAndGetDigits`` is not used: it would keep digits of its own.

Facts of FreeSWITCH 1.10.12 this rests on (src/switch_cpp.cpp, src/mod/languages/mod_python3):

- ``streamFile`` takes its file as it is: nothing in it is expanded. It answers 1 when it played to the end, 0 for
  everything else: a key, a hang-up, no such file.
- The callback must return text. ``"break"`` stops what plays; an exception or None in it would leave an error pending
  in the interpreter.
- Until the last reference to the session is gone the switch keeps the dead channel, and its thread (seen). The session
  holds the callback, and the callback us, until ``unsetInputCallback``; and Python frees a cycle only when it happens
  to look for cycles. So :meth:`EmbeddedChannel.close` at the end, whatever happened.
- Methods that wait (``streamFile``, ``recordFile``, ``execute``, ``hangup``) let other Python threads run; ``answer``
  does not, ``execute("answer")`` does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, cast

from fs_app.errors import SwitchError
from fs_app.switch.channel import (
    ChannelHungUp,
    Conferenced,
    Frames,
    Gathered,
    Played,
    Recorded,
    Transferred,
    check_gather,
    check_path,
    check_record,
    entry,
    spoken,
)
from fs_app.switch.dialstring import BridgeTarget, limit_argument
from fs_app.switch.hangup import check_cause

log = logging.getLogger(__name__)

PLAYBACK_LIMIT = 120  # seconds that one file may play
SILENCE = 60.0  # seconds of waiting at a time, well below PLAYBACK_LIMIT
RECORD_THRESHOLD = 200  # energy below which a frame counts as silence
_KEYS = frozenset("0123456789*#ABCD")
_GO_ON, _STOP = "true", "break"  # what the callback may answer


class DTMF(Protocol):
    """``freeswitch.DTMF``."""

    digit: str


class Event(Protocol):
    """``freeswitch.Event``."""

    def getHeader(self, header_name: str) -> str | None: ...  # noqa: N802


class Session(Protocol):
    """What we use of ``freeswitch.Session``; its names are SWIG's. Numbers that are returned are 1 for success."""

    def ready(self) -> bool: ...
    def answered(self) -> bool: ...
    def get_uuid(self) -> str: ...
    def getVariable(self, var: str) -> str | None: ...  # noqa: N802
    def setVariable(self, var: str, val: str) -> None: ...  # noqa: N802
    def execute(self, app: str, data: str) -> None: ...
    def streamFile(self, file: str) -> int: ...  # noqa: N802
    def recordFile(self, file: str, limit: int, threshold: int, silence: int) -> int: ...  # noqa: N802
    def flushDigits(self) -> int: ...  # noqa: N802
    def hangup(self, cause: str) -> None: ...
    def setEventData(self, event: Event) -> None: ...  # noqa: N802
    def setInputCallback(self, function: Callable[..., str]) -> None: ...  # noqa: N802
    def unsetInputCallback(self) -> None: ...  # noqa: N802


class _Gone:
    """The session of a call that is over."""

    def ready(self) -> bool:
        return False

    def getVariable(self, _var: str) -> None:  # noqa: N802
        return None

    def setEventData(self, _event: Event) -> None:  # noqa: N802
        """An event without headers."""


class EmbeddedChannel:
    """One call. Use it in the thread that FreeSWITCH called us in, and :meth:`close` it there.

    ``call_uuid`` is what the call is known by on record. ``new_event`` makes an empty ``freeswitch.Event``: filled
    from the channel, it is the only thing that knows why a call was hung up.
    """

    def __init__(self, session: Session, call_uuid: str, new_event: Callable[[], Event]) -> None:
        self._session = session
        self._uuid = call_uuid
        self._new_event = new_event
        self._keys: list[str] = []
        self._into: Callable[[str], str] = self._collect
        # Nothing that somebody typed is ever looked at for ${…} by an application.
        session.setVariable("app_disable_expand_variables", "true")
        session.setVariable("playback_timeout_sec", str(PLAYBACK_LIMIT))
        session.setInputCallback(self._input)

    def close(self) -> None:
        """Let go of the session, without which the switch could not free the call. The call is over for us then."""
        self._session.unsetInputCallback()
        # We may live on in a cycle or a traceback until Python looks for those: the session must not.
        self._session = cast(Session, _Gone())

    @property
    def uuid(self) -> str:
        return self._uuid

    @property
    def hung_up(self) -> bool:
        return not self._session.ready()

    def variable(self, name: str) -> str | None:
        return self._session.getVariable(name) or None

    @property
    def caller_number(self) -> str:
        return self._session.getVariable("caller_id_number") or ""

    @property
    def called_number(self) -> str:
        return self._session.getVariable("destination_number") or ""

    def answer(self) -> None:
        if not self._session.answered():
            self._session.execute("answer", "")
        self._alive()

    def play(self, files: Sequence[str]) -> Played:
        for file in files:
            check_path(file)
        missing = False
        for file in files:
            if self._keys:
                break
            self._alive()
            variables, playable = spoken(file)
            for name, value in variables.items():
                self._session.setVariable(name, value)
            if not self._session.streamFile(playable) and not self._keys:
                self._alive()
                log.warning("%s: could not play %s", self._uuid, file)
                missing = True
        return Played(interrupted=bool(self._keys), missing=missing)

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
        check_gather(maximum, minimum, timeout, interdigit)
        keys = self._keys
        failed = False if keys else self.play(files).missing
        while True:
            digits, used, how = entry(keys, maximum=maximum, minimum=minimum, terminators=terminators)
            if how is None and self.hung_up:
                if not digits:
                    raise ChannelHungUp(self._cause())
                how = "hangup"
            if how is None:
                pressed = len(keys)
                self._silence(interdigit if digits else timeout)
                if len(keys) == pressed and not self.hung_up:
                    how = "timeout"
            if how is not None:
                del keys[:used]
                return Gathered(digits, how, failed)

    def record(self, path: str, *, limit: float, silence: float, terminators: str = "any") -> Recorded:
        check_record(path, limit, silence, terminators)
        self._alive()
        self._keys.clear()
        self._session.flushDigits()
        ended: list[str] = []

        def into(key: str) -> str:
            if terminators == "any" or key in terminators:
                ended.append(key)
                return _STOP
            return _GO_ON

        self._session.setVariable("record_ms", "0")
        with self._keys_go(into):
            # One second less: the switch stops when more than the limit has passed, and counts in seconds.
            threshold = RECORD_THRESHOLD if silence else 0
            self._session.recordFile(path, max(1, round(limit) - 1), threshold, round(silence))
        seconds = self._milliseconds("record_ms") / 1000
        if ended:
            return Recorded(seconds, "key", ended[0])
        if self.hung_up:
            return Recorded(seconds, "hangup")
        if self._session.getVariable("silence_hits_exhausted") == "true":
            return Recorded(seconds, "silence")
        return Recorded(seconds, "limit", failed=not seconds)

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
        raise SwitchError("a call inside the switch cannot be transferred: run this survey over the outbound socket")

    def conference(self, room: str, *, leave_key: str = "#", limit: float) -> Conferenced:
        raise SwitchError("a call inside the switch cannot join a conference: use the outbound socket for this survey")

    @contextmanager
    def listen(self) -> Iterator[Frames]:
        raise SwitchError("inside the switch nobody listens to who answered: use the outbound socket for detection")
        yield

    def hangup_after(self, seconds: int) -> None:
        self._alive()
        self._session.execute("sched_hangup", limit_argument(seconds))

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        check_cause(cause)
        if not self.hung_up:
            self._session.hangup(cause)

    # ---- keys

    def _input(self, _session: object, what: str, thing: DTMF, *_rest: object) -> str:
        # Called by the switch, in our thread, while something plays. Must not raise, and must return text.
        try:
            if what == "dtmf" and thing.digit in _KEYS:
                return self._into(thing.digit)
        except Exception:
            log.exception("%s: a key was lost", self._uuid)
        return _GO_ON

    def _collect(self, key: str) -> str:
        self._keys.append(key)
        return _STOP

    @contextmanager
    def _keys_go(self, into: Callable[[str], str]) -> Iterator[None]:
        self._into = into
        try:
            yield
        finally:
            self._into = self._collect

    # ---- time and ends

    def _silence(self, seconds: float) -> None:
        """Wait for a key, a hang-up, or so many seconds, playing comfort noise: RTP keeps flowing."""
        left = seconds
        seen = len(self._keys)
        while left > 0 and len(self._keys) == seen and not self.hung_up:
            piece = min(left, SILENCE)
            # 1400 is the divisor of the noise: hardly audible, but not a dead line.
            self._session.streamFile(f"silence_stream://{max(20, round(piece * 1000))},1400")
            left -= piece

    def _milliseconds(self, variable: str) -> int:
        value = self._session.getVariable(variable) or ""
        return int(value) if value.isdecimal() else 0

    def _alive(self) -> None:
        if self.hung_up:
            raise ChannelHungUp(self._cause())

    def _cause(self) -> str:
        event = self._new_event()
        self._session.setEventData(event)
        # Not ready and yet not hung up: somebody transferred the call away from us.
        return event.getHeader("Hangup-Cause") or "BLIND_TRANSFER"
