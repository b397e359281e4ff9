"""What the IVR reads and writes about a call while it is up. Every key is committed the moment it is pressed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from peewee import JOIN, IntegrityError, ModelInsert, ModelSelect, ModelUpdate

from fs_app.domain.calls import Answer, Answering, CallContext, Effect
from fs_app.domain.enums import AlarmResult, AmdBehavior, CallStatus, IvrEnd, Outcome, WhoAnswered
from fs_app.domain.survey import Survey
from fs_app.errors import PromptError
from fs_app.store import callbacks, outbox
from fs_app.store import effects as effects_
from fs_app.store.calls import alarm_of, call_of
from fs_app.store.database import Store
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    AudioBlob,
    AudioFile,
    Calendar,
    CalendarSetting,
    CalendarUserProfile,
    CallRequest,
    Event,
    Gateway,
    SealedSurvey,
    SurveyAnswer,
)
from fs_app.store.prepared import by_id, prepared

UTC = ZoneInfo("UTC")


class CallJournal:
    """Writes are keyed by the call's UUID, of which only one channel can be alive; no lease is needed."""

    def __init__(self, store: Store, default_zone: ZoneInfo = UTC) -> None:
        """``default_zone`` is that of calendars that name none."""
        self._store = store
        self._zone = default_zone

    def preview(self, call_uuid: str) -> CallContext | None:
        """The call's survey and words, before it is answered; None for a UUID that is not ours."""
        with self._store.reading():
            call = call_of.first(call_uuid)
            return None if call is None else _context(call, self._zone)

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        """The call was answered and its survey starts. None when the UUID is not ours or the call has been booked."""
        with self._store.transaction():
            call = call_of.first(call_uuid)
            if call is None or call.ended_at is not None:
                return None
            _opened.run(call.id, now, call.answered_at or now)
            return _context(call, self._zone)

    def open_callback(
        self, caller_number: str, called_number: str, call_uuid: str, now: datetime
    ) -> CallContext | None:
        """Somebody calls us: the reminder that waits for that caller ID, put on record as a call of its own.

        None when none waits. The numbers are as the network shows them, whatever that is.
        """
        with self._store.transaction():
            call = callbacks.open_callback(caller_number, called_number, call_uuid, now, lock=not self._store.sqlite)
            return None if call is None else _context(call, self._zone)

    def save_answer(self, call_uuid: str, answer: Answer, now: datetime, effects: Sequence[Effect] = ()) -> None:
        """Put an entry on record, what it makes of the alarm, and what else it brings about (fs_app/store/effects.py).

        Saving the same position again changes nothing. Raises PromptError for a recording that cannot be read.
        """
        try:
            recording = effects_.read_recording(effects)
        except PromptError:
            if self._is_saved(call_uuid, answer):
                return  # and its file went with that
            raise
        try:
            with self._store.transaction():
                call = call_of.first(call_uuid)
                if call is None:
                    raise KeyError(call_uuid)
                _insert_answer.insert(
                    callrequest=call.id,
                    position=answer.position,
                    survey=call.survey_id,
                    section_id=answer.section_id,
                    digits=answer.digits,
                    valid=answer.valid,
                    response=answer.response,
                    result=answer.result,
                    recording=None if recording is None else effects_.keep(recording),
                    recording_seconds=answer.recording_seconds,
                    created_date=now,
                )
                effects_.bring_about(call, effects, now)
                if answer.valid and answer.result:
                    self._set_result(call, answer.result, now)
                if answer.valid and callbacks.is_callback(call):
                    callbacks.heard(call, now)
        except IntegrityError:
            if not self._is_saved(call_uuid, answer):
                raise
        effects_.done(effects)

    def reached(self, call_uuid: str, section_id: int, completed: bool, now: datetime) -> None:
        """The callee has got to this section; ``completed`` when that completes the survey."""
        with self._store.transaction():
            heard = f"{section_id} {now:%Y-%m-%dT%H:%M:%S.%fZ}\n"
            (_completed if completed else _reached).run(call_uuid, section_id, heard)

    def who_answered(self, call_uuid: str, who: WhoAnswered, reason: str, ms: int, now: datetime) -> None:
        """What was found out about who answered, why, and after how much of the callee's audio; the last one holds."""
        with self._store.transaction():
            _who_answered.run(call_uuid, who.value, reason, ms)

    def message_left(self, call_uuid: str, now: datetime) -> None:
        """A machine has taken the whole message."""
        with self._store.transaction():
            _message_left.run(call_uuid)

    def ended(self, call_uuid: str, end: IvrEnd, reason: str, now: datetime) -> None:
        """The survey has stopped running in this call."""
        with self._store.transaction():
            _ended.run(call_uuid, end.value, reason)
            _booked_by_hand.run(call_uuid, now)
            call = call_of.first(call_uuid)
            if call is not None and callbacks.is_callback(call):
                callbacks.ended(call, end, reason, now)

    def load_audio(self, sha256: str) -> tuple[bytes, str]:
        """Bytes and file extension of a recording. Raises KeyError."""
        with self._store.reading():
            blob = by_id(AudioBlob, sha256)
            if blob is None:
                raise KeyError(sha256)
            return bytes(blob.content), str(blob.extension)

    # ---- inside a transaction

    def _set_result(self, call: CallRequest, result: AlarmResult, now: datetime) -> None:
        _set_call_result.run(call.id, result)
        alarm = alarm_of.first(call.request_uuid)
        if alarm is not None:
            _set_alarm_result.run(alarm.id, result, now)
            outbox.tell_result(alarm, result, now, call=call)

    def _is_saved(self, call_uuid: str, answer: Answer) -> bool:
        with self._store.reading():
            return _saved.exists(call_uuid, answer.position, answer.section_id, answer.digits)


