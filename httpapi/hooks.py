"""What the service behind an SMS gateway tells us: replies and delivery reports. The secret is in the address.

    /hooks/sms/<gateway id>/<secret>/reply/    from, text and id of what somebody answered
    /hooks/sms/<gateway id>/<secret>/report/   our key or the service's id of a message, and its state

GET or POST; the fields come in the query, a form or JSON. A gateway's parameters say what they are called there.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from fs_app.domain.phone import normalise_number
from fs_app.domain.replies import Meaning, report
from fs_app.notify.sms_parameters import look
from fs_app.store.replies import Replies
from httpapi.errors import ApiError, bad_fields, bad_request, not_found
from httpapi.plugins import Surround, row_id
from httpapi.services import Services
from httpapi.web import HOOKS, Handler, Request, Response

_ALLOW = ("GET", "POST")
_BODY_MAX = 64 * 1024
_OWN = {
    Meaning.CONFIRM: "reply_confirm",
    Meaning.CANCEL: "reply_cancel",
    Meaning.RESCHEDULE: "reply_reschedule",
    Meaning.STOP: "reply_stop",
}
# Names by which services call things, tried in order where the gateway's parameters name none.
_USUAL = {
    "reply_from": ("from", "From", "sender", "msisdn", "fromNumber"),
    "reply_text": ("text", "Body", "message", "content"),
    "reply_id": ("id", "MessageSid", "messageId", "message_id"),
    "report_key": ("key",),
    "report_id": ("id", "MessageSid", "messageId", "message_id"),
    "report_state": ("state", "status", "MessageStatus", "statusDescription"),
}
_TAKEN = Response(200, b"", {"Content-Type": "text/plain; charset=utf-8"})

Hook = Callable[[Request, int, Mapping[str, object]], Response]


def hook_handlers(services: Services, surround: Surround) -> Iterator[tuple[str, Handler]]:
    """The two addresses of every gateway."""
    replies = Replies(services.store, services.default_zone)

    def guarded(hook: Hook) -> Handler:
        def handle(request: Request, arguments: Mapping[str, str]) -> Response:
            gateway_id = row_id(arguments)
            parameters = replies.parameters(gateway_id) or {}
            secret = str(parameters.get("reply_secret") or "")
            if not secret or not hmac.compare_digest(secret.encode(), arguments["secret"].encode("utf-8", "replace")):
                raise not_found()
            if request.method not in _ALLOW:
                raise ApiError(405, {"detail": f"use {' or '.join(_ALLOW)}"})
            return hook(request, gateway_id, parameters)

        return surround.public(handle, _ALLOW)

    def reply(request: Request, gateway_id: int, parameters: Mapping[str, object]) -> Response:
        fields = _fields(request)
        sender, text, message_id = (_get(fields, parameters, n) for n in ("reply_from", "reply_text", "reply_id"))
        if not message_id:
            # Without one nobody could tell a repetition from a second answer.
            raise bad_fields({"reply_id": [f"no id of the message: send {_names(parameters, 'reply_id')}"]})
        if not sender:
            raise bad_fields({"reply_from": [f"no sender: send {_names(parameters, 'reply_from')}"]})
        number = normalise_number(sender, "reply_from")
        own = {found: str(parameters[name]) for found, name in _OWN.items() if name in parameters}
        taken = replies.reply(gateway_id, number, _printable(text), message_id[:200], own, services.clock.now())
        if not taken.repeated:
            services.wake()
        return _TAKEN

    def told(request: Request, gateway_id: int, parameters: Mapping[str, object]) -> Response:
        fields = _fields(request)
        key, reference, state = (_get(fields, parameters, n) for n in ("report_key", "report_id", "report_state"))
        if not (key or reference):
            names = f"{_names(parameters, 'report_key')}, or {_names(parameters, 'report_id')}"
            raise bad_fields({"report_id": [f"which message is it about? send {names}"]})
        if not state:
            raise bad_fields({"report_state": [f"no state: send {_names(parameters, 'report_state')}"]})
        means = report(
            state, str(parameters.get("report_delivered", "")), str(parameters.get("report_undelivered", ""))
        )
        words = _printable(state)[:100]
        if not replies.report(gateway_id, key[:300], reference[:300], means, words, services.clock.now()):
            raise not_found("no message of this gateway has that key or id")
        services.wake()
        return _TAKEN

    base = f"{HOOKS}<id>/<secret>/"
    yield f"{base}reply/", guarded(reply)
    yield f"{base}report/", guarded(told)


def _fields(request: Request) -> Any:
    """What was sent, as one object: the query with the form over it, or JSON."""
    if len(request.body) > _BODY_MAX:
        raise ApiError(413, {"detail": f"the body has {len(request.body)} bytes: at most {_BODY_MAX}"})
    kind = request.content_type.partition(";")[0].strip().lower()
    try:
        fields: dict[str, Any] = dict(parse_qsl(request.query_string, keep_blank_values=True, max_num_fields=100))
        if kind == "application/json":
            found = json.loads(request.body.decode("utf-8"))
            return {**fields, **found} if isinstance(found, dict) else found
        if kind == "application/x-www-form-urlencoded":
            fields |= parse_qsl(request.body.decode("utf-8"), keep_blank_values=True, max_num_fields=100)
        elif request.body and kind:
            raise ApiError(415, {"detail": "send application/x-www-form-urlencoded or application/json"})
    except (ValueError, RecursionError):
        raise bad_request("the body or the query cannot be read: send a form or JSON in UTF-8") from None
    return fields


def _get(fields: Any, parameters: Mapping[str, object], name: str) -> str:
    paths = (str(parameters[name]),) if name in parameters else _USUAL[name]
    return next((found for found in (look(fields, path) for path in paths) if found), "").strip()


def _names(parameters: Mapping[str, object], name: str) -> str:
    return str(parameters[name]) if name in parameters else " or ".join(_USUAL[name])


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable() or c == "\n")
