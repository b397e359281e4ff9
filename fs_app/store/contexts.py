"""What an IVR must know of calls: one statement, and one more for each that has begun."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from peewee import JOIN, ModelSelect, fn

from fs_app.domain.calls import Answer, Answering, CallContext
from fs_app.domain.enums import AlarmResult, AmdBehavior
from fs_app.domain.survey import Survey
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    AudioFile,
    Calendar,
    CalendarSetting,
    CalendarUserProfile,
    CallRequest,
    Event,
    Gateway,
    SealedSurvey,
    SurveyAnswer,
    User,
)
from fs_app.store.prepared import padded, prepared


class Contexts:
    """``default_zone`` is that of calendars that name none."""

    def __init__(self, default_zone: ZoneInfo) -> None:
        self._zone = default_zone
        # To read a sealed survey takes longer than all else about a call, and it never changes.
        self._survey = lru_cache(maxsize=64)(_survey)

    def of(self, call_uuid: str) -> tuple[CallRequest, CallContext] | None:
        """A call and what its survey needs; None for a UUID that is not ours."""
        found = _about.joined([call_uuid])
        return (found[0][0], self._context(*found[0])) if found else None

    def of_all(self, call_uuids: Sequence[str]) -> dict[str, CallContext]:
        """What the surveys of these calls need, by their UUIDs; without those that are not ours."""
        return {row[0].request_uuid: self._context(*row) for row in _about.joined(padded(call_uuids))}

    def _context(
        self,
        call: CallRequest,
        sealed: SealedSurvey,
        manager_id: int | None,
        gateway: Gateway | None,
        alarm: Alarm | None,
        event: Event | None,
        calendar: Calendar | None,
        setting: CalendarSetting | None,
        message: AudioFile | None,
    ) -> CallContext:
        survey = self._survey(sealed.id, sealed.content_hash)
        return CallContext(
            call_uuid=call.request_uuid,
            survey=survey,
            tags={str(k): str(v) for k, v in (call.tags or {}).items()},
            language=call.language or survey.tts_language,
            answers=() if call.ivr_started_at is None else tuple(map(_answer, _answers.all(call.id))),
            zone=(calendar.timezone if calendar else "") or self._zone.key,
            event_start=event.start if event else None,
            event_end=event.end if event else None,
            called_at=call.call_time,
            # As the alarm has it: the call's own may carry the gateway's prefix. Of a call by hand, its tags know it.
            phone_number=alarm.alarm_phonenumber if alarm else (call.tags or {}).get("phone_number", call.phone_number),
            answering=_answering(setting, message),
            phonenumber_transfer=alarm.phonenumber_transfer if alarm else "",
            gateway=gateway.gateways if gateway else "",
            addprefix=gateway.addprefix if gateway else "",
            removeprefix=gateway.removeprefix if gateway else "",
            caller_id_number=call.callerid,
            caller_id_name=call.caller_name,
            time_limit=call.timelimit,
            ring_timeout=call.timeout,
            manager_id=manager_id,
        )


def _survey(survey_id: int, _content_hash: str) -> Survey:
    return Survey.from_json(str(_content.scalar(survey_id)))


def _answer(row: SurveyAnswer) -> Answer:
    return Answer(
        position=row.position,
        section_id=row.section_id,
        digits=row.digits,
        valid=row.valid,
        response=row.response,
        result=None if row.result is None else AlarmResult(row.result),
        recording=row.recording_id,
        recording_seconds=row.recording_seconds,
    )


def _answering(setting: CalendarSetting | None, message: AudioFile | None) -> Answering | None:
    if setting is None or not setting.voicemail:
        return None
    return Answering(
        behavior=AmdBehavior(setting.amd_behavior),
        message=None if message is None else message.blob_id,
        parameters=setting.amd_parameters or {},
    )


# ---- statements


@prepared
def _about(call_uuids: list[str]) -> ModelSelect[CallRequest]:
    """Of each call: itself, its survey, its manager, its gateway, its alarm with what hangs above that, the message for
    machines. All but the first two may be missing."""
    whose, profile = User.alias(), CalendarUserProfile.alias()
    manager = fn.COALESCE(profile.manager, whose.manager, whose.id).coerce(False)
    found = CallRequest.select(
        CallRequest,
        SealedSurvey.id,
        SealedSurvey.content_hash,
        manager,
        Gateway,
        Alarm,
        Event,
        Calendar,
        CalendarSetting,
        AudioFile,
    )
    found = found.join(SealedSurvey)
    found = found.join(whose, JOIN.LEFT_OUTER, on=(CallRequest.user == whose.id))
    found = found.join(profile, JOIN.LEFT_OUTER, on=(profile.user == whose.id))
    found = found.join(Gateway, JOIN.LEFT_OUTER, on=(CallRequest.gateway == Gateway.id))
    found = found.join(AlarmRequest, JOIN.LEFT_OUTER, on=(AlarmRequest.callrequest == CallRequest.id))
    found = found.join(Alarm, JOIN.LEFT_OUTER, on=(AlarmRequest.alarm == Alarm.id))
    found = found.join(Event, JOIN.LEFT_OUTER, on=(Alarm.event == Event.id))
    found = found.join(Calendar, JOIN.LEFT_OUTER, on=(Event.calendar == Calendar.id))
    found = found.join(CalendarUserProfile, JOIN.LEFT_OUTER, on=(CalendarUserProfile.user == Calendar.user))
    found = found.join(
        CalendarSetting, JOIN.LEFT_OUTER, on=(CalendarUserProfile.calendar_setting == CalendarSetting.id)
    )
    found = found.join(AudioFile, JOIN.LEFT_OUTER, on=(CalendarSetting.voicemail_audiofile == AudioFile.id))
    return found.where(CallRequest.request_uuid.in_(call_uuids))


@prepared
def _content(survey_id: int) -> ModelSelect[SealedSurvey]:
    return SealedSurvey.select(SealedSurvey.content).where(SealedSurvey.id == survey_id)


@prepared
def _answers(call_id: int) -> ModelSelect[SurveyAnswer]:
    return SurveyAnswer.select().where(SurveyAnswer.callrequest == call_id).order_by(SurveyAnswer.position)
