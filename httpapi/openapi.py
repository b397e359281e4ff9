"""The API's account of itself, made from the declarations that validate requests (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Any

from fs_app import __version__
from httpapi.context import BASE
from httpapi.resource import Resource
from httpapi.schema import Spec

_JSON = "application/json"


def describe(registry: dict[str, Resource]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for resource in registry.values():
        schemas[resource.path] = _object(resource)
        paths[f"{BASE}{resource.path}/"] = _operations(resource, resource.collection, item=False)
        paths[f"{BASE}{resource.path}/{{id}}/"] = _operations(resource, resource.item, item=True)
        for action in resource.actions():
            below = f"{BASE}{resource.path}/" + ("{id}/" if action.below_row else "")
            paths.setdefault(f"{below}{action.name}/", {})[action.method.lower()] = {
                "tags": [resource.path],
                "operationId": f"{resource.path}.{action.name}.{action.method.lower()}",
                "parameters": [_id()] if action.below_row else [],
                "responses": {"default": {"description": "see docs/rest.md"}},
            }
    return {
        "openapi": "3.1.0",
        "info": {"title": "fs-app", "version": __version__},
        "security": [{"basic": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def fields(resource: Resource) -> dict[str, Any]:
    """Each field's JSON schema."""
    return {name: _field(spec) for name, spec in resource.reader.specs.items()}


def _object(resource: Resource) -> dict[str, Any]:
    required = [name for name, spec in resource.reader.specs.items() if spec.required and not spec.read_only]
    return {
        "type": "object",
        "description": resource.summary,
        "properties": fields(resource),
        "required": required,
        "additionalProperties": False,
    }


def _field(spec: Spec) -> dict[str, Any]:
    schema = dict(spec.kind.schema)
    if spec.nullable:
        kinds = schema.get("type", "string")
        schema["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
    if spec.read_only:
        schema["readOnly"] = True
    if spec.write_only:
        schema["writeOnly"] = True
    if not spec.read_only and isinstance(spec.default, str | int) and not spec.kind.relation:
        schema["default"] = spec.default
    return schema


def _id() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}


def _operations(resource: Resource, allow: tuple[str, ...], *, item: bool) -> dict[str, Any]:
    row = {"$ref": f"#/components/schemas/{resource.path}"}
    found: dict[str, Any] = {}
    for method in allow:
        if method in ("HEAD", "OPTIONS"):
            continue
        operation: dict[str, Any] = {
            "tags": [resource.path],
            "summary": resource.summary,
            "operationId": f"{resource.path}.{'item' if item else 'list'}.{method.lower()}",
            "responses": _responses(method, row, item),
        }
        parameters = [_id()] if item else []
        if not item and method == "GET":
            parameters += _query(resource)
        if parameters:
            operation["parameters"] = parameters
        if method in ("POST", "PUT"):
            operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": row}}}
        elif method == "PATCH":
            partial = {"type": "object", "properties": fields(resource), "additionalProperties": False}
            operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": partial}}}
        found[method.lower()] = operation
    return found


def _responses(method: str, row: dict[str, Any], item: bool) -> dict[str, Any]:
    if method == "DELETE":
        return {"204": {"description": "deleted"}, "404": {"description": "not there, or not yours"}}
    shown = row
    if method == "GET" and not item:
        shown = {
            "type": "object",
            "properties": {
                "count": {"type": "integer"},
                "next": {"type": ["string", "null"]},
                "previous": {"type": ["string", "null"]},
                "results": {"type": "array", "items": row},
            },
        }
    status = "201" if method == "POST" else "200"
    return {
        status: {"description": "as it is now", "content": {_JSON: {"schema": shown}}},
        "400": {"description": "each field with what is wrong and what would be right"},
        "401": {"description": "sign in"},
        "404": {"description": "not there, or not yours"},
    }


def _query(resource: Resource) -> list[dict[str, Any]]:
    specs = resource.reader.specs
    names = sorted(resource.filters) + [
        f"{name}__{how}"
        for name in sorted(resource.filters)
        if specs[name].kind.ordered
        for how in ("gte", "gt", "lte", "lt")
    ]
    plain: list[dict[str, Any]] = [{"name": n, "in": "query", "schema": {"type": "string"}} for n in names]
    return [
        *plain,
        {"name": "ordering", "in": "query", "schema": {"type": "string"}, "description": ", ".join(resource.ordering)},
        {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}},
        {"name": "page_size", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}},
    ]
