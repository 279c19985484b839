"""How many change requests a second are parsed, validated and decided, against conftest.

Both judge the same generated request files under the profile `team`, and have to give the same
answer for each: the rules it breaks, the advice, score, level and lane, the approvals missing and
who can give them. RuntimeError otherwise. conftest has the profile in Rego, as a team that used it
would have to write it (bench/team/team.rego). It plays twice: with its checks of the format written
by hand, as teams begin, and with the request's JSON Schema in their place, which checks as much of
the format as ours does.

Ours decides each file as a pull request of its own in sealed inputs, and does more: who contributed
and what proves it, separation of duties by matching people to approvals, statements and rejections,
freezes and maintenance windows, time zones, the history's card, digests of all it read, and a place
and a remedy for each finding. Of conftest's work nothing is left out that the answer needs; three
rules about changes of policies are, for no request here touches any. It asks for `deny` and for
`warn` in a query each, so that a file is worked out twice; that is how it is made. Policies are
compiled once on both sides, and neither's start is counted. CPU seconds are compared, in turns,
with Go held to one processor.

    python bench/decide.py [COUNT]
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from row import Row
from support.peers import CONFTEST, MissingPeerError, go_tool, in_ci
from team.requests import Case, make_cases, sealed

from itil_gate.decide.gate import decide
from itil_gate.policy.compile import compile_policies
from itil_gate.reading.schema import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.decision import Decision
    from itil_gate.model.policy import PolicySet

FULL = 400
SMOKE = 60
TURNS = 4
TARGET = 1.0
POLICIES = Path(__file__).parent.parent / "policies"
REGO = Path(__file__).parent / "team"
FORMATS = {"by schema": "by_schema.rego", "by hand": "by_hand.rego"}
"""How conftest checks the format, and the file that does."""


class Answer(NamedTuple):
    """What one side says of a request."""

    denied: bool
    broken: frozenset[str] = frozenset()
    """Rules that refuse it."""
    advised: frozenset[str] = frozenset()
    missing: frozenset[tuple[str, str, str]] = frozenset()
    """Requirement, service or nothing, and the people who can approve."""
    assessed: tuple[str, int, str] | None = None
    """Level, score and lane; None where the request cannot be read, and nothing else is known."""


class Seconds(NamedTuple):
    """CPU seconds that each took."""

    ours: float
    theirs: dict[str, float]


def run(count: int) -> Iterator[Row]:
    """Yield how many times faster than conftest `count` request files are decided."""
    what = "requests decided, times conftest"
    try:
        program = go_tool(*CONFTEST)
    except MissingPeerError as error:
        if in_ci():
            raise
        yield Row(what=what, value=float("nan"), detail=f"not measured: {error}")
        return
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        cases = list(make_cases(sealed(home, POLICIES), count))
        decisions = [decide(case.inputs) for case in cases]  # also builds what is built once
        answers = [answer(one) for one in decisions]
        folder = written(home, cases, likelihood=likelihood_of(decisions))
        turns = max(1, min(TURNS, count // 50))
        parts = [slice(turn, None, turns) for turn in range(turns)]
        taken = [measure(program, folder, cases[part], answers[part]) for part in parts]
    ours = sum(one.ours for one in taken)
    denied = sum(one.denied for one in answers)
    rules = len(frozenset().union(*(one.broken | one.advised for one in answers)))
    for name in FORMATS:
        theirs = sum(one.theirs[name] for one in taken)
        yield Row(
            what=f"{what} {name}",
            value=theirs / ours,
            target=TARGET,
            want="at least",
            detail=f"{count / ours:,.0f}/s under team against {count / theirs:,.0f}/s, n={count}, "
            f"the same answers: {denied} denied, {rules} rules broken",
        )


def likelihood_of(decisions: Sequence[Decision]) -> str:
    """Return the class of the history's card, one for all cases: they share their history."""
    found = {
        change.risk.likelihood.likelihood
        for one in decisions
        for change in one.changes
        if change.risk.likelihood
    }
    (only,) = found
    return only


