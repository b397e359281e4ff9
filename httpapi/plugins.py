"""What surrounds every handler: who asks, which verbs are allowed, errors as JSON, nothing leaking."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping

from peewee import DataError, IntegrityError

from fs_app.errors import InvalidInput, NotFound, StoreUnavailable
from fs_app.store.models import User
from httpapi.auth import Authenticator
from httpapi.context import Context
from httpapi.errors import ApiError, bad_request, not_found
from httpapi.resource import Resource
from httpapi.services import Services
from httpapi.web import ALWAYS, Handler, Request, Response, json_response

log = logging.getLogger("fs_app.http")

Verb = Callable[[Context, Mapping[str, str]], Response]
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?", re.ASCII)


class Surround:
    """Wraps verbs into a handler that always answers, in JSON, with ``Allow``."""

    def __init__(self, services: Services, registry: dict[str, Resource]) -> None:
        self.services = services
        self.registry = registry
        self.authenticator = Authenticator(services)

    def endpoint(
        self, verbs: Mapping[str, Verb], allow: tuple[str, ...], describe: Callable[[], object], path: str = ""
    ) -> Handler:
        """A handler for one address. ``describe`` is what OPTIONS answers, ``path`` the resource it belongs to."""

        def authenticated(request: Request, arguments: Mapping[str, str]) -> Response:
            caller = self.authenticator.caller(request, path)
            if request.method == "OPTIONS":
                return json_response(200, describe())
            verb = verbs.get("GET" if request.method == "HEAD" else request.method)
            if verb is None or request.method not in allow:
                raise ApiError(405, {"detail": f"{request.method[:20]} is not possible here: use {', '.join(allow)}"})
            return verb(self.context(request, caller.user, caller.means, caller.scope), arguments)

        return self.public(authenticated, allow)

    def context(self, request: Request, user: User, means: str, scope: str = "write") -> Context:
        return Context(self.services, request, self.registry, user, means, scope)

    def public(self, inner: Handler, allow: tuple[str, ...]) -> Handler:
        """A handler for anybody."""
        allowed = ", ".join(allow)

        def handle(request: Request, arguments: Mapping[str, str]) -> Response:
            response = self.answer(inner, request, arguments)
            headers = {**ALWAYS, "Allow": allowed, **response.headers}
            return Response(response.status, response.body, headers, response.stream)

        return handle

    def answer(self, inner: Handler, request: Request, arguments: Mapping[str, str]) -> Response:
        try:
            if not _HOST.fullmatch(request.host):
                raise bad_request("the Host header is not a host name or address")
            return inner(request, arguments)
        except ApiError as exc:
            return json_response(exc.status, exc.body, exc.headers)
        except InvalidInput as exc:
            return json_response(400, {exc.field: [exc.message]})
        except NotFound as exc:
            return json_response(404, {"detail": str(exc)})
        except StoreUnavailable:
            log.exception("%s %s: the database does not answer", request.method, request.path)
            body = {"detail": "the database does not answer: nothing was changed, try again"}
            return json_response(503, body, {"Retry-After": "1"})
        except IntegrityError:
            # Two requests raced for what must be unique, or for a row that one of them deleted.
            log.info("%s %s lost a race", request.method, request.path, exc_info=True)
            return json_response(409, {"detail": "this collides with another change: read again, then try again"})
        except DataError:
            log.warning("%s %s: a value the database refused", request.method, request.path, exc_info=True)
            return json_response(400, {"detail": "a value is out of the range that can be stored"})
        except Exception:
            reference = secrets.token_hex(8)
            log.exception("%s %s failed: error %s", request.method, request.path, reference)
            return json_response(500, {"detail": "internal error", "id": reference})


def row_id(arguments: Mapping[str, str]) -> int:
    """The ``<id>`` of the address. Raises ApiError 404 for what can be no id."""
    given = arguments["id"]
    if not (given.isascii() and given.isdigit() and len(given) <= 10 and 0 < int(given) < 2**31):
        raise not_found()
    return int(given)
