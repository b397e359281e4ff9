"""Looks at subscribed calendars when they are due, and merges what they say.

One process of several takes each look, by moving the next one in the same statement. A look is a native thread's work;
addresses pass the gate of webhooks, so that nobody reads our own network through a calendar.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from gevent.event import Event as Bell
from gevent.threadpool import ThreadPool

from fs_app.errors import FsAppError, InvalidInput
from fs_app.ics.reading import read
from fs_app.notify import address, web
from fs_app.store.models import CalendarSubscription, User
from httpapi.context import Context
from httpapi.ics_merge import Options, merge
from httpapi.resource import Resource
from httpapi.services import Services
from httpapi.web import Request

log = logging.getLogger(__name__)

FILE_MAX = 5 * 1024 * 1024
REDIRECTS_MAX = 5
ASLEEP = 300.0  # seconds at most between two questions to the database
_SECONDS = 30.0
_SLOWEST = timedelta(days=1)


class Poller:
    """Lives in the loop's thread. ``bell`` is set when subscriptions may have changed."""

    def __init__(
        self,
        services: Services,
        registry: dict[str, Resource],
        *,
        resolve: address.Resolver = address.resolve,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._services = services
        self._registry = registry
        self._resolve = resolve
        self._context = context
        self.bell = Bell()
        self._pool = ThreadPool(2)

    def run(self) -> None:
        """For ever."""
        while True:
            self.bell.clear()
            try:
                wait = self._pool.apply(self.look)
            except Exception as exc:  # the database is away, say: reminders must go on without their subscriptions
                log.warning("subscriptions: %s", exc)
                wait = 15.0
            self.bell.wait(timeout=wait)

    def stop(self) -> None:
        self._pool.kill()

    def look(self) -> float:
        """Read every calendar that is due; seconds until the next one is. Blocks."""
        while True:
            now = self._services.clock.now()
            row = self._take(now)
            if row is None:
                break
            self._read(row, now)
        with self._services.store.reading():
            coming = CalendarSubscription.next_poll_at.is_null(False)
            first: Any = CalendarSubscription.select().where(coming).order_by(CalendarSubscription.next_poll_at).first()
        if first is None:
            return ASLEEP
        return min(ASLEEP, max(1.0, float((first.next_poll_at - self._services.clock.now()).total_seconds())))

    def _take(self, now: datetime) -> Any:
        """A subscription that is due, its next look moved on; None when there is none, or another process took it."""
        model = CalendarSubscription
        with self._services.store.reading():
            due = model.next_poll_at <= now
            row: Any = model.select().where(due).order_by(model.next_poll_at).first()
        if row is None:
            return None
        after = now + self._pause(row, row.failures)
        with self._services.store.transaction():
            mine = (model.id == row.id) & (model.next_poll_at == row.next_poll_at)
            taken = model.update(next_poll_at=after).where(mine).execute()
        return row if taken else self._take(now)

    def _read(self, row: Any, now: datetime) -> None:
        kept: dict[str, Any] = {"last_poll": now, "last_error": "", "failures": 0}
        try:
            answer = fetch(
                row.address,
                {"etag": row.etag, "last_modified": row.last_modified},
                self._services.webhook_networks,
                resolve=self._resolve,
                context=self._context,
            )
            if answer.status != 304:
                kept |= self._merge(row, answer, now)
        except (InvalidInput, OSError, http.client.HTTPException) as exc:
            words = exc.message if isinstance(exc, InvalidInput) else str(exc) or type(exc).__name__
            kept |= {"failures": row.failures + 1, "last_error": words[:500]}
            kept["next_poll_at"] = now + self._pause(row, row.failures + 1)
        except FsAppError:
            raise
        except Exception:  # one calendar must not keep the others from being read
            log.exception("subscription %s", row.id)
            kept |= {"failures": row.failures + 1, "last_error": "internal error: see the log"}
        with self._services.store.transaction():
            # Switched off or changed in between: then the other change's next look stands.
            if "next_poll_at" in kept:
                still = CalendarSubscription.next_poll_at.is_null(False)
                CalendarSubscription.update(next_poll_at=kept.pop("next_poll_at")).where(
                    CalendarSubscription.id == row.id, still, CalendarSubscription.address == row.address
                ).execute()
            CalendarSubscription.update(**kept).where(CalendarSubscription.id == row.id).execute()

    def _merge(self, row: Any, answer: web.WebAnswer, now: datetime) -> dict[str, Any]:
        digest = hashlib.sha256(answer.body).hexdigest()
        seen = {
            "etag": answer.headers.get("etag", "")[:500],
            "last_modified": answer.headers.get("last-modified", "")[:100],
            "content_hash": digest,
        }
        if digest == row.content_hash:
            return seen
        reading = read(answer.body)
        with self._services.store.reading():
            calendar = row.calendar
            owner: User = calendar.user
        request = Request("GET", "", "", "http", "localhost", "", "", "", b"", dict)
        ctx = Context(self._services, request, self._registry, owner)
        options = Options(row.alarm_phonenumber, row.advance_notice, row.maxretry, row.retry_delay)
        report = merge(ctx, calendar, reading, options, source=row.id)
        return {**seen, "report": report.shown()}

    def _pause(self, row: Any, failures: int) -> timedelta:
        usual = timedelta(minutes=row.interval)
        slower: timedelta = usual * 2 ** min(failures, 10)
        return max(usual, min(_SLOWEST, slower))


def fetch(
    url: str,
    known: dict[str, str],
    allowed: Sequence[address.Network],
    *,
    resolve: address.Resolver = address.resolve,
    context: ssl.SSLContext | None = None,
) -> web.WebAnswer:
    """The file at ``url``, or a 304 when it is as it was ``known``. Every address on the way passes the gate.

    Raises InvalidInput for an address that may not be asked and for an answer that is no file; OSError and
    http.client.HTTPException when nobody answers.
    """
    headers = {"Accept": "text/calendar, */*;q=0.1"}
    if known.get("etag"):
        headers["If-None-Match"] = known["etag"]
    if known.get("last_modified"):
        headers["If-Modified-Since"] = known["last_modified"]
    for _ in range(REDIRECTS_MAX):
        target = address.parse_url(url, "address")
        answer = _ask(target, address.allowed_addresses(target, allowed, resolve), headers, context)
        if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
            break
        url = urljoin(url, answer.headers["location"])
    if answer.status == 304:
        return answer
    if answer.status != 200:
        raise InvalidInput("address", f"answered {answer.status}: give the address of an iCalendar file")
    if len(answer.body) > FILE_MAX:
        raise InvalidInput("address", f"the file is larger than {FILE_MAX} bytes")
    return answer


def _ask(
    target: address.Target, places: Sequence[str], headers: dict[str, str], context: ssl.SSLContext | None
) -> web.WebAnswer:
    failed: Exception = OSError("no address")
    for place in places[:3]:
        try:
            return web.request(
                target,
                place,
                "GET",
                headers,
                b"",
                context=context,
                total_seconds=_SECONDS,
                answer_max=FILE_MAX + 1,
            )
        except OSError as exc:
            failed = exc
    raise failed
