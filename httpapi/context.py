"""What a handler knows about the request it serves."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fs_app.store.models import Base, Calendar, User
from fs_app.store.prepared import by_id
from httpapi.services import Services
from httpapi.web import Request

if TYPE_CHECKING:
    from httpapi.resource import Resource

BASE = "/rest-api/"


class Context:
    """One request: who asks, when, and how addresses look from where they stand. ``now`` is read once."""

    def __init__(
        self,
        services: Services,
        request: Request,
        registry: dict[str, Resource],
        user: User,
        means: str = "basic",
        scope: str = "write",
    ) -> None:
        self.services = services
        self.request = request
        self.registry = registry
        self.user = user
        self.means = means  # how it signed in: basic, token or session
        self.scope = scope  # what its token may do; everything without one
        self.base = f"{request.scheme}://{request.host}{BASE}"
        self.now: datetime = services.clock.now()
        self.wake = False  # set by whoever changes what is due; rung after the commit
        self.seen: set[tuple[str, int]] = set()  # relations that were found visible in this request
        self.made: dict[int, Any] = {}  # events that this transaction made or locked: nobody else changes them
        self._calendars: dict[int, Any] = {}
        self._usernames: dict[int, str] = {}

    def url(self, path: str, row_id: object = None, tail: str = "") -> str:
        """An absolute address: ``url("calendar", 4)`` is ``http://host/rest-api/calendar/4/``."""
        own = "" if row_id is None else f"{row_id}/"
        return f"{self.base}{path}/{own}{tail}"

    def calendar(self, calendar_id: int) -> Any:
        """The calendar as this request found it first; None when there is none."""
        if calendar_id not in self._calendars:
            self._calendars[calendar_id] = by_id(Calendar, calendar_id)
        return self._calendars[calendar_id]

    def username(self, user_id: int | None) -> str | None:
        if user_id is None:
            return None
        if user_id not in self._usernames:
            found = by_id(User, user_id)
            self._usernames[user_id] = str(found.username) if found else ""
        return self._usernames[user_id]

    def for_update(self, query: Any) -> Any:
        """Lock the rows until the commit. SQLite has its one write lock already."""
        return query if self.services.store.sqlite else query.for_update()


def raw(row: Base, name: str) -> Any:
    """The column as stored: for a relation, the id."""
    return row.__data__.get(name)
