"""Signing in: how often the slow hash is computed, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.enums import Role
from fs_app.errors import InvalidInput
from fs_app.passwords import hash_password, verify_nobody, verify_password
from fs_app.store.database import Store
from fs_app.store.models import User
from httpapi.auth import REMEMBER_SECONDS, Authenticator
from httpapi.errors import ApiError
from httpapi.services import Services
from httpapi.web import Request
from tests.rest_client import NOW, TestClock, basic, hashed


class Counting(Authenticator):
    """Counts what is slow instead of timing it."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.verified = 0

    def _note(self, *arguments: Any) -> None:
        self.verified += 1
        super()._note(*arguments)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def authenticator(tmp_path: Path, clock: TestClock) -> Iterator[Counting]:
    store = Store(f"sqlite:///{tmp_path}/auth.sqlite3")
    store.migrate()
    with store.transaction():
        User.create(username="ann", password=hashed("secret"), role=Role.MANAGER.value, created_date=NOW)
    yield Counting(Services(store, clock, ZoneInfo("UTC"), lambda: None, dict))
    store.close()


def request(credentials: str, client: str = "192.0.2.1") -> Request:
    return Request("GET", "/", "", "http", "x", client, "", credentials, b"", dict)


def sign_in(
    authenticator: Authenticator, user: str = "ann", password: str = "secret", client: str = "192.0.2.1"
) -> int:
    """200, or the status of the refusal."""
    try:
        authenticator.user(request(basic(user, password), client))
    except ApiError as exc:
        return exc.status
    return 200


def test_a_right_password_is_hashed_once_and_forgotten_in_time(authenticator: Counting, clock: TestClock) -> None:
    assert [sign_in(authenticator) for _ in range(5)] == [200] * 5
    assert authenticator.verified == 1
    clock.advance(REMEMBER_SECONDS)
    assert sign_in(authenticator) == 200
    assert authenticator.verified == 2


def test_a_wrong_password_is_never_remembered(authenticator: Counting) -> None:
    assert [sign_in(authenticator, password="wrong") for _ in range(3)] == [401] * 3
    assert authenticator.verified == 3
    assert sign_in(authenticator) == 200


def test_an_unknown_user_costs_as_much_as_a_known_one(authenticator: Counting) -> None:
    assert sign_in(authenticator, user="nobody") == 401
    assert authenticator.verified == 1
    assert not verify_nobody("nobody signs in with this")


def test_what_was_remembered_ends_with_the_stored_hash(authenticator: Counting) -> None:
    assert sign_in(authenticator) == 200
    User.update(password=hashed("other")).execute()
    assert sign_in(authenticator) == 401
    User.update(password=hashed("secret"), is_active=False).execute()
    assert sign_in(authenticator) == 401


def test_guesses_are_counted_for_each_user_and_address(authenticator: Counting, clock: TestClock) -> None:
    assert [sign_in(authenticator, password="wrong") for _ in range(11)] == [401] * 10 + [429]
    assert sign_in(authenticator) == 429  # not remembered yet: the right one must wait, too
    assert authenticator.verified == 10
    assert sign_in(authenticator, client="192.0.2.2") == 200
    assert sign_in(authenticator) == 200  # the password is known now, wherever it comes from
    clock.advance(61)
    assert sign_in(authenticator, password="wrong") == 401


@pytest.mark.parametrize("credentials", ["", "Basic", "Basic eA==", "Basic ****", "Basic /w==", "Bearer", "Digest a"])
def test_what_is_no_credential(authenticator: Counting, credentials: str) -> None:
    with pytest.raises(ApiError) as refused:
        authenticator.user(request(credentials))
    assert refused.value.status == 401
    assert "Basic realm=" in refused.value.headers["WWW-Authenticate"]


def test_hashes_are_argon2id_with_a_salt_each() -> None:
    one, two = hashed("secret"), hash_password("secret")
    assert one != two
    assert one.startswith("$argon2id$")
    assert verify_password(one, "secret")
    assert verify_password(two, "secret")
    assert not verify_password(one, "Secret")
    assert not verify_password("-", "secret")
    for bad in ("abc", "x" * 257, "tab\there"):
        with pytest.raises(InvalidInput):
            hash_password(bad)
