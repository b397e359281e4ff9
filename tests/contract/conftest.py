"""The product's own channel on the built-in switch and, where there is one, on a real FreeSWITCH.

The real one needs ``FS_APP_TEST_ESL`` and the contexts ``callees`` and ``fs_app_parties`` of
tests/freeswitch/fs_app_parties.xml; CALLEES below behave the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fs_app.clock import SystemClock
from fs_app.simulator import Callee, HangUp, Press, Simulator, Talk
from tests.freeswitch.real import Calls

CALLEES = {
    "1009": Callee(ring=0),
    "1011": Callee(ring=0, answer=False, cause="USER_BUSY"),
    "1012": Callee(ring=0.02, answer=False),
    "1013": Callee(ring=0, answer=False, cause="CALL_REJECTED"),
    "1014": Callee(ring=0, answer=False, cause="UNALLOCATED_NUMBER"),
    "2101": Callee(ring=0, actions=(Talk(at=0, seconds=1), HangUp(at=1))),
    "2102": Callee(ring=0, actions=(Press("1", at=1.5), HangUp(at=3))),
    "2103": Callee(ring=1),
    "2104": Callee(ring=0, actions=(Talk(at=0, seconds=1),)),
    "2105": Callee(ring=0, actions=(Talk(at=0, seconds=100),)),
    "2999": Callee(ring=0, answer=False, cause="NO_ROUTE_DESTINATION"),
}


@pytest.fixture(params=["simulator", pytest.param("freeswitch", marks=pytest.mark.freeswitch)])
def calls(request: pytest.FixtureRequest) -> Iterator[Calls]:
    if request.param == "freeswitch":
        real = Calls()
        yield real
        real.close()
        return
    with Simulator(clock=SystemClock(), callees=CALLEES, gateways=[], password="secret") as simulator:
        built_in = Calls(f"127.0.0.1:{simulator.port}", "secret")
        yield built_in
        built_in.close()
