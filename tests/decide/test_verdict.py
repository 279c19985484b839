"""The verdict on one change: what outweighs what, which rules are told of, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.edits import approved_by, asking, only_said, under, with_request
from support.scenes import edited, replace_request
from support.world import CHG, RISK, SERVICES, broken, findings, only

from itil_gate.decide.gate import MERGE_RULES, SIDE_RULES, decide
from itil_gate.decide.rules import GATE_RULES
from itil_gate.decide.verdict import CHANGE_RULES, outcome_of, rule_states
from itil_gate.model.finding import Finding
from itil_gate.model.statement import BoundAppetite, BoundRequirement

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.model.base import Level
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs

HIGH = "levels: [low, medium, high, critical]"


def finding(effect: str, rule: str = "draft") -> Finding:
    return Finding(rule=rule, message="It is so.", effect=effect)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("effects", "outcome"),
    [
        ((), "allow"),
        (("advise",), "allow"),
        (("pending",), "pending"),
        (("advise", "pending"), "pending"),
        (("deny",), "deny"),
        (("pending", "deny", "advise"), "deny"),
    ],
)
def test_a_refusal_outweighs_waiting_and_waiting_outweighs_nothing(
    effects: tuple[str, ...], outcome: str
) -> None:
    assert outcome_of([finding(effect) for effect in effects]) == outcome


@pytest.mark.parametrize(
    ("effects", "state"),
    [
        ((), "SATISFIED"),
        (("advise",), "ADVISORY"),
        (("advise", "pending"), "PENDING"),
        (("advise", "deny"), "UNSATISFIED"),
        (("advise", "advise"), "ADVISORY"),
    ],
)
def test_a_rule_is_as_bad_as_the_worst_of_what_it_found(
    effects: tuple[str, ...], state: str
) -> None:
    found = tuple(finding(effect) for effect in effects)
    other, mine, unlisted = rule_states(
        ("empty-change", "draft"), (*found, finding("deny", "external:scan:x")), side="proposed"
    )
    assert (other.rule, other.state, other.findings) == ("empty-change", "SATISFIED", ())
    assert (mine.rule, mine.state, mine.findings) == ("draft", state, found)
    assert (unlisted.rule, unlisted.state) == ("external:scan:x", "UNSATISFIED")
    assert {one.side for one in (other, mine, unlisted)} == {"proposed"}


OTHERS = {"undeclared-external-results", "forge-not-asked"}
"""Rules that a decision names only where they found something."""


def test_every_rule_of_the_gate_is_told_of_whether_it_found_something_or_not(
    scenes: Scenes,
) -> None:
    decision = decide(scenes.sealed)
    assert [one.rule for one in decision.rules] == list(MERGE_RULES)
    assert [one.rule for one in only(decision).rules] == list(CHANGE_RULES)
    assert {*MERGE_RULES, *CHANGE_RULES, *OTHERS} == {*GATE_RULES}
    assert {one.state for one in (*decision.rules, *only(decision).rules)} == {"SATISFIED"}
    assert {one.side for one in (*decision.rules, *only(decision).rules)} == {"target"}
    both = decide(scenes.sealed.model_copy(update={"proposed": scenes.sealed.judge}))
    assert [(one.side, one.rule) for one in both.rules] == [
        *(("target", rule) for rule in MERGE_RULES),
        *(("proposed", rule) for rule in SIDE_RULES),
    ]
    assert set(SIDE_RULES) <= set(MERGE_RULES)
    assert set(SIDE_RULES) == {
        "deleted-request",
        "irregular-request",
        "uncovered-change",
        "unattributable-commit",
        "awaited-evidence",
        "no-external-results",
    }
    assert [(one.side, one.rule) for one in only(both).rules] == [
        (side, rule) for side in ("target", "proposed") for rule in CHANGE_RULES
    ]


def test_a_verdict_says_what_it_is_about(scenes: Scenes) -> None:
    (asked,) = scenes.sealed.requests
    verdict = only(decide(scenes.sealed))
    assert (verdict.id, verdict.path) == (CHG, asked.path)
    assert (verdict.title, verdict.requester) == ("A change", "alice")
    assert (verdict.digest, verdict.outcome) == (scenes.request_digest, "allow")
    assert (verdict.lane, verdict.model, verdict.risk.level) == ("board", None, "high")
    assert verdict.services == ("payments-api",)
    assert verdict.environments == ("production",)
    assert verdict.interval is None
    windowed = with_request(
        scenes.sealed,
        "  reason:",
        "  window: {start: 2026-03-03T10:00, end: 2026-03-03T11:00, timezone: UTC}\n  reason:",
    )
    assert only(decide(windowed)).interval is not None


def test_what_would_help_is_said_to_whom(scenes: Scenes) -> None:
    """Alice mends what is refused; owners and authority approve."""
    inputs = with_request(scenes.sealed, "[payments-api]", "[payments-api, nothing]")
    decision = decide(only_said(inputs))
    assert decision.outcome == "deny"
    steps = {step.why: step.who for step in decision.unblock}
    assert steps["unknown-service"] == ("alice",)
    assert steps["owner: service-owner of payments-api"] == ("bob", "dave")
    assert steps["authority: change-authority"] == ("carol", "dave")
    assert [step.why for step in decision.unblock].index("unknown-service") == 0
    assert "missing-approval" not in steps


def test_advice_blocks_nothing_and_is_no_step(scenes: Scenes) -> None:
    inputs = with_request(scenes.sealed, "  reason:", "  risk: low\n  reason:")
    decision = approved_by(as_asked(scenes, inputs), inputs, ["bob", "carol"])
    assert [one.effect for one in findings(decision, "under-declared-risk")] == ["advise"]
    assert (decision.outcome, decision.unblock) == ("allow", ())


def as_asked(scenes: Scenes, inputs: Inputs) -> Scenes:
    return replace_request(scenes, inputs.requests[0])


APPETITE = f"{RISK}  appetite: {{maximum: medium, sponsor: carol, reviewBy: 2027-01-01%s}}\n"


def knowing(
    role: str = "change-authority", model: str = "paths", maximum: Level = "medium"
) -> tuple[BoundAppetite, ...]:
    """Return what an approval says that knows of the appetite."""
    return (BoundAppetite(model=model, maximum=maximum, role=role),)


def over_appetite(scenes: Scenes, exception: str, names: list[str]) -> Decision:
    inputs = under(scenes.sealed, {"policies/risk.yaml": APPETITE % exception})
    said = [scenes.statement(inputs.facts, name, beyond=knowing()) for name in names]
    return decide(only_said(inputs, *said))


def test_more_risk_than_is_taken_is_refused_until_its_exception_is_given(scenes: Scenes) -> None:
    everyone = ["bob", "carol", "dave", "erin"]
    plain = over_appetite(scenes, "", everyone)
    assert (plain.outcome, broken(plain)) == ("deny", {"beyond-appetite"})
    assert only(plain).beyond[0].exception is None
    asked = ", exception: change-authority"
    assert over_appetite(scenes, asked, ["carol", "bob"]).outcome == "allow"
    assert "beyond-appetite" in broken(over_appetite(scenes, asked, ["bob"]))
    assert "beyond-appetite" in broken(over_appetite(scenes, asked, []))


def test_an_exception_is_given_by_somebody_with_the_role_for_what_changes(
    scenes: Scenes,
) -> None:
    people = next(one.text for one in scenes.sealed.judge if one.path == "people.yaml")
    elsewhere = people.replace(
        "roles:\n", "roles:\n  - {role: sponsor, members: [erin], services: [other]}\n", 1
    )
    here = people.replace(
        "roles:\n", "roles:\n  - {role: sponsor, members: [erin], services: [payments-api]}\n", 1
    )
    # In the last of them db/schema.sql belongs to no service, whatever the request names.
    for text, owned, refused in (
        (elsewhere, "db/**", True),
        (here, "db/**", False),
        (here, "zoo/**", True),
    ):
        files = {
            "policies/risk.yaml": APPETITE % ", exception: sponsor",
            "people.yaml": text,
            "services/payments.yaml": SERVICES.replace("db/**", owned),
        }
        inputs = under(scenes.sealed, files)
        said = [
            scenes.statement(
                inputs.facts, name, roles=("sponsor", *roles), beyond=knowing("sponsor")
            )
            for name, roles in (("erin", ()), ("bob", ("service-owner",)))
        ]
        carol = scenes.statement(inputs.facts, "carol")
        decision = decide(only_said(inputs, *said, carol))
        assert ("beyond-appetite" in broken(decision)) is refused, text


def test_every_request_of_a_bundle_is_judged_and_the_worst_outcome_holds(scenes: Scenes) -> None:
    asked = asking(scenes.sealed, f"id: any, {HIGH}, role: peer, min: 1")
    decision = decide(asked)
    assert decision.outcome == "allow"
    nothing_said = decide(only_said(asked))
    assert nothing_said.outcome == "pending"
    draft = decide(edited(asked, draft=True))
    assert (draft.outcome, only(draft).outcome) == ("pending", "allow")


def test_an_exception_is_given_in_the_role_that_may_give_it(scenes: Scenes) -> None:
    """Carol holds the role, and approves as a peer only."""
    files = {"policies/risk.yaml": APPETITE % ", exception: change-authority"}
    inputs = under(scenes.sealed, files)
    for roles, refused in ((("peer",), True), (("peer", "change-authority"), False)):
        carol = scenes.statement(inputs.facts, "carol", roles=roles, beyond=knowing())
        decision = decide(only_said(inputs, carol))
        assert ("beyond-appetite" in broken(decision)) is refused


def test_an_exception_is_given_for_every_service_that_changes_between_several_people(
    scenes: Scenes,
) -> None:
    people = next(one.text for one in scenes.sealed.judge if one.path == "people.yaml")
    grants = (
        "  - {role: sponsor, members: [erin], services: [payments-api]}\n"
        "  - {role: sponsor, members: [dave], services: [zoo]}\n"
    )
    files = {
        "policies/risk.yaml": APPETITE % ", exception: sponsor",
        "people.yaml": people.replace("roles:\n", f"roles:\n{grants}", 1),
    }
    asked = asking(under(scenes.sealed, files), f"id: any, {HIGH}, role: peer")
    inputs = with_request(asked, "[payments-api]", "[payments-api, zoo]")
    at = replace_request(scenes, inputs.requests[0])
    erin, dave = (
        at.statement(inputs.facts, name, roles=("sponsor",), beyond=knowing("sponsor"))
        for name in ("erin", "dave")
    )
    assert "beyond-appetite" in broken(decide(only_said(inputs, erin)))
    assert "beyond-appetite" not in broken(decide(only_said(inputs, erin, dave)))


@pytest.mark.parametrize(
    ("beyond", "counts"),
    [
        (knowing(), True),
        (knowing(maximum="low"), True),
        ((*knowing("sponsor"), *knowing()), True),
        ((), False),
        (knowing("sponsor"), False),
        (knowing(model="other"), False),
        (knowing(maximum="high"), False),
    ],
)
def test_an_exception_is_given_by_who_knew_what_it_is_from(
    scenes: Scenes, beyond: tuple[BoundAppetite, ...], *, counts: bool
) -> None:
    inputs = under(
        scenes.sealed, {"policies/risk.yaml": APPETITE % ", exception: change-authority"}
    )
    bob = scenes.statement(inputs.facts, "bob")
    carol = scenes.statement(inputs.facts, "carol", beyond=beyond)
    decision = decide(only_said(inputs, bob, carol))
    assert decision.outcome == ("allow" if counts else "pending")
    said = [one.message for one in findings(decision, "beyond-appetite")]
    assert (said == []) is counts
    assert counts or said[0].endswith("; what carol approved does not name this appetite")
    (stated,) = only(decision).beyond
    assert (stated.model, stated.maximum) == ("paths", "medium")
    assert stated.exception == "change-authority"


def test_of_several_risk_models_one_with_an_appetite_is_enough(scenes: Scenes) -> None:
    other = (APPETITE % "").replace("name: paths", "name: other")
    decision = decide(under(scenes.sealed, {"policies/more.yaml": other}))
    assert "beyond-appetite" in broken(decision)


def test_an_approval_under_weaker_demands_than_todays_is_stale(scenes: Scenes) -> None:
    weak = scenes.statement(scenes.sealed.facts, "bob", requirements=())
    decision = decide(only_said(scenes.sealed, weak))
    (one,) = only(decision).ledger
    assert (one.code, one.counted) == ("stale", False)
    assert one.detail == (
        "the requirement 1 service-owner of payments-api was not there, or was weaker, when "
        "approved"
    )


def test_what_the_gate_asks_by_itself_makes_no_approval_stale(scenes: Scenes) -> None:
    """Nobody signs it, so nobody can have signed too little of it."""
    (commit, *rest) = scenes.sealed.facts.commits
    helper = commit.author.model_copy(update={"email": "helper@example.com"})
    made = commit.model_copy(update={"author": helper, "committer": helper})
    inputs = asking(edited(scenes.sealed, commits=(made, *rest)), f"id: any, {HIGH}, role: dba")
    people = next(one.text for one in inputs.judge if one.path == "people.yaml")
    grant = "  - {role: dba, members: [erin, dave]}\n"
    inputs = under(inputs, {"people.yaml": people.replace("roles:\n", f"roles:\n{grant}", 1)})
    bound = BoundRequirement(role="dba", min=1)
    erin = scenes.statement(inputs.facts, "erin", roles=("dba",), requirements=(bound,))
    decision = decide(only_said(inputs, erin))
    (one,) = only(decision).ledger
    assert (one.code, one.counted) == ("approved", True)
    assert [state.id for state in only(decision).requirements] == ["any", "agent-contributor"]
    bare = scenes.statement(inputs.facts, "erin", roles=("dba",), requirements=())
    assert only(decide(only_said(inputs, bare))).ledger[0].code == "stale"


def test_a_time_that_comes_twice_is_told_with_the_change(scenes: Scenes) -> None:
    window = "  window: {start: 2026-10-25T02:30, end: 2026-10-25T04:00, timezone: Europe/Berlin}\n"
    inputs = with_request(scenes.sealed, "  reason:", f"{window}  reason:")
    (found,) = findings(decide(inputs), "ambiguous-time")
    assert (found.effect, "comes twice" in found.message) == ("advise", True)
