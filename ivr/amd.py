"""Person or machine: a pure judge over the first seconds of the callee's audio.

People answer with a word or a phrase and then wait, in silence, for an answer. Machines go on talking. So the judge
waits for a silence that is long for the speech before it, or for speech that goes on too long, or for a tone; it
decides as early as one of these is certain. docs/amd.md tells how, and how well.

    judge = Judge(AmdParameters())
    for frame in frames:
        decision = judge.feed(frame)
        if decision is not None:
            break
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

from fs_app.domain.amd import AmdParameters
from fs_app.domain.enums import WhoAnswered
from ivr.hearing import FRAME_MS, RATE, Progress, Sound, Tones, hear

_QUIET = 24.0  # dB: the noise of an idle PCM line; no floor is lower
_SILENT = -1.0  # dB: in place of the level of what is not listened to
_FAINT = 42.0  # dB: fainter than this nobody speaks into a telephone
_RANGE = 12.0  # dB between noise and speech; steady noise has less
_NEAR = 14.0  # dB: who is so much fainter than the loudest speaker is not at the telephone
_NEAR_FRAMES = 10  # between two of the near speaker's louder frames, or behind the last
_STEADY = 50.0  # dB: louder than this, a line on which nobody speaks is none on which nobody makes a sound
_CLICK = 3  # frames: a shorter sound is a click or a knock, not speech
_KNOCK = 140  # ms: the handset, or the line that is switched through; the shortest words are longer
_AFTER_KNOCK = 200  # ms: after such a silence, what comes is the first word
_JOIN = 5  # frames: a shorter silence is a closed consonant, inside a word
_TONE = 160  # ms
_BEEP = 120  # ms
_AFTER_BEEP = 200  # ms without a tone: of several beeps, the last is waited for
_LONGEST_BEEP = 1000  # ms that the switch may take for one and we do not
_AFTER_TOLD = 500  # ms of quiet after a beep that only the switch has heard
# Chosen with the defaults of AmdParameters: docs/amd.md tells how.
_LATE = 600  # ms: people who answer say something sooner, most machines do not
_LATE_SHARE = 0.8  # of the time beyond that is added to the silence that is waited for,
_LATE_MOST = 300  # but no more than so many ms
_PROGRESS = 700.0  # Hz: below are the tones of call progress, which say nothing about who answers
_ECHO = 100  # ms: what a codec makes of the end of a tone
_BETWEEN_RINGS = 6000  # ms; the longest pause of a ringing tone is 5 s (ITU-T E.180)
_RINGS = 60_000  # ms of ringing, and nobody comes


@dataclass(frozen=True, slots=True)
class Decision:
    """``ms`` is how much audio it took; ``reason`` one line for whoever reads the call's record."""

    who: WhoAnswered
    reason: str
    ms: int


@dataclass(frozen=True, slots=True)
class Speech:
    """What has been said so far, in ms: when it began, its span, and the silence since."""

    onset: int
    span: int
    silence: int


@dataclass(frozen=True, slots=True)
class Heard:
    """``tone_ms`` and ``tone_hz`` of the present tone; ``steady``: something loud that never pauses, such as music.

    ``speech`` is what was said after the first ``rung`` ms of ``now``, of which the last were a ringing tone.
    """

    speech: Speech | None
    tone_ms: int
    tone_hz: float
    steady: bool
    now: int
    rung: int


