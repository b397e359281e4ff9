"""Voices for the benchmark of person or machine that need more packages than the others.

:func:`holdout_voices` are no part of ``--fit``: the casts of two games, and people who say in six languages what is in
a picture, and single letters. docs/amd.md tells when they were first looked at. :func:`former_voices` were held out
when the judge was first made; since then ``--fit`` has used them.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import _amd_games as games
from _amd_texts import HOLDOUT_LANGUAGES, TEXTS
from _amd_voices import SOUNDS, Clip, Voice, prompts_voice, read_wav, rendered_voice, trimmed

PACKAGES = (
    "flight-of-the-amazon-queen beneath-a-steel-sky tuxpaint-stamps-default klettres-data asterisk-moh-opsound-wav sox"
)
FORMER_PACKAGES = (
    "asterisk-prompt-es-co asterisk-prompt-fr-armelle ktuberling-data fillets-ng-data fillets-ng-data-cs "
    "fillets-ng-data-nl festival festvox-italp16k festvox-czech-dita festvox-suopuhe-lj"
)
PICTURES = {
    "fr": "fr",
    "ru": "ru",
    "ro": "it",
    "be": "uk",
    "el": "pt_BR",
    "bg": "hu",
}  # letters of a language of that sound
FORMER_PICTURES = {"ca": "es", "da": "da"}
PROMPTS = ("es", "fr")
ACTORS = {"cs": ("ca", "da", "sl"), "nl": ("de", "en", "gl"), "en": ("el", "lt", "ru", "uk")}
FESTIVAL = {"voice_lp_diphone": "it", "voice_czech_dita": "cs", "voice_suo_fi_lj_diphone": "fi"}


def missing() -> list[str]:
    """What is not installed for :func:`holdout_voices`."""
    return [str(path) for path in (games.QUEEN, games.SKY, games.STAMPS, games.LETTERS) if not path.exists()]


def former_missing() -> list[str]:
    """What is not installed for :func:`former_voices`."""
    places = [*(SOUNDS / name for name in PROMPTS), games.FISH, games.POTATO]
    programs = [name for name in ("sox", "text2wave") if shutil.which(name) is None]
    return [str(path) for path in places if not path.exists()] + programs + missing()


def holdout_voices() -> list[Voice]:
    made = [games.cast(part, 3) for part in range(3)] + [games.sky(part, 4) for part in range(4)]
    return made + [games.pictures(*spoken) for spoken in PICTURES.items()]


def former_voices() -> list[Voice]:
    made = [prompts_voice(SOUNDS / name, f"prompts {name}") for name in PROMPTS]
    made += [games.actors(language, words) for language, words in ACTORS.items()]
    made += [_festival(voice, language) for voice, language in FESTIVAL.items()]
    made += [games.pictures(*spoken) for spoken in FORMER_PICTURES.items()]
    return [*made, games.hero(), *(rendered_voice(language) for language in HOLDOUT_LANGUAGES)]


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
