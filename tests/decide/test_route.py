"""The way of a change: what its model, its claims and its risk make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.change_models import change_model, request_document, request_of
from support.edits import only_said, under, with_request
from support.scenes import edited, stored
from support.world import APPROVALS, SERVICES, broken, findings, only

from itil_gate.decide.gate import decide
from itil_gate.decide.lane import lane_of
from itil_gate.decide.models import Fit
from itil_gate.model.facts import HistoryFacts, SignatureFact
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.model.base import Level
    from itil_gate.model.decision import ChangeVerdict, Decision, RiskAssessment
    from itil_gate.model.facts import Inputs
    from itil_gate.model.finding import Place

MODEL = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: text, owner: change-authority, reviewBy: 2027-01-01}
spec:
  type: TYPE
  description: Texts that users read.
  expires: 2026-12-31
"""
PLACED = "  limits: {environments: [production]}\n"
NOW = (
    "    - {id: now, lanes: [emergency], levels: [low, medium, high, critical],"
    " role: change-authority, min: 1}\n"
)


def standard(
    scenes: Scenes,
    model: str = PLACED,
    *,
    kind: str = "standard",
    path: str = "src/app.py",
    of: str = "",
    environments: str = "production",
    **files: str,
) -> Inputs:
    """Return a change of one path that nobody approved and that follows a model of its type."""
    (asked,) = scenes.sealed.requests
    text = (
        asked.text.replace("type: normal", f"type: {kind}\n  model: text")
        .replace("[production]", f"[{environments}]")
        .replace('scope: ["src/**", "deploy/**", "db/**"]', 'scope: ["**"]')
    )
    diff = []
    for one in scenes.sealed.facts.diff:
        if one.path == asked.path:
            diff.append(one)
        elif one.path == "src/app.py":
            diff.append(one.model_copy(update={"path": path}))
    inputs = edited(scenes.sealed, diff=tuple(diff))
    inputs = inputs.model_copy(update={"requests": (stored(asked.path, text),)})
    where = (
        ""
        if "paths:" in model
        else '  paths: ["src/**", "deploy/**", "db/**", "lost/**", "policies/other.yaml"]\n'
    )
    texts = {"policies/text.yaml": MODEL.replace("TYPE", of or kind) + where + model}
    texts |= {f"policies/{name}.yaml": text for name, text in files.items()}
    return only_said(under(inputs, texts))


def verdict(inputs: Inputs) -> ChangeVerdict:
    return only(decide(inputs))


def advice(decision: Decision) -> list[str]:
    return [one.message for one in findings(decision, "outside-model") if one.effect == "advise"]


def place(scenes: Scenes, key: str, **given: str) -> Place:
    """Return where a key of the standard change's spec stands."""
    (asked,) = standard(scenes, **given).requests
    return parse(asked.text, file=asked.path).place(("spec", key))


BANDS = """\
apiVersion: itil-gate/v1
kind: RiskModel
metadata: {name: scored, owner: change-authority, reviewBy: 2027-01-01}
spec:
  impact: IMPACT
  card: change-failure
  matrix: [[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33], [40, 41, 42, 43]]
  factors: [{id: big, when: "diff.files > 4", points: 50, reason: It is large.}]
  bands: [{level: low, upTo: 100}]
"""
IMPACT = (
    "{tiers: [{tier: 2, impact: 2}, {tier: 5, impact: 3}], unknownTier: 4, irreversible: 5, "
    "blastRadius: [{atLeast: 2, impact: 3}]}"
)
TOY = (
    "---\napiVersion: backstage.io/v1alpha1\nkind: Component\n"
    'metadata: {name: toy, annotations: {itil-gate.dev/tier: "5"}}\n'
)
QUIET = HistoryFacts(changes=500, failures=1, complete=True, base_ppm=2000)


