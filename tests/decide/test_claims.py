"""Claims of a request, held against the roster, the catalogue, the diff and the proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.edits import only_said, under, with_request
from support.rules import rule, rule_set
from support.scenes import edited, stored
from support.world import CONFIG, SERVICES, findings, only, request_file

from itil_gate.decide.claims import check_proof
from itil_gate.decide.contributors import Contributors
from itil_gate.decide.gate import decide
from itil_gate.model.decision import RiskAssessment

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.model.facts import Inputs
    from itil_gate.model.finding import Finding

OTHER = "CHG-2026-AAAA0002"


def told(inputs: Inputs, rule: str) -> list[Finding]:
    return list(findings(decide(only_said(inputs)), rule))


def at(inputs: Inputs, found: Finding) -> str:
    """Return the line of the request that a finding points at."""
    (asked,) = inputs.requests
    assert found.place is not None
    assert found.place.file == asked.path
    return asked.text.splitlines()[found.place.line - 1].strip()


def test_people_whom_nobody_knows_are_refused_where_they_are_named(scenes: Scenes) -> None:
    inputs = with_request(scenes.sealed, "requester: alice", "requester: mallory")
    (found,) = told(inputs, "unknown-person")
    assert (found.message, found.effect) == ("requester mallory is not in people.yaml", "deny")
    assert "requester: mallory" in at(inputs, found)
    inputs = with_request(scenes.sealed, "  reason:", "  implementer: mallory\n  reason:")
    (found,) = told(inputs, "unknown-person")
    assert found.message == "implementer mallory is not in people.yaml"
    assert at(inputs, found) == "implementer: mallory"
    assert told(with_request(inputs, "mallory", "erin"), "unknown-person") == []


def test_services_of_no_catalogue_are_refused_each_where_it_is_named(scenes: Scenes) -> None:
    services = "[\n    payments-api,\n    nothing,\n    nowhere]"
    inputs = with_request(scenes.sealed, "[payments-api]", services)
    one, two = told(inputs, "unknown-service")
    assert one.message == "the service nothing is not in the catalogue"
    assert one.remedy == "use one of: payments-api"
    assert (at(inputs, one), at(inputs, two)) == ("nothing,", "nowhere]")
    assert told(scenes.sealed, "unknown-service") == []


def test_what_changes_and_is_not_named_is_refused(scenes: Scenes) -> None:
    two = SERVICES + "---\n" + SERVICES.replace("payments-api", "archive")
    inputs = under(scenes.sealed, {"services/payments.yaml": two})
    (found,) = told(inputs, "undeclared-service")
    assert found.message == (
        "paths of the service archive change, but spec.services does not name it"
    )
    assert at(inputs, found) == "services: [payments-api]"
    places = CONFIG.replace(
        "environments:\n", 'environments:\n  - {name: staging, paths: ["db/**"]}\n'
    )
    inputs = under(scenes.sealed, {"itil-gate.yaml": places})
    (found,) = told(inputs, "undeclared-environment")
    assert found.message == (
        "the change takes effect in staging, but spec.environments does not name it"
    )
    assert at(inputs, found) == "environments: [production]"
    named = with_request(inputs, "[production]", "[production, staging]")
    assert told(named, "undeclared-environment") == []


@pytest.mark.parametrize(
    ("declared", "advice"), [("low", True), ("medium", True), ("high", False), ("critical", False)]
)
def test_a_risk_declared_too_low_is_advice_and_the_assessed_one_holds(
    scenes: Scenes, declared: str, *, advice: bool
) -> None:
    inputs = with_request(scenes.sealed, "  reason:", f"  risk: {declared}\n  reason:")
    found = told(inputs, "under-declared-risk")
    assert bool(found) is advice
    for one in found:
        assert one.message == f"the request says {declared}; assessed is high, which holds"
        assert (one.effect, at(inputs, one)) == ("advise", f"risk: {declared}")
    level = only(decide(inputs)).risk.level
    assert level == ("critical" if declared == "critical" else "high")


def test_fields_of_ones_own_are_held_against_a_schema_or_refused(scenes: Scenes) -> None:
    extended = with_request(scenes.sealed, "  reason:", "  x-cost: 7\n  reason:")
    schema = '{"type": "object", "properties": {"x-cost": {"type": "string"}}}'
    asked = '{"type": "object", "required": ["x-cost"], "properties": {"x-cost": {}}}'
    config = CONFIG + "extensions: policies/extensions.json\n"

    def outcome(inputs: Inputs, text: str) -> str:
        files = {"itil-gate.yaml": config, "policies/extensions.json": text}
        return decide(under(inputs, files)).outcome

    assert outcome(extended, schema) == "deny"
    assert decide(extended).outcome == "deny"  # without a schema nobody knows the field
    assert outcome(with_request(extended, "x-cost: 7", "x-cost: much"), asked) == "pending"
    assert outcome(scenes.sealed, asked) == "deny"
    assert outcome(scenes.sealed, schema) == "allow"


def proof(*commits: str, level: str = "high") -> list[Finding]:
    people = Contributors(people=(), unattributable=(), unproved=commits, by_agent=False)
    risk = RiskAssessment(level=level, contributions=())  # type: ignore[arg-type]
    return check_proof(people, risk)


def test_what_nothing_proves_is_refused_from_medium_risk_on() -> None:
    for level, effect in (
        ("low", "advise"),
        ("medium", "deny"),
        ("high", "deny"),
        ("critical", "deny"),
    ):
        (found,) = proof("a" * 40, level=level)
        assert found.effect == effect
    assert proof() == []


def test_five_commits_that_nothing_proves_are_named() -> None:
    commits = [letter * 40 for letter in "abcdefg"]
    names = ", ".join(letter * 12 for letter in "abcde")
    (five,) = proof(*commits[:5])
    assert five.message == (f"nothing proves who made commit {names}: at high risk that is refused")
    (seven,) = proof(*commits, level="low")
    assert seven.message == (
        f"nothing proves who made commit {names} and 2 more: one approval more is needed"
    )


# What is measured of a change ---------------------------------------------------------------------

TWO = (
    SERVICES.replace("src/** deploy/** db/**", "src/**")
    + "---\n"
    + SERVICES.replace("payments-api", "archive").replace("src/** deploy/** db/**", "db/**")
)


def split(scenes: Scenes) -> Inputs:
    """Return inputs with a second request, of another service, for db/ alone."""
    (first,) = scenes.sealed.requests
    narrow = first.text.replace('"src/**", "deploy/**", "db/**"', '"src/**", "deploy/**"')
    assert narrow != first.text
    second = stored(
        f"changes/2026/{OTHER}.yaml",
        request_file(OTHER, scope='"db/**"', services="archive"),
    )
    inputs = under(scenes.sealed, {"services/payments.yaml": TWO})
    diff = tuple(one for one in inputs.facts.diff if not one.path.startswith("docs"))
    return edited(inputs, diff=diff).model_copy(
        update={"requests": (stored(first.path, narrow), second)}
    )


def test_each_request_names_what_lies_in_its_scope_and_risk_is_of_the_whole(
    scenes: Scenes,
) -> None:
    decision = decide(only_said(split(scenes)))
    first, second = decision.changes
    assert (first.services, second.services) == (("payments-api",), ("archive",))
    assert (first.risk.level, second.risk.level) == ("high", "high")
    assert findings(decision, "undeclared-service") == ()
    assert findings(decision, "uncovered-change") == ()


WIDE = """\
apiVersion: itil-gate/v1
kind: RiskModel
metadata: {name: wide, owner: change-authority, reviewBy: 2027-01-01}
spec:
  impact: {tiers: [{tier: 2, impact: 1}, {tier: 5, impact: 1}],
           blastRadius: [{atLeast: 2, impact: 5}]}
  matrix: [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [90, 90, 90, 90]]
  bands: [{level: high, upTo: 50}, {level: critical, upTo: 100}]
