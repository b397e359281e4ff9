"""Person or machine: how often the judge is right, how soon, and what it costs, next to Asterisk's app_amd.

    python benchmarks/amd.py [--calls 300] [--seed 12] [--holdout] [--fit MS]

Both hear the same answered calls, made of voices that the parameters were not fitted on: other languages, other
speakers. Calls of either kind are as many; benchmarks/_amd_corpus.py says what they are made of. "Unknown" counts as a
person, for both. Without the recorded voices (benchmarks/_amd_voices.py names the Debian packages) nothing is measured.
``--holdout`` takes voices of which ``--fit`` knows none (benchmarks/_amd_holdout.py names their packages). ``--fit``
chooses parameters on the other voices, leaving out one after the other, with half of the persons decided within so
many ms; it prints what was chosen, and how right that was about the voices left out. Always exits 0: figures are for
reading.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import _amd_holdout as more
from _amd_corpus import Call, Maker
from _amd_voices import FIT_VOICES, REPORT_VOICES, SOUNDS, Voice, fit_voices, report_voices
from _app_amd import AppAmd

from fs_app.domain.amd import AmdParameters
from ivr.amd import Heard, Judge, decide
from ivr.hearing import FRAME_MS, hear

Verdict = tuple[str, int]
# The same judge, asked for what app_amd does: to take long speech, and silence, for a machine, and soon.
LIKE_APP_AMD = AmdParameters(
    greeting=1300, silence_after_word=720, silence_after_phrase=850, initial_silence=2500, silence_is_machine=True
)
SOONER_OR_LATER = (400, 480, 540, 600, 660, 720, 800)  # silence_after_word, in ms
# What app_amd needs to be set to, to take fewer persons for machines: it hears more, and waits longer.
PATIENT_APP_AMD = AppAmd(initial_silence=4000, greeting=2500, maximum_words=6, after_greeting_silence=1000, total=8000)
GRID = {
    "silence_after_word": (400, 480, 540, 600, 660, 720),
    "silence_after_phrase": (900, 1100, 1300),
    "word": (600, 750, 900),
    "phrase": (1100, 1300),
}
FALSE_MACHINE = 1.5  # false persons: somebody is not told, which is worse than a message into a greeting
RECOGNISED = (1500, 2000, 2800, 4000, 6000)  # ms


def ours(frames: list[bytes]) -> Verdict:
    judge = Judge(AmdParameters())
    for frame in frames:
        if (decision := judge.feed(frame)) is not None:
            return decision.who.value, decision.ms
    return "unknown", len(frames) * FRAME_MS


def theirs(frames: list[bytes], judge: AppAmd) -> Verdict:
    for frame in frames:
        if (verdict := judge.feed(frame)) is not None:
            return verdict
    return "unknown", len(frames) * FRAME_MS


class Score:
    """Figures over calls: shares, and milliseconds from the answer to the decision."""

    def __init__(self, verdicts: list[tuple[Call, Verdict]]) -> None:
        self.of_kind: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.of_voice: dict[str, list[bool]] = defaultdict(list)
        times: dict[str, list[int]] = {"person": [], "machine": []}
        wrong: Counter[str] = Counter()
        recognised: list[int] = []
        for call, (who, ms) in verdicts:
            ms = max(0, ms - call.rung)
            right = (who == "machine") == (call.who == "machine")
            self.of_kind[call.who, call.kind][who] += 1
            self.of_voice[call.voice].append(right)
            times[call.who].append(ms)
            wrong[call.who] += not right
            if right and call.who == "person":
                recognised.append(ms)
        self.recognised = [sum(ms <= t for ms in recognised) / max(1, len(times["person"])) for t in RECOGNISED]
        self.accuracy = 1 - sum(wrong.values()) / len(verdicts)
        self.false_machine = wrong["person"] / max(1, len(times["person"]))
        self.false_person = wrong["machine"] / max(1, len(times["machine"]))
        self.persons, self.machines = ((at(times[who], 0.5), at(times[who], 0.95)) for who in ("person", "machine"))

    def row(self, name: str) -> str:
        shares = (self.accuracy, self.false_machine, self.false_person)
        times = (*self.persons, *self.machines)
        return f"{name:<16}" + "".join(f"{s:>10.1%}" for s in shares) + "".join(f"{t:>9} ms" for t in times)


def at(values: list[int], share: float) -> int:
    return sorted(values)[int(len(values) * share)] if values else 0


def report(voices: list[Voice], words: str, count: int, seed: int) -> None:
    calls = list(Maker(voices, seed).calls(count))
    verdicts: dict[str, list[tuple[Call, Verdict]]] = {}
    judges: dict[str, Callable[[list[bytes]], Verdict]] = {
        "fs-app": ours,
        "app_amd": lambda frames: theirs(frames, AppAmd()),
        "app_amd, patient": lambda frames: theirs(frames, replace(PATIENT_APP_AMD)),
    }
    for name, judge in judges.items():
        begun = time.process_time()
        verdicts[name] = [(call, judge(call.frames)) for call in calls]
        heard = sum(ms for _, (_, ms) in verdicts[name]) / FRAME_MS
        print(f"{name}: {(time.process_time() - begun) / heard * 1e6:.0f} µs a frame")
    print(f"\n{len(calls)} calls, half of them persons, {words}, seed {seed}\n")
    head = " " * 16 + " accuracy  f.machine  f.person  persons: median, p95    machines: median, p95"
    print(head)
    scores = {name: Score(found) for name, found in verdicts.items()}
    for name, score in scores.items():
        print(score.row(name))
    print("\nof the persons, recognised as such within " + ", ".join(f"{t / 1000:g}" for t in RECOGNISED) + " s")
    for name, score in scores.items():
        print(f"{name:<16}" + "".join(f"{share:>10.1%}" for share in score.recognised))
    print("\nthe same judge with other parameters: silence_after_word, and what comes nearest to app_amd\n" + head)
    known = [(call, states(call)) for call in calls]
    others = {f"{ms} ms": AmdParameters(silence_after_word=ms) for ms in SOONER_OR_LATER}
    for name, rules in {**others, "like app_amd": LIKE_APP_AMD}.items():
        print(Score([(call, decided(rules, frames)) for call, frames in known]).row(name))
    print("\nwhat was decided, by what was heard (fs-app | app_amd)")
    for key in sorted(scores["fs-app"].of_kind):
        told = " | ".join(
            ", ".join(f"{who} {n}" for who, n in sorted(score.of_kind[key].items())) for score in scores.values()
        )
        print(f"  {key[0]:<8} {key[1]:<15} {told}")
    print("\nright, by voice: ", end="")
    print(", ".join(f"{voice} {sum(r) / len(r):.0%}" for voice, r in sorted(scores["fs-app"].of_voice.items())))


def load() -> None:
    """Judging in the loop that holds the calls: its share of a core, and how long other work waits for it."""
    print("\nin one gevent loop, UDP and all:")
    for calls in (0, 100):
        script = Path(__file__).with_name("_amd_load.py")
        done = subprocess.run([sys.executable, str(script), str(calls), "8"], capture_output=True, check=True)
        told = json.loads(done.stdout)
        late = " ".join(f"{ms:.1f}" for ms in told["late_ms"])
        print(f"  {calls:>3} judgements: {told['core']:.0%} of a core; other work waits {late} ms, p50 p95 p99")


# ---- fitting


def states(call: Call) -> list[Heard]:
    """What the judge has heard after each frame; no parameter changes that."""
    judge = Judge(AmdParameters(initial_silence=20_000, greeting=20_000, total=30_000))
    found = []
    for frame in call.frames:
        judge.decision = None
        judge.hear(hear(frame))
        found.append(judge.heard())
    return found


def decided(rules: AmdParameters, frames: list[Heard]) -> Verdict:
    for heard in frames:
        if (decision := decide(rules, heard)) is not None:
            return decision.who.value, decision.ms
    return "unknown", len(frames) * FRAME_MS


def fit(count: int, seed: int, median: int) -> None:
    """The best of :data:`GRID` by what it does to all voices but one, for each of them."""
    voices = fit_voices()
    if lacking := more.former_missing():
        print(f"without {', '.join(lacking)}: fewer voices (apt-get install {more.FORMER_PACKAGES})")
    else:
        voices += more.former_voices()
    heard = [(call, states(call)) for call in Maker(voices, seed).calls(count)]
    tried = []
    for values in itertools.product(*GRID.values()):
        rules = AmdParameters.from_mapping(dict(zip(GRID, values, strict=True)))
        tried.append((values, [(call, decided(rules, frames)) for call, frames in heard]))
    left_out: list[tuple[Call, Verdict]] = []
    chosen: Counter[tuple[int, ...]] = Counter()
    for voice in voices:
        best = None
        for values, verdicts in tried:
            costs = cost(Score([v for v in verdicts if v[0].voice != voice.name]), median)
            if best is None or costs < best[0]:
                best = costs, values, verdicts
        assert best is not None
        _, values, verdicts = best
        chosen[values] += 1
        left_out += [v for v in verdicts if v[0].voice == voice.name]
    print(f"{len(heard)} calls of {len(voices)} voices; chosen of {', '.join(GRID)}:")
    for values, times in chosen.most_common(5):
        print(f"  {times} times {values}")
    print(Score(left_out).row("left out"))
    print(Score([(call, decided(AmdParameters(), frames)) for call, frames in heard]).row("the defaults"))


def cost(score: Score, median: int) -> float:
    """False decisions; a median later than asked for is worse than any of them."""
    late = max(0, score.persons[0] - median)
    return FALSE_MACHINE * score.false_machine + score.false_person + late


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="of persons, and of machines [300]")
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--fit", type=int, metavar="MS", help="choose parameters instead, with this median for persons")
    parser.add_argument("--holdout", action="store_true", help="voices that were held out")
    args = parser.parse_args()
    missing = [str(SOUNDS / name) for name in (*FIT_VOICES, *REPORT_VOICES) if not (SOUNDS / name).is_dir()]
    packages = "asterisk-core-sounds-{en,es,fr,it,ru}-wav asterisk-prompt-it-menardi-wav asterisk-moh-opsound-wav"
    packages += " flite sox"
    if args.holdout:
        missing, packages = more.missing(), more.PACKAGES
    if missing:
        print(f"SKIPPED, nothing was measured: no {', '.join(missing)}. Install the Debian packages:")
        print(f"  apt-get install --no-install-recommends {packages}")
    elif args.fit:
        fit(args.calls, args.seed, args.fit)
    elif args.holdout:
        report(more.holdout_voices(), "voices held out", args.calls, args.seed)
    else:
        report(report_voices(), "voices that nothing was fitted on", args.calls, args.seed)
        load()


main()