def risk(inputs: Inputs, **files: str) -> RiskAssessment:
    files = {"risk": BANDS.replace("IMPACT", IMPACT), **files}
    return verdict(under(inputs, {f"policies/{name}.yaml": files[name] for name in files})).risk


def test_risk_is_scored_from_what_changes_who_depends_on_it_and_what_history_says(
    scenes: Scenes,
) -> None:
    plain = only_said(scenes.sealed)
    found = risk(plain)
    assert found.impact is not None
    assert (found.impact.impact, found.score) == (2, 62)
    assert [one.source for one in found.impact.reasons] == ["tier:payments-api", "base"]
    assert found.likelihood is not None
    assert found.likelihood.expected_ppm is None
    few = edited(plain, diff=plain.facts.diff[:4])
    assert risk(few).score == 12
    known = risk(edited(plain, history=QUIET)).likelihood
    assert known is not None
    assert known.expected_ppm is not None


def test_services_that_no_catalogue_has_and_those_that_depend_count_for_the_impact(
    scenes: Scenes,
) -> None:
    lost = risk(with_request(only_said(scenes.sealed), "[payments-api]", "[payments-api, lost]"))
    assert lost.impact is not None
    assert [(one.source, one.impact) for one in lost.impact.reasons] == [
        ("tier:lost", 4),
        ("blast-radius", 3),
        ("tier:payments-api", 2),
        ("base", 1),
    ]
    both = under(only_said(scenes.sealed), {"services/payments.yaml": SERVICES + TOY})
    alone = risk(both).impact
    assert alone is not None
    assert alone.impact == 2
    leaning = SERVICES + TOY + "spec: {dependsOn: [component:payments-api]}\n"
    reached = risk(under(both, {"services/payments.yaml": leaning})).impact
    assert reached is not None
    assert [(one.source, one.impact) for one in reached.reasons][:1] == [("blast-radius", 3)]


@pytest.mark.parametrize(
    ("said", "told"), [("{reversible: false}", 5), ("{reversible: true}", 2), ("{users: All.}", 2)]
)
def test_only_what_is_said_to_be_irreversible_counts_as_that(
    scenes: Scenes, said: str, told: int
) -> None:
    inputs = with_request(only_said(scenes.sealed), "  reason:", f"  impact: {said}\n  reason:")
    found = risk(inputs).impact
    assert found is not None
    assert found.impact == told


@pytest.mark.parametrize("kind", ["normal", "emergency", "registration"])
def test_without_a_model_of_emergencies_only_a_standard_change_needs_one(
    scenes: Scenes, kind: str
) -> None:
    inputs = standard(scenes, kind=kind, of="standard")
    bare = with_request(inputs, "  model: text\n", "")
    assert (verdict(bare).model, broken(decide(bare)) & {"missing-model", "unknown-model"}) == (
        None,
        set(),
    )
    assert broken(decide(without_models(inputs))) & {"missing-model", "unknown-model"} == set()


def without_models(inputs: Inputs) -> Inputs:
    judge = tuple(one for one in inputs.judge if one.path != "policies/text.yaml")
    bare = with_request(inputs, "  model: text\n", "")
    return bare.model_copy(update={"judge": judge})


def test_an_emergency_that_names_no_model_keeps_to_the_one_that_is_published(
    scenes: Scenes,
) -> None:
    asked = APPROVALS + NOW
    for kind, limits, lane, denied in (
        ("emergency", "production", "emergency", False),
        ("emergency", "staging", "emergency", True),
        ("normal", "staging", "peer", False),
    ):
        limit = f"  limits: {{environments: [{limits}]}}\n"
        inputs = standard(scenes, limit, kind=kind, of="emergency", approvals=asked)
        bare = with_request(inputs, "  model: text\n", "")
        decision = decide(bare)
        assert ("model-limit" in broken(decision)) is denied
        assert only(decision).model == (None if kind == "normal" else "text")
        assert only(decision).lane == lane


