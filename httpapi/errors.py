"""Answers that are not successes, raised from anywhere below the dispatcher."""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, list[str]]


class ApiError(Exception):
    """Ends the request with ``status`` and ``body`` as JSON."""

    def __init__(self, status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def bad_request(detail: str) -> ApiError:
    return ApiError(400, {"detail": detail})


def bad_fields(fields: Fields) -> ApiError:
    """400, each field with what is wrong and what would be right."""
    return ApiError(400, dict(fields))


def not_found(what: str = "") -> ApiError:
    """404, for what does not exist and for what belongs to somebody else: the two look alike."""
    return ApiError(404, {"detail": what or "nothing here: it does not exist, or it is not yours"})


def forbidden(detail: str) -> ApiError:
    return ApiError(403, {"detail": detail})


def conflict(detail: str, **more: object) -> ApiError:
    return ApiError(409, {"detail": detail, **more})


class Errors:
    """Collects what is wrong with each field, so that a sender hears of everything at once."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self.fields)

    def add(self, field: str, message: str) -> None:
        self.fields.setdefault(field, []).append(message)

    def raise_any(self) -> None:
        """Raises the 400 when there is anything to say."""
        if self.fields:
            raise bad_fields(self.fields)
