"""A real switch for tests: its place comes from the environment, its callees from a loopback context.

``FS_APP_TEST_ESL`` (host:port), ``FS_APP_TEST_ESL_PASSWORD`` and ``FS_APP_TEST_LOOPBACK_CONTEXT`` (default
``callees``); freeswitch_conf/ has a dialplan with the callees. Keys are pressed by the test itself
(``uuid_recv_dtmf``), at the moment it wants them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
import gevent.queue
import pytest

from fs_app.clock import SystemClock
from fs_app.domain.calls import CallEnded, CallEvent, OriginateFailed, OriginateRequest
from fs_app.switch.channel import Channel
from fs_app.switch.gate import Switch
from fs_app.switch.outbound import OutboundServer

PATIENCE = 15.0  # seconds until a test that waits in vain fails
CONTEXT = os.environ.get("FS_APP_TEST_LOOPBACK_CONTEXT", "callees")


def request_to(number: str, server: OutboundServer) -> OriginateRequest:
    """A call to a loopback callee, with a UUID of its own."""
    return OriginateRequest(
        call_uuid=str(uuid.uuid4()),
        number=number,
        gateway=f"loopback/{{number}}/{CONTEXT}",
        outbound=f"127.0.0.1:{server.bound_port}",
        caller_id_number="123456",
        caller_id_name="Test",
    )


class Calls:
    """A connected switch, an outbound server whose calls wait for the test, and what was heard of them."""

    def __init__(self, address: str = "", password: str = "") -> None:
        """``address`` of the event socket, host:port; without one that of the environment, or the test is skipped."""
        if not address:
            address = os.environ.get("FS_APP_TEST_ESL", "")
            password = os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon")
        if not address:
            pytest.skip("FS_APP_TEST_ESL is unset: nothing was tested against a real FreeSWITCH")
        host, _, port = address.rpartition(":")
        self.heard: list[CallEvent] = []
        self._news = gevent.event.Event()
        self._channels: dict[str, gevent.event.AsyncResult[Channel]] = {}
        self._done: dict[str, gevent.event.Event] = {}
        self.server = OutboundServer("127.0.0.1", 0, self._application)
        self.server.start()
        self.switch = Switch(host, int(port), password, clock=SystemClock())
        self.switch.subscribe(self._hear)
        self.switch.start()
        assert self.switch.wait_up(PATIENCE), self.switch.trouble

    def _hear(self, event: CallEvent) -> None:
        self.heard.append(event)
        self._news.set()

    def _application(self, channel: Channel) -> None:
        self._channels[channel.uuid].set(channel)
        self._done[channel.uuid].wait()

    def place(self, request: OriginateRequest) -> Any:
        """Originate, and return the channel once the call has been answered and taken over."""
        self._channels[request.call_uuid] = gevent.event.AsyncResult()
        self._done[request.call_uuid] = gevent.event.Event()
        self.switch.originate(request)
        return self._channels[request.call_uuid].get(timeout=PATIENCE)

    def press(self, call_uuid: str, keys: str) -> None:
        """The callee presses keys."""
        assert self.switch.api(f"uuid_recv_dtmf {call_uuid} {keys}").startswith("+OK")

    def until(self, channel: Any, condition: Callable[[], bool]) -> None:
        """Wait until the call's session has read what makes that true; it says when it has news."""
        with gevent.Timeout(PATIENCE):
            while not condition():
                channel._session.news.clear()
                channel._session.news.wait()

    def over(self, call_uuid: str) -> CallEnded:
        """Let the application return, which hangs up; what the switch said of the end."""
        self._done[call_uuid].set()
        return self.ended(call_uuid)

    def ended(self, call_uuid: str) -> CallEnded:
        event = self._first(call_uuid, CallEnded)
        assert isinstance(event, CallEnded)
        return event

    def failed(self, call_uuid: str) -> OriginateFailed:
        event = self._first(call_uuid, OriginateFailed)
        assert isinstance(event, OriginateFailed)
        return event

    def _first(self, call_uuid: str, kind: type[CallEvent]) -> CallEvent:
        with gevent.Timeout(PATIENCE):
            while True:
                for event in self.heard:
                    if event.uuid == call_uuid and isinstance(event, kind):
                        return event
                self._news.clear()
                self._news.wait()

    def close(self) -> None:
        for done in self._done.values():
            done.set()
        self.server.stop(grace=PATIENCE)
        self.switch.stop()