def test_an_emergency_without_a_model_that_touches_the_judge_goes_by_risk(scenes: Scenes) -> None:
    inputs = standard(scenes, "", kind="emergency", path="policies/other.yaml", of="standard",
                      approvals=APPROVALS + NOW)  # fmt: skip
    assert only(decide(with_request(inputs, "  model: text\n", ""))).lane == "board"
    assert only(decide(without_models(inputs))).lane == "board"
    other = standard(scenes, "", kind="emergency", of="standard", approvals=APPROVALS + NOW)
    assert only(decide(with_request(other, "  model: text\n", ""))).lane == "emergency"


def test_the_environments_of_changed_paths_count_against_the_model(scenes: Scenes) -> None:
    limits = "  limits: {environments: [staging]}\n"
    lax = APPROVALS.replace("levels: [medium, high, critical]", "levels: [high, critical]")
    decision = decide(
        standard(scenes, limits, path="deploy/app.yaml", environments="staging", approvals=lax)
    )
    (found,) = findings(decision, "model-limit")
    assert "takes effect in production" in found.message


def test_a_change_that_a_stranger_took_part_in_is_approved_as_usual(scenes: Scenes) -> None:
    inputs = standard(scenes)
    (commit, *_) = inputs.facts.commits
    nobody = commit.author.model_copy(update={"email": "x@nowhere.example"})
    helped = commit.model_copy(update={"co_authors": (nobody,)})
    decision = decide(edited(inputs, commits=(helped,)))
    (found,) = findings(decision, "outside-model")
    assert found.message.startswith("nobody in people.yaml is ")
    assert "x@nowhere.example" in found.message
    assert (found.effect, found.place) == ("advise", place(scenes, "model"))
    assert only(decision).lane == "peer"


def test_what_fits_a_standard_model_passes_without_asking_anybody(scenes: Scenes) -> None:
    decision = decide(standard(scenes))
    one = only(decision)
    assert (one.lane, one.model, one.requirements) == ("express", "text", ())
    assert (decision.outcome, broken(decision)) == ("allow", set())


@pytest.mark.parametrize("kind", ["standard", "registration"])
def test_where_nobody_is_asked_an_unproved_or_agents_change_is_still_seen_by_one(
    scenes: Scenes, kind: str
) -> None:
    inputs = standard(scenes, kind=kind)
    (commit, *_) = inputs.facts.commits
    unsigned = commit.model_copy(update={"signature": SignatureFact()})
    decision = decide(edited(inputs, commits=(unsigned,)))
    assert [one.id for one in only(decision).requirements] == ["unproved-contributor"]
    assert decision.outcome == "pending"
    helper = commit.author.model_copy(update={"email": "helper@example.com"})
    made = commit.model_copy(update={"author": helper, "committer": helper})
    decision = decide(edited(inputs, commits=(made,)))
    assert [one.id for one in only(decision).requirements] == ["agent-contributor"]
    assert decision.outcome == "pending"


def unwritten(scenes: Scenes, **files: str) -> Inputs:
    """Return the standard change without its request, under a model that recognises it."""
    limits = "  limits: {environments: [production], files: 3, deletions: 0, risk: low}\n"
    inputs = standard(scenes, f"{limits}  recognise: true\n", **files)
    diff = tuple(one for one in inputs.facts.diff if one.path == "src/app.py")
    return edited(inputs, diff=diff).model_copy(update={"requests": ()})


