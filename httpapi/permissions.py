"""What a role may do with a resource, by its declarations. Whose rows it sees is the resource's own ``visible``."""

from __future__ import annotations

from collections.abc import Mapping

from fs_app.domain.enums import Role
from httpapi.resource import Resource

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def allowed(resource: Resource, role: Role, *, item: bool) -> tuple[str, ...]:
    """The methods that ``role`` may use on the collection, or on an ``item`` of it; none when it does not exist for it.

    >>> from httpapi.routes.gateway import Gateways
    >>> allowed(Gateways(), Role.MANAGER, item=True)
    ('GET', 'HEAD', 'OPTIONS')
    """
    if role not in resource.readers:
        return ()
    methods = resource.item if item else resource.collection
    return tuple(m for m in methods if m not in _WRITES or role in _writers(resource, m))


def permissions(registry: Mapping[str, Resource], role: Role) -> dict[str, dict[str, list[str]]]:
    """Of every resource that exists for ``role``: ``{"alarm": {"list": ["GET", "POST"], "item": ["GET", …]}}``."""
    found = {}
    for path, resource in registry.items():
        both = {
            name: [m for m in allowed(resource, role, item=item) if m not in ("HEAD", "OPTIONS")]
            for name, item in (("list", False), ("item", True))
        }
        if any(both.values()):
            found[path] = both
    return found


def _writers(resource: Resource, method: str) -> frozenset[Role]:
    return resource.creators if method == "POST" and resource.creators is not None else resource.writers
