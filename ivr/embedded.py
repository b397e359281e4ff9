"""The survey inside FreeSWITCH, for mod_python3: no event socket, no gevent, the call's own thread.

    <action application="python" data="ivr.embedded"/>        in the dialplan; or originate … &python(ivr.embedded)
    python ivr.embedded                                       in fs_cli: how things stand

mod_python3 loads this module anew for every call. So nothing is kept here: what lasts is in ivr/inside.py, which is
loaded once in the life of the switch. docs/embedded.md says what an engineer must know.
"""

from __future__ import annotations

import logging
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

log = logging.getLogger("ivr.embedded")

_APOLOGY = Path(__file__).with_name("sounds") / "apology-en.wav"
_STACK = 8 * 1024 * 1024  # bytes; FreeSWITCH's own threads have 240 kB, too little to import in
_LEVELS = {"CRITICAL": "crit", "ERROR": "err", "WARNING": "warning", "INFO": "info", "DEBUG": "debug"}


def handler(session: Any, args: str) -> None:
    """A call: ours, when the channel variable ``fs_app_call`` names one, else somebody who calls us back.

    Nothing is raised into FreeSWITCH: when not even the product can be loaded, the callee hears the apology all the
    same, the line ends, and FreeSWITCH's log says why.
    """
    try:
        _log_to_the_switch()
        _take(session)
    except BaseException as error:  # SystemExit too would be FreeSWITCH's
        log.error("the survey could not be run: %s", error, exc_info=not _expected(error))
        _apologise(session)


def fsapi(session: Any, stream: Any, env: Any, args: str) -> None:
    """``python ivr.embedded``: a few lines, the first beginning with ``+OK`` or ``-ERR``."""
    try:
        _log_to_the_switch()
        words = _inside().status()
    except BaseException as error:
        if not _expected(error):
            log.error("no status: %s", error, exc_info=True)
        words = f"-ERR fs-app cannot take calls: {type(error).__name__}: {error}"
    stream.write(words + "\n")


def _take(session: Any) -> None:
    import freeswitch  # type: ignore[import-not-found]  # only there inside FreeSWITCH

    _inside().take(session, lambda: freeswitch.Event("GENERAL"))


def _inside() -> Any:
    """The process's ivr.inside.Inside, made at the first call in a thread with the stack that importing takes."""
    ready = getattr(sys.modules.get("ivr.inside"), "built", None)
    if ready is not None:
        return ready
    found: list[Any] = []

    def load() -> None:
        try:
            found.append(import_module("ivr.inside").build())
        except BaseException as error:
            found.append(error)

    before = threading.stack_size(_STACK)
    try:
        loading = threading.Thread(target=load, name="fs-app-load")
        loading.start()
    finally:
        threading.stack_size(before)
    loading.join()
    result = found.pop()  # else an error's traceback would hold the list, and the list the error: and all the session
    if isinstance(result, BaseException):
        try:
            raise result
        finally:
            del result
    return result


def _expected(error: BaseException) -> bool:
    return any(kind.__name__ == "FsAppError" for kind in type(error).__mro__)


def _apologise(session: Any) -> None:
    """Needs nothing but the switch and one file."""
    try:
        if not session.answered():
            session.execute("answer", "")
        if session.ready():
            session.streamFile(str(_APOLOGY))
        if session.ready():
            session.hangup("NORMAL_CLEARING")
    except BaseException as error:
        log.error("the apology could not be played: %s", error)


class SwitchLog(logging.Handler):
    """Our log lines in FreeSWITCH's log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a log line is not worth a call."""
        try:
            import freeswitch

            level = _LEVELS.get(record.levelname, "notice")
            freeswitch.consoleLog(level, f"fs-app: {self.format(record)}\n")
        except Exception:
            self.handleError(record)


def _log_to_the_switch() -> None:
    # Ours alone: other scripts in this process have loggers of their own.
    for room in ("fs_app", "ivr"):
        logger = logging.getLogger(room)
        # This module is loaded anew for each call, and its class with it: what counts is the name.
        if not any(type(known).__name__ == SwitchLog.__name__ for known in logger.handlers):
            logger.addHandler(SwitchLog())
            logger.propagate = False
