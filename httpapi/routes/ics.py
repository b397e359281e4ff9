"""Calendars as files: ``calendar/<id>/export/``, ``import/`` and ``feed/``, and the feeds themselves."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fs_app.domain.enums import AlarmMethod, AlarmStatus, EventStatus
from fs_app.domain.rules import parse_exdates, parse_rule
from fs_app.errors import InvalidInput
from fs_app.ics.reading import read
from fs_app.ics.writing import Told, write
from fs_app.store.accounts import may_enter
from fs_app.store.models import Alarm, CalendarFeed, Event, Occurrence
from httpapi.context import BASE, Context, raw
from httpapi.crud import must_create, no_query, writing
from httpapi.errors import ApiError, Errors, forbidden, not_found
from httpapi.ics_merge import Options, merge
from httpapi.kinds import integer, text
from httpapi.reminders import zone_of
from httpapi.resource import Action
from httpapi.services import Services
from httpapi.web import Handler, Request, Response, json_response

if TYPE_CHECKING:
    from httpapi.plugins import Surround
    from httpapi.routes.calendar import Calendars

CALENDAR_TYPE = "text/calendar"
BODY_MAX = 5 * 1024 * 1024
_NUMBER = text(50, check=None, digits=True)
_OPTIONS = {
    "alarm_phonenumber": _NUMBER,
    "advance_notice": integer(0, 366 * 86_400),
    "maxretry": integer(0, 100),
    "retry_delay": integer(0, 31 * 86_400),
}


def calendar_actions(calendars: Calendars) -> tuple[Action, ...]:
    def exported(ctx: Context, calendar_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            calendar = calendars.find(ctx, calendar_id)
            return _file(ctx.request, _content(ctx.services, zone_of(ctx, calendar.id), calendar), calendar.id)

    def imported(ctx: Context, calendar_id: int) -> Response:
        for path in ("event", "alarm"):
            must_create(ctx, ctx.registry[path])
        options = _options(ctx)
        if ctx.request.content_type.partition(";")[0].strip().lower() != CALENDAR_TYPE:
            raise ApiError(415, {"detail": f"send an iCalendar file, and say {CALENDAR_TYPE} in Content-Type"})
        if len(ctx.request.body) > BODY_MAX:
            raise ApiError(413, {"detail": f"the file has {len(ctx.request.body)} bytes: at most {BODY_MAX}"})
        with ctx.services.store.reading():
            calendar = calendars.find(ctx, calendar_id)
        report = merge(ctx, calendar, read(ctx.request.body), options)
        return json_response(200, report.shown())

    def feed(ctx: Context, calendar_id: int) -> Response:
        no_query(ctx)
        with ctx.services.store.reading():
            calendars.find(ctx, calendar_id)
            found = CalendarFeed.get_or_none(CalendarFeed.calendar == calendar_id)
        return json_response(200, {"url": None if found is None else _feed_url(ctx, found.token)})

    def renew(ctx: Context, calendar_id: int) -> Response:
        """A new address; the one before answers no longer."""
        no_query(ctx)
        if ctx.means == "token":
            raise forbidden("a token makes no feeds: sign in with the password")
        token = secrets.token_urlsafe(24)
        with writing(ctx):
            calendars.find(ctx, calendar_id, lock=True)
            CalendarFeed.delete().where(CalendarFeed.calendar == calendar_id).execute()
            CalendarFeed.create(calendar=calendar_id, token=token, created_date=ctx.now)
        return json_response(201, {"url": _feed_url(ctx, token)})

    def close(ctx: Context, calendar_id: int) -> Response:
        no_query(ctx)
        with writing(ctx):
            calendars.find(ctx, calendar_id, lock=True)
            CalendarFeed.delete().where(CalendarFeed.calendar == calendar_id).execute()
        return Response(204)

    file: dict[str, Any] = {"type": "string"}
    query = {name: kind.accepts or kind.schema for name, kind in _OPTIONS.items()}
    empty: dict[str, Any] = {"type": "object", "properties": {"url": {"type": ["string", "null"]}}}
    return (
        Action("export", "GET", exported, summary="The calendar as iCalendar", gives=file, media=CALENDAR_TYPE),
        Action(
            "import",
            "POST",
            imported,
            summary="Merge an iCalendar file: each event once, however often it is sent",
            takes=file,
            media_taken=(CALENDAR_TYPE,),
            example="BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n",
            query=query,
        ),
        Action("feed", "GET", feed, summary="The private address at which programs read it", gives=empty),
        Action("feed", "POST", renew, summary="A new private address; the old one ends", gives=empty),
        Action("feed", "DELETE", close, summary="No private address", gives=None, statuses=(204,)),
    )


def feed_handler(surround: Surround) -> tuple[str, Handler]:
    """``/feeds/<token>.ics``: the token is all that it asks for. Nobody else's existence is told by it."""
    services = surround.services

    def serve(request: Request, arguments: Mapping[str, str]) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise ApiError(405, {"detail": "use GET"})
        token = arguments["name"].removesuffix(".ics")
        with services.store.reading():
            found: Any = CalendarFeed.get_or_none(CalendarFeed.token == token)
            if found is None:
                raise not_found()
            owner = found.calendar.user
            ctx = surround.context(request, owner, "feed")
            if not may_enter(owner):
                raise not_found()
            return _file(
                request, _content(services, zone_of(ctx, found.calendar_id), found.calendar), found.calendar_id
            )

    return "/feeds/<name>", surround.public(serve, ("GET", "HEAD"))


