"""The example of every rule, played: the bad one breaks the rule, the good one does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from support.pulls import pull_request
from support.world import CHG, World, findings, stranger

from itil_gate.decide.coverage import survey
from itil_gate.decide.examples import GATE_EXAMPLES, SETTING
from itil_gate.decide.gate import decide
from itil_gate.decide.prospects import calendar_findings, prospect_findings
from itil_gate.decide.rules import GATE_RULES
from itil_gate.model.errors import ConfigError
from itil_gate.model.facts import AccountRef
from itil_gate.model.policy import Source
from itil_gate.policy.compile import compile_policies
from itil_gate.policy.files import error_findings
from itil_gate.policy.lint import lint_policies, policy_documents
from itil_gate.policy.rules import POLICY_RULES
from itil_gate.reading.yaml import parse
from itil_gate.report.rulebook import RULES, illustration

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs
    from itil_gate.model.finding import Finding
    from itil_gate.model.statement import Verdict

VERDICTS: dict[Verdict, str] = {
    "approve": "approves",
    "reject": "rejects",
    "withdraw-change": "withdraws",
}
PLAYED = [name for name, example in GATE_EXAMPLES.items() if example.played]
KEYS = frozenset(
    (
        *("changes", "content", "deletes", "request", "requestMode", "copyRequestTo", "by"),
        *("signed", "approves", "rejects", "withdraws", "draft", "pullRequest", "target"),
        "meanwhile",
    )
)


def play(world: World, text: str, tmp_path: Path) -> Decision:
    scene: dict[str, Any] = parse(text, file="example").data
    assert set(scene) <= KEYS
    if scene.get("target"):
        world.commit(dict(scene["target"]), by="carol")
    by = scene.get("by", "alice")
    if by == "a stranger":
        world.people[by] = stranger(tmp_path, "mallory")
    world.repo.checkout("feature", create=True, at="main")
    write_request(world, scene, by)
    for path in scene.get("changes", ("src/app.py",)):
        world.repo.write(path, scene.get("content", "changed\n"))
    for path in scene.get("deletes", ()):
        world.repo.remove(path)
    world.commit(by=by, signed=scene.get("signed", True))
    if scene.get("meanwhile"):
        world.on_main(dict.fromkeys(scene["meanwhile"], "changed meanwhile\n"))
    for verdict, names in VERDICTS.items():
        for name in scene.get(names, ()):
            world.file(world.state(verdict, name))
    inputs = world.inputs(draft=scene.get("draft", False))
    return decide(with_forge(inputs, scene.get("pullRequest")))


def write_request(world: World, scene: dict[str, Any], by: str) -> None:
    if scene.get("request") == "none":
        return
    text = request_text(by, dict(scene.get("request") or {}))
    mode = int(scene.get("requestMode", "100644")[-3:], 8)
    world.repo.write(f"changes/2026/{CHG}.yaml", text, mode=mode)
    if "copyRequestTo" in scene:
        world.repo.write(scene["copyRequestTo"], text)


def with_forge(inputs: Inputs, state: Literal["open", "closed"] | None) -> Inputs:
    if state is None:
        return inputs
    opener = AccountRef(forge="github.com", id=1001, login="alice")
    facts = inputs.facts.model_copy(update={"pull_request": pull_request(opener, state=state)})
    return inputs.model_copy(update={"facts": facts})


def request_text(requester: str, spec: dict[str, Any]) -> str:
    whole = {
        "type": "normal",
        "services": ["payments-api"],
        "environments": ["production"],
        "scope": ["**"],
        "reason": "It is needed.",
    } | spec
    document = {
        "apiVersion": "itil-gate/v1",
        "kind": "ChangeRequest",
        "metadata": {"id": CHG, "title": "A change", "requester": requester.replace(" ", "-")},
        "spec": whole,
    }
    return json.dumps(document) + "\n"


@pytest.mark.parametrize("name", PLAYED)
def test_the_bad_example_breaks_its_rule(name: str, world: World, tmp_path: Path) -> None:
    found = findings(play(world, GATE_EXAMPLES[name].bad, tmp_path), name)
    effects = {finding.effect for finding in found}
    # At low risk an unproved contributor costs an approval more; the catalogue names the gravest.
    wanted = {"advise"} if name == "unproved-contributor" else {GATE_RULES[name].effect}
    assert effects == wanted


@pytest.mark.parametrize("name", PLAYED)
def test_the_good_example_does_not_break_its_rule(name: str, world: World, tmp_path: Path) -> None:
    assert not findings(play(world, GATE_EXAMPLES[name].good, tmp_path), name)


def test_every_rule_has_an_example_of_both_kinds() -> None:
    for name in RULES:
        shown = illustration(name)
        assert shown is not None, name
        assert shown.bad.strip(), name
        assert shown.good.strip() != shown.bad.strip(), name


def test_the_setting_of_the_examples_is_the_world_they_are_played_in(world: World) -> None:
    world.propose({"src/app.py": "x\n", "deploy/app.yaml": "x\n", "db/schema.sql": "x\n"})
    inputs = world.inputs()
    policies = compile_policies(inputs.judge)
    floors = {floor.paths[0]: floor.level for floor in policies.risk_models[0].spec.floors}
    assert floors == {"deploy/**": "medium", "db/**": "high"}
    assert {grant.role: grant.members for grant in policies.people.roles} == {
        "service-owner": ("bob", "dave"),
        "change-authority": ("carol", "dave"),
    }
    assert survey(inputs.facts.diff, policies.config).governed
    assert f"{world.now:%-d %B %Y}" in SETTING


SET = {
    "itil-gate.yaml": "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a\n"
    "extensions: policies/extensions.json\n"
    "release: {builders: [{id: ci, keyless: {identity: ci, issuer: kim,"
    " trustedRoot: policies/roots.json}}]}\n",
    "policies/extensions.json": '{"type": "object"}',
    "policies/roots.json": POLICY_RULES["bad-roots"].good,
    "people.yaml": "apiVersion: itil-gate/v1\nkind: People\n"
    "persons: [{id: kim, name: Kim Bo}, {id: lee, name: Lee Wu}, {id: mo, name: Mo Oz}]\n"
    "roles: [{role: authority, members: [kim, lee, mo]}]\n",
    "policies/risk.yaml": "apiVersion: itil-gate/v1\nkind: RiskModel\n"
    "metadata: {name: risk, owner: authority, reviewBy: 2099-01-01}\nspec: {}\n",
    "policies/approvals.yaml": POLICY_RULES["no-policy"].good,
}


def about(files: dict[str, str], world: World) -> tuple[Finding, ...]:
    sources = [Source(path=path, blob="", text=text) for path, text in sorted(files.items())]
    try:
        policies = compile_policies(sources)
        documents = policy_documents(sources, policies.config)
        return (
            *lint_policies(policies, documents, today=world.now.date()),
            *prospect_findings(policies, documents, now=world.now),
            *calendar_findings(policies, now=world.now),
        )
    except ConfigError as error:
        return error_findings(error, file="itil-gate.yaml")


@pytest.mark.parametrize("name", [rule.id for rule in POLICY_RULES.values() if rule.file])
def test_the_example_file_of_a_policy_rule_is_found_and_its_repair_is_not(
    name: str, world: World
) -> None:
    rule = POLICY_RULES[name]
    bad = about(SET | {rule.file: rule.bad}, world)
    assert {finding.effect for finding in bad if finding.rule == name} == {rule.effect}
    assert not about(SET | {rule.file: rule.good}, world)
