"""Decisions as the gate would make them: denied, pending, allowed, and variations of them."""

from __future__ import annotations

from datetime import UTC, datetime

from itil_gate.model.calendar import Interval
from itil_gate.model.decision import (
    Action,
    ChangeVerdict,
    Contribution,
    Contributor,
    Decision,
    Digests,
    LedgerEntry,
    RequirementState,
    RiskAssessment,
    RuleState,
)
from itil_gate.model.facts import Review
from itil_gate.model.finding import Finding, Place
from itil_gate.model.score import ImpactReason, ImpactScore, LikelihoodPoint, LikelihoodScore

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
HEAD = "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432"
TIP = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
CHANGE = "CHG-2026-7K3QX9ZB"
PATH = f"changes/2026/{CHANGE}.yaml"
PASSED = (
    "empty-change",
    "merge-conflict",
    "closed-pull-request",
    "uncovered-change",
    "deleted-request",
    "unattributable-commit",
)
BOB = LedgerEntry(
    digest="b0b" + "0" * 61,
    person="bob",
    verdict="approve",
    counted=True,
    code="approved",
    roles=("peer",),
    carry_over="same-content",
    issued_at=datetime(2026, 11, 23, 16, 5, tzinfo=UTC),
)
ALICE = LedgerEntry(
    digest="a11ce" + "0" * 59,
    rank="forge-review",
    person="alice",
    verdict="approve",
    counted=False,
    code="contributor",
    detail="requester; author of 9f8e7d6c5b4a",
    issued_at=datetime(2026, 11, 23, 15, 0, tzinfo=UTC),
    review=Review(
        id="31",
        forge="github.com",
        account=1001,
        login="alice",
        state="approved",
        commit=HEAD,
        submitted_at=datetime(2026, 11, 23, 15, 0, tzinfo=UTC),
        sequence=1,
    ),
)
DAVE = LedgerEntry(
    digest="da7e" + "0" * 60,
    person="dave",
    verdict="approve",
    counted=False,
    code="stale",
    detail="window.start changed after approval",
    roles=("change-manager",),
    issued_at=datetime(2026, 11, 22, 8, 0, tzinfo=UTC),
)
CAROL_REJECTS = LedgerEntry(
    digest="ca401" + "0" * 59,
    person="carol",
    verdict="reject",
    counted=True,
    code="rejected",
    detail="the backout was never rehearsed",
    roles=("change-manager",),
    issued_at=datetime(2026, 11, 24, 8, 45, tzinfo=UTC),
)
PEER = RequirementState(
    id="peer-review",
    side="target",
    policy="approvals",
    role="peer",
    needed=1,
    min=1,
    state="SATISFIED",
    counted=("bob",),
    eligible=("carol", "dave"),
)
AUTHORITY = RequirementState(
    id="change-authority",
    side="target",
    policy="approvals",
    role="change-manager",
    service="payments-api",
    needed=2,
    min=2,
    state="PENDING",
    counted=("carol",),
    eligible=("dave", "erin"),
)
RISK = RiskAssessment(
    level="high",
    declared="low",
    contributions=(
        Contribution(
            source="likelihood:size",
            level="medium",
            reason="14 files in 3 directories change",
            paths=(
                "certs/gateway.pem",
                "certs/root.pem",
                "deploy/payments/api.yaml",
                "deploy/payments/worker.yaml",
                "deploy/payments/edge.yaml",
            ),
        ),
        Contribution(
            source="floor:untested-backout", level="high", reason="the backout has not been tested"
        ),
    ),
)

MEASURED = RiskAssessment(
    level="high",
    score=65,
    impact=ImpactScore(
        impact=4,
        reasons=(
            ImpactReason(source="tier:payments-api", impact=4, reason="payments-api is of tier 2"),
            ImpactReason(source="base", impact=1, reason="every change starts here"),
        ),
    ),
    likelihood=LikelihoodScore(
        card="change-failure/1",
        likelihood="possible",
        points=12,
        contributions=(
            LikelihoodPoint(
                factor="file-record",
                points=6,
                reason="changes to a file touched here fail 3.4 times as often as usual",
            ),
            LikelihoodPoint(
                factor="file-failures",
                points=2,
                reason="4 changes to these files were backed out in the last 365 days",
            ),
            LikelihoodPoint(
                factor="recent-failure",
                points=3,
                reason="the last known failure in this repository was 6 hours ago",
            ),
            LikelihoodPoint(
                factor="lines-added",
                points=1,
                reason="not known, so counted as the most it can be: Does it add more lines than"
                " most changes?",
                known=False,
            ),
        ),
        unknown=("lines-added",),
        usual_ppm=20_140,
        expected_ppm=25_170,
    ),
    contributions=(
        Contribution(
            source="measured:matrix",
            level="high",
            reason="impact 4 of 5 and a likelihood that is possible",
            points=55,
        ),
        Contribution(
            source="measured:several-services",
            level="high",
            reason="The change reaches into more than three services at once.",
            points=10,
        ),
        Contribution(
            source="measured:untested-backout",
            level="high",
            reason="the backout has not been tested",
        ),
    ),
)


