"""The thin layer over bottle: the only module that touches its untyped surface."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote

import bottle

from httpapi.errors import ApiError, bad_request

JSON_TYPE = "application/json; charset=utf-8"
ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Vary": "Accept, Authorization, Cookie",
}
EVENT_STREAM = "text/event-stream; charset=utf-8"
SAFE = ("GET", "HEAD", "OPTIONS")
STREAM = "fs_app.stream"  # in the WSGI environment: what the server must send in the loop, not in a thread


HOOKS = "/hooks/sms/"


def hook_path(gateway_id: int, secret: str) -> str:
    """Where the service behind an SMS gateway tells what came of a message: ``reply/`` and ``report/`` below it."""
    return f"{HOOKS}{gateway_id}/{secret}/"


@dataclass(frozen=True)
class Upload:
    """One file of a multipart form."""

    filename: str
    content: bytes


@dataclass(frozen=True)
class Request:
    """One request. ``headers`` has lower-case names; ``path`` is as sent, still percent-encoded where it must be."""

    method: str
    path: str
    query_string: str
    scheme: str
    host: str
    client: str
    content_type: str
    authorization: str
    body: bytes
    form: Callable[[], dict[str, str | Upload]] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def cookies(self) -> dict[str, str]:
        """The cookies by name; none when they cannot be read."""
        given = self.headers.get("cookie", "")
        try:
            return {name: morsel.value for name, morsel in SimpleCookie(given).items()} if given else {}
        except CookieError:
            return {}

    def query(self) -> dict[str, str]:
        """The query parameters. Raises ApiError 400 on bytes that are not UTF-8 and on a name given twice."""
        try:
            pairs = parse_qsl(self.query_string, keep_blank_values=True, errors="strict", max_num_fields=64)
        except ValueError:
            raise bad_request("the query string is not UTF-8, or has more than 64 parameters") from None
        values = dict(pairs)
        if len(values) != len(pairs):
            raise bad_request("a query parameter is given twice: give each one once")
        return values


@dataclass(frozen=True)
class Response:
    """``stream`` is called and read in the loop that serves sockets, for as long as the client listens."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Callable[[], Iterator[bytes]] | None = field(default=None, repr=False)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def json_response(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """``body`` as UTF-8 JSON. What a sender smuggled in as half a surrogate pair becomes a question mark."""
    return Response(status, _encode(body).encode("utf-8", "replace"), {"Content-Type": JSON_TYPE, **(headers or {})})


Handler = Callable[[Request, Mapping[str, str]], Response]


class _App(bottle.Bottle):  # type: ignore[misc]  # bottle has no types
    """Bottle whose own errors (no such route, unreadable request) are JSON, too; ``lost`` is the page for a browser
    that asks for an address which is none."""

    lost: Callable[[], Response] | None = None

    def default_error_handler(self, res: Any) -> bytes:
        accepted = bottle.request.environ.get("HTTP_ACCEPT", "")
        if res.status_code == 404 and self.lost is not None and "text/html" in accepted:
            page = self.lost()
            for name, value in {**ALWAYS, **page.headers}.items():
                bottle.response.set_header(name, value)
            return page.body
        bottle.response.content_type = JSON_TYPE
        for name, value in ALWAYS.items():
            bottle.response.set_header(name, value)
        detail = "no such address" if res.status_code == 404 else str(res.body or res.status_line)
        return json.dumps({"detail": detail}).encode()


def build(routes: Iterable[tuple[str, Handler]], lost: Callable[[], Response] | None = None) -> bottle.Bottle:
    """A WSGI application. Each route is (pattern, handler) for every method; ``<name>`` matches one path segment.

    A pattern that ends in a slash also answers without it, by 308.
    """
    app = _App(catchall=True)
    app.lost = lost
    for pattern, handler in routes:
        app.route(pattern, method="ANY", callback=_callback(handler))
        if pattern.endswith("/") and pattern != "/":
            app.route(pattern[:-1], method="ANY", callback=_redirect)
    return app


def _callback(handler: Handler) -> Callable[..., Any]:
    def call(**arguments: str) -> Any:
        response = handler(_request(), arguments)
        if response.stream is not None and bottle.request.environ["REQUEST_METHOD"] != "HEAD":
            bottle.request.environ[STREAM] = response.stream
        return bottle.HTTPResponse(body=response.body, status=response.status, headers=dict(response.headers))

    return call


def _redirect(**_arguments: str) -> Any:
    # A relative reference: it holds on whatever host and scheme the sender used.
    environ = bottle.request.environ
    location = quote(environ["bottle.raw_path"].encode("latin-1")) + "/"
    if environ.get("QUERY_STRING"):
        location += "?" + quote(environ["QUERY_STRING"], safe="%&=+/:?,;@-._~!$'()*[]")
    body = json.dumps({"detail": "this address ends in a slash", "location": location}).encode()
    return bottle.HTTPResponse(body=body, status=308, headers={"Location": location, "Content-Type": JSON_TYPE})


def _request() -> Request:
    environ = bottle.request.environ
    host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '80')}"
    forwarded = environ.get("HTTP_X_FORWARDED_PROTO", "")
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"],
        query_string=environ.get("QUERY_STRING", ""),
        scheme=forwarded if forwarded in ("http", "https") else environ.get("wsgi.url_scheme", "http"),
        host=host,
        client=environ.get("REMOTE_ADDR", ""),
        content_type=environ.get("CONTENT_TYPE", ""),
        authorization=environ.get("HTTP_AUTHORIZATION", ""),
        body=_body(),
        form=_form,
        headers={name[5:].lower().replace("_", "-"): v for name, v in environ.items() if name.startswith("HTTP_")},
    )


def _body() -> bytes:
    try:
        content: bytes = bottle.request.body.read()
    except bottle.HTTPError as exc:
        raise ApiError(exc.status_code, {"detail": str(exc.body)}) from exc
    return content


def _form() -> dict[str, str | Upload]:
    """The parts of a multipart body. Raises ApiError 400 when it cannot be taken apart."""
    bottle.request.body.seek(0)
    try:
        parts = list(bottle.request.POST.allitems())
    except (bottle.HTTPError, ValueError, LookupError) as exc:
        raise bad_request(f"not a readable multipart/form-data body: {getattr(exc, 'body', exc)}") from exc
    form: dict[str, str | Upload] = {}
    for name, value in parts:
        if isinstance(value, bottle.FileUpload):
            form[name] = Upload(str(value.raw_filename or ""), value.file.read())
        else:
            form[name] = str(value)
    if len(form) != len(parts):
        raise bad_request("a part of the form is given twice: give each one once")
    return form
