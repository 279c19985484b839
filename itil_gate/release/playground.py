"""A playground: a repository that has adopted the gate, with changes in every state.

Real people with real keys sign real commits and approvals; nothing is pretended. The policies are
those of a shipped profile, handed in as texts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.git.workshop import (
    Maker,
    commit,
    make_person,
    open_workshop,
    return_to_main,
    start_branch,
)
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

PEOPLE = {"alice": "Alice Adler", "bob": "Bob Brandt", "carol": "Carol Cruz", "dave": "Dave Dorn"}
APPROVED = "CHG-2026-7K3QX9ZB"
PENDING = "CHG-2026-M4V8T2HC"


@frozen
class Branch:
    """One branch of the playground: what it shows and who would act next."""

    name: str
    head: str
    change: str | None
    story: str


@frozen
class Playground:
    """The repository, its people and its branches, in the order of the tour."""

    directory: Path
    makers: Mapping[str, Maker]
    branches: tuple[Branch, ...]


def build_playground(
    directory: Path, *, keys: Path, policies: Mapping[str, str], now: datetime
) -> Playground:
    """Build the playground in an empty directory; keys go to a folder outside of it.

    `policies` maps paths below `policies/` to their texts.
    """
    repo = open_workshop(directory)
    makers = {person: make_person(keys, person, name=name) for person, name in PEOPLE.items()}
    alice, bob, carol = makers["alice"], makers["bob"], makers["carol"]
    root = {
        "itil-gate.yaml": CONFIG,
        "people.yaml": _people(makers),
        "services/payments.yaml": SERVICES,
        "deploy/payments/values.yaml": "replicas: 3\nimage: payments-api:1.41.0\n",
        "src/payments/rounding.py": "DIGITS = 2\n",
        "README.md": "# Payments\n",
        **{f"policies/{path}": text for path, text in policies.items()},
    }
    commit(repo, root, message="Adopt the change gate", maker=carol, when=now - timedelta(days=2))

    start_branch(repo, "uncovered")
    uncovered = commit(
        repo,
        {"deploy/payments/values.yaml": "replicas: 1\nimage: payments-api:1.41.0\n"},
        message="Scale down over the weekend",
        maker=bob,
        when=now - timedelta(hours=5),
    )
    return_to_main(repo)
    start_branch(repo, "pending")
    pending = commit(
        repo,
        {
            "deploy/payments/values.yaml": "replicas: 3\nimage: payments-api:1.42.0\n",
            f"changes/2026/{PENDING}.yaml": _request(
                PENDING,
                "Roll out payments-api 1.42.0",
                "The release fixes the refund that was booked twice.",
                "deploy/payments/**",
                window=_window(now),
            ),
        },
        message="Roll out payments-api 1.42.0",
        maker=alice,
        when=now - timedelta(hours=4),
    )
    return_to_main(repo)
    start_branch(repo, "approved")
    approved = commit(
        repo,
        {
            "src/payments/rounding.py": "DIGITS = 2\nMODE = 'half-even'\n",
            f"changes/2026/{APPROVED}.yaml": _request(
                APPROVED,
                "Round half to even",
                "The accountants asked for it.",
                "src/payments/**",
            ),
        },
        message="Round half to even",
        maker=alice,
        when=now - timedelta(hours=3),
    )
    return_to_main(repo)
    return Playground(
        directory=directory,
        makers=makers,
        branches=(
            Branch("uncovered", uncovered, None, "Bob changes production without a request."),
            Branch(
                "pending",
                pending,
                PENDING,
                "Alice deploys a new version; the owner of the service has not looked yet.",
            ),
            Branch(
                "approved",
                approved,
                APPROVED,
                "Alice changes a line of code; Bob reviews and signs.",
            ),
        ),
    )


CONFIG = """\
# yaml-language-server: $schema=https://itil-gate.dev/schemas/config.schema.json
apiVersion: itil-gate/v1
kind: Config
repository: example.com/acme/payments
targets: [refs/heads/main]
exempt:
  - paths: ["*.md", "docs/**"]
    reason: Prose changes nothing that runs.
    reviewBy: 2027-06-30
environments:
  - name: production
    paths: ["deploy/**"]
"""

SERVICES = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: payments-api
  title: Payments
  annotations:
    itil-gate.dev/tier: "1"
    itil-gate.dev/paths: "deploy/payments/** src/payments/**"
spec:
  type: service
  lifecycle: production
  owner: team-payments
"""


def _people(makers: Mapping[str, Maker]) -> str:
    persons = "".join(
        f"  - id: {maker.id}\n    name: {maker.name}\n    emails: [{maker.email}]\n"
        f"    keys:\n      - {maker.public}\n"
        for maker in makers.values()
    )
    return (
        f"apiVersion: itil-gate/v1\nkind: People\npersons:\n{persons}"
        "roles:\n"
        "  - role: service-owner\n    members: [bob, dave]\n    services: [payments-api]\n"
        "  - role: change-authority\n    members: [carol, dave]\n"
    )


def _window(now: datetime) -> str:
    start = (now + timedelta(days=2)).replace(hour=20, minute=0, second=0)
    end = start + timedelta(hours=1)
    form = "%Y-%m-%dT%H:%M"
    return (
        f'  window: {{start: "{start:{form}}", end: "{end:{form}}", timezone: Europe/Berlin, '
        "soak: 24h}\n"
    )


def _request(change: str, title: str, reason: str, scope: str, *, window: str = "") -> str:
    return (
        "# yaml-language-server: $schema=https://itil-gate.dev/schemas/change-request.schema.json\n"
        "apiVersion: itil-gate/v1\n"
        "kind: ChangeRequest\n"
        f"metadata: {{id: {change}, title: {title}, requester: alice}}\n"
        "spec:\n"
        "  type: normal\n"
        "  services: [payments-api]\n"
        "  environments: [production]\n"
        f'  scope: ["{scope}"]\n'
        f"{window}"
        f"  reason: {reason}\n"
    )
