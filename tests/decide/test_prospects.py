"""Whether requirements can be met whoever the author is: held against trying everybody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from itil_gate.decide.contributors import Contributors
from itil_gate.decide.lane import LANES
from itil_gate.decide.prospects import prospect_findings, survey_prospects
from itil_gate.decide.requirements import demands, settle
from itil_gate.decide.roster import build_roster
from itil_gate.model.base import LEVELS
from itil_gate.model.decision import Contributor
from itil_gate.model.policy import Source
from itil_gate.policy.compile import compile_policies
from itil_gate.policy.lint import policy_documents
from itil_gate.reading.requests import read_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.policy import PolicySet

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PEOPLE = ("ann", "ben", "cat", "dan", "eve")
ROLES = ("owner", "board")


def sources(
    requirements: Sequence[str],
    roles: Mapping[str, Sequence[str]],
) -> list[Source]:
    meta = "metadata: {name: x, owner: board, reviewBy: 2099-01-01}\n"
    persons = ", ".join(f"{{id: {name}, name: {name}}}" for name in PEOPLE)
    grants = "".join(
        f"  - {{role: {role}, members: [{', '.join(members)}]}}\n"
        for role, members in roles.items()
        if members
    )
    files = {
        "itil-gate.yaml": "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a\n",
        "people.yaml": f"apiVersion: itil-gate/v1\nkind: People\npersons: [{persons}]\n"
        + (f"roles:\n{grants}" if grants else ""),
        "services/a.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
        "metadata: {name: app}\n",
        "policies/risk.yaml": f"apiVersion: itil-gate/v1\nkind: RiskModel\n{meta}spec: {{}}\n",
        "policies/approvals.yaml": f"apiVersion: itil-gate/v1\nkind: ApprovalPolicy\n{meta}"
        "spec:\n  requirements:\n" + "".join(f"    - {{{one}}}\n" for one in requirements),
    }
    return [Source(path=path, blob="", text=text) for path, text in files.items()]


def request(author: str) -> ChangeRequest:
    result = read_request(
        "apiVersion: itil-gate/v1\nkind: ChangeRequest\n"
        f"metadata: {{id: CHG-2026-00000001, title: x, requester: {author}}}\n"
        "spec: {type: normal, services: [app], environments: [p], scope: ['**'], reason: x}\n",
        file="CHG-2026-00000001.yaml",
    )
    assert not isinstance(result, tuple)
    return result


def impossible(policies: PolicySet, author: str, level: str, unable: Sequence[str] = ()) -> bool:
    """Ask the gate's own functions about one author."""
    barred = {author, *unable} - {"nobody"}
    people = tuple(Contributor(person=name, reasons=("x",), proved=True) for name in sorted(barred))
    wanted = demands(
        policies.approvals,
        change=request(author),
        level=level,  # type: ignore[arg-type]
        footprint=("app",),
        roster=build_roster(policies.people),
        contributors=Contributors(people=people, unattributable=(), unproved=(), by_agent=False),
        now=NOW,
        lane=LANES[level],  # type: ignore[index]
        holds=lambda _policy, _requirement: True,
        on_paper=True,
    )
    return bool(settle(wanted, {}, side="target").impossible)


REQUIREMENT = st.fixed_dictionaries(
    {
        "levels": st.sampled_from(["[low]", "[high]", "[low, high]"]),
        "role": st.sampled_from([*ROLES, "peer"]),
        "of": st.sampled_from(["anyone", "footprint"]),
        "quorum": st.sampled_from(["min: 1", "min: 2", "min: 3", "percent: 50", "percent: 100"]),
        "distinct": st.sampled_from(["true", "false"]),
        "fallback": st.sampled_from([None, *ROLES, "peer"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(REQUIREMENT, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(ROLES), st.sets(st.sampled_from(PEOPLE)).map(sorted)),
    st.sets(st.sampled_from(PEOPLE), max_size=2),
)
def test_it_agrees_with_trying_everybody_as_the_author(
    wishes: list[dict[str, str]], roles: dict[str, list[str]], unable: set[str]
) -> None:
    lines = []
    for number, wish in enumerate(wishes):
        fallback = f", fallback: {wish['fallback']}" if wish["fallback"] else ""
        lines.append(
            f"id: r{number}, levels: {wish['levels']}, role: {wish['role']}, of: {wish['of']}, "
            f"{wish['quorum']}, distinct: {wish['distinct']}{fallback}"
        )
    policies = compile_policies(sources(lines, roles))
    for prospect in survey_prospects(policies, now=NOW, unable=unable):
        never = impossible(policies, "nobody", prospect.level, sorted(unable))
        assert never == any(one.author is None for one in prospect.obstacles)
        if not never:
            expected = {
                name
                for name in PEOPLE
                if name not in unable and impossible(policies, name, prospect.level, sorted(unable))
            }
            assert set(prospect.depends_on) == expected


def test_every_level_is_told_once_for_services_that_the_same_people_own() -> None:
    files = sources(
        ["id: own, levels: [low], role: owner, of: footprint"], {"owner": ["ann", "ben"]}
    )
    more = "\n---\n".join(
        f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: s{number}}}"
        for number in range(30)
    )
    policies = compile_policies([*files, Source(path="services/b.yaml", blob="", text=more)])
    found = survey_prospects(policies, now=NOW)
    assert [one.level for one in found] == list(LEVELS)
    assert all(len(one.services) == 31 for one in found)
    assert found[0].possible
    assert not found[1].demands
    assert not found[1].possible


def test_a_finding_names_the_requirement_the_people_and_the_place() -> None:
    files = sources(["id: own, levels: [low], role: owner, of: footprint"], {"owner": ["ann"]})
    policies = compile_policies(files)
    (found,) = prospect_findings(policies, policy_documents(files, policies.config), now=NOW)
    assert found.rule == "unsatisfiable-requirement"
    assert found.message == (
        "own needs 1 owner for app, and at low risk too few people are left to approve "
        "changes by ann"
    )
    assert str(found.place) == "policies/approvals.yaml:6:12"


def test_what_nobody_can_meet_is_said_of_anybodys_changes() -> None:
    files = sources(
        ["id: own, levels: [low, high], role: board, min: 9"], {"board": ["ann", "ben"]}
    )
    policies = compile_policies(files)
    (found,) = prospect_findings(policies, (), now=NOW)
    assert "at low and high risk" in found.message
    assert found.message.endswith("anybody's changes")
    assert found.place is None
