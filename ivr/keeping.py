"""Nothing pressed is lost while the database is away: what could not be written is kept, and written when it is back.

The call itself is told at once (StoreUnavailable), apologises and ends: nobody goes on speaking into the void. Its
answers and its end follow in their order, whenever the database answers again, as long as this process lives; the log
has them all. Every write of a journal may be repeated, so none can count twice.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

import gevent

from fs_app.domain.calls import Answer, CallContext, Effect
from fs_app.domain.enums import IvrEnd, WhoAnswered
from fs_app.errors import StoreUnavailable
from ivr.callback import Journal

log = logging.getLogger(__name__)

# Seconds between attempts. Below the time for which the scheduler waits for a call's end before it books one.
PAUSES = (0.25, 0.5, 1.0)


class KeepingJournal:
    """A journal for greenlets, over another one."""

    def __init__(self, journal: Journal, pauses: Sequence[float] = PAUSES) -> None:
        self._journal = journal
        self._pauses = pauses
        self._kept: dict[str, deque[tuple[str, Callable[[], None]]]] = {}  # by call; in order
        self._writers: set[gevent.Greenlet[[str], None]] = set()

    def __len__(self) -> int:
        """How many writes wait for the database."""
        return sum(len(kept) for kept in self._kept.values())

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        return self._journal.open_call(call_uuid, now)

    def open_callback(
        self, caller_number: str, called_number: str, call_uuid: str, now: datetime
    ) -> CallContext | None:
        return self._journal.open_callback(caller_number, called_number, call_uuid, now)

    def save_answer(self, call_uuid: str, answer: Answer, now: datetime, effects: Sequence[Effect] = ()) -> None:
        what = f"answer {answer.position} in section {answer.section_id}: {answer.digits or answer.response!r}"
        self._write(call_uuid, what, lambda: self._journal.save_answer(call_uuid, answer, now, effects))

    def reached(self, call_uuid: str, section_id: int, completed: bool, now: datetime) -> None:
        what = f"reached section {section_id}"
        self._write(call_uuid, what, lambda: self._journal.reached(call_uuid, section_id, completed, now))

    def who_answered(self, call_uuid: str, who: WhoAnswered, reason: str, ms: int, now: datetime) -> None:
        what = f"{who.value} answered"
        self._write(call_uuid, what, lambda: self._journal.who_answered(call_uuid, who, reason, ms, now))

    def message_left(self, call_uuid: str, now: datetime) -> None:
        self._write(call_uuid, "message left", lambda: self._journal.message_left(call_uuid, now))

    def ended(self, call_uuid: str, end: IvrEnd, reason: str, now: datetime) -> None:
        """As a journal's, but never raises StoreUnavailable: a call that is over needs no apology for that."""
        try:
            what = f"ended, {end.value}: {reason}"
            self._write(call_uuid, what, lambda: self._journal.ended(call_uuid, end, reason, now))
        except StoreUnavailable:
            log.debug("call %s: its end is booked later", call_uuid)

    def stop(self) -> None:
        """Give up what is still kept; the log says what that is."""
        gevent.killall(list(self._writers))
        for call_uuid, kept in self._kept.items():
            for what, _write in kept:
                log.critical("call %s: never put on record: %s", call_uuid, what)
        self._kept.clear()

    def _write(self, call_uuid: str, what: str, write: Callable[[], None]) -> None:
        kept = self._kept.get(call_uuid)
        if kept is None:
            try:
                write()
            except StoreUnavailable as error:
                log.error("call %s: not on record yet (%s): %s", call_uuid, error, what)
                self._kept[call_uuid] = deque([(what, write)])
                writer = gevent.spawn(self._catch_up, call_uuid)
                self._writers.add(writer)
                writer.link(self._writers.discard)
                raise
            return
        log.error("call %s: not on record yet: %s", call_uuid, what)
        kept.append((what, write))
        raise StoreUnavailable("the database does not answer: what happened in the call is kept until it does")

    def _catch_up(self, call_uuid: str) -> None:
        kept = self._kept[call_uuid]
        pauses = itertools.chain(self._pauses, itertools.repeat(self._pauses[-1]))
        gevent.sleep(next(pauses))
        while kept:
            what, write = kept[0]
            try:
                write()
                log.warning("call %s: on record at last: %s", call_uuid, what)
            except StoreUnavailable:
                gevent.sleep(next(pauses))
                continue
            except Exception:
                log.exception("call %s: cannot be put on record: %s", call_uuid, what)
            kept.popleft()
        del self._kept[call_uuid]
