"""What the IVR reads and writes about a call while it is up. Every key is committed the moment it is pressed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from peewee import IntegrityError, ModelInsert, ModelSelect, ModelUpdate

from fs_app.domain.calls import Answer, CallContext, Effect
from fs_app.domain.enums import AlarmResult, CallStatus, IvrEnd, Outcome, WhoAnswered
from fs_app.errors import PromptError
from fs_app.store import callbacks, outbox
from fs_app.store import effects as effects_
from fs_app.store.calls import alarm_of, call_of
from fs_app.store.contexts import Contexts
from fs_app.store.database import Store
from fs_app.store.models import Alarm, AudioBlob, CallRequest, SurveyAnswer
from fs_app.store.prepared import by_id, prepared

UTC = ZoneInfo("UTC")


class CallJournal:
    """Writes are keyed by the call's UUID, of which only one channel can be alive; no lease is needed."""

    def __init__(self, store: Store, default_zone: ZoneInfo = UTC) -> None:
        """``default_zone`` is that of calendars that name none."""
        self._store = store
        self._contexts = Contexts(default_zone)

    def preview(self, call_uuid: str) -> CallContext | None:
        """The call's survey and words, before it is answered; None for a UUID that is not ours."""
        return self.previews([call_uuid])[0]

    def previews(self, call_uuids: Sequence[str]) -> list[CallContext | None]:
        """:meth:`preview` of several calls."""
        with self._store.connected():  # one statement, mostly: no transaction about it
            found = self._contexts.of_all(call_uuids)
        return [found.get(call_uuid) for call_uuid in call_uuids]

    def open_call(self, call_uuid: str, now: datetime) -> CallContext | None:
        """The call was answered and its survey starts. None when the UUID is not ours or the call has been booked."""
        with self._store.transaction():
            found = self._contexts.of(call_uuid)
            if found is None or found[0].ended_at is not None:
                return None
            call, context = found
            _opened.run(call.id, now, call.answered_at or now)
            return context

    def open_callback(
        self, caller_number: str, called_number: str, call_uuid: str, now: datetime
    ) -> CallContext | None:
        """Somebody calls us: the reminder that waits for that caller ID, put on record as a call of its own.

        None when none waits. The numbers are as the network shows them, whatever that is.
        """
        with self._store.transaction():
            call = callbacks.open_callback(caller_number, called_number, call_uuid, now, lock=not self._store.sqlite)
            found = None if call is None else self._contexts.of(call.request_uuid)
            return None if found is None else found[1]

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


# ---- statements


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