class Levels:
    """The levels of all frames so far, and what they say of noise and speech: both seen anew with each frame."""

    def __init__(self) -> None:
        self.frames: list[float] = []
        self._sorted: list[float] = []

    def add(self, level: float) -> None:
        self.frames.append(level)
        insort(self._sorted, level)

    def floor(self) -> float:
        """The noise: an eighth of all frames are no louder. Never below the noise of an idle line."""
        return max(_QUIET, self._sorted[len(self._sorted) // 8]) if self._sorted else _QUIET

    def threshold(self) -> float | None:
        """What is louder is speech; None while nothing stands out of the noise."""
        if len(self._sorted) <= _CLICK:
            return None
        floor, peak = self.floor(), self.peak()
        if peak < _FAINT or peak - floor < _RANGE:
            return None
        return max(floor + 6, floor + 0.45 * (peak - floor), peak - 30)

    def peak(self) -> float:
        """The loudest, but for clicks."""
        return self._sorted[-_CLICK]

    def hush(self, count: int) -> None:
        """The last ``count`` frames were a tone, which is neither speech nor noise: they say nothing."""
        for at in range(len(self.frames) - count, len(self.frames)):
            if self.frames[at] > _SILENT:
                del self._sorted[bisect_left(self._sorted, self.frames[at])]
                self.frames[at] = _SILENT


class Judge:
    """One call. ``rate`` is that of the frames, in Hz."""

    def __init__(self, parameters: AmdParameters, rate: int = RATE) -> None:
        self._rules = parameters
        self._rate = rate
        self.levels = Levels()
        self.tones = Tones()
        self.decision: Decision | None = None
        self._progress = Progress()
        self._ms = self._rung = 0  # in all, and until the last tone of call progress was over

    def feed(self, frame: bytes) -> Decision | None:
        """The next 20 ms; the decision as soon as there is one, and from then on the same."""
        return self.hear(hear(frame, self._rate))

    def hear(self, sound: Sound) -> Decision | None:
        """As :meth:`feed`, for a frame that has been measured already."""
        if self.decision is not None:
            return self.decision
        self._ms += FRAME_MS
        self.tones.feed(sound)
        self._progress.feed(sound)
        if self._progress.ms or self._progress.since <= _ECHO:
            # The exchange has answered and now rings somebody: what has been heard so far says nothing about them.
            self.levels, self._rung = Levels(), self._ms
            if self._progress.busy:
                self.decision = Decision(WhoAnswered.MACHINE, "a busy tone", self._ms)
            elif self._ms >= _RINGS:
                self.decision = Decision(WhoAnswered.UNKNOWN, f"it was still ringing after {self._ms} ms", self._ms)
            return self.decision
        self.levels.add(sound.level)
        if self.tones.ms >= _TONE:  # not sooner: a single vowel may look like a tone
            self.levels.hush(self.tones.ms // FRAME_MS)
        self.decision = decide(self._rules, self.heard())
        return self.decision

    def heard(self) -> Heard:
        """All that the decision follows from, as it looks now."""
        return Heard(self.speech(), self.tones.ms, self.tones.hz, self.levels.floor() >= _STEADY, self._ms, self._rung)

    def speech(self) -> Speech | None:
        """Where there was speech, as it looks now."""
        threshold, levels = self.levels.threshold(), self.levels.frames
        if threshold is None:
            return None
        near = max(threshold, self.levels.peak() - _NEAR)
        onset = end = -1
        start = 0
        loud, last = False, -_NEAR_FRAMES
        for at, level in enumerate((*levels, 0.0)):
            if level > near:
                last = at
            if (level > threshold and at - last < _NEAR_FRAMES) is loud:
                continue
            loud = not loud
            if loud:
                start = at
            elif at - start >= _CLICK or (end >= 0 and start - end < _JOIN):
                knocked = end >= 0 and (end - onset) * FRAME_MS < _KNOCK and (start - end) * FRAME_MS >= _AFTER_KNOCK
                if onset < 0 or knocked:
                    onset = start
                end = at
        if onset < 0:
            return None
        return Speech(onset * FRAME_MS, (end - onset) * FRAME_MS, (len(levels) - end) * FRAME_MS)


def decide(rules: AmdParameters, heard: Heard) -> Decision | None:
    """What follows from what has been heard; None: it is too early to say."""
    speech, now = heard.speech, heard.now
    since = now - heard.rung
    if heard.tone_ms >= _TONE and (speech is not None or heard.tone_hz > _PROGRESS):
        return Decision(WhoAnswered.MACHINE, f"a tone of {heard.tone_hz:.0f} Hz", now)
    if speech is None:
        if since >= (max(rules.initial_silence, _BETWEEN_RINGS) if heard.rung else rules.initial_silence):
            if rules.silence_is_machine:
                return Decision(WhoAnswered.MACHINE, f"no speech for {since} ms", now)
            if heard.steady:
                return Decision(WhoAnswered.MACHINE, f"a loud sound without a pause for {since} ms", now)
            return Decision(WhoAnswered.UNKNOWN, f"no speech for {since} ms", now)
    elif speech.silence >= needed(rules, speech, 0 if heard.rung else speech.onset):
        said = f"{speech.span} ms of speech after {speech.onset} ms, then {speech.silence} ms of silence"
        return Decision(WhoAnswered.PERSON, said, now)
    elif speech.span >= rules.greeting:
        return Decision(WhoAnswered.MACHINE, f"{speech.span} ms of speech without a long silence", now)
    if since >= rules.total:
        return Decision(WhoAnswered.UNKNOWN, f"undecided after {since} ms", now)
    return None


def needed(rules: AmdParameters, speech: Speech, onset: int) -> float:
    """The silence after which the speaker waits for an answer, in ms: longer after a phrase than after a word, and
    longer where the first word came late."""
    if speech.span < _KNOCK:
        return rules.silence_after_phrase
    further = min(1.0, max(0.0, (speech.span - rules.word) / (rules.phrase - rules.word)))  # from a word to a phrase
    usual = rules.silence_after_word + further * (rules.silence_after_phrase - rules.silence_after_word)
    return usual + min(_LATE_MOST, _LATE_SHARE * max(0, onset - _LATE))


class GreetingEnd:
    """After the decision: hears when a machine's greeting is over and its recording begins. Pure, as the judge.

    ``judge`` has decided "machine"; the audio goes on where it stopped.
    """

    def __init__(self, parameters: AmdParameters, judge: Judge) -> None:
        self._rules = parameters
        self._rate = judge._rate
        self._levels = judge.levels
        self._tones = judge.tones
        # Tones before any speech announce a message of the network; the beep comes after the greeting.
        self._spoken = judge.speech() is not None
        self._beep = judge.tones.ms if self._spoken else 0
        self._ms = self._quiet = 0
        self._told = False
        self._since = 0  # ms of speech since we were told

    def told_of_a_beep(self) -> None:
        """The switch says that it hears one. It may be a vowel: so it counts only if no speech follows."""
        if self._spoken:
            self._told, self._since = True, 0

    def feed(self, frame: bytes) -> str | None:
        """The next 20 ms; why the message may be spoken now, in words, as soon as it may."""
        sound = hear(frame, self._rate)
        self._ms += FRAME_MS
        self._tones.feed(sound)
        self._levels.add(sound.level)
        threshold = self._levels.threshold()
        tone = self._tones.ms >= _BEEP
        loud = threshold is not None and sound.level > threshold and not tone
        self._quiet = 0 if loud or tone else self._quiet + FRAME_MS
        self._spoken = self._spoken or loud
        if tone and self._spoken:
            self._beep = self._tones.ms
        if self._told and loud:
            self._since += FRAME_MS
            self._told = self._since <= _LONGEST_BEEP
        if self._beep and self._quiet >= _AFTER_BEEP:
            return f"after a beep, {self._ms} ms later"
        if self._told and self._quiet >= _AFTER_TOLD:
            return f"after a beep that mod_avmd heard, {self._ms} ms later"
        if self._quiet >= self._rules.message_silence:
            return f"after {self._quiet} ms of silence, {self._ms} ms later"
        if self._ms >= self._rules.message_wait:
            return f"without a beep for {self._ms} ms"
        return None
