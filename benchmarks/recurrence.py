"""The next occurrence of a rule, here and by dateutil, in one run: for rules begun ten years ago and yesterday.

    python benchmarks/recurrence.py [--looks 200]

Each figure is CPU time for one look at the next occurrence, on the wall clock of Paris, the median of rounds in which
both take turns. Both have read the rule before, as a program that runs has. *new*: a look after the last occurrence
found, as the scheduler makes it; *again*: the same look once more, as pages and ticks do, which ours answers from
memory while no occurrence has passed. Ours takes and gives UTC. dateutil's look is ``rrule(...).after(...)``;
*bare* on naive times of Paris, *zoned* with what it takes to get from UTC and back (a time that does not exist, or
happens twice, is still not looked after). The scheduler knows how many occurrences there were (a series keeps count),
so ours is told; dateutil cannot be.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from fs_app.domain.recurrence import Frequency, Recurrence, parse_rule

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
RULES = (
    ("DAILY", ""),
    ("WEEKLY", "byweekday:MO,TU,WE,TH,FR"),
    ("WEEKLY", "interval:2;byweekday:TU"),
    ("MONTHLY", "byweekday:MO(+1)"),
    ("MONTHLY", "bymonthday:-1"),
    ("MONTHLY", "byweekday:MO,TU,WE,TH,FR;bysetpos:-1"),
    ("YEARLY", ""),
    ("YEARLY", "bymonth:11;byweekday:TH(+4)"),
    ("YEARLY", "byweekno:20"),
    ("HOURLY", ""),
    ("MINUTELY", "interval:15"),
)


ROUNDS = 9
STEPS = 20  # occurrences found one after the other


def cpu(looks: int, work: Callable[[int], object]) -> float:
    """Microseconds of CPU for one of so many looks; ``work`` is given the number of the look."""
    began = time.process_time_ns()
    for n in range(looks):
        work(n)
    return (time.process_time_ns() - began) / looks / 1e3


def march(series: Recurrence) -> float:
    """Microseconds of CPU for each of the next occurrences, one after the other."""
    after = NOW
    began = time.process_time_ns()
    for _ in range(STEPS):
        found = series.next(after, occurrences_before=9)
        assert found is not None
        after = found.start
    return (time.process_time_ns() - began) / STEPS / 1e3


def zoned(peer: rrule, moment: datetime) -> datetime:
    """What ours answers, by dateutil: the moment of the next occurrence, UTC."""
    found = peer.after(moment.astimezone(PARIS).replace(tzinfo=None))
    assert found is not None
    return found.replace(tzinfo=PARIS).astimezone(UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=200)
    looks = parser.parse_args().looks
    ago = {"ten years ago": NOW - timedelta(days=3653, hours=1), "yesterday": NOW - timedelta(days=1, hours=1)}
    moments = [NOW + timedelta(hours=7 * n) for n in range(looks)]
    naive = [moment.astimezone(PARIS).replace(tzinfo=None) for moment in moments]
    print(f"{'':<61} {'ours, µs':>15} {'dateutil, µs':>23} {'new':>14} {'again':>8}")
    print(f"{'rule':<46} {'begun':<14} {'new':>7} {'again':>7} {'bare':>11} {'zoned':>11} {'bare':>7}", end=" ")
    print(f"{'zoned':>7} {'bare':>8}")
    ratios = []
    for frequency, params in RULES:
        rule = parse_rule(frequency, params)
        for name, begun in ago.items():
            peer = rrulestr(rule.rrule_text(), dtstart=begun.astimezone(PARIS).replace(tzinfo=None), cache=False)
            theirs = max(looks // 20, 3) if rule.frequency < Frequency.HOURLY or name == "yesterday" else 1
            rounds = []
            for _ in range(ROUNDS if theirs > 1 else 3):
                series = Recurrence(rule, begun, PARIS)
                assert series.next(NOW, occurrences_before=9) == (zoned(peer, NOW), 10)
                fresh = [Recurrence(rule, begun, PARIS) for _ in range(5)]
                new = statistics.median(march(one) for one in fresh)
                again = cpu(looks, lambda _n: series.next(NOW, occurrences_before=9))  # noqa: B023
                bare = cpu(theirs, lambda n: peer.after(naive[n]))  # noqa: B023
                rounds.append((new, again, bare, cpu(theirs, lambda n: zoned(peer, moments[n]))))  # noqa: B023
            new, again, bare, fair = (statistics.median(found) for found in zip(*rounds, strict=True))
            if name == "ten years ago":
                ratios.append((bare / new, fair / new, bare / again))
            print(f"{frequency + ' ' + params:<46} {name:<14} {new:>7.1f} {again:>7.1f} {bare:>11.1f}", end=" ")
            print(f"{fair:>11.1f} {bare / new:>7.0f} {fair / new:>7.0f} {bare / again:>8.0f}")
    for what, of in zip(("new, bare", "new, zoned", "again, bare"), zip(*ratios, strict=True), strict=True):
        print(f"begun ten years ago, {what}: median {statistics.median(of):.0f} times as fast, least {min(of):.0f}")


if __name__ == "__main__":
    main()
