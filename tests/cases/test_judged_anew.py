"""What is worked out once for many decisions is never that of other policies, people or calendars.

Alice proposes the same change in one process, under policies that change between the decisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.world import only

from itil_gate.decide.gate import decide

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs

RULES = """\
apiVersion: itil-gate/v1
kind: RuleSet
metadata: {name: own, owner: change-authority, reviewBy: 2027-01-01}
spec:
  variables: {late: 'daysUntil("2026-03-01") < 0'}
  rules:
    - id: too-late
      expect: "!late || size(services) > 9"
      message: it is late
      remedy: Do it sooner.
      enforcement: soft
      rationale: A test.
"""
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: calendar, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - {id: rest, reason: A test., start: 2026-03-01T00:00, end: 2026-03-09T00:00, timezone: UTC}
"""


def edited(inputs: Inputs, path: str, old: str, new: str) -> Inputs:
    """Return inputs in which one text of the judge is another."""
    judge = tuple(
        source.model_copy(update={"text": source.text.replace(old, new)})
        if source.path == path
        else source
        for source in inputs.judge
    )
    assert judge != inputs.judge
    return inputs.model_copy(update={"judge": judge})


def states(decision: Decision) -> dict[str, str]:
    """Return how each rule of the change came out."""
    return {state.rule: state.state for state in only(decision).rules}


def test_other_people_are_asked_where_the_roster_is_another(world: World) -> None:
    world.propose({"deploy/app.yaml": "replicas: 4\n"})
    inputs = world.inputs()
    other = edited(inputs, "people.yaml", "members: [bob, dave]", "members: [erin, carol]")
    first, second, again = decide(inputs), decide(other), decide(inputs)
    assert [only(one).requirements[0].eligible for one in (first, second)] == [
        ("bob", "dave"),
        ("carol", "erin"),
    ]
    assert first.digests.judge != second.digests.judge
    assert first.digests.facts == second.digests.facts
    assert again == first


def test_a_policy_that_is_edited_decides_from_then_on(world: World) -> None:
    world.on_main({"policies/rules.yaml": RULES, "policies/calendar.yaml": FREEZE})
    world.propose()
    inputs = world.inputs()
    assert {**states(decide(inputs))}.items() >= {
        ("too-late", "UNSATISFIED"),
        ("in-freeze", "UNSATISFIED"),
    }
    sooner = edited(inputs, "policies/rules.yaml", "2026-03-01", "2026-04-01")
    assert states(decide(sooner))["too-late"] == "SATISFIED"
    thawed = edited(inputs, "policies/calendar.yaml", "2026-03-09", "2026-03-02")
    assert states(decide(thawed))["in-freeze"] == "SATISFIED"
    assert states(decide(inputs))["in-freeze"] == "UNSATISFIED"
    stricter = edited(inputs, "policies/approvals.yaml", "min: 1", "min: 2")
    assert only(decide(stricter)).requirements[0].needed == 2
    assert only(decide(inputs)).requirements[0].needed == 1
