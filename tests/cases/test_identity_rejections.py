"""What somebody last said stands: rejections through new heads, and no approval out of order."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import listed, set_people
from support.world import (
    CHG,
    MACHINES,
    OTHER,
    ROLES,
    broken,
    entry,
    findings,
    only,
    people_file,
    request_file,
    stranger,
)

from itil_gate.release.signing_desk import Filed, sign_statement
from itil_gate.signing.statement import approval_statement, read_statement

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

    from itil_gate.model.decision import Decision

REQUEST = f"changes/2026/{CHG}.yaml"
OTHERS = f"changes/2026/{OTHER}.yaml"


def rename_request(world: World, **options: str) -> str:
    """Replace the request of the branch by one with another id, in a further commit."""
    world.repo.remove(REQUEST)
    return world.commit({OTHERS: request_file(OTHER, **options)})


def codes(decision: Decision) -> list[str]:
    """Return the codes of the ledger, sorted."""
    return sorted(one.code for one in only(decision).ledger)


def without_roles(world: World, filed: Filed, *, by: str) -> Filed:
    """Sign a statement again that claims no role; the desk claims every role that is held."""
    said = read_statement(filed.path, filed.data).approval
    assert said is not None
    statement = approval_statement(said.model_copy(update={"roles": ()}))
    return sign_statement(statement, key=str(world.person(by).key), interactive=False)


@case("307")
def test_a_rejection_survives_an_empty_commit_and_every_other_push(world: World) -> None:
    world.propose()
    world.reject("carol", reason="No backout.")
    world.commit()
    world.commit({"src/app.py": "print('better')\n"})
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"open-rejection"}
    (found,) = findings(decision, "open-rejection")
    assert found.message == "carol rejected the change: No backout."


@case("307")
def test_a_rejection_survives_a_squash_and_a_rebase(world: World) -> None:
    world.propose()
    world.commit({"src/lib.py": "x\n"})
    world.reject("carol")
    tree = world.repo.tree()
    world.on_main({"src/other.py": "moved on\n"})
    world.repo.checkout("feature", create=True, at="main")
    world.repo.git("read-tree", "-u", "--reset", tree)
    world.commit()
    assert "open-rejection" in broken(world.check())


def test_a_contributor_may_reject(world: World) -> None:
    world.propose()
    world.approve("bob")
    world.reject("alice")
    assert broken(world.check()) == {"open-rejection"}


def test_a_strangers_rejection_rejects_nothing(world: World, tmp_path: Path) -> None:
    world.people["mallory"] = stranger(tmp_path, "mallory")
    world.propose()
    world.approve("bob")
    world.file(world.state("reject", "mallory", signer="carol"))
    decision = world.check()
    assert decision.outcome == "allow"
    assert "unknown-key" in codes(decision)


@pytest.mark.parametrize(("later", "outcome"), [("approve", "allow"), ("withdraw", "pending")])
def test_a_rejection_ends_by_its_authors_later_statement(
    world: World, later: str, outcome: str
) -> None:
    world.propose()
    world.reject("carol")
    world.file(world.state(later, "carol"))  # type: ignore[arg-type]
    decision = world.check()
    assert decision.outcome == outcome
    assert entry(decision, "carol", counted=False).code == "superseded"


@pytest.mark.parametrize("verdict", ["approve", "withdraw", "withdraw-change"])
def test_a_rejection_does_not_end_by_somebody_elses_word(world: World, verdict: str) -> None:
    world.propose()
    world.reject("carol")
    world.file(world.state(verdict, "dave"))  # type: ignore[arg-type]
    assert "open-rejection" in broken(world.check())


def test_a_rejection_in_one_role_ends_with_the_role(world: World) -> None:
    world.propose()
    world.approve("bob")
    world.reject("carol", roles=["change-authority"])
    assert world.check().outcome == "deny"
    roles = {**ROLES, "change-authority": ["dave"]}
    world.on_main({"people.yaml": people_file(world.keyring, roles=roles)})
    decision = world.check()
    assert decision.outcome == "allow"
    assert entry(decision, "carol").code == "role-lost"


def test_a_rejection_in_several_roles_holds_while_one_is_left(world: World) -> None:
    world.propose()
    world.reject("carol", roles=["peer", "change-authority"])
    roles = {**ROLES, "change-authority": ["dave"]}
    world.on_main({"people.yaml": people_file(world.keyring, roles=roles)})
    decision = world.check()
    assert "open-rejection" in broken(decision)
    assert entry(decision, "carol").roles == ("peer",)


def test_a_rejection_in_no_role_at_all_holds(world: World) -> None:
    world.propose()
    world.approve("bob")
    world.file(without_roles(world, world.state("reject", "carol"), by="carol"))
    assert broken(world.check()) == {"open-rejection"}
    rename_request(world)
    assert "open-rejection" in broken(world.check())


@pytest.mark.xfail(
    reason="a key that is not listed any more cannot be told from a stranger's; keeping retired "
    "keys in people.yaml is a question of design",
    strict=True,
)
def test_a_rejection_outlives_the_key_it_was_signed_with(world: World, tmp_path: Path) -> None:
    world.propose()
    world.reject("carol")
    new = replace(stranger(tmp_path, "carol"), id="carol", email=world.keyring.carol.email)
    people = people_file(
        world.keyring, only=["alice", "bob", "dave", "erin"], machines=MACHINES + listed(new)
    )
    world.on_main({"people.yaml": people})
    assert "open-rejection" in broken(world.check())


def test_a_rejection_binds_to_its_target(world: World) -> None:
    world.repo.branch("release", "main")
    world.propose()
    world.approve("bob", base="release")
    world.reject("carol")
    assert world.check(base="release").outcome == "allow"
    assert world.check().outcome == "deny"


def test_a_request_under_a_new_id_inherits_the_rejection(world: World) -> None:
    world.propose()
    world.reject("carol")
    rename_request(world)
    world.approve("bob", change=OTHER)
    decision = world.check()
    assert broken(decision) == {"open-rejection"}
    (found,) = findings(decision, "open-rejection")
    assert found.message == f"carol rejected {CHG}, which asked for the same work"


def test_what_grew_out_of_rejected_work_inherits_it_whoever_asks(world: World) -> None:
    world.propose()
    world.reject("carol")
    rename_request(world, requester="bob")
    world.commit({"src/app.py": "print('better')\n"})
    assert "open-rejection" in broken(world.check())


def test_asking_again_from_a_new_branch_inherits_it_too(world: World) -> None:
    world.propose()
    world.reject("carol")
    world.propose({"src/app.py": "print('again')\n"}, branch="again", change=OTHER)
    assert "open-rejection" in broken(world.check("again"))


def test_the_same_content_inherits_it_whoever_asks(world: World) -> None:
    """A squashed branch in a colleague's name is still the work that was rejected."""
    world.propose()
    world.reject("carol")
    world.propose(branch="again", change=OTHER, by="bob")
    world.approve("erin", head="again", change=OTHER)
    assert broken(world.check("again")) == {"open-rejection"}


