"""What is counted about approvers, and how little a made-up date changes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.approvers import BEGIN, word

from itil_gate.audit.approver_rows import Terms
from itil_gate.audit.approvers import Moments, Tally, latency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.audit.approver_rows import Approver
    from itil_gate.audit.approvers import Word

DAY = 86_400


def tallied(words: Iterable[Word], **terms: object) -> Tally:
    tally = Tally(Terms(**terms))
    for one in words:
        tally.add(one)
    return tally


def only(words: Iterable[Word], **terms: object) -> Approver:
    (found,) = tallied(words, **terms).approvers()
    return found


@pytest.mark.parametrize(
    ("moments", "found"),
    [
        (Moments(dated=90, pushed=30), (60, "forge")),
        (Moments(dated=90, pushed=30, recorded=80, committed=0), (60, "forge")),
        (Moments(dated=20, pushed=30, recorded=10, committed=0), "dated-before"),
        (Moments(dated=90, recorded=60), (30, "log")),
        (Moments(dated=90, recorded=60, committed=0), (30, "log")),
        # dated later than the log had it
        (Moments(dated=900, heard=90, recorded=60), (30, "log")),
        # dated before the content, which the log knew without the statement
        (Moments(dated=50, heard=90, recorded=60, committed=0), "dated-before"),
        (Moments(dated=50, recorded=60, committed=0), "dated-before"),
        # the log met both at once: it came too late to tell
        (Moments(dated=50, heard=60, recorded=60, committed=20), (30, "commit")),
        (Moments(dated=50, heard=60, recorded=60, committed=55), "dated-before"),
        (Moments(dated=50, heard=60, recorded=60), "not-known"),
        (Moments(dated=50, committed=20), (30, "commit")),
        (Moments(dated=50), "not-known"),
    ],
)
def test_from_where_the_time_is_counted(moments: Moments, found: object) -> None:
    assert latency(moments) == found


@given(
    dated=st.integers(0, 200),
    heard=st.integers(0, 100),
    recorded=st.integers(0, 100),
    committed=st.none() | st.integers(-200, 200),
)
def test_no_date_of_signer_or_author_makes_it_longer_than_the_log_has_it(
    dated: int, heard: int, recorded: int, committed: int | None
) -> None:
    took = latency(Moments(dated=dated, heard=heard, recorded=recorded, committed=committed))
    if not isinstance(took, str) and took[1] == "log":
        assert 0 <= took[0] <= heard - recorded
    if heard > recorded:
        assert took == "dated-before" or took[1] == "log"


def test_median_fastest_and_how_many_were_quick() -> None:
    taken = (30, 200, 299, 300, 301, 4000)
    words = [
        word(number=at, moments=Moments(dated=BEGIN + seconds, pushed=BEGIN))
        for at, seconds in enumerate(taken)
    ]
    found = only(words).latency
    assert (found.measured, found.median_seconds, found.fastest_seconds) == (6, 299, 30)
    assert found.within == 4
    assert only(words, within_minutes=0).latency.within == 0


def test_hints_and_measures_are_not_mixed() -> None:
    found = only(
        [
            word(number=1, moments=Moments(dated=BEGIN, committed=BEGIN - DAY)),
            word(number=2, moments=Moments(dated=BEGIN, recorded=BEGIN - 60)),
            word(number=3, moments=Moments(dated=BEGIN, pushed=BEGIN - 30)),
        ]
    )
    assert (found.latency.measured, found.latency.at_least, found.hinted.measured) == (2, 1, 1)
    assert found.hinted.median_seconds == DAY
    assert [lead.seen for lead in found.leads] == ["forge", "log", "commit"]


def test_fewer_than_ten_are_no_share() -> None:
    nine = [word(number=at) for at in range(9)]
    assert (only(nine).approved_percent, only(nine).few) == (None, True)
    ten = [*nine, word(verdict="reject", number=9)]
    assert (only(ten).approved_percent, only(ten).few) == (90, False)


@pytest.mark.parametrize(
    ("number", "more", "said"),
    [
        (50, [], False),
        (51, [], True),
        (51, [word(verdict="reject")], False),
        (51, [word(verdict="comment", remark=True)], False),
        (50, [word(number=99, remark=True)], False),
        (51, [word(verdict="withdraw")], True),
        # what never counted is no approval
        (50, [word(number=99, counted=False, code="contributor")], False),
    ],
)
def test_whoever_only_ever_approved_is_told_from_51_on(
    number: int,
    more: list[Word],
    said: bool,  # noqa: FBT001 - a value of the table
) -> None:
    words = [word(number=at) for at in range(number)]
    assert only([*words, *more]).only_approves is said


def test_what_never_counted_stands_apart_by_its_reason() -> None:
    found = only(
        [
            word(number=1),
            word(number=2, counted=False, code="stale"),
            word(number=3, counted=False, code="stale"),
            word(number=4, counted=False, code="contributor"),
            word(number=5, counted=False),
        ]
    )
    assert (found.approvals, found.counted, found.changes) == (2, 1, 2)
    assert found.never_counted == {"contributor": 1, "stale": 2}
    assert found.latency.measured == 2


def test_a_change_too_large_for_the_time_is_one_of_at_least_a_hundred_lines() -> None:
    def at(number: int, lines: int | None, seconds: int) -> Word:
        moments = Moments(dated=BEGIN + seconds, pushed=BEGIN)
        return word(number=number, lines=lines, moments=moments)

    found = only([at(1, 99, 0), at(2, 100, 719), at(3, 100, 720), at(4, 5000, 60), at(5, None, 0)])
    assert (found.sized, found.too_fast) == (3, 2)
    assert [lead.lines for lead in found.leads[:2]] == [5000, 100]
    hint = word(lines=5000, moments=Moments(dated=BEGIN, committed=BEGIN))
    assert (only([hint]).sized, only([hint]).too_fast) == (0, 0)
    assert only([at(1, 100, 360)], lines_per_hour=1000).too_fast == 0


def test_pairs_count_distinct_changes_both_ways() -> None:
    tally = tallied(
        [
            word("bob", number=1, requesters=("alice",)),
            word("bob", number=1, requesters=("alice",)),
            word("bob", number=2, requesters=("alice",)),
            word("alice", number=3, requesters=("bob",)),
            word("carol", number=4, requesters=("alice",)),
            word("alice", verdict="reject", number=5, requesters=("carol",)),
            word("alice", number=6, requesters=("carol",), counted=False, code="stale"),
            word("dave", number=7, requesters=("dave",)),
        ]
    )
    (pair,) = tally.pairs()
    assert (pair.one, pair.other, pair.one_approved, pair.other_approved) == ("alice", "bob", 1, 2)
    bob = next(one for one in tally.approvers() if one.who == "bob")
    assert [(one.requester, one.changes) for one in bob.for_whom] == [("alice", 2)]


def test_a_period_is_by_the_time_that_the_signer_did_not_choose() -> None:
    since = datetime.fromtimestamp(BEGIN, tz=UTC)
    hidden = word(moments=Moments(dated=BEGIN - 365 * DAY, heard=BEGIN + 1))
    ahead = word(number=2, moments=Moments(dated=BEGIN + DAY, heard=BEGIN - 1))
    tally = tallied([hidden, ahead], since=since)
    assert [one.approvals for one in tally.approvers()] == [1]
    assert tally.not_in_period == 1
    edge = word(moments=Moments(dated=BEGIN))
    assert len(tallied([edge], since=since).approvers()) == 1
    assert tallied([edge], until=since).not_in_period == 1


def test_what_is_left_out_by_risk_is_counted() -> None:
    tally = tallied(
        [word(level="high"), word(level="low"), word(level=None)], levels=("high", "critical")
    )
    assert [one.approvals for one in tally.approvers()] == [1]
    assert (tally.not_at_level, tally.level_not_known) == (1, 1)


def test_a_change_that_its_requester_took_back_makes_nobody_an_approver() -> None:
    tally = tallied([word("alice", "withdraw-change")])
    assert (tally.approvers(), tally.changes_withdrawn) == ((), 1)


def test_two_keys_of_one_person_are_one_row() -> None:
    found = only([word(number=1, key="SHA256:a"), word(number=2, key="SHA256:b")])
    assert (found.approvals, found.keys) == (2, ("SHA256:a", "SHA256:b"))


def test_the_foremost_leads_are_kept_however_many_come() -> None:
    words = [
        word(number=at, moments=Moments(dated=BEGIN + seconds, pushed=BEGIN))
        for at, seconds in enumerate(reversed(range(500)))
    ]
    assert [lead.seconds for lead in only(words).leads] == list(range(20))


def test_clocks_a_little_apart_are_not_told() -> None:
    def dated(seconds: int) -> Word:
        return word(moments=Moments(dated=BEGIN + seconds, heard=BEGIN, recorded=BEGIN - 9))

    assert only([dated(300)]).dated_after == 0
    assert only([dated(301)]).dated_after == 1
