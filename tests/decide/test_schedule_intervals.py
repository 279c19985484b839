"""Interval arithmetic against a brute-force grid of minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from itil_gate.decide.intervals import contains, merge, next_slot, overlaps, subtract
from itil_gate.model.calendar import Interval

BEGIN = datetime(2026, 12, 31, 22, tzinfo=UTC)
MINUTES = 240


def at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def between(start: int, end: int) -> Interval:
    return Interval(start=at(start), end=at(end))


def cells(spans: tuple[Interval, ...] | list[Interval]) -> set[int]:
    return {
        minute for span in spans for minute in range(MINUTES) if span.start <= at(minute) < span.end
    }


minutes = st.integers(0, MINUTES)
span = st.builds(between, minutes, minutes)
spans = st.lists(span, max_size=12)


def tidy(result: tuple[Interval, ...]) -> bool:
    return all(item.start < item.end for item in result) and all(
        left.end < right.start for left, right in pairwise(result)
    )


@given(spans)
def test_merging_keeps_every_minute_and_leaves_no_two_spans_touching(many: list[Interval]) -> None:
    merged = merge(many)
    assert cells(merged) == cells(many)
    assert tidy(merged)


@given(spans, spans)
def test_subtracting_leaves_exactly_the_minutes_in_no_hole(
    many: list[Interval], holes: list[Interval]
) -> None:
    left = subtract(many, holes)
    assert cells(left) == cells(many) - cells(holes)
    assert tidy(left)


@given(span, span)
def test_spans_overlap_if_they_share_a_minute(one: Interval, other: Interval) -> None:
    assert overlaps(one, other) == bool(cells([one]) & cells([other]))


@given(spans, span)
def test_a_span_is_contained_if_each_of_its_minutes_is(
    many: list[Interval], inner: Interval
) -> None:
    wanted = cells([inner])
    assert contains(many, inner) == (bool(wanted) and wanted <= cells(many))


@given(spans, minutes, st.integers(1, 90), st.integers(1, 6))
def test_free_slots_are_the_first_gaps_that_are_long_enough(
    busy: list[Interval], start: int, length: int, limit: int
) -> None:
    horizon = timedelta(minutes=MINUTES - start)
    found = next_slot(
        timedelta(minutes=length), busy, after=at(start), horizon=horizon, limit=limit
    )
    free = sorted(set(range(start, MINUTES)) - cells(busy))
    runs: list[list[int]] = []
    for minute in free:
        if runs and runs[-1][-1] == minute - 1:
            runs[-1].append(minute)
        else:
            runs.append([minute])
    wanted = [between(run[0], run[-1] + 1) for run in runs if len(run) >= length]
    assert list(found) == wanted[:limit]


def test_a_span_that_ends_where_another_begins_does_not_overlap_it() -> None:
    assert not overlaps(between(0, 10), between(10, 20))
    assert overlaps(between(0, 11), between(10, 20))


def test_touching_spans_contain_what_crosses_from_one_into_the_other() -> None:
    assert contains([between(10, 20), between(0, 10)], between(5, 15))
    assert not contains([between(11, 20), between(0, 10)], between(5, 15))


def test_the_search_for_slots_ends_at_the_horizon() -> None:
    found = next_slot(timedelta(minutes=30), [], after=at(0), horizon=timedelta(minutes=29))
    assert found == ()
