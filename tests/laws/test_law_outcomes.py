"""The worst of all that was found is the outcome, and nothing hides that the gate cannot decide."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenes import Scenes, edited, inputs, rank, stored, trials
from support.world import CONFIG, NOW

from itil_gate.decide.gate import decide
from itil_gate.decide.verdict import outcome_of
from itil_gate.model.decision import EXIT_CODES, SEVERITY
from itil_gate.model.errors import GateError
from itil_gate.model.finding import Finding
from itil_gate.report.phrases import exit_code

if TYPE_CHECKING:
    from itil_gate.model.decision import Decision, Outcome
    from itil_gate.model.facts import Inputs

AUDIT = f"{CONFIG}mode: audit\nauditUntil: 2026-03-31\n"
EFFECTS = st.lists(st.sampled_from(["deny", "pending", "advise"]), max_size=4)
MEANS = {"deny": "deny", "pending": "pending", "advise": "allow"}
SAYS = {"UNSATISFIED": "deny", "PENDING": "pending"}


def states(decision: Decision) -> list[str]:
    """Return how every rule of the merge and of its changes came out."""
    own = [state for change in decision.changes for state in change.rules]
    return [state.state for state in (*decision.rules, *own)]


@given(effects=EFFECTS)
def test_the_worst_finding_is_the_outcome(effects: list[str]) -> None:
    findings = [Finding(rule="r", message="m", effect=effect) for effect in effects]
    wanted = max((MEANS[effect] for effect in effects), key=SEVERITY.index, default="allow")
    assert outcome_of(findings) == wanted


@trials(150)
@given(data=st.data())
def test_a_decision_is_as_bad_as_its_worst_rule_under_either_set(
    scenes: Scenes, data: st.DataObject
) -> None:
    asked = data.draw(inputs(scenes))
    proposed = scenes.judge(data.draw(st.sampled_from(sorted(scenes.judges))))
    alone = decide(asked)
    both = decide(asked.model_copy(update={"proposed": proposed}))
    for decision in (alone, both):
        said: list[Outcome] = [SAYS.get(state, "allow") for state in states(decision)]  # type: ignore[misc]
        assert decision.outcome == max(said, key=SEVERITY.index)
        assert all(rank(one.outcome) <= rank(decision.outcome) for one in decision.changes)
    assert rank(both.outcome) >= rank(alone.outcome)
    other = decide(asked.model_copy(update={"judge": proposed}))
    assert rank(both.outcome) >= rank(other.outcome)


def audited(asked: Inputs, text: str = AUDIT) -> Inputs:
    """Return the inputs as if the target were still trying the gate out."""
    judge = tuple(
        stored(one.path, text) if one.path == "itil-gate.yaml" else one for one in asked.judge
    )
    adopted = edited(asked, adopted_at=NOW - timedelta(days=1))
    return adopted.model_copy(update={"judge": judge})


@trials(80)
@given(data=st.data())
def test_audit_mode_changes_the_exit_code_and_nothing_else(
    scenes: Scenes, data: st.DataObject
) -> None:
    asked = data.draw(inputs(scenes, judges=["plain", "ruled"]))
    usual, tried = decide(asked), decide(audited(asked))
    assert not tried.enforced
    assert (tried.outcome, tried.changes, tried.rules) == (
        usual.outcome, usual.changes, usual.rules
    )  # fmt: skip
    assert exit_code(usual) == EXIT_CODES[usual.outcome]
    assert exit_code(tried) == 0


FAULTS = ("kind: Nothing\n", "spec: {}\n", "- [\n", "\x00", "")


@trials(40)
@given(data=st.data(), fault=st.sampled_from(FAULTS))
def test_audit_mode_never_hides_that_the_gate_cannot_decide(
    scenes: Scenes, data: st.DataObject, fault: str
) -> None:
    asked = audited(data.draw(inputs(scenes)))
    path = data.draw(st.sampled_from([one.path for one in asked.judge]))
    judge = tuple(stored(one.path, fault) if one.path == path else one for one in asked.judge)
    with pytest.raises(GateError):
        decide(asked.model_copy(update={"judge": judge}))
    undecided = decide(asked).model_copy(update={"outcome": "undecided"})
    assert exit_code(undecided) == EXIT_CODES["undecided"]
