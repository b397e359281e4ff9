"""Rows for tests: one manager, one calendar user, one sealed survey, and as many alarms as asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fs_app.domain.enums import AlarmResult, Role, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.store.database import Store
from fs_app.store.models import (
    Alarm,
    Calendar,
    CalendarSetting,
    CalendarUserProfile,
    Event,
    Gateway,
    SealedSurvey,
    User,
)

SURVEY = Survey(
    name="reminder",
    sections=(
        Section(
            id=1,
            type=SectionType.RATING,
            order=1,
            question="Will you come?",
            script="Hello {name}, press 1 to confirm.",
            rating_laps=3,
            retries=1,
            timeout=2,
            branches=(Branch("1", 2),),
        ),
        Section(id=2, type=SectionType.PLAY_MESSAGE, order=2, script="Thank you. Goodbye.", completed=True),
    ),
)
CONFIRMED = AlarmResult.CONFIRMED


@dataclass(frozen=True)
class Rows:
    manager: User
    calendar_user: User
    gateway: Gateway
    survey: SealedSurvey
    setting: CalendarSetting
    calendar: Calendar

    def alarm(
        self,
        store: Store,
        now: datetime,
        *,
        number: str = "15550100001",
        event: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Alarm:
        """An alarm due at ``now``, of an event that starts in an hour; fields of either can be set."""
        with store.transaction():
            start = now + timedelta(hours=1)
            values = {"title": "Check-up", "start": start, "end": start + timedelta(hours=1), "data": {"name": "Jo"}}
            values["calendar"] = self.calendar
            row = Event.create(creator=self.calendar_user, created_on=now, **{**values, **(event or {})})
            alarm: Alarm = Alarm.create(
                **{
                    "event": row,
                    "alarm_phonenumber": number,
                    "due_at": now,
                    "created_date": now,
                    "updated_date": now,
                    **fields,
                }
            )
            return alarm


def make_rows(store: Store, now: datetime, *, gateway: str = "sofia/gateway/test/", survey: Survey = SURVEY) -> Rows:
    """The rows every call needs."""
    with store.transaction():
        manager = User.create(username="manager", password="-", role=Role.MANAGER.value, created_date=now)
        calendar_user = User.create(username="practice", password="-", manager=manager, created_date=now)
        voice = Gateway.create(name="test", gateways=gateway, created_date=now, updated_date=now)
        sealed = SealedSurvey.create(
            user=manager,
            name=survey.name,
            content=survey.to_json(),
            content_hash=survey.content_hash(),
            created_date=now,
            updated_date=now,
        )
        setting = CalendarSetting.create(
            user=manager,
            label="practice",
            callerid="15550100",
            caller_name="Dr. Adams",
            call_timeout=20,
            survey=sealed,
            aleg_gateway=voice,
            created_date=now,
            updated_date=now,
        )
        CalendarUserProfile.create(
            user=calendar_user, manager=manager, calendar_setting=setting, created_date=now, updated_date=now
        )
        calendar = Calendar.create(name="appointments", user=calendar_user, created_date=now)
    return Rows(manager, calendar_user, voice, sealed, setting, calendar)
