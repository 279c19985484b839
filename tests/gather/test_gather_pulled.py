"""What a forge told becomes facts: only about what is checked, and proved by git."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.binding import rebase
from support.reviewing import forge_world, gathered, judged, pulled, review
from support.world import CHG, OTHER, World, adopt, entry, only, request_file

from itil_gate.decide.gate import decide
from itil_gate.model.decision import StoredDecision
from itil_gate.model.errors import GateError
from itil_gate.model.facts import Review, SeenHead
from itil_gate.report.json_report import stored_json

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring

    from itil_gate.model.facts import ReviewedContent

PATH = f"changes/2026/{CHG}.yaml"


@pytest.fixture
def world(tmp_path: Path, keyring: Keyring) -> World:
    """A world with a forge, in which alice proposed something."""
    world = forge_world(tmp_path / "repo", keyring)
    world.propose()
    return world


def given(world: World, who: str = "erin", *, of: str | None = "feature", **more: Any) -> Review:
    """Return a review given ten minutes ago."""
    commit = world.repo.tip(of) if of else None
    return review(who, of=commit, at=world.now - timedelta(minutes=10), **more)


def refused(world: World, told: Any, **where: Any) -> tuple[str, str]:
    with pytest.raises(GateError) as caught:
        gathered(world, told, **where)
    return caught.value.code, caught.value.message


def test_pull_request_and_reviews_are_facts(world: World) -> None:
    told = pulled(world, given(world, sequence=2), given(world, "bob", sequence=1))
    facts = gathered(world, told).facts
    assert facts.pull_request == told.pull
    assert [one.sequence for one in facts.reviews] == [1, 2]
    assert decide(gathered(world, told)).outcome == "allow"


def test_without_a_forge_nothing_is_told(world: World) -> None:
    facts = gathered(world, None).facts
    assert (facts.reviews, facts.pull_request) == ((), None)


def test_another_head_or_target_than_is_checked_is_refused(world: World) -> None:
    code, said = refused(world, pulled(world, head="main"))
    assert code == "forge-differs"
    assert world.repo.tip("feature") in said
    assert world.repo.tip("main") in said
    code, said = refused(world, pulled(world, base_ref="refs/heads/release"))
    assert code == "forge-differs"
    assert "refs/heads/release" in said


def test_reviews_of_another_forge_are_refused(world: World) -> None:
    code, said = refused(world, pulled(world, given(world, forge="git.example.com")))
    assert code == "forge-differs"
    assert "git.example.com" in said


def test_a_target_that_names_no_forge_takes_nothing_from_one(
    tmp_path: Path, keyring: Keyring
) -> None:
    bare = World(adopted(tmp_path, keyring), keyring)
    bare.propose()
    assert refused(bare, pulled(bare))[0] == "no-forge"


def adopted(tmp_path: Path, keyring: Keyring) -> Any:
    from support.repository import Repo  # noqa: PLC0415 - only here

    repo = Repo(tmp_path / "bare")
    adopt(repo, keyring)
    return repo


@pytest.mark.parametrize("seconds", [300, -300, 301, -301])
def test_clocks_may_differ_by_five_minutes(world: World, seconds: int) -> None:
    told = pulled(world)
    there = told.model_copy(update={"server_time": world.now + timedelta(seconds=seconds)})
    if abs(seconds) <= 300:
        assert gathered(world, there).facts.now == world.now
    else:
        assert refused(world, there)[0] == "forge-clock"


def test_the_commit_of_a_review_says_what_was_approved(world: World) -> None:
    (one,) = gathered(world, pulled(world, given(world))).facts.reviews
    (seen,) = one.approved
    facts = gathered(world, None).facts
    assert (seen.path, seen.merge_base) == (PATH, facts.merge_base)
    assert (seen.proof.known, seen.proof.content) == (True, facts.content)
    assert (seen.proof.in_history, seen.proof.untouched) == (True, True)


def earlier(world: World, commit: str) -> dict[str, Any]:
    return {"heads": (SeenHead(commit=commit, since=world.now - timedelta(hours=1)),)}


def test_a_review_carries_over_a_rebase_of_the_same_content(world: World) -> None:
    old = world.repo.tip("feature")
    one = given(world)
    world.on_main({"src/lib.py": "another\n"})
    rebase(world)
    found = entry(judged(world, one, **earlier(world, old)), "erin")
    assert (found.counted, found.carry_over) == (True, "same-content")


def test_a_review_of_other_content_is_stale_and_says_what_changed(world: World) -> None:
    old = world.repo.tip("feature")
    one = given(world)
    world.commit({"src/app.py": "print('evil')\n"})
    found = entry(judged(world, one, **earlier(world, old)), "erin")
    assert (found.code, found.counted) == ("stale", False)
    assert "src/app.py changed after approval" in found.detail


def proofs(world: World, commit: str) -> tuple[ReviewedContent, ...]:
    (one,) = gathered(
        world, pulled(world, review("erin", of=commit, at=world.now), **earlier(world, commit))
    ).facts.reviews
    return one.approved


def test_a_commit_that_is_not_here_proves_nothing(world: World) -> None:
    (seen,) = proofs(world, "d" * 40)
    assert not seen.proof.known


def test_a_commit_of_another_history_proves_nothing(world: World) -> None:
    world.repo.git("checkout", "--quiet", "--orphan", "other")
    world.commit({"src/app.py": "print('new')\n"})
    other = world.repo.tip()
    world.repo.checkout("feature")
    (seen,) = proofs(world, other)
    assert not seen.proof.known


def test_what_is_no_commit_proves_nothing(world: World) -> None:
    tree = world.repo.git("rev-parse", "feature^{tree}")
    (seen,) = proofs(world, tree)
    assert not seen.proof.known


def test_only_standing_approvals_are_looked_at(world: World) -> None:
    said = (
        given(world, sequence=1, state="changes-requested"),
        given(world, sequence=2, state="commented"),
        given(world, sequence=3, dismissed=True),
        given(world, sequence=4, of=None),
    )
    found = gathered(world, pulled(world, *said)).facts.reviews
    assert [one.approved for one in found] == [()] * 4


def test_each_request_of_the_pull_request_is_looked_at(world: World) -> None:
    world.commit({f"changes/2026/{OTHER}.yaml": request_file(OTHER)})
    (one,) = gathered(world, pulled(world, given(world))).facts.reviews
    assert sorted(seen.path for seen in one.approved) == sorted([PATH, PATH.replace(CHG, OTHER)])
    decision = judged(world, given(world))
    assert [[one.code for one in change.ledger] for change in decision.changes] == [
        ["approved"], ["approved"],
    ]  # fmt: skip


def test_a_decision_with_reviews_is_replayed_from_what_is_stored(world: World) -> None:
    sealed = gathered(world, pulled(world, given(world), given(world, 77, sequence=2)))
    decision = decide(sealed)
    text = stored_json(StoredDecision(decision=decision, inputs=sealed))
    stored = StoredDecision.model_validate_json(text)
    assert stored.inputs == sealed
    assert decide(stored.inputs) == stored.decision == decision
    assert len(only(decision).ledger) == 2


def test_reviews_of_other_forges_are_named_in_order(world: World) -> None:
    hosts = [f"{name}.example.com" for name in ("e", "b", "d", "a", "c")]
    told = pulled(world, *(given(world, forge=one) for one in hosts))
    assert f"reviews of {', '.join(sorted(hosts))} were" in refused(world, told)[1]


def test_what_others_approved_says_nothing_about_what_is_no_approval(world: World) -> None:
    said = (
        given(world, sequence=1),
        given(world, "bob", sequence=2, state="changes-requested"),
        given(world, "dave", sequence=3, dismissed=True),
        given(world, "carol", sequence=4, state="commented"),
    )
    found = gathered(world, pulled(world, *said)).facts.reviews
    assert [len(one.approved) for one in found] == [1, 0, 0, 0]


def test_the_last_two_hundred_commits_that_were_approved_are_looked_at(world: World) -> None:
    """Many reviews by strangers cost no more; what is no approval takes nobody's place."""
    many = [
        review(7, of=f"{number:040x}", at=world.now, sequence=number) for number in range(1, 202)
    ]
    others = [
        review(8, of=f"{number:040x}", at=world.now, sequence=number, **edits)
        for number, edits in (
            (301, {"state": "changes-requested"}),
            (302, {"state": "commented"}),
            (303, {"dismissed": True}),
        )
    ]
    found = gathered(world, pulled(world, *many, *others)).facts.reviews
    assert [one.sequence for one in found if not one.approved] == [1, 301, 302, 303]


def test_a_commit_with_two_merge_bases_proves_nothing(world: World) -> None:
    repo = world.repo
    start = repo.tip("main")
    one = repo.commit_tree(repo.tree("main"), start, message="one")
    two = repo.commit_tree(repo.tree("feature"), start, message="two")
    crossed = repo.commit_tree(repo.tree("feature"), two, one, message="crossed")
    repo.branch("main", repo.commit_tree(repo.tree("main"), one, two, message="both"))
    world.propose()
    (seen,) = proofs(world, crossed)
    assert not seen.proof.known


def test_a_damaged_store_is_an_error_and_no_fault_of_the_review(world: World) -> None:
    repo = world.repo
    below = repo.commit_tree(repo.tree("feature"), repo.tip("main"), message="below")
    above = repo.commit_tree(repo.tree("feature"), below, message="above")
    place = repo.git_dir / "objects" / below[:2] / below[2:]
    place.chmod(0o644)
    place.write_bytes(b"nothing that git wrote")
    with pytest.raises(GateError) as caught:
        proofs(world, above)
    assert caught.value.code == "git-failed"