def written(home: Path, cases: Sequence[Case], *, likelihood: str) -> Path:
    """Write what conftest is given into a folder: requests, Rego, and data."""
    folder = home / "conftest"
    shutil.copytree(REGO, folder, ignore=lambda _, names: {n for n in names if n[-5:] != ".rego"})
    policies = compile_policies(cases[0].inputs.judge)
    data = {"facts": {**known(cases, policies), "likelihood": likelihood}}
    (folder / "facts.json").write_text(json.dumps(data), "utf-8")
    for case in cases:
        (folder / f"{case.name}.yaml").write_text(case.text, "utf-8")
    return folder


def measure(
    program: Path, folder: Path, cases: Sequence[Case], answers: Sequence[Answer]
) -> Seconds:
    """Decide some of the cases in all ways. Raises RuntimeError for an answer that differs."""
    begun = time.process_time()
    for case in cases:
        decide(case.inputs)
    ours = time.process_time() - begun
    theirs = {}
    for name, policy in FORMATS.items():
        start, _ = conftest(program, folder, cases[:1], policy=policy)
        whole, found = conftest(program, folder, cases, policy=policy)
        for case, mine in zip(cases, answers, strict=True):
            other = found[case.name]
            if mine.denied != other.denied or (mine.assessed and mine != other):
                raise RuntimeError(f"conftest {name} disagrees: {mine} {other}\n{case.text}")
        theirs[name] = (whole - start) / max(1, len(cases) - 1) * len(cases)
    return Seconds(ours, theirs)


def answer(decision: Decision) -> Answer:
    """Return what the gate says of a request."""
    denied = decision.outcome == "deny"
    if not decision.changes:
        return Answer(denied)
    (change,) = decision.changes
    states = (*decision.rules, *change.rules)
    return Answer(
        denied,
        frozenset(state.rule for state in states if state.state == "UNSATISFIED"),
        frozenset(state.rule for state in states if state.state == "ADVISORY"),
        frozenset(
            (state.id, state.service or "", " ".join(state.eligible))
            for state in change.requirements
            if state.state == "PENDING"
        ),
        (change.risk.level, change.risk.score or 0, change.lane),
    )


def conftest(
    program: Path, folder: Path, cases: Sequence[Case], *, policy: str
) -> tuple[float, dict[str, Answer]]:
    """Let conftest judge files; return its CPU seconds, and what it says of each."""
    options = ("--policy", "team.rego", "--policy", policy, "--data", "facts.json", "-o", "json")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [program, "test", *options, *(f"{case.name}.yaml" for case in cases)],
        cwd=folder,
        env={**os.environ, "GOMAXPROCS": "1"},
        capture_output=True,
        timeout=600,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if not done.stdout:
        raise RuntimeError(done.stderr.decode())
    return taken, {
        entry["filename"].removesuffix(".yaml"): answer_of(entry)
        for entry in json.loads(done.stdout)
    }


def answer_of(entry: dict[str, Any]) -> Answer:
    """Return what conftest says of a file."""
    failed = [one["metadata"] for one in entry.get("failures", ())]
    warned = [one["metadata"] for one in entry.get("warnings", ())]
    by_rule: dict[str, list[dict[str, Any]]] = {}
    for one in warned:
        by_rule.setdefault(one["rule"], []).append(one)
    assessed = by_rule.pop("assessed", None)
    missing = by_rule.pop("missing-approval", [])
    return Answer(
        bool(failed),
        frozenset(one["rule"] for one in failed),
        frozenset(by_rule),
        frozenset((one["requirement"], one["service"], one["who"]) for one in missing),
        (assessed[0]["level"], assessed[0]["score"], assessed[0]["lane"]) if assessed else None,
    )


