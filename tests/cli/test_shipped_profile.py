"""The shipped profile: it loads, means what its README says, and asks what people can give."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from itil_gate.cli.shipped import profile_files, profiles, shipped
from itil_gate.decide.calendars import expand
from itil_gate.decide.prospects import survey_prospects
from itil_gate.model.calendar import Interval
from itil_gate.model.errors import GateError
from itil_gate.model.policy import PolicySet, Source
from itil_gate.policy.compile import compile_policies
from itil_gate.policy.lint import lint_policies
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
roles:
  - {role: service-owner, members: [ann, ben]}
  - {role: change-authority, members: [ben, cat, dan]}
"""


@pytest.fixture(scope="module")
def starter() -> PolicySet:
    files = {f"policies/{name}": text for name, text in profile_files("starter").items()}
    files |= {
        "itil-gate.yaml": "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a\n",
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
    risk = assess(None, paths=[path], models=starter.risk_models, judge_paths=())
    assert risk.level == level


def test_the_example_freeze_comes_round_in_years_to_come(starter: PolicySet) -> None:
    for year in (2026, 2035, 2060):
        begin = datetime(year, 12, 25, tzinfo=UTC)
        day = Interval(start=begin, end=begin + timedelta(days=1))
        (freeze,) = expand(starter.calendars, (), within=day)
        assert freeze.id == "year-end"
        summer = Interval(start=begin - timedelta(days=150), end=begin - timedelta(days=120))
        assert not expand(starter.calendars, (), within=summer)


def test_every_document_tells_a_newcomer_what_it_is_for() -> None:
    files = profile_files("starter")
    assert set(files) == {"README.md", "approvals.yaml", "calendar.yaml", "risk.yaml"}
    for name, text in files.items():
        if not name.endswith(".yaml"):
            continue
        first, *rest = text.splitlines()
        assert re.fullmatch(r"# yaml-language-server: \$schema=https://\S+", first)
        comment = [line for line in rest[: rest.index("apiVersion: itil-gate/v1")] if line != "#"]
        assert len(comment) >= 3
        assert all(line.startswith("# ") for line in comment)


def test_the_schemas_that_the_profile_names_are_shipped() -> None:
    names = {entry.name for entry in shipped("schemas").iterdir()}
    for text in profile_files("starter").values():
        found = re.search(r"\$schema=\S+/([a-z-]+\.json)", text)
        assert found is None or found[1] in names


def test_a_profile_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(GateError, match="no profile") as caught:
        profile_files("../starter")
    assert caught.value.hint == f"shipped are: {', '.join(profiles())}"
