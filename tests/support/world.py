"""A small organisation with a real repository, real keys and a gate: where cases are played.

Alice develops; Bob and Dave own the service payments-api; Carol and Dave are change authority;
Erin is a colleague; robo is a bot, helper an agent that Bob sponsors. Everything below src/ is low
risk, deploy/ is medium, db/ is high.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from itil_gate.decide.gate import asked_of, decide
from itil_gate.decide.roster import build_roster
from itil_gate.gather.inputs import find_commit, gather
from itil_gate.git.discover import discover
from itil_gate.git.names import look_up
from itil_gate.git.view import open_view
from itil_gate.model.errors import GateError
from itil_gate.model.statement import APPROVALS_BRANCH, VouchPredicate
from itil_gate.policy.compile import compile_policies
from itil_gate.release.signing_desk import (
    Filed,
    file_statement,
    make_statement,
    sign_statement,
)
from itil_gate.signing.statement import approval_statement, vouch_statement
from support.kept import Kept
from support.repository import Keyring, Person, Repo, make_person

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from itil_gate.model.decision import ChangeVerdict, Decision, LedgerEntry
    from itil_gate.model.facts import Inputs
    from itil_gate.model.finding import Finding
    from itil_gate.model.statement import ApprovalPredicate, Verdict

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CHG = "CHG-2026-AAAA0001"
OTHER = "CHG-2026-AAAA0002"

CONFIG = """\
apiVersion: itil-gate/v1
kind: Config
repository: example.com/acme/payments
targets: [refs/heads/main, refs/heads/release]
exempt:
  - {paths: ["docs/**"], reason: Prose runs nowhere., reviewBy: 2027-01-01}
environments:
  - {name: production, paths: ["deploy/**"]}
"""
SERVICES = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: payments-api
  annotations: {itil-gate.dev/tier: "2", itil-gate.dev/paths: "src/** deploy/** db/**"}
spec: {type: service, lifecycle: production}
"""
RISK = """\
apiVersion: itil-gate/v1
kind: RiskModel
metadata: {name: paths, owner: change-authority, reviewBy: 2027-01-01}
spec:
  default: low
  floors:
    - {id: deployment, paths: ["deploy/**"], level: medium, reason: It changes what runs.}
    - {id: schema, paths: ["db/**"], level: high, reason: Data are hard to bring back.}
"""
APPROVALS = """\
apiVersion: itil-gate/v1
kind: ApprovalPolicy
metadata: {name: approvals, owner: change-authority, reviewBy: 2027-01-01}
spec:
  requirements:
    - {id: review, levels: [low], role: peer, min: 1}
    - {id: owner, levels: [medium, high, critical], role: service-owner, of: footprint, min: 1}
    - {id: authority, levels: [high, critical], role: change-authority, min: 1}
"""
ROLES: dict[str, Sequence[str]] = {
    "service-owner": ("bob", "dave"),
    "change-authority": ("carol", "dave"),
}
MACHINES = """\
  - {id: robo, name: Robo, kind: bot, emails: [robo@example.com]}
  - {id: helper, name: Helper, kind: agent, sponsor: bob, emails: [helper@example.com]}
"""


