"""One leg as its events show it: states, caller profile, times and variables, in the switch's order.

The order of headers and of variables is copied from recorded events; a test compares the two name by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fs_app.simulator.encode import Headers
from fs_app.simulator.events import EventBus, microseconds, stamp

STATE_NUMBERS = {
    "CS_NEW": 0, "CS_INIT": 1, "CS_ROUTING": 2, "CS_SOFT_EXECUTE": 3, "CS_EXECUTE": 4, "CS_EXCHANGE_MEDIA": 5,
    "CS_PARK": 6, "CS_CONSUME_MEDIA": 7, "CS_HIBERNATE": 8, "CS_RESET": 9, "CS_HANGUP": 10, "CS_REPORTING": 11,
    "CS_DESTROY": 12, "CS_NONE": 13,
}  # fmt: skip

# ITU-T Q.850 numbers of the causes used here; those FreeSWITCH made up have none and show their own number.
Q850 = {
    "NONE": 0, "UNALLOCATED_NUMBER": 1, "NO_ROUTE_DESTINATION": 3, "NORMAL_CLEARING": 16, "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18, "NO_ANSWER": 19, "SUBSCRIBER_ABSENT": 20, "CALL_REJECTED": 21, "NUMBER_CHANGED": 22,
    "DESTINATION_OUT_OF_ORDER": 27, "INVALID_NUMBER_FORMAT": 28, "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34, "NETWORK_OUT_OF_ORDER": 38, "NORMAL_TEMPORARY_FAILURE": 41,
    "SWITCH_CONGESTION": 42, "CHAN_NOT_IMPLEMENTED": 66, "SERVICE_NOT_IMPLEMENTED": 79,
    "RECOVERY_ON_TIMER_EXPIRE": 102, "INTERWORKING": 127, "ORIGINATOR_CANCEL": 487, "LOSE_RACE": 502,
    "MANAGER_REQUEST": 503, "ATTENDED_TRANSFER": 601, "ALLOTTED_TIMEOUT": 602, "PROGRESS_TIMEOUT": 607,
    "INVALID_GATEWAY": 608, "GATEWAY_DOWN": 609, "INVALID_PROFILE": 612,
}  # fmt: skip

# Events that carry every channel variable; the others carry the channel's own headers only.
_WITH_VARIABLES = frozenset(
    f"CHANNEL_{name}"
    for name in """
        CREATE ORIGINATE UUID ANSWER PARK UNPARK BRIDGE UNBRIDGE PROGRESS PROGRESS_MEDIA HANGUP
        HANGUP_COMPLETE DATA EXECUTE EXECUTE_COMPLETE DESTROY
    """.split()  # noqa: SIM905
) | {"CALL_UPDATE", "PLAYBACK_START", "PLAYBACK_STOP", "RECORD_START", "RECORD_STOP"}


@dataclass(slots=True)
class Profile:
    """Who calls whom. Times are microseconds since 1970, 0 for "not yet"."""

    caller_name: str
    caller_number: str
    destination: str
    source: str
    context: str
    dialplan: str = ""
    network: str = ""
    orig_name: str = ""
    orig_number: str = ""
    callee_name: str = "Outbound Call"
    callee_number: str = ""
    created: int = 0
    answered: int = 0
    progress: int = 0
    progress_media: int = 0
    hungup: int = 0
    bridged: int = 0


@dataclass(slots=True)
class Channel:
    """``state`` moves first, ``running`` (what events call Channel-State) follows when the session gets there."""

    bus: EventBus
    uuid: str
    name: str
    direction: str
    profile: Profile
    codec: str = "L16"
    logical_direction: str = ""
    running: str = "CS_NONE"
    state: str = "CS_NEW"
    call_state: str = "DOWN"
    answer_state: str = "ringing"
    hit_dialplan: bool = False
    cause: str = ""
    media: bool = True
    variables: dict[str, str] = field(default_factory=dict)
    other: Channel | None = None
    other_type: str = ""

    def set(self, name: str, value: str | None, *, check: bool = True) -> None:
        """Set a variable; it moves to the end. An empty value removes it, one that holds ``${`` is refused."""
        if check and value and "${" in value:
            return
        self.variables.pop(name, None)
        if value:
            self.variables[name] = value

    def get(self, name: str) -> str | None:
        """A variable, or one of the profile's fields that FreeSWITCH lets one read like a variable."""
        if name in self.variables:
            return self.variables[name]
        return {
            "uuid": self.uuid,
            "caller_id_name": self.profile.caller_name,
            "caller_id_number": self.profile.caller_number,
            "destination_number": self.profile.destination,
            "channel_name": self.name,
            "context": self.profile.context,
            "hostname": self.bus.hostname,
            "hangup_cause": self.cause or None,
        }.get(name)

    @property
    def down(self) -> bool:
        return self.state in ("CS_HANGUP", "CS_REPORTING", "CS_DESTROY")

    def now(self) -> int:
        return microseconds(self.bus.clock.now())

    # ------------------------------------------------------------------ events

    def fire(self, name: str, after: Headers | None = None, before: Headers | None = None) -> None:
        """An event about this channel: ``before`` and ``after`` stand around the channel's own headers."""
        headers = [*(before or []), *self.headers()]
        if name in _WITH_VARIABLES:
            headers += self.variable_headers()
        self.bus.fire(name, headers + (after or []))

    def enter(self, state: str, *, fire: bool = True) -> None:
        """The session runs ``state`` from here on."""
        self.state = self.running = state
        if fire:
            self.fire("CHANNEL_STATE")

    def set_call_state(self, state: str, number: int) -> None:
        before, self.call_state = self.call_state, state
        self.fire(
            "CHANNEL_CALLSTATE",
            before=[("Original-Channel-Call-State", before), ("Channel-Call-State-Number", str(number))],
        )

    def headers(self) -> Headers:
        out: Headers = [
            ("Channel-State", self.running),
            ("Channel-Call-State", self.call_state),
            ("Channel-State-Number", str(STATE_NUMBERS[self.state])),
            ("Channel-Name", self.name),
            ("Unique-ID", self.uuid),
            ("Call-Direction", self.direction),
            ("Presence-Call-Direction", self.direction),
            ("Channel-HIT-Dialplan", "true" if self.hit_dialplan else "false"),
            ("Channel-Call-UUID", self.uuid),
            ("Answer-State", self.answer_state),
        ]
        if self.cause:
            out.append(("Hangup-Cause", self.cause))
        if self.media:
            rate = "64000" if self.codec.startswith("PCM") else "128000"
            for way in ("Read", "Write"):
                out += [
                    (f"Channel-{way}-Codec-Name", self.codec),
                    (f"Channel-{way}-Codec-Rate", "8000"),
                    (f"Channel-{way}-Codec-Bit-Rate", rate),
                ]
        out += self.profile_headers("Caller")
        if self.other:
            out.append(("Other-Type", self.other_type))
            out += self.other.profile_headers("Other-Leg", index=False)
        return out

    def variable_headers(self) -> Headers:
        return [(f"variable_{name}", value) for name, value in self.variables.items()]

    def profile_headers(self, prefix: str, *, index: bool = True) -> Headers:
        p = self.profile
        pairs = [
            ("Direction", self.direction),
            ("Logical-Direction", self.logical_direction or self.direction),
            ("Dialplan", p.dialplan),
            ("Caller-ID-Name", p.caller_name),
            ("Caller-ID-Number", p.caller_number),
            ("Orig-Caller-ID-Name", p.orig_name),
            ("Orig-Caller-ID-Number", p.orig_number),
            ("Callee-ID-Name", p.callee_name),
            ("Callee-ID-Number", p.callee_number),
            ("Network-Addr", p.network),
            ("ANI", p.orig_number),
            ("Destination-Number", p.destination),
            ("Unique-ID", self.uuid),
            ("Source", p.source),
            ("Context", p.context),
            ("Channel-Name", self.name),
        ]
        out = [(f"{prefix}-{name}", value) for name, value in pairs if value]
        if index:
            out.append((f"{prefix}-Profile-Index", "1"))
        times = {
            "Profile-Created": p.created,
            "Channel-Created": p.created,
            "Channel-Answered": p.answered,
            "Channel-Progress": p.progress,
            "Channel-Progress-Media": p.progress_media,
            "Channel-Hangup": p.hungup,
            "Channel-Transfer": 0,
            "Channel-Resurrect": 0,
            "Channel-Bridged": p.bridged,
        }
        out += [(f"{prefix}-{name}-Time", str(micros)) for name, micros in times.items()]
        out += [
            (f"{prefix}-Channel-Last-Hold", "0"),
            (f"{prefix}-Channel-Hold-Accum", "0"),
            (f"{prefix}-Screen-Bit", "true"),
            (f"{prefix}-Privacy-Hide-Name", "false"),
            (f"{prefix}-Privacy-Hide-Number", "false"),
        ]
        return out

    # ------------------------------------------------------------------ steps of a call

    def progress(self) -> None:
        """The phone rings."""
        self.profile.progress = self.now()
        self.fire("CHANNEL_PROGRESS")
        if self.call_state == "DOWN":
            self.set_call_state("RINGING", 2)

    def answer(self) -> None:
        self.profile.answered = self.now()
        self.answer_state = "answered"
        self.fire("CHANNEL_ANSWER")
        self.set_call_state("ACTIVE", 4)
        self.set("endpoint_disposition", "ANSWER")

    def flip_caller_id(self) -> None:
        """The caller of an answered outgoing leg becomes its callee: from here on it is we who are "the other"."""
        p = self.profile
        self.set("pre_transfer_caller_id_name", p.caller_name)
        self.set("pre_transfer_caller_id_number", p.caller_number)
        self.set("channel_cid_flipped", "yes")
        p.caller_name, p.callee_name = p.callee_name, p.caller_name
        p.caller_number, p.callee_number = p.callee_number, p.caller_number
        self.fire("CALL_UPDATE", before=[("Direction", "RECV")])
        self.set("call_uuid", self.uuid)

    def mark_hangup(self, cause: str) -> None:
        """The leg is over; its session only has to notice. Fires CHANNEL_HANGUP."""
        self.cause, self.answer_state, self.state = cause, "hangup", "CS_HANGUP"
        self.fire("CHANNEL_HANGUP")

    def report(self, digits_dialed: str, last_app: tuple[str, str] | None) -> None:
        """From CS_HANGUP to CHANNEL_HANGUP_COMPLETE."""
        self.enter("CS_HANGUP")
        self.profile.hungup = self.now()
        self.set_call_state("HANGUP", 11)
        self.enter("CS_REPORTING")
        self._final_variables(digits_dialed, last_app)
        self.fire("CHANNEL_HANGUP_COMPLETE", before=[("Hangup-Cause", self.cause)])

    def destroy(self) -> None:
        self.state = "CS_DESTROY"
        self.fire("CHANNEL_DESTROY")
        self.running = "CS_DESTROY"
        self.fire("CHANNEL_STATE")

    def _final_variables(self, digits_dialed: str, last_app: tuple[str, str] | None) -> None:
        p = self.profile
        self.set("hangup_cause", self.cause)
        self.set("hangup_cause_q850", str(Q850.get(self.cause, 31)))
        self.set("digits_dialed", digits_dialed or "none")
        times = {
            "start": p.created,
            "profile_start": p.created,
            "answer": p.answered,
            "bridge": p.bridged,
            "progress": p.progress,
            "progress_media": p.progress_media,
            "end": p.hungup,
        }
        for name, micros in times.items():
            if micros:
                self.set(f"{name}_stamp", stamp(micros))
        for name in ("start", "profile_start", "answer", "bridge", "last_hold", "hold_accum", "resurrect", "progress",
                     "progress_media", "end"):  # fmt: skip
            if name == "hold_accum":
                for unit in ("seconds", "usec", "ms"):
                    self.set(f"hold_accum_{unit}", "0")
                continue
            micros = times.get(name, 0)
            self.set(f"{name}_epoch", str(micros // 1_000_000))
            self.set(f"{name}_uepoch", str(micros))
        if last_app:
            self.set("last_app", last_app[0])
            self.set("last_arg", last_app[1])
        self.set("caller_id", f'"{p.caller_name}" <{p.caller_number}>' if p.caller_name else p.caller_number)
        end, start = p.hungup, p.created
        for per, letter in ((1_000_000, ""), (1_000, "m"), (1, "u")):
            whole = end // per - start // per
            suffix = {"": "sec", "m": "msec", "u": "usec"}[letter]
            since = {
                "progress": p.progress,
                "answer": p.answered,
                "wait": p.bridged,
                "progress_media": p.progress_media,
            }
            self.set(f"{letter}duration", str(whole))
            self.set(f"bill{suffix}", str(end // per - p.answered // per if p.answered else 0))
            for name, micros in since.items():
                counted = micros and p.answered
                self.set(f"{name}{suffix}", str(micros // per - start // per if counted else 0))
            self.set(f"flow_bill{suffix}", str(whole if p.answered else 0))
        if self.name.startswith("loopback/"):
            self.set("is_loopback", "1")
