"""Files that move, swap, pile up or pretend, and merges that bring what no parent had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.binding import counts, merge, stale
from support.cases import case
from support.world import broken, findings

if TYPE_CHECKING:
    from support.world import World


@case("149", "150")
@pytest.mark.parametrize("split", [False, True])
def test_a_file_moved_out_of_what_is_governed_is_asked_about_where_it_was(
    world: World, *, split: bool
) -> None:
    """At both ends, whether the move is one commit or a deletion and an addition apart."""
    world.propose({}, scope='"docs/**"')
    text = (world.repo.path / "src/app.py").read_text("utf-8")
    world.repo.remove("src/app.py")
    if split:
        world.commit({})
    world.commit({"docs/app.py": text})
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "uncovered-change")
    assert "src/app.py" in found.message


@case("151")
def test_two_files_that_swap_places_are_both_asked_about(world: World) -> None:
    one, other = "src/app.py", "db/schema.sql"
    texts = {path: (world.repo.path / path).read_text("utf-8") for path in (one, other)}
    world.propose({one: texts[other], other: texts[one]}, scope='"src/**"')
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "uncovered-change")
    assert "db/schema.sql" in found.message


@case("152")
def test_a_merge_that_equals_one_of_its_parents_is_what_it_changes(world: World) -> None:
    """Main is merged and all of it thrown away: against the target that is a change."""
    world.propose()
    world.approve("erin")
    world.on_main({"src/lib.py": "mended\n"})
    world.repo.git("merge", "--quiet", "--no-commit", "-s", "ours", "main")
    world.commit(message="merge main, ours")
    decision = world.check()
    stale(decision, "src/lib.py")
    assert any(entry.path == "src/lib.py" for entry in world.inputs().facts.diff)


@case("153")
def test_a_merge_that_brings_what_no_parent_had_is_content_by_its_maker(world: World) -> None:
    world.propose()
    world.approve("erin")
    world.on_main({"src/lib.py": "mended\n"})
    world.repo.git("merge", "--quiet", "--no-commit", "--no-ff", "main")
    world.commit({"src/evil.py": "print('evil')\n"}, by="erin", message="merge main")
    decision = world.check()
    assert decision.outcome != "allow"
    assert "erin" in {one.person for one in decision.contributors}
    assert any(entry.path == "src/evil.py" for entry in world.inputs().facts.diff)


@case("153")
def test_a_merge_that_brings_nothing_of_its_own_keeps_the_approval(world: World) -> None:
    world.propose()
    world.approve("erin")
    world.on_main({"src/lib.py": "mended\n"})
    merge(world, "main")
    counts(world.check(), "same-content")


@case("154")
def test_a_branch_that_begins_anew_is_not_decided_about(world: World) -> None:
    world.repo.git("checkout", "--quiet", "--orphan", "feature")
    world.commit({"src/app.py": "print('new')\n"})
    assert world.refusal() == "unrelated-histories"


@case("155")
def test_the_last_of_many_files_is_seen(world: World) -> None:
    """APIs end a list of files somewhere; the diff is git's own."""
    files = {f"src/many/{number:04}.txt": "x\n" for number in range(3100)}
    world.propose({**files, "zz/last.txt": "x\n"}, scope='"src/**"')
    (found,) = findings(world.check(), "uncovered-change")
    assert "zz/last.txt" in found.message


@case("157")
def test_an_exemption_for_prose_lets_nothing_in_that_can_be_run(world: World) -> None:
    world.propose({}, scope='"src/**"')
    world.repo.write("docs/run.md", "#!/bin/sh\nrm -rf /\n", mode=0o755)
    world.commit()
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "uncovered-change")
    assert "docs/run.md" in found.message
    world.repo.write("docs/run.md", "# Prose\n", mode=0o644)
    world.commit()
    assert "uncovered-change" not in broken(world.check())


@case("159")
@pytest.mark.parametrize("name", ["ü.py", 'a "quoted" name.py', "tab\there.py", "new\nline.py"])
def test_a_path_that_git_would_quote_is_a_path_like_others(world: World, name: str) -> None:
    world.propose({f"src/{name}": "x\n", f"zz/{name}": "x\n"}, scope='"src/**"')
    (found,) = findings(world.check(), "uncovered-change")
    assert "zz/" in found.message
    assert "src/" not in found.message
