"""One call: the loop that runs its applications and takes messages, and the end it comes to.

On the switch each session is a thread that does something every 20 ms. Here it is a greenlet that sleeps in ``pause``
until there is something to do: a message, a key, a break, the hang-up, or the end of what it waits for.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from enum import Enum

import gevent
from gevent.event import Event as Flag

from fs_app.simulator.audio import loud_parts, voice
from fs_app.simulator.channel import Channel
from fs_app.simulator.core import FRAME, Core, new_uuid
from fs_app.simulator.encode import Headers
from fs_app.simulator.expand import expand, is_true
from fs_app.simulator.parse import Packet, atoi

# Applications that make sound, or take it: the first of them ends unicast for the rest of the call.
_SOUNDING = frozenset({"playback", "play_and_get_digits", "read", "record", "bridge", "conference", "sleep"})


class Why(Enum):
    """Why a pause ended."""

    HANGUP = "hangup"
    BREAK = "break"
    MESSAGE = "message"
    DIGIT = "digit"
    RELEASED = "released"
    TIME = "time"


class Session:
    """``channel`` is the A-leg; ``peer`` the far end of a loopback, which has events of its own."""

    def __init__(self, core: Core, channel: Channel, number: str) -> None:
        self.core = core
        self.channel = channel
        self.number = number
        self.peer: Channel | None = None
        self.over = Flag()  # set at the hang-up
        self.talks: list[tuple[float, float]] = []  # from, to; on the scale of ``seconds``
        self.recording: tuple[float, array[int]] | None = None  # what the callee plays: since when, and its samples
        self.spoken: list[tuple[float, float]] = []  # from, to: where there is sound in it
        self.unicast: gevent.Greenlet[..., None] | None = None  # sends the callee's audio away, or has
        self.abandoned = False  # given up by the originate that rang it
        self.controlled = False  # parked, or held by an outbound socket
        self.lingering: Callable[[], object] | None = None  # waits for the outbound socket to let go
        self.on_down: list[Callable[[bool], None]] = []  # told whether an application of our own hangs up
        self._inbox: deque[Packet] = deque()
        self._digits: deque[str] = deque()
        self._dialed = ""
        self._locks = 0
        self._break = False
        self._wake = Flag()
        self._last_app: tuple[str, str] | None = None

    def legs(self) -> list[Channel]:
        return [self.channel, self.peer] if self.peer else [self.channel]

    def note(self, what: str, **more: object) -> None:
        self.core.journal.record(what, self.channel.uuid, self.number, **more)

    # ------------------------------------------------------------------ what others do to it

    def send(self, message: Packet) -> None:
        """Queue a ``sendmsg``; it is obeyed when the session next looks."""
        self._inbox.append(message)
        self._wake.set()

    def press(self, key: str) -> None:
        """A key arrives from the callee; its DTMF event comes when an application, or the park loop, takes it."""
        self._digits.append(key)
        self._wake.set()

    def seconds(self) -> float:
        """Telephony's own time, for measuring lengths."""
        return self.core.clock.monotonic() * self.core.speed

    def talk(self, length: float) -> None:
        """The callee makes a sound from now on, ``length`` seconds long."""
        self.talks.append((self.seconds(), self.seconds() + length))

    def talked_until(self) -> float:
        """When the callee fell silent last, or will."""
        now = self.seconds()
        return max((end for start, end in (*self.talks, *self.spoken) if start <= now), default=0.0)

    def plays(self, samples: array[int]) -> None:
        """From now on the callee plays a recording into the call, once."""
        begun = self.seconds()
        self.recording = (begun, samples)
        self.spoken = [(begun + since, begun + until) for since, until in loud_parts(samples)]

    def sound(self, start: float, count: int) -> array[int]:
        """``count`` samples of the callee from ``start`` on, on the scale of ``seconds``."""
        return voice(self.talks, self.recording, start, count)

    def wait_taken(self) -> None:
        """Give the session one frame to take the keys pressed so far."""
        left = 5
        while self._digits and left and not self.channel.down:
            gevent.sleep(self.core.real(FRAME) / 5)
            left -= 1

    def interrupt(self, *, flush: bool) -> None:
        """``uuid_break``: end what is playing; with ``flush``, forget what was queued too."""
        if flush:
            self._inbox.clear()
        self._break = True
        self._wake.set()

    def release(self) -> None:
        """The outbound socket is gone: the park loop ends at its next turn."""
        self.controlled = False
        self._wake.set()

    def hangup(self, cause: str, by: str = "switch") -> None:
        """End the call; ``by`` is us (an application), api, callee or switch. Nothing happens when it is over."""
        if self.channel.down:
            return
        answered = bool(self.channel.profile.answered)
        if by == "callee" and self.peer and not self.peer.down:
            self.peer.mark_hangup(cause)
        self.note("hangup", cause=cause, by=by, answered=answered)
        for tell in self.on_down:
            tell(by == "us")
        self.channel.mark_hangup(cause)
        self.over.set()
        self._wake.set()

    # ------------------------------------------------------------------ the loop

    def pause(self, seconds: float | None, *, digits: bool = False, park: bool = False) -> tuple[Why, float]:
        """Sleep ``seconds`` (None: without end) or until something happens.

        Returns why it ended and how many seconds of telephony went by. Digits count only if ``digits``.
        """
        spent = 0.0
        first = True
        while True:
            self._wake.clear()
            why = self._pending(digits, park)
            if why:
                if why is Why.HANGUP and not first:
                    gevent.sleep(self.core.real(FRAME))  # a session notices at its next frame
                return why, spent
            left = None if seconds is None else seconds - spent
            if left is not None and left <= 0:
                return Why.TIME, spent
            began = self.core.clock.monotonic()
            woken = self._wake.wait(None if left is None else self.core.real(left))
            first = False
            if not woken:
                return Why.TIME, seconds or 0.0
            spent += (self.core.clock.monotonic() - began) * self.core.speed

    def _pending(self, digits: bool, park: bool) -> Why | None:
        if self.channel.down:
            return Why.HANGUP
        if park and not self.controlled:
            return Why.RELEASED
        if self._break and not park:
            self._break = False
            return Why.BREAK
        if self._inbox and not self._locks:
            return Why.MESSAGE
        if digits and self._digits:
            return Why.DIGIT
        return None

    def take_digit(self) -> str:
        """The next key, with its DTMF event; empty when there is none."""
        if not self._digits:
            return ""
        key = self._digits.popleft()
        self._dialed += key
        real = self.channel.name.startswith("sofia/")
        self.channel.fire(
            "DTMF",
            after=[
                ("DTMF-Digit", key),
                ("DTMF-Duration", "2240" if real else "2000"),
                ("DTMF-Source", "RTP" if real else "UNKNOWN"),
            ],
        )
        return key

    def forget_digits(self) -> None:
        """``flush_dtmf``: keys pressed ahead are thrown away, without events."""
        self._digits.clear()

    def drain(self) -> None:
        """Obey the messages that wait, unless one of them locked the others out."""
        while self._inbox and not self._locks:
            self.obey(self._inbox.popleft())
            if self._break:
                break

    def park(self) -> None:
        """Wait for messages until released or hung up. Keys are eaten; only their events remain."""
        self.controlled = True
        self.channel.fire("CHANNEL_PARK")
        while True:
            why, _ = self.pause(None, digits=True, park=True)
            if why is Why.MESSAGE:
                self.drain()
            elif why is Why.DIGIT:
                self.take_digit()
            else:
                break
        self.controlled = False
        self.channel.fire("CHANNEL_UNPARK")

    # ------------------------------------------------------------------ messages and applications

    def obey(self, message: Packet) -> None:
        """One ``sendmsg``."""
        headers = message.headers
        lock = is_true(headers.get("event-lock"))
        self._locks += lock
        try:
            command = headers.get("call-command", "").lower()
            if command == "execute":
                self._obey_execute(message)
            elif command == "hangup":
                self.hangup(headers.get("hangup-cause") or "NORMAL_CLEARING", by="us")
            elif command == "unicast" and not self.channel.down:
                self.core.unicast(self, headers)
        finally:
            self._locks -= lock
        self.channel.fire("PRIVATE_COMMAND")

    def _obey_execute(self, message: Packet) -> None:
        headers = message.headers
        argument = headers.get("execute-app-arg", "")
        if not argument and headers.get("content-type", "").lower() == "text/plain":
            argument = message.body
        loops = atoi(headers["loops"]) if headers.get("loops") else 1
        name = headers.get("execute-app-name", "")
        if not name or self.channel.down:
            return
        turn = 0
        while loops < 0 or turn < loops:
            turn += 1
            self.channel.set("current_loop", str(turn))
            self.channel.set("total_loops", str(loops))
            began = self.core.clock.monotonic()
            known = self.execute(name, argument, headers.get("event-uuid", ""), headers.get("event-uuid-name", ""))
            took = (self.core.clock.monotonic() - began) * self.core.speed
            if not known or self.channel.down or took < 0.5:
                break
        self.channel.set("current_loop", None)
        self.channel.set("total_loops", None)

    def execute(self, name: str, argument: str, app_uuid: str = "", uuid_name: str = "") -> bool:
        """Run one application, with its two events. An unknown one ends the call and is False."""
        channel = self.channel
        application = self.core.applications.get(name)
        if application is None:
            self.hangup("DESTINATION_OUT_OF_ORDER")
            return False
        if not is_true(channel.get("app_disable_expand_variables")):
            argument = expand(argument, self.variable, self.call_api)
        if name in _SOUNDING and self.unicast is not None:
            self.unicast.kill(block=False)
        self._last_app = (name, argument)
        channel.set("current_application", name)
        channel.set("current_application_data", argument, check=False)
        channel.set("current_application_response", None)
        about: Headers = [("Application", name)]
        if argument:
            about.append(("Application-Data", argument))
        ids = [("Application-UUID", app_uuid or new_uuid())]
        if uuid_name:
            ids.append(("Application-UUID-Name", uuid_name))
        channel.fire("CHANNEL_EXECUTE", after=about + ids)
        self._break = False
        channel.set("current_application", name)
        application(self, argument)
        response = channel.get("current_application_response") or "_none_"
        self._complete(name, [*about, ("Application-Response", response), *ids])
        return True

    def _complete(self, name: str, after: Headers) -> None:
        bad = self.core.misbehaviour
        if bad.drop_completion in ("*", name):
            return
        if bad.delay_completion:
            self.core.later(bad.delay_completion, self.channel.fire, "CHANNEL_EXECUTE_COMPLETE", after)
        else:
            self.channel.fire("CHANNEL_EXECUTE_COMPLETE", after=after)

    def variable(self, name: str) -> str | None:
        found = self.channel.get(name)
        return self.core.globals.get(name) if found is None else found

    def call_api(self, name: str, arguments: str) -> str:
        """``${name(arguments)}`` in an application's argument. The journal tells, for it ought never to happen."""
        self.note("command", command=name, arguments=arguments)
        return self.core.api(name, arguments) or ""

    # ------------------------------------------------------------------ life

    def run(self, applications: list[tuple[str, str]]) -> None:
        """From the answer to the end: the applications in turn, then the hang-up if nobody was quicker."""
        self.channel.enter("CS_EXECUTE")
        for name, argument in applications:
            if self.channel.down:
                break
            self.execute(name, argument)
        self.hangup("NORMAL_CLEARING")
        self.finish()

    def finish(self) -> None:
        """The events after the hang-up, and the end of the session once its socket has let go."""
        peer_first = bool(self.peer and self.peer.down)
        peer = self.peer
        if peer and not peer.down:
            peer.mark_hangup(self.channel.cause)
        if peer and peer_first:
            peer.report("", None)
        self.channel.report(self._dialed, self._last_app)
        if peer and not peer_first:
            peer.report("", None)
        if peer:
            peer.destroy()
        if self.lingering:
            self.lingering()
        self.channel.destroy()
        for leg in self.legs():
            if self.core.sessions.get(leg.uuid) is self:
                del self.core.sessions[leg.uuid]
