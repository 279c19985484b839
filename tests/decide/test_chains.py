"""A signer's statements form a chain; holes and forks never free a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.decide.chains import LASTING, Link, resolve

if TYPE_CHECKING:
    from itil_gate.model.statement import Verdict

APPROVE, REJECT, WITHDRAW = "approve", "reject", "withdraw"


def test_the_tip_of_a_chain_stands_and_the_rest_is_superseded() -> None:
    chain = resolve([Link("a", APPROVE, ()), Link("b", REJECT, ("a",)), Link("c", APPROVE, ("b",))])
    assert chain.standing == {"c"}
    assert chain.void == {"a": "superseded", "b": "superseded"}
    assert chain.tips == ("c",)


def test_on_a_fork_the_most_negative_statement_wins() -> None:
    chain = resolve([Link("a", APPROVE, ()), Link("b", APPROVE, ("a",)), Link("c", REJECT, ("a",))])
    assert chain.standing == {"c"}
    assert chain.void["b"] == "forked"
    assert chain.tips == ("b", "c")


def test_a_statement_that_follows_both_sides_of_a_fork_heals_it() -> None:
    chain = resolve([Link("a", APPROVE, ()), Link("b", REJECT, ()), Link("c", APPROVE, ("a", "b"))])
    assert chain.standing == {"c"}


def test_a_missing_predecessor_takes_every_approval_of_the_signer_away() -> None:
    chain = resolve([Link("a", APPROVE, ()), Link("c", APPROVE, ("b",))])
    assert chain.standing == frozenset()
    assert chain.void == {"a": "missing-predecessor", "c": "missing-predecessor"}


def test_a_rejection_stands_even_where_its_predecessor_is_missing() -> None:
    assert resolve([Link("b", REJECT, ("a",))]).standing == {"b"}


def test_a_rejection_is_not_ended_by_a_statement_with_a_hole_before_it() -> None:
    chain = resolve([Link("a", REJECT, ()), Link("c", APPROVE, ("a", "gone"))])
    assert chain.standing == {"a"}


@st.composite
def histories(draw: st.DrawFn) -> list[Link]:
    count = draw(st.integers(1, 7))
    links: list[Link] = []
    for number in range(count):
        earlier = [link.digest for link in links]
        # What was never there, or is there no more, leaves a hole.
        previous = draw(st.sets(st.sampled_from([*earlier, "gone"]), max_size=2))
        verdict = draw(st.sampled_from([APPROVE, REJECT, WITHDRAW, "withdraw-change"]))
        links.append(Link(f"s{number}", verdict, tuple(sorted(previous))))
    return links


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_evidence_never_matters(links: list[Link], random: object) -> None:
    shuffled = list(links)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve(shuffled) == resolve(links)


@given(histories())
def test_every_statement_stands_or_has_a_reason_why_not(links: list[Link]) -> None:
    chain = resolve(links)
    assert chain.standing | chain.void.keys() == {link.digest for link in links}
    assert chain.standing.isdisjoint(chain.void)


def test_a_withdrawn_change_stays_so_where_an_earlier_statement_is_missing() -> None:
    assert resolve([Link("b", "withdraw-change", ("gone",))]).standing == {"b"}


@given(histories(), st.data())
def test_removing_an_approval_never_frees_a_change(links: list[Link], data: st.DataObject) -> None:
    verdicts = {link.digest: link.verdict for link in links}
    before = resolve(links).standing
    approvals = [link for link in links if link.verdict == APPROVE]
    if not approvals:
        return
    gone = data.draw(st.sampled_from(approvals))
    after = resolve([link for link in links if link != gone]).standing
    assert {one for one in before if verdicts[one] == REJECT} <= after
    if any(verdicts[one] in LASTING for one in before):
        assert any(verdicts[one] in LASTING for one in after)


@given(histories(), st.data())
def test_removing_anything_never_creates_an_approval(
    links: list[Link], data: st.DataObject
) -> None:
    """A deleted tail cannot be seen here; a deleted statement that others follow can."""
    gone = data.draw(st.sampled_from(links))
    followed = {older for link in links for older in link.previous}
    if gone.digest not in followed:
        return
    verdicts = {link.digest: link.verdict for link in links}
    before = {one for one in resolve(links).standing if verdicts[one] == APPROVE}
    left = [link for link in links if link != gone]
    after = {one for one in resolve(left).standing if verdicts[one] == APPROVE}
    assert after <= before


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        (REJECT, "withdraw-change", REJECT),
        (REJECT, WITHDRAW, REJECT),
        (REJECT, APPROVE, REJECT),
        ("withdraw-change", WITHDRAW, "withdraw-change"),
        ("withdraw-change", APPROVE, "withdraw-change"),
        (WITHDRAW, APPROVE, WITHDRAW),
    ],
)
def test_of_two_words_side_by_side_the_more_negative_alone_holds(
    first: Verdict, second: Verdict, stands: Verdict
) -> None:
    links = [Link("a", first, ()), Link("b", second, ())]
    for order in (links, links[::-1]):
        chain = resolve(order)
        (standing,) = chain.standing
        assert {link.digest: link.verdict for link in links}[standing] == stands
        assert set(chain.void.values()) == {"forked"}
        assert chain.standing.isdisjoint(chain.void)


def test_two_words_that_say_the_same_both_stand() -> None:
    for verdict in (APPROVE, REJECT, WITHDRAW):
        chain = resolve([Link("b", verdict, ()), Link("a", verdict, ())])  # type: ignore[arg-type]
        assert chain.standing == {"a", "b"}
        assert (chain.void, chain.tips) == ({}, ("a", "b"))


def test_a_hole_takes_no_withdrawal_away() -> None:
    chain = resolve([Link("a", WITHDRAW, ()), Link("c", APPROVE, ("gone",))])
    assert chain.standing == {"a"}
    assert chain.void == {"c": "missing-predecessor"}


def test_what_the_next_statement_follows_is_every_end_holes_or_not() -> None:
    chain = resolve(
        [
            Link("d", APPROVE, ("gone",)),
            Link("a", APPROVE, ()),
            Link("b", WITHDRAW, ("a",)),
            Link("c", REJECT, ("a", "gone")),
        ]
    )
    assert chain.tips == ("b", "c", "d")
    assert list(chain.void) == sorted(chain.void)
