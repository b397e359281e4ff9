"""The next occurrence of a rule, here and by dateutil, in one run: for rules begun ten years ago and yesterday.

    python benchmarks/recurrence.py [--looks 200]

Each figure is the median of the time for one look-up of the next occurrence after the same moment, on the wall clock
of Paris; dateutil's is ``rrule(...).after(...)`` on naive times, without the zone that ours also does. The scheduler
knows how many occurrences there were (a series keeps count), so ours is told; dateutil cannot be.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from fs_app.domain.recurrence import next_after, parse_rule

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


def median(looks: int, work: object) -> float:
    times = []
    for _ in range(looks):
        began = time.perf_counter()
        work()  # type: ignore[operator]
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=200)
    looks = parser.parse_args().looks
    ago = {"ten years ago": NOW - timedelta(days=3653, hours=1), "yesterday": NOW - timedelta(days=1, hours=1)}
    print(f"{'rule':<38} {'begun':<14} {'fs-app µs':>10} {'dateutil µs':>12} {'ratio':>8}")
    ratios = []
    for frequency, params in RULES:
        rule = parse_rule(frequency, params)
        for name, begun in ago.items():
            local = begun.astimezone(PARIS).replace(tzinfo=None)
            after = NOW.astimezone(PARIS).replace(tzinfo=None)
            ours = median(looks, lambda: next_after(rule, begun, PARIS, NOW, occurrences_before=9))  # noqa: B023
            text = rule.rrule_text()
            theirs = median(
                max(looks // 20, 3),
                lambda: rrulestr(text, dtstart=local, cache=False).after(after),  # noqa: B023
            )
            if name == "ten years ago":
                ratios.append(theirs / ours)
            print(f"{f'{frequency} {params}':<38} {name:<14} {ours:>10.1f} {theirs:>12.1f} {theirs / ours:>8.1f}")
    print(f"\nrules begun ten years ago: median {statistics.median(ratios):.0f} times as fast, least {min(ratios):.1f}")


if __name__ == "__main__":
    main()
