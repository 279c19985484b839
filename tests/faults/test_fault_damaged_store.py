"""Objects that are damaged, wherever they lie, leave the change undecided and say so."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest
from support.faulty import plain_ending
from support.shell import run_gate
from support.weighing import weighed
from support.world import CHG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.world import World

CHECK = ("check", "--base", "main", "--head", "feature")
OBJECTS = {
    "configuration": "main:itil-gate.yaml",
    "policy": "main:policies/approvals.yaml",
    "people": "main:people.yaml",
    "request": f"feature:changes/2026/{CHG}.yaml",
    "tree of the target": "main^{tree}",
    "tree of the head": "feature^{tree}",
    "folder of the head": "feature:src",
    "commit of the target": "main",
    "commit of the head": "feature",
    "statement's folder": f"itil-gate-approvals:{CHG}",
    "tip of the approvals": "itil-gate-approvals",
}


def _flip(data: bytes) -> bytes:
    """Return other bytes of the same length that still are an object, of another id."""
    whole = bytearray(zlib.decompress(data))
    whole[-1] ^= 1
    return zlib.compress(bytes(whole))


REFS = ("", "hello\n", "0" * 40 + "\n", "f" * 40 + "\n", "ref: refs/x\n")
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "not compressed": lambda _: b"hello",
    "of another id": _flip,
    "of an absurd size": lambda _: zlib.compress(b"blob 99999999999999999999\0x"),
}


def _file(world: World, name: str) -> Path:
    oid = world.repo.tip(name)
    return world.repo.git_dir / "objects" / oid[:2] / oid[2:]


@pytest.mark.parametrize("thing", weighed(OBJECTS, "people", "request", "statement's folder"))
def test_a_damaged_object_leaves_the_change_undecided(world: World, thing: str) -> None:
    world.approve("bob")
    file = _file(world, OBJECTS[thing])
    sound = file.read_bytes()
    file.chmod(0o644)
    for kind in ("empty", "of another id") if thing != "policy" else tuple(DAMAGE):
        file.write_bytes(DAMAGE[kind](sound))
        ran = run_gate(*CHECK, cwd=world.repo.path)
        assert ran.code == 2, (thing, kind, ran.out)
        plain_ending(ran.err)
    file.write_bytes(sound)
    assert run_gate(*CHECK, cwd=world.repo.path).code == 0


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.98])
def test_a_pack_cut_short_leaves_the_change_undecided(world: World, keep: float) -> None:
    world.repo.git("repack", "-adq")
    world.repo.git("prune-packed")
    (pack,) = (world.repo.git_dir / "objects/pack").glob("*.pack")
    pack.chmod(0o644)
    data = pack.read_bytes()
    pack.write_bytes(data[: int(len(data) * keep)])
    ran = run_gate(*CHECK, cwd=world.repo.path)
    assert ran.code == 2
    plain_ending(ran.err)


@pytest.mark.parametrize("text", weighed(REFS, "hello\n", "ref: refs/x\n"))
@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/itil-gate-approvals"])
def test_a_ref_that_holds_no_commit_leaves_the_change_undecided(
    world: World, ref: str, text: str
) -> None:
    world.approve("bob")
    (world.repo.git_dir / ref).write_text(text)
    ran = run_gate(*CHECK, cwd=world.repo.path)
    plain_ending(ran.err)
    # A symbolic ref to nothing is a branch that is not there.
    gone = text.startswith("ref:") and ref.endswith("approvals")
    assert ran.code == (3 if gone else 2), (ran.out, ran.err)
