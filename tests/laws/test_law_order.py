"""The order in which evidence lies there decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from support.scenes import Scenes, edited, inputs, stored, trials, without_digests
from support.world import CHG, OTHER

from itil_gate.decide.gate import decide

if TYPE_CHECKING:
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs


def shuffled(data: st.DataObject, given_inputs: Inputs) -> Inputs:
    """Return the inputs with everything in another order that git or a folder could list."""
    facts = given_inputs.facts
    order = {
        name: tuple(data.draw(st.permutations(getattr(facts, name))))
        for name in ("statements", "external")
    }
    return edited(given_inputs, **order).model_copy(
        update={"judge": tuple(data.draw(st.permutations(given_inputs.judge)))}
    )


@trials(80)
@given(data=st.data())
def test_statements_results_and_policies_count_in_any_order(
    scenes: Scenes, data: st.DataObject
) -> None:
    """All but the digests is equal; those are of the inputs in the order of their gathering."""
    first = data.draw(inputs(scenes))
    decision, again = decide(first), decide(shuffled(data, first))
    assert reasons_sorted(again) == reasons_sorted(decision)


@trials(80)
@given(data=st.data())
def test_commits_count_in_any_order(scenes: Scenes, data: st.DataObject) -> None:
    """Only the words about them follow git's order."""
    first = data.draw(inputs(scenes))
    commits = tuple(data.draw(st.permutations(first.facts.commits)))
    decision, again = decide(first), decide(edited(first, commits=commits))
    assert reasons_sorted(again).contributors == reasons_sorted(decision).contributors
    assert again.outcome == decision.outcome
    for old, new in zip(decision.changes, again.changes, strict=True):
        assert (new.outcome, new.lane, new.risk) == (old.outcome, old.lane, old.risk)
        assert (new.requirements, new.ledger) == (old.requirements, worded(new.ledger, old.ledger))
        assert [(one.rule, one.state) for one in new.rules] == [
            (one.rule, one.state) for one in old.rules
        ]


def worded(new: tuple[object, ...], old: tuple[object, ...]) -> tuple[object, ...]:
    """Return the old entries where only the order of reasons in their words is another."""
    same = len(new) == len(old) and all(
        plain(one) == plain(other) for one, other in zip(new, old, strict=True)
    )
    return new if same else old


def plain(entry: object) -> object:
    """Return a ledger entry with its reasons sorted."""
    words = sorted(entry.detail.split("; "))  # type: ignore[attr-defined]
    return entry.model_copy(update={"detail": "; ".join(words)})  # type: ignore[attr-defined]


@trials(80)
@given(data=st.data())
def test_requests_count_in_any_order(scenes: Scenes, data: st.DataObject) -> None:
    """The changes are listed as the requests were; each of them is judged the same."""
    first = data.draw(inputs(scenes))
    (asked,) = first.requests
    other = stored(asked.path.replace(CHG, OTHER), asked.text.replace(CHG, OTHER))
    one, two = (
        decide(first.model_copy(update={"requests": requests}))
        for requests in ((asked, other), (other, asked))
    )
    assert one.outcome == two.outcome
    assert one.changes == two.changes[::-1]
    assert one.rules == two.rules
    assert set(one.unblock) == set(two.unblock)


def reasons_sorted(decision: Decision) -> Decision:
    """Return a decision without digests, the reasons about each contributor sorted."""
    people = tuple(
        one.model_copy(update={"reasons": tuple(sorted(one.reasons))})
        for one in decision.contributors
    )
    return without_digests(decision).model_copy(update={"contributors": people})
