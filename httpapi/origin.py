"""Where a request comes from: the address behind our own proxies, and whether a page of another site sent it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from fs_app.notify.address import Network
from httpapi.errors import forbidden
from httpapi.web import Request


def client(request: Request, proxies: Sequence[Network]) -> str:
    """The address of whoever asks. ``X-Forwarded-For`` is believed only as far as ``proxies`` wrote it."""
    path = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")] if proxies else []
    address = request.client
    while path and _is_proxy(address, proxies):
        address = path.pop() or address
    return address


def _is_proxy(text: str, proxies: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in proxies)


def check(request: Request) -> None:
    """Raises ApiError 403 when a browser says that a page of another site sends this. Programs say nothing of it."""
    site = request.headers.get("sec-fetch-site", "")
    if site not in ("", "same-origin", "none"):
        raise forbidden("a page of another site sent this: it may not")
    given = request.headers.get("origin", "")
    if given and _authority(given) != _plain(request.host, request.scheme):
        raise forbidden("a page of another site sent this (see its Origin header): it may not")


def _authority(url: str) -> str:
    try:
        parts = urlsplit(url)
        return _plain(parts.netloc, parts.scheme)
    except ValueError:
        return ""


def _plain(authority: str, scheme: str) -> str:
    """Lower-case, without the port that the scheme means anyway."""
    return authority.lower().removesuffix({"http": ":80", "https": ":443"}.get(scheme, ":"))
