"""Signing in with a browser: ``session/``; and ``live/``, what happens as it happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fs_app.domain.enums import Role
from fs_app.store.models import User
from httpapi import origin, scope, sessions
from httpapi.context import BASE, Context, raw
from httpapi.crud import no_query, read_json
from httpapi.errors import ApiError, Errors
from httpapi.kinds import parse_integer, text
from httpapi.live import Listener
from httpapi.live_events import LiveEvent
from httpapi.permissions import permissions
from httpapi.plugins import Surround
from httpapi.schema import Reader, Schema
from httpapi.web import EVENT_STREAM, Handler, Request, Response, json_response

SESSION_ALLOW = ("GET", "POST", "DELETE", "HEAD", "OPTIONS")
LIVE_ALLOW = ("GET", "HEAD", "OPTIONS")
KINDS = frozenset({"call", "key", "result"})


class SignIn(Schema):
    username: Annotated[str, text(150, blank=False)]
    password: Annotated[str, text(256, blank=False)]


_SIGN_IN = Reader(SignIn)


def session_handler(surround: Surround) -> Handler:
    """POST opens a session, GET tells whose it is, DELETE ends it."""
    store, clock = surround.services.store, surround.services.clock

    def sign_in(request: Request) -> Response:
        origin.check(request)
        errors = Errors()
        values = _SIGN_IN.read(read_json(request), errors, partial=False)
        errors.raise_any()
        user = surround.authenticator.check(request, values["username"], values["password"])
        with store.transaction():
            token = sessions.start(user, clock.now())
        about = _about(surround.context(request, user, "session"), token)
        return json_response(201, about, {"Set-Cookie": sessions.cookie(token, request), "Location": f"{BASE}session/"})

    def sign_out(ctx: Context, _arguments: Mapping[str, str]) -> Response:
        with store.transaction():
            sessions.end(ctx.request)
        return Response(204, headers={"Set-Cookie": sessions.cookie("", ctx.request)})

    def who(ctx: Context, _arguments: Mapping[str, str]) -> Response:
        no_query(ctx)
        token = ctx.request.cookies().get(sessions.COOKIE, "") if ctx.means == "session" else ""
        return json_response(200, _about(ctx, token))

    rest = surround.endpoint({"GET": who, "DELETE": sign_out}, SESSION_ALLOW, lambda: {"name": "session"})
    first = surround.public(lambda request, _arguments: sign_in(request), SESSION_ALLOW)
    return lambda request, arguments: (first if request.method == "POST" else rest)(request, arguments)


def _about(ctx: Context, token: str) -> dict[str, Any]:
    role = Role(str(ctx.user.role))
    path = "calendar-user" if role is Role.CALENDAR_USER else "user"
    return {
        "user": {
            "url": ctx.url(path, ctx.user.id),
            "id": ctx.user.id,
            "username": ctx.user.username,
            "first_name": ctx.user.first_name,
            "last_name": ctx.user.last_name,
            "role": role.value,
            "manager": ctx.username(raw(ctx.user, "manager")),
        },
        "means": ctx.means,
        "csrf_token": sessions.csrf_token(token) if token else None,
        "permissions": permissions(ctx.registry, role),
    }


def live_handler(surround: Surround) -> Handler:
    """A stream of events, filtered by ``?kinds=call,key,result`` and ``?calendar=<id>``."""
    services = surround.services

    def listen(ctx: Context, _arguments: Mapping[str, str]) -> Response:
        kinds, calendar = _filters(ctx)
        services.live.admit(ctx.user.id)
        request, user = ctx.request, ctx.user

        def stays() -> bool:
            try:
                return surround.authenticator.caller(request, "live").user.id == user.id
            except ApiError:
                return False

        listener = Listener(user.id, _sees(user, kinds, calendar), stays, ctx.base)
        last = request.headers.get("last-event-id", "")[:64]
        headers = {"Content-Type": EVENT_STREAM, "X-Accel-Buffering": "no"}
        return Response(200, b"", headers, lambda: services.live.stream(listener, last))

    return surround.endpoint({"GET": listen}, LIVE_ALLOW, lambda: {"name": "live", "kinds": sorted(KINDS)}, "live")


def _filters(ctx: Context) -> tuple[frozenset[str], int | None]:
    given = ctx.request.query()
    errors = Errors()
    kinds = frozenset(given.pop("kinds", ",".join(KINDS)).split(","))
    if not kinds <= KINDS:
        errors.add("kinds", f"give some of {', '.join(sorted(KINDS))}, separated by commas")
    calendar = None
    if "calendar" in given:
        try:
            calendar = parse_integer(given.pop("calendar"), 1)
        except ValueError as exc:
            errors.add("calendar", str(exc))
        else:
            with ctx.services.store.reading():
                ctx.registry["calendar"].find(ctx, calendar)
    for name in given:
        errors.add(name[:100], "no such filter: this stream takes kinds, calendar")
    errors.raise_any()
    return kinds, calendar


def _sees(user: User, kinds: frozenset[str], calendar: int | None) -> Callable[[LiveEvent], bool]:
    all_of_them, own = scope.is_superuser(user), user.id

    def sees(event: LiveEvent) -> bool:
        mine = all_of_them or own in event.whose
        return mine and event.kind in kinds and (calendar is None or event.calendar == calendar)

    return sees
