"""The small parts that an OpenAPI document is put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

JSON = "application/json"
OBJECT: dict[str, Any] = {"type": "object"}
_WORDS = {
    400: "what is wrong, field by field, and what would be right",
    401: "sign in",
    403: "you see it, and may not do this",
    404: "not there, or not yours",
    405: "not possible here: see Allow",
    409: "in use, in process, or lost a race",
    412: "changed since you read it",
    413: "too large",
    415: "not a kind of content that is taken here",
    429: "too much: wait Retry-After seconds",
    503: "not just now: nothing was changed",
}
_EXTRA = {401: ["WWW-Authenticate"], 405: ["Allow"], 429: ["Retry-After"], 503: ["Retry-After"]}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _response(status: int) -> dict[str, Any]:
    schema = ref("Invalid" if status == 400 else "Problem")
    found: dict[str, Any] = {"description": _WORDS[status], "content": {JSON: {"schema": schema}}}
    if status in _EXTRA:
        found["headers"] = {name: {"schema": {"type": "string"}, "required": True} for name in _EXTRA[status]}
    return found


RESPONSES = {f"E{status}": _response(status) for status in _WORDS}


def errors(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/E{status}"} for status in statuses}


def header(name: str, words: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": f"^({pattern})$"}
    return {"name": name, "in": "header", "description": words, "schema": schema}


def query_parameter(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": dict(schema)}


def operation(
    tag: str,
    operation_id: str,
    summary: str,
    answers: Mapping[int, Mapping[str, Any] | None],
    refusals: Mapping[str, Any],
    *,
    body: Mapping[str, Any] | None = None,
    parameters: Sequence[Mapping[str, Any]] = (),
    media: str = JSON,
) -> dict[str, Any]:
    """One method of one address. ``answers``: status -> JSON schema; None for no content."""
    responses: dict[str, Any] = {}
    for status, schema in answers.items():
        responses[str(status)] = {"description": "as it is now" if schema is not None else "done"}
        if schema is not None:
            responses[str(status)]["content"] = {media: {"schema": dict(schema)}}
    found: dict[str, Any] = {
        "tags": [tag],
        "summary": summary,
        "operationId": operation_id,
        "responses": {**responses, **refusals},
    }
    if parameters:
        found["parameters"] = [dict(one) for one in parameters]
    if body is not None:
        found["requestBody"] = dict(body)
    return found
