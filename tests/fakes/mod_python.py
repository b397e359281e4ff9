"""What mod_python3 gives to a script, without FreeSWITCH: a session whose callee follows a script, and the module
``freeswitch``. It behaves as src/switch_cpp.cpp and the notes in fs_app/switch/embedded_channel.py say.

``python -m tests.fakes.mod_python`` is a process as FreeSWITCH's is: it runs calls in threads of FreeSWITCH's stack
size, under the recursion limit that mod_python3 sets, loading the script anew for each as it does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

STACK = 240 * 1024  # SWITCH_THREAD_STACKSIZE
RECURSION = 240  # what mod_python3 makes of it


class FakeEvent:
    """An event that setEventData fills."""

    def __init__(self, name: str = "GENERAL") -> None:
        self.headers: dict[str, str] = {}

    def getHeader(self, header_name: str) -> str | None:  # noqa: N802
        return self.headers.get(header_name)


class FakeDTMF:
    def __init__(self, digit: str) -> None:
        self.digit = digit
        self.duration = 2000


class FakeSession:
    """``script``: what the callee does during each sound that plays: keys, ``hangup``, or nothing."""

    def __init__(self, *script: str, uuid: str = "u", variables: dict[str, str] | None = None) -> None:
        self.script = list(script)
        self.uuid = uuid
        self.variables = dict(variables or {})
        self.played: list[str] = []
        self.ran: list[tuple[str, str]] = []
        self.cause = ""
        self.broken = ""  # a method that raises
        self._answered = False
        self._callback: Callable[..., str] | None = None
        self._queue: list[str] = []

    def get_uuid(self) -> str:
        return self.uuid

    def ready(self) -> bool:
        self._maybe_break("ready")
        return not self.cause

    def answered(self) -> bool:
        return self._answered

    def getVariable(self, var: str) -> str | None:  # noqa: N802
        self._maybe_break("getVariable")
        return self.variables.get(var)

    def setVariable(self, var: str, val: str) -> None:  # noqa: N802
        self.variables[var] = val

    def execute(self, app: str, data: str) -> None:
        self.ran.append((app, data))
        if app == "answer":
            self._answered = True

    def streamFile(self, file: str) -> int:  # noqa: N802
        self._maybe_break("streamFile")
        if self.cause:
            return 0
        self.played.append(file)
        if not file.startswith("silence_stream:") and not os.path.exists(file):
            return 0
        act = self.script.pop(0) if self.script else ""
        if act == "hangup":
            self.cause = "NORMAL_CLEARING"
            return 0
        self._queue += act
        while self._queue and self._callback is not None:
            if self._callback(self, "dtmf", FakeDTMF(self._queue.pop(0))) == "break":
                return 0
        return 1

    def recordFile(self, file: str, limit: int, threshold: int, silence: int) -> int:  # noqa: N802
        return self.streamFile("silence_stream://record")

    def flushDigits(self) -> int:  # noqa: N802
        self._queue.clear()
        return 1

    def hangup(self, cause: str) -> None:
        self.cause = self.cause or cause

    def setEventData(self, event: FakeEvent) -> None:  # noqa: N802
        if self.cause:
            event.headers["Hangup-Cause"] = self.cause

    def setInputCallback(self, function: Callable[..., str]) -> None:  # noqa: N802
        self._callback = function

    def unsetInputCallback(self) -> None:  # noqa: N802
        self._callback = None

    def _maybe_break(self, method: str) -> None:
        if self.broken == method:
            raise RuntimeError("the session is broken")


class FakeStream:
    def __init__(self) -> None:
        self.written = ""

    def write(self, data: str) -> None:
        self.written += data


def install() -> list[tuple[str, str]]:
    """Make ``import freeswitch`` work; returns the list that its log goes to, as (level, line)."""
    lines: list[tuple[str, str]] = []
    module: Any = types.ModuleType("freeswitch")
    module.Event = FakeEvent
    module.consoleLog = lambda level, line: lines.append((level, line.rstrip("\n")))
    sys.modules["freeswitch"] = module
    return lines


def invoke(function: str, *arguments: object) -> None:
    """As mod_python3's eval_some_python does: import, load anew, call; what it raises is raised here."""
    module = importlib.reload(importlib.import_module("ivr.embedded"))
    getattr(module, function)(*arguments)


def main() -> None:
    """Reads calls as JSON lines: {"script": [...], "uuid": ..., "variables": {...}, "broken": ...} or {"status": true};
    writes one line for each of what the callee heard and what the log said."""
    lines = install()
    gc.disable()  # what is freed only by chance is not freed
    threading.stack_size(STACK)
    sys.setrecursionlimit(RECURSION)
    for text in sys.stdin:
        asked = json.loads(text)
        del lines[:]
        answer: dict[str, object] = {}

        def run(asked: dict[str, Any] = asked, answer: dict[str, object] = answer) -> None:
            try:
                if asked.get("status"):
                    stream = FakeStream()
                    invoke("fsapi", "na", stream, FakeEvent(), "")
                    answer["status"] = stream.written
                    return
                session = FakeSession(*asked["script"], uuid=asked["uuid"], variables=asked["variables"])
                session.broken = asked.get("broken", "")
                invoke("handler", session, "")
                kept = session.played, session.ran, session.cause
                gone = weakref.ref(session)
                del session  # FreeSWITCH lets go of it, and waits until all others have
                answer |= {
                    "played": [file for file in kept[0] if not file.startswith("silence_stream:")],
                    "ran": kept[1],
                    "cause": kept[2],
                    "held": gone() is not None,
                }
            except BaseException as error:
                answer["raised"] = repr(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        answer["log"] = list(lines)
        answer["gevent"] = sorted(name for name in sys.modules if name.split(".")[0] in ("gevent", "greenswitch"))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
