"""Rules of the organisation, waivers of them, and conditions elsewhere, on a real repository."""

from __future__ import annotations

import pytest
from support.world import CHG, World, broken, findings, request_file

HEAD = (
    "apiVersion: itil-gate/v1\n"
    "metadata: {name: NAME, owner: change-authority, reviewBy: 2027-01-01}\n"
)


def rules(*rules: str, variables: str = "", name: str = "house") -> str:
    lines = "".join(f"    - {{{rule}}}\n" for rule in rules)
    shared = f"  variables: {{{variables}}}\n" if variables else ""
    head = HEAD.replace("NAME", name)
    return f"{head}kind: RuleSet\nspec:\n{shared}  rules:\n{lines}"


def rule(expect: str, *, name: str = "backout-tested", **more: str) -> str:
    words = {
        "id": name,
        "expect": f'"{expect}"',
        "message": '"the backout of ${change.metadata.id} was not tested"',
        **more,
    }
    return ", ".join(f"{key}: {value}" for key, value in words.items())


UNTESTED = (
    "has(change.spec.plans) && has(change.spec.plans.backout) && change.spec.plans.backout.tested"
)


def played(world: World, text: str, **files: str) -> World:
    world.on_main({"policies/house.yaml": text, **files})
    world.propose()
    world.approve("erin")
    return world


def state_of(world: World, name: str) -> str:
    (verdict,) = world.check().changes
    (state,) = [one for one in verdict.rules if one.rule == name]
    return state.state


def test_a_soft_rule_that_fails_denies_in_its_own_words(world: World) -> None:
    played(world, rules(rule(UNTESTED, remedy="Try it once.", at="spec.plans.backout")))
    decision = world.check()
    assert decision.outcome == "deny"
    (finding,) = findings(decision, "backout-tested")
    assert finding.message == f"the backout of {CHG} was not tested"
    assert finding.remedy == "Try it once."
    assert finding.place is not None
    assert finding.place.file == f"changes/2026/{CHG}.yaml"


def test_a_rule_that_holds_is_listed_as_satisfied(world: World) -> None:
    played(world, rules(rule("diff.files == 2 && diff.requests == 1 && touches('src/**')")))
    assert world.check().outcome == "allow"
    assert state_of(world, "backout-tested") == "SATISFIED"


def test_a_rule_whose_condition_does_not_hold_is_listed_as_not_applicable(world: World) -> None:
    played(world, rules(rule("false || diff.files < 0", when="\"touches('db/**')\"")))
    assert world.check().outcome == "allow"
    assert state_of(world, "backout-tested") == "NOT_APPLICABLE"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"enforcement": "advisory"}, ""),
        ({"effectiveFrom": "2026-03-03"}, "in force from 2026-03-03"),
        ({"mode": "audit"}, "only watched for now"),
    ],
)
def test_a_rule_that_is_announced_or_advisory_advises(
    world: World, more: dict[str, str], said: str
) -> None:
    played(world, rules(rule(UNTESTED, **more)))
    decision = world.check()
    assert decision.outcome == "allow"
    (finding,) = findings(decision, "backout-tested")
    assert finding.effect == "advise"
    assert said in finding.message


def test_an_announced_rule_is_in_force_from_its_day(world: World) -> None:
    played(world, rules(rule(UNTESTED, effectiveFrom="2026-03-02")))
    assert world.check().outcome == "deny"


def test_rules_see_risk_lane_services_and_names_they_share(world: World) -> None:
    text = rules(
        rule("calm && risk.rank == 0 && lane == 'peer' && services.all(s, s.tier == 2 && s.owned)"),
        variables='calm: "!schedule.inFreeze"',
    )
    played(world, text)
    assert state_of(world, "backout-tested") == "SATISFIED"


def test_a_condition_without_a_value_stops_the_decision(world: World) -> None:
    world.on_main({"policies/house.yaml": rules(rule("daysUntil(change.metadata.title) > 3"))})
    world.propose()
    assert world.refusal() == "policy-error"


def test_an_error_in_one_branch_is_not_hidden_by_the_other(world: World) -> None:
    world.on_main(
        {"policies/house.yaml": rules(rule("daysUntil(change.metadata.title) > 3 || true"))}
    )
    world.propose()
    assert world.refusal() == "policy-error"


@pytest.mark.parametrize(
    "text",
    [
        rules(rule("chnage.spec.significant")),
        rules(rule("diff.files")),
        rules(rule("true"), rule("false")),
        rules(rule("true", name="draft")),
        rules(rule("true", message='"${nobody}"')),
        rules(rule("true"), variables='lane: "true"'),
    ],
    ids=["typo", "type", "twice", "ours", "message", "taken"],
)
def test_a_faulty_rule_set_does_not_load(world: World, text: str) -> None:
    played_text = text
    world.on_main({"policies/house.yaml": played_text})
    world.propose()
    assert world.refusal() == "invalid-policy-set"


WAIVER = HEAD.replace("NAME", "once") + (
    "kind: Waiver\n"
    "spec:\n"
    "  rule: backout-tested\n"
    f"  selector: {{change: {CHG}}}\n"
    "  reason: The supplier gives no way back.\n"
    "  approvedBy: carol\n"
    "  role: change-authority\n"
    "  expires: 2026-03-02\n"
)


def waived(world: World, text: str = WAIVER, *, enforcement: str = "soft") -> World:
    return played(
        world,
        rules(rule(UNTESTED, enforcement=enforcement)),
        **{"policies/waiver.yaml": text},
    )


