"""Every engine that the settings know by name, run for real where it is installed, and said aloud where it is not."""

from __future__ import annotations

import io
import os
import shutil
import wave
from array import array

import pytest

from ivr.speech_command import SpeechCommand, spoken
from ivr.voices import voice

MODEL = os.environ.get("FS_APP_TEST_PIPER_MODEL", "")
ENGINES = {
    "espeak": "",
    "espeak-ng": "espeak-ng (Debian: espeak-ng)",
    "flite:slt": "flite (Debian: flite)",
    "pico2wave:en-US": "pico2wave (Debian's non-free: libttspico-utils)",
    f"piper:{MODEL or '/no/model.onnx'}": "piper (PyPI: piper-tts) and FS_APP_TEST_PIPER_MODEL=/path/to/voice.onnx",
}
LONG = "Your appointment with Doctor Miller is on Tuesday, March third, at three thirty PM. Press 1 to confirm."


@pytest.mark.parametrize("engine", ENGINES, ids=[name.partition(":")[0] for name in ENGINES])
def test_an_engine_speaks(engine: str) -> None:
    program = engine.partition(":")[0]
    if ENGINES[engine] and (shutil.which(program) is None or (program == "piper" and not MODEL)):
        pytest.skip(f"not heard: {program}. It needs {ENGINES[engine]}")
    driver = voice((engine,))
    assert isinstance(driver, SpeechCommand)
    lengths = []
    for text in ("Yes.", LONG, '- one\n-v two\n\'; echo "three" $HOME'):
        with wave.open(io.BytesIO(spoken(driver, text, "en"))) as sound:
            assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
            samples = array("h", sound.readframes(sound.getnframes()))
            assert max(map(abs, samples)) > 1000
            lengths.append(len(samples) / sound.getframerate())
    short, long, odd = lengths
    assert short < 2 < 4 < long < 12
    assert 0.6 < odd < 9
