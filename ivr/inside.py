"""What fs-app is made of inside FreeSWITCH: the same store, engine and prompts as in the service, without a loop.

FreeSWITCH's threads have stacks of 240 kB; a stack that is used up takes the switch down. In those threads runs only
what is ours and plain Python: the runner, and the session. Whatever goes through C libraries (the database, imports)
or starts programs (speech) runs in the threads of two pools made here, with stacks of the usual size.
"""

from __future__ import annotations

import logging
import platform
import re
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fs_app import __version__, config
from fs_app.clock import SystemClock
from fs_app.config import Settings, socket_list
from fs_app.domain.calls import Answer, CallContext, Effect
from fs_app.domain.enums import IvrEnd, SectionType
from fs_app.errors import FsAppError
from fs_app.store import migrate
from fs_app.store.database import Store
from fs_app.store.doorbell import CALL_CHANGED, IVR_ENDED, OUTBOX, Doorbell
from fs_app.store.elsewhere import elsewhere
from fs_app.store.journal import CallJournal
from fs_app.store.overview import overview
from fs_app.switch.dialstring import check_uuid
from fs_app.switch.embedded_channel import EmbeddedChannel, Event, Session
from ivr.callback import CALL, take_call
from ivr.prompt_files import PromptFiles
from ivr.thread_prompts import ThreadPrompts, ordinary_priority
from ivr.voices import Voices

log = logging.getLogger(__name__)

STACK = 8 * 1024 * 1024  # bytes, of address space: only what is used costs memory
THREADS = 4  # for the database, each with a connection of its own, and as many for speech
SOCKET_PATIENCE = 2.0  # seconds
# What EmbeddedChannel cannot do: mod_python3 gives no events while an application runs.
SOCKET_ONLY = frozenset({SectionType.CALL_TRANSFER, SectionType.CONFERENCE})
STATUS_PATIENCE = 2.0  # seconds; meanwhile fs_cli, or a scheduler's event socket, waits


