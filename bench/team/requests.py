"""An organisation of ten services under the profile `team`, and requests of every sort.

The same on every run. Many requests break something: a service that is retired or of tier 1
without a runbook, an emergency without incident, a board's change without plans or window, a
standard change that does not fit its model; and every tenth has a fault of form, an unknown service
or a window that is over. No request touches policies, meets a freeze or is approved.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, NamedTuple

from support.repository import Repo, make_keyring
from support.world import CHG, MACHINES, World, adopt, people_file, stranger

from itil_gate.model.facts import ContentFact
from itil_gate.model.policy import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from itil_gate.model.facts import DiffEntry, Inputs

LAYERS = ("starter", "team")
WRONG_EVERY = 10
FAULTS = 5
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
READY = ("runbook", "alerts", "oncall", "backout-owner")
SERVICES = {
    # Name: tier, lifecycle, class of its data, what it depends on, and what is written of it.
    "gateway": ("1", "production", "", ("sessions", "identity"), ()),
    "identity": ("1", "production", "restricted", (), READY),
    "ledger": ("1", "production", "confidential", ("identity",), READY),
    "payments-api": ("2", "production", "", ("ledger",), ("runbook",)),
    "sessions": ("2", "production", "", ("identity",), READY),
    "search": ("3", "production", "", (), ()),
    "web": ("3", "experimental", "", ("gateway", "search"), ()),
    "reports": ("4", "deprecated", "confidential", ("ledger",), ("runbook", "alerts")),
    "letters": ("4", "retired", "", (), ()),
    "prototype": ("", "", "", (), ()),
}
KINDS = (
    "src/{}/app.py",
    "src/{}/app.py",
    "src/{}/lib.py",
    "src/{}/auth/login.py",
    "src/{}/uv.lock",
    "src/{}/certs/ca.pem",
    "deploy/{}/app.yaml",
    "db/{}/schema.sql",
    "infra/{}/main.tf",
    "infra/{}/shop.tfstate",
)
OWNERS = {name: (f"{name}-one", f"{name}-two") for name in SERVICES}
"""Of each service two people without another role: one way to place them is as good as another."""
DEVELOPERS = ("alice", "alice", "bob", "erin", "search-one", "judy")
ROLES = {
    "change-authority": ("carol", "dave", "olga", "peter", "quentin"),
    "security-officer": ("sybil", "trent"),
    "emergency-authority": ("judy",),
}
SUBJECTS = ("the gateway certificates", "the session store", "the retry limits", "the log format")
CONFIG = """\
apiVersion: itil-gate/v1
kind: Config
repository: example.com/acme/shop
targets: [refs/heads/main]
environments:
  - {name: production, paths: ["deploy/**"]}
"""


class Dice(random.Random):
    """Chance that falls the same way on every run."""

    def often(self, percent: int) -> bool:
        """Return True in so many of a hundred cases."""
        return self.randrange(100) < percent


class Case(NamedTuple):
    """One request, as a file for conftest and as sealed inputs for the gate."""

    name: str
    text: str
    diff: tuple[tuple[str, str], ...]
    """What changes beside the request: its status, as in M, and its path."""
    inputs: Inputs


def sealed(home: Path, policies: Path) -> Inputs:
    """Gather the inputs of one proposed change in a throw-away repository under the profile."""
    keyring = make_keyring(home)
    names = {name for some in (DEVELOPERS, *ROLES.values(), *OWNERS.values()) for name in some}
    others = [stranger(home, name) for name in sorted(names) if not hasattr(keyring, name)]
    listed = "".join(
        f"  - {{id: {one.id}, name: {one.name}, emails: [{one.email}], keys: ['{one.public}']}}\n"
        for one in others
    )
    owners = "".join(
        f"  - {{role: service-owner, members: [{', '.join(people)}], services: [{name}]}}\n"
        for name, people in OWNERS.items()
    )
    people = people_file(keyring, roles=ROLES, machines=MACHINES + listed, extra=owners)
    repo = Repo(home / "repository")
    adopt(repo, keyring, config=CONFIG, people=people, services=catalogue())
    repo.git("rm", "-q", "-r", "policies")
    world = World(repo, keyring)
    files = [file for layer in LAYERS for file in (policies / layer).glob("*.yaml")]
    world.on_main(
        {f"policies/{one.parent.name}/{one.name}": one.read_text("utf-8") for one in files}
    )
    world.propose()
    return world.inputs()


def catalogue() -> str:
    """Return the services as Backstage entities."""
    return "---\n".join(map(_entity, SERVICES))


def _entity(name: str) -> str:
    tier, lifecycle, data, depends_on, written = SERVICES[name]
    notes = {"paths": f"src/{name}/** deploy/{name}/** db/{name}/** infra/{name}/**"}
    notes |= {"tier": tier} if tier else {}
    notes |= {"data-class": data} if data else {}
    notes |= dict.fromkeys(written, "https://wiki.example.com/operations")
    lines = "".join(f'    itil-gate.dev/{key}: "{value}"\n' for key, value in notes.items())
    stage = f", lifecycle: {lifecycle}" if lifecycle else ""
    return (
        "apiVersion: backstage.io/v1alpha1\n"
        "kind: Component\n"
        f"metadata:\n  name: {name}\n  annotations:\n{lines}"
        f"spec: {{type: service, dependsOn: [{', '.join(depends_on)}]{stage}}}\n"
    )


def make_cases(base: Inputs, count: int) -> Iterator[Case]:
    """Yield requests that differ in every line, the same on every run."""
    dice = Dice(20261125)
    own, other = sorted(base.facts.diff, key=lambda entry: CHG not in entry.path)
    for number in range(count):
        name = f"CHG-2026-{''.join(dice.choices(ALPHABET, k=8))}"
        fault = number // WRONG_EVERY % FAULTS if number % WRONG_EVERY == WRONG_EVERY - 1 else None
        file = f"changes/2026/{name}.yaml"
        text, diff = _request(dice, name, fault=fault)
        entries = (own.model_copy(update={"path": file}), *(_changed(other, *one) for one in diff))
        listed = tuple(sorted(entries, key=lambda entry: entry.path))
        # A few lines of text each: what nobody could review whole is not in the Rego beside it.
        few = tuple(
            ContentFact(path=entry.path, kind="text", added=3, deleted=1) for entry in listed
        )
        facts = base.facts.model_copy(update={"diff": listed, "contents": few})
        source = Source(path=file, blob=base.requests[0].blob, text=text)
        inputs = base.model_copy(update={"facts": facts, "requests": (source,)})
        yield Case(name, text, diff, inputs)


def _changed(entry: DiffEntry, status: str, path: str) -> DiffEntry:
    return entry.model_copy(update={"status": status, "path": path})


def _request(
    dice: Dice, name: str, *, fault: int | None
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a request and what changes with it; one of the faults if one is asked for."""
    kind = dice.choices(("normal", "emergency", "standard"), (80, 12, 8))[0]
    size = 1 if kind == "standard" and dice.often(80) else dice.choice((1, 1, 1, 1, 2, 2, 4))
    services = sorted(dice.sample(sorted(SERVICES), size))
    lock = kind == "standard" and dice.often(80)
    paths = {
        ("src/{}/uv.lock" if lock else dice.choice(KINDS)).format(service)
        for service in services
        for _ in range(dice.choice((1, 1, 2)))
    }
    status = "D" if dice.often(6) else "M"
    diff = tuple((status, path) for path in sorted(paths))
    named = services[1:] if len(services) > 1 and dice.often(8) else services
    scope = [
        f"{folder}/{one}/**" for one in services for folder in ("src", "deploy", "db", "infra")
    ]
    lines = [
        f"type: {'hotfix' if fault == 0 else kind}",
        f"services: [{', '.join([*named, *(['nobody-knows'] if fault == 1 else [])])}]",
        f"environments: [{'staging' if dice.often(12) else 'production'}]",
        f"{'implementor' if fault == 4 else 'implementer'}: {_implementer(dice)}",
        f"scope: {json.dumps(['tools/**'] if dice.often(3) else scope)}",
        *_optional(dice, kind, past=fault == 2),
    ]
    if fault != 3:
        lines.append(f"reason: There is {dice.randint(2, 9)} times the traffic.")
    body = "".join(f"  {line}\n" for line in lines)
    return (
        "apiVersion: itil-gate/v1\nkind: ChangeRequest\n"
        f"metadata: {{id: {name}, title: Replace {dice.choice(SUBJECTS)}, "
        f"requester: {dice.choice(DEVELOPERS)}}}\nspec:\n{body}"
    ), diff