def _feed_url(ctx: Context, token: str) -> str:
    return ctx.base.removesuffix(BASE) + f"/feeds/{token}.ics"


def _file(request: Request, content: bytes, calendar_id: int) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Content-Type": f"{CALENDAR_TYPE}; charset=utf-8"}
    if request.headers.get("if-none-match", "") == tag:
        return Response(304, headers=headers)
    return Response(200, content, {**headers, "Content-Disposition": f'inline; filename="calendar-{calendar_id}.ics"'})


def _options(ctx: Context) -> Options:
    given, errors = ctx.request.query(), Errors()
    found: dict[str, Any] = {}
    for name, value in given.items():
        kind = _OPTIONS.get(name)
        if kind is None:
            errors.add(name[:100], f"is not known here: there are {', '.join(_OPTIONS)}")
            continue
        try:
            found[name] = kind.parse(value)
        except ValueError as exc:
            errors.add(name, str(exc))
        except InvalidInput as exc:
            errors.add(name, exc.message)
    errors.raise_any()
    return Options(**found)


def _content(services: Services, zone: Any, calendar: Any) -> bytes:
    return write(str(calendar.name), zone, _told(calendar.id, zone))


def _told(calendar_id: int, zone: Any) -> Iterator[Told]:
    """Masters with their rule, single events, and occurrences that were moved; other children are in the rule."""
    notices: dict[int, list[timedelta]] = {}
    waiting = (AlarmStatus.PENDING.value, AlarmStatus.RETRY.value)
    own = Event.select(Event.id).where(Event.calendar == calendar_id)
    for alarm in Alarm.select().where(
        Alarm.event.in_(own),
        Alarm.status.in_(waiting),
        Alarm.method == AlarmMethod.CALL.value,
        Alarm.date_start_notice.is_null(),
    ):
        notices.setdefault(raw(alarm, "event"), []).append(timedelta(seconds=alarm.advance_notice))
    singles: dict[int, list[Any]] = {}
    for row in Occurrence.select().where(Occurrence.event.in_(own)):
        singles.setdefault(raw(row, "event"), []).append(row)
    rows = Event.select().where(Event.calendar == calendar_id, Event.parent_event.is_null()).order_by(Event.id)
    for event in rows:
        uid = event.ical_uid or f"event-{event.id}@fs-app"
        changed = singles.get(event.id, [])
        cancelled = [row.original_start for row in changed if row.cancelled]
        yield Told(
            uid=uid,
            title=event.title,
            description=event.description or "",
            start=event.start,
            end=event.end,
            made=event.created_on,
            cancelled=event.status == EventStatus.PAUSED.value,
            rrule=_rrule(event),
            exdates=(*_excluded(event, zone), *cancelled),
            notices=tuple(notices.get(event.id, [])),
        )
        for row in changed:
            child = None if row.cancelled or raw(row, "child") is None else row.child
            if child is not None and child.start != row.original_start:
                yield Told(
                    uid=uid,
                    title=child.title,
                    description=child.description or "",
                    start=child.start,
                    end=child.end,
                    made=child.created_on,
                    original=row.original_start,
                )


def _rrule(event: Any) -> str:
    if event.rule is None:
        return ""
    text = parse_rule(event.rule.frequency, event.rule.params).rrule_text()
    end = event.end_recurring_period
    if end is not None and "COUNT=" not in text and "UNTIL=" not in text:
        text += f";UNTIL={end:%Y%m%dT%H%M%SZ}"
    return text


def _excluded(event: Any, zone: Any) -> Iterator[datetime]:
    """Excluded moments; a day that is excluded as a whole means the occurrence that the rule puts there."""
    excluded = parse_exdates(event.exdates or [])
    wall = event.start.astimezone(zone)
    for words in excluded.texts():
        moment = datetime.fromisoformat(words)
        if len(words) == 10:
            moment = moment.replace(hour=wall.hour, minute=wall.minute, second=wall.second)
        yield moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