def test_a_change_is_recognised_only_where_it_is_proved_and_nobody_would_be_asked(
    scenes: Scenes,
) -> None:
    inputs = unwritten(scenes)
    good = decide(inputs)
    assert (good.outcome, only(good).path, only(good).lane) == ("allow", "", "express")
    (commit, *_) = inputs.facts.commits
    helper = commit.author.model_copy(update={"email": "helper@example.com"})
    nobody = commit.author.model_copy(update={"email": "x@nowhere.example"})
    merge = commit.model_copy(update={"update_merge": True})
    for commits, why in (
        ((commit.model_copy(update={"signature": SignatureFact()}),), "has to be proved"),
        ((commit.model_copy(update={"author": helper}),), "has to be proved"),
        ((commit.model_copy(update={"author": nobody}),), "has to be proved"),
        ((merge,), "nobody is known to have made it"),
    ):
        decision = decide(edited(inputs, commits=commits))
        assert (decision.outcome, decision.changes) == ("deny", ())
        (found,) = findings(decision, "not-recognised")
        assert why in found.message
        assert found.effect == "advise"
    asked = APPROVALS + "    - {id: see, lanes: [express], levels: [low], role: peer, min: 1}\n"
    (found,) = findings(decide(unwritten(scenes, approvals=asked)), "not-recognised")
    assert "somebody has to approve standard changes" in found.message


def test_what_only_the_request_places_is_approved_as_usual(scenes: Scenes) -> None:
    for model, environments, told in (
        ("", "production", True),
        (PLACED, "production", False),
        (PLACED, "production, staging", None),
        ("  limits: {environments: [production, staging]}\n", "production", True),
        ("  limits: {environments: [production, staging]}\n", "staging, production", False),
    ):
        decision = decide(standard(scenes, model, environments=environments))
        if told is None:
            assert "model-limit" in broken(decision)
            continue
        assert bool(advice(decision)) is told, (model, environments)
        assert only(decision).lane == ("peer" if told else "express")
        assert decision.outcome == ("pending" if told else "allow")
    (found,) = findings(decide(standard(scenes, "")), "outside-model")
    assert found.message == (
        "the configuration does not say where src/app.py takes effect, so that only the request "
        "does: it is approved as usual"
    )
    assert found.remedy.startswith("let itil-gate.yaml name the environment")
    assert found.place == place(scenes, "environments")
    two = "  limits: {environments: [production, staging]}\n"
    (found,) = findings(decide(standard(scenes, two)), "outside-model")
    assert found.remedy == "name all the environments of text: production, staging"


def test_a_path_that_the_configuration_places_needs_no_word_of_the_model(scenes: Scenes) -> None:
    lax = APPROVALS.replace("levels: [medium, high, critical]", "levels: [high, critical]")
    decision = decide(standard(scenes, "", path="deploy/app.yaml", approvals=lax))
    assert advice(decision) == []
    assert only(decision).lane == "express"


def test_what_only_the_request_gives_to_a_service_is_approved_as_usual(scenes: Scenes) -> None:
    decision = decide(standard(scenes, path="lost/a"))
    assert advice(decision) == [
        (
            "no service of the catalogue owns lost/a, so that only the request says what changes: "
            "it is approved as usual"
        )
    ]
    assert (only(decision).lane, decision.outcome) == ("peer", "pending")
    (found,) = findings(decision, "outside-model")
    assert found.place == place(scenes, "services")


def test_a_registration_is_not_asked_where_it_lies(scenes: Scenes) -> None:
    decision = decide(standard(scenes, "", kind="registration", path="lost/a"))
    assert (only(decision).lane, advice(decision)) == ("registration", [])
    assert decision.outcome == "allow"


def test_what_does_not_fit_is_refused_and_goes_by_risk(scenes: Scenes) -> None:
    decision = decide(standard(scenes, '  paths: ["docs/**"]\n'))
    assert (decision.outcome, only(decision).lane) == ("deny", "peer")
    assert only(decision).model == "text"
    assert "outside-model" in broken(decision)
    other = decide(standard(scenes, of="registration"))
    assert (other.outcome, only(other).lane) == ("deny", "peer")
    assert "model-type" in broken(other)


def test_a_standard_change_without_a_model_is_refused(scenes: Scenes) -> None:
    inputs = standard(scenes)
    (asked,) = inputs.requests
    bare = stored(asked.path, asked.text.replace("  model: text\n", ""))
    decision = decide(inputs.model_copy(update={"requests": (bare,)}))
    assert decision.outcome == "deny"
    assert "missing-model" in broken(decision)


