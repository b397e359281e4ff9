"""What the IVR reads and writes about a call while it is up. Every key is committed the moment it is pressed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from peewee import IntegrityError

from fs_app.domain.calls import Answer, Answering, CallContext, Effect
from fs_app.domain.enums import AlarmResult, AmdBehavior, CallStatus, IvrEnd, Outcome, WhoAnswered
from fs_app.domain.survey import Survey
from fs_app.errors import PromptError
from fs_app.store import callbacks, outbox
from fs_app.store import effects as effects_
from fs_app.store.database import Store
from fs_app.store.models import (
    Alarm,
    AlarmRequest,
    AudioBlob,
    CalendarSetting,
    CalendarUserProfile,
    CallRequest,
    SealedSurvey,
    SurveyAnswer,
)

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
            call = CallRequest.get_or_none(CallRequest.request_uuid == call_uuid)
            return None if call is None else _context(call, self._zone)

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        """The call was answered and its survey starts. None when the UUID is not ours or the call has been booked."""
        with self._store.transaction():
            call = CallRequest.get_or_none(CallRequest.request_uuid == call_uuid, CallRequest.ended_at.is_null())
            if call is None:
                return None
            CallRequest.update(ivr_started_at=now, answered_at=call.answered_at or now, ivr_end="", reason="").where(
                CallRequest.id == call.id
            ).execute()
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
                call = CallRequest.get(CallRequest.request_uuid == call_uuid)
                SurveyAnswer.create(
                    callrequest=call,
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
            heard = CallRequest.visited.concat(f"{section_id} {now:%Y-%m-%dT%H:%M:%S.%fZ}\n")
            changes: dict[str, object] = {"last_section": section_id, "visited": heard}
            if completed:
                changes["completed"] = True
            CallRequest.update(**changes).where(CallRequest.request_uuid == call_uuid).execute()

    def who_answered(self, call_uuid: str, who: WhoAnswered, reason: str, ms: int, now: datetime) -> None:
        """What was found out about who answered, why, and after how much of the callee's audio; the last one holds."""
        with self._store.transaction():
            CallRequest.update(amd_status=who.value, amd_reason=reason, amd_ms=ms).where(
                CallRequest.request_uuid == call_uuid
            ).execute()

    def message_left(self, call_uuid: str, now: datetime) -> None:
        """A machine has taken the whole message."""
        with self._store.transaction():
            CallRequest.update(message_left=True).where(CallRequest.request_uuid == call_uuid).execute()

    def ended(self, call_uuid: str, end: IvrEnd, reason: str, now: datetime) -> None:
        """The survey has stopped running in this call."""
        with self._store.transaction():
            CallRequest.update(ivr_end=end.value, reason=reason).where(CallRequest.request_uuid == call_uuid).execute()
            _book_by_hand(call_uuid, now)
            call = CallRequest.get_or_none(CallRequest.request_uuid == call_uuid)
            if call is not None and callbacks.is_callback(call):
                callbacks.ended(call, end, reason, now)

    def load_audio(self, sha256: str) -> tuple[bytes, str]:
        """Bytes and file extension of a recording. Raises KeyError."""
        with self._store.reading():
            blob = AudioBlob.get_or_none(AudioBlob.sha256 == sha256)
            if blob is None:
                raise KeyError(sha256)
            return bytes(blob.content), str(blob.extension)

    # ---- inside a transaction

    def _set_result(self, call: CallRequest, result: AlarmResult, now: datetime) -> None:
        CallRequest.update(result=result).where(CallRequest.id == call.id).execute()
        request = AlarmRequest.get_or_none(AlarmRequest.callrequest == call)
        if request is not None:
            Alarm.update(result=result, updated_date=now).where(Alarm.id == request.alarm_id).execute()
            outbox.tell_result(Alarm.get_by_id(request.alarm_id), result, now, call=call)

    def _is_saved(self, call_uuid: str, answer: Answer) -> bool:
        with self._store.reading():
            saved = (
                SurveyAnswer.select()
                .join(CallRequest)
                .where(
                    CallRequest.request_uuid == call_uuid,
                    SurveyAnswer.position == answer.position,
                    SurveyAnswer.section_id == answer.section_id,
                    SurveyAnswer.digits == answer.digits,
                )
            )
            return bool(saved.exists())


def _book_by_hand(call_uuid: str, now: datetime) -> None:
    """A line of ``fs-app originate --dry-run`` was pasted and answered: no scheduler follows that call."""
    CallRequest.update(ended_at=now, status=CallStatus.SUCCESS, outcome=Outcome.ANSWERED.value).where(
        CallRequest.request_uuid == call_uuid,
        CallRequest.originate != "",
        CallRequest.dialled_at.is_null(),
        CallRequest.lease_token.is_null(),
        CallRequest.ended_at.is_null(),
    ).execute()


def _context(call: CallRequest, default_zone: ZoneInfo) -> CallContext:
    sealed = SealedSurvey.get_by_id(call.survey_id)
    survey = Survey.from_json(sealed.content)
    answers = SurveyAnswer.select().where(SurveyAnswer.callrequest == call).order_by(SurveyAnswer.position)
    request = AlarmRequest.get_or_none(AlarmRequest.callrequest == call)
    alarm = None if request is None else request.alarm
    setting = _setting_of(alarm)
    return CallContext(
        call_uuid=call.request_uuid,
        survey=survey,
        tags={str(k): str(v) for k, v in (call.tags or {}).items()},
        language=call.language or survey.tts_language,
        answers=tuple(_answer(a) for a in answers),
        zone=(alarm.event.calendar.timezone if alarm else "") or default_zone.key,
        event_start=alarm.event.start if alarm else None,
        event_end=alarm.event.end if alarm else None,
        called_at=call.call_time,
        # As the alarm has it: the call's own may carry the gateway's prefix. Of a call by hand, its tags know it.
        phone_number=alarm.alarm_phonenumber if alarm else (call.tags or {}).get("phone_number", call.phone_number),
        answering=_answering(setting),
        phonenumber_transfer=alarm.phonenumber_transfer if alarm else "",
        gateway=call.gateway.gateways if call.gateway else "",
        addprefix=call.gateway.addprefix if call.gateway else "",
        removeprefix=call.gateway.removeprefix if call.gateway else "",
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


def _setting_of(alarm: Alarm | None) -> CalendarSetting | None:
    if alarm is None:
        return None
    profile = CalendarUserProfile.get_or_none(CalendarUserProfile.user == alarm.event.calendar.user_id)
    return None if profile is None else profile.calendar_setting


def _answering(setting: CalendarSetting | None) -> Answering | None:
    if setting is None or not setting.voicemail:
        return None
    message = setting.voicemail_audiofile
    return Answering(
        behavior=AmdBehavior(setting.amd_behavior),
        message=None if message is None else message.blob_id,
        parameters=setting.amd_parameters or {},
    )
