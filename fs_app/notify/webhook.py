"""Webhooks: a JSON object, posted, signed, and taken once by whoever looks at the key.

Idempotency-Key: confirmed-17-2-31
FS-App-Signature: t=1772445600,v1=<hex of HMAC-SHA256(secret, "1772445600." + body)>
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Sequence
from datetime import datetime

from fs_app.domain.sending import Declined, Delivered, Delivery, Message, Refused, Unreached
from fs_app.errors import InvalidInput
from fs_app.notify import address, web

_TOLERANCE = 300  # seconds that a receiver should allow between its clock and ours


class WebhookSender:
    """``allowed`` are private networks that may be posted to; ``context`` is for TLS, the default one when None."""

    def __init__(
        self,
        allowed: Sequence[address.Network] = (),
        *,
        resolve: address.Resolver = address.resolve,
        context: ssl.SSLContext | None = None,
        total_seconds: float = web.TOTAL_SECONDS,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._context = context
        self._total = total_seconds

    def send(self, message: Message, now: datetime) -> Delivery:
        """Post it once. Blocks; never raises for what a URL or its server does."""
        try:
            target = address.parse_url(message.destination)
            addresses = address.allowed_addresses(target, self._allowed, self._resolve)
        except InvalidInput as exc:
            return Refused(str(exc))
        except (OSError, UnicodeError) as exc:
            return Unreached(f"the host cannot be found: {exc}")
        body = json.dumps({"id": message.key, **message.payload}, ensure_ascii=False, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": message.key,
            "FS-App-Signature": signature(message.secret, int(now.timestamp()), body),
        }
        try:
            answer = web.request(
                target, addresses[0], "POST", headers, body, context=self._context, total_seconds=self._total
            )
        except ssl.SSLCertVerificationError as exc:
            return Declined(f"the certificate of {target.host} is not good: {exc.verify_message}")
        except (OSError, http.client.HTTPException) as exc:
            return Unreached(f"{target.host} did not answer: {str(exc) or type(exc).__name__}")
        if 200 <= answer.status < 300:
            return Delivered()
        if answer.status == 410:
            return Refused("answered 410: the address is gone")
        if 300 <= answer.status < 400:
            return Declined(f"answered {answer.status}: redirects are not followed, give the final address")
        return Declined(f"answered {answer.status}")


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of the signature header; ``timestamp`` in seconds since 1970 (UTC)."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={signed.hexdigest()}"


def is_signed(header: str, secret: str, body: bytes, timestamp: int, tolerance: int = _TOLERANCE) -> bool:
    """What a receiver does: whether ``header`` signs ``body`` within ``tolerance`` seconds of ``timestamp``."""
    fields = dict(part.partition("=")[::2] for part in header.split(","))
    when = fields.get("t", "")
    if not (when.isascii() and when.isdigit() and len(when) < 13) or abs(int(when) - timestamp) > tolerance:
        return False
    return hmac.compare_digest(
        signature(secret, int(when), body).encode(), f"t={when},v1={fields.get('v1', '')}".encode()
    )
