"""A repository whose methods run in other threads while the caller waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


Apply = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""``apply(function, args, kwargs)`` calls it in a thread of its own choice; returns and raises as it does."""


def elsewhere(repository: T, apply: Apply) -> T:
    """The same object, each of whose methods goes through ``apply``."""
    return cast(T, _Elsewhere(repository, apply))


class _Elsewhere:
    def __init__(self, target: object, apply: Apply) -> None:
        self._target = target
        self._apply = apply

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._target, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._apply(method, args, kwargs)

        self.__dict__[name] = call
        return call
