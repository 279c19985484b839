"""How many change requests a second are parsed, validated and decided, against conftest.

Both judge the same generated request files for the same faults: a type that does not exist, a
misspelt key, a service nobody knows, a window that is over, a field left out, and a risk declared
below that of the changed paths. Every tenth file has one of the first five, in turn; both must name
the same files. conftest plays twice: with its checks of the format written by hand, as teams begin,
and with the request's JSON Schema in their place, which checks as much of the format as ours does.

Ours decides each file as a pull request of its own in sealed inputs: policies, people and services
are compiled from their texts, and coverage, contributors, separation of duties, freezes and
approvals are judged as well. conftest compiles its Rego once; the time it takes to start is not
counted, nor is ours. CPU seconds are compared, in turns, with Go held to one processor.

    python bench/decide.py [COUNT]
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from row import Row
from support.peers import CONFTEST, MissingPeerError, go_tool, in_ci
from support.repository import Repo, make_keyring
from support.world import CHG, World, adopt

from itil_gate.decide.gate import decide
from itil_gate.model.policy import Source
from itil_gate.policy.compile import compile_policies
from itil_gate.reading.schema import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs
    from itil_gate.model.policy import PolicySet

FULL = 500
SMOKE = 20
TURNS = 5
TARGET = 1.0
PROFILE = "starter"
WRONG_EVERY = 10
FAULTS = 5
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PATHS = ("src/app.py", "src/auth/login.py", "deploy/app.yaml", "db/schema.sql", "src/uv.lock")
SUBJECTS = ("the gateway certificates", "the session store", "the retry limits", "the log format")
POLICIES = Path(__file__).parent.parent / "policies"
BY_HAND = """\
deny contains {"rule": "missing-key", "msg": sprintf("spec lacks %s", [key])} if {
    some key in ["type", "services", "environments", "scope", "reason"]
    not input.spec[key]
}

deny contains {"rule": "missing-key", "msg": sprintf("metadata lacks %s", [key])} if {
    some key in ["id", "title", "requester"]
    not input.metadata[key]
}

deny contains {"rule": "unknown-key", "msg": sprintf("%s is not known", [key])} if {
    some key, _ in input.spec
    not key in data.facts.keys
}

deny contains {"rule": "wrong-value", "msg": sprintf("%s is no type", [input.spec.type])} if {
    not input.spec.type in ["standard", "normal", "emergency", "registration"]
}
"""
BY_SCHEMA = """\
deny contains {"rule": "format", "msg": sprintf("%v", [errors])} if {
    [valid, errors] := json.match_schema(input, data.facts.schema)
    not valid
}
"""
COMMON = """\
package main

levels := ["low", "medium", "high", "critical"]

deny contains {"rule": "unknown-service", "msg": sprintf("%s is not known", [name])} if {
    some name in input.spec.services
    not name in data.facts.services
}

deny contains {"rule": "window-past", "msg": "the window has ended"} if {
    time.parse_rfc3339_ns(sprintf("%s:00Z", [input.spec.window.end])) <= data.facts.now
}

deny contains {"rule": "wrong-window", "msg": "the window ends before it starts"} if {
    input.spec.window.end <= input.spec.window.start
}

floors contains index if {
    some path in data.facts.diff[input.metadata.id]
    some floor in data.facts.floors
    some pattern in floor.paths
    glob.match(pattern, ["/"], path)
    some index, floor.level in levels
}

warn contains {"rule": "under-declared-risk", "msg": sprintf("it is %s", [level])} if {
    level := levels[max(floors)]
    some declared, input.spec.risk in levels
    declared < max(floors)
}

"""


class Case(NamedTuple):
    """One request, as a file for conftest and as sealed inputs for the gate."""

    name: str
    text: str
    path: str
    inputs: Inputs


class Seconds(NamedTuple):
    """CPU seconds that each took, and how many files both denied and warned of."""

    ours: float
    by_hand: float
    by_schema: float
    denied: int
    advised: int


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
        base = sealed(home)
        cases = list(make_cases(base, count))
        taken = measure(program, home, cases, policies=compile_policies(base.judge))
    found = f"n={count}, both denied {taken.denied} and warned of {taken.advised}"
    for sort, theirs in (("schema", taken.by_schema), ("rules by hand", taken.by_hand)):
        yield Row(
            what=f"{what} with {sort}",
            value=theirs / taken.ours,
            target=TARGET,
            want="at least",
            detail=f"{count / taken.ours:,.0f}/s under {PROFILE} against {count / theirs:,.0f}/s, "
            f"{found}",
        )


def sealed(home: Path) -> Inputs:
    """Gather the inputs of one proposed change in a throw-away repository under the profile."""
    keyring = make_keyring(home)
    repo = Repo(home / "repository")
    adopt(repo, keyring)
    world = World(repo, keyring)
    files = (POLICIES / PROFILE).glob("*.yaml")
    world.on_main({f"policies/{file.name}": file.read_text("utf-8") for file in files})
    world.propose()
    return world.inputs()


def make_cases(base: Inputs, count: int) -> Iterator[Case]:
    """Yield requests that differ in every line, the same on every run."""
    chance = random.Random(20261125)  # noqa: S311 - a benchmark, not a secret
    for number in range(count):
        name = f"CHG-2026-{''.join(chance.choices(ALPHABET, k=8))}"
        fault = number // WRONG_EVERY % FAULTS if number % WRONG_EVERY == WRONG_EVERY - 1 else None
        path = chance.choice(PATHS)
        text = request_text(chance, name, fault=fault)
        file = f"changes/2026/{name}.yaml"
        diff = tuple(
            entry.model_copy(update={"path": path if CHG not in entry.path else file})
            for entry in base.facts.diff
        )
        facts = base.facts.model_copy(update={"diff": diff})
        source = Source(path=file, blob=base.requests[0].blob, text=text)
        inputs = base.model_copy(update={"facts": facts, "requests": (source,)})
        yield Case(name, text, path, inputs)


def request_text(chance: random.Random, name: str, *, fault: int | None) -> str:
    """Return a request with a window of its own, and one of the faults if one is asked for."""
    kind = "hotfix" if fault == 0 else "normal"
    services = "payments-api, nobody-knows" if fault == 1 else "payments-api"
    year = 2025 if fault == 2 else 2026
    implementer = "implementor" if fault == 4 else "implementer"
    reason = "" if fault == 3 else f"  reason: There is {chance.randint(2, 9)} times the traffic.\n"
    day, hour = chance.randint(10, 27), chance.randint(4, 21)
    return f"""\
