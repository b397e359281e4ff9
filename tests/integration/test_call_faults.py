"""What can go wrong in a call, with everything real but the telephone: other calls notice nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import pytest

from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus, IvrEnd, SectionType
from fs_app.domain.survey import Branch, Section
from fs_app.errors import StoreUnavailable
from fs_app.simulator import Callee, Press, Simulator
from fs_app.store.journal import CallJournal
from tests.product import PATIENCE, Product, running

RATE = Section(1, SectionType.RATING, script="Rate us.", timeout=2, branches=(Branch("any", 2),))
THANKS = Section(2, SectionType.HANGUP, order=2, script="Thank you.", completed=True)
HAMMERING = "15550000100"  # 100 keys a second
SILENT, OTHER = "15550000001", "15550000002"
CALLEES = {
    HAMMERING: Callee(ring=0, actions=tuple(Press(str(n % 10), at=0.5 + n / 100) for n in range(300))),
    SILENT: Callee(ring=0),
    OTHER: Callee(ring=0, actions=(Press("7", at=1.0),)),
}

Run = Callable[..., AbstractContextManager[Product]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Simulator(clock=SystemClock(), callees=CALLEES, gateways=["test"], password="secret") as simulator:
        address = f"127.0.0.1:{simulator.port}"
        yield lambda *sections: running(tmp_path, address, "secret", "sofia/gateway/test/", *sections)


def words(product: Product) -> list[object]:
    return [said["words"] for _, what, _, said in product.told if what == "words"]


def test_100_keys_a_second(run: Run) -> None:
    """Each answers one question, in its order; another call, meanwhile, has its own."""
    keys = {str(digit): "key" for digit in range(10)}
    ask = Section(1, SectionType.MULTI_CHOICE, script="Press a key.", keys=keys, timeout=2)
    asks = [replace(ask, id=n, order=n, branches=(Branch("any", n + 1),)) for n in range(1, 41)]
    with run(*asks, replace(THANKS, id=41, order=41)) as product:
        alarm, other = product.ring(HAMMERING), product.ring(OTHER)
        with gevent.Timeout(PATIENCE):
            while {product.alarm(one)[0] for one in (alarm, other)} != {AlarmStatus.SUCCESS}:
                gevent.sleep(0.05)
        taken = [(section, digits) for section, digits, _, _ in product.answers(alarm)]
        assert taken == [(n, str((n - 1) % 10)) for n in range(1, 41)]
        assert product.end(alarm) is IvrEnd.COMPLETED
        assert [digits for _, digits, _, _ in product.answers(other)][:2] == ["7", ""]


def test_a_silent_callee(run: Run) -> None:
    with run(replace(RATE, retries=1, timeout=1), THANKS) as product:
        alarm = product.ring(SILENT)
        product.until("booked", status="SUCCESS")
        assert product.answers(alarm) == [(1, "", False, "")]
        assert words(product)[-2:] == ["Rate us.", "Rate us."]
        assert product.end(alarm) is IvrEnd.COMPLETED


def test_a_missing_audio_file(run: Run) -> None:
    with run(replace(RATE, branches=(Branch("any", 2),)), replace(THANKS, audio="ab" * 32)) as product:
        alarm = product.ring(SILENT)
        product.press(product.until("survey starts"), "2")
        product.until("booked", status="SUCCESS")  # the key counts, whatever broke behind it
        call = product.call(alarm)
        assert product.alarm(alarm) == (AlarmStatus.SUCCESS, AlarmResult.CANCELLED)
        assert IvrEnd(call.ivr_end) is IvrEnd.ERROR
        assert "ab" * 32 in call.reason


def test_500_sections(run: Run) -> None:
    quiet = [
        Section(n, SectionType.PLAY_MESSAGE, order=n, script="{nothing}", branches=(Branch("0", n + 1),))
        for n in range(1, 500)
    ]
    with run(replace(RATE, id=500, order=500, branches=()), *quiet) as product:
        alarm = product.ring(SILENT)
        product.press(product.until("survey starts"), "1")
        product.until("booked", status="SUCCESS")
        assert product.alarm(alarm) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED)


def test_a_loop(run: Run) -> None:
    one = Section(1, SectionType.PLAY_MESSAGE, script="{nothing}", branches=(Branch("0", 2),))
    with run(one, replace(one, id=2, branches=(Branch("0", 1),))) as product:
        alarm = product.ring(SILENT)
        product.until("booked")
        call = product.call(alarm)
        assert IvrEnd(call.ivr_end) is IvrEnd.ERROR
        assert "without an end" in call.reason


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_database_that_goes_away_as_a_key_is_pressed(
    run: Run, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """The callee hears the apology; the key is on record once the database is back, and nobody is rung again."""
    away: list[bool] = []
    working: dict[str, Callable[..., Any]] = {name: getattr(CallJournal, name) for name in ("save_answer", "ended")}

    def broken(name: str) -> Callable[..., Any]:
        def call(self: CallJournal, *arguments: Any) -> Any:
            if name == "save_answer" and not away:
                away.append(True)
            if away == [True]:
                raise StoreUnavailable("the database does not answer")
            return working[name](self, *arguments)

        return call

    for name in working:
        monkeypatch.setattr(CallJournal, name, broken(name))
    with run(RATE, THANKS) as product:
        alarm = product.ring(SILENT, maxretry=3)
        product.press(product.until("survey starts"), "2")
        with gevent.Timeout(20):
            while not away:
                gevent.sleep(0.01)
        gevent.sleep(seconds)
        away.append(False)
        product.until("booked", status="SUCCESS")
        assert product.answers(alarm) == [(1, "2", True, "2")]
        assert product.alarm(alarm) == (AlarmStatus.SUCCESS, AlarmResult.CANCELLED)
        assert product.end(alarm) is IvrEnd.ERROR
        assert len([1 for _, what, _, _ in product.told if what == "originate"]) == 1
