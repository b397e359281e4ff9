"""Alarms: who is to be reminded of an event, how and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fs_app.domain.enums import AlarmMethod, AlarmResult, AlarmStatus
from fs_app.domain.phone import normalise_number
from fs_app.domain.smtp_url import is_mail_address
from fs_app.errors import InvalidInput
from fs_app.notify.address import check_literal, parse_url
from fs_app.store.due import waiting_until
from fs_app.store.models import Alarm, SmsTemplate, User
from httpapi import scope
from httpapi.context import Context, raw
from httpapi.crud import no_query
from httpapi.errors import ApiError, bad_fields, conflict
from httpapi.kinds import (
    READ_ONLY,
    boolean,
    choice,
    integer,
    json_object,
    matching,
    moment,
    own_url,
    relation,
    show_moment,
    shown,
    text,
    wall_time,
)
from httpapi.reminders import OPEN, held_event, locked_event, look_at, refresh_alarm, zone_of
from httpapi.resource import Action, Change, Resource
from httpapi.retry_delays import RETRY_DELAYS_WORDS, check_retry_delays
from httpapi.routes import alarm_actions
from httpapi.schema import Schema
from httpapi.web import Response, json_response

YEAR = 366 * 86_400
MONTH = 31 * 86_400


def mail_address(value: str) -> str:
    """A check of a text: one address that a mail server will take for one."""
    if not is_mail_address(value):
        raise ValueError("not acceptable: give an address such as ann@example.org")
    return value


def web_address(value: str) -> str:
    """A check of a text: an address that webhooks may be posted to, as far as it can be told without asking DNS."""
    parse_url(value)
    return value


class AlarmSchema(Schema):
    url: Annotated[str, own_url(), READ_ONLY]
    event: Annotated[int, relation("event")]
    method: Annotated[int, choice(AlarmMethod)] = AlarmMethod.CALL.value
    alarm_phonenumber: Annotated[str, text(50, check=normalise_number)] = ""
    alarm_email: Annotated[str, text(254, check=mail_address)] = ""
    date_start_notice: Annotated[datetime | None, moment()] = None
    daily_start: Annotated[time, wall_time()] = time(0, 0, 0)
    daily_stop: Annotated[time, wall_time()] = time(23, 59, 59)
    advance_notice: Annotated[int, integer(0, YEAR)] = 0
    maxretry: Annotated[int, integer(0, 100)] = 0
    retry_delay: Annotated[int, integer(0, MONTH)] = 0
    survey: Annotated[int | None, relation("sealed-survey")] = None
    mail_template: Annotated[int | None, relation("mail-template")] = None
    sms_template: Annotated[int | None, relation("sms-template")] = None
    phonenumber_sms_failure: Annotated[str, text(50, check=normalise_number)] = ""
    url_confirm: Annotated[str, text(500, check=web_address)] = ""
    url_cancel: Annotated[str, text(500, check=web_address)] = ""
    phonenumber_transfer: Annotated[str, text(50, check=normalise_number)] = ""
    retry_delays: Annotated[dict[str, Any] | None, json_object(check_retry_delays, RETRY_DELAYS_WORDS)] = None
    insistent: Annotated[bool, boolean()] = False
    insistent_code: Annotated[str, text(18, check=matching(r"[0-9]+", "a code of digits"))] = ""
    phonenumber_escalation: Annotated[str, text(50, check=normalise_number)] = ""
    num_attempt: Annotated[int, integer(0), READ_ONLY]
    status: Annotated[int, choice(AlarmStatus), READ_ONLY]
    result: Annotated[int, choice(AlarmResult), READ_ONLY]
    reason: Annotated[str, shown({"type": "string"}), READ_ONLY]
    due_at: Annotated[datetime | None, moment(), READ_ONLY]
    created_date: Annotated[datetime, moment(), READ_ONLY]


class Alarms(Resource):
    path = "alarm"
    model = Alarm
    schema = AlarmSchema
    example = {"alarm_phonenumber": "+15550100", "advance_notice": 86400, "maxretry": 2, "retry_delay": 900}  # noqa: RUF012
    summary = "Reminders of an event; notices and delays in seconds, due_at is when the next attempt may be made"
    filters = frozenset(
        {"event", "method", "status", "result", "alarm_phonenumber", "due_at", "num_attempt", "created_date"}
    )
    ordering = ("id", "due_at", "created_date", "status")

    def actions(self) -> Iterable[Action]:
        return (Action("explain", "GET", self._explain), *alarm_actions.actions(self))

    def _explain(self, ctx: Context, alarm_id: int) -> Response:
        """Why it was called, or not, and when next."""
        no_query(ctx)
        with ctx.services.store.reading():
            row = self.find(ctx, alarm_id)
        if ctx.services.explain is None:
            raise ApiError(503, {"detail": "this process cannot explain"}, {"Retry-After": "60"})
        story = ctx.services.explain(row.id, ctx.now)
        return json_response(
            200,
            {
                "alarm": self.address(ctx, row),
                "trace": [
                    {"date": None if told.at is None else show_moment(told.at), "words": told.words}
                    for told in story.trace
                ],
                "next": story.next,
                "next_date": None if story.next_at is None else show_moment(story.next_at),
                "text": story.text,
            },
        )

    def visible(self, user: User) -> Any:
        return scope.own_alarms(user)

    def zone(self, ctx: Context, change: Change) -> ZoneInfo:
        return zone_of(ctx, raw(self._event(ctx, change), "calendar"))

    def resolve(self, ctx: Context, change: Change) -> None:
        event_id = change.values.get("event")
        if isinstance(event_id, int) and change.row is None and event_id not in ctx.made:
            event = held_event(ctx.user, event_id)
            if event is not None:  # in one look what would otherwise be three
                ctx.made[event_id] = event
                ctx.seen.add(("event", event_id))
        super().resolve(ctx, change)

    def _event(self, ctx: Context, change: Change) -> Any:
        """The event, locked: nobody pauses it between our look and the commit."""
        event_id = change.get("event")
        if event_id not in ctx.made:
            ctx.made[event_id] = locked_event(event_id)
        if ctx.made[event_id] is None:
            raise bad_fields({"event": [f"event {event_id} has just been deleted"]})
        return ctx.made[event_id]

    def check(self, ctx: Context, change: Change) -> None:
        check_method(change)
        check_public(ctx, change, "url_confirm", "url_cancel")
        template = change.get("sms_template") if change.get("method") == AlarmMethod.SMS.value else None
        if template is not None and change.changed("sms_template", "method"):
            row = SmsTemplate.get_or_none(SmsTemplate.id == template)
            if row is not None and not row.sms_text.strip():
                change.errors.add("sms_template", "has no words: give it an sms_text first")
        if not change.get("insistent"):
            for name in ("insistent_code", "phonenumber_escalation"):
                if change.get(name):
                    change.errors.add(name, "belongs to a wake-up call: set insistent to true as well")
        if change.row is not None and change.changed("event") and change.get("num_attempt"):
            change.errors.add("event", "has been called about already: make a new alarm for the other event")
        if change.row is None and not change.errors:
            new: Any = Alarm(**change.values)
            change.values["due_at"] = waiting_until(new, self._event(ctx, change), ctx.services.default_zone)

    def saved(self, ctx: Context, row: Any, change: Change) -> None:
        timing = ("event", "date_start_notice", "daily_start", "daily_stop", "advance_notice")
        if change.row is None or any(raw(row, name) != raw(change.row, name) for name in timing):
            event = self._event(ctx, change)
            if change.row is not None:
                row.due_at = refresh_alarm(ctx, row, event)
            ctx.wake = True
            if event.rule_id is not None:
                look_at(ctx, event.id)
        elif raw(row, "status") in OPEN:
            ctx.wake = True

    def before_delete(self, ctx: Context, row: Any) -> None:
        if row.status == AlarmStatus.IN_PROCESS.value:
            raise conflict("its call or message is under way: try again when that has ended")


def check_method(change: Change) -> None:
    """A reminder that could reach nobody is refused rather than stored."""
    for name, words in _NEEDED[AlarmMethod(change.get("method"))].items():
        if not str(change.get(name) or "").strip():
            change.errors.add(name, words)


def check_public(ctx: Context, change: Change, *names: str) -> None:
    """An address that is a private one at first sight is refused here; a name is looked up when it is posted to."""
    for name in names:
        if change.get(name) and change.changed(name):
            try:
                check_literal(parse_url(change.get(name), name), ctx.services.webhook_networks, name)
            except InvalidInput as exc:
                change.errors.add(name, exc.message)


_NEEDED = {
    AlarmMethod.CALL: {"alarm_phonenumber": "is required when the method is 1 (call): give the number to call"},
    AlarmMethod.SMS: {
        "alarm_phonenumber": "is required when the method is 2 (SMS): give the number to send to",
        "sms_template": "is required when the method is 2 (SMS): make one at sms-template/ and give it",
    },
    AlarmMethod.MAIL: {
        "alarm_email": "is required when the method is 3 (mail): give the address to send to",
        "mail_template": "is required when the method is 3 (mail): make one at mail-template/ and give it",
    },
}
