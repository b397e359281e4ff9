"""The verbs of every resource: list, create, retrieve, replace, change, delete. One transaction each."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from peewee import IntegrityError

from fs_app.domain.enums import Role
from httpapi import queries
from httpapi.auth import permits
from httpapi.context import Context
from httpapi.errors import ApiError, Errors, bad_request, conflict, forbidden, not_found
from httpapi.etag import check_if_match, etag, found
from httpapi.export import as_csv
from httpapi.idempotency import created, once, refuse_key
from httpapi.listing import page
from httpapi.many import Many
from httpapi.resource import Change, Resource
from httpapi.web import Request, Response, Upload, json_response


def list_rows(ctx: Context, resource: Resource) -> Response:
    _must_read(ctx, resource)
    with ctx.services.store.reading():
        if "format" in ctx.request.query():
            return as_csv(ctx, resource)
        return json_response(200, page(ctx, resource, ctx.url(resource.path)))


def retrieve(ctx: Context, resource: Resource, row_id: int) -> Response:
    no_query(ctx)
    with ctx.services.store.reading():
        return found(ctx.request, resource, resource.show(ctx, resource.find(ctx, row_id)))


def create(ctx: Context, resource: Resource) -> Response:
    _must_read(ctx, resource)
    _must_write(ctx, resource, creating=True)
    no_query(ctx)
    body = read_body(ctx, resource)
    change = new_change(ctx, resource, body)
    if not change.errors:
        change.prepared = resource.prepare(ctx, body)
    with _writing(ctx):
        answer = once(ctx, lambda: insert(ctx, resource, change), resource.remembered)
    return created(answer, {"ETag": etag(resource, answer.body)})


def insert(ctx: Context, resource: Resource, change: Change) -> tuple[dict[str, Any], str]:
    """The new row, checked and written, as it is shown, and its address. Inside a transaction."""
    check_change(ctx, resource, change)
    row = write_row(ctx, resource, change)
    return resource.show(ctx, row), resource.address(ctx, row)


def make_row(ctx: Context, resource: Resource, body: Mapping[str, Any]) -> Any:
    """The new row that ``body`` asks for, checked and written. Inside a transaction. Raises ApiError 400."""
    change = new_change(ctx, resource, body)
    check_change(ctx, resource, change)
    return write_row(ctx, resource, change)


def write_row(ctx: Context, resource: Resource, change: Change) -> Any:
    """The new row of a change that was checked. Inside a transaction."""
    row = queries.insert(resource.model, _new_columns(ctx, resource, change))
    resource.saved(ctx, row, change)
    return row


def many_rows(ctx: Context, resource: Resource, changes: list[Change], refers: str = "") -> Many:
    """The new rows of many changes that were checked, made ready to be written. ``refers`` as in :class:`Many`."""
    return Many(resource.model, [_new_columns(ctx, resource, change) for change in changes], refers)


def _new_columns(ctx: Context, resource: Resource, change: Change) -> dict[str, Any]:
    columns = resource.columns(change)
    for name in ("created_date", "created_on", "updated_date"):
        if name in resource.model._meta.fields:
            columns.setdefault(name, ctx.now)
    return columns


def new_change(ctx: Context, resource: Resource, body: Mapping[str, Any]) -> Change:
    """What ``body`` asks to create, read and given its defaults; what is wrong with it so far is in its errors."""
    errors = Errors()
    values = resource.reader.read(body, errors, partial=False)
    if resource.owner and values.get(resource.owner) is None and resource.owner not in body:
        values[resource.owner] = ctx.user.id
    return Change(resource, None, _with_defaults(resource, values), errors)


def update(ctx: Context, resource: Resource, row_id: int, *, partial: bool) -> Response:
    no_query(ctx)
    refuse_key(ctx)
    body = read_body(ctx, resource)
    prepared = resource.prepare(ctx, body)
    with _writing(ctx):
        before = resource.find(ctx, row_id, lock=True)
        _must_write(ctx, resource)
        if not resource.may_change(ctx.user, before):
            raise forbidden(f"this {resource.path} may be read, not changed, by you")
        was = resource.show(ctx, before)
        check_if_match(ctx.request, resource, was)
        errors = Errors()
        given = _without_unchanged(resource, was, body)
        optional = resource.put_optional | {resource.owner}
        values = resource.reader.read(given, errors, partial=partial)
        if not partial:
            for name in optional & errors.fields.keys() - body.keys():
                del errors.fields[name]
            values = {n: v for n, v in _with_defaults(resource, values).items() if n in values or n not in optional}
        change_row(ctx, resource, Change(resource, before, values, errors, prepared))
        shown = resource.show(ctx, resource.find(ctx, row_id))
    return json_response(200, shown, {"ETag": etag(resource, shown)})


def change_row(ctx: Context, resource: Resource, change: Change) -> None:
    """Check a change of the row that it holds, and write it. Inside a transaction, the row locked."""
    assert change.row is not None
    check_change(ctx, resource, change)
    columns = resource.columns(change)
    if "updated_date" in resource.model._meta.fields:
        columns["updated_date"] = ctx.now
    if columns:
        resource.model.update(**columns).where(resource.model.id == change.row.id).execute()
    resource.saved(ctx, resource.model.get_by_id(change.row.id), change)


def delete(ctx: Context, resource: Resource, row_id: int) -> Response:
    no_query(ctx)
    refuse_key(ctx)
    try:
        with _writing(ctx):
            row = resource.find(ctx, row_id, lock=True)
            _must_write(ctx, resource)
            if not resource.may_change(ctx.user, row):
                raise forbidden(f"this {resource.path} may be read, not deleted, by you")
            if "if-match" in ctx.request.headers:
                check_if_match(ctx.request, resource, resource.show(ctx, row))
            resource.before_delete(ctx, row)
            row.delete_instance()
    except IntegrityError as exc:
        with ctx.services.store.reading():
            used = _used_by(ctx, resource, row_id)
        raise conflict(
            f"this {resource.path} is still in use: first delete or change what refers to it", **used
        ) from exc
    return Response(204)


class _writing:  # noqa: N801  # reads as a phrase: with _writing(ctx)
    """One transaction; afterwards the scheduler's bell, when what is due may have changed."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._transaction = ctx.services.store.transaction()

    def __enter__(self) -> None:
        self._transaction.__enter__()

    def __exit__(self, kind: Any, exc: Any, trace: Any) -> None:
        self._transaction.__exit__(kind, exc, trace)
        if kind is None and self._ctx.wake:
            self._ctx.services.wake()


