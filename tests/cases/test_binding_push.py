"""Pushes after the approval: what was approved is not what would land.

Alice proposes a change of src/app.py on the branch feature, and Erin has approved it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.binding import approved_world, counts, force, on_a_forge, stale
from support.cases import case
from support.repository import START
from support.world import (
    CHG,
    World,
    broken,
    copy_world,
    entry,
    findings,
    only,
    request_file,
)

from itil_gate.cli import main
from itil_gate.decide.gate import decide
from itil_gate.report import DECISION_FORMATS

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def approved(template: Path, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    path = tmp_path_factory.mktemp("approved") / "repo"
    return approved_world(template, path, keyring).repo.path


@pytest.fixture
def world(tmp_path: Path, approved: Path, keyring: Keyring) -> World:
    return copy_world(approved, tmp_path / "repo", keyring)


@case("1")
def test_a_push_after_the_approval_blocks_and_is_named(world: World) -> None:
    before = world.repo.tip("feature")
    assert world.check().outcome == "allow"
    pushed = world.commit({"src/app.py": "print('newer')\n"})
    decision = world.check()
    assert decision.outcome == "pending"
    assert broken(decision) == {"missing-approval"}
    stale(decision, "src/app.py changed after approval", before[:12], pushed[:12])


@case("1")
def test_an_edited_request_is_named_by_its_keys(world: World) -> None:
    text = request_file(title="A bigger change", extra="  implementer: bob\n")
    world.commit({f"changes/2026/{CHG}.yaml": text})
    stale(world.check(), "implementer, metadata.title changed after approval")


@case("1")
def test_only_the_first_of_many_changed_paths_are_listed(world: World) -> None:
    world.commit({f"src/part{number}.py": "x\n" for number in range(8)})
    stale(world.check(), "src/part0.py, ", "src/part4.py and 3 more changed after approval")


@case("2")
def test_words_do_not_approve_what_was_pushed(world: World) -> None:
    world.approve("bob", reason="LGTM, and so is whatever gets pushed later")
    world.commit(
        {"src/app.py": "print('newer')\n"},
        message="/approve as discussed with Erin",
        trailers=["Approved-by: Erin Ellis <erin@example.com>", "Reviewed-by: Bob <bob@x.org>"],
    )
    decision = world.check()
    stale(decision, "src/app.py")
    stale(decision, "src/app.py", person="bob")
    assert len(only(decision).ledger) == 2


@case("4", "7")
@pytest.mark.parametrize(
    "when",
    [
        pytest.param(100_000_000, id="1973"),
        pytest.param(START - 86_400, id="before-the-approved-commit"),
        pytest.param(1_772_452_800 - 3600, id="an-hour-before-the-approval"),
        pytest.param(4_000_000_000, id="2096"),
    ],
)
def test_dates_inside_a_pushed_commit_decide_nothing(world: World, when: int) -> None:
    alice = world.person("alice")
    world.repo.commit(
        "old work, honestly",
        author=alice.who,
        sign_with=alice.key,
        when=when,
        files={"src/app.py": "print('back-dated')\n"},
    )
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, "src/app.py")


@case("4")
def test_a_pushed_commit_without_any_date_is_still_a_push(world: World) -> None:
    parent = world.repo.tip("feature")
    world.commit({"src/app.py": "print('timeless')\n"})
    who = b"Alice Adler <alice@example.com>"
    tree = world.repo.tree().encode()
    text = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\ntimeless\n"
    world.repo.branch(
        "feature", world.repo.raw_object("commit", text % (tree, parent.encode(), who, who))
    )
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, "src/app.py")


@case("5")
def test_a_force_push_back_to_the_approved_commit_is_approved(world: World) -> None:
    before = world.repo.tip("feature")
    world.commit({"src/app.py": "print('newer')\n"})
    assert world.check().outcome == "pending"
    force(world, before)
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "exact")


@case("5")
def test_a_force_push_back_does_not_revive_a_retracted_approval(world: World) -> None:
    before = world.repo.tip("feature")
    world.commit({"src/app.py": "print('newer')\n"})
    world.file(world.state("withdraw", "erin"))
    force(world, before)
    decision = world.check()
    assert decision.outcome == "pending"
    assert {(one.verdict, one.code) for one in only(decision).ledger} == {
        ("approve", "superseded"),
        ("withdraw", "withdrawn"),
    }


@case("11", "28")
@pytest.mark.parametrize("earlier", [pytest.param(0, id="later"), pytest.param(1, id="earlier")])
def test_the_newest_word_of_an_approver_decides(world: World, earlier: int) -> None:
    before = world.repo.tip("feature")
    world.commit({"src/app.py": "print('newer')\n"})
    world.approve("erin", at=world.now - earlier * HOUR)
    decision = world.check()
    assert decision.outcome == "allow"
    assert entry(decision, "erin", counted=True).carry_over == "exact"
    assert entry(decision, "erin", counted=False).code == "superseded"
    force(world, before)
    decision = world.check()
    assert decision.outcome == "pending"
    assert sorted(one.code for one in only(decision).ledger) == ["stale", "superseded"]


@case("14")
def test_a_push_into_another_directory_asks_other_people(world: World) -> None:
    assert [state.id for state in only(world.check()).requirements] == ["review"]
    world.commit({"db/schema.sql": "drop table t;\n"})
    decision = world.check()
    assert decision.outcome == "pending"
    assert [(state.id, state.counted) for state in only(decision).requirements] == [
        ("owner", ()),
        ("authority", ()),
    ]
    stale(decision, "the risk was low when approved and is high now")


@case("22")
def test_a_push_while_closed_voids_the_approval_after_reopening(world: World) -> None:
    assert decide(on_a_forge(world.inputs())).outcome == "allow"
    closed = decide(on_a_forge(world.inputs(), state="closed"))
    assert closed.outcome == "deny"
    assert [found.message for found in findings(closed, "closed-pull-request")] == [
        "the pull request is closed"
    ]
    world.commit({"src/app.py": "print('while nobody looked')\n"})
    reopened = decide(on_a_forge(world.inputs()))
    assert reopened.outcome == "pending"
    stale(reopened, "src/app.py")


@case("49")
@pytest.mark.parametrize("told", ["by the caller", "by the forge"])
def test_an_approved_draft_waits(world: World, told: str) -> None:
    if told == "by the caller":
        decision = world.check(draft=True)
    else:
        decision = decide(on_a_forge(world.inputs(), draft=True))
    assert decision.outcome == "pending"
    assert broken(decision) == {"draft"}
    counts(decision, "exact")


@case("50")
@pytest.mark.parametrize("state", ["closed", "merged"])
def test_an_approved_pull_request_that_is_over_is_denied(world: World, state: str) -> None:
    decision = decide(on_a_forge(world.inputs(), state=state))  # type: ignore[arg-type]
    assert decision.outcome == "deny"
    assert broken(decision) == {"closed-pull-request"}


@case("50")
def test_what_is_merged_already_is_no_change(world: World) -> None:
    world.repo.checkout("main")
    world.repo.git("merge", "--quiet", "--ff-only", "feature")
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"empty-change"}


@case("26")
def test_a_clone_that_heard_of_no_push_decides_the_same(world: World, tmp_path: Path) -> None:
    world.commit({"src/app.py": "print('the webhook was lost')\n"})
    decision = world.check()
    assert decision.outcome == "pending"
    clone = World(world.repo.clone(tmp_path / "clone"), world.keyring)
    clone.repo.branch("main", "refs/remotes/origin/main")
    assert clone.check("origin/feature") == decision
    force(world, world.repo.tip("feature~1"))
    assert world.check().outcome == "allow"


@case("29")
def test_the_command_wants_to_be_told_the_commit_that_was_looked_at(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["approve", CHG, "--base", "main", "--repo", str(world.repo.path), "--yes"])
    assert stopped.value.code == 2
    assert "--head" in capsys.readouterr().err


@case("29")
def test_an_approval_of_the_older_commit_says_nothing_of_the_newer(world: World) -> None:
    before = world.repo.tip("feature")
    pushed = world.commit({"src/app.py": "print('newer')\n"})
    world.later(hours=1)
    world.approve("bob", head=before)
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, before[:12], pushed[:12], person="bob")


@case("30")
def test_approvals_of_a_commit_that_is_gone_are_told_so(world: World, tmp_path: Path) -> None:
    before = world.repo.tip("feature")
    world.approve("bob", "carol")
    force(world, "main")
    world.propose({"src/app.py": "print('quite another')\n"})
    decision = world.check()
    assert decision.outcome == "pending"
    for person in ("bob", "carol", "erin"):
        stale(decision, f"commit {before[:12]} is not part of this pull request", person=person)
    clone = World(world.repo.clone(tmp_path / "clone"), world.keyring)
    clone.repo.branch("main", "refs/remotes/origin/main")
    decision = clone.check("origin/feature")
    for person in ("bob", "carol", "erin"):
        stale(decision, f"commit {before[:12]}", "to be had here", person=person)


@case("47")
def test_approvals_that_were_never_used_are_listed_with_the_reason(world: World) -> None:
    world.commit({"src/app.py": "print('newer')\n"})
    world.approve("erin", "bob")
    world.commit({"src/app.py": "print('newest')\n"})
    world.approve("bob")
    inputs = world.inputs()
    decision = decide(inputs)
    assert decision.outcome == "allow"
    ledger = only(decision).ledger
    assert {one.digest for one in ledger} == {item.digest for item in inputs.facts.statements}
    assert sorted((one.person, one.code) for one in ledger if not one.counted) == [
        ("bob", "superseded"),
        ("erin", "stale"),
        ("erin", "superseded"),
    ]
    assert DECISION_FORMATS["text"](decision).count("NOT COUNTED") == 3