@dataclass
class World:
    """One case's repository. `main` has adopted the gate; nothing else is there yet."""

    repo: Repo
    keyring: Keyring
    now: datetime = NOW
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def who_signs(self) -> tuple[str, ...]:
        """Everybody's public key, where a step that is repeated depends on them."""
        known = (*self.keyring.everybody(), *self.people.values())
        return tuple(f"{one.id} {one.name} {one.email} {one.public}" for one in known)

    def person(self, name: str) -> Person:
        """Return one of the keyring, or somebody a case brought in."""
        return self.people.get(name) or getattr(self.keyring, name)

    def commit(
        self,
        files: Mapping[str, str | bytes] | None = None,
        *,
        by: str = "alice",
        message: str = "change",
        signed: bool = True,
        committer: str | None = None,
        trailers: Sequence[str] = (),
    ) -> str:
        """Commit files on the current branch; signed by the committer's key unless told."""
        author = self.person(by)
        other = self.person(committer) if committer else author
        return self.repo.commit(
            message,
            author=author.who,
            committer=other.who,
            sign_with=other.key if signed else None,
            trailers=trailers,
            files=files,
        )

    def propose(
        self,
        files: Mapping[str, str | bytes] | None = None,
        *,
        branch: str = "feature",
        by: str = "alice",
        change: str = CHG,
        at: str = "main",
        signed: bool = True,
        **request: str,
    ) -> str:
        """Open a branch with a request and the files it covers; return its head."""
        whole = {
            f"changes/2026/{change}.yaml": request_file(change, requester=by, **request),
            **(files if files is not None else {"src/app.py": "print('new')\n"}),
        }

        def make() -> str:
            self.repo.checkout(branch, create=True, at=at)
            return self.commit(whole, by=by, signed=signed)

        return Kept.step(
            self.repo, ("propose", whole, branch, by, at, signed, self.who_signs), make
        )

    def on_main(self, files: Mapping[str, str | bytes], *, by: str = "carol") -> str:
        """Let something land on main, as an administrator would; return the new tip."""
        here = self.repo.here()
        self.repo.checkout("main")
        tip = self.commit(files, by=by)
        self.repo.checkout(here)
        return tip

    def inputs(
        self,
        head: str = "feature",
        *,
        base: str = "main",
        draft: bool = False,
        recorded: bool = True,
    ) -> Inputs:
        """Gather for merging head into base; unless `recorded`, whatever the log says of base."""
        with open_view(discover(self.repo.path)) as view:
            look_up(view, (f"refs/heads/{base}", head), copies_of=APPROVALS_BRANCH)
            return gather(
                view,
                target=f"refs/heads/{base}",
                base=find_commit(view, f"refs/heads/{base}"),
                head=find_commit(view, head),
                now=self.now,
                draft=draft,
                recorded=recorded,
            )

    def check(self, head: str = "feature", *, base: str = "main", draft: bool = False) -> Decision:
        """Decide on merging head into base. Raises GateError where the command ends with 2."""
        return decide(self.inputs(head, base=base, draft=draft))

    def refusal(self, head: str = "feature", *, base: str = "main") -> str:
        """Return the code of the error with which the gate says that it cannot decide."""
        try:
            decision = self.check(head, base=base)
        except GateError as error:
            return error.code
        raise AssertionError(f"it was decided: {decision.outcome}")

    def state(
        self,
        verdict: Verdict,
        by: str,
        *,
        head: str = "feature",
        base: str = "main",
        change: str = CHG,
        reason: str | None = None,
        roles: Sequence[str] = (),
        at: datetime | None = None,
        recorded: bool = True,
        **edits: object,
    ) -> Filed:
        """Let somebody sign a statement about what `head` proposes; `edits` change the predicate.

        It goes through the signing desk, but past its refusals: a case may sign what it likes.
        """
        inputs = self.inputs(head, base=base, recorded=recorded)
        decision = decide(inputs)
        policies = compile_policies(inputs.judge)
        roster = build_roster(policies.people)
        signer = self.person(by)
        known = roster.by_key.get(signer.fingerprint)
        statement = make_statement(
            verdict,
            change=next(one.change for one in asked_of(inputs) if one.change.metadata.id == change),
            judged=next(one for one in decision.changes if one.id == change),
            facts=inputs.facts,
            policies=policies,
            roster=roster,
            signer=known or roster.persons["erin"].model_copy(update={"id": by}),
            roles=tuple(roles),
            now=at or self.now,
            reason=reason,
        )
        if edits:
            predicate: ApprovalPredicate = statement.predicate.model_copy(update=edits)
            statement = approval_statement(predicate)
        return sign_statement(statement, key=str(signer.key), interactive=False)

    def file(self, filed: Filed) -> str:
        """Put a signed statement on the approvals branch; return the branch's tip."""
        return file_statement(
            discover(self.repo.path), filed, identity=("Desk", "desk@example.com"), now=self.now
        )

    def approve(self, *names: str, **options: object) -> None:
        """Let people approve what the branch feature proposes, each with their own key."""
        for name in names:
            how = ("approve", name, sorted(options.items()), self.now, self.who_signs)
            Kept.step(self.repo, how, lambda name=name: self._approve(name, **options))  # type: ignore[misc]

    def _approve(self, name: str, **options: object) -> None:
        self.file(self.state("approve", name, **options))  # type: ignore[arg-type]

    def reject(self, name: str, **options: object) -> None:
        """Let somebody reject the change."""
        options.setdefault("reason", "not like this")
        self.file(self.state("reject", name, **options))  # type: ignore[arg-type]

    def vouch(self, name: str, commit: str) -> None:
        """Let somebody vouch for a commit."""
        statement = vouch_statement(
            VouchPredicate(
                repository="example.com/acme/payments",
                commit=commit,
                author="whoever",
                signer=name,
                issued_at=self.now,
                reason="I was handed it in person.",
            )
        )
        self.file(sign_statement(statement, key=str(self.person(name).key), interactive=False))

    def later(self, **length: int) -> None:
        """Let time pass."""
        self.now += timedelta(**length)


