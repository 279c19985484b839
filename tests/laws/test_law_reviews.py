"""Reviews of a forge: what they may do to an outcome, and what they never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from support.reviewing import EARLIER, proved, review, reviewed
from support.scenes import NUMBERS, PEOPLE, edited, rank, trials, without_digests

from itil_gate.decide.gate import decide
from itil_gate.model.facts import AccountRef

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.model.facts import Inputs

WORST_DENIAL = ("deny", "undecided")


def speakers(asked: Inputs) -> set[str]:
    """Return who signed or reviewed anything."""
    signed = {one.approval.signer for one in asked.facts.statements if one.approval}
    accounts = {one.account for one in asked.facts.reviews}
    return signed | {name for name, number in NUMBERS.items() if number in accounts}


@trials(100)
@given(data=st.data())
def test_reviews_count_in_any_order(scenes: Scenes, data: st.DataObject) -> None:
    first = data.draw(reviewed(scenes))
    order = tuple(data.draw(st.permutations(first.facts.reviews)))
    again = decide(edited(first, reviews=order))
    assert without_digests(again) == without_digests(decide(first))


@trials(150)
@given(data=st.data())
def test_an_approving_review_more_never_makes_the_outcome_worse(
    scenes: Scenes, data: st.DataObject
) -> None:
    """By somebody who said nothing before; and by anybody at all it never brings a refusal."""
    before = data.draw(reviewed(scenes))
    who = data.draw(st.sampled_from(PEOPLE))
    facts = before.facts
    more = review(
        who, of=facts.head, at=facts.now, sequence=9, approved=proved(facts, before.requests[0])
    )
    after = decide(edited(before, reviews=(*facts.reviews, more)))
    old = decide(before)
    if who not in speakers(before):
        assert rank(after.outcome) <= rank(old.outcome)
    assert old.outcome in WORST_DENIAL or after.outcome not in WORST_DENIAL


@trials(200)
@given(data=st.data())
def test_a_dismissal_never_makes_the_outcome_better(scenes: Scenes, data: st.DataObject) -> None:
    """Whether the forge goes on to say what an approval was, or hides it."""
    before = data.draw(reviewed(scenes))
    hidden = data.draw(st.booleans())
    chosen = data.draw(st.lists(st.booleans(), min_size=9, max_size=9))
    after = tuple(
        one.model_copy(
            update={
                "dismissed": True,
                "state": "unknown" if hidden and one.state == "approved" else one.state,
            }
        )
        if out
        else one
        for one, out in zip(before.facts.reviews, chosen, strict=False)
    )
    old, new = decide(before), decide(edited(before, reviews=after))
    assert rank(new.outcome) >= rank(old.outcome)


@trials(100)
@given(data=st.data())
def test_a_pusher_more_adds_nobody_who_may_approve(scenes: Scenes, data: st.DataObject) -> None:
    before = data.draw(reviewed(scenes))
    pull = before.facts.pull_request
    if pull is None:
        return
    who = data.draw(st.sampled_from(PEOPLE))
    account = AccountRef(forge="github.com", id=NUMBERS[who], login="whatever")
    after = edited(
        before, pull_request=pull.model_copy(update={"pushers": (*pull.pushers, account)})
    )
    assert may_approve(after) <= may_approve(before)
    assert who not in {person for _, person in may_approve(after)}
    assert decide(after).outcome != "allow" or decide(before).outcome == "allow"


def may_approve(asked: Inputs) -> set[tuple[str, str]]:
    """Return who could approve if nobody had yet, by requirement."""
    vouches = tuple(one for one in asked.facts.statements if one.vouch)
    decision = decide(edited(asked, statements=vouches, reviews=()))
    return {
        (state.id, person)
        for change in decision.changes
        for state in change.requirements
        for person in state.eligible
    }


@trials(150)
@given(data=st.data())
def test_requested_changes_are_never_allowed_until_their_author_approves(
    scenes: Scenes, data: st.DataObject
) -> None:
    before = data.draw(reviewed(scenes))
    who = data.draw(st.sampled_from(PEOPLE))
    facts = before.facts
    no = review(
        who,
        of=data.draw(st.sampled_from([facts.head, EARLIER, None])),
        at=facts.now,
        sequence=6,
        state="changes-requested",
        dismissed=data.draw(st.booleans()),
    )
    asked = edited(before, reviews=(*facts.reviews, no))
    assert decide(asked).outcome == "deny"
    yes = review(who, of=None, at=facts.now, sequence=7)
    (change,) = decide(edited(asked, reviews=(*asked.facts.reviews, yes))).changes
    assert who not in {
        one.person
        for one in change.ledger
        if one.counted and one.review and one.verdict == "reject"
    }


@trials(200)
@given(data=st.data())
def test_a_review_that_counts_is_of_the_head_it_was_given_for(
    scenes: Scenes, data: st.DataObject
) -> None:
    asked = data.draw(reviewed(scenes))
    decision = decide(asked)
    pull = asked.facts.pull_request
    barred = {one.person for one in decision.contributors}
    for change in decision.changes:
        assert len(change.ledger) >= len(asked.facts.reviews)
        told = [one for one in change.ledger if one.review is not None]
        assert len(told) == len(asked.facts.reviews)
        counted = [one for one in told if one.counted and one.verdict == "approve"]
        assert len({one.person for one in counted}) == len(counted)
        for one in counted:
            assert one.review is not None
            assert pull is not None
            assert (one.review.state, one.review.dismissed) == ("approved", False)
            since = {pull.head: pull.head_since, EARLIER: pull.heads[0].since}
            given_for = since[one.review.commit or ""]
            assert given_for is not None
            assert given_for < one.review.submitted_at
            assert one.person in PEOPLE
            assert one.person not in barred
            assert one.rank == "forge-review"
        rejecting = {one.person for one in change.ledger if one.counted and one.verdict == "reject"}
        reached = {person for state in change.requirements for person in state.counted}
        assert not rejecting & {one.person for one in counted}
        if any(one.counted and one.verdict == "reject" for one in told):
            assert change.outcome == "deny"
        assert reached <= {one.person for one in change.ledger if one.counted}
