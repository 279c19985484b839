"""Saying yes never makes it worse, and taking evidence away never makes it better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from support.scenes import CLAIMS, PEOPLE, Scenes, edited, inputs, rank, replace_request, trials

from itil_gate.decide.gate import decide
from itil_gate.decide.requirements import Demand, settle

if TYPE_CHECKING:
    from itil_gate.model.facts import Inputs, StatementFact


def speakers(given_inputs: Inputs) -> set[str]:
    """Return who said something about the change already."""
    said = (one.approval for one in given_inputs.facts.statements)
    return {one.signer for one in said if one is not None}


@trials(200)
@given(data=st.data())
def test_an_approval_never_makes_the_outcome_worse(scenes: Scenes, data: st.DataObject) -> None:
    """By anybody who said nothing before: one's own later word replaces the earlier one."""
    before = data.draw(inputs(scenes))
    silent = sorted(set(PEOPLE) - speakers(before))
    if not silent:
        return
    at = replace_request(scenes, before.requests[0])
    more = at.statement(
        before.facts,
        data.draw(st.sampled_from(silent)),
        roles=data.draw(st.sampled_from([CLAIMS, CLAIMS[:1], CLAIMS[1:]])),
        previous=data.draw(st.sampled_from([(), (), ("0" * 64,)])),
    )
    statements = (*before.facts.statements, more)
    after = decide(edited(before, statements=statements))
    assert rank(after.outcome) <= rank(decide(before).outcome), more.approval


@trials(200)
@given(data=st.data())
def test_taking_what_grants_away_never_makes_the_outcome_better(
    scenes: Scenes, data: st.DataObject
) -> None:
    """Approvals, vouches, results of other tools and waivers may go; nothing is freed by that.

    A vouch bars its own author from approving, so those of people who approve as well are left.
    """
    before = data.draw(inputs(scenes))
    facts = before.facts
    grants = [one for one in facts.statements if grants_something(one, speakers(before))]
    kept = data.draw(st.lists(st.booleans(), min_size=len(grants), max_size=len(grants)))
    gone = [one.digest for one, stays in zip(grants, kept, strict=True) if not stays]
    left = tuple(one for one in facts.statements if one.digest not in gone)
    clean = [
        one for one in facts.external if one.tests and one.format == "sarif" and not one.failures
    ]
    lost = data.draw(st.booleans())
    external = tuple(one for one in facts.external if not lost or one not in clean)
    judge = before.judge
    if data.draw(st.booleans()):
        judge = tuple(one for one in judge if one.path != "policies/once.yaml")
    after = edited(before, statements=left, external=external).model_copy(update={"judge": judge})
    old, new = decide(before).outcome, decide(after).outcome
    if any(one.vouch and one.digest in gone for one in facts.statements):
        assert "allow" not in {new} - {old}
    else:
        assert rank(new) >= rank(old)


def grants_something(statement: StatementFact, speakers: set[str]) -> bool:
    """Tell whether a statement does nothing but let a change through."""
    if statement.vouch is not None:
        return statement.vouch.signer not in speakers
    return statement.approval is not None and statement.approval.verdict == "approve"


NAMES = "abcdef"


@st.composite
def demand(draw: st.DrawFn, number: int) -> Demand:
    """One requirement over six people, some of whom stand in for others."""
    holders = draw(st.frozensets(st.sampled_from(NAMES), max_size=4))
    lent = st.frozensets(st.sampled_from(sorted(holders) or NAMES), min_size=1, max_size=2)
    delegates = draw(st.frozensets(st.sampled_from(NAMES), max_size=3)) - holders
    stand_ins = {person: draw(lent) for person in sorted(delegates) if holders}
    eligible = (holders | stand_ins.keys()) - draw(st.frozensets(st.sampled_from(NAMES)))
    return Demand(
        id=f"d{number}",
        policy="p",
        role="r",
        service=None,
        needed=draw(st.sampled_from([1, 1, 2, 3])),
        min=1,
        percent=None,
        distinct=draw(st.sampled_from([True, True, False])),
        holders=holders | stand_ins.keys(),
        eligible=eligible,
        by_role={"r": eligible},
        stand_ins={who: lenders for who, lenders in stand_ins.items() if who in eligible},
    )


DEMANDS = st.integers(1, 3).flatmap(
    lambda count: st.tuples(*(demand(number) for number in range(count)))
)
STATES = ("UNSATISFIED", "PENDING", "SATISFIED")


def worst(wanted: tuple[Demand, ...], people: set[str]) -> int:
    """Return how far the demands are met; they may approve in the one role there is."""
    states = settle(wanted, {one: frozenset("r") for one in people}, side="target").states
    return min(STATES.index(one.state) for one in states)


@trials(250)
@given(wanted=DEMANDS, people=st.sets(st.sampled_from(NAMES)), more=st.sampled_from(NAMES))
def test_one_person_more_never_takes_anything_from_the_demands(
    wanted: tuple[Demand, ...], people: set[str], more: str
) -> None:
    assert worst(wanted, people) <= worst(wanted, {*people, more})


@trials(250)
@given(wanted=DEMANDS, people=st.sets(st.sampled_from(NAMES)))
def test_what_is_said_to_be_possible_is_possible_and_nothing_else(
    wanted: tuple[Demand, ...], people: set[str]
) -> None:
    """Waiting is only asked for where everybody who may approve would be enough."""
    everybody = worst(wanted, set(NAMES))
    now = worst(wanted, people)
    assert (now == STATES.index("UNSATISFIED")) == (everybody != STATES.index("SATISFIED"))
