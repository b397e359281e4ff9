"""Who is asking: HTTP Basic against Argon2 hashes, or a bearer token."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from typing import Any

from fs_app.passwords import verify_nobody, verify_password
from fs_app.store.models import ApiToken, User
from httpapi.errors import ApiError, forbidden
from httpapi.services import Services
from httpapi.web import Request

REMEMBER_SECONDS = 300
REMEMBER_AT_MOST = 4096
FAILURES_ALLOWED, FAILURE_SECONDS = 10, 60
_SAFE = ("GET", "HEAD", "OPTIONS")


class Authenticator:
    """Finds the user of a request. Thread-safe.

    A password that was right is remembered for five minutes as an HMAC, keyed by this process and bound to the stored
    hash: each request still reads that hash, so a changed password or a deleted user is out at once.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def user(self, request: Request) -> User:
        """Raises ApiError 401; 403 for a token that may only read; 429 after too many wrong passwords."""
        scheme, _, credentials = request.authorization.partition(" ")
        if scheme.lower() == "basic":
            return self._basic(request, credentials.strip())
        if scheme.lower() == "bearer":
            return self._bearer(request, credentials.strip())
        raise _unauthorised("sign in: HTTP Basic with user name and password, or a Bearer token")

    def _basic(self, request: Request, credentials: str) -> User:
        try:
            username, colon, password = base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            raise _unauthorised("the credentials are not base64 of UTF-8 user:password") from None
        if not colon or "\0" in username:
            raise _unauthorised("the credentials are not base64 of user:password")
        with self._services.store.reading():
            found: Any = User.get_or_none(User.username == username)
        now = self._services.clock.monotonic()
        who = (request.client, username[:200])
        proof = b""
        if found is not None and found.is_active:
            message = "\0".join((found.password, username, password)).encode("utf-8")
            proof = hmac.digest(self._key, message, "sha256")
            if self._remembered(proof, now):
                return found  # type: ignore[no-any-return]
        self._refuse_guessing(who, now)
        right = verify_password(found.password, password) if proof else verify_nobody(password)
        self._note(who, proof, right, now)
        if not right:
            raise _unauthorised("wrong user name or password")
        return found  # type: ignore[no-any-return]

    def _bearer(self, request: Request, token: str) -> User:
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        with self._services.store.reading():
            found: Any = ApiToken.get_or_none(ApiToken.digest == digest)
            user: Any = found.user if found else None
        expired = found is not None and found.expires_date and found.expires_date <= self._services.clock.now()
        if user is None or not user.is_active or expired:
            raise _unauthorised("this token is unknown, revoked or expired")
        if found.scope != "write" and request.method not in _SAFE:
            raise forbidden("this token may only read")
        return user  # type: ignore[no-any-return]

    def _remembered(self, proof: bytes, now: float) -> bool:
        with self._lock:
            return self._known.get(proof, now) > now

    def _note(self, who: tuple[str, str], proof: bytes, right: bool, now: float) -> None:
        with self._lock:
            if right:
                self._failures.pop(who, None)
                self._known[proof] = now + REMEMBER_SECONDS
                self._known.move_to_end(proof)
                while len(self._known) > REMEMBER_AT_MOST:
                    self._known.popitem(last=False)
            else:
                count, until = self._failures.get(who, (0, 0.0))
                self._failures[who] = (count + 1, until) if until > now else (1, now + FAILURE_SECONDS)
                while len(self._failures) > REMEMBER_AT_MOST:
                    self._failures.popitem(last=False)

    def _refuse_guessing(self, who: tuple[str, str], now: float) -> None:
        with self._lock:
            count, until = self._failures.get(who, (0, 0.0))
        if count >= FAILURES_ALLOWED and until > now:
            raise ApiError(
                429,
                {"detail": "too many wrong passwords for this user from this address: wait a minute"},
                {"Retry-After": str(int(until - now) + 1)},
            )


def _unauthorised(detail: str) -> ApiError:
    return ApiError(401, {"detail": detail}, {"WWW-Authenticate": 'Basic realm="fs-app", charset="UTF-8"'})
