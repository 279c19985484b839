"""Sixteen changes that come up in a company like this, played the same under every profile.

Each is a branch with one commit, and statements signed by those who approve. What a request says
is enough for the strictest profile wherever its story calls it well prepared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from worked.company import SALE, WAIVED, land

from itil_gate.model.statement import APPROVALS_BRANCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.world import World

    from itil_gate.model.decision import Decision

SALE_WEEK = ("2027-03-23T20:00", "2027-03-23T21:00")
QUIET_EVENING = ("2027-03-16T20:00", "2027-03-16T21:00")


@dataclass(frozen=True)
class Scenario:
    """A branch: what it changes, who made it, who signs, and the story in words."""

    name: str
    story: str
    files: Mapping[str, str]
    message: str
    change: str | None = None
    approvals: tuple[str, ...] = ()
    by: str = "alice"
    trailers: tuple[str, ...] = ()


def play(world: World, scenario: Scenario) -> Decision:
    """Propose the change, let the people of the story sign, and decide about it.

    Each is decided as if it were the only one open: what others signed of other changes is gone.
    """
    world.repo.git("update-ref", "-d", APPROVALS_BRANCH)
    world.repo.checkout(scenario.name, create=True, at="main")
    land(world, 0, scenario.by, scenario.message, scenario.files, trailers=scenario.trailers)
    for turn, person in enumerate(scenario.approvals):
        signed = world.state(
            "approve",
            person,
            head=scenario.name,
            change=scenario.change or "",
            at=world.now - timedelta(minutes=20 - 5 * turn),
        )
        world.file(signed)
    return world.check(scenario.name)


def request(
    change: str,
    title: str,
    *,
    service: str,
    scope: str,
    reason: str,
    kind: str = "normal",
    environment: str = "production",
    more: str = "",
) -> dict[str, str]:
    """Return the file of a request by its path; `more` is further YAML below spec."""
    return {
        f"changes/2027/{change}.yaml": (
            "apiVersion: itil-gate/v1\n"
            "kind: ChangeRequest\n"
            f"metadata: {{id: {change}, title: {title}, requester: alice}}\n"
            "spec:\n"
            f"  type: {kind}\n"
            f"  services: [{service}]\n"
            f"  environments: [{environment}]\n"
            f'  scope: ["{scope}"]\n'
            f"  reason: {reason}\n"
            f"{more}"
        )
    }


def prepared(
    window: tuple[str, str] = QUIET_EVENING,
    *,
    steps: str = "Deploy 1.41.0 again.",
    outcome: str = "Refunds are booked once, on the day they are made.",
    acceptance: str = "The sum of refunds equals the bank's on the next morning.",
) -> str:
    """Return all that the strictest profile wants to know of a change where much is at stake."""
    start, end = window
    return (
        "  implementer: deployer\n"
        f'  window: {{start: "{start}", end: "{end}", timezone: Europe/Berlin, soak: 24h}}\n'
        f"  expectedOutcome: {outcome}\n"
        f"  acceptance: {acceptance}\n"
        "  impact:\n"
        "    users: None. Nothing looks or works differently.\n"
        "    security: None, because neither access nor keys change.\n"
        "    privacy: None, because the same data are kept for the same time.\n"
        "    continuity: None. The recovery plan names no version.\n"
        "    downtime: 0m\n"
        "    reversible: true\n"
        "  plans:\n"
        "    implementation: The pipeline does it, one instance after the other.\n"
        "    test: The suite ran in staging, with a copy of last night's data.\n"
        "    communication: Accounting and support were told on Monday.\n"
        "    backout:\n"
        f"      steps: {steps}\n"
        "      tested: true\n"
        "      maxMinutes: 15\n"
        "      owner: dave\n"
        "      abort: More than one payment in a hundred fails for five minutes.\n"
    )


BRIEFLY = """\
  impact: {security: "None, because no access, key or library changes."}
  plans:
    implementation: One line of code.
    test: A unit test for it is in the pipeline.
    backout: {steps: Revert the commit.}
"""
OF_THE_RULES = """\
  impact:
    security: None, because no service changes.
    privacy: None, because no service changes.
  plans:
    implementation: The merge does it.
    test: The policy tests passed, and two changes for that Saturday were played through.
    backout: {steps: Revert the commit., tested: true}
"""
IN_HASTE = """\
  impact: {security: "None, because it is the version of last month."}
  plans:
    backout: {steps: Deploy 1.41.0 again., owner: dave}