def test_a_waiver_lets_one_soft_rule_go_and_says_who_answers_for_it(world: World) -> None:
    decision = waived(world).check()
    assert decision.outcome == "allow"
    (finding,) = findings(decision, "backout-tested")
    assert "waived by once until 2026-03-02, carol answers for it" in finding.message
    assert state_of(world, "backout-tested") == "ADVISORY"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("expires: 2026-03-02", "expires: 2026-03-01", "it expired on 2026-03-01"),
        ("approvedBy: carol", "approvedBy: erin", "erin does not hold the role change-authority"),
        ("approvedBy: carol", "approvedBy: robo", "robo is no human"),
        ("approvedBy: carol", "approvedBy: zoe", "zoe is no human"),
        (
            "approvedBy: carol\n  role: change-authority",
            "approvedBy: alice\n  role: peer",
            "took part",
        ),
    ],
)
def test_a_waiver_that_does_not_count_says_why(world: World, old: str, new: str, said: str) -> None:
    decision = waived(world, WAIVER.replace(old, new)).check()
    assert decision.outcome == "deny"
    (finding,) = findings(decision, "backout-tested")
    assert said in finding.message


def test_a_waiver_for_another_change_is_nothing_to_this_one(world: World) -> None:
    other = WAIVER.replace(CHG, "CHG-2026-BBBB0009")
    assert broken(waived(world, other).check()) == {"backout-tested"}


@pytest.mark.parametrize(
    ("text", "enforcement"),
    [
        (WAIVER, "hard"),
        (WAIVER.replace("rule: backout-tested", "rule: backout-testd"), "soft"),
        (WAIVER.replace(f"{{change: {CHG}}}", "{services: [payments-api]}"), "soft"),
    ],
    ids=["hard", "unknown", "for-nobody-in-particular"],
)
def test_a_waiver_that_waives_too_much_does_not_load(
    world: World, text: str, enforcement: str
) -> None:
    world.on_main(
        {
            "policies/house.yaml": rules(rule(UNTESTED, enforcement=enforcement)),
            "policies/waiver.yaml": text,
        }
    )
    world.propose()
    assert world.refusal() == "invalid-policy-set"


def approvals(requirement: str) -> str:
    return HEAD.replace("NAME", "more") + (
        f"kind: ApprovalPolicy\nspec:\n  requirements:\n    - {{{requirement}}}\n"
    )


@pytest.mark.parametrize(
    ("requirement", "outcome"),
    [
        ("when: \"touches('src/**')\"", "pending"),
        ("when: \"touches('db/**')\"", "allow"),
        ("lanes: [board]", "allow"),
        ("lanes: [peer]", "pending"),
    ],
)
def test_a_requirement_applies_where_its_condition_and_lane_do(
    world: World, requirement: str, outcome: str
) -> None:
    text = approvals(f"id: second, levels: [low], role: change-authority, {requirement}")
    played(world, text)
    assert world.check().outcome == outcome


def test_a_floor_with_a_condition_raises_the_risk(world: World) -> None:
    text = HEAD.replace("NAME", "floors") + (
        "kind: RiskModel\n"
        "spec:\n"
        "  floors:\n"
        "    - {id: tier-two, when: 'services.exists(s, s.tier == 2)', level: medium,"
        " reason: Much.}\n"
    )
    played(world, text)
    (verdict,) = world.check().changes
    assert verdict.risk.level == "medium"
    assert "floors:tier-two" in {one.source for one in verdict.risk.contributions}


def test_what_an_agent_wrote_needs_one_human_more(world: World) -> None:
    world.repo.checkout("feature", create=True, at="main")
    world.propose(branch="work", at="main")
    world.commit(
        {"src/app.py": "2\n"}, by="alice", trailers=["Co-authored-by: Helper <helper@example.com>"]
    )
    world.repo.git("branch", "-f", "feature", "work")
    world.approve("erin")
    decision = world.check()
    assert decision.outcome == "pending"
    (verdict,) = decision.changes
    assert [one.id for one in verdict.requirements] == ["review", "agent-contributor"]
    world.approve("carol")
    assert world.check().outcome == "allow"


@pytest.mark.heavy
def test_a_diff_of_twenty_thousand_files_is_judged_and_a_loop_over_it_stops(world: World) -> None:
    world.repo.checkout("feature", create=True, at="main")
    listing = {f"src/part{number % 100}/file{number}.py": f"{number}\n" for number in range(20_000)}
    world.commit({f"changes/2026/{CHG}.yaml": request_file(), **listing})
    asked = (
        "diff.files == 20001 && touches('src/part7/**') && !touches('db/**')"
        " && count('src/part7/*') == 200"
    )
    world.on_main({"policies/house.yaml": rules(rule(asked))})
    assert state_of(world, "backout-tested") == "SATISFIED"
    world.on_main({"policies/house.yaml": rules(rule("!diff.paths.exists(p, p == 'none')"))})
    assert world.refusal() == "policy-error"


def test_one_human_more_is_nobody_whom_a_shared_place_rests_on(world: World) -> None:
    shared = approvals(
        "id: own, levels: [low], role: service-owner, of: footprint, distinct: false"
    )
    world.on_main({"policies/approvals.yaml": shared})
    helper = "Co-authored-by: Helper <helper@example.com>"
    world.propose()
    world.commit({"src/app.py": "2\n"}, trailers=[helper])
    world.approve("dave")
    decision = world.check()
    assert decision.outcome == "pending"
    (verdict,) = decision.changes
    assert {one.id: one.counted for one in verdict.requirements} == {
        "own": ("dave",),
        "agent-contributor": (),
    }
    world.approve("erin")
    assert world.check().outcome == "allow"
