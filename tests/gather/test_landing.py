"""What landed is held against what was authorised, whichever way a forge merges."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.repository import isolated
from support.world import CHG, OTHER

from itil_gate.gather.landing import Authority, Carried, carried, first_parents, kept_for
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.frozen import replace

if TYPE_CHECKING:
    from support.world import World


def _authority(world: World, head: str = "feature") -> Authority:
    facts = world.inputs(head).facts
    return Authority(
        key=facts.content,
        head=facts.head,
        head_tree=facts.head_tree,
        merge_base=facts.merge_base or "",
        content=facts.content,
        diff=facts.diff,
    )


def _carried(
    world: World, before: str, *authorities: Authority, after: str = "main"
) -> tuple[Carried | str, ...]:
    with open_view(discover(world.repo.path)) as view:
        steps = first_parents(view, before, world.repo.tip(after))
        assert steps is not None
        return carried(view, (before, *steps), authorities)


def _git(world: World, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=world.repo.path, env=isolated(), check=True)


def _move_base(world: World) -> str:
    """Let something unrelated land, so that the authorised tree is not what will be there."""
    return world.on_main({"docs/news.md": "# News\n"})


@pytest.mark.parametrize(
    ("way", "moved", "proof"),
    [
        ("merge", "", "exact"),
        ("merge", "moved", "exact"),
        ("squash", "", "same-content"),
        ("squash", "moved", "same-content"),
        ("rebase", "", "exact"),  # which is a fast-forward
        ("rebase", "moved", "same-content"),
        ("fast-forward", "", "exact"),
    ],
)
def test_every_way_of_merging_carries_over(world: World, way: str, moved: str, proof: str) -> None:
    world.propose()
    world.commit({"src/more.py": "print('more')\n"})
    authority = _authority(world)
    if moved:
        _move_base(world)
    before = world.repo.tip("main")
    if way == "rebase":
        _git(world, "rebase", "--quiet", "main", "feature")
        _git(world, "checkout", "--quiet", "main")
        _git(world, "merge", "--quiet", "--ff-only", "feature")
    else:
        _git(world, "checkout", "--quiet", "main")
        option = {"merge": "--no-ff", "squash": "--squash", "fast-forward": "--ff-only"}[way]
        _git(world, "merge", "--quiet", option, "feature")
        if way == "squash":
            _git(world, "commit", "--quiet", "-m", "A change (#7)")
    (one,) = _carried(world, before, authority)
    assert isinstance(one, Carried)
    assert (one.before, one.after) == (before, world.repo.tip("main"))
    assert one.proof == proof


def test_a_landing_that_was_merged_within_a_file_is_replayed(world: World) -> None:
    text = "".join(f"line {number}\n" for number in range(40))
    world.on_main({"src/app.py": text})
    world.propose({"src/app.py": text.replace("line 2\n", "second\n")})
    authority = _authority(world)
    world.on_main({"src/app.py": text.replace("line 37\n", "near the end\n")})
    before = world.repo.tip("main")
    _git(world, "checkout", "--quiet", "main")
    _git(world, "merge", "--quiet", "--squash", "feature")
    _git(world, "commit", "--quiet", "-m", "A change (#7)")
    (one,) = _carried(world, before, authority)
    assert isinstance(one, Carried)
    assert one.proof == "clean-replay"


def test_what_the_log_kept_is_enough_once_the_branch_is_gone(world: World) -> None:
    text = "".join(f"line {number}\n" for number in range(40))
    world.on_main({"src/app.py": text})
    world.propose({"src/app.py": text.replace("line 2\n", "second\n"), "src/b.py": "print(1)\n"})
    authority = _authority(world)
    world.on_main({"src/app.py": text.replace("line 37\n", "near the end\n")})
    before = world.repo.tip("main")
    _git(world, "checkout", "--quiet", "main")
    _git(world, "merge", "--quiet", "--squash", "feature")
    _git(world, "commit", "--quiet", "-m", "A change (#7)")
    with open_view(discover(world.repo.path)) as view:
        kept = kept_for(view, authority, world.repo.tip("main"))
    assert len(kept) == 1  # only what a merge made something else of
    fresh = world.repo.path.parent / "fresh"
    url = world.repo.path.as_uri()
    _git(world, "clone", "--quiet", "--single-branch", "--branch=main", url, str(fresh))
    with open_view(discover(fresh)) as view:
        assert next(view.reader.info([authority.head])) is None
        (nothing,) = carried(view, (before, world.repo.tip("main")), [authority])
        assert nothing == world.repo.tip("main")
        with_kept = replace(authority, kept=kept)
        (one,) = carried(view, (before, world.repo.tip("main")), [with_kept])
    assert isinstance(one, Carried)
    assert one.proof == "clean-replay"


def test_a_byte_more_than_was_authorised_carries_nothing(world: World) -> None:
    world.propose()
    authority = _authority(world)
    before = world.repo.tip("main")
    _git(world, "checkout", "--quiet", "main")
    _git(world, "merge", "--quiet", "--squash", "feature")
    (world.repo.path / "src/app.py").write_text("print('newer')\n")
    _git(world, "commit", "--quiet", "-a", "-m", "A change (#7)")
    assert _carried(world, before, authority) == (world.repo.tip("main"),)


def test_an_evil_merge_carries_nothing(world: World) -> None:
    world.propose()
    authority = _authority(world)
    before = _move_base(world)
    _git(world, "checkout", "--quiet", "main")
    _git(world, "merge", "--quiet", "--no-commit", "--no-ff", "feature")
    (world.repo.path / "src/extra.py").write_text("print('extra')\n")
    _git(world, "add", "src/extra.py")
    _git(world, "commit", "--quiet", "-m", "Merge")
    assert _carried(world, before, authority) == (world.repo.tip("main"),)


def test_one_authority_lands_once(world: World) -> None:
    world.propose()
    authority = _authority(world)
    before = world.repo.tip("main")
    _git(world, "checkout", "--quiet", "main")
    _git(world, "merge", "--quiet", "--no-ff", "feature")
    _git(world, "revert", "--no-edit", "-m", "1", "HEAD")
    reverted = world.repo.tip("main")
    _git(world, "revert", "--no-edit", "HEAD")
    first, second, third = _carried(world, before, authority)
    assert isinstance(first, Carried)
    assert (second, third) == (reverted, world.repo.tip("main"))
    # Another head with the same content has landed with it, unless it was decided about since.
    other = replace(authority, key="other", head=before)
    assert _carried(world, before, authority, other)[2] == world.repo.tip("main")
    _, _, again = _carried(world, before, authority, replace(other, first=2))
    assert isinstance(again, Carried)


def test_several_that_land_in_one_push_are_told_apart(world: World) -> None:
    world.propose()
    one = _authority(world)
    world.propose({"src/other.py": "print(2)\n"}, branch="second", by="erin", change=OTHER)
    other = _authority(world, "second")
    before = world.repo.tip("main")
    _git(world, "checkout", "--quiet", "main")
    _git(world, "merge", "--quiet", "--no-ff", "second")
    middle = world.repo.tip("main")
    direct = world.on_main({"src/sneaky.py": "print('sneaked')\n"})
    _git(world, "checkout", "--quiet", "main")
    _git(world, "merge", "--quiet", "--no-ff", "feature")
    first, sneaked, last = _carried(world, before, one, other)
    assert isinstance(first, Carried)
    assert isinstance(last, Carried)
    assert (first.authority, first.after) == (other, middle)
    assert sneaked == direct
    assert last.authority == one


def test_a_branch_that_was_rewound_has_no_line_to_follow(world: World) -> None:
    old = world.on_main({"docs/news.md": "# News\n"})
    _git(world, "checkout", "--quiet", "main")
    _git(world, "reset", "--quiet", "--hard", "HEAD~1")
    new = world.on_main({"docs/other.md": "# Other\n"})
    with open_view(discover(world.repo.path)) as view:
        assert first_parents(view, old, new) is None
        assert first_parents(view, new, new) == ()


def test_a_commit_of_a_side_branch_is_not_on_the_line(world: World) -> None:
    world.propose()
    side = world.repo.tip("feature")
    _git(world, "checkout", "--quiet", "main")
    _git(world, "merge", "--quiet", "--no-ff", "feature")
    with open_view(discover(world.repo.path)) as view:
        assert first_parents(view, side, world.repo.tip("main")) is None


def test_the_request_id_alone_lands_nothing(world: World) -> None:
    world.propose()
    authority = _authority(world)
    before = world.repo.tip("main")
    tip = world.on_main({"src/app.py": f"# {CHG}\n"})
    assert _carried(world, before, authority) == (tip,)