def known(cases: Sequence[Case], policies: PolicySet) -> dict[str, object]:
    """Return what Rego has to know beside a request: tables of the policies, clock and diffs."""
    now = cases[0].inputs.facts.now
    format_ = json.loads(schema("change-request.json"))
    return {
        "schema": format_,
        "keys": list(format_["$defs"]["ChangeSpec"]["properties"]),
        "now": int(now.timestamp()) * 1_000_000_000,
        "today": str(now.astimezone(UTC).date()),
        "diff": {
            case.name: [{"status": status, "path": path} for status, path in case.diff]
            for case in cases
        },
        "authors": ["alice"],
        **organisation(policies),
        **risk_tables(policies),
        **models_and_approvals(policies),
    }


def organisation(policies: PolicySet) -> dict[str, object]:
    """Return people, roles, environments and services."""
    return {
        "people": [one.id for one in policies.people.persons if one.kind == "human"],
        "roles": [
            {"role": one.role, "members": one.members, "services": one.services}
            for one in policies.people.roles
        ],
        "environments": {one.name: rooted(one.paths) for one in policies.config.environments},
        "services": {
            one.name: {
                "tier": one.tier or 0,
                "lifecycle": one.lifecycle or "",
                "data": one.data_class or "",
                "paths": rooted(one.paths),
                "annotations": [name for name, _ in one.annotations],
            }
            for one in policies.services
        },
        "dependents": {
            one.name: [each.name for each in policies.services if one.name in each.depends_on]
            for one in policies.services
        },
    }


def risk_tables(policies: PolicySet) -> dict[str, object]:
    """Return matrix, bands, factors and floors of the risk model."""
    (model,) = policies.risk_models
    spec = model.spec
    if spec.impact is None:
        raise RuntimeError("the risk model of the profile has no impact")
    return {
        "impact": {
            "tiers": {str(one.tier): one.impact for one in spec.impact.tiers},
            "unknown": spec.impact.unknown_tier,
            "data": {one.data_class: one.impact for one in spec.impact.data},
            "reach": [
                {"atLeast": one.at_least, "impact": one.impact} for one in spec.impact.blast_radius
            ],
            "irreversible": spec.impact.irreversible,
        },
        "matrix": spec.matrix,
        "bands": [{"level": one.level, "upTo": one.up_to} for one in spec.bands],
        "factors": {one.id: one.points for one in spec.factors},
        "floors": [
            {
                "id": one.id,
                "level": one.level,
                "paths": rooted(one.paths),
                "conditional": one.when is not None,
            }
            for one in spec.floors
        ],
    }


def models_and_approvals(policies: PolicySet) -> dict[str, object]:
    """Return the change models and the requirements of all approval policies."""
    return {
        "models": {
            one.metadata.name: {
                "type": one.spec.type,
                "paths": rooted(one.spec.paths),
                "limits": one.spec.limits.model_dump(mode="json", exclude_none=True),
                "fields": [
                    field.path.split(".") for field in one.spec.fields if field.stage != "close"
                ],
                **({"expires": str(one.spec.expires)} if one.spec.expires else {}),
            }
            for one in policies.change_models
        },
        "requirements": [
            {
                "id": one.id,
                "levels": one.levels,
                "lanes": one.lanes,
                "role": one.role,
                "of": one.of or "",
                "min": one.min or 1,
                "conditional": one.when is not None,
                **({"fallback": one.fallback} if one.fallback else {}),
            }
            for policy in policies.approvals
            for one in policy.spec.requirements
        ],
    }


def rooted(patterns: Sequence[str]) -> list[str]:
    """Return globs for paths that begin with a slash: then `**/` is no segment in Rego too."""
    return [one if one.startswith("**/") else f"/{one}" for one in patterns]


if __name__ == "__main__":
    for row in run(int(sys.argv[1]) if sys.argv[1:] else FULL):
        print(f"{row.what:<50} {row.value:6.2f} x   {row.detail}")
