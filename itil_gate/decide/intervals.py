"""Half-open spans of UTC time: overlap, union, difference, containment, and the gaps between.

Every function takes spans in any order, ignores empty ones and returns them sorted and disjoint.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.model.calendar import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

HORIZON = timedelta(days=90)
"""How far ahead a free slot is looked for."""


def overlaps(one: Interval, other: Interval) -> bool:
    """Tell whether two spans share a moment; spans that only touch do not."""
    return max(one.start, other.start) < min(one.end, other.end)


def merge(spans: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the union: overlapping and touching spans become one."""
    merged: list[Interval] = []
    for span in sorted(spans, key=lambda item: item.start):
        if span.start >= span.end:
            continue
        if not merged or span.start > merged[-1].end:
            merged.append(span)
        elif span.end > merged[-1].end:
            merged[-1] = Interval(start=merged[-1].start, end=span.end)
    return tuple(merged)


def subtract(spans: Iterable[Interval], holes: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return what of the spans lies in none of the holes."""
    left: list[Interval] = []
    gaps = merge(holes)
    first = 0
    for span in merge(spans):
        start = span.start
        while first < len(gaps) and gaps[first].end <= start:
            first += 1
        for gap in gaps[first:]:
            if gap.start >= span.end:
                break
            if gap.start > start:
                left.append(Interval(start=start, end=gap.start))
            start = max(start, gap.end)
        if start < span.end:
            left.append(Interval(start=start, end=span.end))
    return tuple(left)


def contains(spans: Iterable[Interval], inner: Interval) -> bool:
    """Tell whether a span lies wholly in the union of others; an empty one does nowhere."""
    return any(span.start <= inner.start < inner.end <= span.end for span in merge(spans))


def next_slot(
    length: timedelta,
    busy: Iterable[Interval],
    *,
    after: datetime,
    horizon: timedelta = HORIZON,
    limit: int = 5,
) -> tuple[Interval, ...]:
    """Return the first gaps between busy spans that are at least `length` long.

    The search begins at `after` and ends `horizon` later; a gap is cut off at both ends.
    """
    whole = Interval(start=after, end=after + horizon)
    gaps = subtract((whole,), busy)
    return tuple(gap for gap in gaps if gap.end - gap.start >= length)[:limit]
