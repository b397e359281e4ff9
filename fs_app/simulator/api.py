"""The api commands of fs_cli that an application asks, answered in FreeSWITCH's words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

from fs_app.errors import InvalidInput
from fs_app.simulator.channel import Channel
from fs_app.simulator.core import Core, new_uuid
from fs_app.simulator.dial import dial
from fs_app.simulator.dialstring import UsageError, read_application, read_originate, split
from fs_app.simulator.encode import event_plain, to_text
from fs_app.simulator.events import microseconds, stamp
from fs_app.simulator.parse import atoi

NO_CHANNEL = "-ERR No such channel!\n"
_ORIGINATE_USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] "
    "[<timeout_sec>]\n"
)
_COLUMNS = """
    uuid direction created created_epoch name state cid_name cid_num ip_addr dest application
    application_data dialplan context read_codec read_rate read_bit_rate write_codec write_rate
    write_bit_rate secure hostname presence_id presence_data accountcode callstate callee_name
    callee_num callee_direction call_uuid sent_callee_name sent_callee_num initial_cid_name
    initial_cid_num initial_ip_addr initial_dest initial_dialplan initial_context
""".split()  # noqa: SIM905
_RULER = "=" * 97 + "\n"


class ApiCommands:
    """``run`` answers one command; None when there is no such command."""

    def __init__(self, core: Core, *, allow_control: bool, conference: Callable[[str], str]) -> None:
        self._core = core
        self._commands: dict[str, Callable[[str], str]] = {
            "originate": self.originate,
            "uuid_exists": lambda a: "true" if self._core.find(a) else "false",
            "uuid_kill": self.uuid_kill,
            "uuid_dump": self.uuid_dump,
            "uuid_getvar": self.uuid_getvar,
            "uuid_setvar": self.uuid_setvar,
            "uuid_break": self.uuid_break,
            "uuid_recv_dtmf": self.uuid_recv_dtmf,
            "uuid_send_dtmf": self.uuid_send_dtmf,
            "sched_hangup": self.sched_hangup,
            "hupall": self.hupall,
            "conference": conference,
            "show": self.show,
            "status": self.status,
            "version": lambda a: "1.10.12-release\n" if a == "short" else
            "FreeSWITCH Version 1.10.12-release~64bit ( 64bit)\n",
            "sofia": self.sofia,
            "global_getvar": self.global_getvar,
            "hostname": lambda a: core.bus.hostname,
            "create_uuid": lambda a: new_uuid(),
            "echo": lambda a: a,
            "strftime": lambda a: core.clock.now().strftime(a or "%Y-%m-%d %T"),
            "strepoch": lambda a: str(microseconds(core.clock.now()) // 1_000_000),
            "uptime": lambda a: f"{int(self._uptime().total_seconds())}\n",
            "module_exists": lambda a: "false" if a.strip() == "mod_avmd" else "true",
            "hash": self.hash,
            "system": self.system,
        }  # fmt: skip
        if allow_control:
            self._commands["fs_app_sim"] = self.control

    def run(self, name: str, arguments: str) -> str | None:
        command = self._commands.get(name)
        return None if command is None else command(arguments.strip(" "))

    # ------------------------------------------------------------------ originate

    def originate(self, arguments: str) -> str:
        """Blocks its greenlet until somebody answers or nobody will."""
        try:
            line = read_originate(arguments)
        except UsageError:
            return _ORIGINATE_USAGE
        outcome = dial(
            self._core,
            line.dial,
            timeout=line.timeout,
            caller_name=line.caller_name,
            caller_number=line.caller_number,
        )
        session = outcome.session
        if session is None:
            return f"-ERR {outcome.cause}\n"
        session.channel.hit_dialplan = True
        session.channel.flip_caller_id()
        application = read_application(line.extension)
        if application:
            todo = [application]
        elif (line.dialplan or "").lower() == "inline":
            pairs = [item.partition(":") for item in split(line.extension, ",")]
            todo = [(name, argument) for name, _, argument in pairs]
        else:
            todo = []  # there is no dialplan: the extension is unknown
        if not todo:
            self._core.spawn(_no_route, session.hangup, session.finish)
        else:
            self._core.spawn(session.run, todo)
        return f"+OK {session.channel.uuid}\n"

    # ------------------------------------------------------------------ one call

    def uuid_kill(self, arguments: str) -> str:
        uuid, _, cause = arguments.partition(" ")
        if not uuid:
            return "-USAGE: <uuid> [cause]\n"
        session = self._core.find(uuid)
        if session is None:
            return NO_CHANNEL
        session.hangup(cause.strip() or "NORMAL_CLEARING", by="api")
        return "+OK\n"

    def uuid_dump(self, arguments: str) -> str:
        uuid, _, form = arguments.partition(" ")
        session = self._core.find(uuid)
        if session is None:
            return NO_CHANNEL
        channel = session.channel if session.channel.uuid == uuid or not session.peer else session.peer
        headers = [*self._core.bus.stamped("CHANNEL_DATA"), *channel.headers(), *channel.variable_headers()]
        if form.strip() == "json":
            return json.dumps(dict(headers), ensure_ascii=False)
        return to_text(event_plain(headers))

    def hash(self, arguments: str) -> str:
        """mod_hash: insert, insert_ifempty, select and delete."""
        what, _, rest = arguments.partition("/")
        words = rest.split("/", 2)
        table, place = self._core.hash, "/".join(words[:2])
        match what, len(words):
            case "insert", 3:
                table[place] = words[2]
                return "+OK\n"
            case "insert_ifempty", 3:
                if place in table:
                    return "-ERR key already exists\n"
                table[place] = words[2]
                return "+OK\n"
            case "select", 2:
                return table.get(place, "")
            case "delete", 2:
                return "+OK\n" if table.pop(place, None) is not None else "-ERR Not found\n"
        return "-USAGE: insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]\n"

    def uuid_getvar(self, arguments: str) -> str:
        words = arguments.split(" ")
        if len(words) < 2:
            return "-USAGE: <uuid> <var>\n"
        session = self._core.find(words[0])
        if session is None:
            return NO_CHANNEL
        return session.channel.get(words[1]) or "_undef_"

    def uuid_setvar(self, arguments: str) -> str:
        words = arguments.split(" ", 2)
        if len(words) < 2:
            return "-USAGE: <uuid> <var> [value]\n"
        session = self._core.find(words[0])
        if session is None:
            return NO_CHANNEL
        session.channel.set(words[1], words[2] if len(words) > 2 else None)
        return "+OK\n"

    def uuid_break(self, arguments: str) -> str:
        uuid, _, what = arguments.partition(" ")
        session = self._core.find(uuid)
        if session is None:
            return NO_CHANNEL
        session.interrupt(flush=what.strip() == "all")
        return "+OK\n"

    def uuid_recv_dtmf(self, arguments: str) -> str:
        """As if the callee had pressed these keys."""
        return self._dtmf(arguments, received=True)

    def uuid_send_dtmf(self, arguments: str) -> str:
        """Keys to the callee, who does not listen."""
        return self._dtmf(arguments, received=False)

    def _dtmf(self, arguments: str, *, received: bool) -> str:
        uuid, _, keys = arguments.partition(" ")
        session = self._core.find(uuid)
        if session is None:
            return "-ERR Cannot locate session!\n"
        keys = keys.partition("@")[0]
        if received:
            for key in keys:
                session.press(key)
        return f"+OK {uuid} {'received' if received else 'sent'} DTMF {keys}.\n"

    def sched_hangup(self, arguments: str) -> str:
        words = arguments.split(" ", 2)
        if len(words) < 2:
            return "-USAGE: [+]<time> <uuid> [<cause>]\n"
        session = self._core.find(words[1])
        if session is None:
            return NO_CHANNEL
        cause = words[2] if len(words) > 2 else "ALLOTTED_TIMEOUT"
        self._core.later(atoi(words[0].lstrip("+")), session.hangup, cause)
        return "+OK\n"

    def hupall(self, arguments: str) -> str:
        cause = arguments.split(" ")[0] or "MANAGER_REQUEST"
        for session in self._core.live():
            session.hangup(cause)
        return f"+OK hangup all channels with cause {cause}\n"

    # ------------------------------------------------------------------ the switch

    def show(self, arguments: str) -> str:
        words = arguments.split()
        if not words or words[0] not in ("channels", "calls"):
            return "-USAGE: calls [count]|channels [count|like <match string>]\n"
        rows = [self._row(channel) for channel in self._core.channels()]
        if "count" in words:
            if words[-1] == "json":
                return json.dumps({"row_count": len(rows)}, separators=(",", ":"))
            return f"\n{len(rows)} total.\n"
        if "like" in words:
            part = words[words.index("like") + 1] if words[-1] != "like" else ""
            rows = [row for row in rows if any(part in value for value in row.values())]
        if words[-1] == "json":
            table: dict[str, object] = {"row_count": len(rows)}
            if rows:
                table["rows"] = rows
            return json.dumps(table, separators=(",", ":"), ensure_ascii=False) + "\n"
        if not rows:
            return "\n0 total.\n"
        lines = [",".join(_COLUMNS), *(",".join(row.values()) for row in rows)]
        return "\n".join(lines) + f"\n\n{len(rows)} total.\n"

    def _row(self, channel: Channel) -> dict[str, str]:
        p, rate = channel.profile, "64000" if channel.codec.startswith("PCM") else "128000"
        known = {
            "uuid": channel.uuid,
            "direction": channel.direction,
            "created": stamp(p.created),
            "created_epoch": str(p.created // 1_000_000),
            "name": channel.name,
            "state": channel.running,
            "cid_name": p.caller_name,
            "cid_num": p.caller_number,
            "ip_addr": p.network,
            "dest": p.destination,
            "application": channel.variables.get("current_application", ""),
            "application_data": channel.variables.get("current_application_data", ""),
            "dialplan": p.dialplan,
            "context": p.context,
            "hostname": channel.bus.hostname,
            "callstate": channel.call_state,
            "callee_name": p.callee_name,
            "callee_num": p.callee_number,
            "call_uuid": channel.uuid,
        }
        for way in ("read", "write"):
            known |= {f"{way}_codec": channel.codec, f"{way}_rate": "8000", f"{way}_bit_rate": rate}
        return {name: known.get(name, "") for name in _COLUMNS}

    def status(self, arguments: str) -> str:
        up = self._uptime()
        hours, rest = divmod(up.seconds, 3600)
        count = sum(1 for _ in self._core.live())
        return (
            f"UP {up.days // 365} years, {up.days % 365} days, {hours} hours, {rest // 60} minutes, {rest % 60} "
            f"seconds, {up.microseconds // 1000} milliseconds, {up.microseconds % 1000} microseconds\n"
            "FreeSWITCH (Version 1.10.12-release  64bit) is ready\n"
            f"{self._core.sessions_since_startup} session(s) since startup\n"
            f"{count} session(s) - peak {count}, last 5min {count} \n"
            f"0 session(s) per Sec out of max {self._core.sessions_per_second or 30}, peak 0, last 5min 0 \n"
            f"{self._core.max_sessions or 1000} session(s) max\nmin idle cpu 0.00/99.00\n"
            "Current Stack Size/Max 240K/8192K\n"
        )

    def _uptime(self) -> timedelta:
        return self._core.clock.now() - self._core.started_at

    def sofia(self, arguments: str) -> str:
        found = re.fullmatch(r"status gateway (\S+)", arguments)
        if not found:
            return f"{_RULER}external\tprofile\tsip:mod_sofia@127.0.0.1:5080\tRUNNING (0)\n{_RULER}"
        name = found.group(1)
        if self._core.gateways is not None and name not in self._core.gateways:
            return "Invalid Gateway!\n"
        status = "DOWN" if name in self._core.gateways_down else "UP"
        facts = {"Name": name, "Profile": "external", "State": "NOREG", "Status": status}
        return _RULER + "".join(f"{key:8}\t{value}\n" for key, value in facts.items()) + _RULER

    def global_getvar(self, arguments: str) -> str:
        if not arguments:
            return "\n".join(f"{name}={value}" for name, value in self._core.globals.items())
        return self._core.globals.get(arguments, "")

    def system(self, arguments: str) -> str:
        """Runs nothing. That somebody got this far is a hole in the application, and the journal says so."""
        self._core.journal.record("command", "", "", command="system", arguments=arguments)
        return "+OK\n"

    def control(self, arguments: str) -> str:
        """``fs_app_sim misbehave {json}``, ``fs_app_sim gateway NAME up|down``."""
        verb, _, rest = arguments.partition(" ")
        if verb == "misbehave":
            try:
                self._core.misbehaviour = self._core.misbehaviour.changed(rest)
            except InvalidInput as error:
                return f"-ERR {error}\n"
            return "+OK\n"
        name, _, state = rest.partition(" ")
        if verb == "gateway" and name and state in ("up", "down"):
            (self._core.gateways_down.add if state == "down" else self._core.gateways_down.discard)(name)
            return "+OK\n"
        return "-USAGE: misbehave <json>|gateway <name> up|down\n"


def _no_route(hangup: Callable[[str], None], finish: Callable[[], None]) -> None:
    hangup("NO_ROUTE_DESTINATION")
    finish()
