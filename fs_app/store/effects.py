"""What an answer brings about, done in the transaction that saves it: short messages, opt-outs, recordings.

The file of a recording is read before that transaction and removed after it, so that nobody waits for a disk under
the write lock and no crash loses what was said.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from datetime import datetime

from fs_app.domain.calls import Effect, KeepRecording, OptOut, SendSms
from fs_app.errors import PromptError
from fs_app.store import outbox
from fs_app.store.due import is_dnc
from fs_app.store.models import AlarmRequest, AudioBlob, CallRequest, DncContact, DncList

log = logging.getLogger(__name__)

OPT_OUTS = "Opted out by telephone"
"""The manager's do-not-call list to which callees add themselves; made when the first one does."""


def read_recording(effects: Iterable[Effect]) -> bytes | None:
    """The WAV file to be kept with the answer, or None. Raises PromptError when the switch's file cannot be read."""
    for effect in effects:
        if isinstance(effect, KeepRecording):
            try:
                with open(effect.path, "rb") as file:
                    content = file.read()
            except OSError as exc:
                raise PromptError(f"the recording {effect.path} cannot be read: {exc.strerror}") from exc
            if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
                raise PromptError(f"the recording {effect.path} is no WAV file")
            return content
    return None


def keep(content: bytes) -> str:
    """Store a recording by content, inside the caller's transaction. Returns its SHA-256 hex digest."""
    digest = hashlib.sha256(content).hexdigest()
    AudioBlob.insert(sha256=digest, extension="wav", content=content).on_conflict_ignore().execute()
    return digest


def bring_about(call: CallRequest, effects: Iterable[Effect], now: datetime) -> None:
    """Inside the transaction that saves the answer of this call."""
    for effect in effects:
        if isinstance(effect, SendSms):
            _send(call, effect, now)
        elif isinstance(effect, OptOut):
            _opt_out(call, effect, now)


def done(effects: Iterable[Effect]) -> None:
    """After the commit: the files of recordings go."""
    for effect in effects:
        if isinstance(effect, KeepRecording):
            try:
                os.unlink(effect.path)
            except FileNotFoundError:
                pass
            except OSError as exc:
                log.warning("the recording %s is kept, but its file stays: %s", effect.path, exc)


def _send(call: CallRequest, sms: SendSms, now: datetime) -> None:
    request = AlarmRequest.get_or_none(AlarmRequest.callrequest == call)
    outbox.add(
        outbox.SMS,
        sms.key,
        sms.number,
        {"text": sms.text},
        now + outbox.PATIENCE,
        now,
        alarm=None if request is None else request.alarm_id,
        callrequest=call.id,
        user=call.user_id,
    )


def _opt_out(call: CallRequest, opt_out: OptOut, now: datetime) -> None:
    manager = outbox.manager_of(call.user_id)
    if manager is None:
        log.error("call %s: nobody's call: %s is on no do-not-call list", call.request_uuid, opt_out.number)
        return
    if is_dnc(manager, opt_out.number):
        return
    found = DncList.select().where(DncList.user == manager, DncList.name == OPT_OUTS).order_by(DncList.id).first()
    if found is None:
        words = "Callees who asked in a call never to be called again"
        found = DncList.create(user=manager, name=OPT_OUTS, description=words, created_date=now, updated_date=now)
    DncContact.create(dnc_list=found, phone_number=opt_out.number, created_date=now)
