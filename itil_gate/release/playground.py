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
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

PEOPLE = {
    "alice": "Alice Adler",
    "bob": "Bob Brandt",
    "carol": "Carol Cruz",
    "dave": "Dave Dorn",
    "erin": "Erin Engel",
}
LOG_KEY, RECORDER_KEY = "audit-log", "audit-recorder"
"""The files of the keys that sign the log's head and its entries."""
APPROVED = "CHG-2026-7K3QX9ZB"
PENDING = "CHG-2026-M4V8T2HC"
BOARD = "CHG-2026-B0ARD7Q3"
EMERGENCY = "CHG-2026-0DDHR911"
SIGNERS = {APPROVED: "bob", BOARD: "dave", EMERGENCY: "carol"}
"""Who signs in the tour, by the change they approve."""


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


@frozen
class Scene:
    """A branch to be made: who commits which files, how long ago, and what it shows."""

    name: str
    maker: str
    hours: int
    message: str
    files: Mapping[str, str]
    change: str | None
    story: str


def build_playground(
    directory: Path, *, keys: Path, policies: Mapping[str, str], now: datetime
) -> Playground:
    """Build the playground in an empty directory; keys go to a folder outside of it.

    `policies` maps paths below `policies/` to their texts.
    """
    repo = open_workshop(directory)
    makers = {person: make_person(keys, person, name=name) for person, name in PEOPLE.items()}
    books = [make_person(keys, name, name=name) for name in (LOG_KEY, RECORDER_KEY)]
    root = {
        "itil-gate.yaml": CONFIG + _log(books),
        "people.yaml": _people(makers),
        "services/payments.yaml": SERVICES,
        "deploy/payments/values.yaml": _values(3, "1.41.0"),
        "deploy/payments/provider.yaml": "cards: first\n",
        "db/payments/0006_refunds.sql": "ALTER TABLE refunds ADD COLUMN booked date;\n",
        "src/payments/rounding.py": "DIGITS = 2\n",
        "src/shop/rounding.py": "DIGITS = 2\n",
        "src/shop/uv.lock": 'name = "requests"\nversion = "2.32.4"\n',
        "README.md": "# Payments\n",
        **{f"policies/{path}": text for path, text in policies.items()},
    }
    adopted = now - timedelta(days=2)
    commit(repo, root, message="Adopt the change gate", maker=makers["carol"], when=adopted)
    branches = []
    for scene in _scenes(now):
        start_branch(repo, scene.name)
        head = commit(
            repo,
            scene.files,
            message=scene.message,
            maker=makers[scene.maker],
            when=now - timedelta(hours=scene.hours),
        )
        return_to_main(repo)
        branches.append(Branch(scene.name, head, scene.change, scene.story))
    return Playground(directory=directory, makers=makers, branches=tuple(branches))


def _scenes(now: datetime) -> tuple[Scene, ...]:
    """Return the branches, from the one that is refused to the one that cannot wait."""
    return (
        Scene(
            "uncovered",
            "bob",
            9,
            "Scale down over the weekend",
            {"deploy/payments/values.yaml": _values(1, "1.41.0")},
            None,
            "Bob changes production without a request. Nobody asked for it, so nobody can answer "
            "for it: refused.",
        ),
        Scene(
            "express",
            "alice",
            8,
            "Take requests 2.32.5",
            {"src/shop/uv.lock": 'name = "requests"\nversion = "2.32.5"\n'},
            None,
            "Alice takes a newer library within the range that was reviewed. That is a standard "
            "change: authorised once, in policies/team/models.yaml, and recognised here. It needs "
            "no request and no approval.",
        ),
        _asked(
            "approved",
            APPROVED,
            hours=7,
            message="Round half to even",
            files={"src/shop/rounding.py": "DIGITS = 2\nMODE = 'half-even'\n"},
            request=_request(APPROVED, "Round half to even", "The accountants asked for it."),
            story="Alice changes a line of code of the web shop. Little is at stake, so an "
            "ordinary review is enough: Bob looks at it and signs.",
        ),
        _asked(
            "pending",
            PENDING,
            hours=6,
            message="Roll out payments-api 1.42.0",
            files={"deploy/payments/values.yaml": _values(3, "1.42.0")},
            request=_request(
                PENDING,
                "Roll out payments-api 1.42.0",
                "The release fixes the refund that was booked twice.",
                service="payments-api",
                more=_window(now),
            ),
            story="Alice deploys a new version of payments, a service of tier 1. Its owner has to "
            "know, and has not looked yet.",
        ),
        _asked(
            "board",
            BOARD,
            hours=5,
            message="Drop the old refunds table",
            files={"db/payments/0007_drop_refunds.sql": "DROP TABLE refunds_old;\n"},
            request=_request(
                BOARD,
                "Drop the old refunds table",
                "Nothing reads the table since version 1.40.",
                service="payments-api",
                more=_window(now) + BOARD_PLANS,
            ),
            story="Alice drops a table, and nobody has tried how to bring it back. That is for the "
            "board: an owner, the change authority and, because the data are confidential, "
            "security. Dave signs; two others are still asked, for nobody fills two places.",
        ),
        _asked(
            "emergency",
            EMERGENCY,
            hours=4,
            message="Take cards through the second provider",
            files={"deploy/payments/provider.yaml": "cards: second\n"},
            request=_request(
                EMERGENCY,
                "Take cards through the second provider",
                "The first one fails since 03:10.",
                service="payments-api",
                kind="emergency",
                more=EMERGENCY_PLANS,
            ),
            story="Card payments fail, and Alice takes them through another provider. It cannot "
            "wait for the board: one authorised person, Carol, decides now. The others look at it "
            "afterwards.",
        ),
    )


