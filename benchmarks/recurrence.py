"""The next occurrence of a rule, here and by dateutil, in one run: for rules begun ten years ago and yesterday.

    python benchmarks/recurrence.py [--looks 200]

Each figure is CPU time for one look at the next occurrence, on the wall clock of Paris. Both have read the rule
before, as a program that runs has. *new*: a look after the last occurrence found, as the scheduler makes it; *again*:
seven hours after the last look, as pages and ticks do, which ours answers from memory while no occurrence has passed.
dateutil's look is ``rrule(...).after(...)`` on naive times, without the zone that ours also does. The scheduler knows
how many occurrences there were (a series keeps count), so ours is told; dateutil cannot be.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from fs_app.domain.recurrence import Recurrence, parse_rule, recurrence

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
RULES = (
    ("DAILY", ""),
    ("WEEKLY", "byweekday:MO,TU,WE,TH,FR"),
    ("WEEKLY", "interval:2;byweekday:TU"),
    ("MONTHLY", "byweekday:MO(+1)"),
    ("MONTHLY", "bymonthday:-1"),
    ("YEARLY", ""),
    ("HOURLY", ""),
    ("MINUTELY", "interval:15"),
)


def median(looks: int, work: Callable[[int], object]) -> float:
    """Microseconds of CPU; ``work`` is given the number of the look."""
    times = []
    for n in range(looks):
        began = time.process_time_ns()
        for _ in range(3):
            work(n)
        times.append((time.process_time_ns() - began) / 3)
    return statistics.median(times) / 1e3


def march(looks: int, series: Recurrence) -> float:
    """Microseconds of CPU for each of so many occurrences, one after the other."""
    after = NOW
    began = time.process_time_ns()
    for _ in range(looks):
        found = series.next(after, occurrences_before=9)
        assert found is not None
        after = found.start
    return (time.process_time_ns() - began) / looks / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=200)
    looks = parser.parse_args().looks
    ago = {"ten years ago": NOW - timedelta(days=3653, hours=1), "yesterday": NOW - timedelta(days=1, hours=1)}
    print(f"{'rule':<38} {'begun':<14} {'new µs':>8} {'again µs':>8} {'dateutil µs':>12} {'ratio':>8} {'again':>8}")
    ratios = []
    for frequency, params in RULES:
        text = parse_rule(frequency, params).rrule_text()
        for name, begun in ago.items():
            series = recurrence(frequency, params, begun, PARIS)
            peer = rrulestr(text, dtstart=begun.astimezone(PARIS).replace(tzinfo=None), cache=False)
            moments = [NOW + timedelta(hours=7 * n) for n in range(looks)]
            naive = [moment.astimezone(PARIS).replace(tzinfo=None) for moment in moments]
            new = march(looks, series)
            again = median(looks, lambda n: series.next(moments[n], occurrences_before=9))  # noqa: B023
            theirs = median(max(looks // 20, 3), lambda n: peer.after(naive[n]))  # noqa: B023
            if name == "ten years ago":
                ratios.append((theirs / new, theirs / again))
            rule = f"{frequency} {params}"
            ratio = f"{theirs / new:>8.1f} {theirs / again:>8.1f}"
            print(f"{rule:<38} {name:<14} {new:>8.1f} {again:>8.1f} {theirs:>12.1f} {ratio}")
    for what, found in zip(("new", "again"), zip(*ratios, strict=True), strict=True):
        print(
            f"begun ten years ago, {what}: median {statistics.median(found):.0f} times as fast, least {min(found):.1f}"
        )


if __name__ == "__main__":
    main()
