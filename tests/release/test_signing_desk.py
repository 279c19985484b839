"""The signing desk: what a statement binds, what it follows, and where it is filed."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.repository import Keyring, Repo
from support.world import CHG, NOW, OTHER, World, adopt, people_file, stranger

from itil_gate.decide.gate import decide, read_requests
from itil_gate.decide.roster import build_roster
from itil_gate.git.discover import discover
from itil_gate.git.tree import blob_at
from itil_gate.git.view import open_view
from itil_gate.model.errors import GateError, SigningError
from itil_gate.model.statement import VOUCH_TYPE, BoundRequirement
from itil_gate.policy.compile import compile_policies
from itil_gate.release.signing_desk import (
    Filed,
    bound_requirements,
    file_statement,
    held_roles,
    latest,
    make_retraction,
    make_statement,
    place_of,
    sign_statement,
)
from itil_gate.signing.statement import approval_statement, read_statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.roster import Roster
    from itil_gate.model.decision import Decision, RequirementState
    from itil_gate.model.facts import Inputs, StatementFact
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.statement import ApprovalPredicate, ApprovalStatement, Verdict

HERE = "example.com/acme/payments"
MAIN = "refs/heads/main"
AGED = """\
apiVersion: itil-gate/v1
kind: ApprovalPolicy
metadata: {name: approvals, owner: change-authority, reviewBy: 2027-01-01}
spec:
  requirements:
    - {id: review, levels: [low], role: peer, min: 1}
    - {id: owner, levels: [medium, high, critical], role: service-owner, of: footprint, min: 1}
    - {id: authority, levels: [medium, high, critical], role: change-authority, percent: 50}
  counting:
    - {levels: [low], maxAge: 3d}
    - {levels: [medium, high, critical], maxAge: 2d}
"""
LENT = """\
delegations:
  - {delegator: carol, delegate: erin, role: change-authority,
     start: 2026-01-01T00:00:00Z, end: 2026-03-03T00:00:00Z}
