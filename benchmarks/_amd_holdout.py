"""Voices that were never looked at while the judge was made: neither their calls nor their figures, until the end.

Real ones: two more sets of Asterisk prompts, and people who speak in games: one word at a time (KTuberling: ten
languages, recorded at home) and whole sentences (Fish Fillets, three languages). Rendered ones: festival's, and
espeak-ng in languages of their own.

:data:`PACKAGES` are where they come from.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from array import array
from pathlib import Path

import av
from _amd_texts import HOLDOUT_LANGUAGES, TEXTS
from _amd_voices import RATE, SOUNDS, Clip, Voice, prompts_voice, read_wav, rendered_voice, seconds, trimmed

PACKAGES = (
    "asterisk-prompt-es-co asterisk-prompt-fr-armelle asterisk-moh-opsound-wav ktuberling-data fillets-ng-data "
    "fillets-ng-data-cs fillets-ng-data-nl festival festvox-italp16k festvox-czech-dita festvox-suopuhe-lj sox"
)
GAME = Path("/usr/share/games/fillets-ng/sound")
WORDS = Path("/usr/share/ktuberling/sounds")
PROMPTS = ("es", "fr")
PLAYERS = {"cs": ("ca", "da", "sl"), "nl": ("de", "en", "gl"), "en": ("el", "lt", "ru", "uk")}
FESTIVAL = {"voice_lp_diphone": "it", "voice_czech_dita": "cs", "voice_suo_fi_lj_diphone": "fi"}


def missing() -> list[str]:
    """What is not installed of it."""
    folders = [*(SOUNDS / name for name in PROMPTS), GAME, WORDS]
    programs = [name for name in ("sox", "text2wave") if shutil.which(name) is None]
    return [str(folder) for folder in folders if not folder.is_dir()] + programs


def holdout_voices() -> list[Voice]:
    made = [prompts_voice(SOUNDS / name, f"prompts {name}") for name in PROMPTS]
    made += [_players(language, words) for language, words in PLAYERS.items()]
    made += [_festival(voice, language) for voice, language in FESTIVAL.items()]
    return made + [rendered_voice(language) for language in HOLDOUT_LANGUAGES]


def _players(language: str, words: tuple[str, ...]) -> Voice:
    """Sentences out of one game, and single words out of the other; every clip has its own microphone."""
    dice = random.Random(language)
    lines = [p for p in sorted(GAME.glob(f"*/{language}/*.ogg")) if 6000 < p.stat().st_size < 120_000]
    said = [trimmed(_ogg(p)) for p in dice.sample(lines, min(150, len(lines)))]
    names = [p for spoken in words for p in sorted((WORDS / spoken).glob("*.ogg"))]
    single = [trimmed(_ogg(p)) for p in dice.sample(names, 60)]
    phrases = [c for c in said if 1.2 <= seconds(c) <= 2.8]
    greetings = [[c] for c in said if seconds(c) >= 4]
    greetings += [[a, b, c] for a, b, c in zip(phrases[::3], phrases[1::3], phrases[2::3], strict=False)]
    return Voice(f"players {language}", [c for c in single + said if 0.2 < seconds(c) <= 1.1], phrases, greetings)


def _ogg(path: Path) -> Clip:
    out = array("h")
    with av.open(str(path), metadata_errors="ignore") as file:
        down = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in file.decode(audio=0):
            for part in down.resample(frame):
                out.frombytes(bytes(part.planes[0])[: part.samples * 2])
    return out


def _festival(voice: str, language: str) -> Voice:
    def say(text: str) -> Clip:
        plain = text.encode("latin-1", "replace")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "words.wav"
            command = ["text2wave", "-eval", f"({voice})", "-o", str(path)]
            subprocess.run(command, input=plain, check=True, capture_output=True)
            return trimmed(read_wav(path))

    home, work, machine = TEXTS[language]
    name = f"festival {voice.removeprefix('voice_')}"
    return Voice(name, [say(t) for t in home], [say(t) for t in work], [[say(t) for t in g] for g in machine])
