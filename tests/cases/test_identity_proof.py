"""A name in a commit is a claim. Signatures, vouches and the forge prove; nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import account, check_pull_request, listed, reasons, set_people
from support.world import (
    CHG,
    broken,
    entry,
    findings,
    only,
    people_file,
    stranger,
)

from itil_gate.model.statement import VouchPredicate
from itil_gate.release.signing_desk import sign_statement
from itil_gate.signing.statement import vouch_statement

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

MEDIUM = {"deploy/app.yaml": "replicas: 4\n"}
VENDOR = ("Vendor", "vendor@elsewhere.example")


def vouch_saying(world: World, commit: str, *, by: str, **edits: str) -> None:
    """File a vouch whose predicate says something else than the truth."""
    predicate = VouchPredicate(
        repository="example.com/acme/payments",
        commit=commit,
        author="whoever",
        signer=by,
        issued_at=world.now,
        reason="Trust me.",
    ).model_copy(update=edits)
    key = str(world.person(by).key)
    world.file(sign_statement(vouch_statement(predicate), key=key, interactive=False))


def extra_needed(world: World, head: str = "feature") -> bool:
    """Tell whether low risk asks for one approval more, because something is not proved."""
    return "unproved-contributor" in {one.id for one in only(world.check(head)).requirements}


@case("306")
def test_low_risk_without_proof_needs_one_approval_more(world: World) -> None:
    world.propose(signed=False)
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    assert {one.id: one.needed for one in only(decision).requirements} == {
        "review": 1,
        "unproved-contributor": 1,
    }
    world.approve("erin")
    assert world.check().outcome == "allow"


@case("306")
@pytest.mark.parametrize("path", ["deploy/app.yaml", "db/schema.sql", "policies/risk.yaml"])
def test_from_medium_risk_on_it_is_refused(world: World, path: str) -> None:
    text = (world.repo.path / path).read_text() + "# one line more\n"
    world.propose({path: text}, signed=False, scope=f'"{path}"')
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"unproved-contributor"}


@case("306")
def test_one_commit_in_somebodys_name_among_signed_ones_is_enough(world: World) -> None:
    """Dave commits as Carol, without a signature, and approves with his own key."""
    world.propose(MEDIUM)
    forged = world.commit({"deploy/app.yaml": "replicas: 5\n"}, by="carol", signed=False)
    world.approve("dave")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "unproved-contributor")
    assert forged[:12] in found.message
    carol = next(one for one in decision.contributors if one.person == "carol")
    assert not carol.proved


def test_a_signature_by_a_key_of_nobody_proves_nothing(world: World, tmp_path: Path) -> None:
    world.propose(MEDIUM)
    world.repo.commit(
        "mine",
        author=world.keyring.alice.who,
        sign_with=stranger(tmp_path, "mallory").key,
        files={"src/lib.py": "x\n"},
    )
    assert broken(world.check()) == {"unproved-contributor", "missing-approval"}


def test_a_signature_copied_from_another_commit_is_bad(world: World) -> None:
    signed = world.propose(MEDIUM)
    raw = world.repo.raw("cat-file", "commit", signed)
    copied = raw.replace(b"\n\nchange", b"\n\nanother", 1)
    assert copied != raw
    world.repo.branch("copied", world.repo.raw_object("commit", copied))
    decision = world.check("copied")
    assert "unproved-contributor" in broken(decision)
    (commit,) = world.inputs("copied").facts.commits
    assert (commit.signature.kind, commit.signature.status) == ("ssh", "bad")


def test_a_signature_meant_for_something_else_proves_nothing(world: World) -> None:
    """Carol's signature of a statement is not her signature of a commit."""
    unsigned = world.propose(signed=False)
    filed = world.state("approve", "carol")
    armored = filed.data.partition(b"\n")[2].rstrip(b"\n")
    raw = world.repo.raw("cat-file", "commit", unsigned)
    header = b"gpgsig " + armored.replace(b"\n", b"\n ")
    head, _, body = raw.partition(b"\n\n")
    world.repo.branch(
        "forged", world.repo.raw_object("commit", head + b"\n" + header + b"\n\n" + body)
    )
    assert extra_needed(world, "forged")
    assert reasons(world.check("forged"), "carol") == ()


def test_a_signature_of_any_listed_person_proves_and_excludes_them(world: World) -> None:
    world.propose()
    world.repo.commit(
        "as alice",
        author=world.keyring.alice.who,
        sign_with=world.keyring.bob.key,
        files={"src/lib.py": "x\n"},
    )
    assert not extra_needed(world)
    assert "signer of " in " ".join(reasons(world.check(), "bob"))


def test_the_forge_proves_by_who_pushed(world: World) -> None:
    world.propose(MEDIUM, signed=False)
    world.approve("bob")
    alice = account("alice")
    assert check_pull_request(world, opener=alice, pushers=[alice]).outcome == "allow"
    assert "unproved-contributor" in broken(check_pull_request(world, opener=alice))
    unknown = account("mallory", 666)
    denied = check_pull_request(world, opener=alice, pushers=[alice, unknown])
    assert "unproved-contributor" in broken(denied)


