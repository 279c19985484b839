"""For each rule of the gate a situation that breaks it and the same one mended.

`explain` and the rule pages show them, and the tests play every one in a real repository. What an
example does not say is as in SETTING. Rules of which no small situation can be shown have prose.
"""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    """Two situations as YAML, or as prose where `played` is false."""

    bad: str
    good: str
    played: bool = True


SETTING = """\
Alice asks for a change of `src/app.py`, which belongs to the service payments-api. Bob and Dave own
that service, Carol and Dave are the change authority, Erin is a colleague, and all commits are
signed. Below `src/` the risk is low, below `deploy/` medium, where a change takes effect in
production, and below `db/` high. It is 2 March 2026, noon UTC. Keys below `request` are keys of its
`spec`; `target` holds files as they are on the target branch; `meanwhile` are paths that changed on
the target after the branch was begun."""

_FREEZE = """\
target:
  policies/calendar.yaml: |
    apiVersion: itil-gate/v1
    kind: Calendar
    metadata: {name: calendar, owner: carol, reviewBy: 2027-01-01}
    spec:
      freezes:
        - {id: quarter-end, reason: Books are closed., start: 2026-03-28T00:00,
           end: 2026-04-02T00:00, timezone: UTC}
"""
_MAINTENANCE = """\
target:
  policies/calendar.yaml: |
    apiVersion: itil-gate/v1
    kind: Calendar
    metadata: {name: calendar, owner: carol, reviewBy: 2027-01-01}
    spec:
      windows:
        - {id: sunday, reason: Users were told., start: 2026-03-01T04:00, end: 2026-03-01T06:00,
           timezone: UTC, rrule: FREQ=WEEKLY;BYDAY=SU, scope: {services: [payments-api]}}
"""
_LEDGER = """\
target:
  services/ledger.yaml: |
    apiVersion: backstage.io/v1alpha1
    kind: Component
    metadata: {name: ledger, annotations: {itil-gate.dev/paths: "ledger/**"}}
"""
_LOW_ONLY = """\
target:
  policies/approvals.yaml: |
    apiVersion: itil-gate/v1
    kind: ApprovalPolicy
    metadata: {name: approvals, owner: carol, reviewBy: 2027-01-01}
    spec:
      requirements: [{id: review, levels: [low], role: peer}]
"""


def _authority(fallback: str) -> str:
    return f"""\
target:
  policies/approvals.yaml: |
    apiVersion: itil-gate/v1
    kind: ApprovalPolicy
    metadata: {{name: approvals, owner: carol, reviewBy: 2027-01-01}}
    spec:
      requirements:
        - {{id: authority, levels: [low], role: change-authority, min: 2{fallback}}}
by: carol
"""


def _window(start: str, end: str) -> str:
    return f"request:\n  window: {{start: {start}, end: {end}, timezone: UTC}}\n"


_BACKOUT = "fields: [{path: spec.plans.backout.steps, is: mandatory}]"
_PLANNED = "checks: [{id: planned, expect: schedule.planned, message: a planned window}]"


def _model(more: str = "", *, expires: str = "2026-12-31") -> str:
    return f"""\
target:
  policies/rotation.yaml: |
    apiVersion: itil-gate/v1
    kind: ChangeModel
    metadata: {{name: rotation, owner: carol, reviewBy: 2027-01-01}}
    spec:
      type: standard
      description: A certificate is replaced before it runs out.
      paths: [src/**]
      limits: {{files: 2, risk: low, environments: [production]}}
      expires: {expires}
""" + (f"      {more}\n" if more else "")


def _follows(more: str = "") -> str:
    return f"request: {{type: standard, model: rotation{more}}}\n"


