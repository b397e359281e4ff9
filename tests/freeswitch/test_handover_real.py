"""What a survey inside FreeSWITCH hands to the socket, what it does by itself, and callers who come in over SIP.

On a FreeSWITCH of the test's own, with mod_python3; the callers are SIPp's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from fs_app.domain.enums import AlarmResult, AlarmStatus, AmdBehavior, SectionType
from fs_app.domain.survey import Branch, Section, Survey
from fs_app.store.models import CalendarSetting
from tests.contract.sounds import loud_seconds
from tests.freeswitch.embedded_world import CALLER_ID, World, worlds
from tests.freeswitch.sipp import RECORDINGS, SDP
from tests.rows import SURVEY

THANKS = Section(id=2, type=SectionType.HANGUP, order=2, script="Thank you.", completed=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from worlds(tmp_path, f"sqlite:///{tmp_path}/fs-app.sqlite3")


@pytest.fixture
def speaking(tmp_path: Path) -> Iterator[World]:
    """Its words are spoken by FreeSWITCH's own engine."""
    yield from worlds(tmp_path, f"sqlite:///{tmp_path}/fs-app.sqlite3", {"FS_APP_VOICES": "en=switch:flite:slt"})


def detect(world: World, behavior: AmdBehavior) -> None:
    world.survey()
    with world.store.transaction():
        CalendarSetting.update(voicemail=True, amd_behavior=behavior).execute()


@pytest.mark.parametrize(("callee", "who"), [("0006", "person"), ("0007", "machine")])
def test_who_answered_is_found_out_over_the_socket(world: World, callee: str, who: str) -> None:
    detect(world, AmdBehavior.ALWAYS)
    alarm = world.alarm(callee=callee)
    world.serve(FS_APP_IVR="embedded").line("booked")
    (call,) = world.calls(alarm)
    assert call.originate.endswith("&python(ivr.embedded)")
    assert "socket(127.0.0.1:" in world.switch.log()
    assert (call.amd_status, call.message_left) == (who, who == "machine"), call.amd_reason
    after = world.again(alarm)
    assert after.status == AlarmStatus.SUCCESS
    assert after.result == (AlarmResult.CONFIRMED if who == "person" else AlarmResult.NONE)
    world.quiet()


def test_a_conference_goes_over_the_socket(world: World) -> None:
    room = Section(
        id=1, type=SectionType.CONFERENCE, script="You will now join.", conference="room", branches=(Branch("0", 2),)
    )
    world.survey(Survey("conference", (room, THANKS)))
    server = world.serve()
    call = world.place(callee="0008")
    server.line("survey ended")
    assert world.request(call).completed, world.request(call).reason
    log = world.switch.log()
    assert "socket(127.0.0.1:" in log
    assert re.search(r"conference\(fs-app-\d+-room@", log)
    assert world.keys() == [(1, "", True)]  # the key that leaves the room answers nothing
    world.quiet()


def test_the_switch_itself_speaks_inside(speaking: World) -> None:
    """mod_flite says the words of the survey; nothing is rendered for it."""
    world = speaking
    if world.switch.api("module_exists mod_flite").strip() != "true":
        pytest.skip("mod_flite is not there: the switch's own voice was not heard inside")
    said = Section(
        id=1,
        type=SectionType.RATING,
        script="This is your reminder. Press 1 to confirm, or 2 to cancel.",
        timeout=4,
        branches=(Branch("any", 2),),
    )
    world.survey(Survey("spoken", (said, replace(THANKS, script="Thank you very much, and goodbye."))))
    call = world.place(callee="0009")
    world.quiet()
    assert "say:This is your reminder." in world.switch.log() or "speak" in world.switch.log().lower()
    assert "socket(127.0.0.1:" not in world.switch.log()
    assert world.request(call).ivr_end == "completed"
    heard = world.home / "heard-0009.wav"
    with wave.open(str(heard)) as sound:
        assert sound.getframerate() == 8000
    assert loud_seconds(heard) > 2
    assert not list((world.home / "sounds" / "tts").glob("*.wav"))


# ---- callers over SIP

CALLER = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
  <send retrans="500"><![CDATA[
    INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: "Caller" <sip:FROM@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:FROM@[local_ip]:[local_port]>
    Max-Forwards: 70
    SDP
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
    ACK [next_url] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: "Caller" <sip:FROM@[local_ip]:[local_port]>;tag=[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  KEYS
  <recv request="BYE"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
</scenario>
""".replace("    SDP\n", SDP)
KEY = '<pause milliseconds="2000"/><nop><action><exec play_pcap_audio="{}"/></action></nop>'


def sip_call(world: World, context: str, caller: str, key: str = "") -> str:
    """Somebody calls us over SIP, and presses a key after two seconds by RFC 2833. What SIPp says once all is over."""
    program = shutil.which("sipp")
    if program is None or not RECORDINGS.is_dir() or os.geteuid() != 0:
        pytest.skip("SIPp (Debian: sip-tester) and root are needed: nobody called in over SIP")
    pressed = KEY.format(RECORDINGS / f"dtmf_2833_{key}.pcap") if key else ""
    scenario = world.home / "caller.xml"
    scenario.write_text(CALLER.replace("KEYS", pressed).replace("FROM", caller))
    command = [program, "-sf", str(scenario), "-i", "127.0.0.1", "-m", "1", "-s", CALLER_ID, "-nostdin"]
    world.until(lambda: re.search(rf"{context}\s.*RUNNING", world.switch.api("sofia status")))
    target = f"127.0.0.1:{world.sip[context]}"
    process = subprocess.Popen(
        [*command, "-timeout", "40", "-timeout_error", target],
        cwd=world.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        with gevent.Timeout(45, AssertionError("the call over SIP did not end")):
            while process.poll() is None:
                gevent.sleep(0.1)
        assert process.stdout is not None
        said = process.stdout.read().decode(errors="replace")
        assert process.returncode == 0, said[-1500:]
        return said
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("way", ["socket", "inside"])
def test_who_calls_back_over_sip_hears_the_reminder_and_presses(world: World, way: str) -> None:
    alarm = world.missed()
    if way == "socket":
        world.serve()
    sip_call(world, way, "15550100001", "1")
    world.until(lambda: world.calls(alarm)[-1].ended_at is not None)
    after = world.again(alarm)
    assert (after.status, after.result, after.due_at, after.num_attempt) == (
        AlarmStatus.SUCCESS,
        AlarmResult.CONFIRMED,
        None,
        1,
    )
    second = world.calls(alarm)[1]
    assert second.originate == "inbound from 15550100001 to 15550100"
    assert world.keys() == [(SURVEY.sections[0].id, "1", True)]
    assert f"sofia/{way}/" in world.switch.log()
    world.quiet()


@pytest.mark.parametrize("way", ["socket", "inside"])
def test_a_stranger_over_sip_is_told_that_nothing_waits(world: World, way: str) -> None:
    alarm = world.missed()
    if way == "socket":
        world.serve()
    sip_call(world, way, "15550109999")  # until we hang up
    assert re.search(r"no-message-en\.wav", world.switch.log())
    assert len(world.calls(alarm)) == 1
    world.quiet()
