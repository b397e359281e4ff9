"""Who is asking: HTTP Basic against Argon2 hashes, a bearer token, or the session of a browser."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from peewee import ModelSelect

from fs_app.passwords import verify_nobody, verify_password
from fs_app.store.accounts import may_enter
from fs_app.store.models import ApiToken, User
from fs_app.store.prepared import prepared
from httpapi import origin, sessions
from httpapi.errors import ApiError, forbidden
from httpapi.guard import Guard
from httpapi.services import Services
from httpapi.web import SAFE, Request

REMEMBER_SECONDS = 300
REMEMBER_AT_MOST = 4096


@prepared
def _user_called(username: str) -> ModelSelect[User]:
    return User.select().where(User.username == username)


@prepared
def _token(digest: str) -> ModelSelect[ApiToken]:
    return ApiToken.select(ApiToken, User).join(User).where(ApiToken.digest == digest)


@dataclass(frozen=True)
class Caller:
    """Who asks, and by what: ``basic``, ``token`` (with its scope) or ``session``."""

    user: User
    means: str
    scope: str = "write"


class Authenticator:
    """Finds the caller of a request. Thread-safe.

    A password that was right is remembered for five minutes as a BLAKE2b, keyed by this process and bound to the stored
    hash: each request still reads that hash, so a changed password or a deleted user is out at once.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self.guard = Guard()

    def caller(self, request: Request, path: str = "") -> Caller:
        """``path`` is the resource asked for, by which a token's scope is read.

        Raises ApiError 401; 403 for what a token may not do and for what another site's page sends; 429 after too many
        wrong passwords.
        """
        scheme, _, credentials = request.authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self._bearer(request, credentials.strip(), path)
        if request.method not in SAFE:
            origin.check(request)  # browsers send cookies and passwords along with what other sites make them send
        if scheme.lower() == "basic":
            return self._basic(request, credentials.strip())
        if not scheme and sessions.COOKIE in request.cookies():
            return self._session(request)
        raise unauthorised(request, "sign in: HTTP Basic with user name and password, or a Bearer token")

    def check(self, request: Request, username: str, password: str) -> User:
        """The user of that name, when the password is right. Raises ApiError 401 and 429."""
        with self._services.store.connected():
            found: Any = _user_called.first(username)
            entering = found is not None and may_enter(found)
        now = self._services.clock.monotonic()
        proof = b""
        if entering:
            message = "\0".join((found.password, username, password)).encode("utf-8", "replace")
            # Keyed, this is a MAC (RFC 7693, section 2.9). hmac.digest would let go of the interpreter for a moment and
            # then wait in line to have it again: a tenth of a whole request.
            proof = hashlib.blake2b(message, key=self._key, digest_size=32).digest()
            if self._remembered(proof, now):
                return found  # type: ignore[no-any-return]
        client = origin.client(request, self._services.proxies)
        self.guard.admit(username, client, now)
        with self.guard.hashing():
            right = self.verify(found.password if proof else None, password)
        self.guard.note(username, client, right, now)
        if not right:
            raise unauthorised(request, "wrong user name or password")
        self._remember(proof, now)
        return found  # type: ignore[no-any-return]

    def verify(self, stored: str | None, password: str) -> bool:
        """Slow on purpose. ``stored`` None is nobody's, and takes as long."""
        return verify_nobody(password) if stored is None else verify_password(stored, password)

    def _basic(self, request: Request, credentials: str) -> Caller:
        try:
            username, colon, password = base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            raise unauthorised(request, "the credentials are not base64 of UTF-8 user:password") from None
        if not colon or "\0" in username:
            raise unauthorised(request, "the credentials are not base64 of user:password")
        return Caller(self.check(request, username, password), "basic")

    def _bearer(self, request: Request, token: str, path: str) -> Caller:
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        with self._services.store.connected():
            held = _token.joined(digest)
            found, user = held[0] if held else (None, None)
            entering = user is not None and may_enter(user)
        expired = found is not None and found.expires_date and found.expires_date <= self._services.clock.now()
        if found is None or not entering or expired:
            raise unauthorised(request, "this token is unknown, revoked or expired")
        if not permits(found.scope, request.method, path):
            raise forbidden(f"the scope of this token is {found.scope!r}: it does not allow this")
        return Caller(user, "token", found.scope)

    def _session(self, request: Request) -> Caller:
        user = sessions.find(self._services, request)
        if user is None:
            raise unauthorised(request, "this session has ended: sign in again")
        if request.method not in SAFE:
            sessions.check_csrf(request, request.headers.get("x-csrf-token", ""))
        return Caller(user, "session")

    def _remembered(self, proof: bytes, now: float) -> bool:
        return self._known.get(proof, now) > now

    def _remember(self, proof: bytes, now: float) -> None:
        with self._lock:
            self._known[proof] = now + REMEMBER_SECONDS
            self._known.move_to_end(proof)
            while len(self._known) > REMEMBER_AT_MOST:
                self._known.popitem(last=False)


def permits(scope: str, method: str, path: str) -> bool:
    """Whether a token's scope, words such as ``read`` or ``write:alarm``, allows a method on a resource.

    >>> permits("read write:alarm", "POST", "alarm"), permits("read write:alarm", "POST", "event")
    (True, False)
    """
    wanted = {"write", f"write:{path}"}
    if method in SAFE:
        wanted |= {"read", f"read:{path}"}
    return not wanted.isdisjoint(scope.split())


def unauthorised(request: Request, detail: str) -> ApiError:
    # A browser asks for a password in a window of its own when it is offered Basic: not in the middle of our pages.
    page = sessions.COOKIE in request.cookies() or "x-requested-with" in request.headers
    offer = 'Bearer realm="fs-app"' if page else 'Basic realm="fs-app", charset="UTF-8"'
    return ApiError(401, {"detail": detail}, {"WWW-Authenticate": offer})