def _context(call: CallRequest, default_zone: ZoneInfo) -> CallContext:
    survey = _read(str(_content.scalar(call.survey_id)))
    found = _about.joined(call.id)
    alarm, event, calendar, setting, message = found[0] if found else (None,) * 5
    gateway = by_id(Gateway, call.gateway_id)
    return CallContext(
        call_uuid=call.request_uuid,
        survey=survey,
        tags={str(k): str(v) for k, v in (call.tags or {}).items()},
        language=call.language or survey.tts_language,
        answers=tuple(map(_answer, _answers.all(call.id))),
        zone=(calendar.timezone if calendar else "") or default_zone.key,
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
        manager_id=outbox.manager_of(call.user_id),
    )


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


@lru_cache(maxsize=64)
def _read(content: str) -> Survey:
    """A sealed survey; reading it takes longer than all else about a call, and it never changes."""
    return Survey.from_json(content)


# ---- statements


@prepared
def _about(call_id: int) -> ModelSelect[AlarmRequest]:
    """The alarm of a call, with what hangs above it; the setting may be missing, and its message for machines."""
    found = AlarmRequest.select(Alarm, Event, Calendar, CalendarSetting, AudioFile)
    found = found.join(Alarm).join(Event).join(Calendar)
    found = found.join(CalendarUserProfile, JOIN.LEFT_OUTER, on=(CalendarUserProfile.user == Calendar.user))
    found = found.join(
        CalendarSetting, JOIN.LEFT_OUTER, on=(CalendarUserProfile.calendar_setting == CalendarSetting.id)
    )
    found = found.join(AudioFile, JOIN.LEFT_OUTER, on=(CalendarSetting.voicemail_audiofile == AudioFile.id))
    return found.where(AlarmRequest.callrequest == call_id)


@prepared
def _content(survey_id: int) -> ModelSelect[SealedSurvey]:
    return SealedSurvey.select(SealedSurvey.content).where(SealedSurvey.id == survey_id)


@prepared
def _answers(call_id: int) -> ModelSelect[SurveyAnswer]:
    return SurveyAnswer.select().where(SurveyAnswer.callrequest == call_id).order_by(SurveyAnswer.position)


@prepared
def _insert_answer(**columns: Any) -> ModelInsert:
    return SurveyAnswer.insert(**columns)


@prepared
def _saved(call_uuid: str, position: int, section_id: int, digits: str) -> ModelSelect[SurveyAnswer]:
    same = SurveyAnswer.position == position, SurveyAnswer.section_id == section_id, SurveyAnswer.digits == digits
    return SurveyAnswer.select(SurveyAnswer.id).join(CallRequest).where(CallRequest.request_uuid == call_uuid, *same)


@prepared
def _opened(call_id: int, now: datetime, answered_at: datetime) -> ModelUpdate:
    opened = CallRequest.update(ivr_started_at=now, answered_at=answered_at, ivr_end="", reason="")
    return opened.where(CallRequest.id == call_id)


@prepared
def _reached(call_uuid: str, section_id: int, heard: str) -> ModelUpdate:
    reached = CallRequest.update(last_section=section_id, visited=CallRequest.visited.concat(heard))
    return reached.where(CallRequest.request_uuid == call_uuid)


@prepared
def _completed(call_uuid: str, section_id: int, heard: str) -> ModelUpdate:
    done = CallRequest.update(last_section=section_id, visited=CallRequest.visited.concat(heard), completed=True)
    return done.where(CallRequest.request_uuid == call_uuid)


@prepared
def _who_answered(call_uuid: str, who: str, reason: str, ms: int) -> ModelUpdate:
    found = CallRequest.update(amd_status=who, amd_reason=reason, amd_ms=ms)
    return found.where(CallRequest.request_uuid == call_uuid)


@prepared
def _message_left(call_uuid: str) -> ModelUpdate:
    return CallRequest.update(message_left=True).where(CallRequest.request_uuid == call_uuid)


@prepared
def _ended(call_uuid: str, end: str, reason: str) -> ModelUpdate:
    return CallRequest.update(ivr_end=end, reason=reason).where(CallRequest.request_uuid == call_uuid)


@prepared
def _booked_by_hand(call_uuid: str, now: datetime) -> ModelUpdate:
    """A line of ``fs-app originate --dry-run`` was pasted and answered: no scheduler follows that call."""
    booked = CallRequest.update(ended_at=now, status=CallStatus.SUCCESS, outcome=Outcome.ANSWERED.value)
    return booked.where(
        CallRequest.request_uuid == call_uuid,
        CallRequest.originate != "",
        CallRequest.dialled_at.is_null(),
        CallRequest.lease_token.is_null(),
        CallRequest.ended_at.is_null(),
    )


@prepared
def _set_call_result(call_id: int, result: int) -> ModelUpdate:
    return CallRequest.update(result=result).where(CallRequest.id == call_id)


@prepared
def _set_alarm_result(alarm_id: int, result: int, now: datetime) -> ModelUpdate:
    return Alarm.update(result=result, updated_date=now).where(Alarm.id == alarm_id)
