"""The signing desk: make, sign and file a statement about a change request.

It binds the statement to the content that was shown, signs with the person's own SSH key and
appends one file to the approvals branch. It never touches work tree, index, HEAD or any other
branch, so signing makes nobody a contributor and moves no head.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from itil_gate.decide.appetites import bound_appetites
from itil_gate.decide.chains import Link, resolve
from itil_gate.decide.ledger import links
from itil_gate.decide.recognise import request_path
from itil_gate.decide.requirements import counting
from itil_gate.git.refs import append_file
from itil_gate.git.sshkeygen import sign
from itil_gate.model.errors import GateError, SigningError
from itil_gate.model.frozen import frozen
from itil_gate.model.people import PEER
from itil_gate.model.statement import (
    APPROVALS_BRANCH,
    ApprovalPredicate,
    ApprovalStatement,
    BoundRequirement,
)
from itil_gate.reading.times import length
from itil_gate.signing.statement import (
    SHARED_FOLDERS,
    SUFFIX,
    StatementError,
    approval_statement,
    compose,
    namespace_of,
    path_of,
    read_statement,
    signed_bytes,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.decide.roster import Roster
    from itil_gate.git.discover import Repository
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import ChangeVerdict, RequirementState
    from itil_gate.model.facts import Facts, StatementFact
    from itil_gate.model.people import Person
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.statement import Verdict
    from itil_gate.signing.statement import Statement


@frozen
class Filed:
    """A signed statement: its file name on the approvals branch and its bytes."""

    path: str
    data: bytes


def make_statement(
    verdict: Verdict,
    *,
    change: ChangeRequest,
    judged: ChangeVerdict,
    facts: Facts,
    policies: PolicySet,
    roster: Roster,
    signer: Person,
    roles: Sequence[str],
    now: datetime,
    reason: str | None,
) -> ApprovalStatement:
    """Return the statement a person would sign about a change as it stands now.

    `roles` are those claimed; empty claims every role the signer holds. Raises GateError
    `nothing-to-bind` for a change without a merge base.
    """
    if facts.merge_base is None:
        raise GateError("nothing-to-bind", "the target branch does not exist yet")
    age = length(counting(policies.approvals, level=judged.risk.level).max_age)
    return approval_statement(
        ApprovalPredicate(
            repository=policies.config.repository,
            target=facts.target,
            change=change.metadata.id,
            verdict=verdict,
            signer=signer.id,
            roles=tuple(roles) or held_roles(roster, signer, now=now),
            requester=change.metadata.requester,
            request=judged.digest,
            request_path=judged.path or request_path(change.metadata.id),
            scope=change.spec.scope,
            content=facts.content,
            merge_base=facts.merge_base,
            head=facts.head,
            tree=facts.head_tree,
            risk=judged.risk.level,
            requirements=bound_requirements(judged.requirements),
            beyond=bound_appetites(judged.beyond),
            issued_at=now,
            expires_at=now + age,
            previous=latest(facts.statements, change.metadata.id, signer, roster, facts=facts),
            reason=reason,
        )
    )


def make_retraction(
    statements: Sequence[StatementFact],
    *,
    change: str,
    target: str,
    repository: str,
    signer: Person,
    roster: Roster,
    now: datetime,
    reason: str | None,
) -> ApprovalStatement:
    """Return the statement that takes back what a person last said about a change.

    It follows every latest statement of theirs and repeats what one of them bound, so it needs
    neither the head nor the request, which may be gone. Raises GateError `nothing-to-withdraw`.
    """
    mine = {
        item.digest: item.approval
        for item in statements
        if item.status == "good"
        and item.approval is not None
        and (item.approval.change, item.approval.target) == (change, target)
        and item.approval.repository == repository
        and roster.by_key.get(item.fingerprint or "") == signer
    }
    tips = resolve(tuple(Link(key, one.verdict, one.previous) for key, one in mine.items())).tips
    if not tips:
        raise GateError(
            "nothing-to-withdraw",
            f"{signer.id} has made no statement about {change} for {target}",
            hint="`itil-gate withdraw --change` withdraws the change itself",
        )
    last = mine[tips[0]]
    return approval_statement(
        last.model_copy(
            update={
                "verdict": "withdraw",
                "roles": held_roles(roster, signer, now=now),
                "issued_at": now,
                "expires_at": now + (last.expires_at - last.issued_at),
                "previous": tips,
                "reason": reason,
            }
        )
    )


def bound_requirements(states: Sequence[RequirementState]) -> tuple[BoundRequirement, ...]:
    """Return the requirements that an approval binds, each as often as one policy set asks it.

    Where the pull request proposes other policies, what both sets ask alike is bound once.
    """
    counts: Counter[BoundRequirement] = Counter()
    for side in ("target", "proposed"):
        counts |= Counter(
            BoundRequirement(
                role=state.role,
                service=state.service,
                min=state.min,
                percent=state.percent,
                distinct=state.distinct,
            )
            for state in states
            if state.side == side
        )
    return tuple(counts.elements())


def held_roles(roster: Roster, person: Person, *, now: datetime) -> tuple[str, ...]:
    """Return every role a person holds now, for any service, the built-in one first."""
    names = {grant.role for grant in roster.people.roles}
    names |= {entry.role for entry in roster.people.delegations}
    return (PEER, *sorted(name for name in names if roster.holds(person.id, name, now=now)))


def latest(
    statements: Sequence[StatementFact],
    change: str,
    person: Person,
    roster: Roster,
    *,
    facts: Facts,
) -> tuple[str, ...]:
    """Return the digests that a person's next statement about a change follows."""
    mine = [
        item
        for item in statements
        if item.status == "good"
        and item.approval is not None
        and (item.approval.change, item.approval.target) == (change, facts.target)
        and roster.by_key.get(item.fingerprint or "") == person
    ]
    return resolve(links(mine)).tips


