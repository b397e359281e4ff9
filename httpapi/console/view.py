"""One page view: who looks, what they may reach, and how times look from where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fs_app.domain.enums import Role
from fs_app.domain.window import load_zone
from fs_app.store.models import User
from httpapi.console import names, render
from httpapi.console.fields import Posted, local
from httpapi.console.rest import Rest, id_of
from httpapi.context import raw
from httpapi.web import Request, Response, Upload


class View:
    """Made for each request. ``rest`` is the API as this user sees it; ``csrf`` goes into every form."""

    def __init__(self, rest: Rest, request: Request, user: User, csrf: str) -> None:
        self.rest = rest
        self.request = request
        self.user = user
        self.csrf = csrf
        self.services = rest.services
        self.now: datetime = rest.services.clock.now()
        self._titles: dict[str, dict[int, str]] = {}
        self._zones: dict[int, ZoneInfo] = {}  # by calendar
        self._calendars: dict[int, int] = {}  # by event

    @property
    def role(self) -> Role:
        return Role(str(self.user.role))

    @property
    def manages(self) -> bool:
        return self.role is not Role.CALENDAR_USER

    @cached_property
    def query(self) -> dict[str, str]:
        return self.request.query()

    @cached_property
    def posted(self) -> Posted:
        return self.request.form()

    def field(self, name: str) -> str:
        """What was posted under that name, as text."""
        value = self.posted.get(name, "")
        return "" if isinstance(value, Upload) else value

    # --- times

    @property
    def zone(self) -> ZoneInfo:
        return self.services.default_zone

    def zone_of_calendar(self, calendar: object) -> ZoneInfo:
        """Of a calendar given by id or address: its own zone, or the configured one."""
        row_id = id_of(calendar)
        if row_id is None:
            return self.zone
        if row_id not in self._zones:
            self._learn_zones([row_id])
        return self._zones.get(row_id, self.zone)

    def zone_of(self, path: str, row: Mapping[str, Any]) -> ZoneInfo:
        """Where the times of this row are meant."""
        if path == "event":
            return self.zone_of_calendar(row.get("calendar"))
        if path == "alarm" and (event := id_of(row.get("event"))) is not None:
            if event not in self._calendars:
                self._learn_events([event])
            return self.zone_of_calendar(self._calendars.get(event))
        return self.zone

    def _learn_events(self, ids: Iterable[int]) -> None:
        rows = names.rows(self.rest, "event", set(ids) - self._calendars.keys())
        self._calendars.update({row.id: raw(row, "calendar") for row in rows})
        self._titles.setdefault("event", {}).update({row.id: names.title("event", row) for row in rows})
        self._learn_zones(set(self._calendars.values()))

    def _learn_zones(self, ids: Iterable[int]) -> None:
        for row in names.rows(self.rest, "calendar", set(ids) - self._zones.keys()):
            self._zones[row.id] = load_zone(row.timezone) if row.timezone else self.zone

    def local(self, value: Any, zone: ZoneInfo | None = None) -> datetime:
        return local(value, zone or self.zone)

    # --- names

    def learn(self, path: str, rows: Sequence[dict[str, Any]], fields: tuple[str, ...]) -> None:
        """Read the titles of every relation of these rows at once."""
        specs = self.rest.registry[path].reader.specs
        for name in fields:
            spec = specs.get(name)
            if spec is not None and spec.kind.relation and spec.kind.shown_as != "username":
                ids = {row_id for row in rows if (row_id := id_of(row.get(name))) is not None}
                if spec.kind.relation == "event":
                    self._learn_events(ids)
                    continue
                if spec.kind.relation == "calendar":
                    self._learn_zones(ids)
                known = self._titles.setdefault(spec.kind.relation, {})
                known.update(names.titles(self.rest, spec.kind.relation, ids - known.keys()))

    def title(self, path: str, address: object) -> str:
        """What the row at this address is called; its number when that is not for this user to know."""
        row_id = id_of(address)
        if row_id is None:
            return ""
        known = self._titles.setdefault(path, {})
        if row_id not in known:
            known.update(names.titles(self.rest, path, [row_id]))
        return known.get(row_id, f"no. {row_id}")

    # --- answering

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        return render.page(self, template, status, values)

    def go(self, address: str, notice: str = "") -> Response:
        """To another page of ours, with a word about what was done."""
        if notice:
            address += ("&" if "?" in address else "?") + urlencode({"done": notice})
        return Response(303, b"", {"Location": address})
