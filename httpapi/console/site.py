"""What surrounds every page: who looks, forged requests, errors as pages, and headers that keep a page to itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote, urlsplit

from httpapi import origin, sessions
from httpapi.console import render
from httpapi.console.rest import Rest
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.plugins import Surround
from httpapi.resource import Resource
from httpapi.web import Handler, Request, Response, Upload

Page = Callable[[View, Mapping[str, str]], Response]

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Vary": "Cookie",
}
_SAFE = ("GET", "HEAD")
SIGN_IN = "/sign-in/"


class Site:
    """Makes handlers of pages."""

    def __init__(self, surround: Surround, registry: dict[str, Resource]) -> None:
        self._surround = surround
        self._registry = registry
        self._services = surround.services

    def page(self, get: Page | None, post: Page | None = None) -> Handler:
        """For those who are signed in; everybody else is led to the sign-in page. A POST must carry the CSRF token."""

        def signed(request: Request, arguments: Mapping[str, str]) -> Response:
            user = sessions.find(self._services, request)
            if user is None:
                return _to_sign_in(request)
            csrf = sessions.csrf_token(request.cookies().get(sessions.COOKIE, ""))
            view = View(Rest(self._services, self._registry, self._surround, request, user), request, user, csrf)
            try:
                if request.method in _SAFE and get is not None:
                    return get(view, arguments)
                if request.method == "POST" and post is not None:
                    origin.check(request)
                    sessions.check_csrf(request, view.field("csrf"))
                    return post(view, arguments)
                raise ApiError(405, {"detail": "This page cannot do that."})
            except ApiError as exc:
                return view.page("error.html", exc.status, title=_title(exc.status), told=_told(exc))

        return self._around(signed)

    def sign_in(self) -> Handler:
        def handle(request: Request, _arguments: Mapping[str, str]) -> Response:
            if request.method in _SAFE:
                return render.bare("sign_in.html", 200, {"told": "", "username": "", "next": _next(request)})
            if request.method != "POST":
                raise ApiError(405, {"detail": "This page cannot do that."})
            origin.check(request)
            form = request.form()
            given = {n: "" if isinstance(v, Upload) else v for n, v in form.items()}
            onward = _safe(given.get("next", ""))
            name = given.get("username", "")[:150].strip()
            try:
                user = self._surround.authenticator.check(request, name, given.get("password", "")[:256])
            except ApiError as exc:
                told = "That user name and password do not belong together. Try again."
                if exc.status != 401:
                    told = str(exc.body.get("detail", "Try again later."))
                return render.bare("sign_in.html", exc.status, {"told": told, "username": name, "next": onward})
            with self._services.store.transaction():
                token = sessions.start(user, self._services.clock.now())
            return Response(303, b"", {"Location": onward, "Set-Cookie": sessions.cookie(token, request)})

        return self._around(handle)

    def sign_out(self) -> Handler:
        def out(view: View, _arguments: Mapping[str, str]) -> Response:
            with self._services.store.transaction():
                sessions.end(view.request)
            return Response(303, b"", {"Location": SIGN_IN, "Set-Cookie": sessions.cookie("", view.request)})

        return self.page(None, out)

    def static(self) -> Handler:
        """Style and script, by an address that changes with their content."""

        def handle(request: Request, arguments: Mapping[str, str]) -> Response:
            name = arguments["name"]
            if name not in render.STATIC or request.method not in _SAFE:
                raise ApiError(404, {"detail": "There is nothing here."})
            kept = {"Content-Type": render.STATIC[name], "Cache-Control": "public, max-age=31536000, immutable"}
            return Response(200, render.static(name), kept)

        return self._around(handle)

    def _around(self, inner: Handler) -> Handler:
        def handle(request: Request, arguments: Mapping[str, str]) -> Response:
            answer = self._surround.answer(lambda r, a: _errors(inner, r, a), request, arguments)
            if answer.headers.get("Content-Type", "").startswith("application/json"):
                # What went wrong below the page itself: the database, a fault of ours. Already in the log.
                answer = replace(_plain(answer.status), headers={**_plain(answer.status).headers, **_retry(answer)})
            return replace(answer, headers={**HEADERS, **answer.headers})

        return handle


def lost() -> Response:
    """For a browser that asked for an address which is none."""
    page = _plain(404, ["No page has this address. It may have been mistyped, or what it showed is gone."])
    return replace(page, headers={**HEADERS, **page.headers})


def _errors(inner: Handler, request: Request, arguments: Mapping[str, str]) -> Response:
    try:
        return inner(request, arguments)
    except ApiError as exc:
        return _plain(exc.status, _told(exc))


def _plain(status: int, told: list[str] | None = None) -> Response:
    values = {"title": _title(status), "told": told or ["Nothing was changed. Please try again."]}
    return render.bare("error_bare.html", status, values)


def _retry(answer: Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name == "Retry-After"}


def _told(exc: ApiError) -> list[str]:
    """Every sentence of an error."""
    told: list[str] = []
    for name, value in exc.body.items():
        if name == "used_by":
            continue
        lines = value if isinstance(value, list) else [value]
        for line in lines:
            words = str(line.get("message", line)) if isinstance(line, dict) else str(line)
            told.append(words if name in ("detail", "findings") else f"{name}: {words}")
    return told


def _title(status: int) -> str:
    return {
        400: "That cannot be done",
        403: "That is not allowed",
        404: "There is nothing here",
        405: "That cannot be done here",
        409: "That cannot be done now",
        429: "Too many tries",
        503: "Out of order for a moment",
    }.get(status, "Something went wrong")


def _to_sign_in(request: Request) -> Response:
    onward = request.path if request.method in _SAFE else "/"
    if request.query_string and request.method in _SAFE:
        onward += "?" + request.query_string
    return Response(303, b"", {"Location": f"{SIGN_IN}?next={quote(onward, safe='/')}"})


def _next(request: Request) -> str:
    return _safe(request.query().get("next", ""))


def _safe(address: str) -> str:
    """A page of ours, whatever was asked for."""
    parts = urlsplit(address) if len(address) < 2000 else urlsplit("/")
    good = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return address if good and address.isprintable() and "\\" not in address else "/"