def _asked(
    name: str,
    change: str,
    *,
    hours: int,
    message: str,
    files: Mapping[str, str],
    request: str,
    story: str,
) -> Scene:
    """Return a branch of Alice's that carries a request."""
    whole = {**files, f"changes/2026/{change}.yaml": request}
    return Scene(name, "alice", hours, message, whole, change, story)


CONFIG = """\
# yaml-language-server: $schema=https://itil-gate.dev/schemas/v1/config.json
apiVersion: itil-gate/v1
kind: Config
repository: example.com/acme/payments
targets: [refs/heads/main]
exempt:
  - paths: ["*.md", "docs/**"]
    reason: Prose changes nothing that runs.
    reviewBy: 2027-06-30
  - paths: ["reviews/**"]
    reason: A review says how a change went that was authorised before.
    reviewBy: 2027-06-30
environments:
  - name: production
    paths: ["deploy/**"]
release:
  environments: [staging, production]
  after: {production: staging}
override: {role: emergency-authority}
recovery: change-authority
"""

SERVICES = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: payments-api
  title: Payments
  annotations:
    itil-gate.dev/tier: "1"
    itil-gate.dev/data-class: confidential
    itil-gate.dev/paths: "deploy/payments/** src/payments/** db/payments/**"
    # What operations need to know, written once; the rules of the profile ask for it.
    itil-gate.dev/runbook: https://wiki.example.com/payments
    itil-gate.dev/alerts: https://alerts.example.com/payments
    itil-gate.dev/oncall: team-payments
    itil-gate.dev/backout-owner: dave
spec:
  type: service
  lifecycle: production
  owner: team-payments
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: webshop
  title: Web shop
  annotations:
    itil-gate.dev/tier: "3"
    itil-gate.dev/paths: "src/shop/**"
spec:
  type: service
  lifecycle: production
  owner: team-shop
"""

BOARD_PLANS = """\
  plans:
    test: The migration ran on a copy of last night's data.
    backout:
      steps: Restore the table from the backup of the same night.
      tested: false
      owner: dave
  readiness:
    runbook: https://wiki.example.com/payments/refunds
    alerts: https://alerts.example.com/payments
    oncall: team-payments
"""

EMERGENCY_PLANS = """\
  model: emergency
  links: [{type: incident, id: INC-4711}]
  plans:
    backout: {steps: Take the first provider again., owner: dave}
"""


def _log(books: Sequence[Maker]) -> str:
    head, entries = (maker.public for maker in books)
    return (
        "log:\n  keys:\n"
        f"    - {{use: checkpoint, key: {head}}}\n"
        f"    - {{use: recorder, key: {entries}}}\n"
    )


def _people(makers: Mapping[str, Maker]) -> str:
    persons = "".join(
        f"  - id: {maker.id}\n    name: {maker.name}\n    emails: [{maker.email}]\n"
        f"    keys:\n      - {maker.public}\n"
        for maker in makers.values()
    )
    return (
        f"apiVersion: itil-gate/v1\nkind: People\npersons:\n{persons}"
        "roles:\n"
        "  - role: service-owner\n    members: [bob, dave]\n"
        "  - role: change-authority\n    members: [carol, dave]\n"
        "  - role: security-officer\n    members: [erin]\n"
        "  - role: emergency-authority\n    members: [carol, erin]\n"
    )


def _values(replicas: int, version: str) -> str:
    return f"replicas: {replicas}\nimage: payments-api:{version}\n"


def _window(now: datetime) -> str:
    start = (now + timedelta(days=7)).replace(hour=20, minute=0, second=0)
    if (start.month, start.day) >= (12, 22) or (start.month, start.day) <= (1, 2):
        start += timedelta(days=14)  # the starter's calendar lets nothing change between the years
    end = start + timedelta(hours=1)
    form = "%Y-%m-%dT%H:%M"
    return (
        f'  window: {{start: "{start:{form}}", end: "{end:{form}}", timezone: Europe/Berlin, '
        "soak: 24h}\n"
    )


def _request(
    change: str,
    title: str,
    reason: str,
    *,
    service: str = "webshop",
    kind: str = "normal",
    more: str = "",
) -> str:
    scope = {"webshop": '"src/shop/**"', "payments-api": '"deploy/payments/**", "db/payments/**"'}
    return (
        "# yaml-language-server: $schema=https://itil-gate.dev/schemas/v1/change-request.json\n"
        "apiVersion: itil-gate/v1\n"
        "kind: ChangeRequest\n"
        f"metadata: {{id: {change}, title: {title}, requester: alice}}\n"
        "spec:\n"
        f"  type: {kind}\n"
        f"  services: [{service}]\n"
        "  environments: [production]\n"
        f"  scope: [{scope[service]}]\n"
        f"{more}"
        f"  reason: {reason}\n"
    )
