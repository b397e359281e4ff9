"""A year of reminders on a virtual clock, and the counts after it: see year.py, and docs/architecture.md."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fs_app.store.database import Store
from tests.simulation.year import Size, simulate

SOAK = int(os.environ.get("FS_APP_TEST_SOAK", "0"))


def told(counts: object) -> None:
    print(counts)


@pytest.mark.timeout(600)
def test_a_year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"sqlite:///{tmp_path}/year.sqlite3")
    store.db.pragma("synchronous", "off", permanent=True)  # type: ignore[attr-defined]  # nobody pulls the plug here
    store.migrate()
    counts = simulate(store, Size(days=365, single=300, series=9, burst=160), 20_260_101, monkeypatch)
    told(counts)
    assert counts.alarms >= 900
    assert counts.faults.keys() >= {"process killed", "lost socket", "switch died"}
    assert counts.peaks["calls per second"] >= 8
    store.close()


@pytest.mark.timeout(600)
def test_a_month_on_postgresql(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(postgres_url)
    store.migrate()
    told(simulate(store, Size(days=30, single=30, series=4, burst=40), 7, monkeypatch))
    store.close()


@pytest.mark.skipif(not SOAK, reason="`make soak` runs it: FS_APP_TEST_SOAK is how many years")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(SOAK))
def test_soak(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"sqlite:///{tmp_path}/soak.sqlite3")
    store.db.pragma("synchronous", "off", permanent=True)  # type: ignore[attr-defined]
    store.migrate()
    told(simulate(store, Size(days=365, single=3_000, series=110, burst=1_300), seed, monkeypatch))
    store.close()
