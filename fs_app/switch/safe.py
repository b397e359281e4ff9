"""greenswitch's protocol, made safe: what both directions of the event socket share.

greenswitch reads line by line, decodes before it splits, waits without end and forgets to tell anybody that the peer
has gone. Here one greenlet reads large pieces and hands whole frames on; every command has a timeout; and when the
connection ends, for whatever reason, everybody who waits hears of it at once (:class:`SwitchDown`).

Handlers run in the reading greenlet, in the order of the wire: they must not block. Waiting in one for an answer
would wait for ever, so it is refused (RuntimeError), as is a call from another thread than the loop's.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import gevent
import gevent.event
import gevent.lock
import gevent.socket
import greenswitch.esl

from fs_app.errors import ProtocolError, SwitchDown, SwitchTimeout
from fs_app.switch.wire import EVENT_PLAIN, Frame, FrameParser, command

log = logging.getLogger(__name__)

READ_SIZE = 256 * 1024  # bytes a read may bring
COMMAND_TIMEOUT = 5.0  # seconds

Handler = Callable[[Frame], None]


class SafeProtocol(greenswitch.esl.ESLProtocol):  # type: ignore[misc]  # greenswitch has no types
    """Mix in before greenswitch's own class: ``class Inbound(SafeProtocol, greenswitch.InboundESL)``.

    ``closed`` is an event set once, when the connection has ended; ``closed_because`` then says why.
    Handlers are registered with greenswitch's ``register_handle(name, handler)``: an event name, the subclass of a
    CUSTOM event, ``DISCONNECT``, ``log``, or ``*`` for events without a handler of their own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Before greenswitch's constructor, which may start the reader.
        self._parser = FrameParser()
        self._waiting: deque[gevent.event.AsyncResult[Frame]] = deque()
        self._write_lock = gevent.lock.RLock()
        self._reader: gevent.Greenlet[..., None] | None = None
        self._thread = threading.get_ident()
        self.closed = gevent.event.Event()
        self.closed_because = ""
        super().__init__(*args, **kwargs)

    # Reading

    def start_event_handlers(self) -> None:
        """One greenlet reads and handles; there is no queue that could grow or hide the order of things."""
        self._reader = gevent.spawn(self.receive_events)

    def receive_events(self) -> None:
        reason = "the switch closed the connection"
        try:
            while self._run:
                data = self.sock.recv(READ_SIZE)
                if not data:
                    break
                frames = self._parser.feed(data)
                while frames:
                    for frame in frames:
                        self.handle_event(frame)
                    frames = self._parser.feed(b"")
                # A flood always has more to read: without this nobody else would ever run.
                gevent.sleep(0)
        except (OSError, ProtocolError) as error:
            reason = str(error)
        except Exception:
            log.exception("reading from the switch failed")
            reason = "a fault in reading, see the log"
        finally:
            self.lost(reason)

    def handle_event(self, event: Frame) -> None:
        content_type = event.content_type
        if content_type == EVENT_PLAIN:
            self.on_frame(event)
        elif content_type in ("command/reply", "api/response"):
            if not self._waiting:
                raise ProtocolError(f"a reply to no command: {event.data[:80]!r}")
            self._waiting.popleft().set(event)
        elif content_type == "auth/request":
            self._auth_request_event.set()
        elif content_type == "text/disconnect-notice":
            if event.get("Content-Disposition") == "linger":
                self._lingering = True
            self._dispatch("DISCONNECT", event)
        elif content_type == "text/rude-rejection":
            self.on_rejection(event.data.strip())
        elif content_type == "log/data":
            self._dispatch("log", event)
        else:
            log.debug("ignored a message of type %s", content_type)

    def on_frame(self, event: Frame) -> None:
        """A plain event has come."""
        name = event.get("Event-Name", "")
        if name == "CUSTOM":
            name = event.get("Event-Subclass", "")
        self._dispatch(name, event)

    def on_rejection(self, words: str) -> None:
        """The switch does not want to talk to this address."""
        self.lost(words)

    def _dispatch(self, name: str, event: Frame) -> None:
        handlers = self.event_handlers.get(name) or self.event_handlers.get("*")
        if handlers:
            for handler in tuple(handlers):
                try:
                    handler(event)
                except Exception:
                    log.exception("a handler of %s failed", name)

    # Writing

    def post(self, packet: bytes) -> gevent.event.AsyncResult[Frame]:
        """Write one command and return where its reply will be.

        Raises SwitchDown when the connection was down, and then not a byte was written. If it breaks later, while
        writing or before the reply, the result raises SwitchDown instead.
        """
        return self.post_all([packet])[0]

    def post_all(self, packets: Sequence[bytes]) -> list[gevent.event.AsyncResult[Frame]]:
        """Write several commands in one piece, as :meth:`post` does one; one result for each."""
        if threading.get_ident() != self._thread:
            raise RuntimeError("the event socket belongs to the loop's thread: spawn a greenlet there")
        with self._write_lock:
            if not self.connected:
                raise SwitchDown(self.closed_because or "not connected")
            results: list[gevent.event.AsyncResult[Frame]] = [gevent.event.AsyncResult() for _ in packets]
            self._waiting.extend(results)
            try:
                with gevent.Timeout(COMMAND_TIMEOUT, TimeoutError("the switch does not read")):
                    self.sock.sendall(b"".join(packets))
            except OSError as error:
                # Perhaps half a command is out: nothing that follows could be understood.
                self.lost(str(error))
            except BaseException:
                self.lost("interrupted while writing")  # by the kill of a greenlet: the same half command
                raise
            return results

    def request(self, packet: bytes, timeout: float = COMMAND_TIMEOUT) -> Frame:
        """Write one command and wait for its reply.

        Raises SwitchDown when the connection is or goes down, SwitchTimeout after ``timeout`` seconds.
        """
        return self.reply_to(self.post(packet), timeout)

    def reply_to(self, result: gevent.event.AsyncResult[Frame], timeout: float = COMMAND_TIMEOUT) -> Frame:
        """Wait for the reply to a posted command, in seconds; raises as :meth:`request`."""
        if gevent.getcurrent() is self._reader:
            raise RuntimeError("a handler must not wait for a reply: it would have to read it")
        # A reply that comes too late still finds its place in the queue, so the next one is not mistaken for it.
        try:
            return cast(Frame, result.get(timeout=timeout))
        except gevent.Timeout:
            raise SwitchTimeout(f"no reply within {timeout:g} s") from None

    def send(self, data: str, timeout: float = COMMAND_TIMEOUT) -> Frame:
        """One command line and its reply. Raises InvalidInput for a line break in it, else as :meth:`request`."""
        return self.request(command(data), timeout)

    # Ending

    def lost(self, reason: str) -> None:
        """The connection is over: mark it, close the socket, wake everybody who waits. Later calls do nothing."""
        if self.closed.is_set():
            return
        self.connected = self._run = False
        self.closed_because = reason
        self.closed.set()
        self._auth_request_event.set()
        sock = getattr(self, "sock", None)
        if sock is not None:
            sock.close()
        while self._waiting:
            self._waiting.popleft().set_exception(SwitchDown(reason))
        self.on_lost()

    def on_lost(self) -> None:
        """For subclasses: the connection has just ended."""

    def stop(self) -> None:
        """Say goodbye when that is still possible, and close. Does not raise; may be called twice."""
        try:
            if self.connected and gevent.getcurrent() is not self._reader:
                self.send("exit", timeout=1.0)
        except (SwitchDown, SwitchTimeout):
            pass
        finally:
            self.lost("closed by us")
        if self._reader is not None and gevent.getcurrent() is not self._reader:
            self._reader.join(timeout=1.0)