def passed(*names: str) -> tuple[RuleState, ...]:
    return tuple(RuleState(rule=name, side="target", state="SATISFIED") for name in names)


def pending() -> Decision:
    missing = Finding(
        rule="missing-approval",
        effect="pending",
        message="change-authority: 1 of 2 change-manager of payments-api",
        remedy=f"one of dave, erin can run `itil-gate approve CHANGE --head {HEAD[:12]}`",
    )
    change = ChangeVerdict(
        id=CHANGE,
        path=PATH,
        digest="c" * 64,
        title="Rotate the payment gateway certificates",
        requester="alice",
        outcome="pending",
        lane="board",
        risk=RISK,
        services=("payments-api",),
        environments=("production",),
        interval=Interval(
            start=datetime(2026, 11, 25, 21, 0, tzinfo=UTC),
            end=datetime(2026, 11, 25, 22, 0, tzinfo=UTC),
        ),
        requirements=(PEER, AUTHORITY),
        ledger=(BOB, ALICE, DAVE),
        rules=(
            *passed("unknown-person", "unknown-service", "window-past", "in-freeze"),
            RuleState(rule="missing-approval", side="target", state="PENDING", findings=(missing,)),
            RuleState(
                rule="under-declared-risk",
                side="target",
                state="ADVISORY",
                findings=(
                    Finding(
                        rule="under-declared-risk",
                        effect="advise",
                        message="the request says low; the assessed risk is high and holds",
                        remedy="leave spec.risk out, or raise it",
                        place=Place(file=PATH, line=21, column=9),
                    ),
                ),
            ),
            RuleState(rule="outside-maintenance-window", side="target", state="NOT_APPLICABLE"),
        ),
    )
    return Decision(
        engine="itil-gate/0.1.0",
        outcome="pending",
        repository="example.com/acme/payments",
        target="refs/heads/main",
        tip=TIP,
        merge_base=TIP,
        head=HEAD,
        merged_tree="d" * 40,
        content="e" * 64,
        now=NOW,
        changes=(change,),
        contributors=(
            Contributor(
                person="alice",
                reasons=("requester", "author of 9f8e7d6c5b4a"),
                proved=True,
            ),
            Contributor(person="frank", reasons=("co-author of 9f8e7d6c5b4a",), proved=False),
        ),
        rules=passed(*PASSED),
        unblock=(
            Action(
                who=("dave", "erin"),
                command=f"itil-gate approve {CHANGE} --head {HEAD}",
                why="change-authority: change-manager of payments-api",
            ),
        ),
        digests=Digests(facts="1" * 64, requests="2" * 64, judge="3" * 64),
    )


