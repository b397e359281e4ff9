"""The one door to a switch for the rest of the product: place a call, ask about it, end it, hear what became of it."""

from __future__ import annotations

import logging
import random
import secrets
import threading
from collections.abc import Callable
from datetime import datetime

import gevent
import gevent.event

from fs_app.clock import Clock
from fs_app.domain.calls import CallEvent, OriginateFailed, OriginateRequest
from fs_app.errors import (
    CommandRejected,
    OriginateUnconfirmed,
    ProtocolError,
    SwitchDown,
    SwitchError,
    SwitchRefused,
    SwitchTimeout,
)
from fs_app.switch.dialstring import check_uuid, originate_command
from fs_app.switch.events import SUBSCRIPTION, call_event
from fs_app.switch.hangup import check_cause
from fs_app.switch.inbound import LONGEST_DELAY, InboundConnection, retry_delay
from fs_app.switch.once import NAME_QUESTION, REFUSED, name_command, question, record_name, record_of
from fs_app.switch.wire import Frame, command

log = logging.getLogger(__name__)

STEADY = 5.0  # seconds that a connection must have lasted for the next loss to be answered at once


class Switch:
    """One FreeSWITCH, over one supervised connection.

    Use it from greenlets of the thread that started it; from another thread its methods raise RuntimeError.
    While the connection is down events are missed, not queued: after ``on_state(True)`` ask about the calls that
    should be alive (:meth:`exists`).
    """

    def __init__(self, host: str, port: int, password: str, *, clock: Clock, name: str | None = None) -> None:
        self.host, self.port = host, port
        self.name = name or f"{host}:{port}"
        self._password = password
        self._clock = clock
        self._link: InboundConnection | None = None
        self._changed = gevent.event.Event()  # set while up
        self._stopping = gevent.event.Event()
        self._supervisor: gevent.Greenlet[..., None] | None = None
        self._handlers: list[Callable[[CallEvent], None]] = []
        self._state_handlers: list[Callable[[bool], None]] = []
        self._thread = threading.get_ident()
        self.since: datetime = clock.now()  # of the present state
        self.trouble = "not connected yet"  # why it is down; "" while it is up
        self.record = ""  # the name of its record of what it has run; empty when it keeps none

    # State

    @property
    def up(self) -> bool:
        """Whether a command would reach the switch now."""
        return self._link is not None and bool(self._link.connected)

    def start(self) -> None:
        """Connect in the background, and keep connecting until :meth:`stop`."""
        if self._supervisor is None:
            self._thread = threading.get_ident()
            self._stopping.clear()
            self._supervisor = gevent.spawn(self._supervise)

    def stop(self) -> None:
        """Disconnect and stay so. Calls go on; nothing is hung up. Does not raise."""
        supervisor, self._supervisor = self._supervisor, None
        self._stopping.set()
        if self._link is not None:
            self._link.stop()
            if supervisor is not None:
                supervisor.join(timeout=1.0)
        if supervisor is not None:
            supervisor.kill()  # at once when it sits in an attempt to connect

    def wait_up(self, timeout: float | None = None) -> bool:
        """Wait until the connection is up, at most ``timeout`` seconds; whether it is."""
        return bool(self._changed.wait(timeout))

    def subscribe(self, handler: Callable[[CallEvent], None]) -> None:
        """Call ``handler`` with each event of our calls, in order, in the reading greenlet: it must not block."""
        self._handlers.append(handler)

    def on_state(self, handler: Callable[[bool], None]) -> None:
        """Call ``handler(True)`` when the connection has come up, ``handler(False)`` when it has gone."""
        self._state_handlers.append(handler)

    # Commands

    def originate(self, request: OriginateRequest) -> None:
        """Have the switch dial; returns when it has taken the job, whose end comes as an event.

        Raises InvalidInput for a request that cannot be dialled and SwitchDown while disconnected: then nothing was
        sent. Raises CommandRejected when the switch declined the job. Raises OriginateUnconfirmed when the connection
        broke or fell silent after the command was written: then only the switch knows. Never sends twice.
        """
        packet = command("bgapi " + originate_command(request), {"Job-UUID": request.call_uuid})
        link = self._connected()
        result = link.post(packet)
        try:
            words = link.reply_to(result).data
        except (SwitchDown, SwitchTimeout) as error:
            raise OriginateUnconfirmed(f"{self.name}: {error}") from error
        if not words.startswith("+OK"):
            raise CommandRejected(f"{self.name}: originate: {words}")

    def never_dialled(self, call_uuid: str, line: str) -> bool:
        """Whether it is certain that the switch has not run this originate, and never will, however late it arrives.

        False: it has, or nobody can say. ``line`` is the originate as it was sent, at most
        :data:`fs_app.switch.once.ASKED_WITHIN` ago. Raises InvalidInput, SwitchDown, SwitchTimeout.
        """
        record = record_of(line)
        if not record or not self.api(question(record, check_uuid(call_uuid, "call_uuid"))).startswith("+OK"):
            return False
        # Asked last: a record that was lost meanwhile has lost its name.
        return record_name(self.api(NAME_QUESTION)) == record

    def exists(self, call_uuid: str) -> bool:
        """Whether the channel is alive on the switch. One whose originate was taken a moment ago may not be there
        yet. Raises InvalidInput, SwitchDown, SwitchTimeout."""
        answer = self.api(f"uuid_exists {check_uuid(call_uuid, 'call_uuid')}").strip()
        if answer not in ("true", "false"):
            raise ProtocolError(f"{self.name}: uuid_exists answered {answer[:80]!r}")
        return answer == "true"

    def hangup(self, call_uuid: str, cause: str = "NORMAL_CLEARING") -> bool:
        """Hang a call up; False when there is no such channel. Raises InvalidInput, SwitchDown, SwitchTimeout."""
        answer = self.api(f"uuid_kill {check_uuid(call_uuid, 'call_uuid')} {check_cause(cause)}")
        return answer.startswith("+OK")

    def api(self, command: str, timeout: float = 5.0) -> str:
        """The answer to one API command, as fs_cli would print it; ``-ERR …`` is returned, not raised.

        ``timeout`` is in seconds. Raises InvalidInput for a line break, SwitchDown, SwitchTimeout.
        """
        return str(self._connected().send(f"api {command}", timeout).data)

    def _connected(self) -> InboundConnection:
        if threading.get_ident() != self._thread:
            raise RuntimeError("a Switch belongs to the loop's thread: spawn a greenlet there")
        link = self._link
        if link is None or not link.connected:
            raise SwitchDown(f"{self.name}: {self.trouble}")
        return link

    # Supervision

    def _supervise(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = self._clock.monotonic()
            link = InboundConnection(self.host, self.port, self._password)
            try:
                self._open(link)
                link.closed.wait()
                failures = 1 if self._clock.monotonic() - began >= STEADY else failures + 1
                self._down(link.closed_because)
                delay = retry_delay(failures, random.random())  # noqa: S311  # spreads load, guards nothing
            except SwitchRefused as error:
                failures += 1
                self._down(str(error), remedy=SwitchRefused.__doc__ or "")
                delay = LONGEST_DELAY  # trying a wrong password quickly helps nobody
            except SwitchError as error:
                failures += 1
                self._down(str(error))
                delay = retry_delay(failures, random.random())  # noqa: S311
            except Exception:
                # A fault of ours; without this the switch would stay down until a restart.
                log.exception("%s: the connection failed", self.name)
                failures += 1
                self._down("a fault in connecting, see the log")
                delay = LONGEST_DELAY
            finally:
                link.lost("given up")
            self._stopping.wait(delay)
        self._down("stopped")

    def _open(self, link: InboundConnection) -> None:
        link.connect()
        link.register_handle("*", self._on_frame)
        for line in SUBSCRIPTION:
            link.order(line)
        self._learn_record(link)
        self._link = link
        self.since, self.trouble = self._clock.now(), ""
        self._changed.set()
        log.info("%s: connected", self.name)
        self._tell(True)

    def _learn_record(self, link: InboundConnection) -> None:
        link.send(f"api {name_command(secrets.token_hex(6))}", 5.0)
        self.record = record_name(str(link.send(f"api {NAME_QUESTION}", 5.0).data))
        if not self.record:
            log.warning("%s: without mod_hash it cannot say later which calls it has placed", self.name)

    def _learn_record_again(self) -> None:
        """It has refused a call as if it were the second of its UUID: so it does when mod_hash was unloaded."""
        try:
            self._learn_record(self._connected())
        except SwitchError as error:
            log.info("%s: %s", self.name, error)

    def _down(self, reason: str, remedy: str = "") -> None:
        was_up = self._changed.is_set()
        self._link = None
        self._changed.clear()
        if was_up:
            self.since = self._clock.now()
        if reason != self.trouble and not self._stopping.is_set():
            # Once for each new reason: a switch that is down for a day must not fill the log.
            log.warning("%s: %s%s", self.name, reason, f" ({remedy})" if remedy else "")
        self.trouble = reason
        if was_up:
            self._tell(False)

    def _tell(self, up: bool) -> None:
        for handler in tuple(self._state_handlers):
            try:
                handler(up)
            except Exception:
                log.exception("%s: a handler of its state failed", self.name)

    def _on_frame(self, frame: Frame) -> None:
        try:
            event = call_event(frame)
        except ProtocolError as error:
            log.warning("%s: ignored an event: %s", self.name, error)
            return
        if event is None:
            return
        if isinstance(event, OriginateFailed) and event.cause == REFUSED:
            gevent.spawn(self._learn_record_again)
        for handler in tuple(self._handlers):
            try:
                handler(event)
            except Exception:
                log.exception("%s: a handler of %s failed", self.name, type(event).__name__)
