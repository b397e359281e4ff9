"""Work that costs much the less of it is done at once: whoever asks while it is being done is served next, together
with all others who have asked meanwhile. So one who is alone does not wait, and a crowd does not queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent
from gevent.event import AsyncResult

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Gathered(Generic[Item, Answer]):
    """Called by a greenlet with one item: what ``work`` answered for it.

    ``work`` gets up to ``most`` items, in the order in which they came, and returns as many answers; one that is an
    exception is raised where its item came from, and one that ``work`` raises itself everywhere.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Answer | Exception]], most: int = 25) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, AsyncResult[Answer]]] = []
        self._busy = False

    def __call__(self, item: Item) -> Answer:
        answer: AsyncResult[Answer] = AsyncResult()
        self._waiting.append((item, answer))
        if not self._busy:
            self._busy = True
            gevent.spawn(self._run)
        return answer.get()  # type: ignore[return-value]  # it is set to nothing else

    def _run(self) -> None:
        try:
            while self._waiting:
                some = self._waiting[: self._most]
                del self._waiting[: self._most]
                self._serve(some)
        finally:
            self._busy = False

    def _serve(self, some: list[tuple[Item, AsyncResult[Answer]]]) -> None:
        answers: Sequence[Answer | Exception]
        try:
            answers = self._work([item for item, _answer in some])
        except Exception as exc:
            answers = [exc] * len(some)
        for (_item, answer), found in zip(some, answers, strict=True):
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set(found)
