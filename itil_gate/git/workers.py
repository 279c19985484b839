"""Work for several processes: chunks go out a few at a time and come back in their order.

Workers are this program again, and no other. They are started anew instead of forked, so that none
holds a pipe to git that is not its own.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from typing import Any

    Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]

AHEAD = 3
"""Chunks for each process that are read ahead."""
HERE = 2
"""Chunks that are worked on in this process: for so few none is worth starting."""
T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def workers(jobs: int) -> Iterator[Spread]:
    """Give a `map` that runs in so many processes; in this one if there is only one job.

    The function and what it takes and returns have to be plain values. Whatever it raises is
    raised here.
    """
    if jobs <= 1:
        yield map
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))

    def spread(function: Callable[[T], R], chunks: Iterable[T]) -> Iterator[R]:
        waiting: deque[Future[R]] = deque()
        given = iter(chunks)
        yield from map(function, islice(given, HERE))
        for chunk in given:
            waiting.append(pool.submit(function, chunk))
            if len(waiting) > AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield spread
    finally:
        pool.shutdown(cancel_futures=True)
