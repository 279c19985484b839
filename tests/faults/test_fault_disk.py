"""A full or read-only disk: nothing is half-written, and the end is neither pass nor refusal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.faulty import plain_ending, surroundings
from support.shell import GATE, run_gate
from support.world import CHG, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.heavy

CHECK = ("check", "--base", "main", "--head", "feature")
APPROVALS = "refs/heads/itil-gate-approvals"
LIMITS = (0, 150, 400, 4000)
"""Bytes that a file may have: each lets the command come further before it is stopped."""


def _limited(size: int, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("prlimit(1) is not here")
    return subprocess.run(
        [prlimit, f"--fsize={size}", GATE, *words],
        cwd=cwd,
        # Python itself does not notice when what it compiled is cut short.
        env=surroundings(cwd, {"PYTHONDONTWRITEBYTECODE": "1"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _approve(world: World, *more: str) -> tuple[str, ...]:
    head, key = world.repo.tip("feature"), str(world.keyring.bob.key)
    return ("approve", CHG, "--base", "main", "--head", head, "--key", key, "--yes", *more)


def _litter(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.suffix in (".tmp", ".lock")]


def _branch_is_whole(world: World) -> bool:
    """Tell whether a statement was filed; what is there must be whole."""
    world.repo.git("fsck", "--strict", "--no-dangling")
    if not (world.repo.git_dir / APPROVALS).exists():
        return False
    assert run_gate(*CHECK, cwd=world.repo.path).code == 0
    return True


def test_where_files_cannot_grow_an_approval_is_filed_whole_or_not_at_all(world: World) -> None:
    codes = []
    for size in LIMITS:
        done = _limited(size, *_approve(world), cwd=world.repo.path)
        codes.append(done.returncode)
        plain_ending(done.stderr)
        assert _branch_is_whole(world) == (done.returncode == 0), done.stderr
        assert not _litter(world.repo.path)
    assert codes[0] == 2
    assert codes[-1] == 0
    assert set(codes) == {0, 2}


def test_where_files_cannot_grow_a_file_is_whole_or_not_there(world: World) -> None:
    path = world.repo.path
    world.commit({"tools/run.sh": "true\n"})
    for size in LIMITS:
        for name, words in {
            "stored.json": (*CHECK, "--output", "out/stored.json"),
            "input.json": (*CHECK, "--export-input", "out/input.json"),
            "a.stmt": _approve(world, "--output", "out/a.stmt"),
            "new": ("new", "--yes", "--title", "x", "--reason", "x", "--output", "out/"),
        }.items():
            (path / "out").mkdir(exist_ok=True)
            done = _limited(size, *words, cwd=path)
            assert done.returncode in (0, 1, 2, 3)
            plain_ending(done.stderr)
            written = list((path / "out").iterdir())
            assert bool(written) == (done.returncode != 2), (size, name, done.stderr)
            if written and name.endswith(".json"):
                json.loads(written[0].read_bytes())
            shutil.rmtree(path / "out")


def test_an_adoption_cut_short_is_completed_by_the_next_one(world: World, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    for folder in (whole, tmp_path / "short"):
        folder.mkdir()
        world.repo.git("init", "--quiet", folder)
    assert run_gate("init", cwd=whole).code == 0
    for size in (300, 1500, 4000):
        done = _limited(size, "init", cwd=tmp_path / "short")
        assert done.returncode == 2
        assert "disk-full" in done.stderr
        plain_ending(done.stderr)
    assert run_gate("init", cwd=tmp_path / "short").code == 0
    names = {path.relative_to(whole) for path in whole.glob("[!.]*/**/*.y*ml")}
    for name in names:
        if name.parts[0] == "changes":
            continue
        there = (
            (tmp_path / "short" / name).read_text().replace("localhost/short", "localhost/whole")
        )
        assert there == (whole / name).read_text(), name
    assert not _litter(tmp_path / "short")


def test_a_demo_cut_short_leaves_nothing(tmp_path: Path) -> None:
    done = _limited(3000, "demo", "--dir", "play", cwd=tmp_path)
    assert done.returncode == 2
    plain_ending(done.stderr)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_in_the_folder_for_temporary_files(world: World, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    env = {"TMPDIR": str(tmp_path / "tmp")}
    assert run_gate(*CHECK, cwd=world.repo.path, env=env).code == 3
    assert run_gate(*_approve(world), cwd=world.repo.path, env=env).code == 0
    assert run_gate("check", "--base", "nowhere", cwd=world.repo.path, env=env).code == 2
    assert not list((tmp_path / "tmp").iterdir())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(disk: Path, *, left: int) -> None:
    """Fill the disk until so many pages are free."""
    (disk / "filler").unlink(missing_ok=True)
    free = os.statvfs(disk)
    pages = max(0, free.f_bavail - left)
    (disk / "filler").write_bytes(bytes(pages * free.f_frsize))


def _mounted(world: World, disk: Path) -> World:
    shutil.copytree(world.repo.path, disk / "repo", symlinks=True)
    return World(type(world.repo)(disk / "repo"), world.keyring, now=world.now)


def test_a_full_disk_takes_an_approval_whole_or_not_at_all(world: World, disk: Path) -> None:
    full = _mounted(world, disk)
    codes = []
    for left in (0, 1, 2, 4, 6, 40):
        _fill(disk, left=left)
        ran = run_gate(*_approve(full), cwd=full.repo.path)
        codes.append(ran.code)
        plain_ending(ran.err)
        (disk / "filler").unlink()
        assert _branch_is_whole(full) == (ran.code == 0), ran.err
        assert not _litter(full.repo.path)
    assert codes[0] == 2
    assert codes[-1] == 0


def test_a_full_disk_for_temporary_files_changes_no_outcome(world: World, disk: Path) -> None:
    for left in range(5):
        _fill(disk, left=left)
        ran = run_gate(*CHECK, cwd=world.repo.path, env={"TMPDIR": str(disk)})
        # Where not even one file can be written there, another folder is taken.
        assert ran.code in (2, 3), ran.err
        assert ran.code == 3 or "disk-full" in ran.err or "No space left" in ran.err
        plain_ending(ran.err)
        assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_read_only_repository_is_judged_and_not_written_to(
    world: World, disk: Path, tmp_path: Path
) -> None:
    fixed = _mounted(world, disk)
    words = _approve(fixed)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert run_gate(*CHECK, cwd=fixed.repo.path).code == 3
    ran = run_gate(*words, cwd=fixed.repo.path)
    assert ran.code == 2
    plain_ending(ran.err)
    statement = tmp_path / "a.stmt"
    assert run_gate(*words, "--output", statement, cwd=fixed.repo.path).code == 0
    for refused in (("init",), (*CHECK, "--output", "x.json"), ("import", str(statement))):
        ran = run_gate(*refused, cwd=fixed.repo.path)
        assert ran.code == 2, ran.err
        plain_ending(ran.err)


def test_a_read_only_remote_takes_no_push_and_the_approval_stays_here(
    world: World, disk: Path
) -> None:
    world.repo.git("clone", "--quiet", "--bare", world.repo.path, disk / "remote.git")
    world.repo.git("remote", "add", "origin", disk / "remote.git")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    ran = run_gate(*_approve(world, "--push", "origin"), cwd=world.repo.path)
    assert ran.code == 2
    assert "push-refused" in ran.err
    plain_ending(ran.err)
    assert run_gate(*CHECK, cwd=world.repo.path).code == 0