"""


def test_risk_counts_the_services_that_the_whole_reaches(scenes: Scenes) -> None:
    inputs = under(split(scenes), {"policies/wide.yaml": WIDE})
    both = decide(only_said(inputs)).changes
    assert [one.risk.level for one in both] == ["critical", "critical"]
    alone = under(scenes.sealed, {"policies/wide.yaml": WIDE})
    assert only(decide(only_said(alone))).risk.level == "high"


def test_owners_are_asked_for_the_services_of_each_request(scenes: Scenes) -> None:
    first, second = decide(only_said(split(scenes))).changes
    assert {one.service for one in first.requirements} == {"payments-api", None}
    assert {one.service for one in second.requirements} == {"archive", None}


def test_a_declared_service_counts_also_where_no_path_of_it_changes(scenes: Scenes) -> None:
    inputs = under(scenes.sealed, {"services/payments.yaml": TWO})
    inputs = with_request(inputs, "[payments-api]", "[payments-api, archive, elsewhere]")
    verdict = only(decide(only_said(inputs)))
    assert verdict.services == ("archive", "elsewhere", "payments-api")


def test_expressions_read_the_services_of_the_whole_for_every_request(scenes: Scenes) -> None:
    """One is declared by the other request alone, one owns a path and is declared by none."""
    inputs = split(scenes)
    first, second = inputs.requests
    more = stored(second.path, second.text.replace("[archive]", "[archive, zoo]"))
    third = SERVICES.replace("payments-api", "deployer").replace(
        "src/** deploy/** db/**", "deploy/**"
    )
    text = rule_set(
        rule(
            "services.map(s, s.name) == ['archive', 'deployer', 'payments-api', 'zoo']",
            name="whole",
            enforcement="hard",
        )
    )
    files = {"services/more.yaml": third, "policies/whole.yaml": text}
    decision = decide(
        only_said(under(inputs, files)).model_copy(update={"requests": (first, more)})
    )
    states = [one.state for each in decision.changes for one in each.rules if one.rule == "whole"]
    assert states == ["SATISFIED", "SATISFIED"]
