"""Policies as others apply them: skipped, rounded, defaulted, edited afterwards. Not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import reasons, requiring, set_people, set_requirements
from support.judging import on_target, undecided
from support.shell import run_gate
from support.world import (
    APPROVALS,
    CHG,
    CONFIG,
    RISK,
    ROLES,
    World,
    broken,
    entry,
    findings,
    only,
    request_file,
)

from itil_gate.decide.gate import decide
from itil_gate.reading.external import read_external

if TYPE_CHECKING:
    from itil_gate.model.decision import Decision

POLICY = "policies/approvals.yaml"
MODEL = "policies/risk.yaml"
OWNER = "role: service-owner, of: footprint, min: 1"
PASSED = b'[{"filename": "input.json", "namespace": "main", "successes": 2, "failures": []}]'


def share(percent: int) -> str:
    """Return the approval policy in which a share of the owners must approve."""
    return APPROVALS.replace(OWNER, f"role: service-owner, of: footprint, percent: {percent}")


@case("FO-04", "FO-18")
def test_no_requirement_for_the_files_is_a_refusal(world: World) -> None:
    set_requirements(world, "id: data, levels: [high], role: peer")
    world.propose({"nowhere/new.txt": "1\n"}, scope='"nowhere/**"')
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"no-applicable-policy"}


@case("FO-04")
@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"change-authority": ["carol"]}, "nobody holds that role"),
        ({"service-owner": ["robo"]}, "nobody holds that role"),
        ({"service-owner": ["alice"]}, "alice took part in the change"),
    ],
    ids=["nobody", "a bot alone", "the author alone"],
)
def test_approvers_who_cannot_be_found_are_a_refusal_and_not_skipped(
    world: World, roles: dict[str, list[str]], said: str
) -> None:
    set_people(world, roles=roles)
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    world.approve("erin", "dave")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "unsatisfiable-requirement")
    assert found.message.startswith("owner needs 1 service-owner for payments-api")
    assert said in found.message


@case("FO-18")
def test_a_request_whose_scope_holds_none_of_the_files_covers_none(world: World) -> None:
    world.propose(scope='"other/**"')
    world.approve("bob", "carol", "dave", "erin")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "uncovered-change")
    assert "src/app.py" in found.message


@case("FO-05")
def test_the_highest_of_all_that_matches_holds_and_all_of_it_is_shown(world: World) -> None:
    world.propose({"src/app.py": "1\n", "deploy/app.yaml": "r: 1\n", "db/schema.sql": "drop\n"})
    risk = only(world.check()).risk
    assert risk.level == "high"
    shown = {(one.source.rpartition(":")[2], one.level) for one in risk.contributions}
    assert {("deployment", "medium"), ("schema", "high")} <= shown
    assert all(one.reason for one in risk.contributions)


@case("FO-05")
def test_risk_is_assessed_without_being_asked_for(world: World) -> None:
    """Nothing in the request sets it off, and a request that says low does not end it."""
    for extra in ("", "  risk: low\n"):
        world.propose({"db/schema.sql": f"drop {len(extra)};\n"}, extra=extra)
        assert only(world.check()).risk.level == "high"


@case("FO-05")
def test_a_target_without_a_risk_model_decides_nothing(world: World) -> None:
    world.repo.remove(MODEL)
    world.commit(by="carol")
    world.propose()
    assert undecided(world).code == "no-policy"


BANDS = """\
  impact: {}
  matrix: [[5, 13, 20, 30], [10, 20, 30, 40], [20, 30, 40, 60], [30, 40, 60, 80], [40, 60, 80, 100]]
