"""What content is: paths, modes and object ids, and not how a difference looks as text.

Alice's branch feature changes text, a binary file, a symbolic link and a submodule; Erin approved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.binding import counts, force, lines, stale
from support.cases import case
from support.world import World, copy_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.repository import Keyring

BLOCKS = "".join(f"{name}:\n  replicas: 1\n  image: app\n" for name in ("staging", "production"))
SUBMODULE = "src/vendor"


def add_gitlink(world: World, commit: str) -> None:
    """Point the submodule at a commit; an empty directory is where it would be checked out."""
    (world.repo.path / SUBMODULE).mkdir(exist_ok=True)
    world.repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{SUBMODULE}")


@pytest.fixture(scope="module")
def approved(template: Path, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    world = copy_world(template, tmp_path_factory.mktemp("approved") / "repo", keyring)
    world.on_main({"src/blocks.yaml": BLOCKS, "src/old.py": lines(_0="old")})
    world.repo.write("src/link", "app.py", mode=0o120000)
    world.propose()
    world.repo.write("src/logo.png", b"\x89PNG\0\1")
    world.repo.write("src/run.sh", "echo\n")
    world.repo.write("src/link", "app.py", mode=0o120000)
    add_gitlink(world, "1" * 40)
    world.commit({"src/blocks.yaml": BLOCKS.replace("1\n", "9\n", 1), "src/lib.py": "a\nb\n"})
    world.approve("erin")
    return world.repo.path


@pytest.fixture
def world(tmp_path: Path, approved: Path, keyring: Keyring) -> World:
    return copy_world(approved, tmp_path / "repo", keyring)


def patch_id(world: World, *options: str) -> str:
    """Return the patch id of the branch checked out against main."""
    patch = world.repo.raw("diff", *options, "main", "HEAD", "--", "src/blocks.yaml", "src/lib.py")
    return world.repo.git("patch-id", "--stable", stdin=patch).split(" ")[0]


def test_the_whole_of_it_is_approved_as_it_is(world: World) -> None:
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "exact")


@case("40")
def test_a_hunk_that_moved_is_another_change_though_its_patch_id_is_equal(world: World) -> None:
    before = patch_id(world, "-U0")
    world.commit({"src/blocks.yaml": BLOCKS[::-1].replace("\n1", "\n9", 1)[::-1]})
    assert patch_id(world, "-U0") == before
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, "src/blocks.yaml changed after approval")


@case("40")
def test_other_white_space_is_another_change_though_its_patch_id_is_equal(world: World) -> None:
    before = patch_id(world)
    world.commit({"src/lib.py": "a\n  b\n"})
    assert patch_id(world) == before
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, "src/lib.py changed after approval")


def write(path: str | bytes, content: str | bytes, mode: int = 0o644) -> Callable[[World], object]:
    return lambda world: world.repo.write(path, content, mode=mode)


def move(old: str, new: str) -> Callable[[World], object]:
    return lambda world: world.repo.git("mv", old, new)


@case("41", "42", "43")
@pytest.mark.parametrize(
    ("act", "named"),
    [
        pytest.param(write("src/logo.png", b"\x89PNG\0\2"), "src/logo.png", id="binary"),
        pytest.param(write("src/run.sh", "echo\n", 0o755), "src/run.sh", id="executable"),
        pytest.param(write("src/link", "../db", 0o120000), "src/link", id="link"),
        pytest.param(write("src/run.sh", "echo\n", 0o120000), "src/run.sh", id="file to link"),
        pytest.param(lambda world: add_gitlink(world, "2" * 40), SUBMODULE, id="submodule"),
        pytest.param(move("src/run.sh", "src/ran.sh"), "src/ran.sh, src/run.sh", id="rename"),
        pytest.param(
            move("src/old.py", "src/new.py"), "src/new.py, src/old.py", id="rename of the target's"
        ),
        pytest.param(move("src/run.sh", "src/Run.sh"), "src/Run.sh, src/run.sh", id="case"),
        pytest.param(write("src/empty.py", ""), "src/empty.py", id="empty file"),
        pytest.param(write(b"src/\xff.py", "x"), "src/\\xff.py", id="not UTF-8"),
        pytest.param(lambda world: world.repo.remove("src/link"), "src/link", id="removal"),
    ],
)
def test_whatever_differs_in_the_tree_is_another_change(
    world: World, act: Callable[[World], object], named: str
) -> None:
    before = world.repo.tree()
    act(world)
    pushed = world.commit()
    assert world.repo.tree() != before
    decision = world.check()
    assert decision.outcome == "pending"
    stale(
        decision,
        f"{named} changed after approval".replace("changed changed", "changed"),
        pushed[:12],
    )


@case("43")
def test_git_itself_calls_such_a_rename_no_difference(world: World) -> None:
    # With rename detection, which our digest never uses, not one line is said to have changed.
    world.repo.git("mv", "src/run.sh", "src/ran.sh")
    world.commit()
    shown = world.repo.git("diff", "-M", "--numstat", "HEAD~1", "HEAD")
    assert shown == "0\t0\tsrc/{run.sh => ran.sh}"
    stale(world.check(), "src/ran.sh, src/run.sh changed after approval")


def test_the_same_tree_by_another_way_is_the_same_change(world: World) -> None:
    tree = world.repo.tree()
    world.commit({"src/lib.py": lines(_1="a detour")})
    world.commit({"src/lib.py": "a\nb\n"})
    assert world.repo.tree() == tree
    counts(world.check(), "same-content")


def test_attributes_of_the_head_do_not_hide_a_change(world: World) -> None:
    before = world.repo.tip()
    attributes = "src/lib.py -diff merge=union text eol=crlf\nsrc/** binary export-ignore\n"
    (world.repo.git_dir / "info").mkdir(exist_ok=True)
    (world.repo.git_dir / "info" / "attributes").write_text(attributes)
    world.commit({"src/lib.py": "a\nB\n"})
    stale(world.check(), "src/lib.py changed after approval")
    force(world, before)
    assert world.check().outcome == "allow"