def test_other_work_elsewhere_inherits_nothing(world: World) -> None:
    world.propose(scope='"src/**"')
    world.reject("carol")
    world.propose({"deploy/app.yaml": "replicas: 4\n"}, branch="again", change=OTHER)
    assert "open-rejection" not in broken(world.check("again"))


def test_other_work_by_somebody_else_inherits_nothing(world: World) -> None:
    world.propose()
    world.reject("carol")
    world.propose({"src/app.py": "print('else')\n"}, branch="again", change=OTHER, by="bob")
    assert "open-rejection" not in broken(world.check("again"))


def test_an_inherited_rejection_ends_where_it_was_made(world: World) -> None:
    old = world.propose()
    world.reject("carol")
    rename_request(world)
    world.file(world.state("withdraw", "carol", head=old))
    assert "open-rejection" not in broken(world.check())


def test_work_that_was_landed_under_its_name_leaves_no_rejection_behind(world: World) -> None:
    world.propose()
    world.reject("carol")
    world.repo.checkout("main")
    world.repo.git("merge", "--quiet", "--ff-only", "feature")
    world.propose({"src/app.py": "print('next')\n"}, branch="next", change=OTHER)
    assert "open-rejection" not in broken(world.check("next"))


def test_an_amendment_that_was_rejected_and_renamed_inherits_the_rejection(world: World) -> None:
    """The request itself is on the target already; what was rejected is a second part of it."""
    world.commit({REQUEST: request_file()}, by="alice")
    world.repo.checkout("feature", create=True)
    world.commit({REQUEST: request_file(title="Part two"), "src/app.py": "print('two')\n"})
    world.reject("carol")
    world.commit({REQUEST: request_file(), OTHERS: request_file(OTHER)})
    assert "open-rejection" in broken(world.check())


def test_a_rejected_amendment_of_another_branch_is_not_inherited(world: World) -> None:
    """The request was landed, so asking for something else in its scope is not asking again."""
    world.commit({REQUEST: request_file()}, by="alice")
    world.repo.checkout("feature", create=True)
    world.commit({REQUEST: request_file(title="Part two"), "src/app.py": "print('two')\n"})
    world.reject("carol")
    world.repo.checkout("fresh", create=True, at="main")
    world.commit({REQUEST: request_file(title="Part three"), "src/app.py": "print('three')\n"})
    world.commit({REQUEST: request_file(), OTHERS: request_file(OTHER)})
    assert "open-rejection" not in broken(world.check("fresh"))


def test_a_rejection_filed_under_another_change_is_malformed(world: World) -> None:
    world.propose()
    filed = world.state("reject", "carol")
    world.file(Filed(filed.path.replace(CHG, OTHER), filed.data))
    world.propose(branch="other", change=OTHER)
    world.approve("bob", head="other", change=OTHER)
    decision = world.check("other")
    assert decision.outcome == "allow"
    assert codes(decision) == ["approved", "malformed"]


