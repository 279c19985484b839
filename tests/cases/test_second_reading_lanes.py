"""Lanes in which nobody is asked: no request and no diff may widen what they let through."""

from __future__ import annotations

import pytest
from support.casting import requiring
from support.world import APPROVALS, CHG, CONFIG, OTHER, SERVICES, World, broken, findings, only

TWO = (
    SERVICES
    + """\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: toy
  annotations: {itil-gate.dev/tier: "5", itil-gate.dev/paths: "toy/**"}
spec: {type: service, lifecycle: production}
"""
)
PLACES = CONFIG.replace(
    'paths: ["deploy/**"]}', 'paths: ["deploy/**"]}\n  - {name: staging, paths: ["src/stage/**"]}'
)
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: frozen, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - {id: quarter, reason: Books close., start: "2026-03-01T00:00", end: "2026-03-09T00:00",
       timezone: UTC, scope: {environments: [production]}}
"""
EMERGENCY = APPROVALS + (
    "    - {id: now, lanes: [emergency], levels: [low, medium, high, critical],"
    " role: service-owner, min: 1}\n"
)


def model(
    *paths: str,
    name: str = "text",
    kind: str = "standard",
    limits: str = "files: 9, risk: medium, environments: [production, staging]",
    recognise: str = "true",
    more: str = "",
) -> str:
    globs = ", ".join(f'"{path}"' for path in paths)
    return (
        "apiVersion: itil-gate/v1\n"
        "kind: ChangeModel\n"
        f"metadata: {{name: {name}, owner: change-authority, reviewBy: 2027-01-01}}\n"
        f"spec:\n  type: {kind}\n  description: What is done often.\n  paths: [{globs}]\n"
        f"  limits: {{{limits}}}\n  recognise: {recognise}\n  expires: 2026-12-31\n{more}"
    )


def unasked(world: World, files: dict[str, str | bytes]) -> World:
    world.repo.checkout("feature", create=True, at="main")
    world.commit(files)
    return world


def test_a_path_with_an_environment_does_not_hide_that_of_the_others(world: World) -> None:
    world.on_main(
        {
            "itil-gate.yaml": PLACES,
            "policies/model.yaml": model("src/texts/**", "src/stage/**"),
            "calendar/frozen.yaml": FREEZE,
        }
    )
    decision = unasked(world, {"src/texts/a": "2\n", "src/stage/a": "2\n"}).check()
    assert decision.outcome == "deny"
    assert only(decision).environments == ("production", "staging")
    assert "in-freeze" in broken(decision)


def test_a_path_that_somebody_owns_does_not_speak_for_one_that_nobody_owns(world: World) -> None:
    world.on_main({"policies/model.yaml": model("src/texts/**", "lost/**")})
    decision = unasked(world, {"src/texts/a": "2\n", "lost/a": "2\n"}).check()
    assert decision.outcome == "deny"
    assert (
        "no service of the catalogue owns lost/a" in findings(decision, "not-recognised")[0].message
    )


def test_a_claim_of_another_environment_is_looked_at_by_somebody(world: World) -> None:
    world.on_main({"policies/model.yaml": model("src/texts/**"), "calendar/frozen.yaml": FREEZE})
    world.propose({"src/texts/a": "2\n"}, kind="standard", model="text")
    file = world.repo.path / f"changes/2026/{CHG}.yaml"
    world.commit(
        {f"changes/2026/{CHG}.yaml": file.read_text().replace("[production]", "[staging]")}
    )
    decision = world.check()
    assert decision.outcome != "allow"
    assert only(decision).lane == "peer"


def test_a_claim_of_another_service_is_looked_at_by_somebody(world: World) -> None:
    world.on_main({"policies/model.yaml": model("lost/**"), "services/payments.yaml": TWO})
    world.propose(
        {"lost/a": "2\n"}, kind="standard", model="text", services="toy", scope='"lost/**"'
    )
    decision = world.check()
    assert decision.outcome != "allow"
    assert only(decision).lane == "peer"


def split(world: World, **options: str) -> World:
    """Open a branch with two services, each in the scope of a request of its own."""
    world.propose({"src/texts/a": "2\n"}, scope='"src/**"', **options)
    world.propose(
        {"toy/a": "2\n"}, change=OTHER, services="toy", scope='"toy/**"', at="feature", **options
    )
    return world


def test_the_limits_of_a_model_are_of_the_whole_diff_however_many_requests(world: World) -> None:
    limits = "files: 9, services: 1, risk: medium, environments: [production]"
    text = model("src/texts/**", "toy/**", limits=limits)
    world.on_main({"policies/model.yaml": text, "services/payments.yaml": TWO})
    decision = split(world, kind="standard", model="text").check()
    assert decision.outcome == "deny"
    assert "model-limit" in broken(decision)


@pytest.mark.parametrize(
    "spec",
    [
        "spec:\n  floors: [{id: wide, when: size(services) > 1, level: high, reason: Much.}]\n",
        """\
