"""Every section type over SIP: telephones that answer, speak, and press keys by RFC 2833."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from fs_app.domain.enums import AlarmResult, AlarmStatus, IvrEnd, SectionType
from fs_app.domain.survey import Branch, Section
from fs_app.store.models import DncContact, Outbox
from tests.contract.sounds import loud_seconds
from tests.contract.test_sections_contract import ASK, RECORD, ROOM, TRANSFER, booked, kept, whole
from tests.freeswitch.sipp import GATEWAY, SPEECH, callees
from tests.product import Product, running

pytestmark = pytest.mark.freeswitch

NUMBER = "15550100001"


def product_of(tmp_path: Path, *sections: Section) -> AbstractContextManager[Product]:
    address = os.environ.get("FS_APP_TEST_ESL", "")
    if not address:
        pytest.skip("FS_APP_TEST_ESL is unset: nothing was tested against a real FreeSWITCH")
    password = os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon")
    return running(tmp_path, address, password, f"sofia/gateway/{GATEWAY}/", *whole(sections))


def test_keys(tmp_path: Path) -> None:
    """Play message, multi-choice, rating, capture digits, SMS, DNC and hang-up in one call."""
    say = Section(1, SectionType.PLAY_MESSAGE, script="Hello.", branches=(Branch("0", 2),))
    choose = replace(ASK, id=2, order=2, timeout=20, branches=(Branch("1", 3),))
    rate = Section(3, SectionType.RATING, order=3, script="Rate us.", timeout=20, branches=(Branch("any", 4),))
    capture = Section(
        4,
        SectionType.CAPTURE_DIGITS,
        order=4,
        script="Your number and hash.",
        timeout=20,
        number_digits=6,
        results={"45": AlarmResult.CONFIRMED},
        branches=(Branch("any", 5),),
    )
    sms = Section(5, SectionType.SMS, order=5, script="Sent.", sms_text="12 High Street", branches=(Branch("0", 6),))
    dnc = Section(6, SectionType.DNC, order=6, branches=(Branch("0", 9),))
    presses = (1.5, "1"), (1.0, "3"), (1.0, "4"), (0.8, "5"), (0.8, "#")
    with callees(tmp_path, *presses), product_of(tmp_path, say, choose, rate, capture, sms, dnc) as product:
        alarm = product.ring(NUMBER)
        booked(product)
        assert product.answers(alarm) == [
            (2, "1", True, "yes"),
            (3, "3", True, "3"),
            (4, "45", True, "45"),
            (5, "", True, "sent"),
            (6, "", True, "opted out"),
        ]
        assert product.alarm(alarm) == (AlarmStatus.SUCCESS, AlarmResult.CONFIRMED)
        assert product.end(alarm) is IvrEnd.COMPLETED
        with product.store.reading():
            assert [(o.kind, o.destination) for o in Outbox.select()] == [("sms", NUMBER)]
            assert [c.phone_number for c in DncContact.select()] == [NUMBER]


def test_a_spoken_message_ended_by_a_key(tmp_path: Path) -> None:
    with callees(tmp_path, (2.5, SPEECH), (4.0, "#")), product_of(tmp_path, RECORD) as product:
        alarm = product.ring(NUMBER)
        booked(product)
        assert product.answers(alarm) == [(1, "#", True, "recorded")]
        assert loud_seconds(kept(product)) > 1.0


def test_a_transfer_confirmed_and_left_by_keys(tmp_path: Path) -> None:
    """Both legs are telephones that press 1 and later the star: the one confirms, the other leaves."""
    transfer = replace(TRANSFER, phonenumber="15550100002", confirm_script="A patient.", confirm_key="1")
    with callees(tmp_path, (2.5, "1"), (4.0, "*")), product_of(tmp_path, transfer) as product:
        alarm = product.ring(NUMBER)
        booked(product)
        assert product.answers(alarm) == [(1, "", True, "connected")]
        assert product.end(alarm) is IvrEnd.COMPLETED


def test_a_conference_left_by_a_key(tmp_path: Path) -> None:
    with callees(tmp_path, (5.0, "#")), product_of(tmp_path, ROOM) as product:
        alarm = product.ring(NUMBER)
        booked(product)
        assert product.answers(alarm) == [(1, "", True, "joined")]
        assert product.end(alarm) is IvrEnd.COMPLETED