apiVersion: itil-gate/v1
kind: ChangeRequest
metadata: {{id: {name}, title: Replace {chance.choice(SUBJECTS)}, requester: alice}}
spec:
  type: {kind}
  services: [{services}]
  environments: [production]
  {implementer}: alice
  scope: ["src/**", "deploy/**", "db/**"]
  window: {{start: "{year}-03-{day:02}T{hour:02}:00", end: "{year}-03-{day:02}T{hour + 1:02}:00",
           timezone: UTC, soak: {chance.randint(1, 9)}h}}
  risk: {chance.choice(("low", "medium", "high"))}
{reason}  expectedOutcome: The error rate stays below {chance.randint(1, 9)} in 10,000.
  plans: {{implementation: Run the pipeline., test: Done in staging.,
          backout: {{steps: Run it again with the old values., tested: true,
                    maxMinutes: {chance.randint(5, 60)}, owner: bob, abort: Errors rise.}}}}
  links: [{{type: incident, id: INC-{chance.randint(100, 9999)}}}]
"""


def measure(program: Path, home: Path, cases: Sequence[Case], *, policies: PolicySet) -> Seconds:
    """Decide all cases in both ways, in turns. Raises RuntimeError if they do not agree."""
    folder = home / "rego"
    folder.mkdir()
    (folder / "by_hand.rego").write_text(COMMON + BY_HAND, "utf-8")
    (folder / "by_schema.rego").write_text(COMMON + BY_SCHEMA, "utf-8")
    (folder / "facts.json").write_text(json.dumps({"facts": known(cases, policies)}), "utf-8")
    for case in cases:
        (folder / f"{case.name}.yaml").write_text(case.text, "utf-8")
    decide(cases[0].inputs)  # build the models before the clock runs
    turns = max(1, min(TURNS, len(cases) // 50))
    parts = [cases[turn::turns] for turn in range(turns)]
    return Seconds(*map(sum, zip(*(turn(program, folder, part) for part in parts), strict=True)))


def turn(program: Path, folder: Path, cases: Sequence[Case]) -> Seconds:
    """Decide some of the cases in both ways."""
    begun = time.process_time()
    decided = {case.name: decide(case.inputs) for case in cases}
    ours = time.process_time() - begun
    denied = {name for name, one in decided.items() if one.outcome == "deny"}
    advised = {name for name, one in decided.items() if under_declared(one)} - denied
    theirs = []
    for policy in ("by_hand.rego", "by_schema.rego"):
        files = [f"{case.name}.yaml" for case in cases]
        start, *_ = conftest(program, folder, files[:1], policy=policy)
        whole, refused, warned = conftest(program, folder, files, policy=policy)
        if refused != denied:
            raise RuntimeError(f"{policy} disagrees about what is denied")
        if warned - refused != advised:  # what the gate cannot read, it does not assess
            raise RuntimeError(f"{policy} disagrees about which risks are declared too low")
        theirs.append((whole - start) / max(1, len(cases) - 1) * len(cases))
    return Seconds(ours, *theirs, denied=len(denied), advised=len(advised))


def under_declared(decision: Decision) -> bool:
    """Tell whether the gate found the declared risk too low."""
    return any(
        state.rule == "under-declared-risk" and state.findings
        for change in decision.changes
        for state in change.rules
    )


def known(cases: Sequence[Case], policies: PolicySet) -> dict[str, object]:
    """Return what Rego has to know beside a request: format, services, floors, clock and diffs.

    `**/` is no segment at all in our globs and at least one in Rego's, so both forms are given.
    """
    now = cases[0].inputs.facts.now
    format_ = json.loads(schema("change-request.json"))
    return {
        "schema": format_,
        "keys": list(format_["$defs"]["ChangeSpec"]["properties"]),
        "services": [service.name for service in policies.services],
        "floors": [
            {
                "paths": [*floor.paths, *(path.removeprefix("**/") for path in floor.paths)],
                "level": floor.level,
            }
            for model in policies.risk_models
            for floor in model.spec.floors
        ],
        "now": int(now.timestamp()) * 1_000_000_000,
        "diff": {case.name: [case.path] for case in cases},
    }


def conftest(
    program: Path, folder: Path, files: Sequence[str], *, policy: str
) -> tuple[float, set[str], set[str]]:
    """Let conftest judge files; return its CPU seconds, and the names it denied and warned of."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [program, "test", "--policy", policy, "--data", "facts.json", "-o", "json", *files],
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
    names: dict[str, set[str]] = {
        kind: {
            entry["filename"].removesuffix(".yaml")
            for entry in json.loads(done.stdout)
            if entry.get(kind)
        }
        for kind in ("failures", "warnings")
    }
    return taken, names["failures"], names["warnings"]


if __name__ == "__main__":
    for row in run(int(sys.argv[1]) if sys.argv[1:] else FULL):
        print(f"{row.what:<40} {row.value:6.2f} x   {row.detail}")
