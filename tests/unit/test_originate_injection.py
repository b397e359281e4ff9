"""Nothing that a person wrote about an appointment can reach the line that is sent to the switch."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from fs_app.domain.alarms import Dial
from fs_app.errors import InvalidInput
from fs_app.switch.dialstring import originate_command
from scheduler import plan
from tests.unit.test_plan import DUE, NOW, SETTING, SETTINGS, UUID

HOSTILE = st.text(max_size=40) | st.sampled_from(
    [
        "${system rm}",
        "x &system(reboot)",
        "x,loopback/9",
        "x|sofia/gateway/premium/1900",
        "x]{api_on_answer=status}",
        "x'\n\nbgapi shutdown",
        "x%0AUnique-ID: y",
        "@attacker.example",
    ]
)
PLAIN = plan.decide(DUE, UUID, NOW, SETTINGS)
assert isinstance(PLAIN, Dial)
LINE = originate_command(PLAIN.request)


@given(title=HOSTILE, data=st.dictionaries(HOSTILE, HOSTILE, max_size=4), language=HOSTILE)
@example(title="${x}", data={"name": "a' &system(x)"}, language="|")
def test_event_title_data_and_language_never_touch_the_line(title: str, data: dict[str, str], language: str) -> None:
    decision = plan.decide(replace(DUE, event_title=title, data=data, language=language), UUID, NOW, SETTINGS)
    assert isinstance(decision, Dial)
    assert originate_command(decision.request) == LINE


@given(number=HOSTILE, name=HOSTILE, callerid=HOSTILE)
def test_a_hostile_number_or_name_is_refused_or_stays_in_its_place(number: str, name: str, callerid: str) -> None:
    setting = replace(SETTING, caller_name=name, callerid=callerid)
    decision = plan.decide(replace(DUE, phone_number=number, setting=setting), UUID, NOW, SETTINGS)
    if not isinstance(decision, Dial):
        return
    try:
        line = originate_command(decision.request)
    except InvalidInput:
        return
    assert line.count(" &") == 1
    assert line.endswith(f"sofia/gateway/provider/{decision.request.number} &socket('127.0.0.1:8084 async full')")
    assert "\n" not in line
    assert "${" not in line