def test_a_commit_of_nobody_blocks(world: World) -> None:
    world.propose()
    world.repo.commit("patch", author=VENDOR, files={"src/lib.py": "x\n"})
    world.approve("bob", "erin")
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"unattributable-commit"}
    (found,) = findings(decision, "unattributable-commit")
    assert "vendor@elsewhere.example" in found.message


@pytest.mark.parametrize("role", ["author", "committer"])
def test_a_vouch_lets_an_outsiders_commit_pass(world: World, role: str) -> None:
    world.propose(MEDIUM)
    alice = world.keyring.alice
    commit = world.repo.commit(
        "patch",
        author=VENDOR if role == "author" else alice.who,
        committer=VENDOR if role == "committer" else alice.who,
        files={"src/lib.py": "x\n"},
    )
    assert "unattributable-commit" in broken(world.check())
    world.vouch("erin", commit)
    world.approve("bob")
    assert world.check().outcome == "allow"


def test_whoever_vouches_does_not_approve(world: World) -> None:
    world.propose(MEDIUM)
    commit = world.repo.commit("patch", author=VENDOR, files={"src/lib.py": "x\n"})
    world.approve("bob")
    world.vouch("bob", commit)
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "bob").detail == f"voucher of {commit[:12]}"
    assert only(decision).requirements[0].eligible == ("dave",)


def test_one_may_vouch_for_ones_own_commit(world: World) -> None:
    head = world.propose(MEDIUM, signed=False)
    world.vouch("alice", head)
    world.approve("bob")
    assert world.check().outcome == "allow"


def test_a_vouch_for_a_commit_in_a_third_persons_name_proves_nothing(world: World) -> None:
    world.propose(MEDIUM)
    forged = world.commit({"deploy/app.yaml": "replicas: 5\n"}, by="carol", signed=False)
    world.vouch("erin", forged)
    decision = world.check()
    assert "unproved-contributor" in broken(decision)
    assert reasons(decision, "erin") == (f"voucher of {forged[:12]}",)


def test_a_vouch_for_one_commit_says_nothing_of_the_next(world: World) -> None:
    world.propose()
    first = world.repo.commit("patch", author=VENDOR, files={"src/lib.py": "x\n"})
    world.vouch("erin", first)
    assert broken(world.check()) == {"missing-approval"}
    world.repo.git("commit", "--quiet", "--amend", "--no-edit", "--date=@1767700000 +0000")
    assert "unattributable-commit" in broken(world.check())


@pytest.mark.parametrize(
    "edits",
    [{"repository": "example.com/acme/other"}, {"signer": "carol"}],
    ids=["for another repository", "in somebody else's name"],
)
def test_a_vouch_that_says_otherwise_is_none(world: World, edits: dict[str, str]) -> None:
    world.propose()
    commit = world.repo.commit("patch", author=VENDOR, files={"src/lib.py": "x\n"})
    vouch_saying(world, commit, by="erin", **edits)
    assert "unattributable-commit" in broken(world.check())


def test_nobody_and_no_machine_can_vouch(world: World, tmp_path: Path) -> None:
    world.people["gadget"] = stranger(tmp_path, "gadget")
    world.people["mallory"] = stranger(tmp_path, "mallory")
    set_people(world, more=listed(world.people["gadget"], kind="bot"))
    world.propose()
    commit = world.repo.commit("patch", author=VENDOR, files={"src/lib.py": "x\n"})
    for name in ("gadget", "mallory"):
        vouch_saying(world, commit, by=name)
    assert "unattributable-commit" in broken(world.check())


def test_an_approval_is_no_vouch_and_a_vouch_no_approval(world: World) -> None:
    world.propose()
    commit = world.repo.commit("patch", author=VENDOR, files={"src/lib.py": "x\n"})
    world.approve("bob")
    assert "unattributable-commit" in broken(world.check())
    world.vouch("erin", commit)
    decision = world.check()
    assert decision.outcome == "allow"
    assert only(decision).requirements[0].counted == ("bob",)


def test_an_outsiders_commit_matters_only_where_something_is_governed(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.repo.commit("typo", author=VENDOR, files={"docs/index.md": "# Hallo\n"})
    assert world.check().outcome == "allow"


def test_a_pull_request_cannot_list_its_own_author(world: World, tmp_path: Path) -> None:
    mallory = stranger(tmp_path, "mallory")
    world.people["mallory"] = mallory
    people = people_file(world.keyring, machines=listed(mallory))
    world.propose({"people.yaml": people}, scope="people.yaml")
    world.commit({"src/lib.py": "x\n"}, by="mallory")
    decision = world.check()
    assert "unattributable-commit" in broken(decision)
    sides = {one.side: one.state for one in decision.rules if one.rule == "unattributable-commit"}
    assert sides == {"target": "UNSATISFIED", "proposed": "SATISFIED"}
    assert decision.changes[0].id == CHG