"""


@case("FO-06")
@pytest.mark.parametrize(
    "bands",
    [
        "[{level: low, upTo: 12}, {level: medium, upTo: 60}]",
        "[{level: low, upTo: 60}, {level: medium, upTo: 12}, {level: high, upTo: 100}]",
        "[{level: low, upTo: 12}, {level: medium, upTo: 12}, {level: high, upTo: 100}]",
        "[{level: low, upTo: 12}, {level: low, upTo: 60}, {level: high, upTo: 100}]",
        "[{level: low, from: 0, upTo: 12}, {level: medium, from: 14, upTo: 100}]",
        "[{level: low, upTo: 12.5}, {level: medium, upTo: 100}]",
        "[{level: low, upTo: -1}, {level: medium, upTo: 100}]",
        "[{level: low, upTo: 12}, {level: medium, upTo: 101}]",
        "[{level: high, upTo: 12}, {level: low, upTo: 100}]",
    ],
)
def test_bands_that_do_not_partition_the_scores_do_not_load(world: World, bands: str) -> None:
    error, said = on_target(world, {MODEL: f"{RISK}{BANDS}  bands: {bands}\n"})
    assert error.code == "invalid-policy-set"
    assert "bands" in said
    assert f"{MODEL}:" in said


@case("FO-06")
def test_bands_that_end_at_100_load(world: World) -> None:
    """What is refused above is the bands, and nothing around them."""
    bands = "[{level: low, upTo: 12}, {level: medium, upTo: 60}, {level: high, upTo: 100}]"
    world.commit({MODEL: f"{RISK}{BANDS}  bands: {bands}\n"}, by="carol")
    world.propose()
    assert world.check().outcome != "allow"


@case("FO-07")
@pytest.mark.parametrize(
    ("percent", "owners", "needed"),
    [
        (51, ("bob", "dave"), 2),
        (50, ("bob", "dave"), 1),
        (1, ("bob", "dave"), 1),
        (34, ("bob", "carol", "dave"), 2),
        (67, ("bob", "carol", "dave"), 3),
        (100, ("bob", "carol", "dave"), 3),
        (26, ("bob", "carol", "dave", "erin"), 2),
    ],
)
def test_a_share_is_rounded_up(
    world: World, percent: int, owners: tuple[str, ...], needed: int
) -> None:
    set_people(world, roles={**ROLES, "service-owner": owners})
    world.commit({POLICY: share(percent)}, by="carol")
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    for number, name in enumerate(owners, 1):
        world.approve(name)
        decision = world.check()
        assert only(decision).requirements[0].needed == needed
        assert decision.outcome == ("allow" if number >= needed else "pending")


@case("FO-08")
def test_a_share_raised_after_the_vote_takes_the_votes_along(world: World) -> None:
    world.commit({POLICY: share(50)}, by="carol")
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    world.approve("bob")
    assert world.check().outcome == "allow"
    world.on_main({POLICY: share(51)})
    decision = world.check()
    assert decision.outcome == "pending"
    assert "was not there, or was weaker, when approved" in entry(decision, "bob").detail


@case("FO-08")
def test_a_share_cannot_be_lowered_by_the_change_that_was_voted_on(world: World) -> None:
    strict = APPROVALS.replace("role: change-authority, min: 1", "role: change-authority, min: 2")
    world.commit({POLICY: strict}, by="carol")
    world.propose({POLICY: strict.replace("min: 2", "min: 1"), "src/app.py": "1\n"}, scope='"**"')
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "pending"
    needed = {one.side: one.needed for one in only(decision).requirements if one.id == "authority"}
    assert needed == {"target": 2, "proposed": 1}


def declared(world: World, *names: str) -> None:
    """Declare external checks on main, propose a change and let a peer approve it."""
    for name in names:
        text = (
            "apiVersion: itil-gate/v1\nkind: ExternalCheck\n"
            f"metadata: {{name: {name}, owner: change-authority, reviewBy: 2027-01-01}}\n"
            "spec: {format: conftest, reason: It is asked for.}\n"
        )
        world.commit({f"policies/{name}.yaml": text}, by="carol")
    world.propose()
    world.approve("erin")


def handed(world: World, **results: bytes) -> Decision:
    """Decide with these results of other tools."""
    inputs = world.inputs()
    found = tuple(read_external(data, name=name) for name, data in results.items())
    facts = inputs.facts.model_copy(update={"external": found})
    return decide(inputs.model_copy(update={"facts": facts}))


@case("FO-09")
def test_results_of_which_a_part_is_missing_are_waited_for(world: World) -> None:
    declared(world, "rego", "scan")
    decision = handed(world, rego=PASSED)
    assert decision.outcome == "pending"
    (found,) = findings(decision, "awaited-evidence")
    assert "external check scan" in found.message
    assert handed(world, rego=PASSED, scan=PASSED).outcome == "allow"


@case("FO-09")
@pytest.mark.parametrize("data", [b"", b"[]", b"{}", PASSED[:-5], PASSED.replace(b"2", b"0")])
def test_results_that_are_cut_short_or_hold_no_test_are_refused(world: World, data: bytes) -> None:
    declared(world, "rego")
    decision = handed(world, rego=data)
    assert decision.outcome == "deny"
    (found,) = findings(decision, "no-external-results")
    assert "external check rego" in found.message


def test_a_report_that_the_pull_request_brings_along_proves_nothing(world: World) -> None:
    declared(world, "rego")
    extra = "  evidence: [{kind: junit, path: reports/rego.json}]\n"
    world.propose({"reports/rego.json": PASSED}, scope='"reports/**"', extra=extra)
    world.approve("erin")
    decision = world.check()
    assert decision.outcome == "pending"
    assert broken(decision) == {"awaited-evidence"}


FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: freezes, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - {id: spring, reason: Audit week., start: "2026-03-01T00:00", end: "2026-03-08T00:00",
       timezone: UTC}
"""


