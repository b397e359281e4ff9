"""Asterisk's answering machine detection, written anew from its published description, to compare with.

The description (application AMD, its amd.conf): energy is compared with a threshold, sounds of at least a word's
length count as words, and the times below decide. Defaults as published.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

FRAME_MS = 20


@dataclass
class AppAmd:
    """``feed`` frames of 20 ms, 16-bit linear at 8000 Hz; ``verdict`` is (who, ms) once it has decided."""

    initial_silence: int = 2500  # ms of silence before any greeting: machine
    greeting: int = 1500  # ms of voice in the greeting: machine
    after_greeting_silence: int = 800  # ms of silence after it: person
    total: int = 5000  # ms: not sure
    minimum_word: int = 100  # ms
    between_words: int = 50  # ms of silence that end a word
    maximum_words: int = 3  # reached: machine
    threshold: int = 256  # mean absolute amplitude
    maximum_word: int = 5000  # ms: machine

    def __post_init__(self) -> None:
        self.verdict: tuple[str, int] | None = None
        self._now = self._silence = self._voice = self._word = self._words = 0
        self._in_word = self._in_greeting = False

    def feed(self, frame: bytes) -> tuple[str, int] | None:
        if self.verdict is not None:
            return self.verdict
        samples = array("h", frame)
        self._now += FRAME_MS
        who = self._quiet() if sum(map(abs, samples)) / len(samples) < self.threshold else self._loud()
        if not who and self._now >= self.total:
            who = "unknown"
        if who:
            self.verdict = (who, self._now)
        return self.verdict

    def _quiet(self) -> str:
        self._silence += FRAME_MS
        if self._silence >= self.between_words:
            self._in_word, self._word = False, 0
        if not self._in_greeting and self._silence >= self.initial_silence:
            return "machine"
        return "person" if self._in_greeting and self._silence >= self.after_greeting_silence else ""

    def _loud(self) -> str:
        self._silence = 0
        self._word += FRAME_MS
        self._voice += FRAME_MS
        if self._word >= self.minimum_word:
            self._in_greeting = True
            if not self._in_word:
                self._in_word = True
                self._words += 1
        long = self._word >= self.maximum_word or self._voice >= self.greeting
        return "machine" if long or self._words >= self.maximum_words else ""