def denied() -> Decision:
    decision = pending()
    (change,) = decision.changes
    rules = (
        *passed("unknown-person", "unknown-service", "window-past"),
        RuleState(
            rule="in-freeze",
            side="target",
            state="UNSATISFIED",
            findings=(
                Finding(
                    rule="in-freeze",
                    message="the window 2026-11-25 21:00 to 22:00 UTC lies in the freeze "
                    "black-friday (trading peak) of tier 1 services",
                    remedy="move spec.window to 2026-12-01 00:00 UTC or later",
                    place=Place(file=PATH, line=14, column=5),
                ),
            ),
        ),
        RuleState(
            rule="open-rejection",
            side="target",
            state="UNSATISFIED",
            findings=(
                Finding(
                    rule="open-rejection",
                    message="carol rejected the change: the backout was never rehearsed",
                    remedy="settle it with carol, who can run `itil-gate withdraw` or approve",
                ),
            ),
        ),
        RuleState(rule="outside-maintenance-window", side="target", state="NOT_APPLICABLE"),
    )
    uncovered = RuleState(
        rule="uncovered-change",
        side="target",
        state="UNSATISFIED",
        findings=(
            Finding(
                rule="uncovered-change",
                message="db/migrations/0042_drop_cards.sql is in no request's scope",
                remedy="run `itil-gate new`, or widen spec.scope of a request in this diff",
                place=Place(file="db/migrations/0042_drop_cards.sql"),
            ),
        ),
    )
    authority = AUTHORITY.model_copy(update={"counted": (), "state": "PENDING"})
    return decision.model_copy(
        update={
            "outcome": "deny",
            "changes": (
                change.model_copy(
                    update={
                        "outcome": "deny",
                        "rules": rules,
                        "requirements": (PEER, authority),
                        "ledger": (BOB, CAROL_REJECTS, ALICE),
                    }
                ),
            ),
            "rules": (*passed("empty-change", "merge-conflict"), uncovered),
            "unblock": (
                Action(
                    who=(),
                    command="run `itil-gate new`, or widen spec.scope of a request in this diff",
                    why="uncovered-change",
                ),
                Action(
                    who=("alice",),
                    command="move spec.window to 2026-12-01 00:00 UTC or later",
                    why="in-freeze",
                ),
                Action(
                    who=("alice",),
                    command="settle it with carol, who can run `itil-gate withdraw` or approve",
                    why="open-rejection",
                ),
                *decision.unblock,
            ),
        }
    )


def allowed() -> Decision:
    decision = pending()
    (change,) = decision.changes
    satisfied = AUTHORITY.model_copy(
        update={"state": "SATISFIED", "counted": ("carol", "dave"), "eligible": ("erin",)}
    )
    ledger = (
        BOB,
        ALICE,
        DAVE.model_copy(
            update={"counted": True, "code": "approved", "detail": "", "carry_over": "exact"}
        ),
        CAROL_REJECTS.model_copy(
            update={"verdict": "approve", "code": "approved", "detail": "", "carry_over": "exact"}
        ),
    )
    rules = (
        *passed("unknown-person", "unknown-service", "window-past", "in-freeze"),
        *passed("missing-approval"),
        RuleState(rule="outside-maintenance-window", side="target", state="NOT_APPLICABLE"),
    )
    return decision.model_copy(
        update={
            "outcome": "allow",
            "changes": (
                change.model_copy(
                    update={
                        "outcome": "allow",
                        "risk": RISK.model_copy(update={"declared": None}),
                        "requirements": (PEER, satisfied),
                        "ledger": ledger,
                        "rules": rules,
                    }
                ),
            ),
            "contributors": decision.contributors[:1],
            "unblock": (),
        }
    )


def audited() -> Decision:
    return denied().model_copy(update={"enforced": False})


def bundle() -> Decision:
    """Two requests in one pull request: one allowed, one pending."""
    first, second = allowed().changes[0], pending().changes[0]
    other = "CHG-2026-00000042"
    return pending().model_copy(
        update={
            "changes": (
                first,
                second.model_copy(
                    update={
                        "id": other,
                        "path": f"changes/2026/{other}.yaml",
                        "title": "Raise the rate limit of the payments API",
                    }
                ),
            )
        }
    )


def measured() -> Decision:
    """The pending decision as a risk model with bands, a factor and a card would make it."""
    first = pending()
    change = first.changes[0].model_copy(update={"risk": MEASURED})
    return first.model_copy(update={"changes": (change,)})


SAMPLES = {
    "denied": denied,
    "pending": pending,
    "allowed": allowed,
    "audited": audited,
    "bundle": bundle,
    "measured": measured,
}
FINDINGS = (
    Finding(
        rule="unknown-key",
        message="`spec.scoep` is not a key of a change request; did you mean `scope`?",
        remedy="Rename the key, or use an `x-…` name for a field of your own.",
        place=Place(file=PATH, line=9, column=3),
    ),
    Finding(
        rule="unknown-key",
        message="`spec.riks` is not a key of a change request; did you mean `risk`?",
        remedy="Rename the key, or use an `x-…` name for a field of your own.",
        place=Place(file=PATH, line=12, column=3),
    ),
    Finding(
        rule="untested-rule",
        effect="advise",
        message="The rule `night-shift` has no test.",
        place=Place(file="policies/rules.yaml"),
    ),
)