@case("FO-10")
def test_a_freeze_blocks_whoever_asks_and_however_many_approve(world: World) -> None:
    world.commit({"calendar/freezes.yaml": FREEZE}, by="carol")
    world.propose(by="dave")
    world.approve("bob", "carol", "erin")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "in-freeze")
    assert "spring" in found.message
    assert "Audit week." in found.message
    world.later(days=7)
    assert world.check().outcome == "allow"


@case("FO-14")
def test_self_review_is_no_review_whoever_it_is(world: World) -> None:
    """Dave owns the service and is change authority; his own change still needs the others."""
    world.propose({"db/schema.sql": "drop\n"}, by="dave")
    world.approve("dave")
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "dave").code == "contributor"


@case("FO-14")
def test_whoever_committed_something_does_not_approve_it(world: World) -> None:
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    world.commit({"deploy/app.yaml": "replicas: 8\n"}, by="alice", committer="bob")
    world.approve("bob")
    decision = world.check()
    assert entry(decision, "bob").code == "contributor"
    assert any("committer" in reason for reason in reasons(decision, "bob"))
    assert decision.outcome == "pending"


@case("FO-14")
def test_an_approval_does_not_survive_a_push(world: World) -> None:
    world.propose()
    world.approve("erin")
    world.commit({"src/app.py": "print('newer')\n"})
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "erin").code == "stale"


@case("FO-14")
def test_one_of_six_asked_does_not_speak_for_the_others(world: World) -> None:
    set_requirements(world, "id: all, levels: [low], role: peer, min: 4")
    world.propose()
    world.approve("erin")
    decision = world.check()
    assert decision.outcome == "pending"
    (state,) = only(decision).requirements
    assert (state.needed, state.counted) == (4, ("erin",))


@case("FO-15")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (APPROVALS.partition("  requirements:")[0] + "  requirements: []\n", "invalid-policy-set"),
        (APPROVALS.partition("spec:")[0] + "spec: {}\n", "invalid-policy-set"),
        (None, "no-policy"),
    ],
    ids=["asks for nothing", "says nothing", "missing"],
)
def test_a_policy_that_asks_for_nothing_approves_nothing(
    world: World, text: str | None, code: str
) -> None:
    if text is None:
        world.repo.remove(POLICY)
    world.commit({} if text is None else {POLICY: text}, by="carol")
    world.propose()
    assert undecided(world).code == code


