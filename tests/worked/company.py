"""Acme, a small company whose shop sells and whose payments must not stop: its repository.

The files with which it adopts the gate under a shipped profile, its people, and a history to judge
by. Everything has a date of its own, so that a decision says the same whenever it is made.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from support.casting import listed
from support.repository import Keyring, Person, Repo, make_person
from support.world import World

from itil_gate.cli.shipped import profile_files
from itil_gate.policy.places import is_policy_test
from itil_gate.report.adoption import dated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NOW = datetime(2027, 3, 3, 9, 0, tzinfo=UTC)
"""A Wednesday morning on which every decision is made."""
WAIVED = "CHG-2027-FRAVD0W1"

FULL_NAMES = {"frank": "Frank Foster", "grace": "Grace Gray", "heidi": "Heidi Hale"}
PEOPLE = """\
apiVersion: itil-gate/v1
kind: People
persons:
"""
ROLES = """\
roles:
  - {role: service-owner, members: [bob, dave], services: [payments-api, fraud-check]}
  - {role: service-owner, members: [erin, heidi], services: [webshop, legacy-reports]}
  - {role: change-authority, members: [carol, dave, heidi]}
  - {role: security-officer, members: [frank, heidi]}
  - {role: privacy-officer, members: [grace, heidi]}
  - {role: emergency-authority, members: [carol, dave]}
"""
MACHINES = """\
  - {id: deployer, name: Deployer, kind: bot, emails: [deployer@example.com]}
  - {id: helper, name: Helper, kind: agent, sponsor: bob, emails: [helper@example.com]}
"""
CONFIG = """\
apiVersion: itil-gate/v1
kind: Config
repository: example.com/acme/shop
targets: [refs/heads/main]
environments:
  - {name: production, paths: ["deploy/**", "db/**"]}
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
    itil-gate.dev/paths: "src/payments/** deploy/payments/** db/payments/**"
    itil-gate.dev/runbook: https://wiki.example.com/payments
    itil-gate.dev/alerts: https://alerts.example.com/payments
    itil-gate.dev/oncall: team-payments
    itil-gate.dev/backout-owner: dave
spec: {type: service, lifecycle: production, owner: team-payments}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: webshop
  title: Web shop
  annotations:
    itil-gate.dev/tier: "3"
    itil-gate.dev/paths: "src/shop/** deploy/shop/**"
spec:
  type: service
  lifecycle: production
  owner: team-shop
  dependsOn: ["component:payments-api"]
---
# Bought in January, and vital since February: its runbook is still being written.
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: fraud-check
  title: Fraud check
  annotations:
    itil-gate.dev/tier: "1"
    itil-gate.dev/paths: "src/fraud/** deploy/fraud/**"
    itil-gate.dev/alerts: https://alerts.example.com/fraud
    itil-gate.dev/oncall: team-payments
    itil-gate.dev/backout-owner: dave
spec: {type: service, lifecycle: production, owner: team-payments}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: legacy-reports
  title: The old reports
  annotations:
    itil-gate.dev/tier: "4"
    itil-gate.dev/paths: "src/reports/**"
spec: {type: service, lifecycle: retired, owner: team-shop}
"""
SALE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: sale, owner: change-authority, reviewBy: 2027-12-31}
spec:
  freezes:
    - id: spring-sale
      reason: Half of the year's customers come in one week.
      start: 2027-03-22T00:00
      end: 2027-03-29T00:00
      timezone: Europe/Berlin
"""
WAIVER = f"""\
apiVersion: itil-gate/v1
kind: Waiver
metadata: {{name: fraud-check-runbook, owner: change-authority, reviewBy: 2027-12-31}}
spec:
  rule: runbook-missing
  selector: {{change: {WAIVED}}}
  reason: The runbook is written until April; the supplier is on the telephone until then.
  approvedBy: carol
  role: change-authority
  expires: 2027-03-31
"""
WITHOUT_RULES = frozenset({"starter"})
"""Profiles that have no rule of the name the waiver names: a waiver of nothing does not load."""

