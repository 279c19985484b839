"""Conditions that fail, are misspelt or run out: nothing is decided, or the set does not load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import requiring
from support.judging import EVERYTHING, in_proposal, on_target, refused, undecided
from support.rules import rule, rule_set, waiver
from support.shell import run_gate
from support.world import RISK, broken, findings, only

from itil_gate.decide.gate import decide
from itil_gate.reading.external import read_external

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.model.decision import Decision

HOUSE = "policies/house.yaml"
WAIVER = "policies/waiver.yaml"
FAILING = "daysUntil(change.metadata.title) > 3"
"""Has no value where the title is no day, which only shows when it is evaluated."""


def judged(
    world: World, text: str, *, approved: bool = True, files: dict[str, str] | None = None
) -> None:
    """Put a rule set on main, propose a change and let a peer approve it."""
    world.commit({HOUSE: text, **(files or {})}, by="carol")
    world.propose()
    if approved:
        world.approve("erin")


def state_of(decision: Decision, name: str = "house-rule") -> str:
    """Return the state of a rule of the target."""
    return next(one.state for one in only(decision).rules if one.rule == name)


@case("120", "FO-15")
@pytest.mark.parametrize(
    "expect",
    [
        f"{FAILING} || true",
        f"true || {FAILING}",
        f"risk.level == 'low' || {FAILING}",
        f"{FAILING} || risk.level == 'low'",
        f"!({FAILING} && false)",
        f"[{FAILING}, true].exists(x, x)",
        f"{FAILING} ? true : true",
    ],
)
def test_an_alternative_that_is_asked_and_fails_is_not_hidden_by_the_other(
    world: World, expect: str
) -> None:
    judged(world, rule_set(rule(expect)), approved=False)
    if expect.startswith(("true ||", "risk.level == 'low' ||")):
        # What stands on the left already answers, so the right is never asked: nothing failed.
        assert world.check().outcome == "pending"
        assert state_of(world.check()) == "SATISFIED"
        return
    error = undecided(world)
    assert error.code == "policy-error"
    assert "daysUntil" in error.message


@case("120", "FO-23")
def test_a_failing_condition_ends_with_2_and_says_where_it_stands(world: World) -> None:
    judged(world, rule_set(rule(f"{FAILING} || true")), approved=False)
    ran = run_gate("check", "--base", "main", "--head", "feature", cwd=world.repo.path)
    assert ran.code == 2
    assert "itil-gate: policy-error: " in ran.err
    assert f"{HOUSE}:" in ran.err
    assert ran.out == ""


@case("120")
@pytest.mark.parametrize(
    "where",
    [
        ("policies/more.yaml", "ApprovalPolicy"),
        ("policies/floors.yaml", "RiskModel"),
        ("policies/rego.yaml", "ExternalCheck"),
    ],
    ids=lambda pair: pair[1],
)
def test_a_failing_condition_stops_the_decision_wherever_it_stands(
    world: World, where: tuple[str, str]
) -> None:
    path, kind = where
    text = {
        "ApprovalPolicy": requiring(
            f'id: more, levels: [low], role: peer, when: "{FAILING} || true"'
        ).replace("name: approvals", "name: more"),
        "RiskModel": RISK.replace("name: paths", "name: floors").replace(
            'paths: ["deploy/**"]', f'when: "{FAILING} && false"'
        ),
        "ExternalCheck": (
            "apiVersion: itil-gate/v1\nkind: ExternalCheck\n"
            "metadata: {name: rego, owner: change-authority, reviewBy: 2027-01-01}\n"
            f'spec: {{format: conftest, reason: Asked for., when: "{FAILING} && false"}}\n'
        ),
    }[kind]
    world.commit({path: text}, by="carol")
    world.propose()
    assert undecided(world).code == "policy-error"


@case("120")
def test_a_failing_condition_that_is_only_proposed_is_a_refusal(world: World) -> None:
    decision = in_proposal(world, {HOUSE: rule_set(rule(f"{FAILING} || true"))})
    assert "daysUntil" in refused(decision).message


@case("313", "120")
@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("1/0 == 1 || true", "/"),
        ("1 % diff.files == 1 || true", "%"),
        ("diff.paths[0] == 'x' || true", "["),
        ("int(change.metadata.title) > 1 || true", "int"),
        ("change.metadata.title.matches(change.spec.reason) || true", "matches"),
        ("change.spec.plans.backout.tested || true", "has("),
    ],
)
def test_an_expression_that_could_fail_unseen_does_not_load(
    world: World, expect: str, said: str
) -> None:
    error, message = on_target(world, {HOUSE: rule_set(rule(expect))})
    assert error.code == "invalid-policy-set"
    assert f"{HOUSE}:6:" in message
    assert said in message


@case("FO-21", "FO-24")
@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("chnage.spec.significant", "change"),
        ("change.spec.signifcant", "significant"),
        ("!change.spec.significnt", "significant"),
        ("diff.file == 1", "files"),
        ("risk.levl == 'low'", "level"),
        ("touchs('db/**')", "touches"),
        ("daysUntill('2026-03-01') > 1", "daysUntil"),
        ("schedule.infreeze", "inFreeze"),
    ],
)
def test_a_slip_in_a_condition_is_an_error_with_a_suggestion(
    world: World, expect: str, said: str
) -> None:
    _, message = on_target(world, {HOUSE: rule_set(rule(expect))})
    assert f"{HOUSE}:6:" in message
    assert "did you mean" in message
    assert said in message


@case("FO-21")
@pytest.mark.parametrize(
    "expect",
    [
        "diff.files",
        "change.metadata.title",
        "risk.level == 3",
        "risk.level == 'hihg'",
        "lane == 'borad'",
        "change.spec.type == 'emergncy'",
        "lane",
        "null",
        "[true]",
    ],
)
def test_a_condition_of_another_type_or_value_does_not_load(world: World, expect: str) -> None:
    error, message = on_target(world, {HOUSE: rule_set(rule(expect))})
    assert error.code == "invalid-policy-set"
    assert f"{HOUSE}:6:" in message


@case("FO-24")
@pytest.mark.parametrize(
    "call", ["now()", "time.now_ns()", "getHours(now)", "now.getFullYears()", "rand() < 1.0"]
)
def test_a_function_that_is_missing_takes_no_rule_along(world: World, call: str) -> None:
    """The other rules of the set would deny; with one that cannot be read nothing is decided."""
    text = rule_set(rule("false || diff.files < 0"), rule(f"{call} == 1", name="with-time"))
    error, message = on_target(world, {HOUSE: text})
    assert error.code == "invalid-policy-set"
    assert f"{HOUSE}:7:" in message


@case("FO-23")
def test_the_answer_of_a_condition_is_true_or_false_and_nothing_else(world: World) -> None:
    """Where others take an error for a truthy text, a value that is no boolean stops everything."""
    for expect in ("'true'", "1", "change.spec.reason", "b'x'", "now", "duration('1h')"):
        _, message = on_target(world, {HOUSE: rule_set(rule(expect))})
        assert "bool" in message or "true or false" in message, (expect, message)


def many_files(world: World, count: int) -> None:
    """Add many small files to the branch feature."""
    tip = world.repo.tip("feature")
    alice = world.keyring.alice
    lines = [
        "commit refs/heads/feature",
        f"committer {alice.name} <{alice.email}> 1767700000 +0000",
        "data 4\nmany",
        f"from {tip}",
    ]
    for number in range(count):
        lines += [f"M 100644 inline src/many/{number % 100}/{number}.txt", "data 1\nx"]
    world.repo.checkout("main")
    world.repo.fast_import("\n".join([*lines, ""]).encode())


@pytest.mark.heavy
@case("FO-23")
def test_a_loop_over_a_diff_of_20000_files_runs_out_and_stops_the_decision(world: World) -> None:
    judged(world, rule_set(rule("!diff.paths.exists(p, p == 'src/secret')")))
    assert world.check().outcome == "allow"
    many_files(world, 20_000)
    error = undecided(world)
    assert error.code == "policy-error"
    assert "steps" in error.message


@case("FO-23")
def test_a_function_asks_a_diff_of_20000_files_without_running_out(world: World) -> None:
    judged(world, rule_set(rule("!touches('src/secret') && count('src/many/**') < 20000")))
    many_files(world, 20_000)
    decision = world.check()
    assert decision.outcome == "deny"
    assert state_of(decision) == "UNSATISFIED"


@case("116", "FO-04")
def test_where_every_condition_is_false_the_change_is_denied(world: World) -> None:
    never = "when: \"touches('never/**')\""
    world.commit(
        {
            "policies/approvals.yaml": requiring(
                f"id: one, levels: [low], role: peer, {never}",
                f"id: two, levels: [low], role: change-authority, {never}",
            )
        },
        by="carol",
    )
    world.propose()
    world.approve("erin", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "no-applicable-policy")
    assert "low risk" in found.message
    assert found.remedy


@case("117")
def test_two_rules_of_one_name_in_different_sets_do_not_load(world: World) -> None:
    files = {
        HOUSE: rule_set(rule("diff.files < 9")),
        "policies/other.yaml": rule_set(rule("diff.files < 99"), name="other"),
    }
    _, message = on_target(world, files)
    assert "two rules with the id house-rule" in message


@case("118", "FO-19")
def test_a_waiver_of_a_rule_that_does_not_exist_is_an_error_with_a_suggestion(
    world: World,
) -> None:
    files = {HOUSE: rule_set(rule("diff.files < 0")), WAIVER: waiver(of="house-rul")}
    _, message = on_target(world, files)
    assert "names the rule house-rul, which no rule set has" in message
    assert "did you mean house-rule?" in message


@case("135")
@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "(?<=x)y", "*"])
def test_an_invalid_pattern_in_a_condition_does_not_load(world: World, pattern: str) -> None:
    expect = f"change.metadata.title.matches('{pattern}')"
    error, message = on_target(world, {HOUSE: rule_set(rule(expect))})
    assert error.code == "invalid-policy-set"
    assert f"{HOUSE}:6:" in message


@case("FO-20")
def test_a_waiver_ends_with_its_day_wherever_the_gate_runs(world: World) -> None:
    failing = rule_set(rule("diff.files < 0"))
    judged(world, failing, files={WAIVER: waiver(expires="2026-03-02")})
    assert world.check().outcome == "allow"
    world.later(hours=12)
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "house-rule")
    assert "it expired on 2026-03-02" in found.message
    # The command takes the moment from its own clock, and there is no option for another one.
    ran = run_gate("check", "--base", "main", "--head", "feature", cwd=world.repo.path)
    assert ran.code == 1
    assert "it expired on 2026-03-02" in ran.out.replace("\n", " ")
    again = run_gate(
        *("check", "--base", "main", "--head", "feature", "--now", "2026-03-02T00:00:00Z"),
        cwd=world.repo.path,
    )
    assert again.code == 2


@case("FO-20")
def test_a_waiver_of_a_hard_rule_does_not_load(world: World) -> None:
    files = {HOUSE: rule_set(rule("diff.files < 0", enforcement="hard")), WAIVER: waiver()}
    error, message = on_target(world, files)
    assert error.code == "invalid-policy-set"
    assert "house-rule is a hard rule, and a hard rule is never waived" in message


@case("FO-20", "113")
@pytest.mark.parametrize("by", ["carol", "alice"])
def test_a_pull_request_cannot_bring_a_waiver_for_itself(world: World, by: str) -> None:
    world.commit({HOUSE: rule_set(rule("diff.files < 0"))}, by="carol")
    world.propose({WAIVER: waiver(by=by), "src/app.py": "1\n"}, scope=EVERYTHING)
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    sides = {one.side: one.state for one in only(decision).rules if one.rule == "house-rule"}
    assert sides["target"] == "UNSATISFIED"


@case("113")
@pytest.mark.parametrize(
    "more", ["mode: audit", "enforcement: advisory", "effectiveFrom: 2027-01-01"]
)
def test_a_pull_request_cannot_soften_a_rule_for_itself(world: World, more: str) -> None:
    world.commit({HOUSE: rule_set(rule("diff.files < 0"))}, by="carol")
    key, _, value = more.partition(": ")
    soft = rule_set(rule("diff.files < 0", **{key: value}))
    world.propose({HOUSE: soft, "src/app.py": "1\n"}, scope=EVERYTHING)
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    assert "house-rule" in broken(decision)


CLEAN = "'rego' in evidence.checks && !('rego' in evidence.failed)"


@case("FO-09")
@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (None, "deny"),
        (b"", "deny"),
        (b"[]", "deny"),
        (b'[{"filename": "x", "namespace": "main", "successes": 0, "failures": []}]', "deny"),
        (b'[{"filename": "x", "namespace": "main", "successes": 1, "failures": []}]', "allow"),
        (b'[{"filename":"x","namespace":"m","successes":1,"failures":[{"msg":"no"}]}]', "deny"),
    ],
    ids=["none", "nothing", "no file", "no test", "clean", "failed"],
)
def test_an_empty_report_does_not_look_like_a_clean_one_to_a_rule(
    world: World, data: bytes | None, outcome: str
) -> None:
    judged(world, rule_set(rule(CLEAN)))
    inputs = world.inputs()
    found = () if data is None else (read_external(data, name="rego"),)
    facts = inputs.facts.model_copy(update={"external": found})
    decision = decide(inputs.model_copy(update={"facts": facts}))
    assert decision.outcome == outcome
