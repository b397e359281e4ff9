"""The API's account of itself, made from the declarations that validate requests (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fs_app import __version__
from httpapi.context import BASE
from httpapi.etag import TAGS
from httpapi.listing import PAGE_MAX
from httpapi.openapi_links import links
from httpapi.openapi_special import special_paths
from httpapi.openapi_words import JSON, OBJECT, RESPONSES, errors, header, operation, query_parameter, ref
from httpapi.resource import Action, Resource
from httpapi.schema import Spec

_INFO = """Appointment reminders and phone surveys. Sign in with HTTP Basic, a bearer token, or a session.
A relation is shown as a URL and taken as a URL, a path or an id; a time without an offset is wall-clock time in the
zone of the calendar. docs/rest.md says what the resources mean."""


def describe(registry: Mapping[str, Resource], more: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document; ``more`` are paths of addresses that are no resources."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for resource in registry.values():
        schemas |= _schemas(resource)
        paths[f"{BASE}{resource.path}/"] = _collection(resource, registry)
        paths[f"{BASE}{resource.path}/{{id}}/"] = _item(resource)
        for action in resource.actions():
            below = f"{BASE}{resource.path}/" + ("{id}/" if action.below_row else "")
            address = paths.setdefault(f"{below}{action.name}/", {"parameters": [_ID]} if action.below_row else {})
            address[action.method.lower()] = _action(resource, action)
    paths |= special_paths() | dict(more)
    return {
        "openapi": "3.1.0",
        "info": {"title": "fs-app", "version": __version__, "description": _INFO},
        "security": [{"basic": []}, {"bearer": []}, {"session": []}],
        "tags": [{"name": resource.path, "description": resource.summary} for resource in registry.values()],
        "paths": paths,
        "components": {
            "schemas": {
                **schemas,
                "Problem": {"type": "object", "properties": {"detail": {"type": "string"}}},
                "Invalid": {
                    "type": "object",
                    "description": "each field with what is wrong and what would be right, or a detail of the whole",
                    "additionalProperties": {"type": ["array", "string"]},
                },
            },
            "responses": RESPONSES,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "fs_app_session"},
            },
        },
    }


def fields(resource: Resource) -> dict[str, Any]:
    """Each field's JSON schema: what it takes where it is written, else what it shows."""
    return {name: _shown(spec) if spec.read_only else _taken(spec) for name, spec in resource.reader.specs.items()}


def example(resource: Resource) -> dict[str, Any]:
    """A body that the resource's own schema takes."""
    required = {
        name: spec.kind.example for name, spec in resource.reader.specs.items() if spec.required and not spec.read_only
    }
    return {**required, **resource.example}


_ID: dict[str, Any] = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
}


def _schemas(resource: Resource) -> dict[str, Any]:
    """``alarm`` is what is shown, ``alarm-new`` what a create takes, ``alarm-change`` what a PATCH takes."""
    specs = resource.reader.specs
    writable = {name: _taken(spec) for name, spec in specs.items() if not spec.read_only}
    shown = {name: _shown(spec) for name, spec in specs.items() if not spec.write_only}
    found: dict[str, Any] = {
        resource.path: {
            "type": "object",
            "description": resource.summary,
            "properties": shown,
            "required": list(shown),
        }
    }
    needed = [name for name, spec in specs.items() if spec.required and not spec.read_only]
    if "POST" in resource.collection:
        found[f"{resource.path}-new"] = {**_closed(writable), "required": needed, "example": example(resource)}
    if "PUT" in resource.item:
        kept = [name for name in needed if name not in resource.put_optional]
        found[f"{resource.path}-whole"] = {**_closed(writable), "required": kept, "example": example(resource)}
    if "PATCH" in resource.item:
        sample = dict(list(resource.example.items())[:1])
        found[f"{resource.path}-change"] = {**_closed(writable), "example": sample}
    return found


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _shown(spec: Spec) -> dict[str, Any]:
    schema = dict(spec.kind.schema)
    if spec.nullable:
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        if "type" in schema:
            kinds = schema["type"]
            listed = [kinds] if isinstance(kinds, str) else list(kinds)
            schema["type"] = listed if "null" in listed else [*listed, "null"]
    if spec.read_only:
        schema["readOnly"] = True
    return schema


def _taken(spec: Spec) -> dict[str, Any]:
    schema = dict(spec.kind.schema if spec.kind.accepts is None else spec.kind.accepts)
    if spec.nullable:
        words = {"description": schema.pop("description")} if "description" in schema else {}
        alternatives = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
        nothing = [{"type": "null"}, {"const": ""}] if spec.kind.relation else [{"type": "null"}]
        schema = {**words, "anyOf": [*alternatives, *nothing]}
    if spec.write_only:
        schema["writeOnly"] = True
    if not spec.required and isinstance(spec.default, str | int) and not spec.kind.relation:
        schema["default"] = spec.default
    return schema


