from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.freeswitch.real import Calls


@pytest.fixture
def calls() -> Iterator[Calls]:
    found = Calls()
    yield found
    found.close()