class Inside:
    """One FreeSWITCH's worth of fs-app. Raises FsAppError when the settings or the database are not fit."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.calls_now = 0
        self.calls_taken = 0
        self._counting = threading.Lock()
        self._servers = settings.survey_servers
        voices = Voices.of_settings(settings.tts, settings.voices)
        files = PromptFiles(settings.sounds, voices, limit=settings.sounds_limit, in_use=settings.time_limit + 300.0)
        self.store = Store(settings.database)
        bell = Doorbell(self.store, heard=lambda _message: None)  # never started: it only rings
        self.store.outbox_changed = lambda: bell.ring(OUTBOX)
        self._database = _pool("fs-app-db")
        try:
            self._database.submit(self.store.check_schema).result()
        except BaseException:
            self._database.shutdown(wait=False)  # the next call tries again, with threads of its own
            raise
        self.journal = elsewhere(_RingingJournal(self.store, settings.timezone, bell), self._in_database_thread)
        self.prompts = ThreadPrompts(files, self.journal.load_audio, _pool("fs-app-speech", ordinary_priority))

    def take(self, session: Session, new_event: Callable[[], Event]) -> None:
        """Run the call of a ``freeswitch.Session`` in the thread that FreeSWITCH gave it. It is on record under the
        UUID in ``fs_app_call``, else under its own.

        Raises InvalidInput when that variable holds no UUID.
        """
        call_uuid = session.getVariable(CALL)
        known = check_uuid(call_uuid, CALL) if call_uuid else session.get_uuid()
        with self._counting:
            self.calls_now += 1
            self.calls_taken += 1
        channel = EmbeddedChannel(session, known, new_event)
        try:
            servers = self._socket_servers(known) if self._needs_socket(channel) else ""
            if not servers:
                # Warming only hands work to the makers, so it needs no background of its own.
                take_call(channel, self.journal, self.prompts, self.clock, background=lambda work: work())
        finally:
            channel.close()
            with self._counting:
                self.calls_now -= 1
        if servers:
            session.execute("socket", f"{servers} async full")

    def _needs_socket(self, channel: EmbeddedChannel) -> bool:
        """Whether this call asks for what a script inside the switch cannot do."""
        try:
            if channel.variable(CALL):
                context = self.journal.preview(channel.uuid)
            else:
                context = self.journal.open_callback(
                    channel.caller_number, channel.called_number, channel.uuid, self.clock.now()
                )
        except FsAppError:
            return False  # whoever takes the call finds the same, and knows what to say
        if context is None:
            return False
        detects = context.answering is not None and bool(channel.variable(CALL))
        joins = any(section.type in SOCKET_ONLY for section in context.survey.sections)
        return detects or joins or bool(context.phonenumber_transfer)

    def _socket_servers(self, call_uuid: str) -> str:
        """The outbound sockets as the switch shall try them, one that takes connections first; empty when none does.

        A call handed to a socket where nobody listens would just end; taken here, only what cannot be done is missing.
        """
        troubles = []
        for address in self._servers:
            try:
                socket.create_connection((address.host, address.port), timeout=SOCKET_PATIENCE).close()
            except OSError as error:
                troubles.append(f"{address} ({error})")
            else:
                return socket_list([address, *(other for other in self._servers if other != address)])
        log.error(
            "call %s: it needs the outbound socket, but nobody listens on %s: run `fs-app serve --only ivr`",
            *(call_uuid, " or ".join(troubles)),
        )
        return ""

    def status(self) -> str:
        """A few lines for people; the first begins with ``+OK`` when calls can be taken, else with ``-ERR``."""
        lines = [
            f"code      {Path(__file__).parents[1]}, Python {platform.python_version()}",
            f"sounds    {self.settings.sounds}",
            f"calls     {self.calls_now} now, {self.calls_taken} since the start",
        ]
        try:
            found = self._database.submit(overview, self.store, self.clock.now()).result(STATUS_PATIENCE)
        except NoAnswer:
            trouble = f"the database has not answered within {STATUS_PATIENCE:g} s"
        except FsAppError as error:
            trouble = str(error)
        else:
            if found.schema != migrate.LATEST:
                # Upgraded beside a running switch, whose Python still is the old one.
                trouble = f"loaded for schema {migrate.LATEST}, the database has {found.schema}: restart FreeSWITCH"
                return f"-ERR fs-app {__version__}: {trouble}"
            due = f", the next at {found.next_due:%Y-%m-%d %H:%M:%S} UTC" if found.next_due else ""
            lines.insert(1, f"database  {shown(self.settings.database)}, schema {found.schema}")
            lines.append(f"reminders {found.waiting} waiting{due}; {found.open_calls} calls open")
            return "\n".join([f"+OK fs-app {__version__} takes calls", *lines])
        lines.insert(1, f"database  {shown(self.settings.database)}")
        return "\n".join([f"-ERR fs-app {__version__}: {trouble}", *lines])

    def _in_database_thread(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._database.submit(function, *args, **kwargs).result()


class _RingingJournal(CallJournal):
    """Tells the other processes when something about a call was committed, and when its survey has ended."""

    def __init__(self, store: Store, zone: ZoneInfo, bell: Doorbell) -> None:
        super().__init__(store, zone)
        self._bell = bell

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        context = super().open_call(call_uuid, now)
        self._bell.ring(CALL_CHANGED + call_uuid)
        return context

    def save_answer(self, call_uuid: str, answer: Answer, now: datetime, effects: Sequence[Effect] = ()) -> None:
        super().save_answer(call_uuid, answer, now, effects)
        self._bell.ring(CALL_CHANGED + call_uuid)

    def ended(self, call_uuid: str, end: IvrEnd, reason: str, now: datetime) -> None:
        super().ended(call_uuid, end, reason, now)
        self._bell.ring(IVR_ENDED + call_uuid)
        self._bell.ring(CALL_CHANGED + call_uuid)


def shown(database: str) -> str:
    """A database URL without its password."""
    if database.startswith("sqlite:"):
        return database
    return re.sub(r"^(\w+://[^:@/]*):.*@", r"\1@", database.partition("?")[0])


def _pool(name: str, first: Callable[[], None] | None = None) -> ThreadPoolExecutor:
    """Threads with a real stack, all started at once: the size is the whole process's setting, so it is put back."""
    pool = ThreadPoolExecutor(THREADS, name, first)
    together = threading.Barrier(THREADS + 1)
    before = threading.stack_size(STACK)
    try:
        for _ in range(THREADS):
            pool.submit(together.wait)
    finally:
        threading.stack_size(before)
    together.wait()
    return pool


# ---- one for the process

built: Inside | None = None
_building = threading.Lock()


def build() -> Inside:
    """The process's own, built at the first call, and at each further one until that succeeds. Raises FsAppError."""
    global built
    with _building:
        if built is None:
            settings = config.load()
            for room in ("fs_app", "ivr"):
                logging.getLogger(room).setLevel(settings.log_level.upper())
            built = Inside(settings)
        return built
