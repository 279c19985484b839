"""Whoever had a hand in a change does not approve it, however their part reached the branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import account, check_pull_request, reasons, set_people
from support.repository import BOB, ERIN
from support.world import CHG, broken, entry, only, request_file

if TYPE_CHECKING:
    from support.world import World

LIB = "".join(f"line {number}\n" for number in range(40))


def test_whoever_took_no_part_may_approve(world: World) -> None:
    """What all other tests of this file vary."""
    world.propose()
    world.approve("bob")
    assert world.check().outcome == "allow"


@case("54")
def test_the_author_cannot_approve(world: World) -> None:
    world.propose()
    world.approve("alice")
    decision = world.check()
    assert decision.outcome == "pending"
    mine = entry(decision, "alice")
    assert (mine.counted, mine.code) == (False, "contributor")
    assert "requester" in mine.detail
    assert "author, committer and signer" in mine.detail


@case("56")
def test_a_second_contributor_cannot_approve(world: World) -> None:
    world.propose()
    world.commit({"src/lib.py": "bob was here\n"}, by="bob")
    world.approve("bob", "erin")
    decision = world.check()
    assert entry(decision, "bob").code == "contributor"
    assert entry(decision, "erin").counted
    assert decision.outcome == "allow"


@case("104")
@pytest.mark.parametrize("part", ["requester", "implementer"])
def test_requester_and_implementer_cannot_approve_even_without_a_commit(
    world: World, part: str
) -> None:
    request = (
        request_file(requester="carol")
        if part == "requester"
        else request_file(extra="  implementer: carol\n")
    )
    world.propose({"db/schema.sql": "drop table t;\n", f"changes/2026/{CHG}.yaml": request})
    world.approve("carol", "bob")
    decision = world.check()
    assert decision.outcome == "pending"
    mine = entry(decision, "carol")
    assert (mine.code, mine.detail) == ("contributor", part)
    assert reasons(decision, "carol") == ()


@case("104")
def test_an_implementer_nobody_knows_is_refused(world: World) -> None:
    world.propose(extra="  implementer: nobody-here\n")
    assert broken(world.check()) >= {"unknown-person"}


@case("59")
def test_commits_from_the_second_parent_of_a_merge_exclude_their_author(world: World) -> None:
    world.propose()
    world.repo.checkout("side", create=True, at="main")
    world.commit({"src/side.py": "1\n"}, by="bob")
    world.repo.checkout("feature")
    alice = world.keyring.alice
    world.repo.merge("side", author=alice.who, sign_with=alice.key)
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "bob").code == "contributor"


@case("59")
def test_every_parent_of_an_octopus_counts_and_so_does_its_merger(world: World) -> None:
    world.propose()
    for branch, person in (("one", "bob"), ("two", "erin")):
        world.repo.checkout(branch, create=True, at="main")
        world.commit({f"src/{branch}.py": "1\n"}, by=person)
    world.repo.checkout("feature")
    carol = world.keyring.carol
    world.repo.merge("one", "two", author=carol.who, sign_with=carol.key)
    decision = world.check()
    assert {one.person for one in decision.contributors} == {"alice", "bob", "carol", "erin"}
    assert only(decision).requirements[0].eligible == ("dave",)


@case("59")
def test_a_root_commit_that_is_merged_in_counts(world: World) -> None:
    world.propose()
    tree = world.repo.git("mktree", stdin=b"")
    root = world.repo.commit_tree(tree, author=BOB)
    alice = world.keyring.alice
    world.repo.merge(
        root,
        author=alice.who,
        sign_with=alice.key,
        strategy=("--allow-unrelated-histories",),
    )
    world.approve("bob")
    assert entry(world.check(), "bob").code == "contributor"


@case("60")
def test_a_branch_whose_only_commits_are_spared_brings_nothing_to_allow(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.on_main({"src/lib.py": "moved on\n"})
    world.repo.merge("main", author=world.keyring.bob.who)
    assert broken(world.check()) == {"empty-change"}


@case("60", "97")
def test_commits_of_a_machine_are_reviewed_like_any_others(world: World) -> None:
    robo = ("Robo", "robo@example.com")
    world.propose()
    world.repo.commit(
        "bump",
        author=robo,
        sign_with=world.keyring.alice.key,
        files={"src/lib.py": "generated\n"},
    )
    world.approve("bob")
    assert world.check().outcome == "allow"
    world.repo.commit(
        "bump", author=robo, sign_with=world.keyring.alice.key, files={"src/lib.py": "again\n"}
    )
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "bob").code == "stale"


@case("61", "66")
@pytest.mark.parametrize(
    "line",
    [
        "Co-authored-by: Bob Baker <bob@example.com>",
        "co-authored-by: B <BOB@Example.com>",
        "Co-Authored-By: Erin Ellis <erin@example.com>, Bob Baker <bob@example.com>",
        "Co-authored-by: Bob Baker <1002+bob@users.noreply.github.com>",
        "Co-authored-by: Bob Baker <1002+formerly-bob@users.noreply.github.com>",
        "Co-authored-by: Bob Baker <bob@users.noreply.github.com>",
    ],
)
def test_a_co_author_cannot_approve(world: World, line: str) -> None:
    world.propose()
    world.commit({"src/lib.py": "suggested\n"}, trailers=[line])
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    mine = entry(decision, "bob")
    assert mine.code == "contributor"
    assert mine.detail.startswith("co-author of ")


@case("61")
def test_an_account_of_another_number_under_an_old_login_is_somebody_else(world: World) -> None:
    world.propose()
    line = "Co-authored-by: New Bob <77+bob@users.noreply.github.com>"
    world.commit({"src/lib.py": "suggested\n"}, trailers=[line])
    world.approve("bob")
    assert world.check().outcome == "allow"


@case("64")
def test_an_evil_merge_excludes_whoever_made_it(world: World) -> None:
    world.propose()
    world.on_main({"src/other.py": "moved on\n"})
    bob = world.keyring.bob
    world.repo.merge("main", author=bob.who, strategy=("--no-commit",))
    world.commit({"src/lib.py": "slipped in\n"}, by="bob", message="merge main")
    assert len(world.repo.git("rev-parse", "HEAD^@").split()) == 2
    world.approve("bob")
    decision = world.check()
    assert entry(decision, "bob").code == "contributor"
    assert decision.outcome == "pending"


@case("64")
def test_an_update_merge_that_recomputes_excludes_nobody(world: World) -> None:
    world.propose()
    world.on_main({"src/other.py": "moved on\n"})
    world.repo.merge("main", author=world.keyring.bob.who)
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "allow"
    assert reasons(decision, "bob") == ()


@case("64")
def test_an_update_merge_made_the_other_way_round_excludes_nobody(world: World) -> None:
    """Main checked out, the branch merged into it, and the result pushed as the branch."""
    world.propose()
    world.on_main({"src/other.py": "moved on\n"})
    world.repo.checkout("turned", create=True, at="main")
    world.repo.merge("feature", author=world.keyring.bob.who)
    world.approve("bob", head="turned")
    assert world.check("turned").outcome == "allow"


@case("64")
def test_a_merge_that_keeps_nothing_of_the_target_undoes_it(world: World) -> None:
    world.propose()
    world.on_main({"src/other.py": "moved on\n", "deploy/app.yaml": "replicas: 7\n"})
    bob = world.keyring.bob
    world.repo.merge("main", author=bob.who, strategy=("-s", "ours"), sign_with=bob.key)
    world.approve("bob")
    decision = world.check()
    assert entry(decision, "bob").code == "contributor"
    assert only(decision).risk.level == "medium"
    assert "deploy/app.yaml" in {one.path for one in world.inputs().facts.diff}


@case("64")
def test_a_merge_of_another_branch_is_no_update_merge(world: World) -> None:
    world.propose()
    world.repo.checkout("release", create=True, at="main")
    world.commit({"src/other.py": "not on main\n"}, by="erin")
    world.repo.checkout("feature")
    bob = world.keyring.bob
    world.repo.merge("release", author=bob.who, sign_with=bob.key)
    decision = world.check()
    assert reasons(decision, "bob")
    assert reasons(decision, "erin")


@case("64")
def test_a_merge_that_resolved_a_conflict_is_content_by_its_maker(world: World) -> None:
    world.propose({"src/lib.py": LIB.replace("line 3\n", "ours\n")})
    world.on_main({"src/lib.py": LIB.replace("line 3\n", "theirs\n")})
    bob = world.keyring.bob
    world.repo.merge("main", author=bob.who, strategy=("-Xours",), sign_with=bob.key)
    world.approve("bob")
    assert entry(world.check(), "bob").code == "contributor"


@case("65")
def test_an_edit_in_the_web_interface_excludes_its_author(world: World) -> None:
    forge = "  - {id: web, name: GitHub, kind: forge, emails: [noreply@github.com]}\n"
    set_people(world, more=forge)
    world.propose()
    world.repo.commit(
        "Update lib.py",
        author=BOB,
        committer=("GitHub", "noreply@github.com"),
        files={"src/lib.py": "edited there\n"},
    )
    world.approve("bob", "erin", "carol")
    decision = world.check()
    assert entry(decision, "bob").code == "contributor"
    assert decision.outcome == "allow"


@case("67")
def test_the_last_pusher_cannot_approve(world: World) -> None:
    world.propose()
    world.approve("bob")
    decision = check_pull_request(
        world, opener=account("alice"), pushers=[account("alice"), account("bob")]
    )
    assert decision.outcome == "pending"
    assert entry(decision, "bob").detail == "pushed to the pull request"


@case("67")
def test_whoever_opened_the_pull_request_cannot_approve(world: World) -> None:
    world.propose()
    world.approve("bob")
    decision = check_pull_request(world, opener=account("bob"), pushers=[account("alice")])
    assert entry(decision, "bob").detail == "opened the pull request"
    assert decision.outcome == "pending"


@case("69")
def test_a_commit_in_somebodys_name_gives_no_vote(world: World) -> None:
    world.propose()
    filed = world.state("approve", "alice")
    world.file(filed)
    # The commit on the approvals branch says Bob; the signature in the file says Alice.
    here = world.repo.git("rev-parse", "--abbrev-ref", "HEAD")
    world.repo.checkout("itil-gate-approvals")
    world.repo.git("commit", "--quiet", "--amend", "--author=Bob Baker <bob@example.com>", "-CHEAD")
    world.repo.checkout(here)
    decision = world.check()
    assert decision.outcome == "pending"
    assert [one.person for one in only(decision).ledger] == ["alice"]


@case("69")
def test_a_mailmap_in_the_branch_changes_nobodys_part(world: World) -> None:
    world.propose()
    world.commit({"src/lib.py": "bob's\n"}, by="bob")
    world.commit({".mailmap": "Alice Adler <alice@example.com> <bob@example.com>\n"}, by="alice")
    assert reasons(world.check(), "bob")


@case("70", "71")
def test_author_and_committer_are_both_excluded(world: World) -> None:
    world.propose()
    world.commit({"src/lib.py": "x\n"}, by="bob", committer="erin")
    world.approve("bob", "erin")
    decision = world.check()
    assert {entry(decision, name).code for name in ("bob", "erin")} == {"contributor"}
    assert decision.outcome == "pending"


@case("71")
def test_rebasing_for_somebody_else_makes_one_a_committer(world: World) -> None:
    world.propose()
    world.on_main({"src/other.py": "moved on\n"})
    bob = world.keyring.bob
    name, email = bob.who
    world.repo.git(
        *("-c", f"user.name={name}", "-c", f"user.email={email}"),
        *("-c", f"user.signingKey={bob.key}", "-c", "commit.gpgSign=true"),
        *("rebase", "--quiet", "main"),
        env={
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "gpg.format",
            "GIT_CONFIG_VALUE_0": "ssh",
        },
    )
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    assert "committer and signer of " in entry(decision, "bob").detail


def test_signing_somebody_elses_commit_makes_one_a_contributor(world: World) -> None:
    world.propose()
    world.repo.commit(
        "hers", author=ERIN, sign_with=world.keyring.bob.key, files={"src/lib.py": "x\n"}
    )
    world.approve("bob")
    assert entry(world.check(), "bob").detail.startswith("signer of ")
