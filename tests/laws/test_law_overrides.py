"""An override bends what policy asks, in the open: it never allows, and its loss frees nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from support.scenes import PEOPLE, REPOSITORY, Scenes, edited, inputs, rank, stored, trials
from support.world import CHG, CONFIG

from itil_gate.decide.gate import decide
from itil_gate.decide.override import UNBENDING
from itil_gate.model.canonical import digest
from itil_gate.model.facts import Facts, StatementFact
from itil_gate.model.statement import OverridePredicate

if TYPE_CHECKING:
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs

HOUR = timedelta(hours=1)
TERMS = ("", "override: {role: change-authority}\n", "override: {role: peer, ownChanges: false}\n")


@st.composite
def override(draw: st.DrawFn, scenes: Scenes, facts: Facts) -> StatementFact:
    """Somebody's override of a merge, perhaps of another one, perhaps too early or too late."""
    who = draw(st.sampled_from(PEOPLE))
    (key,) = {
        one.fingerprint
        for one in scenes.sealed.facts.statements
        if one.approval and one.approval.signer == who
    }
    issued = facts.now + draw(st.sampled_from([0, 0, -1, -2, 1])) * HOUR
    said = OverridePredicate(
        repository=REPOSITORY,
        target=draw(st.sampled_from([facts.target, facts.target, "refs/heads/release"])),
        stage="merge",
        changes=(CHG,),
        scope=draw(st.sampled_from([("**",), ("**",), ("src/**",), ()])),
        head=draw(st.sampled_from([facts.head, facts.head, "f" * 40])),
        reason="Because.",
        incident="INC-1",
        signer=who,
        issued_at=issued,
        expires_at=issued + draw(st.sampled_from([1, 2, 48])) * HOUR,
        previous=draw(st.sampled_from([(), (), ("0" * 64,)])),
    )
    mark = digest(said)
    return StatementFact(
        path=f"override/{mark}.stmt",
        digest=mark,
        status=draw(st.sampled_from(["good", "good", "good", "bad-signature"])),
        fingerprint=key,
        override=said,
    )


@st.composite
def bent(draw: st.DrawFn, scenes: Scenes) -> tuple[Inputs, tuple[StatementFact, ...]]:
    """A merge whose target may know overrides, and some of them."""
    asked = draw(inputs(scenes))
    terms = draw(st.sampled_from(TERMS))
    judge = tuple(
        stored(one.path, CONFIG + terms) if one.path == "itil-gate.yaml" else one
        for one in asked.judge
    )
    given_ones = draw(st.lists(override(scenes, asked.facts), max_size=3))
    return asked.model_copy(update={"judge": judge}), tuple(given_ones)


def states(decision: Decision) -> list[tuple[str, str]]:
    return [
        (state.rule, state.state)
        for state in (
            *decision.rules,
            *(rule for change in decision.changes for rule in change.rules),
        )
    ]


@trials(200)
@given(data=st.data())
def test_an_override_never_allows_and_hides_nothing(scenes: Scenes, data: st.DataObject) -> None:
    asked, overrides = data.draw(bent(scenes))
    without, with_them = decide(asked), decide(edited(asked, overrides=overrides))
    assert (with_them.outcome == "allow") == (without.outcome == "allow")
    if with_them.outcome == "overridden":
        assert without.outcome in ("deny", "pending")
        assert any(entry.counted for entry in with_them.overrides)
        assert not {rule for rule, state in states(with_them) if state == "OVERRIDDEN"} & UNBENDING
    else:
        assert (with_them.outcome, states(with_them)) == (without.outcome, states(without))
    assert [rule for rule, _ in states(with_them)] == [rule for rule, _ in states(without)]
    bad = ("UNSATISFIED", "PENDING", "ERROR")
    assert {rule for rule, state in states(without) if state in bad} == {
        rule for rule, state in states(with_them) if state in (*bad, "OVERRIDDEN")
    }
    assert len(with_them.overrides) == len(overrides)


@trials(200)
@given(data=st.data())
def test_removing_an_override_never_turns_a_refusal_into_an_allowance(
    scenes: Scenes, data: st.DataObject
) -> None:
    asked, overrides = data.draw(bent(scenes))
    kept = data.draw(st.lists(st.booleans(), min_size=len(overrides), max_size=len(overrides)))
    left = tuple(one for one, stays in zip(overrides, kept, strict=True) if stays)
    before = decide(edited(asked, overrides=overrides)).outcome
    after = decide(edited(asked, overrides=left)).outcome
    assert rank(after) >= rank(before) or before == after


@trials(100)
@given(data=st.data())
def test_the_order_of_overrides_decides_nothing(scenes: Scenes, data: st.DataObject) -> None:
    asked, overrides = data.draw(bent(scenes))
    turned = data.draw(st.permutations(overrides))
    one = decide(edited(asked, overrides=overrides))
    other = decide(edited(asked, overrides=tuple(turned)))
    assert (one.outcome, one.overrides) == (other.outcome, other.overrides)