GATE_EXAMPLES: dict[str, Example] = {
    "empty-change": Example("changes: []\nrequest: none\n", "changes: [src/app.py]\n"),
    "merge-conflict": Example(
        "changes: [src/app.py]\nmeanwhile: [src/app.py]\n",
        "changes: [src/app.py]\nmeanwhile: [src/other.py]\n",
    ),
    "closed-pull-request": Example("pullRequest: closed\n", "pullRequest: open\n"),
    "forge-not-asked": Example(
        "A run without --pull records a decision about a pull request of which the log says "
        "nothing.",
        "The run asks the forge with --pull, or one before it has and recorded what it told.",
        played=False,
    ),
    "draft": Example("draft: true\n", "draft: false\n"),
    "uncovered-change": Example(
        "changes: [src/app.py, db/schema.sql]\nrequest: {scope: [src/**]}\n",
        "changes: [src/app.py, db/schema.sql]\nrequest: {scope: [src/**, db/schema.sql]}\n",
    ),
    "deleted-request": Example(
        "target: {changes/2026/CHG-2026-0000000A.yaml: an older request}\n"
        "deletes: [changes/2026/CHG-2026-0000000A.yaml]\n",
        "target: {changes/2026/CHG-2026-0000000A.yaml: an older request}\ndeletes: []\n",
    ),
    "irregular-request": Example('requestMode: "100755"\n', 'requestMode: "100644"\n'),
    "duplicate-change": Example(
        "copyRequestTo: changes/CHG-2026-AAAA0001.yaml\n", "changes: [src/app.py]\n"
    ),
    "proposed-policy-invalid": Example(
        "changes: [policies/risk.yaml]\ncontent: 'kind: Wish'\nrequest: {scope: [policies/**]}\n",
        "changes: [policies/README.md]\nrequest: {scope: [policies/**]}\n",
    ),
    "unattributable-commit": Example("by: a stranger\n", "by: alice\n"),
    "unproved-contributor": Example("signed: false\n", "signed: true\n"),
    "unknown-person": Example("request: {implementer: zoe}\n", "request: {implementer: erin}\n"),
    "unknown-service": Example(
        "request: {services: [payments-api, paymets]}\n", "request: {services: [payments-api]}\n"
    ),
    "undeclared-service": Example(
        _LEDGER + "changes: [src/app.py, ledger/book.py]\n"
        "request: {services: [payments-api], scope: [src/**, ledger/**]}\n",
        _LEDGER + "changes: [src/app.py, ledger/book.py]\n"
        "request: {services: [ledger, payments-api], scope: [src/**, ledger/**]}\n",
    ),
    "undeclared-environment": Example(
        "changes: [deploy/app.yaml]\nrequest: {environments: [staging]}\n",
        "changes: [deploy/app.yaml]\nrequest: {environments: [staging, production]}\n",
    ),
    "under-declared-risk": Example(
        "changes: [deploy/app.yaml]\nrequest: {risk: low}\n",
        "changes: [deploy/app.yaml]\nrequest: {risk: medium}\n",
    ),
    "unknown-model": Example(
        "request: {type: standard, model: certificate-rotation}\n", "request: {type: normal}\n"
    ),
    "not-recognised": Example(
        "A lock file and a source file change without a request; the model covers lock files.",
        "Only the lock file changes.",
        played=False,
    ),
    "beyond-appetite": Example(
        "The risk model has `appetite: {maximum: medium, …}`, and the change is of high risk.",
        "The change is split, and no part is above medium.",
        played=False,
    ),
    "model-type": Example(
        _model() + "request: {type: normal, model: rotation}\n", _model() + _follows()
    ),
    "model-expired": Example(
        _model(expires="2026-03-01") + _follows(), _model(expires="2026-03-02") + _follows()
    ),
    "outside-model": Example(
        _model() + _follows() + "changes: [src/app.py, lib/app.py]\n",
        _model() + _follows() + "changes: [src/app.py]\n",
    ),
    "model-limit": Example(
        _model() + _follows() + "changes: [src/a.py, src/b.py, src/c.py]\n",
        _model() + _follows() + "changes: [src/a.py, src/b.py]\n",
    ),
    "model-field": Example(
        _model(_BACKOUT) + _follows(),
        _model(_BACKOUT) + _follows(", plans: {backout: {steps: Put the old one back.}}"),
    ),
    "model-check": Example(
        _model(_PLANNED) + _follows(),
        _model(_PLANNED)
        + _follows(
            ", window: {start: 2026-03-03T20:00, end: 2026-03-03T21:00, timezone: UTC}",
        ),
    ),
    "invalid-request": Example(
        "The request holds a report and is larger than a megabyte.",
        "The report is a file of its own, named under `spec.evidence`.",
        played=False,
    ),
    "in-freeze": Example(
        _FREEZE + _window("2026-03-30T20:00", "2026-03-30T21:00"),
        _FREEZE + _window("2026-04-02T20:00", "2026-04-02T21:00"),
    ),
    "outside-maintenance-window": Example(
        _MAINTENANCE + _window("2026-03-11T04:30", "2026-03-11T05:30"),
        _MAINTENANCE + _window("2026-03-15T04:30", "2026-03-15T05:30"),
    ),
    "window-past": Example(
        _window("2026-03-01T20:00", "2026-03-01T21:00"),
        _window("2026-03-03T20:00", "2026-03-03T21:00"),
    ),
    "open-rejection": Example("rejects: [carol]\n", "approves: [carol]\n"),
    "withdrawn-change": Example("withdraws: [alice]\n", "withdraws: []\n"),
    "no-applicable-policy": Example(
        _LOW_ONLY + "changes: [db/schema.sql]\n", _LOW_ONLY + "changes: [src/app.py]\n"
    ),
    "unsatisfiable-requirement": Example(_authority(""), _authority(", fallback: service-owner")),
    "missing-approval": Example("approves: []\n", "approves: [erin]\n"),
    "awaited-evidence": Example(
        "An ExternalCheck named rego is on the target, and the gate is run without results.",
        "The gate is run with `--external rego=results.json`.",
        played=False,
    ),
    "no-external-results": Example(
        "`conftest test --namespace typo` found no rule, and its report holds no test.",
        "`conftest test` found its rules, and its report says how many passed.",
        played=False,
    ),
    "undeclared-external-results": Example(
        "The gate is run with `--external reg=results.json`; the check is named rego.",
        "The gate is run with `--external rego=results.json`.",
        played=False,
    ),
}
"""By rule; every rule of GATE_RULES has one."""
