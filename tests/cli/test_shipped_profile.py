"""The shipped profiles: they load, mean what their READMEs say, and ask what people can give."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from jsonschema import Draft202012Validator

from itil_gate.cli.shipped import profile_files, profiles, shipped
from itil_gate.decide.calendars import expand
from itil_gate.decide.prospects import survey_prospects
from itil_gate.model.calendar import Interval
from itil_gate.model.errors import GateError
from itil_gate.model.policy import PolicySet, Source
from itil_gate.policy.compile import compile_policies, read_config
from itil_gate.policy.lint import lint_policies
from itil_gate.prove.coverage import cover
from itil_gate.prove.suites import suites
from itil_gate.prove.testing import run_tests
from itil_gate.reading.yaml import parse_all
from itil_gate.risk.classify import assess

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PEOPLE = """\
apiVersion: itil-gate/v1
kind: People
persons:
  - {id: ann, name: Ann}
  - {id: ben, name: Ben}
  - {id: cat, name: Cat}
  - {id: dan, name: Dan}
  - {id: eve, name: Eve}
  - {id: fin, name: Fin}
roles:
  - {role: service-owner, members: [ann, ben]}
  - {role: change-authority, members: [ben, cat, dan]}
  - {role: security-officer, members: [eve, fin]}
  - {role: privacy-officer, members: [eve, fin]}
  - {role: emergency-authority, members: [cat, dan]}
"""


CONFIG = """\
apiVersion: itil-gate/v1
kind: Config
repository: example.com/a
environments:
  - {name: production, paths: ["deploy/**"]}