"""
INCIDENT = "  links: [{type: incident, id: INC-4711}]\n"
SCAN = '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "scanner"}}, "results": []}]}\n'
EVIDENCE = "  evidence: [{kind: sarif, path: db/payments/evidence/scan.sarif}]\n"
DEPLOY_EVIDENCE = "  evidence: [{kind: sarif, path: deploy/payments/scan.sarif}]\n"
MIGRATION = {
    "db/payments/migrations/0007.sql": "ALTER TABLE refunds ADD UNIQUE (payment, booked);\n"
}
NEW_VERSION = {"deploy/payments/values.yaml": "tag: 1.42.0\n"}
OLD_VERSION = {"deploy/payments/values.yaml": "tag: 1.40.9\n"}
FRAUD_VERSION = {"deploy/fraud/values.yaml": "tag: 0.4.0\n"}
ROUNDING = {"src/shop/price.py": "TAX = 19\nMODE = 'half-even'\n"}
SEARCH = {"src/shop/search/words.py": "SMALLEST = 2\n"}


def _search(change: str) -> dict[str, str]:
    return SEARCH | request(
        change,
        "Find words of two letters",
        service="webshop",
        scope="src/shop/**",
        reason="Customers look for TV, and find nothing.",
        more=BRIEFLY,
    )


def _deployment(
    change: str, window: tuple[str, str] = QUIET_EVENING, *, more: str = ""
) -> dict[str, str]:
    return NEW_VERSION | request(
        change,
        "Deploy payments-api 1.42.0",
        service="payments-api",
        scope="deploy/payments/**",
        reason="The release mends the refund that was booked twice.",
        more=prepared(window) + more,
    )


def _migration(change: str, more: str) -> dict[str, str]:
    return MIGRATION | request(
        change,
        "Let nobody book a refund twice",
        service="payments-api",
        scope="db/payments/**",
        reason="Two refunds were booked twice in February.",
        more=more,
    )


def _emergency(change: str, more: str) -> dict[str, str]:
    return OLD_VERSION | request(
        change,
        "Go back to payments-api 1.40.9",
        service="payments-api",
        scope="deploy/payments/**",
        reason="Card payments fail since ten past three.",
        kind="emergency",
        more=IN_HASTE + more,
    )


def _fraud(change: str) -> dict[str, str]:
    return FRAUD_VERSION | request(
        change,
        "Deploy fraud-check 0.4.0",
        service="fraud-check",
        scope="deploy/fraud/**",
        reason="It knows the new cards of two banks.",
        more=prepared(
            steps="Deploy 0.3.0 again.",
            outcome="Cards of the two banks are checked as all others are.",
            acceptance="The share of refused payments stays below one in a hundred.",
        ),
    )


SCENARIOS = (
    Scenario(
        name="direct",
        story="Bob scales production up by hand. There is no request, so nobody asked for it and "
        "nobody can answer for it.",
        by="bob",
        message="Scale up",
        files={"deploy/payments/values.yaml": "tag: 1.41.0\nreplicas: 5\n"},
    ),
    Scenario(
        name="lock-file",
        story="Alice takes a newer library within the range that was reviewed: one lock file, and "
        "no request.",
        message="Take requests 2.32.5",
        files={"src/shop/uv.lock": 'name = "requests"\nversion = "2.32.5"\n'},
    ),
    Scenario(
        name="ordinary-code",
        story="Alice changes a line of the web shop, and says briefly how it is tested and taken "
        "back. Bob, a colleague, reviews it and signs.",
        message="Find words of two letters",
        change="CHG-2027-SEARCH01",
        files=_search("CHG-2027-SEARCH01"),
        approvals=("bob",),
    ),
    Scenario(
        name="code-with-a-past",
        story="The same care and the same review for another line of the web shop. A week ago a "
        "change of this very file was taken back.",
        message="Round half to even",
        change="CHG-2027-R0VND1NG",
        files=ROUNDING
        | request(
            "CHG-2027-R0VND1NG",
            "Round half to even",
            service="webshop",
            scope="src/shop/**",
            reason="The accountants asked for it in January.",
            more=BRIEFLY,
        ),
        approvals=("bob",),
    ),
    Scenario(
        name="deployment-unapproved",
        story="Alice deploys a new version of payments, a service of tier 1 with confidential "
        "data. It is well prepared, and nobody has looked at it yet.",
        message="Deploy 1.42.0",
        change="CHG-2027-DEP10Y01",
        files=_deployment("CHG-2027-DEP10Y01"),
    ),
    Scenario(
        name="deployment-approved",
        story="The same, and Bob, who owns the service, has signed.",
        message="Deploy 1.42.0",
        change="CHG-2027-DEP10Y02",
        files=_deployment("CHG-2027-DEP10Y02"),
        approvals=("bob",),
    ),
    Scenario(
        name="migration-prepared",
        story="A change of the payments database that Alice herself calls high risk. It has a "
        "time, a way back that was tried, somebody to call it off, and the report of a scan. The "
        "owner, the change authority, security and privacy have signed.",
        message="Add a constraint",
        change="CHG-2027-M1GRATE1",
        files=_migration(
            "CHG-2027-M1GRATE1",
            "  risk: high\n" + EVIDENCE + prepared(steps="Drop the constraint."),
        )
        | {"db/payments/evidence/scan.sarif": SCAN},
        approvals=("bob", "carol", "frank", "grace"),
    ),
    Scenario(
        name="migration-unprepared",
        story="The same change of the database, and the same people have signed. The request says "
        "why, and nothing else.",
        message="Add a constraint",
        change="CHG-2027-M1GRATE2",
        files=_migration("CHG-2027-M1GRATE2", ""),
        approvals=("bob", "carol", "frank", "grace"),
    ),
    Scenario(
        name="in-the-freeze",
        story="The deployment again, signed by everybody who could be asked, and planned for the "
        "week of the spring sale in which the company's own calendar lets nothing change.",
        message="Deploy 1.42.0",
        change="CHG-2027-FREEZE01",
        files=_deployment("CHG-2027-FREEZE01", SALE_WEEK, more=DEPLOY_EVIDENCE)
        | {"deploy/payments/scan.sarif": SCAN},
        approvals=("bob", "carol", "frank", "grace"),
    ),
    Scenario(
        name="emergency",
        story="Card payments fail. Alice goes back to an older version and names the incident; "
        "Carol, who has the emergency authority, signs. Nobody else is awake.",
        message="Go back to 1.40.9",
        change="CHG-2027-EMERG001",
        files=_emergency("CHG-2027-EMERG001", INCIDENT),
        approvals=("carol",),
    ),
    Scenario(
        name="emergency-without-incident",
        story="The same, signed as well, but no incident is named: anybody could call anything an "
        "emergency.",
        message="Go back to 1.40.9",
        change="CHG-2027-EMERG002",
        files=_emergency("CHG-2027-EMERG002", ""),
        approvals=("carol",),
    ),
    Scenario(
        name="retired-service",
        story="Alice improves the old reports, which the catalogue calls retired. Erin, who owned "
        "them, signs.",
        message="Write reports as JSON",
        change="CHG-2027-RET1RED1",
        files={"src/reports/monthly.py": "FORMAT = 'json'\n"}
        | request(
            "CHG-2027-RET1RED1",
            "Write reports as JSON",
            service="legacy-reports",
            scope="src/reports/**",
            reason="One customer still reads these reports.",
            more=BRIEFLY,
        ),
        approvals=("erin",),
    ),
    Scenario(
        name="by-an-agent",
        story="An agent, for which Bob answers, wrote the line that Alice committed. Erin signs; "
        "one person is not enough where an agent took part.",
        message="Find words of two letters",
        trailers=("Co-authored-by: Helper <helper@example.com>",),
        change="CHG-2027-AGENT001",
        files=_search("CHG-2027-AGENT001"),
        approvals=("erin",),
    ),
    Scenario(
        name="policies",
        story="Alice lets the freeze for the spring sale end two days earlier. Whoever changes the "
        "rules is judged by the old rules and by the new ones. Nothing changes where users are, so "
        "the request names `governance` as its environment; with `production` the runbook and the "
        "alerts of a service would be asked for. An owner, the change authority and security have "
        "signed.",
        message="End the freeze earlier",
        change="CHG-2027-P011CY01",
        files={"policies/sale.yaml": SALE.replace("end: 2027-03-29", "end: 2027-03-27")}
        | request(
            "CHG-2027-P011CY01",
            "End the freeze two days earlier",
            service="webshop",
            scope="policies/sale.yaml",
            environment="governance",
            reason="The sale itself ends on Friday this year.",
            more=OF_THE_RULES,
        ),
        approvals=("erin", "carol", "frank"),
    ),
    Scenario(
        name="no-runbook",
        story="A new version of the fraud check, a service of tier 1, well prepared and signed by "
        "its owner. Nobody has written a runbook for that service yet.",
        message="Deploy fraud-check 0.4.0",
        change="CHG-2027-FRAVD001",
        files=_fraud("CHG-2027-FRAVD001"),
        approvals=("bob",),
    ),
    Scenario(
        name="no-runbook-waived",
        story="The same. Carol has waived the runbook for this one change, in writing, in a file "
        "on main; under the profile starter there is no such rule, and so no waiver.",
        message="Deploy fraud-check 0.4.0",
        change=WAIVED,
        files=_fraud(WAIVED),
        approvals=("bob",),
    ),
)