def request_file(
    change: str = CHG,
    *,
    requester: str = "alice",
    scope: str = '"src/**", "deploy/**", "db/**"',
    title: str = "A change",
    extra: str = "",
    services: str = "payments-api",
    kind: str = "normal",
    model: str = "",
) -> str:
    """Return the text of a request of a type; `extra` is more YAML below spec."""
    return (
        "apiVersion: itil-gate/v1\n"
        "kind: ChangeRequest\n"
        f"metadata: {{id: {change}, title: {title}, requester: {requester}}}\n"
        "spec:\n"
        f"  type: {kind}\n{f'  model: {model}' if model else ''}\n"
        f"  services: [{services}]\n"
        "  environments: [production]\n"
        f"  scope: [{scope}]\n"
        "  reason: It is needed.\n"
        f"{extra}"
    )


def people_file(
    keyring: Keyring,
    *,
    roles: Mapping[str, Sequence[str]] | None = None,
    only: Sequence[str] | None = None,
    extra: str = "",
    machines: str = MACHINES,
) -> str:
    """Return people.yaml with the five people and the machines; `extra` is more YAML at the end."""
    text = keyring.people_yaml(ROLES if roles is None else roles, only=only)
    head, mark, tail = text.partition("roles:\n")
    return f"{head}{machines}{mark}{tail}{extra}"


def adopt(repo: Repo, keyring: Keyring, **files: str) -> None:
    """Make the first commit of a repository that has adopted the gate."""
    repo.commit(
        "adopt the gate",
        author=keyring.carol.who,
        sign_with=keyring.carol.key,
        files={
            "itil-gate.yaml": files.get("config", CONFIG),
            "people.yaml": files.get("people", people_file(keyring)),
            "services/payments.yaml": files.get("services", SERVICES),
            "policies/risk.yaml": files.get("risk", RISK),
            "policies/approvals.yaml": files.get("approvals", APPROVALS),
            "src/app.py": "print('old')\n",
            "src/lib.py": "".join(f"line {number}\n" for number in range(40)),
            "deploy/app.yaml": "replicas: 3\n",
            "db/schema.sql": "create table t (id int);\n",
            "docs/index.md": "# Hello\n",
        },
    )


def copy_world(template: Path, path: Path, keyring: Keyring) -> World:
    """Return a world of its own, copied from a template repository."""
    shutil.copytree(template, path, symlinks=True)
    return World(Repo(path), keyring)


def stranger(directory: Path, name: str) -> Person:
    """Return somebody with a key whom nobody knows."""
    return make_person(directory, name)


def only(decision: Decision) -> ChangeVerdict:
    """Return the verdict on the one change of a decision."""
    (verdict,) = decision.changes
    return verdict


def entry(decision: Decision, person: str, *, counted: bool | None = None) -> LedgerEntry:
    """Return the one ledger entry of a person, or the one that did or did not count."""
    mine = [
        one
        for one in only(decision).ledger
        if one.person == person and counted in (None, one.counted)
    ]
    assert len(mine) == 1, [(one.person, one.code, one.counted) for one in only(decision).ledger]
    return mine[0]


def findings(decision: Decision, rule: str) -> tuple[Finding, ...]:
    """Return everything found under a rule, for the merge and for its changes."""
    states = [*decision.rules, *(state for one in decision.changes for state in one.rules)]
    return tuple(finding for state in states if state.rule == rule for finding in state.findings)


def broken(decision: Decision) -> set[str]:
    """Return the rules that deny or keep waiting."""
    states = [*decision.rules, *(state for one in decision.changes for state in one.rules)]
    return {state.rule for state in states if state.state in ("UNSATISFIED", "PENDING")}
