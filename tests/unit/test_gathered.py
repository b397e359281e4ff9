"""Whoever asks while work is being done is served next, with all others who have asked meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import gevent
import pytest
from gevent.event import Event

from fs_app.gathered import Gathered


class Work:
    """Doubles numbers, one call after another, each when it is told to go on; 13 it does not like."""

    def __init__(self) -> None:
        self.began = Event()
        self.go = Event()
        self.calls: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.calls.append(list(numbers))
        self.began.set()
        self.go.wait(10)
        if 99 in numbers:
            raise RuntimeError("all of it")
        return [ValueError("not 13") if number == 13 else 2 * number for number in numbers]


def test_one_alone_is_served_at_once_and_a_crowd_together() -> None:
    work = Work()
    double: Gathered[int, int] = Gathered(work, most=3)
    first = gevent.spawn(double, 1)
    assert work.began.wait(10)
    crowd = [gevent.spawn(double, number) for number in (2, 3, 4, 5)]
    gevent.idle()
    work.go.set()
    gevent.joinall([first, *crowd], raise_error=True, timeout=10)
    assert [one.value for one in (first, *crowd)] == [2, 4, 6, 8, 10]
    assert work.calls == [[1], [2, 3, 4], [5]]


def test_what_is_wrong_with_one_is_no_others_trouble() -> None:
    work = Work()
    work.go.set()
    double: Gathered[int, int] = Gathered(work)
    good, bad = gevent.spawn(double, 1), gevent.spawn(double, 13)
    gevent.joinall([good, bad], timeout=10)
    assert good.value == 2
    with pytest.raises(ValueError, match="not 13"):
        bad.get()


def test_work_that_fails_fails_for_all_of_it_and_goes_on() -> None:
    work = Work()
    work.go.set()
    double: Gathered[int, int] = Gathered(work)
    both = gevent.spawn(double, 99), gevent.spawn(double, 1)
    for one in both:
        with pytest.raises(RuntimeError, match="all of it"):
            one.get(timeout=10)
    assert double(3) == 6
