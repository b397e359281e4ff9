"""The commands of the event socket, as far as inbound and outbound connections share them."""

from __future__ import annotations

import re
from collections.abc import Callable

import gevent

from fs_app.simulator.core import Core, new_uuid
from fs_app.simulator.encode import api_response, command_reply, event_frame
from fs_app.simulator.events import NAMES, Event
from fs_app.simulator.parse import Packet
from fs_app.simulator.wire import Wire

NOT_FOUND = "-ERR command not found"
_FORMS = ("plain", "json", "xml")
_LEVELS = {"": 7, **{name: level for level, name in enumerate(
    ("console", "alert", "crit", "err", "warning", "notice", "info", "debug"))},
    **{str(level): level for level in range(8)}}  # fmt: skip
# What myevents switches on: no PLAYBACK_*, RECORD_*, CUSTOM or BACKGROUND_JOB among them.
MY_EVENTS = frozenset(
    f"CHANNEL_{name}"
    for name in """
        ANSWER APPLICATION BRIDGE CREATE DATA DESTROY EXECUTE EXECUTE_COMPLETE HANGUP HANGUP_COMPLETE
        ORIGINATE UUID OUTGOING PARK PROGRESS PROGRESS_MEDIA STATE UNBRIDGE UNPARK
    """.split()  # noqa: SIM905
) | {"DETECTED_SPEECH", "DTMF", "NOTALK", "TALK"}


