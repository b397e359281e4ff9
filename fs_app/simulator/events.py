"""Events and who hears them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from fs_app.clock import Clock
from fs_app.simulator.encode import Headers

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Where FreeSWITCH says an event comes from. Nobody should read these, but a parser sees them in every event.
_SOURCES = {
    "CHANNEL_DATA": ("mod_event_socket.c", "parse_command", 2021),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", 1572),
    "CHANNEL_CREATE": ("switch_core_state_machine.c", "switch_core_session_run", 627),
    "CHANNEL_ORIGINATE": ("switch_core_state_machine.c", "switch_core_session_run", 632),
    "CHANNEL_OUTGOING": ("switch_core_session.c", "switch_core_session_outgoing_channel", 645),
    "CHANNEL_UUID": ("switch_core_session.c", "switch_core_session_set_uuid", 2390),
    "CHANNEL_PROGRESS": ("switch_channel.c", "switch_channel_perform_mark_ring_ready_value", 3434),
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", 3846),
    "CHANNEL_CALLSTATE": ("switch_channel.c", "switch_channel_perform_set_callstate", 301),
    "CHANNEL_STATE": ("switch_channel.c", "switch_channel_perform_set_running_state", 2408),
    "CALL_UPDATE": ("switch_channel.c", "switch_channel_flip_cid", 3277),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", 1002),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", 1187),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", 2944),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", 2967),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1803),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1926),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", 3339),
    "CHANNEL_HANGUP_COMPLETE": ("switch_core_state_machine.c", "switch_core_session_reporting_state", 943),
    "CHANNEL_DESTROY": ("switch_core_session.c", "switch_core_session_perform_destroy", 1584),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", 677),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", 1680),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", 2020),
    "RECORD_START": ("switch_ivr_play_say.c", "switch_ivr_record_file_event", 690),
    "RECORD_STOP": ("switch_ivr_play_say.c", "switch_ivr_record_file_event", 1030),
}
NAMES = frozenset(_SOURCES) | {
    "ALL", "API", "CHANNEL_APPLICATION", "CHANNEL_HOLD", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_UNHOLD", "CUSTOM",
    "DETECTED_SPEECH", "HEARTBEAT", "MESSAGE", "NOTALK", "PRIVATE_COMMAND", "RE_SCHEDULE", "SHUTDOWN", "STARTUP",
    "TALK",
}  # fmt: skip


def microseconds(moment: datetime) -> int:
    """Since 1970, as the switch writes times."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def stamp(micros: int) -> str:
    """``2026-11-23 02:14:02``; this switch lives in UTC."""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class Event:
    """Headers complete, in wire order; one may occur twice."""

    name: str
    headers: Headers
    body: str = ""

    def get(self, name: str) -> str | None:
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class Listener(Protocol):
    def deliver(self, event: Event) -> None: ...


class EventBus:
    """Stamps events and hands each to every listener at once, in one order for all."""

    def __init__(self, clock: Clock, hostname: str) -> None:
        self.clock = clock
        self.hostname = hostname
        self.core_uuid = str(uuid.uuid4())
        self._sequence = 0
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def stamped(self, name: str) -> Headers:
        """The headers every event starts with."""
        now = self.clock.now()
        micros = microseconds(now)
        self._sequence += 1
        file, function, line = _SOURCES.get(name, ("mod_event_socket.c", "parse_command", 2276))
        return [
            ("Event-Name", name),
            ("Core-UUID", self.core_uuid),
            ("FreeSWITCH-Hostname", self.hostname),
            ("FreeSWITCH-Switchname", self.hostname),
            ("FreeSWITCH-IPv4", "127.0.0.1"),
            ("FreeSWITCH-IPv6", "::1"),
            ("Event-Date-Local", stamp(micros)),
            ("Event-Date-GMT", now.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")),
            ("Event-Date-Timestamp", str(micros)),
            ("Event-Calling-File", file),
            ("Event-Calling-Function", function),
            ("Event-Calling-Line-Number", str(line)),
            ("Event-Sequence", str(self._sequence)),
        ]

    def fire(self, name: str, headers: Iterable[tuple[str, str]] = (), body: str = "") -> Event:
        event = Event(name, [*self.stamped(name), *headers], body)
        for listener in list(self._listeners):
            listener.deliver(event)
        return event