def _implementer(dice: Dice) -> str:
    return "somebody-new" if dice.often(4) else dice.choice(DEVELOPERS)


def _optional(dice: Dice, kind: str, *, past: bool) -> Iterator[str]:
    """Yield the lines that a request may have; a major change has nearly all of them."""
    significant = kind == "normal" and dice.often(10)
    major = significant and dice.often(70)
    most = 98 if major else 75
    if major:
        yield "model: normal-major"
    elif kind == "standard":
        yield f"model: {'dependency-update' if dice.often(90) else 'dependency-updates'}"
    elif kind == "emergency" and dice.often(50):
        yield f"model: {'emergency' if dice.often(80) else 'normal-major'}"
    if significant:
        yield "significant: true"
    if past or dice.often(most):
        day = dice.choice((3, 4, *range(10, 28)))
        date, hour = f"{2025 if past else 2026}-03-{day:02}", dice.randint(4, 21)
        yield f'window: {{start: "{date}T{hour:02}:00", end: "{date}T{hour + 1:02}:00",'
        yield f"         timezone: UTC, soak: {dice.randint(1, 9)}h}}"
    if dice.often(60):
        yield f"risk: {dice.choice(('low', 'medium', 'high', 'critical'))}"
    yield f"expectedOutcome: The error rate stays below {dice.randint(1, 9)} in 10,000."
    if dice.often(most):
        yield "acceptance: The dashboard stays green for an hour."
    if dice.often(70):
        sort = dice.choice(("incident", "incident", "problem", "change"))
        yield f"links: [{{type: {sort}, id: REC-{dice.randint(100, 9999)}}}]"
    yield from _preparation(dice, most)


def _preparation(dice: Dice, most: int) -> Iterator[str]:
    """Yield impact, plans and readiness, each in so many of a hundred cases."""
    if dice.often(most):
        minutes, way_back = dice.choice((0, 5, 10, 30)), str(not dice.often(8)).lower()
        yield f"impact: {{users: Nothing., downtime: {minutes}m, reversible: {way_back}}}"
    if dice.often(most):
        yield "plans:"
        yield "  implementation: Run the pipeline."
        yield from ["  test: Done in staging."] * dice.often(most)
        yield from ["  communication: The channel operations is told."] * dice.often(most)
        if dice.often(most):
            owner = "owner: bob, " * dice.often(most)
            yield "  backout: {steps: Run it again with the old values., abort: Errors rise.,"
            yield f"            {owner}tested: {str(dice.often(70)).lower()}, maxMinutes: 30}}"
    ready = [f"{name}: See the wiki." for name in READY[:3] if dice.often(most)]
    if ready:
        yield f"readiness: {{{', '.join(ready)}}}"
