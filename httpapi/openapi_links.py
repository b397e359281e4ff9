"""What may follow a create, as OpenAPI links: to the new row, and to what refers to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from httpapi.resource import Resource

_VERBS = {"GET": "retrieve", "PUT": "replace", "PATCH": "change", "DELETE": "delete"}
# The id is the last part of the address that a create answers.
_ID = {"id": "$response.header.Location#regex:/([0-9]+)/$"}


def links(resource: Resource, registry: Mapping[str, Resource]) -> dict[str, Any]:
    """By name. None for what is not found under an id of its own."""
    if resource.lookup != "id" or "GET" not in resource.item:
        return {}
    found: dict[str, Any] = {}
    for method, verb in _VERBS.items():
        if method in resource.item:
            found[verb] = {"operationId": f"{resource.path}.{verb}", "parameters": _ID}
    for action in resource.actions():
        if action.below_row:
            name = f"{action.name}.{action.method.lower()}"
            found[name] = {"operationId": f"{resource.path}.{name}", "parameters": _ID}
    for other in registry.values():
        for name, spec in other.reader.specs.items():
            if spec.kind.relation == resource.path:
                found |= _refer(resource, other, name, read_only=spec.read_only)
    return found


def _refer(resource: Resource, other: Resource, name: str, *, read_only: bool) -> dict[str, Any]:
    """Rows of ``other`` whose field ``name`` is the new row: the list of them, and another one of them."""
    found: dict[str, Any] = {}
    here = "$response.body#/url"
    if name in other.filters and "GET" in other.collection:
        found[f"{other.path}.list.{name}"] = {"operationId": f"{other.path}.list", "parameters": {name: here}}
    if "POST" in other.collection and not read_only:
        body = {name: here}
        own = {spec.kind.relation: field for field, spec in resource.reader.specs.items() if spec.kind.relation}
        for field, spec in other.reader.specs.items():
            # What both refer to is the same: a calendar's event is created by the calendar's user.
            if spec.required and not spec.read_only and field != name and spec.kind.relation in own:
                body[field] = f"$response.body#/{own[spec.kind.relation]}"
        found[f"{other.path}.create.{name}"] = {"operationId": f"{other.path}.create", "requestBody": body}
    return found
