"""``ETag`` of a single row, and the conditions that refer to it: two editors do not overwrite each other."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from httpapi.errors import ApiError, bad_fields
from httpapi.resource import Resource
from httpapi.web import Request, Response, json_response

TAGS = r'\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*'
_TAGS = re.compile(TAGS, re.ASCII)
_encode = json.JSONEncoder(sort_keys=True).encode


def etag(resource: Resource, shown: Mapping[str, Any]) -> str:
    """A strong tag of what is shown, save what changes by itself while calls go on (``resource.volatile``)."""
    lasting = {name: value for name, value in shown.items() if name not in resource.volatile}
    return f'"{hashlib.sha256(_encode(lasting).encode()).hexdigest()[:32]}"'


def check_if_match(request: Request, resource: Resource, shown: Mapping[str, Any]) -> None:
    """Raises ApiError 412 when ``If-Match`` names none of what is there now, 400 when it names no tags."""
    wanted = request.headers.get("if-match")
    if wanted is None:
        return
    if not _TAGS.fullmatch(wanted.strip()):
        raise bad_fields({"If-Match": ['names no tags: give what ETag said, such as "1f8a", or *']})
    if not _among(etag(resource, shown), wanted):
        raise ApiError(
            412,
            {"detail": "somebody changed it since you read it: GET it again, and apply your change to that"},
            {"ETag": etag(resource, shown)},
        )


def found(request: Request, resource: Resource, shown: Mapping[str, Any]) -> Response:
    """200 with its tag; 304 when ``If-None-Match`` has it already."""
    tag = etag(resource, shown)
    if not resource.volatile and _among(tag, request.headers.get("if-none-match", "")):
        return Response(304, headers={"ETag": tag})
    return json_response(200, shown, {"ETag": tag})


def _among(tag: str, header: str) -> bool:
    # A proxy that compresses marks tags as weak; they still name the same content.
    return header.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in header.split(",")]
