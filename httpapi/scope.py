"""Whose data: which rows a user sees. What it does not see answers 404, as if it did not exist.

Each function returns a subquery of ids, or None for a superuser, who sees all.
"""

from __future__ import annotations

from typing import Any

from fs_app.domain.enums import Role
from fs_app.store.models import Alarm, Calendar, Event, Outbox, User


def is_superuser(user: User) -> bool:
    return str(user.role) == Role.SUPERUSER.value


def is_manager(user: User) -> bool:
    return str(user.role) == Role.MANAGER.value


def users(user: User) -> Any:
    """Itself and, for a manager, its calendar users."""
    if is_superuser(user):
        return None
    return User.select(User.id).where((User.id == user.id) | (User.manager == user.id))


def calendars(user: User) -> Any:
    whose = users(user)
    return None if whose is None else Calendar.select(Calendar.id).where(Calendar.user.in_(whose))


def events(user: User) -> Any:
    which = calendars(user)
    return None if which is None else Event.select(Event.id).where(Event.calendar.in_(which))


def alarms(user: User) -> Any:
    which = events(user)
    return None if which is None else Alarm.select(Alarm.id).where(Alarm.event.in_(which))


def messages(user: User) -> Any:
    """The condition on messages sent for whoever asks or those below it; None for all. What is posted to a manager's
    webhooks is the manager's."""
    return within(Outbox.user, users(user))


def shared_by_manager(field: Any, user: User) -> Any:
    """The condition on rows that are ``user``'s own or its manager's; a superuser sees everybody's."""
    if is_superuser(user):
        return None
    return (field == user.id) | (field == user.manager_id) if user.manager_id is not None else field == user.id


def within(field: Any, ids: Any) -> Any:
    """``field`` among ``ids``; None when there is no limit."""
    return None if ids is None else field.in_(ids)


def owned(field: Any, user: User) -> Any:
    """Rows that belong to ``user`` itself; a superuser sees everybody's."""
    return None if is_superuser(user) else field == user.id
