"""The outbound-socket server: the switch connects here with every call that has been answered."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable

import gevent
import gevent.event
import gevent.pool
import gevent.socket
import greenswitch

from fs_app.errors import ConfigError, SwitchDown, SwitchError
from fs_app.switch.channel import Channel, ChannelHungUp
from fs_app.switch.outbound_channel import PLAYBACK_LIMIT, OutboundChannel
from fs_app.switch.session import OutboundSession

log = logging.getLogger(__name__)

REFUSALS = 64  # callers that may be told at one time that there is no room


class OutboundServer(greenswitch.OutboundESLServer):  # type: ignore[misc]  # greenswitch has no types
    """Runs ``application(channel)`` for each call, in a greenlet of its own.

    When the application returns the call is hung up; what it raises is logged, and the call hung up. ChannelHungUp is
    the ordinary end. Beyond ``max_connections`` calls a new one is hung up with SWITCH_CONGESTION.
    """

    def __init__(
        self,
        host: str,
        port: int,
        application: Callable[[Channel], None],
        *,
        max_connections: int = 1000,
        playback_limit: float = PLAYBACK_LIMIT,
        media_host: str = "127.0.0.1",
    ) -> None:
        """``port`` 0 takes a free one; ``bound_port`` says which, once started. ``playback_limit`` in seconds.

        ``media_host`` is the IPv4 address to which the switch sends the audio of callees that are listened to: one of
        this machine's that the switch reaches. Raises ConfigError when it is not an address.
        """
        super().__init__(host, port, application, max_connections)
        try:
            self._media_host = str(ipaddress.IPv4Address(media_host))
        except ValueError:
            raise ConfigError(f"{media_host!r} is not an IPv4 address to receive the callees' audio on") from None
        self._playback_limit = playback_limit
        self._calls = gevent.pool.Group()
        self._refusals = gevent.pool.Group()
        self._stopping = gevent.event.Event()
        self._acceptor: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Bind, and accept in the background. Raises ConfigError when the address cannot be had."""
        address = (self.bind_address, self.bind_port[0])
        family = gevent.socket.AF_INET6 if ":" in self.bind_address else gevent.socket.AF_INET
        self.server = gevent.socket.socket(family, gevent.socket.SOCK_STREAM)
        self.server.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_REUSEADDR, 1)
        try:
            self.server.bind(address)
            self.server.listen(1024)
        except (OSError, OverflowError) as error:
            self.server.close()
            raise ConfigError(f"FS_APP_OUTBOUND: cannot listen on {address[0]}:{address[1]}: {error}") from None
        self.bound_port = self.server.getsockname()[1]
        self._running = True
        self._acceptor = gevent.spawn(self._accept)
        log.info("listening for calls on %s:%s", self.bind_address, self.bound_port)

    def listen(self) -> None:
        """Start, and return when the server has been stopped (greenswitch's way of running)."""
        self.start()
        self._stopping.wait()

    def stop(self, grace: float = 0.0) -> int:
        """End accepting, give the calls ``grace`` seconds to end by themselves, close the rest; how many those were.

        A call that is closed hears nothing more: its application gets ChannelHungUp, and the switch hangs it up.
        """
        self._running = False
        self._stopping.set()
        if self._acceptor is not None:
            self._acceptor.kill()
        if self.server is not None:
            self.server.close()
        self._calls.join(timeout=grace)
        left = len(self._calls)
        for call in list(self._calls):
            call.args[0].lost("the server is stopping")
        self._calls.join(timeout=5.0)
        self._calls.kill(timeout=1.0)
        self._refusals.kill(timeout=1.0)
        return left

    def _accept(self) -> None:
        while self._running:
            try:
                sock, address = self.server.accept()
            except OSError as error:
                if not self._running:
                    return
                # Out of file descriptors, most likely: calls that end will free some.
                log.error("accepting a call failed: %s", error)
                self._stopping.wait(0.1)
                continue
            session = OutboundSession.accepted(sock, address)
            if len(self._calls) < self.max_connections:
                self._calls.start(gevent.Greenlet(self._call, session))
                self.connection_count = len(self._calls)
            elif len(self._refusals) < REFUSALS:
                self._refusals.spawn(self._refuse, session)
            else:
                session.lost("no room")

    def _call(self, session: OutboundSession) -> None:
        try:
            session.connect()
        except SwitchError as error:
            # One that only closes is a scheduler asking whether we listen.
            level = logging.INFO if isinstance(error, SwitchDown) else logging.WARNING
            log.log(level, "a connection came to nothing: %s", error)
            session.stop()
            self._finished()
            return
        channel = OutboundChannel(session, playback_limit=self._playback_limit, media_host=self._media_host)
        try:
            self.application(channel)
        except ChannelHungUp as end:
            log.debug("%s: %s", channel.uuid, end.cause)
        except Exception:
            log.exception("%s: the call failed", channel.uuid)
        finally:
            channel.hangup()
            channel.close()
            session.stop()
            self._finished()

    def _refuse(self, session: OutboundSession) -> None:
        log.warning("no room for another call: %d of %d", len(self._calls), self.max_connections)
        try:
            session.connect()
            OutboundChannel(session).hangup("SWITCH_CONGESTION")
        except SwitchError as error:
            log.info("refusing a call: %s", error)
        finally:
            session.stop()

    def _finished(self) -> None:
        self.connection_count = max(0, len(self._calls) - 1)  # the greenlet that says so is still in the group
