"""Dial, fail or wait: what is decided about a due alarm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from fs_app.domain.alarms import Dial, DueAlarm, Fail, GatewayFacts, MailWords, RetryPolicy, Send, SettingFacts, Wait
from fs_app.domain.enums import AlarmMethod, EventStatus
from scheduler import plan

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
UUID = "7d44b455-139d-4f12-af39-5008c7879c4d"
SETTINGS = plan.PlanSettings("127.0.0.1:8084", 300)
GATEWAY = GatewayFacts(7, "provider", True, "sofia/gateway/provider/", codecs="PCMU, PCMA")
SETTING = SettingFacts("15550100", "Dr. Adams", 45, 3, GATEWAY)
POLICY = RetryPolicy(0, 0, time(0, 0), time(23, 59, 59), ZoneInfo("Europe/Paris"), NOW + timedelta(hours=4))
DUE = DueAlarm(
    alarm_id=1,
    phone_number="+15550199",
    num_attempt=0,
    policy=POLICY,
    event_title="Check-up",
    event_start=NOW + timedelta(hours=3),
    event_status=EventStatus.PENDING,
    data={"name": "Jo", "floor": 3},
    setting=SETTING,
    survey_id=3,
    language="fr",
    calendar_user="Dr. Adams",
)


def test_a_due_alarm_is_dialled_as_its_setting_says() -> None:
    decision = plan.decide(DUE, UUID, NOW, SETTINGS)
    assert isinstance(decision, Dial)
    request = decision.request
    assert request.call_uuid == UUID
    assert request.number == "+15550199"
    assert request.gateway == "sofia/gateway/provider/"
    assert (request.caller_id_number, request.caller_id_name) == ("15550100", "Dr. Adams")
    assert (request.ring_timeout, request.time_limit) == (45, 300)
    assert request.codecs == ("PCMU", "PCMA")
    assert request.outbound == "127.0.0.1:8084"
    assert (decision.survey_id, decision.gateway_id, decision.language) == (3, 7, "fr")
    # Its dates and times are spoken when the call is up, in the language of each section.
    assert decision.tags == {
        "event_title": "Check-up",
        "calendar_user": "Dr. Adams",
        "name": "Jo",
        "floor": "3",
    }


@pytest.mark.parametrize(
    ("due", "words"),
    [
        (replace(DUE, event_status=EventStatus.PAUSED), "not pending"),
        (replace(DUE, policy=replace(POLICY, event_end=NOW)), "missed"),
        (replace(DUE, do_not_call=True), "do not call"),
        (replace(DUE, phone_number="12"), "telephone number"),
        (replace(DUE, phone_number="1555 &park"), "telephone number"),
        (
            replace(DUE, policy=replace(POLICY, daily_start=time(20, 0), daily_stop=time(21, 0))),
            "does not open again before the event ends",
        ),
    ],
)
def test_what_can_never_be_called_fails_with_its_reason(due: DueAlarm, words: str) -> None:
    decision = plan.decide(due, UUID, NOW, SETTINGS)
    assert isinstance(decision, Fail)
    assert words in decision.reason


@pytest.mark.parametrize(
    ("due", "words"),
    [
        (replace(DUE, setting=None), "calendar setting"),
        (replace(DUE, survey_id=None), "survey"),
        (replace(DUE, setting=replace(SETTING, gateway=replace(GATEWAY, active=False))), "switched off"),
    ],
)
def test_what_an_administrator_can_mend_is_waited_for_until_the_event_is_over(due: DueAlarm, words: str) -> None:
    decision = plan.decide(due, UUID, NOW, SETTINGS)
    assert isinstance(decision, Wait)
    assert decision.until == NOW + plan.MENDING
    assert words in decision.reason
    assert isinstance(plan.decide(due, UUID, POLICY.event_end, SETTINGS), Fail)


def test_outside_the_window_it_waits_for_the_opening_in_the_calendars_zone() -> None:
    policy = replace(POLICY, daily_start=time(12, 0), daily_stop=time(13, 0))
    decision = plan.decide(replace(DUE, policy=policy), UUID, NOW, SETTINGS)
    assert decision == Wait(datetime(2026, 3, 2, 11, 0, tzinfo=UTC), "outside the daily window")


@pytest.mark.parametrize(
    ("remove", "add", "number", "expected"),
    [
        ("", "", "+15550199", "+15550199"),
        ("+", "00", "+15550199", "0015550199"),
        ("+1", "", "+15550199", "5550199"),
        ("0", "33", "0155", "33155"),
        ("0", "", "155", "155"),
        ("00, +", "", "0033123456789", "33123456789"),
        ("+,+33", "0", "+33123456789", "0123456789"),
    ],
)
def test_prefix_rules(remove: str, add: str, number: str, expected: str) -> None:
    assert plan.dialled_number(number, replace(GATEWAY, removeprefix=remove, addprefix=add)) == expected


def test_gateways_that_stand_in_are_further_routes_with_rules_of_their_own() -> None:
    third = GatewayFacts(9, "third", True, "sofia/gateway/third/", parameters="sip_h_X-A=1,media_timeout=5")
    second = GatewayFacts(8, "second", False, "sofia/gateway/second/", failover=third)
    first = replace(GATEWAY, retries=1, ring_timeout=20, failover=second)
    decision = plan.decide(replace(DUE, setting=replace(SETTING, gateway=first)), UUID, NOW, SETTINGS)
    assert isinstance(decision, Dial)
    assert (decision.gateway_id, decision.request.ring_timeout) == (7, 20)
    assert [route.gateway_id for route in decision.further] == [7, 9]  # once more, then past the one switched off
    last = decision.further[-1].request
    assert (last.gateway, last.ring_timeout, last.codecs) == ("sofia/gateway/third/", 45, ())
    assert last.variables == (("sip_h_X-A", "1"), ("media_timeout", "5"))


def test_a_gateway_that_is_switched_off_is_passed_over() -> None:
    second = GatewayFacts(8, "second", True, "sofia/gateway/second/")
    off = replace(GATEWAY, active=False, failover=second)
    decision = plan.decide(replace(DUE, setting=replace(SETTING, gateway=off)), UUID, NOW, SETTINGS)
    assert isinstance(decision, Dial)
    assert (decision.gateway_id, decision.further) == (8, ())
    alone = replace(GATEWAY, active=False)
    waits = plan.decide(replace(DUE, setting=replace(SETTING, gateway=alone)), UUID, NOW, SETTINGS)
    assert isinstance(waits, Wait)
    assert waits.calendar


def test_messages_write_dates_in_their_language() -> None:
    words = MailWords("{event_date}", "{event_at} {name}", "<b>{event_time} {name} {price:money:EUR}</b>")
    data = {"name": "<Jo>", "price": "12.5"}
    due = replace(DUE, method=AlarmMethod.MAIL, email="a@b.example", mail=words, data=data)
    decision = plan.decide(due, UUID, NOW, SETTINGS)
    assert isinstance(decision, Send)
    assert decision.payload["subject"] == "lundi 2 mars 2026"
    assert decision.payload["text"] == "lundi 2 mars 2026 à 14:00 <Jo>"
    assert decision.payload["html"] == "<b>14:00 &lt;Jo&gt; 12,50 €</b>"
