"""Person or machine: how often the judge is right, how soon, and what it costs, next to Asterisk's app_amd.

    python benchmarks/amd.py [--calls 300] [--seed 12] [--fit]

Both hear the same answered calls, made of voices that the parameters were not fitted on: other languages, other
speakers. Calls of either kind are as many; benchmarks/_amd_corpus.py says what they are made of. "Unknown" counts as a
person, for both. Without the recorded voices (benchmarks/_amd_voices.py names the Debian packages) nothing is measured.
``--fit`` searches parameters on the other voices and prints what it finds. Always exits 0: figures are for reading.
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
from _amd_voices import FIT_VOICES, REPORT_VOICES, SOUNDS, fit_voices, report_voices
from _app_amd import AppAmd

from fs_app.domain.amd import LIMITS, AmdParameters
from fs_app.errors import InvalidInput
from ivr.amd import Judge, Speech, decide
from ivr.hearing import FRAME_MS, hear

Verdict = tuple[str, int]
States = list[tuple[Speech | None, int, float]]


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
        for call, (who, ms) in verdicts:
            right = (who == "machine") == (call.who == "machine")
            self.of_kind[call.who, call.kind][who] += 1
            self.of_voice[call.voice].append(right)
            times[call.who].append(ms)
            wrong[call.who] += not right
        self.accuracy = 1 - sum(wrong.values()) / len(verdicts)
        self.false_machine = wrong["person"] / max(1, len(times["person"]))
        self.false_person = wrong["machine"] / max(1, len(times["machine"]))
        self.persons, self.machines = ((at(times[who], 0.5), at(times[who], 0.95)) for who in ("person", "machine"))

    def row(self, name: str) -> str:
        shares = (self.accuracy, self.false_machine, self.false_person)
        times = (*self.persons, *self.machines)
        return f"{name:<10}" + "".join(f"{s:>10.1%}" for s in shares) + "".join(f"{t:>9} ms" for t in times)


def at(values: list[int], share: float) -> int:
    return sorted(values)[int(len(values) * share)] if values else 0


def report(count: int, seed: int) -> None:
    calls = list(Maker(report_voices(), seed).calls(count))
    verdicts: dict[str, list[tuple[Call, Verdict]]] = {}
    for name, judge in (("fs-app", ours), ("app_amd", theirs)):
        begun = time.process_time()
        verdicts[name] = [(call, judge(call.frames)) for call in calls]
        heard = sum(ms for _, (_, ms) in verdicts[name]) / FRAME_MS
        print(f"{name}: {(time.process_time() - begun) / heard * 1e6:.0f} µs a frame")
    print(f"\n{len(calls)} calls, half of them persons, voices that nothing was fitted on, seed {seed}\n")
    print(" " * 10 + " accuracy  f.machine  f.person  persons: median, p95    machines: median, p95")
    scores = {name: Score(found) for name, found in verdicts.items()}
    for name, score in scores.items():
        print(score.row(name))
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


def states(call: Call) -> States:
    """What the judge has heard after each frame; no parameter changes that."""
    judge = Judge(AmdParameters(initial_silence=20_000, greeting=20_000, total=30_000))
    found: States = []
    for frame in call.frames:
        judge.decision = None
        judge.hear(hear(frame))
        found.append((judge.speech(), judge.tones.ms, judge.tones.hz))
    return found


def fit(count: int, seed: int, seconds: float) -> None:
    """A random walk through the parameters. A false decision costs 1, a median above 1.4 s a little."""
    heard = [(call.who, states(call)) for call in Maker(fit_voices(), seed).calls(count)]
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


def cost(rules: AmdParameters, heard: list[tuple[str, States]]) -> tuple[float, str]:
    wrong: Counter[str] = Counter()
    total: Counter[str] = Counter()
    persons: list[int] = []
    for who, frames in heard:
        found, ms = _decided(rules, frames)
        total[who] += 1
        wrong[who] += (found == "machine") != (who == "machine")
        if who == "person":
            persons.append(ms)
    shares = [wrong[who] / total[who] for who in ("person", "machine")]
    told = f"false machine {shares[0]:.3f}, false person {shares[1]:.3f}, persons {at(persons, 0.5)} ms"
    return sum(shares) + max(0, at(persons, 0.5) - 1400) / 6000, told


def _decided(rules: AmdParameters, frames: States) -> Verdict:
    for n, (speech, tone_ms, tone_hz) in enumerate(frames, start=1):
        decision = decide(rules, speech, tone_ms, tone_hz, n * FRAME_MS)
        if decision is not None:
            return decision.who.value, decision.ms
    return "unknown", len(frames) * FRAME_MS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="of persons, and of machines [300]")
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--fit", type=float, metavar="SECONDS", help="search parameters instead")
    args = parser.parse_args()
    missing = [name for name in (*FIT_VOICES, *REPORT_VOICES) if not (SOUNDS / name).is_dir()]
    if missing:
        print(f"SKIPPED, nothing was measured: no {', '.join(missing)} in {SOUNDS}. Install the Debian packages:")
        print("  apt-get install --no-install-recommends asterisk-core-sounds-{en,es,fr,it,ru}-wav \\")
        print("      asterisk-prompt-it-menardi-wav asterisk-moh-opsound-wav flite sox")
    elif args.fit:
        fit(args.calls, args.seed, args.fit)
    else:
        report(args.calls, args.seed)
        load()


main()