@case("FO-16")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "mode: enforce\n",
        CONFIG.replace("targets", "tragets"),
        CONFIG.replace("kind: Config", "kind: Confg"),
        CONFIG.replace("apiVersion: itil-gate/v1", "apiVersion: itil-gate/v9"),
        CONFIG.replace("repository:", "repository"),
        CONFIG + "mode: off\n",
        CONFIG + "mode: audit\n",
    ],
)
def test_an_invalid_configuration_has_no_defaults_to_fall_back_to(world: World, text: str) -> None:
    world.commit({"itil-gate.yaml": text}, by="carol")
    world.propose()
    ran = run_gate("check", "--base", "main", "--head", "feature", cwd=world.repo.path)
    assert ran.code == 2
    assert "itil-gate: invalid-config: itil-gate.yaml does not load" in ran.err
    assert ran.out == ""


BYPASS = "Codeowners Bypass /override /approve LGTM +1 [skip ci] itil-gate: skip"


@case("FO-16")
def test_no_words_of_a_request_or_a_commit_bypass_anything(world: World) -> None:
    world.propose(title=f'"{BYPASS}"', extra=f"  expectedOutcome: '{BYPASS}'\n")
    world.commit(
        {"src/app.py": f"# {BYPASS}\n"},
        message=BYPASS,
        trailers=["Approved-by: Carol Clark <carol@example.com>", "Itil-Gate-Bypass: true"],
    )
    world.repo.git("tag", "--annotate", "--message", BYPASS, "bypass")
    world.repo.git("notes", "add", "--message", BYPASS)
    decision = world.check()
    assert decision.outcome == "pending"
    assert broken(decision) == {"missing-approval"}
    assert only(decision).ledger == ()


@case("FO-17")
def test_the_candidate_of_a_queue_is_decided_by_itself(world: World) -> None:
    """What the approved head was told says nothing about what the queue would land."""
    world.propose()
    world.approve("erin")
    assert world.check().outcome == "allow"
    world.repo.checkout("queue", create=True, at="feature")
    world.commit({"deploy/app.yaml": "replicas: 0\n"})
    decision = world.check("queue")
    assert decision.head == world.repo.tip("queue")
    assert decision.outcome == "pending"
    assert entry(decision, "erin").code == "stale"


@case("FO-22")
@pytest.mark.parametrize(
    "requirement",
    [
        "id: any, levels: [low], role: peer, distinct: false",
        "id: any, levels: [low], role: all-of-us",
        "id: any, levels: [low], role: nobody, fallback: all-of-us",
        "id: any, levels: [low], role: all-of-us, percent: 1",
    ],
)
def test_no_policy_can_be_written_by_which_the_author_approves(
    world: World, requirement: str
) -> None:
    everybody = ("alice", "bob", "carol", "dave", "erin")
    set_people(world, roles={**ROLES, "all-of-us": everybody})
    set_requirements(world, requirement)
    world.propose()
    world.approve("alice", roles=["peer", "all-of-us"])
    decision = world.check()
    assert decision.outcome == "pending"
    assert not entry(decision, "alice").counted


@case("FO-22")
@pytest.mark.parametrize(
    "key", ["allowAuthor", "selfApproval", "excludeAuthor", "separation", "ignoreCommitters"]
)
def test_separation_of_duties_has_no_switch(world: World, key: str) -> None:
    text = requiring(f"id: any, levels: [low], role: peer, {key}: false")
    error, said = on_target(world, {POLICY: text})
    assert error.code == "invalid-policy-set"
    assert f'"{key}" is not known' in said


@case("FO-03")
def test_a_service_that_nobody_registered_is_refused(world: World) -> None:
    world.propose(services="not-tracked")
    decision = world.check()
    assert decision.outcome == "deny"
    (found, *_) = findings(decision, "unknown-service")
    assert "not-tracked" in found.message


@case("FO-19")
def test_a_request_in_the_wrong_folder_is_no_request(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({f"change/2026/{CHG}.yaml": request_file(), "src/app.py": "1\n"})
    decision = world.check()
    assert decision.outcome == "deny"
    assert decision.changes == ()
    (found,) = findings(decision, "uncovered-change")
    assert "src/app.py" in found.message
