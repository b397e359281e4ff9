"""The callee's audio: ``unicast`` makes the switch send it to a UDP socket of ours while the call is parked.

The switch cannot be told to stop; it stops for good after the first application that plays. So a call has one socket,
opened when it is first listened to and closed with the call: were it closed earlier, the audio that still comes could
reach another call that was given the same port.

Two orders would end the whole switch, and are never given: one before the answer, where a parked call has no audio yet,
and a second one in the same call, for it then stops a thread that never began.

Where the switch has mod_avmd, that looks for beeps beside us: ``avmd_start`` hangs itself into the call's audio and
returns at once, still within the loop that sends us the frames, so neither takes anything from the other. (Its command
``avmd UUID start`` does not start the threads that would look; only the application does.)
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import gevent.socket

from fs_app.errors import CommandRejected, SwitchError
from fs_app.switch.channel import ChannelHungUp
from fs_app.switch.session import BEEP, OutboundSession
from fs_app.switch.wire import command, sendmsg

log = logging.getLogger(__name__)

DEFAULT_RATE = 8000
FRAMES_A_SECOND = 50
KEPT = 500  # frames (10 s) that wait for a slow listener; the oldest go first
GAP = 1.0  # seconds without a frame that end the iteration
_DATAGRAM = 65536
# Each detector is a thread, and the module's default is 37 of them; these find the beeps of voicemails.
_AVMD = "outbound_channel=1,inbound_channel=0,detectors_n=4,detectors_lagged_n=1"


class _Elapsed(Exception):
    pass


class UdpFrames:
    """See :class:`fs_app.switch.channel.Frames`. ``host`` is an IPv4 address of ours that the switch reaches."""

    def __init__(self, session: OutboundSession, host: str) -> None:
        self._session = session
        self._host = host
        self._sock: gevent.socket.socket | None = None
        self._sender: object = None
        self._frames: deque[bytes] = deque(maxlen=KEPT)
        self._rest = b""
        self._finding = False
        self._beeps_before = 0

    @property
    def beeps(self) -> int:
        return self._session.beeps - self._beeps_before if self._finding else 0

    def find_beeps(self) -> None:
        session = self._session
        if self._finding or session.ask("module_exists mod_avmd").strip() != "true":
            return  # an application that is not there would end the call
        try:
            session.request(command(f"event plain CUSTOM {BEEP}"))
            self._beeps_before = session.beeps
            session.run("avmd_start", _AVMD)
            self._finding = True
        except ChannelHungUp:
            pass  # whoever takes the next frame finds out
        except (CommandRejected, SwitchError) as error:
            log.warning("%s: mod_avmd does not look for beeps: %s", session.uuid, error)

    def _find_no_more(self) -> None:
        try:
            self._session.run("avmd_stop")
        except (ChannelHungUp, CommandRejected, SwitchError) as error:
            log.debug("%s: avmd_stop: %s", self._session.uuid, error)
        self._finding = False

    @property
    def rate(self) -> int:
        text = self._session.variable("read_rate") or ""
        return int(text) if text.isdecimal() and 8000 <= int(text) <= 48000 else DEFAULT_RATE

    def next(self, timeout: float) -> bytes | None:
        session = self._session
        if self._frames:
            gevent.sleep(0)  # whoever catches up with a backlog lets others have their turn between two frames
            return self._frames.popleft()
        try:
            with gevent.Timeout(timeout, _Elapsed):
                while not self._frames and session.hangup_cause is None:
                    session.news.clear()
                    session.news.wait()
        except _Elapsed:
            pass
        return self._frames.popleft() if self._frames else None

    def __iter__(self) -> Iterator[bytes]:
        while (frame := self.next(GAP)) is not None:
            yield frame

    @contextmanager
    def open(self) -> Iterator[UdpFrames]:
        """Take frames for as long as the ``with`` lasts. A socket that cannot be had is logged, and nothing heard."""
        reader = None
        try:
            if self._sock is None:
                self._begin()
            else:
                self._drain()
            reader = gevent.spawn(self._read)
        except (OSError, SwitchError) as error:
            log.warning("%s: cannot listen on %s: %s", self._session.uuid, self._host, error)
        try:
            yield self
        finally:
            if reader is not None:
                reader.kill()
            if self._finding:
                self._find_no_more()
            self._frames.clear()
            self._rest = b""

    def close(self) -> None:
        """The call is over."""
        if self._sock is not None:
            self._sock.close()

    def _begin(self) -> None:
        sock = gevent.socket.socket(gevent.socket.AF_INET, gevent.socket.SOCK_DGRAM)
        try:
            sock.bind((self._host, 0))
            # What arrives at the switch's end is played to the callee: so not on all its addresses, only on the one
            # that it called us from.
            order = {
                "call-command": "unicast",
                "local-ip": self._session.sock.getpeername()[0],
                "local-port": "0",
                "remote-ip": self._host,
                "remote-port": str(sock.getsockname()[1]),
                "transport": "udp",
            }
            self._session.request(sendmsg(order))
        except BaseException:
            sock.close()
            raise
        self._sock = sock

    def _drain(self) -> None:
        """What came while nobody listened."""
        assert self._sock is not None
        self._sock.setblocking(False)
        try:
            while True:
                self._sock.recv(_DATAGRAM)
        except BlockingIOError:
            pass
        finally:
            self._sock.setblocking(True)

    def _read(self) -> None:
        assert self._sock is not None
        size = 2 * (self.rate // FRAMES_A_SECOND)
        while True:
            try:
                data, sender = self._sock.recvfrom(_DATAGRAM)
            except OSError:
                return
            self._sender = self._sender or sender
            if sender != self._sender:
                continue
            data = self._rest + data
            whole = len(data) - len(data) % size
            self._frames.extend(data[at : at + size] for at in range(0, whole, size))
            self._rest = data[whole:]
            self._session.news.set()
