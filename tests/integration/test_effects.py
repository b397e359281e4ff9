"""What an answer brings about: in its transaction or not at all, and once however often it is saved; on both
databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fs_app.domain.calls import Answer, KeepRecording, OptOut, SendSms
from fs_app.domain.enums import AlarmStatus
from fs_app.errors import PromptError
from fs_app.store.database import Store
from fs_app.store.effects import OPT_OUTS
from fs_app.store.models import Alarm, AudioBlob, CallRequest, DncContact, DncList, Outbox, SurveyAnswer
from scheduler import plan
from tests.contract.sounds import tone
from tests.integration.test_callbacks import NOW, SOON, Desk
from tests.rest_client import Api, new_alarm, new_calendar, new_event, new_survey

SAID = Answer(1, 1, "#", True, "recorded", recording_seconds=1)
NUMBER = "+33612345678"


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    store = Store(database_url)
    store.migrate()
    yield Desk(store)
    store.close()


def test_a_recording_is_kept_by_content_and_its_file_goes(desk: Desk, tmp_path: Path) -> None:
    _, claim = desk.dial()
    path = Path(tone(tmp_path / "said.wav", 0.5))
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    for _ in range(2):  # saved again after an answer that never came: the file is gone, and that is fine
        desk.journal.save_answer(claim.call_uuid, SAID, SOON, [KeepRecording(str(path))])
    assert not path.exists()
    assert desk.journal.load_audio(digest) == (content, "wav")
    with desk.store.reading():
        (answer,) = SurveyAnswer.select()
        assert (answer.recording_id, answer.recording_seconds) == (digest, 1)


def test_two_callees_may_say_the_same(desk: Desk, tmp_path: Path) -> None:
    for position in (1, 2):
        path = tone(tmp_path / "said.wav", 0.5)
        _, claim = desk.dial() if position == 1 else desk.dial("+33612345679")
        desk.journal.save_answer(claim.call_uuid, SAID, SOON, [KeepRecording(path)])
    with desk.store.reading():
        assert SurveyAnswer.select().count() == 2
        assert AudioBlob.select().count() == 1


@pytest.mark.parametrize("content", [None, b"", b"not a WAV file"])
def test_a_recording_that_is_none_is_a_fault_and_stays(desk: Desk, tmp_path: Path, content: bytes | None) -> None:
    _, claim = desk.dial()
    path = tmp_path / "said.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PromptError, match=r"the recording .*said\.wav"):
        desk.journal.save_answer(claim.call_uuid, SAID, SOON, [KeepRecording(str(path))])
    assert path.exists() is (content is not None)
    with desk.store.reading():
        assert SurveyAnswer.select().count() == 0


def test_a_short_message_goes_out_once(desk: Desk) -> None:
    alarm, claim = desk.dial()
    for position in (1, 1, 2):
        sms = SendSms(NUMBER, "12 High Street", f"section-{claim.call_uuid}-1")
        desk.journal.save_answer(claim.call_uuid, Answer(position, 1, "", True, "sent"), SOON, [sms])
    with desk.store.reading():
        (row,) = Outbox.select()
        assert (row.kind, row.destination, row.payload, row.alarm_id) == (
            *("sms", NUMBER, {"text": "12 High Street"}, alarm.id),
        )
        assert row.callrequest.request_uuid == claim.call_uuid


def test_opting_out_ends_every_reminder_of_that_manager(desk: Desk) -> None:
    _, claim = desk.dial()
    waiting = desk.rows.alarm(desk.store, NOW, number="0033612345678")  # the same telephone, written otherwise
    for position in (1, 2):
        desk.journal.save_answer(claim.call_uuid, Answer(position, 1, "", True, "opted out"), SOON, [OptOut(NUMBER)])
    with desk.store.reading():
        (row,) = DncContact.select()
        assert (row.phone_number, row.dnc_list.name, row.dnc_list.user_id) == (NUMBER, OPT_OUTS, desk.rows.manager.id)
        assert DncList.select().count() == 1

    due = []
    desk.attempts.claim_due(
        SOON,
        10,
        SOON - NOW,
        lambda found, uuid: due.append(found) or plan.decide(found, uuid, SOON, plan.PlanSettings("127.0.0.1:8084")),
    )
    assert [found.do_not_call for found in due] == [True]
    with desk.store.reading():
        row = Alarm.get_by_id(waiting.id)
        assert row.status == AlarmStatus.FAILURE
        assert row.reason.startswith("do not call")


def test_an_answer_without_keys_is_no_key_pressed(desk: Desk) -> None:
    _, claim = desk.dial()
    desk.journal.open_call(claim.call_uuid, SOON)
    desk.journal.save_answer(claim.call_uuid, Answer(1, 1, "", True, "connected"), SOON)
    facts = desk.attempts.facts(claim.call_uuid)
    assert facts is not None
    assert facts.pressed is False


# -- over REST


def test_a_recording_is_heard_by_those_who_see_the_call(api: Api) -> None:
    survey = new_survey(api)
    alarm = new_alarm(api, new_event(api, new_calendar(api)))
    with api.store.transaction():
        call = CallRequest.create(
            request_uuid="u-1",
            call_time=NOW,
            phone_number="15550100001",
            survey=int(survey["url"].rstrip("/").rpartition("/")[2]),
            user=api.ids["practice"],
            created_date=NOW,
        )
        blob = AudioBlob.create(sha256="a" * 64, content=b"RIFF and so on")
        section = survey["sections"][0]
        said = SurveyAnswer.create(
            callrequest=call,
            position=1,
            survey=call.survey_id,
            section_id=section["id"],
            response="recorded",
            recording=blob,
            recording_seconds=7,
            created_date=NOW,
        )
        SurveyAnswer.create(
            callrequest=call, position=2, survey=call.survey_id, section_id=2, digits="1", created_date=NOW
        )
    assert alarm
    answers = api.get(f"callrequest/{call.id}/")["answers"]
    assert [a["recording"] for a in answers] == [api.url("recording", said.id), None]
    for user in ("root", "manager", "practice"):
        listed = api.get("recording/", user)
        assert listed["count"] == 1
        (shown,) = listed["results"]
        assert (shown["question"], shown["seconds"]) == (section["question"], 7)
        heard = api.send("GET", f"recording/{said.id}/content/", user=user)
        assert (heard.status, heard.headers["Content-Type"], heard.body) == (200, "audio/wav", b"RIFF and so on")
    for user in ("rival", "other"):
        assert api.get("recording/", user)["count"] == 0
        assert api.send("GET", f"recording/{said.id}/", user=user).status == 404
        assert api.send("GET", f"recording/{said.id}/content/", user=user).status == 404
    (other,) = SurveyAnswer.select(SurveyAnswer.id).where(SurveyAnswer.position == 2)
    assert api.send("GET", f"recording/{other.id}/content/").status == 404  # an answer without a recording