"""


@pytest.fixture
def world(tmp_path: Path, keyring: Keyring) -> World:
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring, approvals=AGED, people=people_file(keyring, extra=LENT))
    return World(repo, keyring)


class Desk:
    """The world as the desk sees it when somebody sits down to sign."""

    def __init__(self, world: World) -> None:
        self.inputs: Inputs = world.inputs()
        self.decision: Decision = decide(self.inputs)
        self.policies: PolicySet = compile_policies(self.inputs.judge)
        self.roster: Roster = build_roster(self.policies.people)

    def make(
        self, name: str, verdict: Verdict = "approve", *, roles: Sequence[str] = ()
    ) -> ApprovalPredicate:
        asked, _ = read_requests(self.inputs.requests)
        statement = make_statement(
            verdict,
            change=asked[0].change,
            judged=self.decision.changes[0],
            facts=self.inputs.facts,
            policies=self.policies,
            roster=self.roster,
            signer=self.roster.persons[name],
            roles=roles,
            now=NOW,
            reason="seen",
        )
        return statement.predicate

    def retract(self, name: str, **changed: str) -> ApprovalPredicate:
        asked = {"change": CHG, "target": MAIN, "repository": HERE} | changed
        statement = make_retraction(
            self.inputs.facts.statements,
            signer=self.roster.persons[name],
            roster=self.roster,
            now=NOW + timedelta(hours=1),
            reason="thought again",
            **asked,
        )
        return statement.predicate

    def follows(self, name: str, change: str = CHG) -> tuple[str, ...]:
        facts = self.inputs.facts
        return latest(facts.statements, change, self.roster.persons[name], self.roster, facts=facts)


def digest_of(filed: Filed) -> str:
    return Path(filed.path).stem


def put(world: World, verdict: Verdict, name: str, **edits: object) -> str:
    """File a statement of somebody; return its digest."""
    filed = world.state(verdict, name, **edits)  # type: ignore[arg-type]
    world.file(filed)
    return digest_of(filed)


def test_a_statement_binds_all_that_was_shown(world: World) -> None:
    head = world.propose({"deploy/app.yaml": "replicas: 4\n"})
    said = Desk(world).make("bob")
    request = world.repo.raw("show", f"{head}:changes/2026/{CHG}.yaml")
    facts = world.inputs().facts
    assert (said.repository, said.target, said.change) == (HERE, MAIN, CHG)
    assert (said.verdict, said.signer, said.requester) == ("approve", "bob", "alice")
    assert said.request == hashlib.sha256(request).hexdigest()
    assert said.request_path == f"changes/2026/{CHG}.yaml"
    assert said.scope == ("src/**", "deploy/**", "db/**")
    assert (said.content, said.merge_base) == (facts.content, world.repo.tip("main"))
    assert (said.head, said.tree) == (head, world.repo.tree(head))
    assert (said.risk, said.reason, said.previous) == ("medium", "seen", ())
    assert said.requirements == (
        BoundRequirement(role="service-owner", service="payments-api", min=1),
        BoundRequirement(role="change-authority", percent=50),
    )
    assert (said.issued_at, said.expires_at) == (NOW, NOW + timedelta(days=2))


def test_a_statement_lasts_as_long_as_its_level_allows(world: World) -> None:
    world.propose()
    said = Desk(world).make("bob")
    assert (said.risk, said.expires_at) == ("low", NOW + timedelta(days=3))


def test_a_target_that_does_not_exist_leaves_nothing_to_bind(world: World) -> None:
    world.propose()
    desk = Desk(world)
    facts = desk.inputs.facts.model_copy(update={"merge_base": None})
    desk.inputs = desk.inputs.model_copy(update={"facts": facts})
    with pytest.raises(GateError) as caught:
        desk.make("bob")
    assert caught.value.code == "nothing-to-bind"


def test_who_names_roles_claims_those_and_who_names_none_claims_all(world: World) -> None:
    world.propose()
    desk = Desk(world)
    assert desk.make("dave", roles=["service-owner"]).roles == ("service-owner",)
    assert desk.make("dave").roles == ("peer", "change-authority", "service-owner")


def test_held_roles_are_those_of_this_moment_lent_ones_among_them(world: World) -> None:
    world.propose()
    roster = Desk(world).roster
    held = {
        name: held_roles(roster, roster.persons[name], now=NOW)
        for name in ("alice", "bob", "carol", "erin")
    }
    assert held == {
        "alice": ("peer",),
        "bob": ("peer", "service-owner"),
        "carol": ("peer", "change-authority"),
        "erin": ("peer", "change-authority"),
    }
    later = NOW + timedelta(days=7)
    assert held_roles(roster, roster.persons["erin"], now=later) == ("peer",)


def test_a_role_that_is_only_lent_is_held(world: World) -> None:
    world.propose()
    roster = Desk(world).roster
    lent = roster.people.delegations[0]
    assert lent.role in held_roles(roster, roster.persons[lent.delegate], now=NOW)


# What a statement follows.


def test_the_next_statement_follows_ones_own_latest(world: World) -> None:
    world.propose()
    assert Desk(world).follows("erin") == ()
    first = put(world, "approve", "erin")
    put(world, "approve", "bob")
    assert Desk(world).make("erin").previous == (first,)
    second = put(world, "reject", "erin", reason="no")
    assert Desk(world).follows("erin") == (second,)


def test_statements_about_other_changes_and_targets_are_not_followed(world: World) -> None:
    world.propose()
    own = put(world, "approve", "erin")
    put(world, "approve", "erin", target="refs/heads/release", previous=())
    about = world.state("approve", "erin", change=CHG, roles=["peer"])
    other = approval_statement(
        _predicate(about).model_copy(update={"change": OTHER, "previous": ()})
    )
    world.file(sign_statement(other, key=str(world.person("erin").key), interactive=False))
    desk = Desk(world)
    assert len(desk.inputs.facts.statements) == 3
    assert desk.follows("erin") == (own,)
    assert desk.follows("alice") == ()


def _predicate(filed: Filed) -> ApprovalPredicate:
    approval = read_statement(filed.path, filed.data).approval
    assert approval is not None
    return approval


def test_what_another_key_signed_in_ones_name_is_not_followed(world: World, tmp_path: Path) -> None:
    world.propose()
    mallory = stranger(tmp_path, "mallory")
    world.people["mallory"] = mallory
    put(world, "approve", "mallory", signer="erin")
    put(world, "approve", "bob", signer="erin")
    desk = Desk(world)
    assert len(desk.inputs.facts.statements) == 2
    assert desk.follows("erin") == ()
    with pytest.raises(GateError) as caught:
        desk.retract("erin")
    assert caught.value.code == "nothing-to-withdraw"


def broken(facts: Sequence[StatementFact]) -> tuple[StatementFact, ...]:
    """The same statements, with signatures that prove nothing."""
    return tuple(fact.model_copy(update={"status": "bad-signature"}) for fact in facts)


def test_a_statement_that_is_not_good_is_neither_followed_nor_withdrawn(world: World) -> None:
    world.propose()
    put(world, "approve", "erin")
    desk = Desk(world)
    facts = desk.inputs.facts
    assert desk.retract("erin").verdict == "withdraw"
    spoilt = facts.model_copy(update={"statements": broken(facts.statements)})
    desk.inputs = desk.inputs.model_copy(update={"facts": spoilt})
    assert desk.follows("erin") == ()
    with pytest.raises(GateError):
        desk.retract("erin")


def test_a_vouch_is_neither_followed_nor_withdrawn(world: World) -> None:
    world.propose()
    world.vouch("erin", world.repo.tip("feature"))
    desk = Desk(world)
    assert [fact.vouch is not None for fact in desk.inputs.facts.statements] == [True]
    assert desk.follows("erin") == ()
    with pytest.raises(GateError):
        desk.retract("erin")


# Taking back.


def test_a_withdrawal_repeats_what_was_bound_and_follows_it(world: World) -> None:
    head = world.propose({"deploy/app.yaml": "replicas: 4\n"})
    own = put(world, "approve", "dave", roles=["service-owner"])
    desk = Desk(world)
    said = desk.retract("dave")
    assert (said.verdict, said.signer, said.previous) == ("withdraw", "dave", (own,))
    assert (said.head, said.risk, said.reason) == (head, "medium", "thought again")
    assert said.roles == ("peer", "change-authority", "service-owner")
    assert said.issued_at == NOW + timedelta(hours=1)
    assert said.expires_at == NOW + timedelta(days=2, hours=1)


def test_a_withdrawal_follows_every_latest_statement(world: World) -> None:
    world.propose()
    first = world.state("approve", "erin")
    second = world.state("reject", "erin", reason="no")
    for filed in (first, second):
        world.file(filed)
    said = Desk(world).retract("erin")
    assert set(said.previous) == {digest_of(first), digest_of(second)}


@pytest.mark.parametrize(
    "changed",
    [{"change": OTHER}, {"target": "refs/heads/release"}, {"repository": "example.com/else"}],
)
def test_nothing_is_withdrawn_that_was_not_said_here(world: World, changed: dict[str, str]) -> None:
    world.propose()
    put(world, "approve", "erin")
    desk = Desk(world)
    with pytest.raises(GateError) as caught:
        desk.retract("erin", **changed)
    assert caught.value.code == "nothing-to-withdraw"
    with pytest.raises(GateError):
        desk.retract("bob")


# What is bound.


def test_what_both_policy_sets_ask_alike_is_bound_once(world: World) -> None:
    world.propose({"deploy/app.yaml": "replicas: 4\n"})
    state = Desk(world).decision.changes[0].requirements[0]

    def asked(*sides: str) -> list[RequirementState]:
        return [state.model_copy(update={"side": side}) for side in sides]

    one = BoundRequirement(role="service-owner", service="payments-api", min=1)
    assert bound_requirements(asked("target")) == (one,)
    assert bound_requirements(asked("proposed")) == (one,)
    assert bound_requirements(asked("target", "proposed")) == (one,)
    assert bound_requirements(asked("target", "proposed", "target")) == (one, one)
    assert bound_requirements(asked("proposed", "target", "proposed")) == (one, one)
    strict = state.model_copy(update={"distinct": False, "min": 2, "percent": 40})
    assert bound_requirements([strict]) == (
        BoundRequirement(
            role="service-owner", service="payments-api", min=2, percent=40, distinct=False
        ),
    )


# Signing and filing.


def statement_of(world: World, name: str) -> ApprovalStatement:
    return approval_statement(Desk(world).make(name))


def test_a_signature_that_would_not_count_is_not_handed_out(world: World, tmp_path: Path) -> None:
    world.propose()
    weak = tmp_path / "weak"
    command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", str(weak)]
    subprocess.run(command, check=True, timeout=60)
    with pytest.raises(SigningError) as caught:
        sign_statement(statement_of(world, "erin"), key=str(weak), interactive=False)
    assert caught.value.code == "signature-not-good"
    assert "unsupported-key" in caught.value.message


def test_a_signed_statement_is_filed_under_its_change_once(world: World) -> None:
    world.propose()
    filed = world.state("approve", "erin")
    before = (world.repo.tip("feature"), world.repo.git("status", "--porcelain"))
    when = NOW + timedelta(minutes=5)
    found = discover(world.repo.path)
    tip = file_statement(found, filed, identity=("Desk", "desk@example.com"), now=when)
    assert world.repo.tip("itil-gate-approvals") == tip
    shown = world.repo.git("log", "-1", "--format=%s|%cn|%ce|%ct", tip)
    assert shown == f"Add {CHG} statement|Desk|desk@example.com|{int(when.timestamp())}"
    assert (world.repo.tip("feature"), world.repo.git("status", "--porcelain")) == before
    with open_view(found) as view:
        assert blob_at(view, tip, filed.path) == filed.data
    again = file_statement(found, filed, identity=("Desk", "desk@example.com"), now=when)
    assert again == tip


def test_what_somebody_sent_has_its_place_by_its_content(world: World) -> None:
    world.propose()
    filed = world.state("approve", "erin")
    assert place_of(filed.data) == filed.path
    armored = filed.data.partition(b"\n")[2]

    def placed(signed: bytes) -> str:
        return place_of(signed + b"\n" + armored)

    def at(folder: str, signed: bytes) -> str:
        return f"{folder}/{hashlib.sha256(signed).hexdigest()}.stmt"

    said = {"predicate": {"commit": "1" * 40}, "predicateType": VOUCH_TYPE}
    vouch = json.dumps(said).encode()
    assert placed(vouch) == at("vouch", vouch)
    for unreadable in (b"", b"{}", b"[]", b"null", b"half{", b"\xff"):
        assert placed(unreadable) == "unreadable"
    assert place_of(b"one line") == "unreadable"