def test_a_normal_change_may_follow_a_model_and_is_approved_as_usual(scenes: Scenes) -> None:
    decision = decide(standard(scenes, "", kind="normal"))
    assert (only(decision).lane, only(decision).model) == ("peer", "text")
    assert (decision.outcome, advice(decision)) == ("pending", [])
    narrow = decide(standard(scenes, '  paths: ["docs/**"]\n', kind="normal"))
    assert narrow.outcome == "deny"


def test_conditions_of_a_model_are_refusals_where_they_do_not_hold(scenes: Scenes) -> None:
    check = "  checks:\n    - {id: calm, expect: EXPR, message: It is calm.}\n"
    kept = decide(standard(scenes, PLACED + check.replace("EXPR", '"risk.rank == 0"')))
    assert kept.outcome == "allow"
    failed = decide(standard(scenes, PLACED + check.replace("EXPR", '"risk.rank == 1"')))
    assert (failed.outcome, broken(failed) - {"missing-approval"}) == ("deny", {"model-check"})
    (found,) = findings(failed, "model-check")
    assert found.message == "text asks for calm: It is calm."
    assert found.place == place(scenes, "model")
    assert only(failed).lane == "peer"


def test_more_risk_than_low_or_medium_is_never_express(scenes: Scenes) -> None:
    decision = decide(standard(scenes, path="db/x"))
    assert (only(decision).lane, decision.outcome) == ("board", "pending")


def test_the_judge_is_never_changed_in_another_lane_than_its_risk_says(scenes: Scenes) -> None:
    judge = decide(standard(scenes, path="policies/other.yaml"))
    assert only(judge).lane not in ("express", "registration", "emergency")
    assert judge.outcome != "allow"
    asked = APPROVALS + NOW
    emergency = standard(scenes, "", kind="emergency", path="policies/other.yaml", approvals=asked)
    assert only(decide(emergency)).lane != "emergency"


def test_an_emergency_has_its_lane_only_where_somebody_is_asked_in_it(scenes: Scenes) -> None:
    """Its model decides nothing about that."""
    plain = standard(scenes, "", kind="emergency")
    assert verdict(plain).lane == "peer"
    assert [one.id for one in verdict(plain).requirements] == ["review"]
    asked = standard(scenes, "", kind="emergency", approvals=APPROVALS + NOW)
    assert verdict(asked).lane == "emergency"
    assert [one.id for one in verdict(asked).requirements] == ["now"]


@pytest.mark.parametrize(
    ("kind", "risk", "level", "lane"),
    [
        ("standard", None, "low", "express"),
        ("standard", None, "medium", "express"),
        ("standard", "critical", "high", "board"),
        ("standard", "critical", "critical", "board"),
        ("registration", None, "medium", "registration"),
        ("registration", None, "high", "board"),
        ("registration", "critical", "high", "registration"),
        ("normal", "critical", "low", "peer"),
        ("normal", "critical", "medium", "team"),
        ("normal", "critical", "critical", "board"),
    ],
)
def test_only_a_registration_that_says_so_is_unasked_at_high_risk(
    kind: str, risk: str | None, level: Level, lane: str
) -> None:
    model = change_model(type=kind, limits={"risk": risk} if risk else None)
    change = request_of(request_document(type=kind))
    fit = Fit(model)
    assert lane_of(change, level=level, fit=fit, policies_lanes=frozenset()) == lane
    by_risk = {"low": "peer", "medium": "team", "high": "board", "critical": "board"}[level]
    for other in (None, Fit(None), Fit(change_model(type="emergency"))):
        assert lane_of(change, level=level, fit=other, policies_lanes=frozenset()) == by_risk
    judged = lane_of(change, level=level, fit=fit, policies_lanes=frozenset(), judge=True)
    assert judged == by_risk
