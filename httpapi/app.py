"""The REST API as a WSGI application: synchronous and thread-safe, to be run in native threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import bottle

from fs_app.errors import StoreUnavailable
from httpapi import crud, explorer, openapi
from httpapi.console.routes import console
from httpapi.console.site import lost
from httpapi.context import BASE, Context
from httpapi.errors import ApiError
from httpapi.hooks import hook_handlers
from httpapi.plugins import Surround, Verb, row_id
from httpapi.resource import Action, Resource
from httpapi.routes import registry
from httpapi.routes.aggregate import aggregate_handler
from httpapi.routes.aggregate import describe as describe_aggregate
from httpapi.routes.ics import feed_handler
from httpapi.routes.session import live_handler, session_handler
from httpapi.services import Services
from httpapi.web import Handler, Request, Response, build, json_response

_READ = ("GET", "HEAD", "OPTIONS")


def make_app(services: Services, surround: Surround | None = None) -> bottle.Bottle:
    """The whole API, and ``/healthz``. ``surround`` is made of the services, unless a test brings its own."""
    return build(_routes(services, surround or Surround(services, registry())), lost)


def _routes(services: Services, surround: Surround) -> Iterator[tuple[str, Handler]]:
    resources = surround.registry
    yield from hook_handlers(services, surround)
    yield "/healthz", surround.public(_health(services, everything=True), _READ)
    yield "/readyz", surround.public(_health(services, everything=False), _READ)

    def index(ctx: Context, _arguments: Mapping[str, str]) -> Response:
        crud.no_query(ctx)
        mine = {path: ctx.url(path) for path, resource in resources.items() if str(ctx.user.role) in resource.readers}
        return json_response(200, mine)

    def start(request: Request, arguments: Mapping[str, str]) -> Response:
        if request.method in ("GET", "HEAD") and explorer.wants_page(request):
            return explorer.page(request)
        return links(request, arguments)

    described = json_response(200, openapi.describe(resources, describe_aggregate())).body

    def description(request: Request, _arguments: Mapping[str, str]) -> Response:
        return explorer.sent(request, described, "application/json", "no-cache")

    links = surround.endpoint({"GET": index}, _READ, lambda: {"summary": "links to every resource"})
    yield BASE, surround.public(start, _READ)
    yield BASE + "openapi.json", surround.public(_reading(description), _READ)
    yield BASE + "explorer/<name>", surround.public(_reading(explorer.asset), _READ)
    yield feed_handler(surround)
    yield BASE + "session/", session_handler(surround)
    yield BASE + "live/", live_handler(surround)
    yield BASE + "surveyaggregate/<id>/", aggregate_handler(surround)
    for resource in resources.values():
        yield from _resource(surround, resource)
    yield from console(surround, resources)


def _resource(surround: Surround, resource: Resource) -> Iterator[tuple[str, Handler]]:
    def describe() -> object:
        return {"name": resource.path, "description": resource.summary, "fields": openapi.fields(resource)}

    collection: dict[str, Verb] = {
        "GET": lambda ctx, _: crud.list_rows(ctx, resource),
        "POST": lambda ctx, _: crud.create(ctx, resource),
    }
    item: dict[str, Verb] = {
        "GET": lambda ctx, at: crud.retrieve(ctx, resource, row_id(at)),
        "PUT": lambda ctx, at: crud.update(ctx, resource, row_id(at), partial=False),
        "PATCH": lambda ctx, at: crud.update(ctx, resource, row_id(at), partial=True),
        "DELETE": lambda ctx, at: crud.delete(ctx, resource, row_id(at)),
    }
    base = f"{BASE}{resource.path}/"
    yield base, surround.endpoint(collection, resource.collection, describe, resource.path)
    yield base + "<id>/", surround.endpoint(item, resource.item, describe, resource.path)
    actions: dict[str, list[Action]] = {}  # by the address they share
    for action in resource.actions():
        actions.setdefault(f"<id>/{action.name}/" if action.below_row else f"{action.name}/", []).append(action)
    for below, several in actions.items():
        yield base + below, _action(surround, several[0].name, several, resource.path)


def _action(surround: Surround, name: str, actions: list[Action], path: str) -> Handler:
    def verb(action: Action) -> Verb:
        return lambda ctx, at: action.run(ctx, row_id(at) if action.below_row else 0)

    allow = tuple(dict.fromkeys(method for action in actions for method in action.allow))
    return surround.endpoint(
        {a.method: verb(a) for a in actions}, allow, lambda: {"name": name, "methods": allow}, path
    )


def _reading(handler: Handler) -> Handler:
    """The same, for GET and HEAD only."""

    def read(request: Request, arguments: Mapping[str, str]) -> Response:
        if request.method not in _READ:
            raise ApiError(405, {"detail": f"use {', '.join(_READ)}"})
        return handler(request, arguments)

    return read


def _health(services: Services, *, everything: bool) -> Handler:
    """``/healthz``: is every part well? ``/readyz``: can this process answer requests?"""

    def health(_request: Request, _arguments: Mapping[str, str]) -> Response:
        parts = {"database": _database(services), **(services.health() if everything else {})}
        well = all(state == "ok" for state in parts.values())
        words = ("ok", "degraded") if everything else ("ready", "not ready")
        return json_response(200 if well else 503, {"status": words[not well], **parts})

    return _reading(health)


def _database(services: Services) -> str:
    try:
        with services.store.reading():
            services.store.db.execute_sql("SELECT 1")
    except StoreUnavailable:
        return "does not answer"
    return "ok"
