"""Many events with their alarms in one request: ``POST event/bulk/``, from CSV or JSON lines.

A row is an event and, when it has fields of one, an alarm. Every row passes the gates that a single create passes. With
``?mode=all`` (the default) a wrong row undoes everything; with ``?mode=rows`` it is reported and the others stay.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from peewee import IntegrityError, chunked

from fs_app.errors import InvalidInput
from httpapi.context import Context, raw
from httpapi.crud import check_change, many_rows, must_create, new_change, parse_json, writing
from httpapi.errors import ApiError, bad_fields, bad_request
from httpapi.idempotency import created, once
from httpapi.kinds import parse_integer
from httpapi.queries import is_visible
from httpapi.resource import Change, Resource
from httpapi.web import Response, json_response

ROWS_MAX = 20_000
AT_ONCE = 200  # rows of one transaction, where each stands for itself
TOLD_MAX = 1000  # wrong rows that are told of
BODY_MAX = 20 * 1024 * 1024
_CSV = ("text/csv", "application/csv")
_LINES = ("application/x-ndjson", "application/jsonl", "application/json-lines", "application/x-jsonlines")
_WANTED = f"send CSV as {_CSV[0]} or JSON lines as {_LINES[0]}, in UTF-8, and say so in Content-Type"


def create_many(ctx: Context) -> Response:
    """201 with ``{"created", "failed", "rows", "errors"}``; 400 with the errors when a row is wrong and all must be
    right."""
    events, alarms = ctx.registry["event"], ctx.registry["alarm"]
    must_create(ctx, events)
    mode, calendar = _options(ctx)
    bodies = list(_rows(ctx, events, alarms))
    if not bodies:
        raise bad_request("there are no rows: give a first line with the names of the fields, and then rows")
    checked, errors = _check(ctx, bodies, calendar)
    if any(one.alarms for one in checked):
        must_create(ctx, alarms)
    if errors and (mode == "all" or len(errors) == len(bodies)):
        words = f"nothing was created: {len(errors)} of {len(bodies)} rows are wrong"
        raise ApiError(400, {"detail": words, "errors": errors[:TOLD_MAX]})

    if mode == "all" or "idempotency-key" in ctx.request.headers:
        with _ready(ctx, checked) as write:

            def make() -> tuple[dict[str, Any], str]:
                made = write()
                return {"created": len(made), "failed": len(errors), "rows": made, "errors": errors[:TOLD_MAX]}, ""

            with writing(ctx):
                answer = once(ctx, make, lambda shown: shown)
        return created(answer)
    return _row_by_row(ctx, checked, errors)


@dataclass
class _Checked:
    """A row that may be written: its number, the event, its alarms."""

    number: int
    event: Change
    alarms: list[Change]


def _check(ctx: Context, bodies: list[Row], calendar: int | None) -> tuple[list[_Checked], list[dict[str, Any]]]:
    """The rows that are right, and what is wrong with the others. Nobody who writes waits for this."""
    checked, errors = [], []
    with ctx.services.store.reading():
        for place, (number, body, wrong) in enumerate(bodies, 1):
            try:
                if wrong is not None:
                    raise bad_fields(wrong)
                checked.append(_one(ctx, number, body, calendar, -place))
            except (ApiError, InvalidInput) as exc:
                told = exc.body if isinstance(exc, ApiError) else {exc.field: [exc.message]}
                errors.append({"row": number, "errors": told})
    return checked, errors


def _row_by_row(ctx: Context, checked: list[_Checked], errors: list[dict[str, Any]]) -> Response:
    """In short transactions: the scheduler, which is booking calls meanwhile, gets its turn in between."""
    made: list[dict[str, Any]] = []
    for some in chunked(checked, AT_ONCE):
        few = list(some)
        try:
            written = _at_once(ctx, few)
        except IntegrityError:  # somebody has just deleted what one of them refers to
            written = []
            for one in few:
                try:
                    written += _at_once(ctx, [one])
                except IntegrityError:
                    words = "collides with another change: read again, then try again"
                    errors.append({"row": one.number, "errors": {"detail": words}})
        made += written
    told = {"created": len(made), "failed": len(errors), "rows": made, "errors": errors[:TOLD_MAX]}
    return json_response(201, told)


def _options(ctx: Context) -> tuple[str, int | None]:
    given = ctx.request.query()
    wrong: dict[str, list[str]] = {}
    mode = given.pop("mode", "all")
    if mode not in ("all", "rows"):
        wrong["mode"] = ["give all (a wrong row undoes everything) or rows (it is reported)"]
    calendar = None
    if "calendar" in given:
        try:
            calendar = parse_integer(given.pop("calendar"), 1)
        except ValueError as exc:
            wrong["calendar"] = [str(exc)]
    wrong |= {name[:100]: ["is not known here: there are mode and calendar"] for name in given}
    if wrong:
        raise bad_fields(wrong)
    return mode, calendar


Row = tuple[int, dict[str, Any], dict[str, list[str]] | None]


def _rows(ctx: Context, events: Resource, alarms: Resource) -> Iterator[Row]:
    """(number of the row, its fields, what is wrong with its form). CSV counts from 2: its first line is the names."""
    request = ctx.request
    kind = request.content_type.partition(";")[0].strip().lower()
    if kind not in (*_CSV, *_LINES):
        raise ApiError(415, {"detail": _WANTED})
    if len(request.body) > BODY_MAX:
        raise ApiError(413, {"detail": f"the body has {len(request.body)} bytes: at most {BODY_MAX}"})
    try:
        text = request.body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise bad_request(f"the body is not UTF-8: byte {exc.start} is wrong") from None
    if "\0" in text:
        raise bad_request("the body holds a NUL: send text")
    for count, row in enumerate(_csv(text, events, alarms) if kind in _CSV else _json_lines(text), 1):
        if count > ROWS_MAX:
            raise ApiError(413, {"detail": f"there are more than {ROWS_MAX} rows: send them in several requests"})
        yield row


def _csv(text: str, events: Resource, alarms: Resource) -> Iterator[Row]:
    """Columns are fields; ``data.name`` is one of the event's data. An empty cell is a field left out."""
    delimiter = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        known = {n for r in (events, alarms) for n, s in r.reader.specs.items() if not s.read_only} - {"event"}
        wrong = [n for n in names if n not in known and not (n.startswith("data.") and len(n) > 5)]
        if wrong or len(set(names)) != len(names):
            listed = ", ".join(sorted(known))
            raise bad_request(
                f"the first line names no field, or one twice: {wrong[:5]}; there are {listed}, data.<tag>"
            )
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                yield reader.line_num, {}, {"row": [f"has {len(cells)} cells, the first line has {len(names)}"]}
                continue
            yield _fields(reader.line_num, dict(zip(names, cells, strict=True)))
    except csv.Error as exc:
        raise bad_request(f"line {reader.line_num} is not CSV: {exc}") from None


