"""The REST API, called in process: the same declarations, validation, tenancy and errors, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from peewee import fn

from fs_app.domain.enums import Role
from fs_app.store.models import User
from httpapi import crud, listing
from httpapi.context import Context, raw
from httpapi.errors import ApiError, not_found
from httpapi.etag import etag
from httpapi.plugins import Surround
from httpapi.resource import Resource
from httpapi.services import Services
from httpapi.web import Request, Response

Row = dict[str, Any]  # as REST shows it; what comes back from a call is Any, its shape is the resource's
PAGE_MAX = 1000


def id_of(address: object) -> int | None:
    """The id at the end of a relation's address, or the id itself; None for none."""
    if address is None or isinstance(address, bool):
        return None
    last = str(address).rstrip("/").rsplit("/", 1)[-1]
    return int(last) if last.isascii() and last.isdigit() else None


class Rest:
    """The API as one signed-in user sees it. Every method raises ApiError with the status REST would answer."""

    def __init__(
        self, services: Services, registry: dict[str, Resource], surround: Surround, request: Request, user: User
    ) -> None:
        self.services = services
        self.registry = registry
        self.user = user
        self._surround = surround
        self._request = request

    def context(self, query: str = "") -> Context:
        """For the few reads that REST has no address for; it carries the same user and so the same scope."""
        return Context(self.services, replace(self._request, query_string=query), self.registry, self.user, "session")

    def may_read(self, path: str) -> bool:
        return Role(str(self.user.role)) in self.registry[path].readers

    def may_create(self, path: str) -> bool:
        resource = self.registry[path]
        allowed = resource.creators if resource.creators is not None else resource.writers
        return "POST" in resource.collection and Role(str(self.user.role)) in allowed & resource.readers

    def may_write(self, path: str) -> bool:
        resource = self.registry[path]
        return "PATCH" in resource.item and Role(str(self.user.role)) in resource.writers & resource.readers

    def may_delete(self, path: str) -> bool:
        resource = self.registry[path]
        return "DELETE" in resource.item and Role(str(self.user.role)) in resource.writers & resource.readers

    def list(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """One page: count, next, previous, results."""
        resource = self._resource(path)
        asked = urlencode({name: str(value) for name, value in (query or {}).items()})
        return self._call("GET", resource.collection, lambda ctx: crud.list_rows(ctx, resource), query=asked)

    def first(self, path: str, query: Mapping[str, object], most: int) -> Sequence[Row]:
        """The first rows of a list, without its count."""
        resource = self._resource(path)
        if not self.may_read(path):
            raise not_found()
        asked = urlencode({name: str(value) for name, value in query.items()})
        context = self.context(asked)
        with self.services.store.reading():
            return resource.show_all(context, listing.first(context, resource, most))

    def count_by(self, path: str, column: str, **at_least: object) -> dict[Any, int]:
        """How many rows there are for each value of a column, among those whose other columns are at least so."""
        resource = self._resource(path)
        chosen = getattr(resource.model, column)
        with self.services.store.reading():
            query = resource.query(self.context())
            for name, value in at_least.items():
                query = query.where(getattr(resource.model, name) >= value)
            return dict(query.select(chosen, fn.COUNT(resource.model.id)).group_by(chosen).tuples())

    def each(self, path: str, query: Mapping[str, object] | None = None) -> Iterator[Row]:
        """Every row, page after page."""
        number = 1
        while True:
            found = self.list(path, {**(query or {}), "page": number, "page_size": PAGE_MAX})
            yield from found["results"]
            if found["next"] is None:
                return
            number += 1

    def get(self, path: str, row_id: int) -> Any:
        resource = self._resource(path)
        return self._call("GET", resource.item, lambda ctx: crud.retrieve(ctx, resource, row_id))

    def many(self, path: str, ids: Iterable[int]) -> dict[int, Row]:
        """Those of these rows that the user sees, as REST shows them, in one reading."""
        wanted = set(ids)
        if not wanted or not self.may_read(path):
            return {}
        resource = self._resource(path)
        context = self.context()
        with self.services.store.reading():
            key = getattr(resource.model, resource.lookup)
            rows = list(resource.query(context).where(key.in_(list(wanted))))
            shown = resource.show_all(context, rows)
        return {int(raw(row, resource.lookup)): one for row, one in zip(rows, shown, strict=True)}

    def some(self, path: str, **equal: object) -> bool:
        """Whether there is any row of this kind to be seen, with columns ``equal`` to these."""
        if not self.may_read(path):
            return False
        with self.services.store.reading():
            resource = self._resource(path)
            query = resource.query(self.context())
            for name, value in equal.items():
                query = query.where(getattr(resource.model, name) == value)
            return bool(query.exists())

    def create(self, path: str, body: Mapping[str, object]) -> Any:
        resource = self._resource(path)
        return self._call("POST", resource.collection, lambda ctx: crud.create(ctx, resource), body)

    def change(self, path: str, row_id: int, body: Mapping[str, object], tag: str = "") -> Any:
        """``tag`` is what :meth:`tag` said when the form was drawn: 412 when the row has changed since."""
        resource = self._resource(path)
        return self._call(
            "PATCH",
            resource.item,
            lambda ctx: crud.update(ctx, resource, row_id, partial=True),
            body,
            headers={"if-match": tag} if tag else None,
        )

    def tag(self, path: str, row: Mapping[str, Any]) -> str:
        """Of a row as it was shown."""
        return etag(self._resource(path), row)

    def delete(self, path: str, row_id: int) -> None:
        resource = self._resource(path)
        self._call("DELETE", resource.item, lambda ctx: crud.delete(ctx, resource, row_id))

    def act(self, path: str, row_id: int, name: str, body: Mapping[str, object] | None = None, query: str = "") -> Any:
        """An action below one row, such as ``survey-template/4/seal/``; without ``body`` the one that only reads."""
        return self._call(*self._action(path, row_id, name, "GET" if body is None else ""), body, query=query)

    def act_raw(self, path: str, row_id: int, name: str) -> Response:
        """An action that answers something other than JSON: a recording."""
        method, allow, run = self._action(path, row_id, name, "GET")
        return self._answer(method, allow, run, None, "")

    def _action(
        self, path: str, row_id: int, name: str, method: str
    ) -> tuple[str, tuple[str, ...], Callable[[Context], Response]]:
        """The action of that name; the one that reads when ``method`` is GET, else the one that changes."""
        found = [a for a in self._resource(path).actions() if a.name == name]
        action = next((a for a in found if (a.method == "GET") == (method == "GET")), None)
        if action is None:
            raise not_found()
        run = action.run
        return action.method, action.allow, lambda ctx: run(ctx, row_id)

    def _resource(self, path: str) -> Resource:
        if path not in self.registry:
            raise not_found()
        return self.registry[path]

    def _call(
        self,
        method: str,
        allow: tuple[str, ...],
        run: Callable[[Context], Response],
        body: Mapping[str, object] | None = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        response = self._answer(method, allow, run, body, query, headers)
        return json.loads(response.body) if response.body else {}

    def _answer(
        self,
        method: str,
        allow: tuple[str, ...],
        run: Callable[[Context], Response],
        body: Mapping[str, object] | None,
        query: str,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        if method not in allow:
            raise ApiError(405, {"detail": "this cannot be done here"})
        request = replace(
            self._request,
            method=method,
            query_string=query,
            content_type="application/json",
            body=b"" if body is None else json.dumps(body).encode(),
            headers=headers or {},
        )
        response = self._surround.answer(
            lambda asked, _: run(Context(self.services, asked, self.registry, self.user, "session")), request, {}
        )
        if response.status >= 400:
            raise ApiError(response.status, json.loads(response.body), response.headers)
        return response