def _collection(resource: Resource, registry: Mapping[str, Resource]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    row = ref(resource.path)
    if "GET" in resource.collection:
        pages = {
            "type": "object",
            "properties": {
                "count": {"type": "integer"},
                "next": {"type": ["string", "null"]},
                "previous": {"type": ["string", "null"]},
                "results": {"type": "array", "items": row},
            },
            "required": ["count", "next", "previous", "results"],
        }
        found["get"] = operation(
            resource.path,
            f"{resource.path}.list",
            f"List: {resource.summary}",
            {200: pages},
            errors(400, 401, 403, 404, 405, 429, 503),
            parameters=_query(resource),
        )
        found["get"]["responses"]["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    if "POST" in resource.collection:
        made = operation(
            resource.path,
            f"{resource.path}.create",
            "Create",
            {201: row},
            errors(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
            body=_body(resource, f"{resource.path}-new"),
            parameters=[header("Idempotency-Key", "repeated, it makes nothing new", "[!-~]{1,200}")],
        )
        made["responses"]["201"]["headers"] = {
            "Location": {"schema": {"type": "string"}, "required": True},
            "ETag": {"schema": {"type": "string"}, "required": True},
        }
        following = links(resource, registry)
        if following:
            made["responses"]["201"]["links"] = following
        found["post"] = made
    return found


def _item(resource: Resource) -> dict[str, Any]:
    found: dict[str, Any] = {"parameters": [_ID]}
    row = ref(resource.path)
    match = header("If-Match", "the ETag you read: 412 when somebody changed it since", TAGS)
    refused = (400, 401, 403, 404, 405, 409, 412, 413, 415, 429, 503)
    if "GET" in resource.item:
        found["get"] = operation(
            resource.path,
            f"{resource.path}.retrieve",
            "Read one",
            {200: row},
            errors(400, 401, 403, 404, 405, 429, 503),
        )
        found["get"]["responses"]["304"] = {"description": "not changed since the ETag of If-None-Match"}
        found["get"]["responses"]["200"]["headers"] = {"ETag": {"schema": {"type": "string"}, "required": True}}
    for method, verb, name in (("PUT", "replace", "whole"), ("PATCH", "change", "change")):
        if method in resource.item:
            words = "Replace: what is left out gets its default" if method == "PUT" else "Change some fields"
            found[method.lower()] = operation(
                resource.path,
                f"{resource.path}.{verb}",
                words,
                {200: row},
                errors(*refused),
                body=_body(resource, f"{resource.path}-{name}"),
                parameters=[match],
            )
    if "DELETE" in resource.item:
        found["delete"] = operation(
            resource.path, f"{resource.path}.delete", "Delete", {204: None}, errors(*refused), parameters=[match]
        )
    return found


def _body(resource: Resource, schema: str) -> dict[str, Any]:
    content: dict[str, Any] = {JSON: {"schema": ref(schema)}}
    if resource.multipart:
        binary = {"type": "string", "contentMediaType": "application/octet-stream"}
        names = {
            n: binary if s.write_only else s.kind.schema for n, s in resource.reader.specs.items() if not s.read_only
        }
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": names}}
    return {"required": True, "content": content}


def _action(resource: Resource, action: Action) -> dict[str, Any]:
    body = None
    if action.takes is not None or action.method in ("POST", "PATCH"):
        taken = {"schema": dict(action.takes or OBJECT)}
        if action.example is not None:
            taken["example"] = action.example
        body = {"required": action.takes is not None, "content": dict.fromkeys(action.media_taken, taken)}
    gives = None if 204 in action.statuses else dict(action.gives or {})
    refused = (
        (400, 401, 403, 404, 405, 429, 503) if body is None else (400, 401, 403, 404, 405, 409, 413, 415, 429, 503)
    )
    return operation(
        resource.path,
        f"{resource.path}.{action.name}.{action.method.lower()}",
        action.summary or action.name.replace("_", " "),
        dict.fromkeys(action.statuses or ((200, 201) if action.method == "POST" else (200,)), gives),
        errors(*refused),
        body=body,
        parameters=[query_parameter(name, schema) for name, schema in action.query.items()],
        media=action.media,
    )


def _equal_to(spec: Spec) -> dict[str, Any]:
    """What a filter for equality takes. In an address everything is text, so what JSON also takes as a number is none
    here; ``null`` finds the rows that have no value."""
    schema = {**(spec.kind.schema if spec.kind.accepts is None else spec.kind.accepts)}
    schema.pop("description", None)
    if spec.kind.schema.get("type") == "string" and not spec.kind.relation and "anyOf" in schema:
        schema["anyOf"] = [one for one in schema["anyOf"] if one.get("type") != "integer"]
    return {"anyOf": [schema, {"type": "null"}]} if spec.nullable else schema


def _query(resource: Resource) -> list[dict[str, Any]]:
    specs = resource.reader.specs
    names: Iterable[tuple[str, Spec]] = [(name, specs[name]) for name in sorted(resource.filters)]
    found = []
    for name, spec in names:
        schema = spec.kind.schema if spec.kind.accepts is None else spec.kind.accepts
        found.append(query_parameter(name, _equal_to(spec)))
        if spec.kind.ordered:
            found += [query_parameter(f"{name}__{how}", schema) for how in ("gt", "gte", "lt", "lte")]
    order = [sign + name for name in resource.ordering for sign in ("", "-")]
    whole = {"type": "integer", "minimum": 1}
    return [
        *found,
        query_parameter("ordering", {"type": "string", "enum": order}),
        query_parameter("page", {**whole, "maximum": 2**31 - 1}),
        query_parameter("page_size", {**whole, "maximum": PAGE_MAX}),
        query_parameter("format", {"enum": ["csv"], "description": "every row, for a spreadsheet"}),
    ]