class Listener:
    """Subscriptions, filters and commands of one connection."""

    def __init__(self, core: Core, wire: Wire) -> None:
        self.core = core
        self.wire = wire
        self.running = True
        self.mine = ""  # the UUID that myevents confined us to
        self._form = "plain"
        self._events: set[str] = set()
        self._subclasses: set[str] = set()
        self._all = False
        self._listening = False
        self._logging = False
        self._filters: list[tuple[str, str]] = []
        self._commands: list[tuple[str, Callable[[str, Packet], str | None]]] = [
            ("filter ", self._filter),
            ("sendmsg", self._sendmsg),
            ("sendevent", self._sendevent),
            ("api ", self._api),
            ("bgapi ", self._bgapi),
            ("log", self._log),
            ("linger", self.linger),
            ("nolinger", self.nolinger),
            ("nolog", self._nolog),
            ("event", self._event),
            ("nixevent", self._nixevent),
            ("noevents", self._noevents),
        ]

    # ------------------------------------------------------------------ events

    def deliver(self, event: Event) -> None:
        """Queue the event if this connection asked for it."""
        if not (self.running and self._listening and self._subscribed(event) and self._passes(event)):
            return
        if self.mine and event.get("Unique-ID") != self.mine and event.get("Job-Owner-UUID") != self.mine:
            return
        form = "json" if self._form == "json" else "plain"
        self.wire.send(event_frame(event.headers, event.body, form))

    def _subscribed(self, event: Event) -> bool:
        if self._all:
            return True
        if event.name not in self._events:
            return False
        subclass = event.get("Event-Subclass")
        return event.name != "CUSTOM" or not subclass or subclass in self._subclasses

    def _passes(self, event: Event) -> bool:
        """Without filters everything passes; with some, what any of them matches, unless a ``-`` one does."""
        if not self._filters:
            return True
        passes = False
        for name, pattern in self._filters:
            value = event.get(name)
            if value is None:
                continue
            signs = re.match(r"[+\- ]*", pattern)
            start = signs.group() if signs else ""
            negative = start.rstrip(" ").endswith("-")
            wanted = pattern[len(start) :]
            if passes and not negative:
                continue
            if pattern.startswith("/"):
                expression = wanted.strip("/")
                hit = re.search(expression, value) is not None
            else:
                hit = value.lower() == wanted.lower()
            if hit and negative:
                return False
            passes = passes or hit
        return passes

    # ------------------------------------------------------------------ commands

    def obey(self, packet: Packet) -> None:
        """One command and its reply."""
        reply = self.command(packet)
        if reply is not None:
            self.wire.send(command_reply(reply or NOT_FOUND))

    def command(self, packet: Packet) -> str | None:
        """The reply's text; None when the command answered for itself. Names match as prefixes, without case."""
        line = packet.command
        word = line.lower()
        if word.startswith(("exit", "...")):
            self.running = False
            return "+OK bye"
        special = self.special(line, packet)
        if special != "":
            return special
        for name, run in self._commands:
            if word.startswith(name):
                return run(line[len(name) :], packet)
        return NOT_FOUND

    def special(self, line: str, packet: Packet) -> str | None:
        """Commands that only one kind of connection knows; empty when it is none of them."""
        if line.lower().startswith("myevents "):
            uuid, _, form = line[9:].partition(" ")
            if form and self.core.find(uuid) is None:
                return "-ERR invalid uuid"
            return self.my_events(uuid, form)
        if line.lower().startswith("divert_events"):
            return "-ERR not controlling a session."
        return ""

    def my_events(self, uuid: str, form: str) -> str:
        if self.mine:
            return "-ERR aready enabled."  # spelt as the switch spells it
        self.mine = uuid
        self._events |= MY_EVENTS
        self._listening = True
        if "json" in form.lower():
            self._form = "json"
        return "+OK Events Enabled"

    def linger(self, rest: str, packet: Packet) -> str | None:
        return "-ERR not controlling a session"

    def nolinger(self, rest: str, packet: Packet) -> str | None:
        return "-ERR not controlling a session"

    def own_session(self) -> str:
        """The UUID that a sendmsg without one means."""
        return ""

    def _filter(self, rest: str, packet: Packet) -> str:
        name, _, value = rest.lstrip(" ").partition(" ")
        if name.lower() == "delete" and value:
            name, _, value = value.partition(" ")
            if name.lower() == "all":
                self._filters.clear()
            else:
                self._filters = [
                    (n, v) for n, v in self._filters if n.lower() != name.lower() or (value and v != value)
                ]
            return f"+OK filter deleted. [{name}][{value}]"
        if name.lower() == "add" and value:
            name, _, value = value.partition(" ")
        if not value:
            return "-ERR invalid syntax"
        self._filters.append((name, value))
        return f"+OK filter added. [{name}]=[{value}]"

    def _event(self, rest: str, packet: Packet) -> str:
        words = rest.partition(" ")[2].split()
        if words and words[0].lower() in _FORMS:
            self._form = words.pop(0).lower()
        found = False
        for at, word in enumerate(words):
            name = word.upper()
            if name not in NAMES:
                continue
            found = True
            if name == "ALL":
                self._all = True
            self._events.add(name)
            if name == "CUSTOM":
                self._subclasses |= set(words[at + 1 :])
                break
        if not found:
            return "-ERR no keywords supplied"
        self._listening = True
        return f"+OK event listener enabled {self._form}"

    def _nixevent(self, rest: str, packet: Packet) -> str:
        words = rest.split()
        found = False
        for at, word in enumerate(words):
            name = word.upper()
            if name not in NAMES:
                continue
            found = True
            if name == "CUSTOM":
                self._subclasses -= set(words[at + 1 :])
                break
            if name == "ALL":
                self._events.clear()
            elif self._all:
                self._events = set(NAMES)
            self._all = False
            self._events.discard(name)
        if not found:
            return "-ERR no keywords supplied"
        self._listening = True
        return "+OK events nixed"

    def _noevents(self, rest: str, packet: Packet) -> str:
        if not self._listening:
            return "-ERR not listening for events"
        self._listening = self._all = False
        self._events.clear()
        self._subclasses.clear()
        return "+OK no longer listening for events"

    def _log(self, rest: str, packet: Packet) -> str:
        word = rest.strip().split(" ")[0]
        level = _LEVELS.get(word.lower())
        if level is None:
            return "-ERR invalid log level"
        self._logging = True
        return f"+OK log level {word} [{level}]"

    def _nolog(self, rest: str, packet: Packet) -> str:
        was, self._logging = self._logging, False
        return "+OK no longer logging" if was else "-ERR not loging"

    def _sendmsg(self, rest: str, packet: Packet) -> str:
        uuid = rest.lstrip(" ").partition("\n")[0].strip() or packet.headers.get("session-id", "")
        own = self.own_session()
        session = self.core.sessions.get(own) if not uuid or uuid == own else self.core.find(uuid)
        if not uuid and not own:
            session = None
        if session is None:
            # A call that is over takes messages while its socket lingers; nobody will obey them.
            return "+OK" if own and uuid in ("", own) else f"-ERR invalid session id [{uuid}]"
        session.send(packet)
        return "+OK"

    def _sendevent(self, rest: str, packet: Packet) -> str:
        uuid = new_uuid()
        headers = [(name, value) for name, value in packet.headers.items() if name != "content-length"]
        self.core.bus.fire(rest.strip().upper() or "CUSTOM", [*headers, ("Event-UUID", uuid)], packet.body)
        return f"+OK {uuid}"

    def _api(self, rest: str, packet: Packet) -> None:
        """Runs in this connection's own greenlet: until it is done the connection takes nothing else."""
        name, _, arguments = rest.partition(" ")
        answer = self.core.api(name, arguments)
        self.wire.send(api_response(f"-ERR {name} Command not found!\n" if answer is None else answer))

    def _bgapi(self, rest: str, packet: Packet) -> None:
        name, _, arguments = rest.partition(" ")
        job = packet.headers.get("job-uuid") or new_uuid()
        if self.core.misbehaviour.slow_bgapi:
            gevent.sleep(self.core.real(self.core.misbehaviour.slow_bgapi))
        self.wire.send(command_reply(f"+OK Job-UUID: {job}", [("Job-UUID", job)]))
        self.core.spawn(self._job, job, name, arguments, self.own_session())

    def _job(self, job: str, name: str, arguments: str, owner: str) -> None:
        answer = self.core.api(name, arguments)
        headers = [("Job-UUID", job)]
        if owner:
            headers.append(("Job-Owner-UUID", owner))
        headers.append(("Job-Command", name))
        if arguments:
            headers.append(("Job-Command-Arg", arguments))
        body = f"-ERR {name} Command not found!\n" if answer is None else answer
        self.core.bus.fire("BACKGROUND_JOB", headers, body or "Command returned no output!")
