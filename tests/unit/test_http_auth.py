"""Signing in: how often the slow hash is computed, and for whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher

from fs_app import passwords
from fs_app.domain.enums import Role
from fs_app.errors import InvalidInput
from fs_app.passwords import hash_password, verify_nobody, verify_password
from fs_app.store.database import Store
from fs_app.store.models import User
from httpapi import origin
from httpapi.auth import REMEMBER_SECONDS, Authenticator, permits
from httpapi.errors import ApiError
from httpapi.guard import ADDRESS, HASHES_AT_ONCE, USERNAME, network_of
from httpapi.live import LiveFeed
from httpapi.services import Services
from httpapi.web import Request
from tests.rest_client import NOW, TestClock, basic, hashed


class Counting(Authenticator):
    """Counts what is slow instead of timing it."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.verified = 0

    def verify(self, stored: str | None, password: str) -> bool:
        self.verified += 1
        return super().verify(stored, password)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def authenticator(tmp_path: Path, clock: TestClock) -> Iterator[Counting]:
    store = Store(f"sqlite:///{tmp_path}/auth.sqlite3")
    store.migrate()
    with store.transaction():
        User.create(username="ann", password=hashed("secret"), role=Role.MANAGER.value, created_date=NOW)
    yield Counting(Services(store, clock, ZoneInfo("UTC"), lambda: None, dict, LiveFeed(store)))
    store.close()


def request(credentials: str, client: str = "192.0.2.1") -> Request:
    return Request("GET", "/", "", "http", "x", client, "", credentials, b"", dict)


def sign_in(
    authenticator: Authenticator, user: str = "ann", password: str = "secret", client: str = "192.0.2.1"
) -> int:
    """200, or the status of the refusal."""
    try:
        authenticator.caller(request(basic(user, password), client))
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


def test_strangers_who_invent_user_names_are_counted_by_their_address(
    authenticator: Counting, clock: TestClock
) -> None:
    assert sign_in(authenticator) == 200
    told = [sign_in(authenticator, user=f"invented{n}") for n in range(60)]
    assert told == [401] * ADDRESS.failures + [429] * (60 - ADDRESS.failures)
    assert authenticator.verified == 1 + ADDRESS.failures
    assert sign_in(authenticator) == 200  # whose password is known is not shut out by them
    assert sign_in(authenticator, user="ann", password="wrong", client="192.0.2.9") == 401
    clock.advance(ADDRESS.seconds + 1)
    assert sign_in(authenticator, user="invented") == 401


def test_guesses_at_one_user_from_everywhere_are_counted(authenticator: Counting, clock: TestClock) -> None:
    told = [sign_in(authenticator, password="wrong", client=f"192.0.2.{n % 200}") for n in range(USERNAME.failures + 1)]
    assert told == [401] * USERNAME.failures + [429]
    assert sign_in(authenticator, user="nobody", client="198.51.100.1") == 401
    clock.advance(USERNAME.seconds + 1)
    assert sign_in(authenticator) == 200


def test_a_flood_of_wrong_passwords_leaves_threads_for_everybody_else(tmp_path: Path, clock: TestClock) -> None:
    store = Store(f"sqlite:///{tmp_path}/flood.sqlite3")
    store.migrate()
    hashing, go_on = threading.Semaphore(0), threading.Event()

    class Slow(Authenticator):
        def verify(self, stored: str | None, password: str) -> bool:
            hashing.release()
            return go_on.wait(30) and False

    slow = Slow(Services(store, clock, ZoneInfo("UTC"), lambda: None, dict, LiveFeed(store)))
    threads = [
        threading.Thread(target=sign_in, args=(slow, f"user{n}", "x", f"192.0.2.{n}")) for n in range(HASHES_AT_ONCE)
    ]
    for thread in threads:
        thread.start()
        hashing.acquire()
    assert sign_in(slow, user="one more", client="198.51.100.1") == 429
    go_on.set()
    for thread in threads:
        thread.join()
    assert sign_in(slow, user="one more", client="198.51.100.1") == 401
    store.close()


@pytest.mark.parametrize(
    ("client", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not an address", "not an address"),
    ],
)
def test_what_counts_as_one_place(client: str, place: str) -> None:
    assert network_of(client) == place


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client"),
    [
        ("10.0.0.1", "192.0.2.1", [], "10.0.0.1"),
        ("10.0.0.1", "", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", ["10.0.0.0/8"], "192.0.2.1"),
        ("10.0.0.1", "1.2.3.4, 192.0.2.1, 10.0.0.9", ["10.0.0.0/8"], "192.0.2.1"),
        ("192.0.2.7", "1.2.3.4", ["10.0.0.0/8"], "192.0.2.7"),
    ],
)
def test_the_address_behind_our_own_proxies(peer: str, forwarded: str, proxies: list[str], client: str) -> None:
    asked = replace(request("", peer), headers={"x-forwarded-for": forwarded} if forwarded else {})
    assert origin.client(asked, [ip_network(text) for text in proxies]) == client


@pytest.mark.parametrize(
    ("scope", "method", "path", "allowed"),
    [
        ("write", "DELETE", "alarm", True),
        ("read", "GET", "alarm", True),
        ("read", "PATCH", "alarm", False),
        ("read:alarm", "GET", "event", False),
        ("read:alarm write:event", "POST", "event", True),
        ("read:alarm write:event", "GET", "event", True),
        ("write:event", "POST", "alarm", False),
        ("", "GET", "alarm", False),
    ],
)
def test_what_a_scope_allows(scope: str, method: str, path: str, allowed: bool) -> None:
    assert permits(scope, method, path) is allowed


@pytest.mark.parametrize("credentials", ["", "Basic", "Basic eA==", "Basic ****", "Basic /w==", "Bearer", "Digest a"])
def test_what_is_no_credential(authenticator: Counting, credentials: str) -> None:
    with pytest.raises(ApiError) as refused:
        authenticator.caller(request(credentials))
    assert refused.value.status == 401
    assert "Basic realm=" in refused.value.headers["WWW-Authenticate"]


def test_hashes_are_argon2id_with_a_salt_each(product_hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", product_hasher)
    one, two = hash_password("secret"), hash_password("secret")
    assert "m=65536,t=3,p=4" in one
    assert one != two
    assert one.startswith("$argon2id$")
    assert verify_password(one, "secret")
    assert verify_password(two, "secret")
    assert not verify_password(one, "Secret")
    assert not verify_password("-", "secret")
    for bad in ("abc", "x" * 257, "tab\there"):
        with pytest.raises(InvalidInput):
            hash_password(bad)
