"""Merging what an iCalendar file says into a calendar: every event once, however often it is read.

An event is known again by its UID. What has not changed is not touched; what has, is changed through the same gates as
a change over REST. Alarms follow VALARMs; those that wait are made anew, those that were called are left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fs_app.domain.enums import AlarmStatus, EventStatus
from fs_app.domain.rules import parse_rule
from fs_app.errors import InvalidInput, NotFound
from fs_app.ics.reading import Entry, Reading, Trigger
from fs_app.store.models import Alarm, Event, Rule
from fs_app.store.single_occurrences import SingleOccurrences
from httpapi.context import Context, raw
from httpapi.crud import change_row, make_row, writing
from httpapi.errors import ApiError, Errors
from httpapi.reminders import zone_of
from httpapi.resource import Change

_AT_ONCE = 100  # entries of one transaction: others must get at the database in between
_TOLD = 200
_YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Options:
    """For alarms: whom to call where an entry names nobody, how long before (seconds; None: only by VALARMs)."""

    alarm_phonenumber: str = ""
    advance_notice: int | None = None
    maxretry: int = 0
    retry_delay: int = 0


@dataclass
class Report:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)

    def fault(self, uid: str, title: str, told: Mapping[str, Any]) -> None:
        self.failed += 1
        if len(self.errors) < _TOLD:
            self.errors.append({"uid": uid, "title": title, "errors": dict(told)})

    def note(self, uid: str, words: str) -> None:
        if len(self.notes) < _TOLD:
            self.notes.append({"uid": uid, "note": words})

    def shown(self) -> dict[str, Any]:
        return asdict(self)


def merge(ctx: Context, calendar: Any, reading: Reading, options: Options, source: int | None = None) -> Report:
    """Merge into ``calendar``, as ``ctx.user``. With ``source``, a subscription, what it no longer has is paused."""
    report = Report()
    for uid, words in reading.faults:
        report.fault(uid, "", {"detail": words})
    changes: dict[str, list[Entry]] = {}
    masters: dict[str, Entry] = {}
    for entry in reading.entries:
        if entry.original is not None:
            changes.setdefault(entry.uid, []).append(entry)
        elif entry.uid in masters:
            report.note(entry.uid, "is there twice: the last one counts")
            masters[entry.uid] = entry
        else:
            masters[entry.uid] = entry
    for uid in (
        changes.keys() - masters.keys()
    ):  # a change of a series that this file does not hold: an event of its own
        for entry in changes[uid]:
            masters[f"{uid} {entry.original}"[:200]] = entry
    merger = _Merger(ctx, calendar, options, source, report)
    ordered = list(masters.items())
    for at in range(0, len(ordered), _AT_ONCE):
        with writing(ctx):
            for uid, entry in ordered[at : at + _AT_ONCE]:
                merger.one(uid, entry, changes.get(uid, []) if entry.original is None else [])
    merger.move_occurrences()
    if source is not None:
        with writing(ctx):
            merger.pause_missing(masters)
    return report


class _Merger:
    def __init__(self, ctx: Context, calendar: Any, options: Options, source: int | None, report: Report) -> None:
        self._ctx = ctx
        self._calendar = calendar
        self._options = options
        self._source = source
        self._report = report
        self._zone = zone_of(ctx, calendar.id)
        self._events = ctx.registry["event"]
        self._series: list[tuple[int, str, list[Entry]]] = []

    def one(self, uid: str, entry: Entry, changes: list[Entry]) -> None:
        digest = self._digest(entry, changes)
        found = Event.get_or_none(Event.calendar == self._calendar.id, Event.ical_uid == uid)
        if found is not None and found.ical_hash == digest:
            self._report.unchanged += 1
            return
        if found is None and entry.cancelled:
            self._report.unchanged += 1
            return
        for words in entry.notes:
            self._report.note(uid, words)
        if entry.rrule and entry.zone and not self._agrees(entry):
            words = f"recurs by the clock of {entry.zone}; this calendar follows {self._zone.key}"
            self._report.note(uid, words)
        try:
            with self._ctx.services.store.db.atomic():
                event = self._write(found, entry)
                self._alarms(event, entry, found)
                Event.update(ical_uid=uid, ical_hash=digest, ical_source_id=self._source).where(
                    Event.id == event.id
                ).execute()
        except (ApiError, InvalidInput) as exc:
            told = exc.body if isinstance(exc, ApiError) else {exc.field: [exc.message]}
            self._report.fault(uid, entry.title, told)
            return
        if found is None:
            self._report.created += 1
        else:
            self._report.updated += 1
        if changes:
            self._series.append((event.id, uid, changes))

    def move_occurrences(self) -> None:
        """Single occurrences that were moved or cancelled. Each is a transaction of its own."""
        single = SingleOccurrences(self._ctx.services.store, self._ctx.services.default_zone)
        for event_id, uid, changes in self._series:
            for entry in changes:
                original = self._aware(entry.original or entry.start)
                try:
                    if entry.cancelled:
                        single.cancel(event_id, original, self._ctx.now)
                    else:
                        start, end = self._aware(entry.start), self._aware(entry.end)
                        single.move(event_id, original, start, end, self._ctx.now)
                except (InvalidInput, NotFound) as exc:
                    self._report.note(uid, f"its occurrence of {original.isoformat()} is left as it was: {exc}")
        if self._series:
            self._ctx.services.wake()

    def pause_missing(self, present: Iterable[str]) -> None:
        """What the subscribed calendar no longer has, and what was still to come, is not called for."""
        known = set(present)
        rows = Event.select().where(
            Event.calendar == self._calendar.id,
            Event.ical_source_id == self._source,
            Event.status == EventStatus.PENDING.value,
            (Event.start > self._ctx.now) | Event.rule.is_null(False),
        )
        for row in list(rows):
            if row.ical_uid not in known:
                self._change(row, {"status": EventStatus.PAUSED.value})
                Event.update(ical_hash="gone").where(Event.id == row.id).execute()
                self._report.removed += 1

    def _write(self, found: Any, entry: Entry) -> Any:
        body = {
            "title": entry.title,
            "description": entry.description or None,
            "start": _text(entry.start),
            "end": _text(entry.end),
            "rule": self._rule(entry.rrule) if entry.rrule else None,
            "exdates": list(entry.exdates) or None,
            "status": (EventStatus.PAUSED if entry.cancelled else EventStatus.PENDING).value,
        }
        if found is not None:
            if found.status == EventStatus.COMPLETED.value:
                del body["status"]
            if raw(found, "parent_event") is not None:
                del body["rule"], body["exdates"]
            self._change(found, body)
            return Event.get_by_id(found.id)
        whose = {"calendar": self._calendar.id, "creator": raw(self._calendar, "user")}
        return make_row(self._ctx, self._events, {**body, **whose})

    def _change(self, row: Any, body: Mapping[str, Any]) -> None:
        errors = Errors()
        values = self._events.reader.read(body, errors, partial=True)
        change_row(self._ctx, self._events, Change(self._events, row, values, errors))

    def _alarms(self, event: Any, entry: Entry, found: Any) -> None:
        """Those that wait and came from the file before are replaced; one that was called stays on record."""
        if found is not None and found.ical_alarms:
            waiting = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)
            Alarm.delete().where(
                Alarm.id.in_(found.ical_alarms), Alarm.status.in_(waiting), Alarm.num_attempt == 0
            ).execute()
        phone = entry.phone or self._options.alarm_phonenumber
        made: list[int] = []
        if phone and not entry.cancelled:
            alarms = self._ctx.registry["alarm"]
            over = set(self._done(found))
            for when in self._when(entry):
                if self._moment(entry, when) in over:
                    continue
                body = {
                    "event": event.id,
                    "alarm_phonenumber": phone,
                    "maxretry": self._options.maxretry,
                    "retry_delay": self._options.retry_delay,
                    **when,
                }
                self._ctx.seen.add(("event", event.id))
                made.append(make_row(self._ctx, alarms, body).id)
        Event.update(ical_alarms=made).where(Event.id == event.id).execute()

    def _done(self, found: Any) -> Iterable[datetime]:
        """The moments of alarms of this event that have been called already: nobody is rung again for these."""
        if found is None:
            return []
        rows = Alarm.select().where(Alarm.event == found.id, Alarm.num_attempt > 0)
        start = found.start
        return [(row.date_start_notice or start) - timedelta(seconds=row.advance_notice) for row in rows]

    def _moment(self, entry: Entry, when: Mapping[str, Any]) -> datetime:
        start = self._aware(entry.start)
        if "date_start_notice" in when:
            start = datetime.fromisoformat(when["date_start_notice"])
        return start - timedelta(seconds=when.get("advance_notice", 0))

    def _when(self, entry: Entry) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for trigger in entry.triggers:
            shown = self._trigger(entry, trigger)
            if shown is not None and shown not in found:
                found.append(shown)
        if not found and self._options.advance_notice is not None:
            found.append({"advance_notice": self._options.advance_notice})
        return found

    def _trigger(self, entry: Entry, trigger: Trigger) -> dict[str, Any] | None:
        start = self._aware(entry.start)
        before = trigger.before
        if before is None:
            assert trigger.at is not None
            before = start - self._aware(trigger.at)
        if before > _YEAR:
            return None  # programs write a moment decades ago for "never"
        if before >= timedelta():
            return {"advance_notice": int(before.total_seconds())}
        return {"date_start_notice": (start - before).isoformat()}

    def _rule(self, text: str) -> int:
        """The rule of that text: one of whoever owns it, made when there is none yet."""
        rule = parse_rule("", text)
        params = rule.rrule_text()
        name = rule.frequency.name
        mine = Rule.get_or_none(Rule.user == self._ctx.user.id, Rule.frequency == name, Rule.params == params)
        if mine is not None:
            return int(mine.id)
        rules = self._ctx.registry["rule"]
        body = {"name": params[:100], "frequency": name, "params": params}
        return int(make_row(self._ctx, rules, body).id)

    def _digest(self, entry: Entry, changes: list[Entry]) -> str:
        return hashlib.sha256(repr((entry, changes, self._options)).encode("utf-8", "replace")).hexdigest()

    def _aware(self, moment: datetime) -> datetime:
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone).astimezone(UTC)

    def _agrees(self, entry: Entry) -> bool:
        return entry.zone in (self._zone.key, "UTC") or entry.start.tzinfo is None


def _text(moment: datetime) -> str:
    return moment.isoformat()
