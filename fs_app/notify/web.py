"""One bounded HTTP request in a native thread: bounded in time as a whole, and in what is read of the answer."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from fs_app.notify.address import Target
from fs_app.notify.deadline import cut_after

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
ANSWER_MAX = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """``body`` is cut at what the request allows; names of ``headers`` are lower-case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def request(
    target: Target,
    address: str,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    context: ssl.SSLContext | None = None,
    total_seconds: float = TOTAL_SECONDS,
    answer_max: int = ANSWER_MAX,
) -> WebAnswer:
    """Speak HTTP/1.1 to ``address``, one that :func:`fs_app.notify.address.allowed_addresses` gave for the target.

    TLS checks the certificate against the target's host name, ``context`` is the default one otherwise. Redirects are
    not followed. Raises OSError and http.client.HTTPException.
    """
    raw = socket.create_connection((address, target.port), timeout=CONNECT_SECONDS)
    try:
        raw.settimeout(total_seconds)
        with cut_after(total_seconds, raw):
            return _exchange(raw, target, method, headers, body, context, answer_max)
    except ssl.SSLError:  # some of them are ValueErrors, too
        raise
    except ValueError as exc:  # a response that cannot be read
        raise http.client.HTTPException(str(exc)) from exc
    finally:
        raw.close()


def _exchange(
    raw: socket.socket,
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    context: ssl.SSLContext | None,
    answer_max: int,
) -> WebAnswer:
    connected = raw
    if target.scheme == "https":
        connected = (context or ssl.create_default_context()).wrap_socket(raw, server_hostname=target.host)
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = connected
    try:
        connection.request(
            method,
            target.path,
            body=body or None,
            headers={"Host": target.authority, "Connection": "close", "User-Agent": "fs-app", **headers},
        )
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return WebAnswer(answer.status, answer.read(answer_max), told)
    finally:
        connection.close()
