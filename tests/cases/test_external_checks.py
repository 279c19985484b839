"""Results of other tools, declared on the target and handed to the gate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.world import broken, findings

from itil_gate.decide.gate import decide
from itil_gate.reading.external import read_external

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.model.decision import Decision

CHECK = """\
apiVersion: itil-gate/v1
kind: ExternalCheck
metadata: {name: rego, owner: change-authority, reviewBy: 2027-01-01}
spec: {format: conftest, reason: Security keeps its rules in Rego.}
"""


def conftest(successes: int, *failures: str) -> bytes:
    result = {
        "filename": "input.json",
        "namespace": "main",
        "successes": successes,
        "failures": [{"msg": text} for text in failures],
    }
    return json.dumps([result]).encode()


def check(world: World, data: bytes | None) -> Decision:
    inputs = world.inputs()
    if data is not None:
        found = (read_external(data, name="rego"),)
        facts = inputs.facts.model_copy(update={"external": found})
        inputs = inputs.model_copy(update={"facts": facts})
    return decide(inputs)


def declared(world: World) -> None:
    world.on_main({"policies/rego.yaml": CHECK})
    world.propose()
    world.approve("erin")


def test_results_that_were_not_handed_in_are_waited_for(world: World) -> None:
    declared(world)
    decision = check(world, None)
    assert decision.outcome == "pending"
    assert broken(decision) == {"awaited-evidence"}


def test_results_without_a_failure_allow(world: World) -> None:
    declared(world)
    assert check(world, conftest(3)).outcome == "allow"


def test_a_failure_denies_under_its_own_words(world: World) -> None:
    declared(world)
    decision = check(world, conftest(3, "no backout was tested"))
    assert decision.outcome == "deny"
    (rule,) = broken(decision)
    assert rule.startswith("external:rego:")
    assert findings(decision, rule)[0].message.endswith("no backout was tested")


def test_no_results_at_all_deny(world: World) -> None:
    declared(world)
    for data in (b"[]", b"", conftest(0)):
        decision = check(world, data)
        assert decision.outcome == "deny", data
        assert broken(decision) == {"no-external-results"}


def test_a_check_that_nobody_declared_only_advises(world: World) -> None:
    world.propose()
    world.approve("erin")
    decision = check(world, conftest(0, "whatever"))
    assert decision.outcome == "allow"
    assert findings(decision, "undeclared-external-results")


@pytest.mark.parametrize(
    ("when", "outcome"),
    [
        ("touches('src/**')", "pending"),
        ("touches('db/**')", "allow"),
        ("risk.level == 'low' && lane == 'peer'", "pending"),
        ("services.exists(s, s.tier == 1)", "allow"),
    ],
)
def test_a_check_with_a_condition_is_asked_only_where_it_holds(
    world: World, when: str, outcome: str
) -> None:
    world.on_main({"policies/rego.yaml": CHECK.replace("spec: {", f'spec: {{when: "{when}", ')})
    world.propose()
    world.approve("erin")
    assert check(world, None).outcome == outcome
