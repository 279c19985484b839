"""Taking part never helps: it adds nobody who may approve, and frees no change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from support.pulls import pull_request
from support.scenes import EMAILS, NUMBERS, PEOPLE, Scenes, edited, inputs, trials

from itil_gate.decide.gate import decide
from itil_gate.model.facts import AccountRef, Identity

if TYPE_CHECKING:
    from itil_gate.model.facts import Inputs

HINTS = ("author", "committer", "co-author")
NO_FALLBACK = ("plain", "ruled", "waived", "quorum", "lent")


def named(given_inputs: Inputs, role: str, email: str) -> Inputs:
    """Return the merge with somebody more as co-author, or by a commit of their own."""
    who = Identity(name="One More", email=email)
    first, *rest = given_inputs.facts.commits
    if role == "co-author":
        first = first.model_copy(update={"co_authors": (*first.co_authors, who)})
        return edited(given_inputs, commits=(first, *rest))
    more = first.model_copy(update={"id": "f" * 40, "update_merge": False, role: who})
    return edited(given_inputs, commits=(first, *rest, more))


@st.composite
def joined(draw: st.DrawFn, before: Inputs) -> Inputs:
    """The same merge with one contributor more."""
    if draw(st.booleans()):
        return named(before, draw(st.sampled_from(HINTS)), draw(st.sampled_from(EMAILS)))
    who = draw(st.sampled_from(PEOPLE))
    account = AccountRef(forge="github.com", id=NUMBERS[who], login=who)
    known = before.facts.pull_request
    if known is not None and known.pushers:
        told = known.model_copy(update={"pushers": (*known.pushers, account)})
    else:
        told = pull_request(account) if known is None else known
    return edited(before, pull_request=told)


def may_approve(asked: Inputs) -> set[tuple[str, str]]:
    """Return who could approve if nobody had yet, by requirement of the policies."""
    vouches = tuple(one for one in asked.facts.statements if one.vouch)
    decision = decide(edited(asked, statements=vouches))
    return {
        (state.id, person)
        for change in decision.changes
        for state in change.requirements
        if state.policy != "built-in"
        for person in state.eligible
    }


@trials(200)
@given(data=st.data())
def test_a_contributor_more_frees_nothing_and_lets_nobody_approve(
    scenes: Scenes, data: st.DataObject
) -> None:
    before = data.draw(inputs(scenes, judges=NO_FALLBACK))
    after = data.draw(joined(before))
    old, new = decide(before), decide(after)
    assert {one.person for one in old.contributors} <= {one.person for one in new.contributors}
    assert may_approve(after) <= may_approve(before)
    barred = {one.person for one in new.contributors}
    states = [state for change in new.changes for state in change.requirements]
    assert barred.isdisjoint(person for one in states for person in (*one.counted, *one.eligible))
    assert new.outcome != "allow" or old.outcome == "allow"


@trials(100)
@given(data=st.data())
def test_a_hint_opens_no_fallback(scenes: Scenes, data: st.DataObject) -> None:
    """Anybody can write anybody's name into a commit; it may exclude, and never grant."""
    before = data.draw(inputs(scenes, judges=["fallback"]))
    after = named(before, data.draw(st.sampled_from(HINTS)), data.draw(st.sampled_from(EMAILS)))
    old, new = decide(before), decide(after)
    assert new.outcome != "allow" or old.outcome == "allow"
