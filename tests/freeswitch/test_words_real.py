"""What a callee of a real switch hears: two languages, spoken dates, an uploaded MP3, the switch's own recordings."""

from __future__ import annotations

import hashlib
import os
import wave
from array import array
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fs_app.audio import to_wav
from fs_app.domain.enums import AlarmStatus, SectionType
from fs_app.domain.survey import Branch, Section, Translation
from fs_app.store.models import AudioBlob
from fs_app.words import Facts, spoken
from tests import sounds
from tests.contract.sounds import loud_seconds, readable
from tests.product import running

pytestmark = pytest.mark.freeswitch

MP3 = sounds.encoded(sounds.tone(1000, 1.5), "mp3", "libmp3lame")
JINGLE = to_wav(MP3)
SAY = Section(
    1,
    SectionType.PLAY_MESSAGE,
    script="Hello {name}, your appointment is on {event_at}.",
    translations={"fr": Translation(script="Bonjour {name}, votre rendez-vous est {event_at}.")},
    branches=(Branch("0", 2),),
)
SING = Section(2, SectionType.HANGUP, order=2, audio=hashlib.sha256(JINGLE).hexdigest(), completed=True)
START = datetime(2126, 3, 1, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(("language", "voice"), [("en", "flite:slt"), ("fr", "espeak"), ("en", "switch:flite:slt")])
def test_a_survey_in_two_languages_and_an_uploaded_mp3(tmp_path: Path, language: str, voice: str) -> None:
    address = os.environ.get("FS_APP_TEST_ESL", "")
    if not address:
        pytest.skip("FS_APP_TEST_ESL is unset: nothing was tested against a real FreeSWITCH")
    password = os.environ.get("FS_APP_TEST_ESL_PASSWORD", "ClueCon")
    heard = readable(tmp_path) / "heard.wav"
    gateway = "loopback/{number}/fs_app_parties"
    voices = f"{language}={voice}"
    with running(
        tmp_path, address, password, gateway, SAY, SING, voices=voices, timezone="Europe/Paris", time_limit="60"
    ) as product:
        with product.store.transaction():
            AudioBlob.create(sha256=SING.audio, content=JINGLE)
        event = {"data": {"name": "Jo", "language": language}, "start": START, "end": START}
        alarm = product.ring("2103", event=event)
        call = product.until("originate", number="2103")
        product.ask_until(lambda: product.switch.api(f"uuid_exists {call}").strip() == "true")
        product.switch.api(f"uuid_setvar {call} RECORD_WRITE_ONLY true")
        product.switch.api(f"uuid_setvar {call} RECORD_STEREO false")
        product.ask_until(lambda: product.switch.api(f"uuid_record {call} start {heard}").startswith("+OK"))
        product.until("booked", status="SUCCESS")
        assert product.alarm(alarm)[0] is AlarmStatus.SUCCESS
        (said, path) = next(
            (str(d["words"]), str(d["path"])) for _at, what, _uuid, d in product.told if what == "words"
        )
    facts = Facts({}, ZoneInfo("Europe/Paris"), START, START, "", datetime.now(UTC).date())
    at = spoken(facts, language)["event_at"]
    hello = {"en": f"Hello Jo, your appointment is on {at}.", "fr": f"Bonjour Jo, votre rendez-vous est {at}."}
    assert said == hello[language]
    # The whole sentence, and then the whole jingle: its pitch is in the recording for as long as it lasts.
    by_the_switch = path.startswith("say:")
    spoken_for = loud_seconds(heard) - 1.5 if by_the_switch else loud_seconds(Path(path))
    assert 2 < spoken_for < 10
    assert loud_seconds(heard) == pytest.approx(spoken_for + 1.5, abs=0.6)
    with wave.open(str(heard)) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (1, 8000)
        samples = array("h", sound.readframes(sound.getnframes()))
    seconds = [samples[at : at + 4000] for at in range(0, len(samples) - 4000, 4000)]
    pitched = [half for half in seconds if sounds.level(half, 1000) > 0.2]
    assert 2 <= len(pitched) <= 4
