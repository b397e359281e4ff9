"""Accounts that are switched off (``is_active``): who may still come in, and for whom nobody is called."""

from __future__ import annotations

from fs_app.store.models import User
from fs_app.store.prepared import by_id


def may_enter(user: User) -> bool:
    """Whether this user may sign in: neither it nor its manager is switched off."""
    return bool(user.is_active) and not manager_is_off(user)


def manager_is_off(user: User) -> bool:
    """Whether the manager above a user, or the user itself where it is one, is switched off: its calls wait."""
    if user.manager_id is None:
        return not user.is_active
    manager = by_id(User, user.manager_id)
    return manager is not None and not manager.is_active