writing = _writing


def check_change(ctx: Context, resource: Resource, change: Change) -> None:
    """Everything that must be so before it is written. Inside a transaction. Raises ApiError 400 with what is not."""
    resource.resolve(ctx, change)
    change.errors.raise_any()
    resource.localise(ctx, change)
    resource.check(ctx, change)
    resource.check_unique(change)
    change.errors.raise_any()


def _with_defaults(resource: Resource, values: dict[str, Any]) -> dict[str, Any]:
    defaults = {n: s.default for n, s in resource.reader.specs.items() if not s.read_only and not s.required}
    return {**defaults, **values}


def _without_unchanged(resource: Resource, shown: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Read-only fields that say what is so already are no attempt to change it: what GET shows may be PUT back."""
    specs = resource.reader.specs
    return {
        name: value
        for name, value in body.items()
        if not (name in specs and specs[name].read_only and name in shown and shown[name] == value)
    }


def _used_by(ctx: Context, resource: Resource, row_id: int) -> dict[str, object]:
    """Up to ten addresses of what keeps a row from being deleted, as far as whoever asks may see them."""
    row = resource.find(ctx, row_id)
    addresses: list[str] = []
    for key, model in resource.model._meta.backrefs.items():
        other = next((r for r in ctx.registry.values() if r.model is model), None)
        if other is not None and key.on_delete == "RESTRICT":
            found = other.query(ctx).where(key == row.id).limit(10)
            addresses += [other.address(ctx, one) for one in found]
    return {"used_by": addresses[:10]} if addresses else {}


def _must_read(ctx: Context, resource: Resource) -> None:
    if Role(str(ctx.user.role)) not in resource.readers:
        raise not_found()


def _must_write(ctx: Context, resource: Resource, creating: bool = False) -> None:
    allowed = resource.creators if creating and resource.creators is not None else resource.writers
    if Role(str(ctx.user.role)) not in allowed:
        who = " or ".join(sorted(role.value.replace("_", " ") for role in allowed)) or "nobody"
        raise forbidden(f"only a {who} may change {resource.path}")


def must_create(ctx: Context, resource: Resource) -> None:
    """Raises ApiError 404 or 403 unless whoever asks, and its token, may make such rows, by whatever address."""
    _must_read(ctx, resource)
    _must_write(ctx, resource, creating=True)
    if not permits(ctx.scope, "POST", resource.path):
        raise forbidden(f"the scope of this token is {ctx.scope!r}: this needs write:{resource.path} as well")


def no_query(ctx: Context) -> None:
    """Raises ApiError 400 when there are query parameters: only lists have any."""
    if ctx.request.query():
        raise ApiError(400, {name[:100]: ["no query parameter is known here"] for name in ctx.request.query()})


def read_body(ctx: Context, resource: Resource | None = None, *, empty: bool = False) -> dict[str, Any]:
    """The request's JSON object (or multipart form, where the resource takes one).

    Raises ApiError 400, 413 or 415. ``empty`` allows no body at all.
    """
    request = ctx.request
    if empty and not request.body:
        return {}
    kind = request.content_type.partition(";")[0].strip().lower()
    if resource is not None and resource.multipart and kind == "multipart/form-data":
        return _from_form(request.form())
    wanted = "application/json" + (" or multipart/form-data" if resource and resource.multipart else "")
    return read_json(request, resource.max_body if resource is not None else Resource.max_body, wanted)


def read_json(request: Request, maximum: int = Resource.max_body, wanted: str = "application/json") -> dict[str, Any]:
    """The JSON object that a request consists of. Raises ApiError 400, 413 or 415; ``wanted`` is for its words."""
    if not request.body and not request.content_type:
        raise bad_request(f"there is no body: send {wanted}")
    kind, _, parameters = request.content_type.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise ApiError(415, {"detail": f"send {wanted}, in UTF-8, and say so in Content-Type"})
    if len(request.body) > maximum:
        raise ApiError(413, {"detail": f"the body has {len(request.body)} bytes: at most {maximum}"})
    try:
        body = parse_json(request.body.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise bad_request(f"the body is not UTF-8: byte {exc.start} is wrong") from None
    except RecursionError:
        raise bad_request("the body is nested too deeply: send a flat JSON object") from None
    except ValueError as exc:
        raise bad_request(f"the body is not valid JSON: {str(exc)[:200]}") from None
    if not isinstance(body, dict):
        raise bad_request("the body is not a JSON object: send {…}")
    return body


def parse_json(text: str) -> Any:
    """JSON as it is taken here: no NaN, no infinity, no name twice. Raises ValueError and RecursionError."""
    return json.loads(text, parse_constant=_constant, parse_float=_float, object_pairs_hook=_object)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _float(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):  # 1e999: it could be stored, and not be sent again
        raise ValueError(f"{text[:20]} is too large a number")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return found


def _from_form(form: Mapping[str, str | Upload]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in form.items():
        body[name] = value.content if isinstance(value, Upload) else value
        if isinstance(value, Upload) and "name" not in form:
            body["name"] = value.filename
    return body