spec:
  impact: {tiers: [{tier: 2, impact: 1}, {tier: 5, impact: 1}],
           blastRadius: [{atLeast: 2, impact: 5}]}
  matrix: [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [90, 90, 90, 90]]
  bands: [{level: low, upTo: 50}, {level: high, upTo: 100}]
""",
    ],
)
def test_risk_reads_the_whole_diff_however_many_requests(world: World, spec: str) -> None:
    head = (
        "apiVersion: itil-gate/v1\nkind: RiskModel\n"
        "metadata: {name: wide, owner: change-authority, reviewBy: 2027-01-01}\n"
    )
    world.on_main({"policies/wide.yaml": head + spec, "services/payments.yaml": TWO})
    decision = split(world).check()
    assert [one.risk.level for one in decision.changes] == ["high", "high"]


@pytest.mark.parametrize("path", ["policies/x.yaml", ".github/workflows/x.yml", "people.yaml"])
def test_an_emergency_is_no_way_to_change_the_judge(world: World, path: str) -> None:
    world.on_main({"policies/approvals.yaml": EMERGENCY, "calendar/frozen.yaml": FREEZE})
    text = world.repo.git("show", "main:people.yaml") + "\n" if path == "people.yaml" else None
    world.propose(
        {path: (text or model("src/texts/**", name="x")) + "# edited\n"},
        kind="emergency",
        scope='"**"',
    )
    decision = world.check()
    assert only(decision).lane == "board"
    assert "in-freeze" in broken(decision)


def test_what_may_break_much_is_not_registered_in_silence(world: World) -> None:
    text = model("db/vendor/**", name="vendor", kind="registration", limits="", recognise="false")
    world.on_main({"policies/vendor.yaml": text})
    world.propose({"db/vendor/x": "2\n"}, kind="registration", model="vendor")
    decision = world.check()
    assert only(decision).risk.level == "high"
    assert decision.outcome == "pending"
    assert only(decision).lane == "board"


@pytest.mark.parametrize("paths", [("*", "*/**"), ("**/?*",), ("?*", "**/*/*")])
def test_globs_that_together_are_everything_bound_nothing(
    world: World, paths: tuple[str, ...]
) -> None:
    world.on_main({"policies/model.yaml": model(*paths)})
    world.propose()
    assert world.refusal() == "invalid-policy-set"


def test_an_exception_from_the_appetite_is_given_by_who_answers_for_what_changes(
    world: World,
) -> None:
    risk = world.repo.git("show", "main:policies/risk.yaml").replace(
        "  default: low\n",
        "  default: low\n  appetite: {sponsor: carol, reviewBy: 2027-01-01, maximum: low,"
        " exception: risk-owner}\n",
    )
    people = world.repo.git("show", "main:people.yaml")
    people += "\n  - {role: risk-owner, members: [bob], services: [toy]}\n"
    assert "roles:" in people
    world.on_main(
        {"policies/risk.yaml": f"{risk}\n", "people.yaml": people, "services/payments.yaml": TWO}
    )
    world.propose({"deploy/app.yaml": "replicas: 4\n"})
    world.approve("bob")
    assert "beyond-appetite" in broken(world.check())


@pytest.mark.parametrize("name", ["agent-contributor", "unproved-contributor"])
def test_a_requirement_named_like_one_of_the_gate_is_bound_like_any_other(
    world: World, name: str
) -> None:
    world.propose()
    world.approve("erin")
    more = requiring(f"id: {name}, levels: [low], role: change-authority").replace(
        "name: approvals", "name: built-in"
    )
    world.on_main({"policies/more.yaml": more})
    decision = world.check()
    assert decision.outcome == "pending"
    assert [one.code for one in only(decision).ledger] == ["stale"]
