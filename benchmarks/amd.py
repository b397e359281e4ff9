"""Person or machine: how often the judge is right, how soon, and what it costs, next to Asterisk's app_amd.

    python benchmarks/amd.py [--calls 300] [--seed 12] [--holdout] [--fit SECONDS]

Both hear the same answered calls, made of voices that the parameters were not fitted on: other languages, other
speakers. Calls of either kind are as many; benchmarks/_amd_corpus.py says what they are made of. "Unknown" counts as a
person, for both. Without the recorded voices (benchmarks/_amd_voices.py names the Debian packages) nothing is measured.
``--holdout`` takes voices that were never looked at (benchmarks/_amd_holdout.py names their packages). ``--fit``
searches parameters on the other voices and prints what it finds. Always exits 0: figures are for reading.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from _amd_corpus import Call, Maker
from _amd_voices import FIT_VOICES, REPORT_VOICES, SOUNDS, Voice, fit_voices, report_voices
from _app_amd import AppAmd

from fs_app.domain.amd import LIMITS, AmdParameters
from fs_app.errors import InvalidInput
from ivr.amd import Heard, Judge, decide
from ivr.hearing import FRAME_MS, hear

Verdict = tuple[str, int]
# The same judge, asked for what app_amd does: to take long speech, and silence, for a machine, and soon.
LIKE_APP_AMD = AmdParameters(
    greeting=1300, silence_after_word=720, silence_after_phrase=850, initial_silence=2500, silence_is_machine=True
)
SOONER_OR_LATER = (300, 340, 400, 500, 600, 720)  # silence_after_word, in ms
RECOGNISED = (1500, 2000, 2800, 4000, 6000)  # ms


def ours(frames: list[bytes]) -> Verdict:
    judge = Judge(AmdParameters())
    for frame in frames:
        if (decision := judge.feed(frame)) is not None:
            return decision.who.value, decision.ms
    return "unknown", len(frames) * FRAME_MS


def theirs(frames: list[bytes]) -> Verdict:
    judge = AppAmd()
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
    for name, judge in (("fs-app", ours), ("app_amd", theirs)):
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


def fit(count: int, seed: int, seconds: float) -> None:
    """A random walk through the parameters. A false decision costs 1, a median above 1.4 s a little."""
    heard = [(call, states(call)) for call in Maker(fit_voices(), seed).calls(count)]
    dice = random.Random(seed)
    names = ["silence_after_word", "silence_after_phrase", "word", "phrase", "greeting", "initial_silence"]
    best = AmdParameters()
    least, told = cost(best, heard)
    print(best, told)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tried = {name: getattr(best, name) for name in LIMITS}
        for name in dice.sample(names, dice.choice([1, 1, 2, 3])):
            tried[name] = max(LIMITS[name][0], round(tried[name] * dice.uniform(0.8, 1.25), -1))
        try:
            rules = AmdParameters.from_mapping(tried)
        except InvalidInput:
            continue
        costs, told = cost(rules, heard)
        if costs < least:
            best, least = rules, costs
            print(best, told)


def cost(rules: AmdParameters, heard: list[tuple[Call, list[Heard]]]) -> tuple[float, str]:
    score = Score([(call, decided(rules, frames)) for call, frames in heard])
    persons = score.persons[0]
    told = f"false machine {score.false_machine:.3f}, false person {score.false_person:.3f}, persons {persons} ms"
    return score.false_machine + score.false_person + max(0, persons - 1400) / 6000, told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="of persons, and of machines [300]")
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--fit", type=float, metavar="SECONDS", help="search parameters instead")
    parser.add_argument("--holdout", action="store_true", help="voices that were never looked at")
    args = parser.parse_args()
    missing = [str(SOUNDS / name) for name in (*FIT_VOICES, *REPORT_VOICES) if not (SOUNDS / name).is_dir()]
    packages = "asterisk-core-sounds-{en,es,fr,it,ru}-wav asterisk-prompt-it-menardi-wav asterisk-moh-opsound-wav"
    packages += " flite sox"
    if args.holdout:
        import _amd_holdout

        missing, packages = _amd_holdout.missing(), _amd_holdout.PACKAGES
    if missing:
        print(f"SKIPPED, nothing was measured: no {', '.join(missing)}. Install the Debian packages:")
        print(f"  apt-get install --no-install-recommends {packages}")
    elif args.fit:
        fit(args.calls, args.seed, args.fit)
    elif args.holdout:
        report(_amd_holdout.holdout_voices(), "voices that were never looked at", args.calls, args.seed)
    else:
        report(report_voices(), "voices that nothing was fitted on", args.calls, args.seed)
        load()


main()