def sign_statement(statement: Statement, *, key: str, interactive: bool) -> Filed:
    """Sign a statement with an SSH key and return the file to store.

    The result is read back and verified before anybody relies on it. Raises SigningError.
    """
    armored = sign(
        signed_bytes(statement),
        key=key,
        namespace=namespace_of(statement),
        interactive=interactive,
    )
    filed = Filed(path_of(statement), compose(statement, armored))
    check = read_statement(filed.path, filed.data)
    if check.status != "good":
        raise SigningError(
            "signature-not-good",
            f"the signature just made does not verify: {check.status}: {check.detail}",
            hint="use an Ed25519, ECDSA, RSA (2048 bits or more) or security key",
        )
    return filed


def place_of(data: bytes) -> str:
    """Return where on the approvals branch a file that somebody sent belongs, by its content.

    What cannot be read gets a path that no statement has, so that reading it says what is wrong.
    """
    try:
        signed, _ = split(data)
        said = json.loads(signed)
        kind, change = said["predicateType"], said["predicate"].get("change", "unreadable")
        folder = SHARED_FOLDERS.get(kind, change)
    except (StatementError, ValueError, KeyError, TypeError, AttributeError):
        return "unreadable"
    return f"{folder}/{hashlib.sha256(signed).hexdigest()}{SUFFIX}"


def file_statement(
    repository: Repository, filed: Filed, *, identity: tuple[str, str], now: datetime
) -> str:
    """Append a signed statement to the approvals branch and return the new commit's id.

    Filing the same bytes again changes nothing. Concurrent writers lose nothing: the branch is
    moved by compare-and-swap and the append is tried again.
    """
    return append_file(
        repository,
        APPROVALS_BRANCH,
        filed.path,
        filed.data,
        message=f"Add {filed.path.partition('/')[0]} statement",
        identity=identity,
        when=now,
    )
