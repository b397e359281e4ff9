"""Every section type from a due alarm to its record: on the built-in switch and on a real one, the same tests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

import scheduler.following
from fs_app.clock import SystemClock
from fs_app.domain.enums import AlarmResult, AlarmStatus, IvrEnd, SectionType
from fs_app.domain.lint import lint
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.simulator import Simulator
from fs_app.store.models import AudioBlob, DncContact, Outbox, SurveyAnswer
from tests.contract.conftest import CALLEES
from tests.contract.sounds import loud_seconds, seconds
from tests.product import GOODBYE, PATIENCE, Product, running

SILENT, TALKER, TALKS_ONCE = "2103", "2105", "2104"  # callees; 2101 and 2102 are rung in transfers
NOBODY = "2999"
GATEWAY = "loopback/{number}/fs_app_parties"
BOTH = (Branch("0", 9), Branch("timeout", 8))
SORRY = Section(8, SectionType.HANGUP, order=8, script="We will try again.")
ASK = Section(1, SectionType.MULTI_CHOICE, script="Press 1.", keys={"1": "yes"}, branches=(Branch("1", 2),))
RECORD = Section(1, SectionType.RECORD_MESSAGE, script="Speak.", record_seconds=30, branches=BOTH)
TRANSFER = Section(1, SectionType.CALL_TRANSFER, script="Please hold.", phonenumber="2101", branches=BOTH)
ROOM = Section(1, SectionType.CONFERENCE, script="Hash leaves.", conference="room", branches=BOTH)

Run = Callable[..., AbstractContextManager[Product]]


@pytest.fixture(params=["simulator", pytest.param("freeswitch", marks=pytest.mark.freeswitch)])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    if request.param == "freeswitch":
        address = os.environ.get("FS_APP_TEST_ESL", "")
        if not address:
            pytest.skip("FS_APP_TEST_ESL is unset: nothing was tested against a real FreeSWITCH")
        password = os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon")
        yield lambda *sections, **more: running(tmp_path, address, password, GATEWAY, *whole(sections), **more)
        return
    with Simulator(clock=SystemClock(), callees=CALLEES, gateways=[], password="secret") as simulator:
        address = f"127.0.0.1:{simulator.port}"
        yield lambda *sections, **more: running(tmp_path, address, "secret", GATEWAY, *whole(sections), **more)


def whole(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """With the ends that the sections lead to; a survey that could be sealed."""
    aims = {branch.goto for section in sections for branch in section.branches}
    survey = (*sections, *(end for end in (SORRY, GOODBYE) if end.id in aims))
    assert [f for f in lint(Survey("s", survey)) if f.severity == "error"] == []
    return survey


def booked(product: Product, status: str = "SUCCESS") -> None:
    product.until("booked", status=status)
    assert product.recordings() == []


def test_message_choice_rating_and_hang_up(run: Run) -> None:
    say = Section(1, SectionType.PLAY_MESSAGE, script="Hello.", branches=(Branch("0", 2),))
    choose = replace(ASK, id=2, order=2, branches=(Branch("1", 3),))
    rate = Section(3, SectionType.RATING, order=3, script="Rate us.", rating_laps=12, branches=(Branch("any", 9),))
    with run(say, choose, rate) as product:
        alarm = product.ring(SILENT)
        call = product.until("survey starts")
        product.press(call, "1")  # during the greeting: it answers the question after it
        product.until("key", digits="1")
        product.press(call, "2#")
        booked(product)
        assert product.answers(alarm) == [(2, "1", True, "yes"), (3, "2", True, "2")]
        assert product.alarm(alarm) == (AlarmStatus.SUCCESS, AlarmResult.CANCELLED)
        assert product.end(alarm) is IvrEnd.COMPLETED


def test_capture_digits(run: Run) -> None:
    capture = Section(
        1,
        SectionType.CAPTURE_DIGITS,
        script="Your number and hash.",
        retries=1,
        number_digits=6,
        validate_number=True,
        min_number=1000,
        max_number=5000,
        results={"4711": AlarmResult.CONFIRMED},
        branches=(Branch("any", 9), Branch("invalid", 8), Branch("timeout", 8)),
    )
    with run(capture) as product:
        alarm = product.ring(SILENT)
        call = product.until("survey starts")
        product.press(call, "77#")
        product.until("key", digits="77")
        product.press(call, "4711#")
        booked(product)
        assert product.answers(alarm) == [(1, "77", False, ""), (1, "4711", True, "4711")]
        assert product.alarm(alarm) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED)


def kept(product: Product) -> Path:
    """The one recording on record, as a file."""
    with product.store.reading():
        (answer,) = SurveyAnswer.select().where(SurveyAnswer.recording.is_null(False))
        blob = AudioBlob.get_by_id(answer.recording_id)
        path = product.sounds.parent / "kept.wav"
        path.write_bytes(bytes(blob.content))
        assert abs(seconds(path) - answer.recording_seconds) <= 1
        return path


@pytest.mark.parametrize("ending", ["key", "limit", "hang up"])
def test_record_message(run: Run, ending: str) -> None:
    with run(replace(RECORD, record_seconds=2 if ending == "limit" else 30)) as product:
        alarm = product.ring(TALKER)
        call = product.until("survey starts")
        if ending != "limit":
            product.ask_until(lambda: bool(product.recordings()))
            gevent.sleep(1.2)  # so long the callee talks
        if ending == "key":
            product.press(call, "#")
        elif ending == "hang up":
            assert product.switch.hangup(call, "NORMAL_CLEARING")
        booked(product)
        assert product.answers(alarm) == [(1, "#" if ending == "key" else "", True, "recorded")]
        assert product.end(alarm) is (IvrEnd.HANGUP if ending == "hang up" else IvrEnd.COMPLETED)
        assert loud_seconds(kept(product)) > 0.8


def test_a_recording_of_nothing(run: Run) -> None:
    with run(replace(RECORD, record_silence=1, retries=1)) as product:
        alarm = product.ring(SILENT)
        booked(product)
        assert product.answers(alarm) == [(1, "", False, "")]
        assert product.end(alarm) is IvrEnd.COMPLETED


@pytest.mark.parametrize("confirmed", [False, True])
def test_call_transfer(run: Run, confirmed: bool) -> None:
    transfer = replace(TRANSFER, phonenumber="2102", confirm_script="A patient.", confirm_key="1")
    with run(transfer if confirmed else TRANSFER) as product:
        alarm = product.ring(SILENT)
        booked(product)
        assert product.answers(alarm) == [(1, "", True, "connected")]
        assert product.end(alarm) is IvrEnd.COMPLETED


def test_nobody_takes_the_transfer(run: Run) -> None:
    with run(replace(TRANSFER, phonenumber=NOBODY)) as product:
        alarm = product.ring(SILENT)
        booked(product)
        assert product.answers(alarm) == [(1, "", False, "failed")]
        assert product.end(alarm) is IvrEnd.COMPLETED
        said = [str(details["words"]) for _, what, _, details in product.told if what == "words"]
        assert said[-2:] == ["Sorry, nobody can take your call at the moment.", "We will try again."]


def connected(product: Product, call: str) -> None:
    product.ask_until(lambda: product.switch.api(f"uuid_getvar {call} bridge_uuid").strip() != "_undef_")


@pytest.mark.parametrize("how", ["leave key", "hang up"])
def test_the_callee_ends_a_transfer(run: Run, how: str) -> None:
    with run(replace(TRANSFER, phonenumber="2105")) as product:
        alarm = product.ring(SILENT)
        call = product.until("survey starts")
        connected(product, call)
        gevent.sleep(0.6)
        if how == "leave key":
            product.press(call, "*")
        else:
            assert product.switch.hangup(call, "NORMAL_CLEARING")
        booked(product)
        assert product.answers(alarm) == [(1, "", True, "connected")]
        assert product.end(alarm) is (IvrEnd.COMPLETED if how == "leave key" else IvrEnd.HANGUP)


def test_the_event_names_whom_to_transfer_to(run: Run) -> None:
    with run(replace(TRANSFER, phonenumber=NOBODY)) as product:
        alarm = product.ring(SILENT, event={"data": {"transfer_phonenumber": "2101"}})
        booked(product)
        assert product.answers(alarm) == [(1, "", True, "connected")]


def test_a_rescheduled_result_transfers(run: Run) -> None:
    rate = Section(1, SectionType.RATING, script="Rate us.", branches=(Branch("any", 9),))
    with run(rate) as product:
        alarm = product.ring(SILENT, phonenumber_transfer="2101")
        product.press(product.until("survey starts"), "3")
        booked(product)
        assert product.answers(alarm) == [(1, "3", True, "3"), (1, "", True, "connected")]
        assert product.alarm(alarm) == (AlarmStatus.SUCCESS, AlarmResult.RESCHEDULED)


@pytest.mark.parametrize("how", ["leave key", "hang up"])
def test_conference(run: Run, how: str) -> None:
    with run(ROOM) as product:
        alarm = product.ring(SILENT)
        call = product.until("survey starts")
        room = f"fs-app-{product.rows.manager.id}-room"
        product.ask_until(lambda: product.switch.api(f"conference {room} list count").strip() == "1")
        gevent.sleep(0.6)
        if how == "leave key":
            product.press(call, "#")
        else:
            assert product.switch.hangup(call, "NORMAL_CLEARING")
        booked(product)
        assert product.answers(alarm) == [(1, "", True, "joined")]
        assert product.end(alarm) is (IvrEnd.COMPLETED if how == "leave key" else IvrEnd.HANGUP)


@pytest.mark.parametrize("hang_up", [False, True])
def test_do_not_call(run: Run, hang_up: bool) -> None:
    with run(ASK, Section(2, SectionType.DNC, order=2)) as product:
        alarm = product.ring(SILENT)
        call = product.until("survey starts")
        product.press(call, "1")
        product.until("key", digits="1")
        if hang_up:
            product.switch.hangup(call, "NORMAL_CLEARING")
        booked(product)
        assert product.answers(alarm) == [(1, "1", True, "yes"), (2, "", True, "opted out")]
        with product.store.reading():
            assert [c.phone_number for c in DncContact.select()] == [SILENT]
        again = product.ring(SILENT)
        with gevent.Timeout(PATIENCE):
            while product.alarm(again)[0] is AlarmStatus.PENDING:
                gevent.sleep(0.05)
        assert product.alarm(again)[0] is AlarmStatus.FAILURE


@pytest.mark.parametrize("number", ["", "+1 (555) 010-7777"])
def test_sms(run: Run, number: str) -> None:
    sms = Section(2, SectionType.SMS, order=2, script="It is sent.", sms_text="Dear {name}: 12 High Street.")
    with run(ASK, sms) as product:
        data: dict[str, Any] = {"name": "Jo", **({"sms_phonenumber": number} if number else {})}
        alarm = product.ring(SILENT, event={"data": data})
        product.press(product.until("survey starts"), "1")
        booked(product)
        assert product.answers(alarm) == [(1, "1", True, "yes"), (2, "", True, "sent")]
        with product.store.reading():
            (row,) = Outbox.select()
            assert (row.kind, row.destination) == ("sms", "+15550107777" if number else SILENT)
            assert json.loads(json.dumps(row.payload))["text"] == "Dear Jo: 12 High Street."


def test_a_hang_up_in_the_middle_of_the_words(run: Run) -> None:
    say = Section(1, SectionType.PLAY_MESSAGE, script="Hello.", branches=(Branch("0", 1), Branch("timeout", 9)))
    with run(replace(say, branches=(Branch("0", 9),))) as product:
        alarm = product.ring(SILENT)
        assert product.switch.hangup(product.until("survey starts"), "NORMAL_CLEARING")
        booked(product)
        assert product.answers(alarm) == []


def test_a_callee_whom_nobody_holds_is_not_left_in_silence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was to run the survey died as the call came: the switch keeps it up, held by nobody."""
    monkeypatch.setattr(scheduler.following, "SURVEY_PATIENCE", 2.0)
    dying = StreamServer(("127.0.0.1", 0), lambda sock, _address: sock.close())
    dying.start()
    with run(GOODBYE, outbound_advertise=f"127.0.0.1:{dying.server_port}") as product:
        alarm = product.ring(SILENT, maxretry=0)
        call = product.until("answered")
        assert product.until("booked", reason="answered, but the survey did not start") == call
        assert product.switch.api(f"uuid_exists {call}").strip() == "false"
        assert product.call(alarm).duration < 10  # of 60
    dying.stop()
