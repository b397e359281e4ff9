"""Who may sign in: managers (`user/`), and their calendar users with a profile each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fs_app.domain.enums import Role
from fs_app.errors import InvalidInput
from fs_app.passwords import check_password, check_strength, hash_password
from fs_app.store.models import Base, Calendar, CalendarUserProfile, Event, User
from httpapi import scope, sessions
from httpapi.context import Context, raw
from httpapi.errors import conflict, forbidden
from httpapi.kinds import (
    INT_MAX,
    INT_MIN,
    READ_ONLY,
    WRITE_ONLY,
    boolean,
    described,
    integer,
    matching,
    moment,
    own_url,
    relation,
    shown,
    text,
)
from httpapi.reminders import refuse_while_calling
from httpapi.resource import MANAGERS, SUPERUSERS, Change, Resource
from httpapi.schema import Schema

_USERNAME = matching(r"[\w.@+\-]{1,150}", "letters, digits and . @ + - _ only")
_EMAIL = matching(r"[^@\s]{1,64}@[^@\s]{1,190}", "an address such as ann@example.org")


class _Account(Resource):
    """What managers and calendar users have in common."""

    model = User
    role = Role.CALENDAR_USER
    put_optional = frozenset({"password", "is_active"})
    unique = (("username",),)
    filters = frozenset({"username", "email", "first_name", "last_name", "is_active"})
    ordering = ("id", "username", "last_name")

    def prepare(self, ctx: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if "password" not in body:
            return {}
        password = str(body["password"])
        about = [str(body.get(name, "")) for name in ("username", "first_name", "last_name", "email")]
        try:
            check_strength(password, about, ctx.services.password_strength)
        except InvalidInput as exc:
            return {"weak": exc.message}
        try:
            return {"password": hash_password(password)}
        except (InvalidInput, UnicodeEncodeError):
            return {}  # the schema will say so

    def check(self, ctx: Context, change: Change) -> None:
        own = change.row is not None and change.row.id == ctx.user.id
        if own and ctx.means == "token" and "password" in change.values:  # it would be worth as much, and for ever
            raise forbidden("a token does not change its own user's password: sign in with the password")
        if "weak" in change.prepared and "password" not in change.errors.fields:
            change.errors.add("password", change.prepared["weak"])
        if own and change.changed("is_active"):
            change.errors.add("is_active", "you cannot switch yourself off: let another superuser do it")

    def columns(self, change: Change) -> dict[str, Any]:
        columns = {**change.values, **change.prepared}
        if change.row is None:
            columns["role"] = self.role.value
        return columns

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        if change.row is not None and row.is_active != raw(change.row, "is_active"):
            ctx.wake = True
            if not row.is_active:
                sessions.end_all(row.id)

    def before_delete(self, ctx: Context, row: Any) -> None:
        if row.id == ctx.user.id:
            raise conflict("you cannot delete yourself: let another superuser do it")
        whose = User.select(User.id).where((User.id == row.id) | (User.manager == row.id))
        refuse_while_calling(
            Event.select(Event.id).where(
                Event.calendar.in_(Calendar.select(Calendar.id).where(Calendar.user.in_(whose)))
            )
        )
        ctx.wake = True


_OFF = "false: may not sign in; where it is a manager, nobody below it either, and its reminders wait"


class UserSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    username: Annotated[str, text(150, blank=False, check=_USERNAME)]
    password: Annotated[str, text(256, blank=False, check=check_password), WRITE_ONLY]
    first_name: Annotated[str, text(150)] = ""
    last_name: Annotated[str, text(150)] = ""
    email: Annotated[str, text(254, check=_EMAIL)] = ""
    is_active: Annotated[bool, described(boolean(), _OFF)] = True


class Users(_Account):
    """Managers. Calendar users are a resource of their own."""

    path = "user"
    schema = UserSchema
    example = {"username": "practice-manager", "password": "caluser3", "email": "desk@example.org"}  # noqa: RUF012
    summary = "Managers: they own calendar users, settings and surveys"
    role = Role.MANAGER
    readers = MANAGERS
    writers = MANAGERS
    creators = SUPERUSERS

    def visible(self, user: User) -> Any:
        return User.role != Role.CALENDAR_USER.value if scope.is_superuser(user) else User.id == user.id

    def check(self, ctx: Context, change: Change) -> None:
        super().check(ctx, change)
        # Relations to a user take an id or a user name: the two must not look alike.
        if str(change.values.get("username", "")).isdigit():
            change.errors.add("username", "is only digits: give at least one letter")

    def before_delete(self, ctx: Context, row: Any) -> None:
        if not scope.is_superuser(ctx.user):
            raise forbidden("only a superuser may delete a manager")
        super().before_delete(ctx, row)


class CalendarUserSchema(UserSchema):
    groups: Annotated[list[str], shown({"type": "array", "items": {"type": "string"}}), READ_ONLY]


class CalendarUsers(_Account):
    """Creating one creates its profile; its manager is whoever creates it."""

    path = "calendar-user"
    schema = CalendarUserSchema
    example = {"username": "caluser3", "password": "caluser3", "email": "caluser3@example.org"}  # noqa: RUF012
    summary = "Those whose appointments are kept: a doctor, a secretary"
    writers = MANAGERS

    def visible(self, user: User) -> Any:
        here = User.role == Role.CALENDAR_USER.value
        if scope.is_superuser(user):
            return here
        return here & ((User.manager == user.id) | (User.id == user.id))

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        super().saved(ctx, row, change)
        if change.row is None:
            User.update(manager=ctx.user.id).where(User.id == row.id).execute()
            CalendarUserProfile.create(user=row.id, manager=ctx.user.id, created_date=ctx.now, updated_date=ctx.now)

    def computed(self, ctx: Context, rows: list[Any]) -> Mapping[int, Mapping[str, Any]]:
        return {row.id: {"groups": []} for row in rows}


class ProfileSchema(Schema):
    id: Annotated[int, shown({"type": "integer"}), READ_ONLY]
    manager: Annotated[int, relation("user", shown_as="username"), READ_ONLY]
    user: Annotated[int, shown({"type": "integer"}), READ_ONLY]
    calendar_setting: Annotated[int | None, relation("calendar-setting", shown_as="id")] = None
    accountcode: Annotated[int | None, integer(INT_MIN, INT_MAX)] = None
    address: Annotated[str | None, text(250)] = None
    city: Annotated[str | None, text(120)] = None
    state: Annotated[str | None, text(120)] = None
    country: Annotated[str, text(120)] = ""
    zip_code: Annotated[str | None, text(120, digits=True)] = None
    phone_no: Annotated[str | None, text(90, digits=True)] = None
    fax: Annotated[str | None, text(90, digits=True)] = None
    company_name: Annotated[str | None, text(150)] = None
    company_website: Annotated[str | None, text(250)] = None
    language: Annotated[str | None, text(50)] = None
    note: Annotated[str | None, text(2000, multiline=True)] = None
    created_date: Annotated[datetime, moment(), READ_ONLY]
    updated_date: Annotated[datetime, moment(), READ_ONLY]


class CalendarUserProfiles(Resource):
    """Addressed by the calendar user's id; made and deleted together with the calendar user."""

    path = "calendar-user-profile"
    model = CalendarUserProfile
    schema = ProfileSchema
    example = {"calendar_setting": 1, "accountcode": 35365532}  # noqa: RUF012
    summary = "A calendar user's setting, account code and address"
    writers = MANAGERS
    collection = ("GET", "HEAD", "OPTIONS")
    item = ("GET", "PUT", "PATCH", "HEAD", "OPTIONS")
    lookup = "user"
    filters = frozenset({"accountcode", "calendar_setting"})

    def visible(self, user: User) -> Any:
        if scope.is_superuser(user):
            return None
        return (CalendarUserProfile.manager == user.id) | (CalendarUserProfile.user == user.id)

    def saved(self, ctx: Context, row: Base, change: Change) -> None:
        if change.row is not None and raw(row, "calendar_setting") != raw(change.row, "calendar_setting"):
            ctx.wake = True
