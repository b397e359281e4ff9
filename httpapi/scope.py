"""Whose data: which rows a user sees. What it does not see answers 404, as if it did not exist.

Each function returns a condition or a subquery of ids, or None for a superuser, who sees all.
"""

from __future__ import annotations

from typing import Any

from fs_app.domain.enums import Role
from fs_app.store.models import Alarm, AlarmRequest, Calendar, CallRequest, Event, Outbox, User


def is_superuser(user: User) -> bool:
    return str(user.role) == Role.SUPERUSER.value


def is_manager(user: User) -> bool:
    return str(user.role) == Role.MANAGER.value


def users(user: User) -> Any:
    """Itself and, for a manager, its calendar users."""
    if is_superuser(user):
        return None
    return User.select(User.id).where((User.id == user.id) | (User.manager == user.id))


def below(tenant: Any, owner: Any, user: User) -> Any:
    """The condition on rows that have both: one range of an index. None for all of them."""
    if is_superuser(user):
        return None
    return tenant == user.id if is_manager(user) else owner == user.id


def calendars(user: User) -> Any:
    """A subquery of the ids of calendars."""
    mine = own_calendars(user)
    return None if mine is None else Calendar.select(Calendar.id).where(mine)


def own_calendars(user: User) -> Any:
    """The condition on calendars that ``user`` sees."""
    return below(Calendar.tenant, Calendar.user, user)


def own_events(user: User) -> Any:
    """The condition on events."""
    return below(Event.tenant, Event.owner, user)


def own_alarms(user: User) -> Any:
    """The condition on alarms."""
    return below(Alarm.tenant, Alarm.owner, user)


def own_attempts(user: User) -> Any:
    """The condition on attempts of alarms."""
    return below(AlarmRequest.tenant, AlarmRequest.owner, user)


def own_calls(user: User) -> Any:
    """The condition on calls."""
    return below(CallRequest.tenant, CallRequest.user, user)


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