_HISTORY: tuple[tuple[int, str, str, Mapping[str, str]], ...] = (
    (90, "bob", "Pay by card", {"src/payments/card.py": "RETRIES = 0\n"}),
    (80, "alice", "Show prices with tax", {"src/shop/price.py": "TAX = 19\n"}),
    (71, "alice", "Remember the cart", {"src/shop/cart.py": "DAYS = 7\n"}),
    (60, "erin", "Show the total in the cart", {"src/shop/total.py": "SHOWN = True\n"}),
    (48, "bob", "Book refunds by day", {"db/payments/migrations/0006.sql": "-- booked\n"}),
    (33, "alice", "Deploy payments-api 1.41.0", {"deploy/payments/values.yaml": "tag: 1.41.0\n"}),
    (20, "bob", "Check cards for fraud", {"deploy/fraud/values.yaml": "tag: 0.3.0\n"}),
    (9, "alice", "Round prices to five cents", {"src/shop/price.py": "TAX = 19\nSTEP = 5\n"}),
)
_TAKEN_BACK = 7
"""Days ago on which the last of these was reverted, because it was wrong."""


def build(profile: str, directory: Path, keyring: Keyring) -> World:
    """Return the repository of the company on the branch main, under a shipped profile."""
    world = World(Repo(directory / "repo"), keyring, now=NOW)
    for name, full in FULL_NAMES.items():
        world.people[name] = replace(make_person(directory, name), name=full)
    land(world, 200, "carol", "Begin", _START)
    for days, by, message, files in _HISTORY:
        last = land(world, days, by, message, files)
    undone = f'Revert "{_HISTORY[-1][2]}"\n\nThis reverts commit {last}.'
    land(world, _TAKEN_BACK, "erin", undone, _HISTORY[1][3])
    everybody = [*keyring.everybody(), *world.people.values()]
    land(world, 2, "carol", f"Adopt the profile {profile}", adoption(profile, everybody))
    return world


def land(
    world: World,
    days: int,
    by: str,
    message: str,
    files: Mapping[str, str],
    *,
    trailers: Sequence[str] = (),
) -> str:
    """Commit on the branch that is checked out, some days before the decision; signed."""
    person = world.person(by)
    when = int((NOW - timedelta(days=days, hours=1)).timestamp())
    return world.repo.commit(
        message,
        author=person.who,
        sign_with=person.key,
        when=when,
        trailers=trailers,
        files=files,
    )


def adoption(profile: str, people: Sequence[Person]) -> dict[str, str]:
    """Return the files with which the company adopts the gate; layers as `init` would copy them."""
    files = {
        f"policies/{path}": dated(text, NOW.date())
        for path, text in profile_files(profile).items()
        if not is_policy_test(f"policies/{path}", folder="policies")
    }
    entries = "".join(map(listed, people))
    files |= {
        "itil-gate.yaml": CONFIG,
        "people.yaml": f"{PEOPLE}{entries}{MACHINES}{ROLES}",
        "services/catalogue.yaml": SERVICES,
        "policies/sale.yaml": SALE,
    }
    if profile not in WITHOUT_RULES:
        files["policies/waivers/fraud-check-runbook.yaml"] = WAIVER
    return files


_START = {
    "src/payments/card.py": "",
    "src/payments/refund.py": "DAYS = 14\n",
    "src/shop/price.py": "TAX = 0\n",
    "src/shop/search/words.py": "SMALLEST = 3\n",
    "src/shop/total.py": "SHOWN = False\n",
    "src/shop/uv.lock": 'name = "requests"\nversion = "2.32.4"\n',
    "src/reports/monthly.py": "FORMAT = 'csv'\n",
    "src/fraud/limits.py": "LIMIT = 500\n",
    "deploy/payments/values.yaml": "tag: 1.40.9\n",
    "deploy/fraud/values.yaml": "tag: 0.2.0\n",
}
