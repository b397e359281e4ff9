"""Sessions of browsers: a random cookie, of which only the SHA-256 is kept, and a token against forged requests.

A session ends by signing out, twelve hours after it was last used, a week after it began, and with the password it was
opened with: what it keeps of that is an HMAC of the stored hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from peewee import ModelSelect

from fs_app.store.accounts import may_enter
from fs_app.store.models import User, UserSession
from fs_app.store.prepared import prepared
from httpapi.errors import forbidden
from httpapi.services import Services
from httpapi.web import Request

COOKIE = "fs_app_session"
IDLE = timedelta(hours=12)
AT_MOST = timedelta(days=7)


@prepared
def _session(digest: str) -> ModelSelect[UserSession]:
    return UserSession.select(UserSession, User).join(User).where(UserSession.digest == digest)


def start(user: User, now: datetime) -> str:
    """A new session of ``user``; the value of its cookie. Inside a transaction, in which ended sessions are removed."""
    UserSession.delete().where(UserSession.expires_date <= now).execute()
    token = secrets.token_urlsafe(32)
    UserSession.create(
        user=user.id, digest=_digest(token), mark=_mark(token, user), created_date=now, expires_date=now + IDLE
    )
    return token


def find(services: Services, request: Request) -> User | None:
    """The user of the request's session; None when it has ended. Prolongs it when half of its time is over."""
    token = request.cookies().get(COOKIE, "")
    now = services.clock.now()
    with services.store.reading():
        held = _session.joined(_digest(token))
        entering = bool(held) and may_enter(held[0][1])
    if not held:
        return None
    found: UserSession = held[0][0]
    user: User = held[0][1]
    if found.expires_date <= now or not entering:
        return None
    if not hmac.compare_digest(found.mark, _mark(token, user)):
        return None
    until = min(now + IDLE, found.created_date + AT_MOST)
    if found.expires_date - now < IDLE / 2 and until > found.expires_date:
        with services.store.transaction():
            UserSession.update(expires_date=until).where(UserSession.id == found.id).execute()
    return user


def end_all(user_id: int) -> None:
    """The sessions of a user and of everybody below it. Inside a transaction."""
    whose = User.select(User.id).where((User.id == user_id) | (User.manager == user_id))
    UserSession.delete().where(UserSession.user.in_(whose)).execute()


def end(request: Request) -> None:
    """Inside a transaction."""
    UserSession.delete().where(UserSession.digest == _digest(request.cookies().get(COOKIE, ""))).execute()


def csrf_token(token: str) -> str:
    """What a page sends along with each change: another site can make a browser send the cookie, but not read this."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def check_csrf(request: Request, given: str) -> None:
    """Raises ApiError 403 unless ``given`` (a header, a field of a form) is this session's token."""
    wanted = csrf_token(request.cookies().get(COOKIE, ""))
    if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        raise forbidden("send the session's csrf_token in X-CSRF-Token: GET /rest-api/session/ tells it")


def cookie(token: str, request: Request) -> str:
    """The Set-Cookie header that gives a session; an empty token takes it back."""
    secure = "; Secure" if request.scheme == "https" else ""
    over = "" if token else "; Max-Age=0"
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax{secure}{over}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _mark(token: str, user: User) -> str:
    return hmac.new(token.encode("utf-8", "replace"), str(user.password).encode(), hashlib.sha256).hexdigest()
