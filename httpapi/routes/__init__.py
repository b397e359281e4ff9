"""One file per family of resources; the registry below is the whole list."""

from __future__ import annotations

from httpapi.resource import Resource
from httpapi.routes.alarm import Alarms
from httpapi.routes.audio import AudioFiles
from httpapi.routes.calendar import Calendars
from httpapi.routes.dnc import DncContacts, DncLists
from httpapi.routes.event import Events
from httpapi.routes.gateway import Gateways, SmsGateways
from httpapi.routes.log import AlarmRequests, CallRequests
from httpapi.routes.message import Messages
from httpapi.routes.recording import Recordings
from httpapi.routes.rule import Rules
from httpapi.routes.sealed_survey import SealedSurveys
from httpapi.routes.section import Branchings, Sections
from httpapi.routes.setting import CalendarSettings
from httpapi.routes.subscription import CalendarSubscriptions
from httpapi.routes.survey import Surveys
from httpapi.routes.template import MailTemplates, SmsTemplates
from httpapi.routes.token import Tokens
from httpapi.routes.user import CalendarUserProfiles, CalendarUsers, Users
from httpapi.routes.webhook import Webhooks


def registry() -> dict[str, Resource]:
    """Every resource by the path it is served at."""
    resources: tuple[Resource, ...] = (
        Users(),
        Gateways(),
        SmsGateways(),
        Surveys(),
        Sections(),
        Branchings(),
        SealedSurveys(),
        AudioFiles(),
        CalendarSettings(),
        CalendarUsers(),
        CalendarUserProfiles(),
        Calendars(),
        CalendarSubscriptions(),
        Rules(),
        Events(),
        Alarms(),
        AlarmRequests(),
        CallRequests(),
        Recordings(),
        Messages(),
        MailTemplates(),
        SmsTemplates(),
        DncLists(),
        DncContacts(),
        Webhooks(),
        Tokens(),
    )
    return {resource.path: resource for resource in resources}