def test_a_statement_about_another_change_is_not_counted(world: World) -> None:
    """Signed whole and filed where it says, but it names what is not in this pull request."""
    world.propose()
    world.file(world.state("approve", "bob", change=CHG, repository="example.com/acme/other"))
    decision = world.check()
    assert entry(decision, "bob").code == "not-this-repository"
    assert decision.outcome == "pending"


def test_the_requester_withdraws_the_change_and_takes_that_back(world: World) -> None:
    world.propose()
    world.approve("bob")
    world.file(world.state("withdraw-change", "alice"))
    world.commit()
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"withdrawn-change"}
    world.file(world.state("withdraw", "alice"))
    assert world.check().outcome == "allow"


def test_nobody_else_withdraws_the_change(world: World) -> None:
    world.propose()
    world.approve("bob")
    world.file(world.state("withdraw-change", "carol"))
    decision = world.check()
    assert decision.outcome == "allow"
    assert entry(decision, "carol").code == "not-the-requester"


def test_a_withdrawn_approval_never_comes_back(world: World) -> None:
    world.propose()
    first = world.state("approve", "bob")
    world.file(first)
    world.file(world.state("withdraw", "bob"))
    assert world.check().outcome == "pending"
    world.file(first)
    decision = world.check()
    assert decision.outcome == "pending"
    assert codes(decision) == ["superseded", "withdrawn"]
    world.later(minutes=1)
    world.approve("bob")
    assert world.check().outcome == "allow"


def test_an_approval_whose_predecessor_is_missing_is_not_counted(world: World) -> None:
    world.propose()
    missing = hashlib.sha256(b"never filed").hexdigest()
    world.file(world.state("approve", "bob", previous=(missing,)))
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "bob").code == "missing-predecessor"


def test_removing_a_withdrawal_from_a_chain_brings_no_approval_back(world: World) -> None:
    world.propose()
    world.approve("bob")
    withdrawn = world.state("withdraw", "bob")
    predecessor = withdrawn.path.rpartition("/")[2].removesuffix(".stmt")
    world.file(world.state("reject", "bob", previous=(predecessor,), at=world.now))
    decision = world.check()
    assert decision.outcome == "deny"
    assert "missing-predecessor" in codes(decision)


def test_a_hole_in_a_chain_takes_no_rejection_away(world: World) -> None:
    world.propose()
    missing = hashlib.sha256(b"never filed").hexdigest()
    world.file(world.state("reject", "carol", previous=(missing,)))
    assert "open-rejection" in broken(world.check())


@pytest.mark.parametrize(
    ("one", "other", "broken_by"),
    [
        ("approve", "reject", "open-rejection"),
        ("approve", "withdraw", "missing-approval"),
        ("withdraw", "reject", "open-rejection"),
    ],
)
def test_on_a_fork_the_more_negative_word_wins(
    world: World, one: str, other: str, broken_by: str
) -> None:
    world.propose()
    forked = [
        world.state(verdict, "bob", at=at)  # type: ignore[arg-type]
        for verdict, at in ((other, world.now), (one, world.now + timedelta(seconds=5)))
    ]
    for filed in forked:
        world.file(filed)
    decision = world.check()
    assert broken_by in broken(decision)
    assert "forked" in codes(decision)


def test_order_on_the_branch_and_dates_decide_nothing(world: World) -> None:
    """The later word is filed first and dated earlier; the chain says which it is."""
    world.propose()
    first = world.state("approve", "bob")
    digest = first.path.rpartition("/")[2].removesuffix(".stmt")
    earlier = world.now - timedelta(hours=1)
    second = world.state("withdraw", "bob", previous=(digest,), at=earlier)
    world.file(second)
    world.file(first)
    decision = world.check()
    assert decision.outcome == "pending"
    assert codes(decision) == ["superseded", "withdrawn"]


def test_statements_of_a_machine_reject_and_never_approve(world: World, tmp_path: Path) -> None:
    world.people["gadget"] = stranger(tmp_path, "gadget")
    set_people(world, more=listed(world.people["gadget"], kind="bot"))
    world.propose()
    world.approve("bob", "gadget")
    assert entry(world.check(), "gadget").code == "bot"
    world.reject("gadget")
    assert broken(world.check()) == {"open-rejection"}


def test_of_two_requests_in_one_pull_request_one_may_be_rejected(world: World) -> None:
    world.propose({OTHERS: request_file(OTHER), "src/app.py": "1\n"})
    for change in (CHG, OTHER):
        world.approve("bob", change=change)
    assert world.check().outcome == "allow"
    world.reject("carol", change=OTHER)
    decision = world.check()
    assert decision.outcome == "deny"
    assert {one.id: one.outcome for one in decision.changes} == {CHG: "allow", OTHER: "deny"}