def _fields(number: int, cells: Mapping[str, str]) -> Row:
    body: dict[str, Any] = {n: v for n, v in cells.items() if v.strip() and not n.startswith("data.")}
    tags = {n.removeprefix("data."): v for n, v in cells.items() if v.strip() and n.startswith("data.")}
    for name in ("data", "exdates", "retry_delays"):
        if name in body:
            try:
                body[name] = parse_json(body[name])
            except (ValueError, RecursionError) as exc:
                return number, {}, {name: [f"is not JSON: {str(exc)[:200] or 'nested too deeply'}"]}
    if tags:
        if not isinstance(body.get("data", {}), dict):
            return number, {}, {"data": ["is no JSON object"]}
        body["data"] = {**body.get("data", {}), **tags}
    return number, body, None


def _json_lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            body = parse_json(line)
            if not isinstance(body, dict):
                raise ValueError("not a JSON object")
        except (ValueError, RecursionError) as exc:
            yield number, {}, {"row": [f"is not a JSON object: {str(exc)[:200] or 'nested too deeply'}"]}
            continue
        yield number, body, None


def _one(ctx: Context, number: int, given: Mapping[str, Any], calendar: int | None, stand_in: int) -> _Checked:
    """One event and its alarms, checked. Until the event is written its alarms refer to ``stand_in``, a number that no
    event has. Raises ApiError with what is wrong."""
    events, alarms = ctx.registry["event"], ctx.registry["alarm"]
    body = dict(given)
    listed = body.pop("alarms", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise bad_fields({"alarms": ["is not an array of objects: give the alarms' fields"]})
    own = {name: body.pop(name) for name in list(body) if _of_alarm(name, events, alarms)}
    if own:
        listed = [own, *listed]
    if calendar is not None:
        body.setdefault("calendar", calendar)
    if "creator" not in body and "calendar" in body:
        body["creator"] = _owner(ctx, events, body["calendar"])
    event = new_change(ctx, events, body)
    check_change(ctx, events, event)
    row: Any = events.model(**event.values)
    row.calendar = ctx.calendar(event.get("calendar"))
    ctx.made[stand_in] = row
    ctx.seen.add(("event", stand_in))
    checked = []
    for one in listed:
        alarm = new_change(ctx, alarms, {**one, "event": 1})
        alarm.values["event"] = stand_in
        check_change(ctx, alarms, alarm)
        checked.append(alarm)
    return _Checked(number, event, checked)


Made = list[dict[str, Any]]


def _at_once(ctx: Context, checked: list[_Checked]) -> Made:
    with _ready(ctx, checked) as write, writing(ctx):
        return write()


@contextmanager
def _ready(ctx: Context, checked: list[_Checked]) -> Iterator[Callable[[], Made]]:
    """What writes these rows, inside a transaction, and tells how they are told: all that can be done before is."""
    events, alarms = ctx.registry["event"], ctx.registry["alarm"]
    for place, one in enumerate(checked):
        for alarm in one.alarms:
            alarm.values["event"] = place
    with ctx.services.store.reading():
        above = many_rows(ctx, events, [one.event for one in checked])
        below = many_rows(ctx, alarms, [alarm for one in checked for alarm in one.alarms], refers="event")

    def write() -> Made:
        made = above.write()
        rows = iter(below.write(made))
        ctx.made = {event.id: event for event in made}
        told = []
        for one, event in zip(checked, made, strict=True):
            events.saved(ctx, event, one.event)
            own = list(islice(rows, len(one.alarms)))
            for row, alarm in zip(own, one.alarms, strict=True):
                alarm.values["event"] = event.id
                alarms.saved(ctx, row, alarm)
            addresses = [alarms.address(ctx, row) for row in own]
            told.append({"row": one.number, "event": events.address(ctx, event), "alarms": addresses})
        return told

    try:
        yield write
    finally:
        with ctx.services.store.connected():
            above.close()
            below.close()


def _of_alarm(name: str, events: Resource, alarms: Resource) -> bool:
    writable = name in alarms.reader.specs and not alarms.reader.specs[name].read_only
    return writable and name != "event" and name not in events.reader.specs


def _owner(ctx: Context, events: Resource, calendar: Any) -> int:
    """The calendar's user, who creates its events; 0, which is nobody, when there is no such calendar."""
    try:
        calendar_id = events.reader.specs["calendar"].kind.parse(calendar)
    except ValueError as exc:
        raise bad_fields({"calendar": [str(exc)]}) from None
    row = ctx.calendar(calendar_id)
    seen = ("calendar", calendar_id) in ctx.seen
    if row is None or not (seen or is_visible(ctx.registry["calendar"], ctx.user, calendar_id)):
        raise bad_fields({"calendar": [f"no calendar {calendar_id}: it does not exist, or it is not yours"]})
    return int(raw(row, "user"))
