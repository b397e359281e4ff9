"""The page at ``/rest-api/`` on which a person reads and tries every call: Swagger UI, from its Python package.

Nothing is loaded from another site. The page itself holds no data, so it needs no credentials; its calls do.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from httpapi.errors import not_found
from httpapi.web import Request, Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fs-app REST API</title>
<link rel="icon" href="explorer/favicon-32x32.png">
<link rel="stylesheet" href="explorer/swagger-ui.css">
</head>
<body>
<div id="explorer"><noscript>The explorer needs JavaScript. The description is at
<a href="openapi.json">openapi.json</a>.</noscript></div>
<script src="explorer/swagger-ui-bundle.js"></script>
<script src="explorer/start.js"></script>
</body>
</html>
"""
# A browser that is signed in by a session proves with its token that the change comes from this page.
_START = """"use strict";
let token = null;
const send = async (request) => {
  if (token === null) {
    const answer = await fetch("session/", {headers: {"X-Requested-With": "explorer"}});
    token = answer.ok ? (await answer.json()).csrf_token || "" : "";
  }
  if (token) request.headers["X-CSRF-Token"] = token;
  return request;
};
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#explorer",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: (request) => (request.loadSpec ? request : send(request)),
});
"""
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "png": "image/png"}
_FROM_PACKAGE = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")


def wants_page(request: Request) -> bool:
    """Whether a browser's address bar asks, and not a program."""
    return "text/html" in request.headers.get("accept", "")


def page(request: Request) -> Response:
    return sent(request, _PAGE.encode(), "text/html; charset=utf-8", "no-cache")


def asset(request: Request, arguments: Mapping[str, str]) -> Response:
    """A file of the page. Raises ApiError 404 for any name but those it needs."""
    name = arguments["name"]
    if name != "start.js" and name not in _FROM_PACKAGE:
        raise not_found()
    return sent(request, _content(name), _TYPES[name.rpartition(".")[2]], "public, max-age=86400")


def sent(request: Request, content: bytes, kind: str, caching: str) -> Response:
    """A file that anybody may read, with its tag; compressed for who takes that."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"Content-Security-Policy": POLICY, "Content-Type": kind, "Cache-Control": caching, "ETag": tag}
    if request.headers.get("if-none-match", "") == tag:
        return Response(304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", "") and not kind.startswith("image/"):
        return Response(
            200, _zipped(content), {**headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding, Accept"}
        )
    return Response(200, content, headers)


@cache
def _content(name: str) -> bytes:
    if name == "start.js":
        return _START.encode()
    found = find_spec("swagger_ui")  # looked up, not imported: of the package only its files are wanted
    if found is None or found.origin is None:
        raise not_found()
    return (Path(found.origin).parent / "static" / name).read_bytes()


@cache
def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)
