"""A database that is away when a process starts is waited for."""

from __future__ import annotations

import itertools
import logging

from gevent.event import Event

from fs_app.errors import SchemaMismatch, StoreUnavailable
from fs_app.store.database import Store

log = logging.getLogger(__name__)

PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds between attempts; the last one again and again


class DatabaseWait:
    """``going_on`` while there is something to wait for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.going_on = False

    def trouble(self) -> str:
        """Why nothing can be read from the database; empty when all is well. Raises SchemaMismatch."""
        try:
            self._store.pool.apply(self._store.check_schema)
        except SchemaMismatch:
            raise
        except StoreUnavailable as exc:
            return str(exc)
        return ""

    def until_there(self, trouble: str, stop: Event) -> bool:
        """Wait; False when ``stop`` was set first. ``trouble`` is what was found. Raises SchemaMismatch."""
        self.going_on = True
        said = ""
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            if trouble != said:  # once for each new reason: an outage of a day must not fill the log
                log.warning("the database is away, waiting for it: %s", trouble)
                said = trouble
            if stop.wait(pause):
                return False
            trouble = self.trouble()
            if not trouble:
                break
        self.going_on = False
        log.info("the database is there")
        return True
