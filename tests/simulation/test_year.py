"""A year of reminders on a virtual clock, and the counts after it: see year.py, and docs/architecture.md."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fs_app.store.database import Store
from tests.simulation.year import Size, simulate

SOAK = int(os.environ.get("FS_APP_TEST_SOAK", "0"))
QUARTER = Size(days=365, single=770, series=28, burst=330)  # of the year's 10,000 alarms


def told(counts: object) -> None:
    print(counts)


@pytest.fixture
def quick_store(tmp_path: Path) -> Iterator[Store]:
    """Processes die here, but nobody pulls the plug."""
    store = Store(f"sqlite:///{tmp_path}/year.sqlite3")
    store.db.pragma("synchronous", "off", permanent=True)  # type: ignore[attr-defined]
    store.migrate()
    yield store
    store.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("seed", "processes"), [(20_260_101, 2), (20_260_102, 3), (20_260_103, 2), (20_260_104, 4)])
def test_a_year(seed: int, processes: int, quick_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four worlds of a year, 10,000 alarms together, so that every core has something to do."""
    counts = simulate(quick_store, QUARTER, seed, monkeypatch, processes)
    told(counts)
    assert counts.alarms >= 2_500
    assert counts.faults.keys() >= {
        "process killed",
        "lost socket",
        "switch died",
        "slow",
        "unconfirmed",
        "silence ended",
    }
    assert counts.peaks["calls per second"] >= 8


@pytest.mark.timeout(600)
def test_a_month_on_postgresql(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(postgres_url)
    store.migrate()
    told(simulate(store, Size(days=30, single=30, series=4, burst=40), 7, monkeypatch))
    store.close()


@pytest.mark.skipif(not SOAK, reason="`make soak` runs it: FS_APP_TEST_SOAK is how many years")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(SOAK))
def test_soak(seed: int, quick_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    told(simulate(quick_store, Size(days=365, single=3_000, series=110, burst=1_300), seed, monkeypatch, 3))