"""


@pytest.fixture(scope="module")
def starter() -> PolicySet:
    return compiled("starter")


def sources(profile: str) -> list[Source]:
    return [
        Source(path=f"policies/{path}", blob="", text=text)
        for path, text in profile_files(profile).items()
    ]


def compiled(profile: str) -> PolicySet:
    files = {source.path: source.text for source in sources(profile)}
    files |= {
        "itil-gate.yaml": CONFIG,
        "people.yaml": PEOPLE,
        "services/a.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
        "metadata: {name: app}\n",
    }
    return compile_policies([Source(path=path, blob="", text=text) for path, text in files.items()])


def test_it_can_be_satisfied_with_the_people_its_readme_asks_for(starter: PolicySet) -> None:
    found = survey_prospects(starter, now=NOW)
    assert [one.level for one in found] == ["low", "medium", "high", "critical"]
    assert all(not one.obstacles for one in found)
    needed = {one.level: sum(demand.needed for demand in one.demands) for one in found}
    assert needed == {"low": 1, "medium": 1, "high": 2, "critical": 3}
    assert not lint_policies(starter, (), today=NOW.date())


def test_every_level_counts_signed_statements_only(starter: PolicySet) -> None:
    rules = [rule for policy in starter.approvals for rule in policy.spec.counting]
    assert {level for rule in rules for level in rule.levels} == {
        "low",
        "medium",
        "high",
        "critical",
    }
    assert {rule.rank for rule in rules} == {"signed"}


@pytest.mark.parametrize(
    ("path", "level"),
    [
        ("src/app.py", "low"),
        ("docs/index.md", "low"),
        ("deploy/app.yaml", "medium"),
        ("Dockerfile", "medium"),
        ("web/package-lock.json", "medium"),
        ("requirements-dev.txt", "medium"),
        ("migrations/0001_init.py", "high"),
        ("services/pay/migrations/0002.sql", "high"),
        ("terraform/main.tf", "high"),
        ("src/auth/login.py", "high"),
        ("lib/crypto/aes.py", "high"),
        (".gitlab-ci.yml", "high"),
        ("infra/prod/terraform.tfstate", "critical"),
    ],
)
def test_typical_paths_are_as_risky_as_people_expect(
    starter: PolicySet, path: str, level: str
) -> None:
    models = starter.risk_models
    risk = assess(None, paths=[path], models=models, judge_paths=(), unread=lambda _: None)
    assert risk.level == level


def test_the_example_freeze_comes_round_in_years_to_come(starter: PolicySet) -> None:
    for year in (2026, 2035, 2060):
        begin = datetime(year, 12, 25, tzinfo=UTC)
        day = Interval(start=begin, end=begin + timedelta(days=1))
        (freeze,) = expand(starter.calendars, (), within=day)
        assert freeze.id == "year-end"
        summer = Interval(start=begin - timedelta(days=150), end=begin - timedelta(days=120))
        assert not expand(starter.calendars, (), within=summer)


@pytest.mark.parametrize("profile", ["starter", "team", "regulated"])
def test_every_document_tells_a_newcomer_what_it_is_for(profile: str) -> None:
    files = profile_files(profile)
    folders = {path.partition("/")[0] for path in files}
    assert profile in folders
    assert {f"{folder}/README.md" for folder in folders} < set(files)
    assert {f"{folder}/profile.yaml" for folder in folders} < set(files)
    for path, text in files.items():
        if not path.endswith(".yaml"):
            continue
        first, *rest = text.splitlines()
        assert re.fullmatch(r"# yaml-language-server: \$schema=https://\S+", first), path
        comment = [line for line in rest[: rest.index("apiVersion: itil-gate/v1")] if line != "#"]
        assert len(comment) >= 2, path
        assert all(line.startswith("# ") for line in comment), path


def test_a_profile_brings_those_below_it_the_lowest_first() -> None:
    folders = [path.partition("/")[0] for path in profile_files("regulated")]
    assert list(dict.fromkeys(folders)) == ["starter", "team", "regulated"]
    assert {path.partition("/")[0] for path in profile_files("team")} == {"starter", "team"}


@pytest.mark.parametrize("profile", ["starter", "team", "regulated"])
def test_every_case_of_a_profile_comes_out_and_it_leaves_no_answer_unseen(profile: str) -> None:
    config = read_config({"itil-gate.yaml": Source(path="itil-gate.yaml", blob="", text=CONFIG)})
    found, faults = suites(sources(profile), config=config)
    assert not faults
    suite = found[-1]
    assert all(one.document.file.startswith(f"policies/{profile}/") for one in suite.tests)
    results = run_tests(suite)
    assert not [one for one in results if not one.passed]
    unseen = [
        str(one.answer)
        for one in cover(suite, results).unseen
        if one.place is None or one.place.file in (suite.mutable or ())
    ]
    assert unseen == []


@pytest.mark.parametrize("profile", ["team", "regulated"])
def test_each_profile_can_be_satisfied_with_the_people_its_readme_asks_for(profile: str) -> None:
    policies = compiled(profile)
    assert all(not one.obstacles for one in survey_prospects(policies, now=NOW))
    assert not [
        one for one in lint_policies(policies, (), today=NOW.date()) if one.effect == "deny"
    ]


def test_layers_replace_what_they_name_and_keep_the_rest() -> None:
    team, regulated = compiled("team"), compiled("regulated")
    assert [policy.metadata.title for policy in team.approvals] == ["Approvals by lane"]
    assert [model.metadata.name for model in team.risk_models] == ["risk"]
    assert [model.metadata.name for model in regulated.risk_models] == ["risk", "regulated-risk"]
    assert {one.metadata.name for one in regulated.calendars} == {"calendar", "regulated-calendar"}
    assert {one.metadata.name for one in team.change_models if one.spec.recognise} == {
        "dependency-update",
        "feature-flag",
        "housekeeping",
        "text-change",
    }
    assert {one.metadata.name for one in regulated.change_models if one.spec.recognise} == {
        "housekeeping",
        "text-change",
    }


def test_a_rule_is_never_less_strict_in_a_higher_profile() -> None:
    strictness = ("advisory", "soft", "hard")
    by_profile = [
        {
            rule.id: strictness.index(rule.enforcement)
            for rules in compiled(profile).rule_sets
            for rule in rules.spec.rules
        }
        for profile in ("starter", "team", "regulated")
    ]
    for lower, higher in pairwise(by_profile):
        assert all(higher[rule] >= strict for rule, strict in lower.items())


def test_every_rule_of_a_profile_gives_a_reason_controls_and_a_page() -> None:
    for rules in compiled("regulated").rule_sets:
        for rule in rules.spec.rules:
            assert rule.rationale, rule.id
            assert rule.remedy, rule.id
            assert rule.controls, rule.id
            assert rule.docs is not None, rule.id
            assert rule.docs.endswith(f"#{rule.id}")


def test_the_readme_names_rules_that_are_there() -> None:
    known = {rule.id for rules in compiled("regulated").rule_sets for rule in rules.spec.rules}
    readme = profile_files("regulated")["regulated/README.md"]
    _, _, rows = readme.partition("| control | by |")
    named = set(re.findall(r"`([a-z-]+)`", rows.partition("\n\n")[0]))
    assert len(named) > 15
    assert named <= known


def test_every_control_that_the_regulated_profile_promises_is_on_a_rule() -> None:
    found = {
        control
        for rules in compiled("regulated").rule_sets
        for rule in rules.spec.rules
        for control in rule.controls
    }
    assert found == {
        "COBIT:BAI06",
        "EU-DORA:Art9",
        "ISO27001:A.8.32",
        "NIST:CM-3",
        "NIST:CM-4",
        "NIST:CM-5",
        "PCI-DSS:6.2.4",
        "PCI-DSS:6.5.1",
        "RTS-2024-1774:Art17",
        "SOC2:CC8.1",
    }


def test_the_schemas_that_the_profile_names_are_shipped() -> None:
    names = {entry.name for entry in shipped("schemas").iterdir()}
    for path, text in profile_files("regulated").items():
        found = re.search(r"\$schema=\S+/([a-z-]+\.json)", text)
        assert found is None or found[1] in names, path


def test_every_document_satisfies_the_schema_that_it_names() -> None:
    for path, text in profile_files("regulated").items():
        found = re.search(r"\$schema=\S+/([a-z-]+\.json)", text)
        if found is None:
            continue
        schema = json.loads((shipped("schemas") / found[1]).read_text())
        for document in parse_all(text, file=path):
            plain = json.loads(json.dumps(document.data))
            assert not list(Draft202012Validator(schema).iter_errors(plain)), path


def test_a_profile_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(GateError, match="no profile") as caught:
        profile_files("../starter")
    assert caught.value.hint == f"shipped are: {', '.join(profiles())}"
